/**
 * @file outflow.h
 * Bytes on their way to a descriptor that takes them when it likes.
 */
#ifndef VP_GUEST_OUTFLOW_H
#define VP_GUEST_OUTFLOW_H

#include <ev.h>
#include <limits.h>
#include <stddef.h>
#include <stdint.h>

/** For a descriptor whose flags are not ours to change: a pipe takes as many without blocking. */
enum { OUTFLOW_SMALL_PIECES = PIPE_BUF, OUTFLOW_ANY_PIECES = INT_MAX };

struct outflow {
    struct ev_loop *loop;
    ev_io io;
    size_t piece; /**< written at once, at most */
    uint8_t *bytes;
    size_t done, size, capacity;
    /**
     * So many bytes were written; 0: no more can be (errno says why), and the rest is dropped.
     * It may start, stop or free what it likes, this outflow too. NULL: nobody wants to know.
     */
    void (*written)(void *context, size_t size);
    void *context;
};

/** @param fd  not closed by an outflow */
void outflow_start(struct outflow *flow, struct ev_loop *loop, int fd, size_t piece);

/** @return 0 or VP_ERROR_NO_MEMORY */
int outflow_add(struct outflow *flow, const void *bytes, size_t size);

/** Bytes that are not written yet. */
size_t outflow_pending(const struct outflow *flow);

void outflow_stop(struct outflow *flow);

#endif
