#include "net/listener.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "net/socket.h"

enum { ACCEPTS_AT_ONCE = 16 };

/* Seconds to leave a connection alone that there is no descriptor for. */
static const ev_tstamp retry_after = 0.1;

static bool passes_by_itself(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static void pause_for_descriptors(struct vp_listener *listener, int error)
{
    if (listener->handlers->exhausted) {
        listener->handlers->exhausted(listener->context, error);
    }
    ev_io_stop(listener->loop, &listener->io);
    ev_timer_set(&listener->retry, retry_after, 0.);
    ev_timer_start(listener->loop, &listener->retry);
}

static void on_connection(struct ev_loop *loop, ev_io *io, int events)
{
    (void)loop;
    (void)events;
    struct vp_listener *listener = io->data;
    for (int i = 0; i < ACCEPTS_AT_ONCE; i++) {
        struct sockaddr_storage peer = {0};
        socklen_t length = sizeof peer;
        const int descriptor = accept4(io->fd, (struct sockaddr *)&peer, &length, SOCK_CLOEXEC);
        if (descriptor < 0) {
            if (passes_by_itself(errno)) {
                pause_for_descriptors(listener, errno);
            }
            return;
        }
        listener->handlers->connected(listener->context, descriptor, &peer, length);
    }
}

static void on_retry(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)events;
    struct vp_listener *listener = timer->data;
    ev_io_start(loop, &listener->io);
}

int vp_listener_open(struct vp_listener *listener, struct ev_loop *loop, const char *address,
                     const struct vp_listener_handlers *handlers, void *context,
                     struct vp_failure *failure)
{
    int descriptor;
    *listener = (struct vp_listener){.loop = loop, .handlers = handlers, .context = context};
    const int error = vp_socket_listen(address, &descriptor, &listener->unix_path, failure);
    if (error) {
        return error;
    }
    ev_io_init(&listener->io, on_connection, descriptor, EV_READ);
    listener->io.data = listener;
    ev_timer_init(&listener->retry, on_retry, retry_after, 0.);
    listener->retry.data = listener;
    ev_io_start(loop, &listener->io);
    return 0;
}

void vp_listener_close(struct vp_listener *listener)
{
    ev_io_stop(listener->loop, &listener->io);
    ev_timer_stop(listener->loop, &listener->retry);
    close(listener->io.fd);
    if (listener->unix_path) {
        unlink(listener->unix_path);
        free(listener->unix_path);
    }
}
