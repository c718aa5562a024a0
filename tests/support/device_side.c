#include "support/device_side.h"

#include <string.h>

void device_queue_add(struct device_queue *queue, struct vp_transfer *transfer)
{
    struct vp_transfer **at = &queue->first;
    while (*at) {
        at = &(*at)->next;
    }
    transfer->next = NULL;
    transfer->link = at;
    *at = transfer;
}

struct vp_transfer *device_queue_find(const struct device_queue *queue, uint8_t endpoint, bool in)
{
    struct vp_transfer *transfer = queue->first;
    while (transfer && (transfer->endpoint != endpoint || transfer->in != in)) {
        transfer = transfer->next;
    }
    return transfer;
}

void device_queue_remove(struct vp_transfer *transfer)
{
    *transfer->link = transfer->next;
    if (transfer->next) {
        transfer->next->link = transfer->link;
    }
}

void device_queue_end(struct device_queue *queue)
{
    while (queue->first) {
        struct vp_transfer *transfer = queue->first;
        device_queue_remove(transfer);
        device_finish(transfer, VP_TRANSFER_NO_DEVICE, 0);
    }
}

void device_finish(struct vp_transfer *transfer, enum vp_transfer_status status, uint32_t actual)
{
    transfer->status = status;
    transfer->actual = status == VP_TRANSFER_OK ? actual : 0;
    transfer->complete(transfer);
}

void device_give(struct vp_transfer *transfer, const void *data, size_t length)
{
    uint32_t actual = length < transfer->length ? (uint32_t)length : transfer->length;
    if (actual > 0) {
        memcpy(transfer->data, data, actual);
    }
    device_finish(transfer, VP_TRANSFER_OK, actual);
}

enum {
    LISTENERS = sizeof((struct device_listeners *)0)->entries /
                sizeof((struct device_listeners *)0)->entries[0]
};

int device_listeners_add(struct device_listeners *listeners, vp_event_listener listener,
                         void *context)
{
    for (size_t i = 0; i < LISTENERS; i++) {
        if (!listeners->entries[i].listener) {
            listeners->entries[i].listener = listener;
            listeners->entries[i].context = context;
            return 0;
        }
    }
    return VP_ERROR_NO_MEMORY;
}

void device_listeners_remove(struct device_listeners *listeners, vp_event_listener listener,
                             const void *context)
{
    for (size_t i = 0; i < LISTENERS; i++) {
        if (listeners->entries[i].listener == listener &&
            listeners->entries[i].context == context) {
            listeners->entries[i].listener = NULL;
        }
    }
}

void device_listeners_tell(const struct device_listeners *listeners, const struct vp_event *event)
{
    for (size_t i = 0; i < LISTENERS; i++) {
        if (listeners->entries[i].listener) {
            listeners->entries[i].listener(listeners->entries[i].context, event);
        }
    }
}

int64_t vp_device_patience(const struct vp_device *device)
{
    (void)device;
    return -1;
}

enum vp_speed vp_device_speed(const struct vp_device *device)
{
    (void)device;
    return VP_SPEED_INSTANT;
}
