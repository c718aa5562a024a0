/*
 * A file from the cloud, chunk by chunk: chunked_transfer.cpp, spark_protocol.cpp, and
 * Spark_Prepare_For_Firmware_Update() with its neighbours in system_update.cpp.
 *
 * In the firmware the map of chunks lies at the end of the message buffer, where a long message
 * overwrites it; here it has its own place, and a file with more chunks than that map can have is
 * refused.
 */
#include "system/cloud/session.h"

#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "bytes.h"
#include "system/describe/describe.h"
#include "system/describe/text.h"
#include "system/update/update.h"

enum {
    TOKEN_AT = 4,
    OPTIONS_AT = 7,
    BEGIN_LENGTH = 20,
    MARKER = 0xFF,
    FAST = 0x01,
    FIRMWARE = 0, /* FileTransfer::Store */
    DEFAULT_CHUNK = 512,
    MAX_CHUNKS = 65535,
    NO_CHUNK = 65535,
    IDLE = 3000,
    MINIMUM_INCREASE = 2,
    VERDICT_LIMIT = 254,
    RESULT_WAIT = 1000, /* HAL_Delay_Milliseconds() in finish_ota_firmware_update() @ v0.6.1 */
};

static uint16_t get16(const uint8_t *from)
{
    return (uint16_t)(from[0] << 8 | from[1]);
}

/* FileTransfer::Descriptor::chunk_count() */
static uint32_t chunk_count(const struct vp_transfer_state *transfer)
{
    return transfer->chunk_size
               ? (uint32_t)(((uint64_t)transfer->file_length + transfer->chunk_size - 1) /
                            transfer->chunk_size)
               : 0;
}

/* ---- The map -------------------------------------------------------------------------------- */

static bool is_received(const struct vp_transfer_state *transfer, uint32_t index)
{
    return transfer->received[index >> 3] & 1u << (index & 7);
}

static uint32_t next_missing(const struct vp_transfer_state *transfer, uint32_t index)
{
    const uint32_t count = chunk_count(transfer);
    while (index < count && is_received(transfer, index)) {
        index++;
    }
    return index < count ? index : NO_CHUNK;
}

/* ---- Asking for what is missing -------------------------------------------------------------- */

static bool ask_for_missing(struct vp_system *system, unsigned limit)
{
    struct vp_session *session = system->cloud.session;
    struct vp_transfer_state *transfer = &session->transfer;
    const struct vp_transfer_rules *rules = session->rules->transfer;
    uint8_t bytes[VP_SESSION_BUFFER];
    struct vp_coap_writer writer;
    unsigned sent = 0;
    vp_coap_begin(&writer, bytes, sizeof bytes,
                  rules->plain_request && !session->reliable ? VP_COAP_NON_CONFIRMABLE
                                                             : VP_COAP_CONFIRMABLE,
                  VP_COAP_GET, 0, NULL, 0);
    vp_coap_add_text(&writer, VP_COAP_URI_PATH, "c");
    for (uint32_t index = next_missing(transfer, 0); index != NO_CHUNK && sent < limit;
         index = next_missing(transfer, index + 1)) {
        const uint8_t pair[] = {(uint8_t)(index >> 8), (uint8_t)index};
        vp_coap_add_payload(&writer, pair, sizeof pair);
        transfer->last_asked = (uint16_t)index;
        sent++;
    }
    return sent == 0 || vp_session_send(system, bytes, vp_coap_finish(&writer),
                                        rules->waits_for_ack ? VP_SEND_AND_WAIT : VP_SEND_NEW);
}

/* ChunkedTransfer::idle() */
bool vp_session_ask_again(struct vp_system *system)
{
    struct vp_session *session = system->cloud.session;
    struct vp_transfer_state *transfer = &session->transfer;
    const struct vp_transfer_rules *rules = session->rules->transfer;
    if (transfer->updating != 2 || !rules->asks_again || session->waiting >= 0 ||
        session->now - transfer->last_chunk <= IDLE) {
        return true;
    }
    transfer->last_chunk = session->now;
    return ask_for_missing(system, rules->missing_limit);
}

static bool ask_as_much_as_came(struct vp_system *system)
{
    struct vp_session *session = system->cloud.session;
    const struct vp_transfer_rules *rules = session->rules->transfer;
    uint32_t limit = rules->missing_limit;
    if (rules->missing_by_success) {
        const uint32_t count = session->transfer.count;
        const uint32_t increase = count / 5 > MINIMUM_INCREASE ? count / 5 : MINIMUM_INCREASE;
        limit = count + increase < limit ? count + increase : limit;
        session->transfer.count = 0;
    }
    return ask_for_missing(system, limit);
}

