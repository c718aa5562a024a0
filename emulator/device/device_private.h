/** @file device_private.h The device, for the files of this room. */
#ifndef VP_DEVICE_PRIVATE_H
#define VP_DEVICE_PRIVATE_H

#include "boot/boot.h"
#include "device/listeners.h"
#include "system/system.h"
#include "usb/cdc.h"
#include "usb/control.h"
#include "usb/dfu.h"
#include "vparticle/device.h"

struct vp_device {
    const struct vp_board *board;
    struct vp_flash *flash;
    struct vp_backup_registers backup;
    uint8_t id[VP_DEVICE_ID_SIZE];

    enum vp_mode mode;
    bool attached; /**< the pull-up is on: a host sees the device */
    bool button;
    uint32_t held_ms; /**< how long the bootloader has watched the button */
    int64_t reset_in; /**< milliseconds until the chip resets by itself, or -1 */

    /* What runs: the bootloader, or the system that it jumped to. */
    struct vp_boot boot;
    struct vp_dfu dfu;
    struct vp_system system;
    struct vp_cdc cdc;
    struct vp_usb_function function;
    struct vp_usb_control control;

    struct vp_transfer *pending;
    struct vp_listeners listeners;
};

/** What a device is made of; see vp_device_create(). */
struct vp_device_parts {
    const struct vp_board *board;
    struct vp_flash *flash; /**< becomes the device's */
    uint8_t id[VP_DEVICE_ID_SIZE];
    uint16_t request; /**< what backup register 1 asks of the bootloader at the first start */
};

/**
 * Make a device and switch it on.
 * @return 0, or VP_ERROR_NO_MEMORY (then the flash stays the caller's)
 */
int vp_device_create(struct vp_device **device, const struct vp_device_parts *parts);

#endif
