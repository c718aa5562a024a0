/* The shapes of messages that several parts send: messages.cpp @ v0.5.2, v0.7.0, v1.5.2. */
#include "system/cloud/session.h"

#include <string.h>

static size_t cut(const struct vp_session *session, size_t head, size_t length)
{
    const size_t room = session->rules->buffer - head;
    return length < room ? length : room;
}

bool vp_session_acknowledge(struct vp_system *system, const struct vp_incoming *to, uint8_t code,
                            const uint8_t *token, const char *payload)
{
    uint8_t bytes[VP_SESSION_BUFFER];
    struct vp_coap_writer writer;
    vp_coap_begin(&writer, bytes, sizeof bytes, VP_COAP_ACK, code,
                  (uint16_t)(to->bytes[2] << 8 | to->bytes[3]), token, token ? 1 : 0);
    if (payload) {
        vp_coap_add_payload(&writer, payload, cut(system->cloud.session, 6, strlen(payload)));
    }
    return vp_session_send(system, bytes, vp_coap_finish(&writer), VP_SEND_ANSWER);
}

bool vp_session_respond(struct vp_system *system, uint8_t token, uint8_t code, const void *payload,
                        size_t length, enum vp_delivery delivery)
{
    uint8_t bytes[VP_SESSION_BUFFER];
    struct vp_coap_writer writer;
    struct vp_session *session = system->cloud.session;
    vp_coap_begin(&writer, bytes, sizeof bytes,
                  session->reliable ? VP_COAP_CONFIRMABLE : VP_COAP_NON_CONFIRMABLE, code, 0,
                  &token, 1);
    if (payload && length > 0) {
        vp_coap_add_payload(&writer, payload, cut(session, 6, length));
    }
    return vp_session_send(system, bytes, vp_coap_finish(&writer), delivery);
}

/* Messages::event(): a name in one piece, and a time to live only if it isn't 60. */
bool vp_session_publish(struct vp_system *system, const char *name, const char *data)
{
    uint8_t bytes[VP_SESSION_BUFFER];
    struct vp_coap_writer writer;
    struct vp_session *session = system->cloud.session;
    vp_coap_begin(&writer, bytes, sizeof bytes,
                  session->reliable ? VP_COAP_CONFIRMABLE : VP_COAP_NON_CONFIRMABLE, VP_COAP_POST,
                  0, NULL, 0);
    vp_coap_add_text(&writer, VP_COAP_URI_PATH, "E");
    vp_coap_add_text(&writer, VP_COAP_URI_PATH, name);
    vp_coap_add_payload(&writer, data, strnlen(data, 255));
    return vp_session_send(system, bytes, vp_coap_finish(&writer), VP_SEND_NEW);
}