/* ---- The beginning --------------------------------------------------------------------------- */

/* UpdateBegin, or the older form without numbers. @return flags */
static uint8_t read_begin(const struct vp_system *system, const struct vp_incoming *message,
                          struct vp_transfer_state *transfer)
{
    const uint8_t *bytes = message->bytes;
    uint8_t flags = 0;
    *transfer = (struct vp_transfer_state){.firmware = true};
    if (message->length >= BEGIN_LENGTH && bytes[7] == MARKER) {
        flags = bytes[8];
        transfer->chunk_size = get16(bytes + 9);
        transfer->file_length = vp_get_be32(bytes + 11);
        transfer->firmware = bytes[15] == FIRMWARE;
        transfer->address = vp_get_be32(bytes + 16);
    }
    if (transfer->firmware && transfer->chunk_size == 0) {
        transfer->chunk_size = DEFAULT_CHUNK;
        transfer->file_length = vp_update_area_size(system);
    }
    return flags;
}

static bool refuse(struct vp_system *system, const struct vp_incoming *message)
{
    const uint8_t code = system->cloud.session->rules->transfer->refusal;
    const bool token = code != VP_COAP_BAD_REQUEST && code >= VP_COAP_BAD_REQUEST;
    return vp_session_acknowledge(system, message, code, token ? message->bytes + TOKEN_AT : NULL,
                                  NULL);
}

/* The firmware erases from the given address on; here the area is erased from its start. */
static void open_door(struct vp_system *system, const struct vp_transfer_state *transfer)
{
    const uint64_t end = (uint64_t)transfer->address + transfer->file_length;
    vp_update_cancel(system);
    vp_update_begin_unchecked(system,
                              transfer->firmware && end < UINT32_MAX ? (uint32_t)end : UINT32_MAX);
}

bool vp_session_begin_transfer(struct vp_system *system, const struct vp_incoming *message)
{
    struct vp_session *session = system->cloud.session;
    struct vp_transfer_state *transfer = &session->transfer;
    const uint8_t flags = read_begin(system, message, transfer) & FAST;
    const uint32_t count = chunk_count(transfer);
    if (count >= MAX_CHUNKS || (count + 7) / 8 > session->rules->buffer) {
        *transfer = (struct vp_transfer_state){0};
        return refuse(system, message);
    }
    if (!vp_session_acknowledge(system, message, VP_COAP_EMPTY, NULL, NULL)) {
        return false;
    }
    open_door(system, transfer);
    transfer->last_chunk = session->now;
    transfer->updating = 1;
    memset(transfer->received, flags ? 0 : 0xFF, (count + 7) / 8);
    return vp_session_respond(system, message->bytes[TOKEN_AT], VP_COAP_CHANGED, &flags, 1,
                              session->rules->transfer->waits_for_ack ? VP_SEND_AND_WAIT
                                                                      : VP_SEND_NEW);
}

/* ---- The end --------------------------------------------------------------------------------- */

/* formatOtaUpdateStatusEventData(): up to 1.5.x with the module, then only a number. */
static char *verdict_text(struct vp_system *system)
{
    struct vp_update_result result;
    struct vp_text text = {0};
    vp_update_validate(system, &result);
    if (system->cloud.session->rules->transfer->knows_reason) {
        vp_text_add(&text, "{\"r\":%d}", result.code);
    } else {
        vp_text_add(&text, "{\"r\":\"%s\",\"u\":", result.code ? "error" : "ok");
        vp_system_describe_update(system, &text);
        vp_text_add(&text, "}");
    }
    char *made = vp_text_finish(&text);
    if (made && strlen(made) > VERDICT_LIMIT) {
        made[VERDICT_LIMIT] = '\0';
    }
    return made;
}

