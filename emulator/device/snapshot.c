/* What survives a reset, to come back to. */
#include <stdlib.h>

#include "device/device_private.h"

struct vp_snapshot {
    const struct vp_board *board;
    struct vp_flash *flash, *external;
    struct vp_backup_registers backup;
    struct vp_networks networks;
};

/* Both flashes or none. */
static int fork_both(const struct vp_flash *flash, const struct vp_flash *external,
                     struct vp_flash **fork, struct vp_flash **external_fork)
{
    int error = vp_flash_fork(fork, flash);
    if (!error && external) {
        error = vp_flash_fork(external_fork, external);
        if (error) {
            vp_flash_destroy(*fork);
            *fork = NULL;
        }
    }
    return error;
}

int vp_device_take_snapshot(const struct vp_device *device, struct vp_snapshot **snapshot)
{
    struct vp_snapshot *made = calloc(1, sizeof *made);
    if (!made) {
        return VP_ERROR_NO_MEMORY;
    }
    made->board = device->board;
    made->backup = device->backup;
    made->networks = device->networks;
    const int error = fork_both(device->flash, device->external, &made->flash, &made->external);
    if (error) {
        free(made);
        return error;
    }
    *snapshot = made;
    return 0;
}

int vp_device_restore(struct vp_device *device, const struct vp_snapshot *snapshot)
{
    struct vp_flash *flash = NULL, *external = NULL;
    if (device->board != snapshot->board) {
        return VP_ERROR_INVALID;
    }
    const int error = fork_both(snapshot->flash, snapshot->external, &flash, &external);
    if (error) {
        return error;
    }
    vp_flash_take(device->flash, flash);
    if (external) {
        vp_flash_take(device->external, external);
    }
    device->backup = snapshot->backup;
    device->networks = snapshot->networks;
    vp_device_reset(device);
    return 0;
}

void vp_snapshot_destroy(struct vp_snapshot *snapshot)
{
    if (snapshot) {
        vp_flash_destroy(snapshot->flash);
        vp_flash_destroy(snapshot->external);
        free(snapshot);
    }
}
