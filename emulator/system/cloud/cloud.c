/* When it connects, and when it leaves: system_task.cpp @ v0.4.6, v0.5.2, v0.7.0, v1.5.2. */
#include "system/cloud/cloud.h"

#include <string.h>

#include "system/cloud/session.h"
#include "system/networks.h"

/*
 * Assumption: how long it takes to join a network and to open a connection, keys and all. It is
 * the device's own time: at instant speed somebody jumps there.
 */
static const struct vp_figure network_time = {.electron = 10000, .others = 3000};
enum { CONNECTION_TIME = 1500 };

enum {
    /* initialize_ping() in lightssl_protocol.h, dtls_protocol.cpp; spark_protocol.cpp */
    PING_AFTER_TCP = 15000,
    PING_AFTER_UDP = 23 * 60 * 1000,
    PING_ANSWER_TCP = 10000,
    PING_ANSWER_UDP = 30000,
};

/* ---- On and off --------------------------------------------------------------------------------
 */

static bool lives(const struct vp_system *system)
{
    return system->state == VP_SYSTEM_NORMAL || system->state == VP_SYSTEM_SAFE ||
           system->state == VP_SYSTEM_UPDATING;
}

static bool is_wanted(const struct vp_system *system)
{
    const struct vp_link *link = system->machine.link;
    return link && link->set && lives(system) && !system->listening && vp_networks_known(system);
}

static void set_phase(struct vp_system *system, enum vp_cloud_state state, uint32_t left)
{
    system->cloud.state = state;
    system->cloud.left = left;
}

void vp_cloud_look(struct vp_system *system)
{
    if (!is_wanted(system)) {
        vp_cloud_stop(system);
    } else if (system->cloud.state == VP_CLOUD_OFF) {
        set_phase(system, VP_CLOUD_NETWORK,
                  vp_figure_on(&network_time, system->machine.board->platform));
    }
}

/* The session goes, and with it a transfer. */
static void end_session(struct vp_system *system)
{
    if (system->cloud.session) {
        vp_session_cancel_transfer(system);
        vp_session_free(system->cloud.session);
        system->cloud.session = NULL;
    }
}

void vp_cloud_stop(struct vp_system *system)
{
    const struct vp_link *link = system->machine.link;
    const bool was_open = system->cloud.session != NULL;
    end_session(system);
    system->cloud.state = VP_CLOUD_OFF;
    system->cloud.failures = 0;
    if (was_open && link->handlers.closed) {
        link->handlers.closed(link->context);
    }
}

/* backoff_period() in system_utilities.cpp @ v0.7.0 */
static uint32_t backoff(unsigned failures)
{
    const unsigned exponent = failures == 0 ? 0 : (failures - 1) / 5;
    return failures == 0 ? 0 : 1000u << (exponent < 7 ? exponent : 7);
}

/* Connect again, at once after a connection that worked. */
static void try_again(struct vp_system *system)
{
    if (system->cloud.state == VP_CLOUD_GREETING && system->cloud.failures < UINT8_MAX) {
        system->cloud.failures++; /* cloud_connection_failed() */
    }
    set_phase(system, VP_CLOUD_REACHING, CONNECTION_TIME + backoff(system->cloud.failures));
}

/* The device gives the connection up. */
static void fail(struct vp_system *system)
{
    const struct vp_link *link = system->machine.link;
    end_session(system);
    try_again(system);
    if (link->handlers.closed) {
        link->handlers.closed(link->context);
    }
}

void vp_cloud_lost(struct vp_system *system)
{
    if (system->cloud.session) {
        end_session(system);
        try_again(system);
    }
}

/* ---- The handshake -----------------------------------------------------------------------------
 */

static bool greet(struct vp_system *system)
{
    set_phase(system, VP_CLOUD_CONNECTED, 0);
    system->cloud.failures = 0;
    return vp_session_greet(system);
}

static void connect(struct vp_system *system)
{
    const struct vp_link *link = system->machine.link;
    if (!vp_session_open(system)) {
        set_phase(system, VP_CLOUD_REACHING, CONNECTION_TIME);
        return;
    }
    const struct vp_session *session = system->cloud.session;
    set_phase(system, VP_CLOUD_GREETING, session->rules->hello->wait);
    if (link->handlers.opened) {
        link->handlers.opened(link->context);
    }
    const bool answered = session->reliable || session->rules->hello->wait > 0;
    if (!vp_session_hello(system) || (!answered && !greet(system))) {
        fail(system);
    }
}

/* ---- Messages -----------------------------------------------------------------------------------
 */

/* PKCS #7 padding to the next 16 bytes: lightssl_message_channel.cpp, spark_protocol.cpp. */
static void pad(struct vp_incoming *message)
{
    const size_t padding = 16 - message->length % 16;
    memset(message->bytes + message->length, (int)padding, padding);
    message->readable = message->length + padding;
}

/* @return false if the firmware has no room for it: it takes that for an error */
static bool take_over(const struct vp_system *system, const uint8_t *bytes, size_t length,
                      struct vp_incoming *message)
{
    const struct vp_session *session = system->cloud.session;
    const bool core = !system->machine.board->modular && session->rules->buffer == 800;
    const size_t room = core ? 640 : session->rules->buffer;
    message->length = message->readable = length;
    if (session->reliable && length > room) {
        message->length = message->readable = room; /* mbedtls_ssl_read() */
    } else if (!session->reliable && length / 16 * 16 + 16 > room) {
        return false;
    }
    if (message->length > 0) {
        memcpy(message->bytes, bytes, message->length);
    }
    if (!session->reliable) {
        pad(message);
    } else {
        memset(message->bytes + message->length, 0, VP_SESSION_PADDING);
    }
    return true;
}

