/*
 * Messages get their numbers, and on UDP they are sent again, and known when they come twice:
 * coap_channel.h, coap_channel.cpp @ v0.5.2, v0.7.0, v2.2.0.
 */
#include "system/cloud/session.h"

#include <stdlib.h>
#include <string.h>

enum {
    ACK_TIMEOUT = 4000,
    MAX_RETRANSMIT = 3,
    MAX_TRANSMIT_SPAN = 45000,
    MAX_UNACKNOWLEDGED = 64, /* the heap ends somewhere: Assumption */
    MAX_ANSWERED = 256,
};

/* ---- From first to last -------------------------------------------------------------------- */

/*
 * On TCP the first id and token come from the cloud, at random (set_key()); on UDP the id begins
 * at 0 (dtls_message_channel.cpp). Assumption: here they come from the device's id.
 */
bool vp_session_open(struct vp_system *system)
{
    struct vp_session *session = calloc(1, sizeof *session);
    const uint8_t *id = system->machine.device_id;
    if (!session) {
        return false;
    }
    session->reliable = system->build->cellular;
    session->rules = vp_cloud_rules_find(system->version, system->build->cellular);
    session->waiting = -1;
    session->random = (uint32_t)id[10] << 8 | id[11];
    session->id = session->reliable ? 0 : (uint16_t)(id[8] << 8 | id[9]);
    session->token = id[11];
    system->cloud.session = session;
    return true;
}

static void free_unacknowledged(struct vp_session *session, struct vp_unacknowledged **link)
{
    struct vp_unacknowledged *gone = *link;
    *link = gone->next;
    if (session->waiting == gone->id) {
        session->waiting = -1;
        session->transfer.last_chunk = session->now;
    }
    free(gone);
}

static void free_answered(struct vp_answered **link)
{
    struct vp_answered *gone = *link;
    *link = gone->next;
    free(gone);
}

void vp_session_free(struct vp_session *session)
{
    while (session && session->unacknowledged) {
        free_unacknowledged(session, &session->unacknowledged);
    }
    while (session && session->answered) {
        free_answered(&session->answered);
    }
    free(session);
}

/* ---- Sending --------------------------------------------------------------------------------- */

static void put_on_air(struct vp_system *system, const uint8_t *bytes, size_t length)
{
    const struct vp_link *link = system->machine.link;
    if (link->handlers.sent) {
        link->handlers.sent(link->context, bytes, length);
    }
}

/* CoAPMessage::transmit_timeout() */
static uint32_t timeout_of(struct vp_session *session, unsigned transmissions)
{
    const uint32_t timeout = (uint32_t)ACK_TIMEOUT << transmissions;
    session->random = session->random * 1103515245u + 12345u;
    return timeout + ((timeout * (session->random >> 16 & 0xFF)) >> 9);
}

static bool remember_to_send_again(struct vp_session *session, const uint8_t *bytes, size_t length)
{
    unsigned count = 0;
    for (struct vp_unacknowledged *other = session->unacknowledged; other; other = other->next) {
        count++;
    }
    struct vp_unacknowledged *made =
        count < MAX_UNACKNOWLEDGED ? malloc(sizeof *made + length) : NULL;
    if (!made) {
        return false;
    }
    *made = (struct vp_unacknowledged){
        .next = session->unacknowledged,
        .due = session->now + timeout_of(session, 0),
        .transmissions = 1,
        .id = session->id,
        .length = length,
    };
    memcpy(made->bytes, bytes, length);
    session->unacknowledged = made;
    return true;
}

static struct vp_answered **find_answered(struct vp_session *session, uint16_t id)
{
    struct vp_answered **link = &session->answered;
    while (*link && (*link)->id != id) {
        link = &(*link)->next;
    }
    return link;
}

/* CoAPMessageStore::add() of the server's store. */
static bool remember_answer(struct vp_session *session, uint16_t id, const uint8_t *bytes,
                            size_t length)
{
    struct vp_answered **old = find_answered(session, id);
    if (*old) {
        free_answered(old);
    }
    unsigned count = 0;
    for (struct vp_answered *other = session->answered; other; other = other->next) {
        count++;
    }
    struct vp_answered *made = count < MAX_ANSWERED ? malloc(sizeof *made + length) : NULL;
    if (!made) {
        return false;
    }
    *made = (struct vp_answered){
        .next = session->answered,
        .expires = session->now + MAX_TRANSMIT_SPAN,
        .id = id,
        .length = length,
    };
    if (length > 0) {
        memcpy(made->bytes, bytes, length);
    }
    session->answered = made;
    return true;
}

