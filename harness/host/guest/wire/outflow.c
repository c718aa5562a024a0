#include "host/guest/wire/outflow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vparticle/error.h"

static void tell(struct outflow *flow, size_t size)
{
    if (flow->written) {
        flow->written(flow->context, size);
    }
}

static void on_writable(struct ev_loop *loop, ev_io *io, int events)
{
    (void)loop;
    (void)events;
    struct outflow *flow = io->data;
    const size_t left = flow->size - flow->done;
    const ssize_t count =
        write(io->fd, flow->bytes + flow->done, left < flow->piece ? left : flow->piece);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    flow->done = count > 0 ? flow->done + (size_t)count : flow->size;
    if (flow->done == flow->size) {
        flow->done = flow->size = 0;
        ev_io_stop(flow->loop, io);
    }
    tell(flow, count > 0 ? (size_t)count : 0);
}

void outflow_start(struct outflow *flow, struct ev_loop *loop, int fd, size_t piece)
{
    flow->loop = loop;
    flow->piece = piece;
    ev_io_init(&flow->io, on_writable, fd, EV_WRITE);
    flow->io.data = flow;
}

int outflow_add(struct outflow *flow, const void *bytes, size_t size)
{
    if (size > flow->capacity - flow->size && flow->done) {
        memmove(flow->bytes, flow->bytes + flow->done, flow->size - flow->done);
        flow->size -= flow->done;
        flow->done = 0;
    }
    if (size > flow->capacity - flow->size) {
        const size_t capacity = (flow->size + size) * 2;
        uint8_t *grown = realloc(flow->bytes, capacity);
        if (!grown) {
            return VP_ERROR_NO_MEMORY;
        }
        flow->bytes = grown;
        flow->capacity = capacity;
    }
    if (size) {
        memcpy(flow->bytes + flow->size, bytes, size);
        flow->size += size;
        ev_io_start(flow->loop, &flow->io);
    }
    return 0;
}

size_t outflow_pending(const struct outflow *flow)
{
    return flow->size - flow->done;
}

void outflow_stop(struct outflow *flow)
{
    if (flow->loop) {
        ev_io_stop(flow->loop, &flow->io);
        free(flow->bytes);
        *flow = (struct outflow){.loop = NULL};
    }
}
