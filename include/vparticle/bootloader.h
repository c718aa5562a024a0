/** @file bootloader.h What a tool has to know of a board's bootloader before it relies on its DFU.
 */
#ifndef VPARTICLE_BOOTLOADER_H
#define VPARTICLE_BOOTLOADER_H

#include <stdint.h>

#include "vparticle/platform.h"

/**
 * How much of a board's serial flash its bootloader does not let DFU reach, from the first byte on:
 * where it chooses the memory by the address alone (usbd_dfu_mal.c, MAL_CheckAdd @ v0.4.5), the DCT
 * is shown in that place.
 * @param version  of the bootloader
 * @return bytes; 0 if all of it can be reached, or the board has no serial flash
 */
uint32_t vp_bootloader_hidden_serial(enum vp_platform platform, uint16_t version);

#endif
