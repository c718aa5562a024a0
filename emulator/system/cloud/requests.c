/* What a message is, and who deals with it: decodeType() in messages.cpp,
 * handle_received_message(). */
#include "system/cloud/session.h"

#include "system/own_flags.h"

enum { PATH_AT = 5, SIGNAL_AT = 8, KEY_AT = 7 };

enum kind {
    UNKNOWN,
    DESCRIBE,
    CALL,
    VARIABLE,
    TRANSFER_BEGIN,
    CHUNK,
    TRANSFER_END,
    EVENT,
    KEY_CHANGE,
    SIGNAL_START,
    SIGNAL_STOP,
    HELLO,
    TIME,
    PING,
    REPLY, /* an empty one */
    CUT,   /* it would have to be read past its end */
};

/* ---- Kinds ----------------------------------------------------------------------------------- */

static enum kind kind_of_get(uint8_t path)
{
    return path == 'v' ? VARIABLE : path == 'd' ? DESCRIBE : UNKNOWN;
}

static enum kind kind_of_post(uint8_t path)
{
    switch (path) {
    case 'E':
    case 'e':
        return EVENT;
    case 'h':
        return HELLO;
    case 'f':
        return CALL;
    case 's': /* save begin */
    case 'u':
        return TRANSFER_BEGIN;
    case 'c':
        return CHUNK;
    default:
        return UNKNOWN;
    }
}

static enum kind kind_of_put(const struct vp_incoming *message, uint8_t path)
{
    switch (path) {
    case 'k':
        return KEY_CHANGE;
    case 'u':
        return TRANSFER_END;
    case 's':
        return !vp_incoming_has(message, SIGNAL_AT) ? CUT
               : message->bytes[SIGNAL_AT]          ? SIGNAL_START
                                                    : SIGNAL_STOP;
    default:
        return UNKNOWN;
    }
}

/* The path is looked for behind the token, all the rest where a token of one byte leaves it. */
static enum kind kind_of(const struct vp_incoming *message)
{
    const size_t at = PATH_AT + (message->bytes[0] & 0xFu);
    const uint8_t path = vp_incoming_has(message, at) ? message->bytes[at] : 0;
    switch (message->bytes[1]) {
    case VP_COAP_GET:
        return kind_of_get(path);
    case VP_COAP_POST:
        return kind_of_post(path);
    case VP_COAP_PUT:
        return kind_of_put(message, path);
    case VP_COAP_EMPTY:
        return vp_incoming_type(message) == VP_COAP_CONFIRMABLE ? PING : REPLY;
    case VP_COAP_CONTENT:
        return TIME;
    default:
        return UNKNOWN;
    }
}

/* ---- Small ones -------------------------------------------------------------------------------
 */

/*
 * Some acknowledgements are written over the message that they answer, and keep its number only
 * where the reliable channel has noted it; over lightssl they get the next one
 * (CoAPChannel::send()). The firmware of 1.5.2 was seen to do so.
 */
static bool acknowledge_in_place(struct vp_system *system, const struct vp_incoming *message,
                                 uint8_t code, const uint8_t *token)
{
    const struct vp_session *session = system->cloud.session;
    uint8_t bytes[VP_COAP_HEADER_SIZE + 1];
    struct vp_coap_writer writer;
    if (session->reliable || !session->rules->layered) {
        return vp_session_acknowledge(system, message, code, token, NULL);
    }
    vp_coap_begin(&writer, bytes, sizeof bytes, VP_COAP_ACK, code, 0, token, token ? 1 : 0);
    return vp_session_send(system, bytes, vp_coap_finish(&writer), VP_SEND_NEW);
}

static bool signal(struct vp_system *system, const struct vp_incoming *message, bool on)
{
    system->cloud.signals = on;
    return acknowledge_in_place(system, message, VP_COAP_CHANGED, message->bytes + 4);
}

/* HAL_OTA_Flashed_ResetStatus() */
static bool take_hello(struct vp_system *system, const struct vp_incoming *message)
{
    struct vp_system_flags flags;
    if (system->cloud.session->rules->layered && vp_incoming_type(message) == VP_COAP_CONFIRMABLE &&
        !vp_session_acknowledge(system, message, VP_COAP_EMPTY, NULL, NULL)) {
        return false;
    }
    if (vp_own_flags_load(system, &flags) && flags.ota_flashed != 0) {
        flags.ota_flashed = 0;
        vp_own_flags_save(system, &flags);
    }
    if (system->cloud.state == VP_CLOUD_GREETING && !system->cloud.session->reliable) {
        system->cloud.state = VP_CLOUD_CONNECTED;
        system->cloud.failures = 0;
        return vp_session_greet(system);
    }
    return true;
}

/* The firmware forgets to say which message it acknowledges. */
static bool acknowledge_nothing(struct vp_system *system)
{
    uint8_t bytes[VP_COAP_HEADER_SIZE];
    struct vp_coap_writer writer;
    vp_coap_begin(&writer, bytes, sizeof bytes, VP_COAP_ACK, VP_COAP_EMPTY, 0, NULL, 0);
    return vp_session_send(system, bytes, vp_coap_finish(&writer), VP_SEND_NEW);
}

/* handle_key_change(): the session is given up; spark_protocol.cpp does nothing. */
static bool change_key(struct vp_system *system, const struct vp_incoming *message)
{
    const size_t at = KEY_AT + (message->bytes[0] & 0xFu);
    if (!system->cloud.session->rules->layered) {
        return true;
    }
    if (vp_incoming_type(message) == VP_COAP_CONFIRMABLE && !acknowledge_nothing(system)) {
        return false;
    }
    return !(message->length > KEY_AT && vp_incoming_has(message, at) && message->bytes[at] == 1 &&
             system->cloud.session->reliable);
}

/* Messages::ping() */
bool vp_session_ping(struct vp_system *system)
{
    uint8_t bytes[VP_COAP_HEADER_SIZE];
    struct vp_coap_writer writer;
    vp_coap_begin(&writer, bytes, sizeof bytes, VP_COAP_CONFIRMABLE, VP_COAP_EMPTY, 0, NULL, 0);
    return vp_session_send(system, bytes, vp_coap_finish(&writer), VP_SEND_NEW);
}

/* ---- All of them ------------------------------------------------------------------------------
 */

/* From 0.4.8-rc.6 on spark_protocol.cpp takes a message that it does not know for an error. */
static bool bears_unknown(const struct vp_cloud_rules *rules)
{
    return rules->layered || rules->hello->wait == 0;
}

bool vp_session_handle(struct vp_system *system, struct vp_incoming *message)
{
    switch (kind_of(message)) {
    case DESCRIBE:
        return vp_session_describe(system, message);
    case CALL:
        return vp_session_call(system, message);
    case VARIABLE:
        return vp_session_read_variable(system, message);
    case TRANSFER_BEGIN:
        return vp_session_begin_transfer(system, message);
    case CHUNK:
        return vp_session_take_chunk(system, message);
    case TRANSFER_END:
        return vp_session_end_transfer(system, message);
    case EVENT:
        return vp_session_take_event(system, message);
    case KEY_CHANGE:
        return change_key(system, message);
    case SIGNAL_START:
        return signal(system, message, true);
    case SIGNAL_STOP:
        return signal(system, message, false);
    case HELLO:
        return take_hello(system, message);
    case PING:
        return acknowledge_in_place(system, message, VP_COAP_EMPTY, NULL);
    case TIME: /* the clock is not modelled */
    case REPLY:
    case CUT:
        return true;
    case UNKNOWN:
        return bears_unknown(system->cloud.session->rules);
    }
    return true;
}
