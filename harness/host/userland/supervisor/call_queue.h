/**
 * @file call_queue.h
 * Calls that wait for the same thing to happen, oldest first.
 */
#ifndef VP_HOST_CALL_QUEUE_H
#define VP_HOST_CALL_QUEUE_H

#include <stdbool.h>

#include "host/tool/call.h"

struct call_queue {
    struct queued_call *first;
};

/** Keep a copy of @p call; without memory for it the call fails with ENOMEM. */
void call_queue_add(struct call_queue *queue, const struct call *call);

/** Take the oldest call that still waits. @return false if there is none */
bool call_queue_take(struct call_queue *queue, struct call *call);

/** All of them fail with @p error. */
void call_queue_fail(struct call_queue *queue, int error);

/** Forget the calls of a session that is over. */
void call_queue_forget(struct call_queue *queue, const struct session *session);

#endif