/* Spark_Finish_Firmware_Update(): the chip is reset, whatever came of it. */
static bool finish(struct vp_system *system)
{
    struct vp_session *session = system->cloud.session;
    const struct vp_transfer_rules *rules = session->rules->transfer;
    const bool firmware = session->transfer.firmware || !session->transfer.updating;
    struct vp_update_result result;
    bool sent = true;
    session->transfer.updating = 0;
    if (!firmware) {
        vp_update_cancel(system);
        return true;
    }
    char *text = rules->result_event ? verdict_text(system) : NULL;
    vp_update_finish(system, &result);
    system->reset_reason = rules->knows_reason ? VP_RESET_REASON_UPDATE : VP_RESET_REASON_USER;
    if (rules->result_event) {
        sent = text && vp_session_publish(system, "spark/device/ota_result", text);
    }
    free(text);
    return sent;
}

static void reset(struct vp_system *system)
{
    const bool waits = system->cloud.session->rules->transfer->result_event;
    if (!system->update.begun && system->cloud.session->transfer.firmware) {
        vp_system_reset(system, VP_SYSTEM_PLAIN_RESET, waits ? RESULT_WAIT : 0);
    }
}

/* UpdateDone of the device itself: all chunks that it asked for are there. */
static bool end_by_itself(struct vp_system *system)
{
    struct vp_session *session = system->cloud.session;
    const struct vp_transfer_rules *rules = session->rules->transfer;
    uint8_t bytes[VP_SESSION_BUFFER];
    struct vp_coap_writer writer;
    char *verdict = rules->verdict ? verdict_text(system) : NULL;
    vp_coap_begin(&writer, bytes, sizeof bytes,
                  session->reliable ? VP_COAP_CONFIRMABLE : VP_COAP_NON_CONFIRMABLE,
                  rules->posts_done ? VP_COAP_POST : VP_COAP_PUT, 0, NULL, 0);
    vp_coap_add_text(&writer, VP_COAP_URI_PATH, "u");
    if (verdict) {
        vp_coap_add_payload(&writer, verdict, strlen(verdict));
    }
    free(verdict);
    bool sent = finish(system);
    if (!rules->resets_in_between) {
        sent = sent && vp_session_send(system, bytes, vp_coap_finish(&writer), VP_SEND_NEW);
    }
    reset(system);
    return sent;
}

/* Nothing was begun: spark_protocol.cpp checks and applies whatever lies in the OTA area. */
static bool end_nothing(struct vp_system *system)
{
    struct vp_session *session = system->cloud.session;
    if (session->rules->layered) {
        return session->rules->transfer->stray_chunk == VP_STRAY_IGNORED;
    }
    vp_update_cancel(system);
    vp_update_begin_unchecked(system, 0);
    session->transfer.firmware = true;
    const bool sent = finish(system);
    reset(system);
    return sent;
}

bool vp_session_end_transfer(struct vp_system *system, const struct vp_incoming *message)
{
    struct vp_session *session = system->cloud.session;
    struct vp_transfer_state *transfer = &session->transfer;
    const bool missing = next_missing(transfer, 0) != NO_CHUNK;
    char *verdict = session->rules->transfer->verdict && !missing ? verdict_text(system) : NULL;
    const bool sent =
        vp_session_acknowledge(system, message, missing ? VP_COAP_BAD_REQUEST : VP_COAP_CHANGED,
                               message->bytes + TOKEN_AT, verdict);
    free(verdict);
    if (!sent) {
        return false;
    }
    if (!transfer->updating && (!missing || session->rules->layered)) {
        return end_nothing(system);
    }
    if (missing) {
        transfer->updating = 2;
        transfer->last_chunk = session->now;
        return ask_as_much_as_came(system);
    }
    const bool finished = finish(system);
    reset(system);
    return finished;
}

void vp_session_cancel_transfer(struct vp_system *system)
{
    struct vp_session *session = system->cloud.session;
    if (session && session->transfer.updating) {
        session->transfer.updating = 0;
        vp_update_cancel(system);
    }
}

/* ---- Chunks -----------------------------------------------------------------------------------
 */

/* What a chunk says of itself. */
struct chunk {
    const uint8_t *data;
    size_t length;
    uint32_t crc;
    bool fast; /* it has an index */
    uint16_t index;
};

/* Bare options, told apart by their order. @return false if they never end */
static bool read_chunk(const struct vp_incoming *message, struct chunk *chunk)
{
    size_t at = OPTIONS_AT;
    *chunk = (struct chunk){0};
    for (unsigned option = 0;; option++) {
        if (!vp_incoming_has(message, at) || at > UINT8_MAX) {
            return false;
        }
        if (message->bytes[at] == MARKER) {
            break;
        }
        if (option == 0 && vp_incoming_has(message, at + 4)) {
            chunk->crc = vp_get_be32(message->bytes + at + 1);
        } else if (option == 1 && vp_incoming_has(message, at + 2)) {
            chunk->index = get16(message->bytes + at + 1);
            chunk->fast = true;
        } else if (option < 2) {
            return false;
        }
        at += (message->bytes[at] & 0xFu) + 1;
    }
    chunk->data = message->bytes + at + 1;
    chunk->length = at < message->length ? message->length - at - 1 : 0;
    return true;
}

