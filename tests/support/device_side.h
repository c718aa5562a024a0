/**
 * @file device_side.h
 * What every device that a test makes up has to do: keep transfers and finish them, and tell its
 * listeners. It also implements those functions of vparticle/device.h that have the same answer for
 * all of them: nobody waits for such a device, and its clock is never slowed down.
 */
#ifndef TESTS_DEVICE_SIDE_H
#define TESTS_DEVICE_SIDE_H

#include "vparticle/device.h"

/** Transfers that wait, oldest first. */
struct device_queue {
    struct vp_transfer *first;
};

void device_queue_add(struct device_queue *queue, struct vp_transfer *transfer);
/** The oldest of an endpoint and direction, or NULL. */
struct vp_transfer *device_queue_find(const struct device_queue *queue, uint8_t endpoint, bool in);
/** Take a transfer out of the queue that it waits in. */
void device_queue_remove(struct vp_transfer *transfer);
/** Finish them all: the device has gone. */
void device_queue_end(struct device_queue *queue);

/** Tell who asked for the transfer. @p actual counts only for VP_TRANSFER_OK. */
void device_finish(struct vp_transfer *transfer, enum vp_transfer_status status, uint32_t actual);
/** Finish an IN transfer with as much of @p data as it has room for. */
void device_give(struct vp_transfer *transfer, const void *data, size_t length);

struct device_listeners {
    struct {
        vp_event_listener listener;
        void *context;
    } entries[4];
};

/** @return 0 or VP_ERROR_NO_MEMORY */
int device_listeners_add(struct device_listeners *listeners, vp_event_listener listener,
                         void *context);
void device_listeners_remove(struct device_listeners *listeners, vp_event_listener listener,
                             const void *context);
void device_listeners_tell(const struct device_listeners *listeners, const struct vp_event *event);

#endif
