#include "host/userland/supervisor/call_queue.h"

#include <errno.h>
#include <stdlib.h>

struct queued_call {
    struct queued_call *next;
    struct call call;
};

void call_queue_add(struct call_queue *queue, const struct call *call)
{
    struct queued_call *added = calloc(1, sizeof *added);
    if (!added) {
        call_fail(call, ENOMEM);
        return;
    }
    added->call = *call;
    struct queued_call **end = &queue->first;
    while (*end) {
        end = &(*end)->next;
    }
    *end = added;
}

static void remove_first(struct call_queue *queue)
{
    struct queued_call *first = queue->first;
    queue->first = first->next;
    free(first);
}

bool call_queue_take(struct call_queue *queue, struct call *call)
{
    while (queue->first) {
        *call = queue->first->call;
        remove_first(queue);
        if (call_is_waiting(call)) {
            return true;
        }
    }
    return false;
}

void call_queue_fail(struct call_queue *queue, int error)
{
    while (queue->first) {
        call_fail(&queue->first->call, error);
        remove_first(queue);
    }
}

void call_queue_forget(struct call_queue *queue, const struct session *session)
{
    for (struct queued_call **link = &queue->first; *link;) {
        struct queued_call *queued = *link;
        if (queued->call.session == session) {
            *link = queued->next;
            free(queued);
        } else {
            link = &queued->next;
        }
    }
}
