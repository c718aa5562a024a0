/**
 * @file board.h
 * The boards as constant tables: memory map and USB identity.
 */
#ifndef VPARTICLE_BOARD_H
#define VPARTICLE_BOARD_H

#include <stdbool.h>
#include <stdint.h>

#include "vparticle/flash.h"
#include "vparticle/platform.h"

/** Bytes of a device id, the processor's unique id (RM0033 section 32.1). */
enum { VP_DEVICE_ID_SIZE = 12 };

/** A stretch of the address space; `end` is exclusive. */
struct vp_region {
    uint32_t start, end;
};

/** How the settings that bootloader and system share are kept. */
enum vp_dct_format {
    VP_DCT_NONE,  /**< not at all: the Core has a page of flags, and keys in its serial flash */
    VP_DCT_WICED, /**< Photon, P1: Broadcom's DCT with the application's section behind it */
    VP_DCT_DCD,   /**< Electron: services/inc/dcd.h */
};

struct vp_board {
    enum vp_platform platform;
    const char *name; /**< as in a SPEC, a part's name and a path */
    const struct vp_flash_geometry *geometry;
    const struct vp_flash_geometry *external; /**< serial flash, or NULL */
    /** The firmware may come in parts. False: always one image (the Core). */
    bool modular;

    struct vp_region bootloader;
    enum vp_dct_format dct_format;
    struct vp_region dct[2];        /**< the two copies; empty without a DCT */
    uint32_t flags_page;            /**< the Core's system flags; 0 elsewhere */
    struct vp_region dfu_protected; /**< DFU refuses to erase or write here */
    struct vp_region system_parts;  /**< from the first part's start to the last one's end */
    uint32_t application;           /**< what the bootloader jumps to */
    struct vp_region user;          /**< user application, where the firmware comes in parts */

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
    /** Bootloaders before this version do not show the last layout. 0: they all do */
    uint16_t dfu_last_layout_since;
};

/** @return the board's table; NULL only for a value that is no platform */
const struct vp_board *vp_board_find(enum vp_platform platform);

#endif
