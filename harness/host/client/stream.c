#include "host/client/stream.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vparticle/error.h"

enum { READ_SIZE = 64 << 10 };

/** Room for @p count more bytes at the end, or NULL. */
static uint8_t *reserve(struct stream_buffer *buffer, size_t count)
{
    size_t used = buffer->end - buffer->start;
    if (buffer->size - buffer->end < count && buffer->start > 0) {
        memmove(buffer->bytes, buffer->bytes + buffer->start, used);
        buffer->start = 0;
        buffer->end = used;
    }
    if (buffer->size - buffer->end < count) {
        size_t size = (used + count) * 2;
        uint8_t *grown = realloc(buffer->bytes, size);
        if (!grown) {
            return NULL;
        }
        buffer->bytes = grown;
        buffer->size = size;
    }
    return buffer->bytes + buffer->end;
}

static void clear(struct stream_buffer *buffer)
{
    free(buffer->bytes);
    *buffer = (struct stream_buffer){.bytes = NULL};
}

static void watch(struct stream *stream, int events)
{
    if ((stream->io.events & (EV_READ | EV_WRITE)) != events) {
        ev_io_stop(stream->loop, &stream->io);
        ev_io_set(&stream->io, stream->io.fd, events);
        ev_io_start(stream->loop, &stream->io);
    }
}

void stream_close(struct stream *stream)
{
    if (stream->io.fd < 0) {
        return;
    }
    if (stream->alive) {
        *stream->alive = false;
    }
    ev_io_stop(stream->loop, &stream->io);
    close(stream->io.fd);
    stream->io.fd = -1;
    clear(&stream->input);
    clear(&stream->output);
}

static void end(struct stream *stream, const char *reason)
{
    stream_close(stream);
    stream->ended(stream, reason);
}

static bool would_wait(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

/* Sends what waits; an error shows up at the next read. */
static void flush(struct stream *stream)
{
    struct stream_buffer *output = &stream->output;
    while (output->start < output->end) {
        ssize_t sent = send(stream->io.fd, output->bytes + output->start,
                            output->end - output->start, MSG_NOSIGNAL);
        if (sent < 0) {
            if (!would_wait()) {
                shutdown(stream->io.fd, SHUT_RDWR);
                output->start = output->end = 0;
            }
            break;
        }
        output->start += (size_t)sent;
    }
    if (output->start == output->end) {
        output->start = output->end = 0;
    }
    watch(stream, output->end ? EV_READ | EV_WRITE : EV_READ);
}

void stream_send(struct stream *stream, const void *bytes, size_t count)
{
    if (stream->io.fd < 0) {
        return;
    }
    bool idle = stream->output.start == stream->output.end && !stream->connecting;
    if (idle) {
        ssize_t sent = send(stream->io.fd, bytes, count, MSG_NOSIGNAL);
        if (sent < 0 && !would_wait()) {
            shutdown(stream->io.fd, SHUT_RDWR);
            return;
        }
        size_t done = sent > 0 ? (size_t)sent : 0;
        bytes = (const uint8_t *)bytes + done;
        count -= done;
        if (count == 0) {
            return;
        }
    }
    uint8_t *room = reserve(&stream->output, count);
    if (!room) {
        shutdown(stream->io.fd, SHUT_RDWR);
        return;
    }
    memcpy(room, bytes, count);
    stream->output.end += count;
    watch(stream, stream->connecting ? EV_WRITE : EV_READ | EV_WRITE);
}

/** Offers what has come until nothing more is used. False if the stream was closed meanwhile. */
static bool deliver(struct stream *stream)
{
    bool alive = true;
    stream->alive = &alive;
    struct stream_buffer *input = &stream->input;
    while (input->start < input->end) {
        size_t used =
            stream->received(stream, input->bytes + input->start, input->end - input->start);
        if (!alive) {
            return false;
        }
        input->start += used;
        if (used == 0) {
            break;
        }
    }
    stream->alive = NULL;
    return true;
}

static void receive(struct stream *stream)
{
    uint8_t *room = reserve(&stream->input, READ_SIZE);
    if (!room) {
        end(stream, "no memory");
        return;
    }
    ssize_t count = recv(stream->io.fd, room, READ_SIZE, 0);
    if (count > 0) {
        stream->input.end += (size_t)count;
        deliver(stream);
    } else if (count == 0) {
        end(stream, "the server closed the connection");
    } else if (!would_wait()) {
        end(stream, strerror(errno));
    }
}

static void connected(struct stream *stream)
{
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(stream->io.fd, SOL_SOCKET, SO_ERROR, &error, &size) || error) {
        end(stream, strerror(error));
        return;
    }
    stream->connecting = false;
    flush(stream);
}

static void on_socket(struct ev_loop *loop, ev_io *io, int events)
{
    (void)loop;
    struct stream *stream = io->data;
    if (stream->connecting) {
        connected(stream);
        return;
    }
    if (events & EV_WRITE) {
        flush(stream);
    }
    if (events & EV_READ) {
        receive(stream);
    }
}

static void begin(struct stream *stream, struct ev_loop *loop, int fd, bool connecting)
{
    stream->loop = loop;
    stream->connecting = connecting;
    stream->alive = NULL;
    stream->input = stream->output = (struct stream_buffer){.bytes = NULL};
    ev_io_init(&stream->io, on_socket, fd, connecting ? EV_WRITE : EV_READ);
    stream->io.data = stream;
    ev_io_start(loop, &stream->io);
}

int stream_open(struct stream *stream, struct ev_loop *loop, const struct sockaddr *address,
                socklen_t length)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return VP_ERROR_IO;
    }
    if (address->sa_family != AF_UNIX) {
        /* USB/IP's requests are small and each waits for its answer. */
        int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    int result = connect(fd, address, length);
    if (result && errno != EINPROGRESS) {
        int error = errno;
        close(fd);
        errno = error;
        return VP_ERROR_IO;
    }
    begin(stream, loop, fd, result != 0);
    return 0;
}

void stream_adopt(struct stream *stream, struct ev_loop *loop, int fd)
{
    begin(stream, loop, fd, false);
}
