/**
 * @file stream.h
 * A connection to the USB/IP server on a libev loop: bytes out as soon as the socket takes them,
 * bytes in to a callback. Never blocks.
 */
#ifndef VP_HOST_STREAM_H
#define VP_HOST_STREAM_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct stream_buffer {
    uint8_t *bytes;
    size_t start, end, size;
};

struct stream {
    ev_io io;
    struct ev_loop *loop;
    bool connecting;
    struct stream_buffer input, output;
    bool *alive; /**< of the callback in progress: cleared by stream_close() */

    /**
     * Bytes have come; may close the stream.
     * @return how many were used; the rest is offered again with more behind it
     */
    size_t (*received)(struct stream *stream, const uint8_t *bytes, size_t count);
    /** The connection failed or ended; it is closed already. May free the stream's memory. */
    void (*ended)(struct stream *stream, const char *reason);
    void *owner;
};

/**
 * Start to connect. The callbacks and `owner` must be set; all else is set here.
 * @return 0, or VP_ERROR_IO (errno says why): then nothing is open
 */
int stream_open(struct stream *stream, struct ev_loop *loop, const struct sockaddr *address,
                socklen_t length);

/** The same with a connected socket, which must not block; it belongs to the stream from here on.
 */
void stream_adopt(struct stream *stream, struct ev_loop *loop, int fd);

/** Send, now or when the socket takes it. A failure shows later, through `ended`. */
void stream_send(struct stream *stream, const void *bytes, size_t count);

/** Close without a callback; does nothing if it is closed. */
void stream_close(struct stream *stream);

#endif
