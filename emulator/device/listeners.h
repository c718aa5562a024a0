/** @file listeners.h Who is told of a device's events. */
#ifndef VP_DEVICE_LISTENERS_H
#define VP_DEVICE_LISTENERS_H

#include <stddef.h>

#include "vparticle/device.h"

struct vp_listener {
    vp_event_listener call; /**< NULL: removed while events were being told */
    void *context;
};

struct vp_listeners {
    struct vp_listener *list;
    size_t count;
    unsigned telling; /**< how deep in vp_listeners_tell(); removal waits for 0 */
};

int vp_listeners_add(struct vp_listeners *listeners, vp_event_listener call, void *context);
void vp_listeners_remove(struct vp_listeners *listeners, vp_event_listener call, void *context);
void vp_listeners_tell(struct vp_listeners *listeners, const struct vp_event *event);
void vp_listeners_free(struct vp_listeners *listeners);

#endif
