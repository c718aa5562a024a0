#include "usbip/server_private.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    /** Bytes of a client that goes on talking after it was told that it's over. */
    DRAIN_LIMIT = 1 << 20,
    /** A client is busy after so many requests in a row without a pause between them ... */
    BUSY_STREAK = 8,
    /** ... and may then be served so many times before all others have a turn. */
    LINGER_ROUNDS = 32,
};

/** Seconds between two requests that are a pause. */
static const ev_tstamp pause_length = 0.002;
/** Wait so long, rounded up to the kernel's tick, for the next request of a busy client. */
static const struct timeval linger_time = {.tv_usec = 1000};

static void drop(struct usbip_connection *connection, const char *why)
{
    char peer[VP_USBIP_ADDRESS_SIZE];
    vp_usbip_address_text(peer, sizeof peer, &connection->peer, connection->peer_length);
    connection->server->counters.dropped++;
    usbip_server_log(connection->server, "client %s dropped: %s", peer, why);
    usbip_connection_close(connection);
}

static void set_events(struct usbip_connection *connection, int events)
{
    if (connection->io.events != events) {
        struct ev_loop *loop = connection->server->loop;
        ev_io_stop(loop, &connection->io);
        ev_io_set(&connection->io, connection->io.fd, events);
        ev_io_start(loop, &connection->io);
    }
}

/** One send. @return false if the connection is gone */
static bool send_output(struct usbip_connection *connection)
{
    const struct usbip_output *output = &connection->session.output;
    size_t count = usbip_session_waiting(&connection->session);
    if (count == 0) {
        return true;
    }
    ssize_t sent =
        send(connection->io.fd, output->bytes + output->start, count, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
        connection->server->counters.sends++;
        usbip_session_sent(&connection->session, (size_t)sent);
    } else if (sent < 0 && errno != EAGAIN && errno != EINTR) {
        drop(connection, strerror(errno));
        return false;
    }
    return true;
}

/**
 * The last answer is out. Closing at once would be a reset if the client has just sent
 * something more, and a reset may overtake the answer: so wait for the client's end.
 */
static void begin_draining(struct usbip_connection *connection)
{
    connection->draining = true;
    shutdown(connection->io.fd, SHUT_WR);
    set_events(connection, EV_READ);
}

/** Keep what the session does not take in now. @return false if the connection is gone */
static bool hold(struct usbip_connection *connection, const uint8_t *bytes, size_t count)
{
    connection->held = malloc(count);
    if (!connection->held) {
        drop(connection, "out of memory for its requests");
        return false;
    }
    memcpy(connection->held, bytes, count);
    connection->held_start = 0;
    connection->held_end = count;
    return true;
}

static void feed_held(struct usbip_connection *connection)
{
    if (!connection->held) {
        return;
    }
    connection->held_start +=
        usbip_session_feed(&connection->session, connection->held + connection->held_start,
                           connection->held_end - connection->held_start);
    if (connection->held_start == connection->held_end) {
        free(connection->held);
        connection->held = NULL;
    }
}

/** Send what there is, and do what the session's state asks for. @return false if it is gone */
static bool settle(struct usbip_connection *connection)
{
    if (!send_output(connection)) {
        return false;
    }
    feed_held(connection);
    enum usbip_session_state state = connection->session.state;
    size_t left = usbip_session_waiting(&connection->session);
    if (state == USBIP_SESSION_BROKEN) {
        drop(connection, connection->session.reason);
        return false;
    }
    if (state == USBIP_SESSION_DONE && left == 0) {
        begin_draining(connection);
    } else if (state == USBIP_SESSION_DONE || connection->held || left > USBIP_OUTPUT_PAUSE) {
        set_events(connection, EV_WRITE);
    } else {
        set_events(connection, left > 0 ? EV_READ | EV_WRITE : EV_READ);
    }
    return true;
}

/** The client has closed, or the network has failed. */
static void on_end(struct usbip_connection *connection, ssize_t received)
{
    if (connection->draining) {
        usbip_connection_close(connection);
    } else if (received < 0) {
        drop(connection, strerror(errno));
    } else if (usbip_session_is_mid_message(&connection->session)) {
        drop(connection, "closed in the middle of a message");
    } else {
        usbip_connection_close(connection);
    }
}

enum receipt { RECEIVED, RECEIVED_NOTHING, CONNECTION_GONE };

/** One recv; without MSG_DONTWAIT it waits for up to `linger_time`. */
static enum receipt receive(struct usbip_connection *connection, int flags)
{
    struct vp_server *server = connection->server;
    ssize_t received = recv(connection->io.fd, server->input, sizeof server->input, flags);
    if (received < 0 && (errno == EAGAIN || errno == EINTR)) {
        return RECEIVED_NOTHING;
    }
    if (received <= 0) {
        on_end(connection, received);
        return CONNECTION_GONE;
    }
    if (connection->draining) {
        connection->drained += (size_t)received;
        if (connection->drained > DRAIN_LIMIT) {
            usbip_connection_close(connection);
            return CONNECTION_GONE;
        }
        return RECEIVED;
    }
    server->counters.reads++;
    size_t taken = usbip_session_feed(&connection->session, server->input, (size_t)received);
    if (taken < (size_t)received &&
        !hold(connection, server->input + taken, (size_t)received - taken)) {
        return CONNECTION_GONE;
    }
    return RECEIVED;
}

