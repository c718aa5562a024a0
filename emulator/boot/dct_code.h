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

/** init_dct_functions(): look for the code anew. */
void vp_boot_find_dct_code(struct vp_boot *boot);

/**
 * Read from the DCT's application section.
 * @return 0, VP_ERROR_NOT_FOUND (there is no code), VP_ERROR_UNSUPPORTED (the bootloader calls code
 *         that is gone: the processor faults), or an error of vp_dct_read()
 */
int vp_boot_dct_read(struct vp_boot *boot, uint32_t offset, void *data, size_t length);

/** Write to it. @return as above, VP_ERROR_BUSY if this bootloader's writes never work */
int vp_boot_dct_write(struct vp_boot *boot, uint32_t offset, const void *data, size_t length);

#endif
