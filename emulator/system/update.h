/**
 * @file update.h
 * The door for a module that comes in while the system runs: YMODEM, control requests and the cloud
 * all use it. The image lands in the OTA area, is checked there, and is queued for the bootloader;
 * a bootloader image is installed at once.
 *
 * Source: system/src/system_update.cpp, hal/src/stm32f2xx/ota_flash_hal_stm32f2xx.cpp @ v0.5.2,
 * v0.6.4, v0.7.0, v1.5.2.
 */
#ifndef VP_SYSTEM_UPDATE_H
#define VP_SYSTEM_UPDATE_H

#include "system/system.h"

/** What came of an image, as the generation that received it sees it. */
struct vp_update_result {
    unsigned checked, result; /**< enum vp_module_check; it passed if they are equal */
    int code; /**< 0 if it passed; else what this generation calls that: 1, or a system_error_t from
                 2.0.0 on */
    bool queued;    /**< the bootloader will copy it at the next start */
    bool installed; /**< a bootloader: it is in its place already */
};

/**
 * Erase the OTA area for @p size bytes.
 * @return 0, VP_ERROR_RANGE (larger than the area), VP_ERROR_BUSY (one is being received),
 *         VP_ERROR_FLASH
 */
int vp_update_begin(struct vp_system *system, uint32_t size);

/** Write a chunk. @return 0, VP_ERROR_INVALID (none was begun), VP_ERROR_RANGE, VP_ERROR_FLASH */
int vp_update_write(struct vp_system *system, uint32_t offset, const void *data, uint32_t length);

/** Only check what is there, as vp_update_finish() would. @return 0 or VP_ERROR_INVALID */
int vp_update_validate(struct vp_system *system, struct vp_update_result *result);

/** Everything is there: check it, and queue or install it. @return 0, VP_ERROR_INVALID,
 * VP_ERROR_FLASH */
int vp_update_finish(struct vp_system *system, struct vp_update_result *result);

/** Forget what was received so far. */
void vp_update_cancel(struct vp_system *system);

/** Bytes of the OTA area. */
uint32_t vp_update_area_size(const struct vp_system *system);

#endif
