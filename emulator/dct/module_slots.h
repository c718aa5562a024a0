/**
 * @file module_slots.h
 * The table of pending modules in the DCT: the system writes what the bootloader copies at the next
 * start.
 *
 * Five slots of 20 bytes at DCT offset 2852. The first is for the factory reset; the others are
 * for modules that were received. Source: platform_flash_modules.h, dct.h, flash_mal.c @ v0.5.2,
 * v0.7.0; the numbers of devices and checks are those of hal/shared/flash_device_hal.h and
 * module_info_hal.h.
 */
#ifndef VP_MODULE_SLOTS_H
#define VP_MODULE_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

#include "vparticle/board.h"
#include "vparticle/flash.h"

enum {
    VP_PENDING_FACTORY_SLOT = 0,
    VP_PENDING_FIRST_SLOT = 1,
    VP_PENDING_SLOTS = 5,
};

/** Magic numbers of a slot. */
enum {
    VP_PENDING_FREE = 0xFFFF,
    VP_PENDING_MODULE = 0xABCD,
    VP_PENDING_FACTORY = 0x0FAC,
};

/** Which flash an address belongs to (flash_device_t). */
enum vp_pending_device { VP_PENDING_INTERNAL = 0, VP_PENDING_SERIAL = 1 };

/** What the bootloader checks before it copies. With none of them it copies unchecked. */
enum vp_pending_check {
    VP_PENDING_CHECK_CRC = 0x02,
    VP_PENDING_CHECK_DESTINATION = 0x04, /**< the header's start is the destination */
    VP_PENDING_CHECK_FUNCTION = 0x08,    /**< and the length */
    VP_PENDING_CHECK_ALL = 0x0E,         /**< what the system asks for */
};

struct vp_pending_module {
    uint16_t magic;
    uint8_t source_device, destination_device; /**< enum vp_pending_device */
    uint32_t source, destination;
    uint32_t length;  /**< bytes to copy: the module with its CRC */
    uint8_t function; /**< enum vp_module_function */
    uint8_t flags;    /**< enum vp_pending_check */
};

enum { VP_PENDING_SLOT_SIZE = 20 };

/** Offset of a slot in the DCT. */
uint32_t vp_pending_offset(unsigned slot);

/** Take the bytes of a slot apart. */
void vp_pending_unpack(const uint8_t bytes[VP_PENDING_SLOT_SIZE], struct vp_pending_module *module);

/**
 * Read a slot. In a DCT that was never written its bytes are ones.
 * @return 0, or an error of vp_dct_read()
 */
int vp_pending_read(const struct vp_flash *flash, const struct vp_board *board, unsigned slot,
                    struct vp_pending_module *module);

/**
 * Write a slot, with the magic number that @p module has.
 * @return 0, or an error of vp_dct_write()
 */
int vp_pending_write(struct vp_flash *flash, const struct vp_board *board, unsigned slot,
                     const struct vp_pending_module *module);

/**
 * FLASH_AddToNextAvailableModulesSlot: write into the first slot that holds no pending module.
 * @p module gets the magic number VP_PENDING_MODULE, whatever it says.
 * @return the slot, VP_ERROR_BUSY if all are taken, or an error of vp_dct_write()
 */
int vp_pending_add(struct vp_flash *flash, const struct vp_board *board,
                   const struct vp_pending_module *module);

/** Set a slot's magic number to VP_PENDING_FREE; the rest of it stays. @return as vp_dct_write() */
int vp_pending_free(struct vp_flash *flash, const struct vp_board *board, unsigned slot);

#endif
