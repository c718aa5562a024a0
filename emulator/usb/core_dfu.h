/**
 * @file core_dfu.h
 * The Core's DFU mode: ST's older stack, DfuSe commands, transfers of 1024 bytes. It starts in
 * dfuERROR, tells of no failure, and protects nothing but what the chip's option bytes do.
 *
 * Source: bootloader/src/core/{dfu_hal,dfu_usb,dfu_mal,flash_if,spi_if,usb_desc,usb_prop}.c @
 * v0.4.4 (bootloader 3), v0.4.9 (7), v0.7.0 (101). No image of it was ever published: nothing of
 * this is confirmed by measurement.
 */
#ifndef VP_USB_CORE_DFU_H
#define VP_USB_CORE_DFU_H

#include "usb/dfu.h"

enum { VP_CORE_DFU_TRANSFER_SIZE = 1024 };

/** Enter DFU mode afresh; see vp_dfu_start(). */
void vp_core_dfu_start(struct vp_dfu *dfu, struct vp_boot *boot, const uint8_t *device_id,
                       struct vp_usb_function *function);

#endif
