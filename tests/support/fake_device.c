#include "support/fake_device.h"

#include <stdlib.h>
#include <string.h>

static void tell(struct vp_device *device, enum vp_event_kind kind)
{
    const struct vp_event event = {.kind = kind, .mode = VP_MODE_DFU};
    device_listeners_tell(&device->listeners, &event);
}

struct vp_device *fake_device_create(uint16_t product_id)
{
    struct vp_device *device = calloc(1, sizeof *device);
    if (device) {
        device->product_id = product_id;
        device->attached = true;
        device->deadline = -1;
    }
    return device;
}

void fake_device_attach(struct vp_device *device)
{
    device->attached = true;
    tell(device, VP_EVENT_ATTACHED);
}

void fake_device_detach(struct vp_device *device)
{
    device->attached = false;
    device_queue_end(&device->pending);
    tell(device, VP_EVENT_DETACHED);
}

void fake_device_set_deadline(struct vp_device *device, int64_t milliseconds)
{
    device->deadline = milliseconds;
    tell(device, VP_EVENT_DEADLINE);
}

bool fake_device_complete(struct vp_device *device, uint8_t endpoint, bool in, const void *data,
                          uint32_t length)
{
    struct vp_transfer *transfer = device_queue_find(&device->pending, endpoint, in);
    if (!transfer) {
        return false;
    }
    device_queue_remove(transfer);
    if (in) {
        device_give(transfer, data, length);
    } else {
        device_finish(transfer, VP_TRANSFER_OK,
                      length < transfer->length ? length : transfer->length);
    }
    return true;
}

unsigned int fake_device_pending(const struct vp_device *device)
{
    unsigned int count = 0;
    for (const struct vp_transfer *each = device->pending.first; each; each = each->next) {
        count++;
    }
    return count;
}

static void echo(struct vp_device *device, struct vp_transfer *transfer)
{
    if (transfer->in) {
        device_give(transfer, device->echo, device->echo_length);
        return;
    }
    if (transfer->length > 0) {
        memcpy(device->echo, transfer->data, transfer->length);
    }
    device->echo_length = transfer->length;
    device_finish(transfer, VP_TRANSFER_OK, transfer->length);
}

void vp_device_submit(struct vp_device *device, struct vp_transfer *transfer)
{
    static const uint8_t status[6] = {0, 1, 2, 3, 4, 5};
    device->submitted++;
    if (!device->attached) {
        device_finish(transfer, VP_TRANSFER_NO_DEVICE, 0);
        return;
    }
    switch (transfer->endpoint == 0 ? transfer->setup[1] : FAKE_REQUEST_PENDING) {
    case FAKE_REQUEST_ECHO:
        echo(device, transfer);
        break;
    case FAKE_REQUEST_STATUS:
        device_give(transfer, status, sizeof status);
        break;
    case FAKE_REQUEST_PENDING:
        device_queue_add(&device->pending, transfer);
        break;
    case FAKE_REQUEST_LEAVE:
        device_finish(transfer, VP_TRANSFER_OK, 0);
        fake_device_set_deadline(device, 500);
        break;
    case FAKE_REQUEST_VANISH:
        device_queue_add(&device->pending, transfer);
        fake_device_detach(device);
        break;
    default:
        device_finish(transfer, VP_TRANSFER_STALL, 0);
        break;
    }
}

void vp_device_cancel(struct vp_device *device, struct vp_transfer *transfer)
{
    device->cancelled++;
    device_queue_remove(transfer);
    device_finish(transfer, VP_TRANSFER_CANCELLED, 0);
}

int vp_device_bus_reset(struct vp_device *device)
{
    device->resets++;
    device_queue_end(&device->pending);
    return device->attached ? 0 : VP_ERROR_NOT_FOUND;
}

int vp_device_identity(const struct vp_device *device, struct vp_usb_identity *identity)
{
    if (!device->attached) {
        return VP_ERROR_NOT_FOUND;
    }
    *identity = (struct vp_usb_identity){.vendor_id = 0x2B04,
                                         .product_id = device->product_id,
                                         .device_version = 0x0200,
                                         .configuration_count = 1,
                                         .interface_count = 2};
    identity->interfaces[0].interface_class = 0xFE;
    identity->interfaces[0].interface_subclass = 1;
    identity->interfaces[0].interface_protocol = 2;
    identity->interfaces[1] = identity->interfaces[0];
    return 0;
}

int64_t vp_device_next_deadline(const struct vp_device *device)
{
    return device->deadline;
}

void vp_device_advance(struct vp_device *device, uint32_t milliseconds)
{
    device->advances++;
    if (device->deadline < 0 || milliseconds < device->deadline) {
        return;
    }
    device->deadline = -1;
    if (!device->attached) {
        fake_device_attach(device);
        return;
    }
    if (device->reattach_after > 0) {
        device->deadline = device->reattach_after;
    }
    fake_device_detach(device);
    tell(device, VP_EVENT_DEADLINE);
}

int vp_device_listen(struct vp_device *device, vp_event_listener listener, void *context)
{
    return device_listeners_add(&device->listeners, listener, context);
}

void vp_device_unlisten(struct vp_device *device, vp_event_listener listener, void *context)
{
    device_listeners_remove(&device->listeners, listener, context);
}

void vp_device_destroy(struct vp_device *device)
{
    if (device) {
        device_queue_end(&device->pending);
        free(device);
    }
}
