/* What a device says, and what the cloud answers. */
#include <stdlib.h>
#include <string.h>

#include "cloud/connection/describe.h"
#include "cloud/connection/greeting.h"
#include "cloud/core.h"
#include "vparticle/cloud.h"

enum { REPLY_ROOM = 64 };

void cloud_connection_send(struct cloud_connection *connection, const uint8_t *bytes, size_t length)
{
    /* Out of memory is one more way to get lost. */
    cloud_air_put(&connection->air, CLOUD_DOWN, bytes, length, vp_device_time(connection->device));
}

/* ---- Answers to what the device wants ---------------------------------------------------------
 */

static void acknowledge(struct cloud_connection *connection, const struct vp_coap_message *message,
                        uint8_t code, const void *payload, size_t length)
{
    uint8_t bytes[REPLY_ROOM];
    struct vp_coap_writer writer;
    if (message->type != VP_COAP_CONFIRMABLE) {
        return;
    }
    const bool is_empty = code == VP_COAP_EMPTY; /* which has no token: RFC 7252 section 4.1 */
    vp_coap_begin(&writer, bytes, sizeof bytes, VP_COAP_ACK, code, message->id, message->token,
                  is_empty ? 0 : message->token_length);
    if (payload) {
        vp_coap_add_payload(&writer, payload, length);
    }
    cloud_connection_send(connection, bytes, vp_coap_finish(&writer));
}

/* The firmware reads 4 bytes behind a token of one (protocol.cpp @ v0.7.0). */
static void tell_time(struct cloud_connection *connection, const struct vp_coap_message *message)
{
    const uint64_t seconds = cloud_now(connection->cloud) / 1000;
    const uint8_t payload[4] = {(uint8_t)(seconds >> 24), (uint8_t)(seconds >> 16),
                                (uint8_t)(seconds >> 8), (uint8_t)seconds};
    acknowledge(connection, message, VP_COAP_CONTENT, payload, sizeof payload);
}

static void subscribe(struct cloud_connection *connection, const struct vp_coap_message *message)
{
    char prefix[VP_CLOUD_EVENT_NAME_LIMIT + 1];
    vp_coap_path(message, 1, prefix, sizeof prefix);
    for (unsigned i = 0; i < connection->subscription_count; i++) {
        if (!strcmp(connection->subscriptions[i], prefix)) {
            return;
        }
    }
    if (connection->subscription_count < CLOUD_SUBSCRIPTIONS) {
        memcpy(connection->subscriptions[connection->subscription_count++], prefix, sizeof prefix);
    }
}

/* ---- Events that it publishes ------------------------------------------------------------------
 */

static uint32_t number_in(const char *data, uint32_t least, uint32_t most)
{
    const unsigned long number = strtoul(data, NULL, 10);
    return number >= least && number <= most ? (uint32_t)number : 0;
}

/* What the cloud itself learns from an event. */
static void note_event(struct cloud_connection *connection, const char *name, const char *data)
{
    if (!strcmp(name, "spark/device/safemode")) {
        connection->safe_mode = true;
        cloud_describe_safe_mode(connection);
    } else if (!strcmp(name, "spark/hardware/max_binary")) {
        connection->max_binary = number_in(data, 1, 16 << 20);
    } else if (!strcmp(name, "spark/hardware/ota_chunk_size")) {
        connection->chunk_size = number_in(data, 16, 1024);
    }
}

static void take_event(struct cloud_connection *connection, const struct vp_coap_message *message)
{
    char name[VP_CLOUD_EVENT_NAME_LIMIT + 1], data[VP_CLOUD_EVENT_DATA_LIMIT + 1];
    vp_coap_path(message, 1, name, sizeof name);
    const size_t length =
        message->payload_length < sizeof data ? message->payload_length : sizeof data - 1;
    if (length > 0) {
        memcpy(data, message->payload, length);
    }
    data[length] = '\0';
    const struct vp_coap_option *age = vp_coap_option(message, VP_COAP_MAX_AGE, 0);
    /* events.h @ v0.7.0: 'e' is public, 'E' private. A claim code is for nobody else to see. */
    if (*name && strcmp(name, "spark/device/claim/code") != 0) {
        cloud_publish_from(connection, name, message->payload ? data : NULL,
                           age ? vp_coap_option_number(age) : VP_CLOUD_EVENT_TTL,
                           vp_coap_option_is(vp_coap_option(message, VP_COAP_URI_PATH, 0), "e"));
    }
    note_event(connection, name, data);
}

