/* The chunk protocol, as a cloud speaks it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "cloud/jobs/job.h"

enum {
    FAST = 1,              /* UpdateBegin's flag, and UpdateReady's */
    BEGIN_SIZE = 12,       /* bytes of UpdateBegin's payload */
    BEGIN_TIMEOUT = 90000, /* ms: the application may delay an update by 30 s (system_update.cpp @
                              v0.7.0); Flasher.js waits as long in the end */
    SILENCE = 60000,       /* ms without a word of the device: Flasher.js gives up after as long */
    OWN_WORD = 1000,       /* ms that the device gets to say UpdateDone by itself. Assumption */
    ROUNDS = 30,           /* without progress. Assumption */
    CHUNK_ROOM = 1100,
};

/* How fast chunks are sent. Nothing public says it. */
static const struct pace {
    uint32_t burst; /* chunks */
    uint32_t pause; /* ms after them */
    const char *source;
} paces[] = {
    [VP_LINK_TCP] = {16, 80, "Assumption: 100 kB/s"},
    [VP_LINK_UDP] = {1, 40, "Assumption: 12.8 kB/s, so that 2G can follow"},
};

static uint64_t now_of(const struct cloud_connection *connection)
{
    return vp_device_time(connection->device);
}

static void fail(struct cloud_connection *connection, struct cloud_job *job, const char *why)
{
    job_end(connection, job, VP_CLOUD_JOB_FAILED, why);
}

/* ---- Chunks --------------------------------------------------------------------------------- */

static size_t chunk_at(const struct cloud_job *job, uint32_t index, const uint8_t **bytes)
{
    const size_t start = (size_t)index * job->chunk_size;
    const size_t left = job->image->size - start;
    *bytes = job->image->bytes + start;
    return left < job->chunk_size ? left : job->chunk_size;
}

/* The last one is sent as short as it is: Flasher.js fills it up for firmware of 2014. */
static void send_fast_chunk(struct cloud_connection *connection, struct cloud_job *job,
                            uint32_t index)
{
    uint8_t message[CHUNK_ROOM], sum[4];
    const uint8_t *bytes;
    const size_t length = chunk_at(job, index, &bytes);
    vp_put_be32(sum, cloud_image_sum(job->image, job->chunk_size, index));
    const uint8_t place[2] = {(uint8_t)(index >> 8), (uint8_t)index};
    const uint8_t token = 0;
    struct vp_coap_writer writer;
    vp_coap_begin(&writer, message, sizeof message, VP_COAP_NON_CONFIRMABLE, VP_COAP_POST,
                  cloud_exchange_next_id(&connection->exchange), &token, 1);
    vp_coap_add_text(&writer, VP_COAP_URI_PATH, "c");
    vp_coap_add_option(&writer, VP_COAP_URI_QUERY, sum, sizeof sum);
    vp_coap_add_option(&writer, VP_COAP_URI_QUERY, place, sizeof place);
    vp_coap_add_payload(&writer, bytes, length);
    cloud_connection_send(connection, message, vp_coap_finish(&writer));
}

static bool on_chunk_answer(struct cloud_connection *connection, void *context, int error,
                            const struct vp_coap_message *answer);

static void send_slow_chunk(struct cloud_connection *connection, struct cloud_job *job)
{
    uint8_t sum[4];
    const uint8_t *bytes;
    const size_t length = chunk_at(job, job->at, &bytes);
    vp_put_be32(sum, cloud_image_sum(job->image, job->chunk_size, job->at));
    const struct cloud_question question = {
        .code = VP_COAP_POST,
        .path = "c",
        .query = sum,
        .query_length = sizeof sum,
        .payload = bytes,
        .payload_length = length,
        .wants = CLOUD_WANTS_RESPONSE,
        .timeout = SILENCE,
    };
    if (cloud_exchange_ask(connection, &question, on_chunk_answer, job)) {
        fail(connection, job, "a chunk could not be sent");
    }
}

static void send_done(struct cloud_connection *connection, struct cloud_job *job);

