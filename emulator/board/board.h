/**
 * @file board.h
 * The boards as constant tables: memory map and USB identity.
 */
#ifndef VP_BOARD_H
#define VP_BOARD_H

#include <stdint.h>

#include "vparticle/flash.h"
#include "vparticle/platform.h"

/** Bytes of a device id, the processor's unique id (RM0033 section 32.1). */
enum { VP_DEVICE_ID_SIZE = 12 };

/** A stretch of the address space; `end` is exclusive. */
struct vp_region {
    uint32_t start, end;
};

struct vp_board {
    enum vp_platform platform;
    const char *name; /**< as in a SPEC, a part's name and a path */
    const struct vp_flash_geometry *geometry;

    struct vp_region bootloader;
    struct vp_region dct[2];        /**< the two copies */
    struct vp_region dfu_protected; /**< DFU refuses to erase or write here */
    struct vp_region system_parts;  /**< from the first part's start to the last one's end */
    uint32_t application;           /**< what the bootloader jumps to */
    struct vp_region user;          /**< user application */

    uint16_t usb_vendor;
    uint16_t usb_dfu_product;       /**< idProduct in DFU mode */
    uint16_t usb_normal_product;    /**< idProduct of the running system */
    const char *dfu_product_string; /**< since bootloader 9 */
    const char *product_string;     /**< of the running system since 0.6.0 */
    const char *old_product_string; /**< of the running system before */
    /** DfuSe memory layouts (DfuSe file format, UM0391 section 10.3.2), an alternate setting each.
     */
    const char *const *dfu_layouts;
    unsigned dfu_layout_count;
};

/** @return the board's table, or NULL if that board is not built yet */
const struct vp_board *vp_board_find(enum vp_platform platform);

#endif
