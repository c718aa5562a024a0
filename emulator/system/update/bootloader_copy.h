/**
 * @file bootloader_copy.h
 * bootloader_update(): copy a bootloader image into its place while the system runs.
 *
 * Source: hal/src/stm32f2xx/bootloader.cpp, flash_mal.c (FLASH_CopyMemory) @ v0.4.6, v0.7.0.
 */
#ifndef VP_BOOTLOADER_COPY_H
#define VP_BOOTLOADER_COPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "system/system.h"

/**
 * Check @p image (header, platform, destination, function, length, CRC) and write it into the
 * bootloader's place. A flash that fails leaves what it left.
 * @param size  bytes with the CRC
 * @return true if the new bootloader is there, whole
 */
bool vp_bootloader_copy(struct vp_system *system, const uint8_t *image, size_t size);

#endif
