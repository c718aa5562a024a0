/* The door to the cloud. At real speed a message waits until the processor is done. */
#include "vparticle/link.h"

#include <stdlib.h>
#include <string.h>

#include "coap/coap.h"
#include "device/device_private.h"
#include "system/update/update.h"

struct vp_waiting_message {
    struct vp_waiting_message *next;
    size_t length;
    uint8_t bytes[];
};

static void drop_waiting(struct vp_device *device)
{
    while (device->arrived) {
        struct vp_waiting_message *gone = device->arrived;
        device->arrived = gone->next;
        free(gone);
    }
}

void vp_device_set_link(struct vp_device *device, const struct vp_link_handlers *handlers,
                        void *context)
{
    vp_cloud_stop(&device->system);
    drop_waiting(device);
    device->link = (struct vp_link){.set = handlers != NULL, .context = context};
    if (handlers) {
        device->link.handlers = *handlers;
    }
    if (vp_device_runs_system(device)) {
        vp_cloud_look(&device->system);
        vp_device_look(device);
    }
}

enum vp_link_transport vp_device_link_transport(const struct vp_device *device)
{
    return vp_system_build_find(device->board->platform)->cellular ? VP_LINK_UDP : VP_LINK_TCP;
}

static bool is_connected(const struct vp_device *device)
{
    return vp_device_runs_system(device) && device->system.cloud.session;
}

static void take(struct vp_device *device, const uint8_t *message, size_t length)
{
    vp_cloud_receive(&device->system, message, length);
    vp_device_look(device);
}

static int keep(struct vp_device *device, const uint8_t *message, size_t length)
{
    unsigned count = 0;
    struct vp_waiting_message **end = &device->arrived;
    for (; *end; end = &(*end)->next) {
        count++;
    }
    struct vp_waiting_message *kept =
        count < VP_LINK_WAITING ? malloc(sizeof *kept + length) : NULL;
    if (kept) {
        kept->next = NULL;
        kept->length = length;
        if (length > 0) {
            memcpy(kept->bytes, message, length);
        }
        *end = kept;
    }
    return 0;
}

int vp_device_link_receive(struct vp_device *device, const uint8_t *message, size_t length)
{
    if (!is_connected(device)) {
        return VP_ERROR_NOT_FOUND;
    }
    if (length > VP_COAP_MESSAGE_LIMIT) {
        length = VP_COAP_MESSAGE_LIMIT; /* more than any firmware has room for */
    }
    if (device->busy_us > 0 || device->arrived) {
        return keep(device, message, length);
    }
    take(device, message, length);
    return 0;
}

void vp_device_take_arrived(struct vp_device *device)
{
    while (device->arrived && device->busy_us == 0) {
        struct vp_waiting_message *first = device->arrived;
        device->arrived = first->next;
        if (is_connected(device)) {
            take(device, first->bytes, first->length);
        }
        free(first);
    }
}

void vp_device_link_lost(struct vp_device *device)
{
    drop_waiting(device);
    if (is_connected(device)) {
        vp_cloud_lost(&device->system);
        vp_device_look(device);
    }
}

int64_t vp_device_link_deadline(const struct vp_device *device)
{
    if (!device->link.set || !vp_device_runs_system(device)) {
        return -1;
    }
    if (device->busy_us > 0) {
        const bool goes_on = device->arrived || device->system.cloud.state != VP_CLOUD_OFF;
        return goes_on ? (int64_t)(device->busy_us + 999) / 1000 : -1;
    }
    if (device->system.next != VP_SYSTEM_NEXT_NOTHING) {
        return device->system.next_in; /* a reset, mostly */
    }
    const int64_t cloud = vp_cloud_deadline(&device->system);
    const int64_t update =
        vp_cloud_is_updating(&device->system) ? vp_update_patience(&device->system) : -1;
    return cloud < 0 || (update >= 0 && update < cloud) ? update : cloud;
}

void vp_device_set_application(struct vp_device *device, const struct vp_application *application)
{
    device->application = application;
    device->system.machine.application = application;
}
