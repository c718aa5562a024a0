/**
 * @file update.h
 * The door for a module that comes in while the system runs: YMODEM, control requests and the cloud
 * all use it. The image lands in the OTA area, is checked there, and is queued for the bootloader;
 * a bootloader image is installed at once. The Core checks nothing: its bootloader copies whatever
 * is there.
 *
 * The firmware asks for no more than that: a failed check is no error of these functions. A real
 * device lets a sender write past the OTA area, over whatever follows; this one refuses.
 *
 * Source: system/src/system_update.cpp, hal/src/stm32f2xx/ota_flash_hal_stm32f2xx.cpp,
 * bootloader.cpp, flash_mal.c, hal/src/core/ota_flash_hal.c @ v0.4.6, v0.5.2, v0.6.4, v0.7.0,
 * v1.5.2, v2.2.0.
 */
#ifndef VP_SYSTEM_UPDATE_H
#define VP_SYSTEM_UPDATE_H

#include "system/system.h"

/** What came of an image, as the generation that received it sees it. */
struct vp_update_result {
    unsigned checked, result; /**< enum vp_module_check; it passed if they are equal */
    /** 0 if it passed and was queued or installed; else what this generation calls that: 1, or from
     *  2.0.0 on one of enum vp_system_error (errors.h) */
    int code;
    bool queued;    /**< the bootloader will copy it at the next start */
    bool installed; /**< a bootloader: it is in its place already */
};

/**
 * Erase the OTA area for @p size bytes.
 * @return 0, VP_ERROR_RANGE (larger than the area), VP_ERROR_BUSY (one is being received),
 *         VP_ERROR_FLASH
 */
int vp_update_begin(struct vp_system *system, uint32_t size);

/**
 * The same as the firmware does it, which trusts the sender: an impossible size erases nothing,
 * and what comes is written over what is there.
 * @return 0 or VP_ERROR_BUSY
 */
int vp_update_begin_unchecked(struct vp_system *system, uint32_t size);

/** Write a chunk. @return 0, VP_ERROR_INVALID (none was begun), VP_ERROR_RANGE, VP_ERROR_FLASH */
int vp_update_write(struct vp_system *system, uint32_t offset, const void *data, uint32_t length);

/** Only check what is there, as vp_update_finish() would. @return 0, VP_ERROR_INVALID (none was
 *  begun) */
int vp_update_validate(struct vp_system *system, struct vp_update_result *result);

/**
 * Everything is there: check it, and queue or install it. The reset that has to follow is the
 * caller's.
 * @return 0, VP_ERROR_INVALID (none was begun), VP_ERROR_FLASH
 */
int vp_update_finish(struct vp_system *system, struct vp_update_result *result);

/** Forget what was received so far. */
void vp_update_cancel(struct vp_system *system);

/** Bytes of the OTA area. */
uint32_t vp_update_area_size(const struct vp_system *system);

/**
 * What the firmware does at a start with the OTA flag (DCT offset 1753 = 0xA5): clear it and finish
 * what DFU wrote into the OTA area.
 * @return true if something was queued or installed: the chip has to be reset
 */
bool vp_update_apply_flagged(struct vp_system *system);

/** @return milliseconds until an update that nobody goes on with resets the chip, or -1 */
int64_t vp_update_patience(const struct vp_system *system);

/** Let time pass. */
void vp_update_advance(struct vp_system *system, uint32_t milliseconds);

#endif
