#include "support/fake_device.h"

#include <stdlib.h>
#include <string.h>

static void tell(struct vp_device *device, enum vp_event_kind kind)
{
    const struct vp_event event = {.kind = kind, .mode = VP_MODE_DFU};
    for (size_t i = 0; i < sizeof device->listeners / sizeof device->listeners[0]; i++) {
        if (device->listeners[i].listener) {
            device->listeners[i].listener(device->listeners[i].context, &event);
        }
    }
}

static void finish(struct vp_transfer *transfer, enum vp_transfer_status status, uint32_t actual)
{
    transfer->status = status;
    transfer->actual = status == VP_TRANSFER_OK ? actual : 0;
    transfer->complete(transfer);
}

static void take_out(struct vp_transfer *transfer)
{
    *transfer->link = transfer->next;
    if (transfer->next) {
        transfer->next->link = transfer->link;
    }
}

static void finish_all(struct vp_device *device, enum vp_transfer_status status)
{
    while (device->pending) {
        struct vp_transfer *transfer = device->pending;
        take_out(transfer);
        finish(transfer, status, 0);
    }
}

static void keep(struct vp_device *device, struct vp_transfer *transfer)
{
    struct vp_transfer **at = &device->pending;
    while (*at) {
        at = &(*at)->next;
    }
    transfer->next = NULL;
    transfer->link = at;
    *at = transfer;
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
    finish_all(device, VP_TRANSFER_NO_DEVICE);
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
    for (struct vp_transfer *each = device->pending; each; each = each->next) {
        if (each->endpoint == endpoint && each->in == in) {
            uint32_t actual = length < each->length ? length : each->length;
            if (in && actual > 0) {
                memcpy(each->data, data, actual);
            }
            take_out(each);
            finish(each, VP_TRANSFER_OK, actual);
            return true;
        }
    }
    return false;
}

unsigned int fake_device_pending(const struct vp_device *device)
{
    unsigned int count = 0;
    for (const struct vp_transfer *each = device->pending; each; each = each->next) {
        count++;
    }
    return count;
}

static void give(struct vp_transfer *transfer, const void *data, uint32_t length)
{
    uint32_t actual = length < transfer->length ? length : transfer->length;
    if (actual > 0) {
        memcpy(transfer->data, data, actual);
    }
    finish(transfer, VP_TRANSFER_OK, actual);
}

static void echo(struct vp_device *device, struct vp_transfer *transfer)
{
    if (transfer->in) {
        give(transfer, device->echo, device->echo_length);
        return;
    }
    if (transfer->length > 0) {
        memcpy(device->echo, transfer->data, transfer->length);
    }
    device->echo_length = transfer->length;
    finish(transfer, VP_TRANSFER_OK, transfer->length);
}

void vp_device_submit(struct vp_device *device, struct vp_transfer *transfer)
{
    static const uint8_t status[6] = {0, 1, 2, 3, 4, 5};
    device->submitted++;
    if (!device->attached) {
        finish(transfer, VP_TRANSFER_NO_DEVICE, 0);
        return;
    }
    switch (transfer->endpoint == 0 ? transfer->setup[1] : FAKE_REQUEST_PENDING) {
    case FAKE_REQUEST_ECHO:
        echo(device, transfer);
        break;
    case FAKE_REQUEST_STATUS:
        give(transfer, status, sizeof status);
        break;
    case FAKE_REQUEST_PENDING:
        keep(device, transfer);
        break;
    case FAKE_REQUEST_LEAVE:
        finish(transfer, VP_TRANSFER_OK, 0);
        fake_device_set_deadline(device, 500);
        break;
    case FAKE_REQUEST_VANISH:
        keep(device, transfer);
        fake_device_detach(device);
        break;
    default:
        finish(transfer, VP_TRANSFER_STALL, 0);
        break;
    }
}

void vp_device_cancel(struct vp_device *device, struct vp_transfer *transfer)
{
    device->cancelled++;
    take_out(transfer);
    finish(transfer, VP_TRANSFER_CANCELLED, 0);
}

int vp_device_bus_reset(struct vp_device *device)
{
    device->resets++;
    finish_all(device, VP_TRANSFER_NO_DEVICE);
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
    for (size_t i = 0; i < sizeof device->listeners / sizeof device->listeners[0]; i++) {
        if (!device->listeners[i].listener) {
            device->listeners[i].listener = listener;
            device->listeners[i].context = context;
            return 0;
        }
    }
    return VP_ERROR_NO_MEMORY;
}

void vp_device_unlisten(struct vp_device *device, vp_event_listener listener, void *context)
{
    for (size_t i = 0; i < sizeof device->listeners / sizeof device->listeners[0]; i++) {
        if (device->listeners[i].listener == listener && device->listeners[i].context == context) {
            device->listeners[i].listener = NULL;
        }
    }
}

void vp_device_destroy(struct vp_device *device)
{
    if (device) {
        finish_all(device, VP_TRANSFER_NO_DEVICE);
        free(device);
    }
}
