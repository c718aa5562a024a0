#include "host/kernel/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/client/import.h"
#include "host/client/stream.h"

struct relay {
    struct stream server, kernel; /**< `kernel` is open from the import on */
    ev_timer limit;               /**< of the import */
    bool imported;
    const struct relay_events *events;
    void *context;
};

void relay_close(struct relay *relay)
{
    if (relay) {
        ev_timer_stop(relay->server.loop, &relay->limit);
        stream_close(&relay->server);
        stream_close(&relay->kernel);
        free(relay);
    }
}

static void finish(struct relay *relay, bool by_kernel, const char *reason)
{
    const struct relay_events *events = relay->events;
    void *context = relay->context;
    relay_close(relay);
    events->closed(context, by_kernel, reason);
}

static void fail(struct relay *relay, const char *reason)
{
    finish(relay, false, reason);
}

static void on_server_ended(struct stream *stream, const char *reason)
{
    fail(stream->owner, reason);
}

static void on_kernel_ended(struct stream *stream, const char *reason)
{
    (void)reason;
    finish(stream->owner, true, "the kernel has let go of it");
}

static void on_timeout(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    fail(timer->data, "the server does not answer");
}

static size_t from_kernel(struct stream *stream, const uint8_t *bytes, size_t count)
{
    struct relay *relay = stream->owner;
    stream_send(&relay->server, bytes, count);
    return count;
}

/* The kernel's end must block: vhci_tx.c sends a request as a whole, or gives the device up. */
static int open_kernel_side(struct relay *relay)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends)) {
        return -1;
    }
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    relay->kernel =
        (struct stream){.received = from_kernel, .ended = on_kernel_ended, .owner = relay};
    stream_adopt(&relay->kernel, relay->server.loop, ends[0]);
    return ends[1];
}

static size_t take_import(struct relay *relay, const uint8_t *bytes, size_t count)
{
    struct vp_usbip_device device;
    const char *reason;
    const size_t used = import_answer(bytes, count, &device, &reason);
    if (reason) {
        fail(relay, reason);
        return 0;
    }
    if (used == 0) {
        return 0;
    }
    const int socket = open_kernel_side(relay);
    if (socket < 0) {
        fail(relay, strerror(errno));
        return 0;
    }
    ev_timer_stop(relay->server.loop, &relay->limit);
    relay->imported = true;
    relay->events->opened(relay->context, &device, socket);
    close(socket);
    return used;
}

static size_t from_server(struct stream *stream, const uint8_t *bytes, size_t count)
{
    struct relay *relay = stream->owner;
    if (!relay->imported) {
        return take_import(relay, bytes, count);
    }
    stream_send(&relay->kernel, bytes, count);
    return count;
}

struct relay *relay_open(struct ev_loop *loop, const struct link_address *address,
                         const char *busid, const struct relay_events *events, void *context)
{
    struct relay *relay = calloc(1, sizeof *relay);
    if (!relay) {
        return NULL;
    }
    relay->events = events;
    relay->context = context;
    relay->kernel.io.fd = -1;
    relay->server.received = from_server;
    relay->server.ended = on_server_ended;
    relay->server.owner = relay;
    if (stream_open(&relay->server, loop, (const struct sockaddr *)&address->socket,
                    address->length)) {
        free(relay);
        return NULL;
    }
    ev_timer_init(&relay->limit, on_timeout, LINK_TIME_LIMIT, 0);
    relay->limit.data = relay;
    ev_timer_start(loop, &relay->limit);
    uint8_t request[VP_USBIP_IMPORT_REQUEST_SIZE];
    import_request(request, busid);
    stream_send(&relay->server, request, sizeof request);
    return relay;
}
