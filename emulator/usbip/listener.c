#include "usbip/server_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 64, ACCEPTS_AT_ONCE = 16 };
/** Seconds to leave a listener alone when the process is out of descriptors. */
static const ev_tstamp retry_after = 0.1;

static void on_connection(struct ev_loop *loop, ev_io *io, int events)
{
    (void)events;
    struct usbip_listener *listener = io->data;
    for (int i = 0; i < ACCEPTS_AT_ONCE; i++) {
        struct sockaddr_storage peer = {0};
        socklen_t length = sizeof peer;
        int fd = accept4(io->fd, (struct sockaddr *)&peer, &length, SOCK_CLOEXEC);
        if (fd >= 0) {
            usbip_connection_start(listener->server, fd, &peer, length);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            usbip_server_log(listener->server, "cannot accept a client now: %s", strerror(errno));
            ev_io_stop(loop, io);
            ev_timer_set(&listener->retry, retry_after, 0.);
            ev_timer_start(loop, &listener->retry);
        }
        return;
    }
}

static void on_retry(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)events;
    struct usbip_listener *listener = timer->data;
    ev_io_start(loop, &listener->io);
}

static int fail_errno(struct vp_failure *failure, const char *address, const char *what)
{
    int error = errno == EADDRINUSE ? VP_ERROR_BUSY : VP_ERROR_IO;
    return vp_fail(failure, error, "cannot listen on '%.200s': %s: %s%s", address, what,
                   strerror(errno),
                   errno == EADDRINUSE ? "; choose another address (port 0 picks a free one) or "
                                         "end the program that has it"
                                       : "");
}

/**
 * A socket file whose program has ended stays behind and refuses connections: remove it.
 * @return 0 if the path may be bound now
 */
static int remove_stale(const char *text, const struct sockaddr_storage *address, socklen_t length,
                        struct vp_failure *failure)
{
    const char *path = ((const struct sockaddr_un *)address)->sun_path;
    struct stat status;
    if (lstat(path, &status) != 0) {
        return errno == ENOENT ? 0 : fail_errno(failure, text, "lstat");
    }
    if (!S_ISSOCK(status.st_mode)) {
        return vp_fail(failure, VP_ERROR_BUSY,
                       "cannot listen on '%.200s': there is a file of that name that is not a "
                       "socket; choose another path",
                       text);
    }
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (probe < 0) {
        return fail_errno(failure, text, "socket");
    }
    int refused =
        connect(probe, (const struct sockaddr *)address, length) != 0 && errno == ECONNREFUSED;
    close(probe);
    if (!refused) {
        return vp_fail(failure, VP_ERROR_BUSY,
                       "cannot listen on '%.200s': another program listens there; choose another "
                       "path or end that program",
                       text);
    }
    if (unlink(path) != 0 && errno != ENOENT) {
        return fail_errno(failure, text, "unlink of the stale socket");
    }
    return 0;
}

/** @return a listening descriptor, or an error with @p failure filled in */
static int open_socket(const char *text, const struct sockaddr_storage *address, socklen_t length,
                       struct vp_failure *failure)
{
    const int on = 1;
    int fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return fail_errno(failure, text, "socket");
    }
    if (address->ss_family != AF_UNIX) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    }
    const char *what = "bind";
    if (bind(fd, (const struct sockaddr *)address, length) == 0) {
        what = "listen";
        if (listen(fd, BACKLOG) == 0) {
            return fd;
        }
    }
    int error = fail_errno(failure, text, what);
    close(fd);
    return error;
}

static void tell_bound(const struct usbip_listener *listener, char *bound, size_t bound_size)
{
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof address;
    if (getsockname(listener->io.fd, (struct sockaddr *)&address, &length) == 0) {
        vp_usbip_address_text(bound, bound_size, &address, length);
    }
}

int vp_server_listen(struct vp_server *server, const char *text, char *bound, size_t bound_size,
                     struct vp_failure *failure)
{
    struct sockaddr_storage address;
    socklen_t length;
    int error = vp_usbip_address_parse(text, &address, &length, failure);
    if (!error && address.ss_family == AF_UNIX) {
        error = remove_stale(text, &address, length, failure);
    }
    if (error) {
        return error;
    }
    struct usbip_listener *listener = calloc(1, sizeof *listener);
    if (listener && address.ss_family == AF_UNIX) {
        listener->unix_path = strdup(((struct sockaddr_un *)&address)->sun_path);
    }
    if (!listener || (address.ss_family == AF_UNIX && !listener->unix_path)) {
        free(listener);
        return vp_fail(failure, VP_ERROR_IO, "cannot listen on '%.200s': out of memory", text);
    }
    int fd = open_socket(text, &address, length, failure);
    if (fd < 0) {
        free(listener->unix_path);
        free(listener);
        return fd;
    }
    listener->server = server;
    listener->next = server->listeners;
    server->listeners = listener;
    ev_io_init(&listener->io, on_connection, fd, EV_READ);
    listener->io.data = listener;
    ev_timer_init(&listener->retry, on_retry, retry_after, 0.);
    listener->retry.data = listener;
    ev_io_start(server->loop, &listener->io);
    if (bound) {
        tell_bound(listener, bound, bound_size);
    }
    return 0;
}

void usbip_listener_close(struct usbip_listener *listener)
{
    ev_io_stop(listener->server->loop, &listener->io);
    ev_timer_stop(listener->server->loop, &listener->retry);
    close(listener->io.fd);
    if (listener->unix_path) {
        unlink(listener->unix_path);
        free(listener->unix_path);
    }
    free(listener);
}
