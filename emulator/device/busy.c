/* Real speed: the processor stands still while its flash is busy, and starts take time. */
#include <string.h>

#include "device/device_private.h"

int vp_speed_from_name(const char *name, enum vp_speed *speed)
{
    const bool real = strcmp(name, "real") == 0;
    if (!real && strcmp(name, "instant") != 0) {
        return VP_ERROR_NOT_FOUND;
    }
    *speed = real ? VP_SPEED_REAL : VP_SPEED_INSTANT;
    return 0;
}

void vp_device_set_speed(struct vp_device *device, enum vp_speed speed)
{
    vp_device_spend(device);
    device->speed = speed;
}

enum vp_speed vp_device_speed(const struct vp_device *device)
{
    return device->speed;
}

void vp_device_spend(struct vp_device *device)
{
    uint64_t total = vp_flash_busy_us(device->flash);
    if (device->external) {
        total += vp_flash_busy_us(device->external);
    }
    if (device->speed == VP_SPEED_REAL) {
        device->busy_us += total - device->accounted_us;
    }
    device->accounted_us = total;
}

void vp_device_work(struct vp_device *device, uint32_t milliseconds)
{
    if (device->speed == VP_SPEED_REAL) {
        device->busy_us += (uint64_t)milliseconds * 1000;
    }
}