/* Slow: the device counts the chunks itself, so the next one goes only after this one's answer. */
static bool on_chunk_answer(struct cloud_connection *connection, void *context, int error,
                            const struct vp_coap_message *answer)
{
    struct cloud_job *job = context;
    if (error == VP_ERROR_INVALID && answer && answer->type != VP_COAP_RESET &&
        ++job->rounds < ROUNDS) {
        job->repeated++; /* its checksum was wrong */
        send_slow_chunk(connection, job);
        return false;
    }
    if (error) {
        if (error != VP_ERROR_NOT_FOUND) {
            fail(connection, job, "the device did not take a chunk");
        }
        return false;
    }
    job->rounds = 0;
    job->sent++;
    job->at++;
    if (job->at < job->chunks) {
        send_slow_chunk(connection, job);
    } else {
        send_done(connection, job);
    }
    return false;
}

/* ---- Begin ---------------------------------------------------------------------------------- */

static bool on_ready(struct cloud_connection *connection, void *context, int error,
                     const struct vp_coap_message *answer)
{
    struct cloud_job *job = context;
    if (error) {
        if (error == VP_ERROR_INVALID) {
            fail(connection, job, "the device refuses the update");
        } else if (error == VP_ERROR_BUSY) {
            fail(connection, job, "the device did not say that it is ready");
        }
        return false;
    }
    job->at = 0;
    job->due = now_of(connection);
    job->stage = answer->payload_length > 0 && answer->payload[0] & FAST ? JOB_CHUNKS : JOB_CHUNK;
    if (job->stage == JOB_CHUNK) {
        send_slow_chunk(connection, job);
    }
    return false;
}

void job_begin(struct cloud_connection *connection, struct cloud_job *job)
{
    uint8_t payload[BEGIN_SIZE] = {
        FAST,
        (uint8_t)(job->chunk_size >> 8),
        (uint8_t)job->chunk_size,
        0,
        0,
        0,
        0,
        0 /* firmware */,
        0,
        0,
        0,
        0,
    };
    vp_put_be32(payload + 3, job->size);
    const struct cloud_question question = {
        .code = VP_COAP_POST,
        .path = "u",
        .payload = payload,
        .payload_length = sizeof payload,
        .wants = CLOUD_WANTS_RESPONSE,
        .timeout = BEGIN_TIMEOUT,
    };
    job->stage = JOB_BEGIN;
    job->heard = now_of(connection);
    if (cloud_exchange_ask(connection, &question, on_ready, job)) {
        fail(connection, job, "the update could not be begun");
    }
}

/* ---- The end of it ------------------------------------------------------------------------------
 */

void job_done(struct cloud_connection *connection, struct cloud_job *job, const uint8_t *result,
              size_t length)
{
    char text[sizeof job->why];
    snprintf(text, sizeof text, "%.*s", (int)length, result ? (const char *)result : "");
    connection->expects_restart = true; /* "always restart for now" (system_update.cpp @ v0.7.0) */
    job_end(connection, job, VP_CLOUD_JOB_SENT, text);
}

/* 2.04: it has all. 4.00: it misses some, and says which in a message of its own. 1.2.0 and later
 * only ask when they get an UpdateDone; older ones ask on their own, too. */
static bool on_done(struct cloud_connection *connection, void *context, int error,
                    const struct vp_coap_message *answer)
{
    struct cloud_job *job = context;
    if (!error) {
        job_done(connection, job, answer->payload, answer->payload_length);
    } else if (error == VP_ERROR_INVALID && job->stage == JOB_DONE) {
        job->stage = JOB_WAIT;
        job->due = now_of(connection) + OWN_WORD;
        if (++job->rounds >= ROUNDS) {
            fail(connection, job, "the device misses chunks, and does not take them");
        }
    } else if (error == VP_ERROR_BUSY && job->stage == JOB_DONE) {
        fail(connection, job, "the device did not say whether it has everything");
    }
    return false;
}