/* ---- Requests ------------------------------------------------------------------------------- */

static bool is_path(const struct vp_coap_message *message, const char *path)
{
    return vp_coap_option_is(vp_coap_option(message, VP_COAP_URI_PATH, 0), path);
}

static void take_post(struct cloud_connection *connection, const struct vp_coap_message *message)
{
    if (is_path(message, "h")) {
        cloud_greet(connection, message);
    } else if (is_path(message, "u")) { /* spark_protocol.cpp @ v0.4.6: POST, and not PUT */
        cloud_jobs_done(connection, message->payload, message->payload_length);
    } else if (is_path(message, "d")) { /* messages.cpp @ v2.0.0; metrics are no JSON */
        cloud_describe_take(connection, message->payload, message->payload_length);
    } else if (is_path(message, "e") || is_path(message, "E")) {
        take_event(connection, message);
    }
}

static void take_request(struct cloud_connection *connection, const struct vp_coap_message *message)
{
    switch (message->code) {
    case VP_COAP_POST:
        take_post(connection, message);
        break;
    case VP_COAP_GET:
        if (is_path(message, "e") || is_path(message, "E")) {
            subscribe(connection, message);
        } else if (is_path(message, "c")) {
            cloud_jobs_missed(connection, message->payload, message->payload_length);
        }
        break;
    case VP_COAP_PUT:
        if (is_path(message, "u")) {
            cloud_jobs_done(connection, message->payload, message->payload_length);
        }
        break;
    default:
        break;
    }
}

static void take_message(struct cloud_connection *connection, const uint8_t *bytes, size_t length)
{
    struct vp_coap_message message;
    if (vp_coap_read(&message, bytes, length)) {
        return; /* a socket's keep-alive of one byte (messages.cpp @ v0.7.0), or nonsense */
    }
    connection->record->last_heard = cloud_now(connection->cloud);
    cloud_jobs_heard(connection);
    if (cloud_exchange_answer(connection, &message)) {
        acknowledge(connection, &message, VP_COAP_EMPTY, NULL, 0);
        return;
    }
    if (message.code == VP_COAP_GET && is_path(&message, "t")) {
        tell_time(connection, &message); /* again, if the answer got lost */
        return;
    }
    acknowledge(connection, &message, VP_COAP_EMPTY, NULL, 0);
    if (message.code == VP_COAP_EMPTY || (connection->air.transport == VP_LINK_UDP &&
                                          cloud_exchange_seen(&connection->exchange, message.id))) {
        return;
    }
    take_request(connection, &message);
}

/* ---- Beginning and end --------------------------------------------------------------------------
 */

static void begin(struct cloud_connection *connection)
{
    cloud_connection_end(connection);
    connection->open = true;
    connection->exchange.last_id = (uint16_t)cloud_random_next(&connection->random);
}

void cloud_connection_end(struct cloud_connection *connection)
{
    const bool was_online = connection->online;
    connection->open = connection->online = false;
    connection->described = connection->safe_mode = connection->safe_mode_told = false;
    connection->subscription_count = 0;
    cloud_describe_forget(connection);
    cloud_exchange_end(connection, VP_ERROR_NOT_FOUND);
    cloud_jobs_lost(connection);
    if (was_online) {
        cloud_publish_of(connection, "spark/status", "offline", NULL);
    }
}

void cloud_connection_take(struct cloud_connection *connection,
                           const struct cloud_air_message *message)
{
    switch (message->kind) {
    case CLOUD_AIR_OPENED:
        begin(connection);
        break;
    case CLOUD_AIR_CLOSED:
        cloud_connection_end(connection);
        break;
    case CLOUD_AIR_MESSAGE:
        if (connection->open) {
            take_message(connection, message->bytes, message->length);
        }
        break;
    }
}