/* Spark_Save_Firmware_Chunk(); nobody asks whether it worked. */
static void save(struct vp_system *system, const struct chunk *chunk, uint32_t index)
{
    const struct vp_transfer_state *transfer = &system->cloud.session->transfer;
    const uint64_t offset = (uint64_t)transfer->address + (uint64_t)index * transfer->chunk_size;
    system->update.silent_ms = 0;
    if (transfer->firmware && offset <= UINT32_MAX) {
        vp_update_write(system, (uint32_t)offset, chunk->data, (uint32_t)chunk->length);
    }
}

static bool answer_chunk(struct vp_system *system, const struct vp_incoming *message, bool good)
{
    return vp_session_respond(system, message->bytes[TOKEN_AT],
                              good ? VP_COAP_CHANGED : VP_COAP_BAD_REQUEST, NULL, 0, VP_SEND_NEW);
}

/* Once missing chunks are asked for: go on asking, or end it. */
static bool go_on_asking(struct vp_system *system)
{
    struct vp_session *session = system->cloud.session;
    const struct vp_transfer_rules *rules = session->rules->transfer;
    const uint32_t missing = next_missing(&session->transfer, 0);
    if (session->transfer.updating != 2 || !rules->asks_again) {
        return true;
    }
    if (missing == NO_CHUNK) {
        return end_by_itself(system);
    }
    return missing <= session->transfer.last_asked || ask_for_missing(system, rules->missing_limit);
}

static bool take_good(struct vp_system *system, const struct vp_incoming *message,
                      const struct chunk *chunk)
{
    struct vp_session *session = system->cloud.session;
    struct vp_transfer_state *transfer = &session->transfer;
    const bool answers =
        !chunk->fast || (session->rules->transfer->answers_fast_chunks && transfer->updating != 2);
    save(system, chunk, transfer->index);
    transfer->received[transfer->index >> 3] |= (uint8_t)(1u << (transfer->index & 7));
    transfer->index++;
    if (answers && !answer_chunk(system, message, true)) {
        return false;
    }
    return go_on_asking(system);
}

static bool take_in(struct vp_system *system, const struct vp_incoming *message,
                    const struct chunk *chunk)
{
    struct vp_session *session = system->cloud.session;
    struct vp_transfer_state *transfer = &session->transfer;
    if (chunk->fast) {
        transfer->index = chunk->index;
    }
    if (transfer->index >> 3 >= sizeof transfer->received) {
        /* MAX_CHUNKS is an error of spark_protocol.cpp; below that the firmware sets a bit in
         * whatever lies there. */
        return session->rules->layered || transfer->index < MAX_CHUNKS;
    }
    if (chunk->fast && session->rules->transfer->skips_duplicates &&
        is_received(transfer, transfer->index)) {
        return true;
    }
    const uLong crc = crc32(crc32(0, NULL, 0), chunk->data, (uInt)chunk->length);
    if (crc != chunk->crc) {
        return chunk->fast || answer_chunk(system, message, false);
    }
    return take_good(system, message, chunk);
}

bool vp_session_take_chunk(struct vp_system *system, const struct vp_incoming *message)
{
    struct vp_session *session = system->cloud.session;
    const struct vp_transfer_rules *rules = session->rules->transfer;
    struct chunk chunk;
    session->transfer.last_chunk = session->now;
    session->transfer.count++;
    if (rules->answers_fast_chunks &&
        !vp_session_acknowledge(system, message, VP_COAP_EMPTY, NULL, NULL)) {
        return false;
    }
    if (!session->transfer.updating) {
        return rules->stray_chunk == VP_STRAY_IGNORED;
    }
    if (!read_chunk(message, &chunk)) {
        return true;
    }
    if (!rules->answers_fast_chunks && !chunk.fast &&
        !vp_session_acknowledge(system, message, VP_COAP_EMPTY, NULL, NULL)) {
        return false;
    }
    return take_in(system, message, &chunk);
}
