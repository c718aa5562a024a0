#include "usbip/server_private.h"
#include "usbip/socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ACCEPTS_AT_ONCE = 16 };
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

int vp_server_listen(struct vp_server *server, const char *text, char *bound, size_t bound_size,
                     struct vp_failure *failure)
{
    struct usbip_listener *listener = calloc(1, sizeof *listener);
    if (!listener) {
        return vp_fail(failure, VP_ERROR_IO, "cannot listen on '%.200s': out of memory", text);
    }
    int fd;
    const int error = vp_socket_listen(text, &fd, &listener->unix_path, failure);
    if (error) {
        free(listener);
        return error;
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
        vp_socket_address(fd, bound, bound_size);
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