bool vp_session_send(struct vp_system *system, uint8_t *bytes, size_t length,
                     enum vp_delivery delivery)
{
    struct vp_session *session = system->cloud.session;
    const enum vp_coap_type type = (enum vp_coap_type)(bytes[0] >> 4 & 3);
    const bool request = type == VP_COAP_CONFIRMABLE || type == VP_COAP_NON_CONFIRMABLE;
    if (delivery != VP_SEND_ANSWER) {
        session->id++;
        bytes[2] = (uint8_t)(session->id >> 8);
        bytes[3] = (uint8_t)session->id;
    }
    if (session->reliable && type == VP_COAP_CONFIRMABLE) {
        if (!remember_to_send_again(session, bytes, length)) {
            return false;
        }
        session->waiting = delivery == VP_SEND_AND_WAIT ? session->id : session->waiting;
    } else if (session->reliable && !request) {
        const uint16_t id = (uint16_t)(bytes[2] << 8 | bytes[3]);
        if (!remember_answer(session, id, bytes, length)) {
            return false;
        }
    }
    put_on_air(system, bytes, length);
    return true;
}

/* ---- Receiving ------------------------------------------------------------------------------- */

static enum vp_reception receive_reply(struct vp_session *session, enum vp_coap_type type,
                                       uint16_t id)
{
    struct vp_unacknowledged **link = &session->unacknowledged;
    while (*link && (*link)->id != id) {
        link = &(*link)->next;
    }
    if (type == VP_COAP_RESET) {
        return VP_RECEIVED_RESET; /* Channel::DISCARD_SESSION, whatever it was for */
    }
    if (!*link) {
        return VP_RECEIVED_ALREADY;
    }
    free_unacknowledged(session, link);
    return VP_RECEIVED;
}

/* CoAPMessageStore::receive(), and what send_synchronous() lets through. */
enum vp_reception vp_session_receive(struct vp_system *system, const struct vp_incoming *message)
{
    struct vp_session *session = system->cloud.session;
    const enum vp_coap_type type = vp_incoming_type(message);
    const uint16_t id = (uint16_t)(message->bytes[2] << 8 | message->bytes[3]);
    if (!session->reliable) {
        return VP_RECEIVED;
    }
    if (type == VP_COAP_ACK || type == VP_COAP_RESET) {
        return receive_reply(session, type, id);
    }
    if (session->waiting >= 0) {
        return VP_RECEIVED_ALREADY; /* "drop CON messages on the floor" */
    }
    if (type == VP_COAP_NON_CONFIRMABLE) {
        return VP_RECEIVED;
    }
    const struct vp_answered *answered = *find_answered(session, id);
    if (!answered) {
        return remember_answer(session, id, NULL, 0) ? VP_RECEIVED : VP_RECEIVED_RESET;
    }
    if (answered->length > 0) {
        put_on_air(system, answered->bytes, answered->length);
    }
    return VP_RECEIVED_ALREADY;
}

/* ---- Time -------------------------------------------------------------------------------------
 */

/* CoAPMessageStore::process() */
bool vp_session_send_again(struct vp_system *system)
{
    struct vp_session *session = system->cloud.session;
    for (struct vp_answered **link = &session->answered; *link;) {
        if ((*link)->expires <= session->now) {
            free_answered(link);
        } else {
            link = &(*link)->next;
        }
    }
    for (struct vp_unacknowledged *it = session->unacknowledged; it; it = it->next) {
        if (it->due > session->now) {
            continue;
        }
        it->due = session->now + timeout_of(session, it->transmissions);
        if (++it->transmissions > MAX_RETRANSMIT + 1) {
            return false; /* message_timeout(): Channel::CLOSE */
        }
        put_on_air(system, it->bytes, it->length);
    }
    return true;
}

uint64_t vp_session_due(const struct vp_session *session)
{
    uint64_t due = UINT64_MAX;
    for (const struct vp_unacknowledged *it = session->unacknowledged; it; it = it->next) {
        due = it->due < due ? it->due : due;
    }
    return due;
}
