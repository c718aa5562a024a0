#include "device/listeners.h"

#include <stdlib.h>

int vp_listeners_add(struct vp_listeners *listeners, vp_event_listener call, void *context)
{
    struct vp_listener *list =
        realloc(listeners->list, (listeners->count + 1) * sizeof *listeners->list);
    if (!list) {
        return VP_ERROR_NO_MEMORY;
    }
    list[listeners->count++] = (struct vp_listener){call, context};
    listeners->list = list;
    return 0;
}

static void sweep(struct vp_listeners *listeners)
{
    size_t kept = 0;
    for (size_t i = 0; i < listeners->count; i++) {
        if (listeners->list[i].call) {
            listeners->list[kept++] = listeners->list[i];
        }
    }
    listeners->count = kept;
}

void vp_listeners_remove(struct vp_listeners *listeners, vp_event_listener call, void *context)
{
    for (size_t i = 0; i < listeners->count; i++) {
        if (listeners->list[i].call == call && listeners->list[i].context == context) {
            listeners->list[i].call = NULL;
            break;
        }
    }
    if (listeners->telling == 0) {
        sweep(listeners);
    }
}

void vp_listeners_tell(struct vp_listeners *listeners, const struct vp_event *event)
{
    if (listeners->count == 0) {
        return;
    }
    listeners->telling++;
    for (size_t i = 0; i < listeners->count; i++) {
        const struct vp_listener listener = listeners->list[i]; /* the list may move meanwhile */
        if (listener.call) {
            listener.call(listener.context, event);
        }
    }
    if (--listeners->telling == 0) {
        sweep(listeners);
    }
}

void vp_listeners_free(struct vp_listeners *listeners)
{
    free(listeners->list);
    *listeners = (struct vp_listeners){0};
}