static void send_done(struct cloud_connection *connection, struct cloud_job *job)
{
    const struct cloud_question question = {
        .code = VP_COAP_PUT,
        .path = "u",
        .wants = CLOUD_WANTS_RESPONSE,
        .timeout = SILENCE,
    };
    cloud_exchange_forget(&connection->exchange, on_done, job);
    job->stage = JOB_DONE;
    if (cloud_exchange_ask(connection, &question, on_done, job)) {
        fail(connection, job, "UpdateDone could not be sent");
    }
}

static void request_chunk(struct cloud_job *job, uint32_t index)
{
    uint8_t *byte = &job->requested[index / 8];
    const uint8_t bit = (uint8_t)(1 << index % 8);
    if (*byte & bit) {
        return;
    }
    *byte |= bit;
    job->missing++;
}

void job_missed(struct cloud_connection *connection, struct cloud_job *job, const uint8_t *indexes,
                size_t length)
{
    if (job->stage != JOB_DONE && job->stage != JOB_WAIT && job->stage != JOB_RESEND) {
        return; /* all of it is still on its way */
    }
    if (++job->rounds >= ROUNDS) {
        fail(connection, job, "the device asks for the same chunks again and again");
        return;
    }
    for (size_t i = 0; i + 1 < length; i += 2) {
        const uint32_t index = (uint32_t)indexes[i] << 8 | indexes[i + 1];
        if (index < job->chunks) {
            request_chunk(job, index);
        }
        if (i == 0 && index > job->lowest) { /* all before it are there by now: progress */
            job->lowest = index;
            job->rounds = 0;
        }
    }
    if (job->missing > 0) {
        job->stage = JOB_RESEND;
        job->at = 0;
        job->due = now_of(connection);
    }
}

/* ---- Time ----------------------------------------------------------------------------------- */

static void after_chunk(struct cloud_connection *connection, struct cloud_job *job, uint64_t now)
{
    const struct pace *pace = &paces[connection->air.transport];
    if (job->burst == 0) {
        job->burst = pace->burst;
    }
    if (--job->burst == 0) {
        job->due = now + pace->pause;
    }
}

static void tick_chunks(struct cloud_connection *connection, struct cloud_job *job, uint64_t now)
{
    if (job->at == job->chunks) {
        send_done(connection, job);
        return;
    }
    send_fast_chunk(connection, job, job->at++);
    job->sent++;
    after_chunk(connection, job, now);
}

static void tick_resend(struct cloud_connection *connection, struct cloud_job *job, uint64_t now)
{
    while (job->at < job->chunks && !(job->requested[job->at / 8] & 1 << job->at % 8)) {
        job->at++;
    }
    if (job->at == job->chunks) {
        job->stage = JOB_WAIT;
        job->due = now + OWN_WORD;
        return;
    }
    job->requested[job->at / 8] &= (uint8_t) ~(1 << job->at % 8);
    job->missing--;
    job->repeated++;
    send_fast_chunk(connection, job, job->at++);
    after_chunk(connection, job, now);
}

bool job_tick(struct cloud_connection *connection, struct cloud_job *job, uint64_t now)
{
    if (job->stage == JOB_UNSURE) {
        if (now < job->due) {
            return false;
        }
        fail(connection, job, "the connection was lost before the device said that it has all");
        return true;
    }
    if (now >= job->heard + SILENCE && job->stage != JOB_BEGIN) {
        fail(connection, job, "the device has fallen silent");
        return true;
    }
    if (now < job->due) {
        return false;
    }
    switch (job->stage) {
    case JOB_CHUNKS:
        tick_chunks(connection, job, now);
        return true;
    case JOB_RESEND:
        tick_resend(connection, job, now);
        return true;
    case JOB_WAIT:
        send_done(connection, job);
        return true;
    default:
        return false;
    }
}

int64_t job_deadline(const struct cloud_job *job, uint64_t now)
{
    uint64_t due = job->heard + SILENCE;
    const bool acts =
        job->stage == JOB_CHUNKS || job->stage == JOB_RESEND || job->stage == JOB_WAIT;
    if (job->stage == JOB_BEGIN) {
        return -1; /* the request's own */
    }
    if (job->stage == JOB_UNSURE || (acts && job->due < due)) {
        due = job->due;
    }
    return due > now ? (int64_t)(due - now) : 0;
}