static bool dispatch(struct vp_system *system, struct vp_incoming *message)
{
    struct vp_session *session = system->cloud.session;
    if (message->length < VP_COAP_HEADER_SIZE) {
        return session->rules->layered || session->rules->hello->wait == 0;
    }
    const enum vp_reception reception = vp_session_receive(system, message);
    if (reception == VP_RECEIVED_RESET) {
        return false;
    }
    if (system->cloud.state == VP_CLOUD_GREETING && session->reliable && session->waiting < 0) {
        return greet(system); /* Hello was acknowledged */
    }
    return reception == VP_RECEIVED_ALREADY || vp_session_handle(system, message);
}

void vp_cloud_receive(struct vp_system *system, const uint8_t *message, size_t length)
{
    struct vp_incoming incoming;
    struct vp_session *session = system->cloud.session;
    if (!session || system->ymodem.active || system->next != VP_SYSTEM_NEXT_NOTHING ||
        !lives(system)) {
        return;
    }
    session->heard = session->now;
    session->pinged = false;
    if (!take_over(system, message, length, &incoming) || !dispatch(system, &incoming)) {
        fail(system);
    }
}

bool vp_cloud_is_updating(const struct vp_system *system)
{
    return system->cloud.session && system->cloud.session->transfer.updating;
}

/* ---- Time ---------------------------------------------------------------------------------------
 */

static uint64_t ping_due(const struct vp_session *session)
{
    const bool reliable = session->reliable;
    const uint32_t answer = reliable ? PING_ANSWER_UDP : PING_ANSWER_TCP;
    return session->heard + (session->pinged ? answer : reliable ? PING_AFTER_UDP : PING_AFTER_TCP);
}

/* @return false: nobody answered the last one */
static bool ping_if_due(struct vp_system *system)
{
    struct vp_session *session = system->cloud.session;
    if (system->cloud.state != VP_CLOUD_CONNECTED || session->transfer.updating ||
        session->waiting >= 0 || session->now <= ping_due(session)) {
        return true;
    }
    if (session->pinged) {
        return false;
    }
    session->heard = session->now;
    session->pinged = !session->rules->bears_silence;
    return vp_session_ping(system);
}

static void run_session(struct vp_system *system, uint32_t milliseconds)
{
    struct vp_session *session = system->cloud.session;
    const bool waits = system->cloud.state == VP_CLOUD_GREETING && !session->reliable;
    session->now += milliseconds;
    if (waits) {
        system->cloud.left -= milliseconds < system->cloud.left ? milliseconds : system->cloud.left;
    }
    if ((waits && system->cloud.left == 0) || !vp_session_send_again(system) ||
        !vp_session_ask_again(system) || !ping_if_due(system)) {
        fail(system);
    }
}

void vp_cloud_advance(struct vp_system *system, uint32_t milliseconds)
{
    struct vp_cloud *cloud = &system->cloud;
    vp_cloud_look(system);
    if (cloud->session) {
        run_session(system, milliseconds);
    } else if (cloud->state != VP_CLOUD_OFF && milliseconds < cloud->left) {
        cloud->left -= milliseconds;
    } else if (cloud->state == VP_CLOUD_NETWORK) {
        set_phase(system, VP_CLOUD_REACHING, CONNECTION_TIME);
    } else if (cloud->state == VP_CLOUD_REACHING) {
        connect(system);
    }
}

static uint64_t session_due(const struct vp_system *system)
{
    enum { IDLE = 3001 }; /* ChunkedTransfer::idle() */
    const struct vp_session *session = system->cloud.session;
    const struct vp_transfer_state *transfer = &session->transfer;
    uint64_t due = vp_session_due(session);
    if (system->cloud.state == VP_CLOUD_GREETING && !session->reliable) {
        const uint64_t end = session->now + system->cloud.left;
        due = end < due ? end : due;
    }
    if (transfer->updating == 2 && session->rules->transfer->asks_again && session->waiting < 0 &&
        transfer->last_chunk + IDLE < due) {
        due = transfer->last_chunk + IDLE;
    }
    return due;
}

static int64_t until(const struct vp_session *session, uint64_t due)
{
    return due == UINT64_MAX ? -1 : due <= session->now ? 0 : (int64_t)(due - session->now);
}

int64_t vp_cloud_deadline(const struct vp_system *system)
{
    const struct vp_cloud *cloud = &system->cloud;
    if (system->ymodem.active || cloud->state == VP_CLOUD_OFF) {
        return -1;
    }
    return cloud->session ? until(cloud->session, session_due(system)) : (int64_t)cloud->left;
}

int64_t vp_cloud_patience(const struct vp_system *system)
{
    const struct vp_session *session = system->cloud.session;
    int64_t patience = vp_cloud_deadline(system);
    if (session && system->cloud.state == VP_CLOUD_CONNECTED && !session->transfer.updating &&
        session->waiting < 0 && !system->ymodem.active) {
        const int64_t ping = until(session, ping_due(session) + 1);
        patience = patience < 0 || ping < patience ? ping : patience;
    }
    return patience;
}
