/* Devices made of a flash that is there already. */
#include <string.h>

#include "device/device_private.h"

const uint8_t vp_device_default_id[VP_DEVICE_ID_SIZE] = {0x30, 0x00, 0x3A, 0x00, 0x0A, 0x47,
                                                         0x34, 0x34, 0x32, 0x31, 0x30, 0x31};

int vp_device_from_flash(struct vp_device **device, enum vp_platform platform,
                         struct vp_flash *flash)
{
    struct vp_device_parts parts = {.board = vp_board_find(platform), .flash = flash};
    if (!parts.board || vp_flash_geometry(flash) != parts.board->geometry) {
        return VP_ERROR_INVALID;
    }
    parts.request = VP_BOOT_REQUEST_NONE;
    memcpy(parts.id, vp_device_default_id, sizeof parts.id);
    int error = parts.board->external ? vp_flash_create(&parts.external, parts.board->external) : 0;
    if (!error) {
        error = vp_device_create(device, &parts);
    }
    if (error) {
        vp_flash_destroy(parts.external);
    }
    return error;
}
