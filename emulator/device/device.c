#include "device/device_private.h"

#include <stdlib.h>
#include <string.h>

#include "system/mode.h"
#include "system/own_flags.h"

int vp_device_bus_reset(struct vp_device *device)
{
    if (!device->attached) {
        return VP_ERROR_NOT_FOUND;
    }
    vp_device_drop_pending(device);
    vp_usb_control_bus_reset(&device->control);
    vp_device_tell(device, VP_EVENT_BUS_RESET);
    return 0;
}

/* ---- What can be seen ------------------------------------------------------------------- */

enum vp_mode vp_device_mode(const struct vp_device *device)
{
    return device->mode;
}

bool vp_device_is_safe_for_good(const struct vp_device *device)
{
    return vp_device_runs_system(device) && device->system.safe_mode &&
           vp_own_flags_store(&device->system) != device->boot.generation->flags_store &&
           vp_mode_is_forbidden(&device->system);
}

const char *vp_mode_name(enum vp_mode mode)
{
    static const char *const names[] = {
        [VP_MODE_OFF] = "off",       [VP_MODE_BOOT] = "boot", [VP_MODE_DFU] = "dfu",
        [VP_MODE_NORMAL] = "normal", [VP_MODE_SAFE] = "safe", [VP_MODE_LISTENING] = "listening",
        [VP_MODE_UPDATE] = "update", [VP_MODE_LOOP] = "loop", [VP_MODE_DEAD] = "dead",
    };
    return names[mode];
}

void vp_device_led(const struct vp_device *device, struct vp_led *led)
{
    *led = (struct vp_led){VP_LED_OFF, VP_LED_SOLID, 0};
    if (device->mode == VP_MODE_DFU || device->mode == VP_MODE_BOOT) {
        vp_boot_led(&device->boot, led);
    } else if (vp_device_runs_system(device)) {
        vp_system_led(&device->system, led);
    }
}

int vp_device_listen(struct vp_device *device, vp_event_listener listener, void *context)
{
    return vp_listeners_add(&device->listeners, listener, context);
}

void vp_device_unlisten(struct vp_device *device, vp_event_listener listener, void *context)
{
    vp_listeners_remove(&device->listeners, listener, context);
}

enum vp_platform vp_device_platform(const struct vp_device *device)
{
    return device->board->platform;
}

void vp_device_id(const struct vp_device *device, uint8_t *id)
{
    memcpy(id, device->id, sizeof device->id);
}

const struct vp_module_slot *vp_device_slots(const struct vp_device *device, unsigned *count)
{
    return vp_module_flash_slots(device->flash, device->board->platform, count);
}

struct vp_flash *vp_device_flash(struct vp_device *device)
{
    return device->flash;
}

/* ---- From first to last -------------------------------------------------------------------- */

int vp_device_create(struct vp_device **device, const struct vp_device_parts *parts)
{
    struct vp_device *made = calloc(1, sizeof *made);
    if (!made) {
        return VP_ERROR_NO_MEMORY;
    }
    made->board = parts->board;
    made->flash = parts->flash;
    made->external = parts->external;
    made->pending.end = &made->pending.first;
    made->queue.end = &made->queue.first;
    made->deadline = -1;
    memcpy(made->id, parts->id, sizeof made->id);
    made->reset_in = -1;
    made->backup.dr[1] = parts->request;
    vp_device_restart(made, VP_RESET_POWER);
    *device = made;
    return 0;
}

void vp_device_destroy(struct vp_device *device)
{
    if (device) {
        vp_device_detach(device);
        vp_listeners_free(&device->listeners);
        vp_device_set_link(device, NULL, NULL);
        vp_system_stop(&device->system);
        vp_application_destroy(device->own_application);
        vp_flash_destroy(device->flash);
        vp_flash_destroy(device->external);
        free(device->faults);
        free(device);
    }
}