/** Count requests that came through the loop one after the other without a pause. */
static void note_request(struct usbip_connection *connection)
{
    ev_tstamp now = ev_now(connection->server->loop);
    if (!connection->lingered) {
        bool paused = now - connection->last_request > pause_length;
        connection->streak = paused ? 0 : connection->streak + 1;
    }
    connection->lingered = false;
    connection->last_request = now;
}

/** Nobody else can want anything of the server that may not wait for a moment. */
static bool is_alone(const struct usbip_connection *connection)
{
    const struct usbip_exports *exports = &connection->server->exports;
    for (size_t i = 0; i < exports->count; i++) {
        const struct usbip_session *importer = exports->items[i]->importer;
        if (exports->items[i]->watched || (importer && importer != &connection->session)) {
            return false;
        }
    }
    return true;
}

/**
 * Serve a busy client without going back to the loop after each answer: its next request is
 * on the way, and waiting for it in recv(2) spares a system call and the kernel's work to
 * tell epoll about it, which is a tenth of the whole exchange. Bounded in rounds and in time,
 * and never while another device is in use or a device waits for its time.
 */
static void linger(struct usbip_connection *connection)
{
    if (!connection->server->dedicated || connection->streak < BUSY_STREAK ||
        !is_alone(connection)) {
        return;
    }
    const struct usbip_session *session = &connection->session;
    for (int round = 0; round < LINGER_ROUNDS; round++) {
        if (session->state != USBIP_SESSION_IMPORTED || session->export->watched ||
            session->export->clocked || connection->held || usbip_session_waiting(session) > 0) {
            return;
        }
        enum receipt receipt = receive(connection, 0);
        if (receipt == RECEIVED_NOTHING) {
            connection->streak = 0;
        }
        if (receipt != RECEIVED || !settle(connection)) {
            return;
        }
    }
    connection->lingered = true;
}

static void on_io(struct ev_loop *loop, ev_io *io, int events)
{
    (void)loop;
    struct usbip_connection *connection = io->data;
    if ((events & EV_READ) && receive(connection, MSG_DONTWAIT) == CONNECTION_GONE) {
        return;
    }
    if (!connection->draining && settle(connection) && (events & EV_READ)) {
        note_request(connection);
        linger(connection);
    }
}

/** Output came while the client was not being read: send it in this turn of the loop. */
static void on_wake(struct usbip_session *session)
{
    struct usbip_connection *connection = session->owner;
    if (!connection->draining) {
        ev_feed_event(connection->server->loop, &connection->io, EV_WRITE);
    }
}

/** Make room for one more: close the oldest connection that has imported nothing. */
static void limit_guests(struct vp_server *server)
{
    struct usbip_connection *oldest = NULL;
    size_t guests = 0;
    for (struct usbip_connection *each = server->connections; each; each = each->next) {
        if (each->session.state != USBIP_SESSION_IMPORTED) {
            oldest = each;
            guests++;
        }
    }
    if (guests >= USBIP_GUEST_LIMIT) {
        drop(oldest, "too many connections have imported nothing, and this is the oldest");
    }
}

void usbip_connection_start(struct vp_server *server, int fd, const struct sockaddr_storage *peer,
                            socklen_t peer_length)
{
    const int on = 1;
    limit_guests(server);
    struct usbip_connection *connection = calloc(1, sizeof *connection);
    if (!connection) {
        close(fd);
        return;
    }
    if (peer->ss_family != AF_UNIX) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        /* A host that has vanished must not hold a device for ever. */
        setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    }
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &linger_time, sizeof linger_time);
    usbip_session_begin(&connection->session, &server->exports);
    connection->session.wake = on_wake;
    connection->session.owner = connection;
    connection->server = server;
    connection->peer = *peer;
    connection->peer_length = peer_length;
    connection->next = server->connections;
    connection->link = &server->connections;
    if (connection->next) {
        connection->next->link = &connection->next;
    }
    server->connections = connection;
    server->counters.accepted++;
    ev_io_init(&connection->io, on_io, fd, EV_READ);
    connection->io.data = connection;
    ev_io_start(server->loop, &connection->io);
}

void usbip_connection_close(struct usbip_connection *connection)
{
    ev_io_stop(connection->server->loop, &connection->io);
    *connection->link = connection->next;
    if (connection->next) {
        connection->next->link = connection->link;
    }
    usbip_session_end(&connection->session);
    free(connection->held);
    close(connection->io.fd);
    free(connection);
}
