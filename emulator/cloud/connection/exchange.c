#include "cloud/connection/exchange.h"

#include <stdlib.h>
#include <string.h>

#include "cloud/core.h"

enum {
    ACK_TIMEOUT = 2000, /* ms; RFC 7252 section 4.8 */
    ACK_RANDOM = 1000,  /* ms; ACK_RANDOM_FACTOR 1.5 */
    MAX_RETRANSMIT = 4,
    MESSAGE_ROOM = 1400,
};

uint16_t cloud_exchange_next_id(struct cloud_exchange *exchange)
{
    return ++exchange->last_id;
}

static bool token_is_open(const struct cloud_exchange *exchange, uint8_t token)
{
    for (unsigned i = 0; i < CLOUD_REQUESTS; i++) {
        if (exchange->requests[i].used && exchange->requests[i].token == token) {
            return true;
        }
    }
    return false;
}

static uint8_t next_token(struct cloud_exchange *exchange)
{
    do {
        exchange->last_token = exchange->last_token == UINT8_MAX ? 1 : exchange->last_token + 1;
    } while (token_is_open(exchange, exchange->last_token));
    return exchange->last_token;
}

static struct cloud_request *free_request(struct cloud_exchange *exchange)
{
    for (unsigned i = 0; i < CLOUD_REQUESTS; i++) {
        if (!exchange->requests[i].used) {
            return &exchange->requests[i];
        }
    }
    return NULL;
}

/* An empty request is a ping: it has neither token nor path. */
static size_t write_question(const struct cloud_question *question, uint16_t id, uint8_t token,
                             uint8_t bytes[MESSAGE_ROOM])
{
    struct vp_coap_writer writer;
    vp_coap_begin(&writer, bytes, MESSAGE_ROOM, VP_COAP_CONFIRMABLE, question->code, id, &token,
                  question->code == VP_COAP_EMPTY ? 0 : 1);
    if (question->path) {
        vp_coap_add_text(&writer, VP_COAP_URI_PATH, question->path);
    }
    if (question->name) {
        vp_coap_add_text(&writer, VP_COAP_URI_PATH, question->name);
    }
    if (question->query) {
        vp_coap_add_option(&writer, VP_COAP_URI_QUERY, question->query, question->query_length);
    }
    if (question->payload) {
        vp_coap_add_payload(&writer, question->payload, question->payload_length);
    }
    return vp_coap_finish(&writer);
}

static bool keep_bytes(struct cloud_connection *connection, struct cloud_request *request,
                       const uint8_t *bytes, size_t length)
{
    if (connection->air.transport == VP_LINK_TCP) {
        return true;
    }
    request->bytes = malloc(length);
    if (!request->bytes) {
        return false;
    }
    memcpy(request->bytes, bytes, length);
    request->length = length;
    request->timeout = ACK_TIMEOUT + cloud_random_next(&connection->random) % (ACK_RANDOM + 1);
    request->again = request->sent + request->timeout;
    return true;
}

int cloud_exchange_ask(struct cloud_connection *connection, const struct cloud_question *question,
                       cloud_done done, void *context)
{
    struct cloud_exchange *exchange = &connection->exchange;
    struct cloud_request *request = free_request(exchange);
    if (!request) {
        return VP_ERROR_BUSY;
    }
    uint8_t bytes[MESSAGE_ROOM];
    const uint8_t token = next_token(exchange);
    const uint16_t id = cloud_exchange_next_id(exchange);
    const size_t length = write_question(question, id, token, bytes);
    if (length == 0) {
        return VP_ERROR_INVALID;
    }
    const uint64_t now = vp_device_time(connection->device);
    *request = (struct cloud_request){
        .wants = question->wants,
        .id = id,
        .token = token,
        .sent = now,
        .until = now + (question->timeout ? question->timeout : CLOUD_ANSWER_TIMEOUT),
        .done = done,
        .context = context,
    };
    if (!keep_bytes(connection, request, bytes, length)) {
        return VP_ERROR_NO_MEMORY;
    }
    request->used = true;
    cloud_connection_send(connection, bytes, length);
    return 0;
}

/* ---- Answers -------------------------------------------------------------------------------- */

/* The place is free before anybody is called: who is called may ask again. */
static void end_request(struct cloud_connection *connection, struct cloud_request *request,
                        int error, const struct vp_coap_message *answer)
{
    struct cloud_request ended = *request;
    request->used = false;
    request->bytes = NULL;
    if (ended.done(connection, ended.context, error, answer) && !request->used) {
        *request = ended;
        request->acked = true;
        request->again = 0;
        return;
    }
    free(ended.bytes);
}

static void respond(struct cloud_connection *connection, struct cloud_request *request,
                    const struct vp_coap_message *message)
{
    const bool refused = message->type == VP_COAP_RESET || message->code >= VP_COAP_CODE(4, 0);
    end_request(connection, request, refused ? VP_ERROR_INVALID : 0, message);
}

