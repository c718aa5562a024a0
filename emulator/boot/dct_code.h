/**
 * @file dct_code.h
 * The DCT as this bootloader can get at it: by its own code, or by that of system part 2.
 *
 * Source: bootloader/src/photon/bootloader_dct.c @ v0.7.0, v1.5.2, bootloader/src/electron.
 */
#ifndef VP_BOOT_DCT_CODE_H
#define VP_BOOT_DCT_CODE_H

#include <stddef.h>

#include "boot/boot.h"

/** load_dct_functions(), dct_reload_functions(): look for the code anew before its next use. */
void vp_boot_forget_dct_code(struct vp_boot *boot);

/**
 * DFU wrote to flash, up to @p end: from bootloader 400 on, that makes the bootloader forget if it
 * was in a system part (FLASH_If_Write, usbd_flash_if.c @ v1.5.2). An erase does not.
 */
void vp_boot_flash_written(struct vp_boot *boot, uint32_t end);

/**
 * Read from the DCT's application section.
 * @return 0, VP_ERROR_NOT_FOUND (there is no code), VP_ERROR_UNSUPPORTED (the bootloader calls code
 *         that is gone: the processor faults), or an error of vp_dct_read()
 */
int vp_boot_dct_read(struct vp_boot *boot, uint32_t offset, void *data, size_t length);

/** Write to it. @return as above, VP_ERROR_BUSY if this bootloader's writes never work */
int vp_boot_dct_write(struct vp_boot *boot, uint32_t offset, const void *data, size_t length);

#endif
