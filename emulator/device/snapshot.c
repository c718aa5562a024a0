/* What survives a reset, to come back to. */
#include <stdlib.h>

#include "device/device_private.h"

struct vp_snapshot {
    const struct vp_board *board;
    struct vp_flash *flash, *external;
    struct vp_backup_registers backup;
};

int vp_device_take_snapshot(const struct vp_device *device, struct vp_snapshot **snapshot)
{
    struct vp_snapshot *made = calloc(1, sizeof *made);
    if (!made) {
        return VP_ERROR_NO_MEMORY;
    }
    made->board = device->board;
    made->backup = device->backup;
    int error = vp_flash_fork(&made->flash, device->flash);
    if (!error && device->external) {
        error = vp_flash_fork(&made->external, device->external);
    }
    if (error) {
        vp_snapshot_destroy(made);
        return error;
    }
    *snapshot = made;
    return 0;
}

int vp_device_restore(struct vp_device *device, const struct vp_snapshot *snapshot)
{
    if (device->board != snapshot->board) {
        return VP_ERROR_INVALID;
    }
    int error = vp_flash_copy(device->flash, snapshot->flash);
    if (!error && device->external) {
        error = vp_flash_copy(device->external, snapshot->external);
    }
    if (!error) {
        device->backup = snapshot->backup;
        vp_device_reset(device);
    }
    return error;
}

void vp_snapshot_destroy(struct vp_snapshot *snapshot)
{
    if (snapshot) {
        vp_flash_destroy(snapshot->flash);
        vp_flash_destroy(snapshot->external);
        free(snapshot);
    }
}