static bool answered_by_id(struct cloud_connection *connection,
                           const struct vp_coap_message *message)
{
    for (unsigned i = 0; i < CLOUD_REQUESTS; i++) {
        struct cloud_request *request = &connection->exchange.requests[i];
        if (!request->used || request->id != message->id) {
            continue;
        }
        request->acked = true;
        request->again = 0;
        const bool is_answer = message->type == VP_COAP_RESET || message->code != VP_COAP_EMPTY;
        if (is_answer || request->wants == CLOUD_WANTS_ACK) {
            respond(connection, request, message);
        }
        return true;
    }
    return false;
}

static bool answered_by_token(struct cloud_connection *connection,
                              const struct vp_coap_message *message)
{
    for (unsigned i = 0; i < CLOUD_REQUESTS; i++) {
        struct cloud_request *request = &connection->exchange.requests[i];
        if (request->used && message->token_length == 1 && *message->token == request->token) {
            respond(connection, request, message);
            return true;
        }
    }
    return false;
}

/*
 * Over TCP the firmware numbers some acknowledgements anew from 1.5.0 on: those of pings, and of
 * signals (handle_received_message() in protocol.cpp @ v1.5.2). There is a token, or it is the
 * oldest ping's.
 */
static void answered_under_another_id(struct cloud_connection *connection,
                                      const struct vp_coap_message *message)
{
    struct cloud_request *oldest = NULL;
    if (answered_by_token(connection, message)) {
        return;
    }
    for (unsigned i = 0; i < CLOUD_REQUESTS; i++) {
        struct cloud_request *request = &connection->exchange.requests[i];
        if (request->used && !request->bytes && request->wants == CLOUD_WANTS_ACK &&
            (!oldest || (int16_t)(request->id - oldest->id) < 0)) {
            oldest = request;
        }
    }
    if (oldest && message->token_length == 0) {
        respond(connection, oldest, message);
    }
}

bool cloud_exchange_answer(struct cloud_connection *connection,
                           const struct vp_coap_message *message)
{
    if (message->type == VP_COAP_ACK || message->type == VP_COAP_RESET) {
        if (!answered_by_id(connection, message)) {
            answered_under_another_id(connection, message);
        }
        return true;
    }
    if (message->code >= VP_COAP_CODE(2, 0)) {
        answered_by_token(connection, message);
        return true;
    }
    return false;
}

bool cloud_exchange_seen(struct cloud_exchange *exchange, uint16_t id)
{
    const unsigned known = exchange->seen_count < CLOUD_SEEN ? exchange->seen_count : CLOUD_SEEN;
    for (unsigned i = 0; i < known; i++) {
        if (exchange->seen[i] == id) {
            return true;
        }
    }
    exchange->seen[exchange->seen_count++ % CLOUD_SEEN] = id;
    return false;
}

/* ---- Time ----------------------------------------------------------------------------------- */

static bool tick_request(struct cloud_connection *connection, struct cloud_request *request,
                         uint64_t now)
{
    if (now >= request->until) {
        end_request(connection, request, VP_ERROR_BUSY, NULL);
        return true;
    }
    if (request->again == 0 || now < request->again) {
        return false;
    }
    if (request->tries == MAX_RETRANSMIT) {
        end_request(connection, request, VP_ERROR_BUSY, NULL);
        return true;
    }
    request->tries++;
    request->timeout *= 2;
    request->again = now + request->timeout;
    cloud_connection_send(connection, request->bytes, request->length);
    return true;
}

bool cloud_exchange_tick(struct cloud_connection *connection, uint64_t now)
{
    for (unsigned i = 0; i < CLOUD_REQUESTS; i++) {
        struct cloud_request *request = &connection->exchange.requests[i];
        if (request->used && tick_request(connection, request, now)) {
            return true;
        }
    }
    return false;
}

int64_t cloud_exchange_deadline(const struct cloud_exchange *exchange, uint64_t now)
{
    int64_t deadline = -1;
    for (unsigned i = 0; i < CLOUD_REQUESTS; i++) {
        const struct cloud_request *request = &exchange->requests[i];
        if (!request->used) {
            continue;
        }
        const uint64_t next =
            request->again > 0 && request->again < request->until ? request->again : request->until;
        const int64_t left = next > now ? (int64_t)(next - now) : 0;
        deadline = deadline < 0 || left < deadline ? left : deadline;
    }
    return deadline;
}

void cloud_exchange_end(struct cloud_connection *connection, int error)
{
    for (unsigned i = 0; i < CLOUD_REQUESTS; i++) {
        struct cloud_request *request = &connection->exchange.requests[i];
        if (request->used) {
            end_request(connection, request, error, NULL);
        }
    }
    connection->exchange.seen_count = 0;
}

void cloud_exchange_forget(struct cloud_exchange *exchange, cloud_done done, const void *context)
{
    for (unsigned i = 0; i < CLOUD_REQUESTS; i++) {
        struct cloud_request *request = &exchange->requests[i];
        if (request->used && request->context == context && (!done || request->done == done)) {
            request->used = false;
            free(request->bytes);
            request->bytes = NULL;
        }
    }
}

bool cloud_exchange_is_open(const struct cloud_exchange *exchange)
{
    for (unsigned i = 0; i < CLOUD_REQUESTS; i++) {
        if (exchange->requests[i].used) {
            return true;
        }
    }
    return false;
}
