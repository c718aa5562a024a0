/**
 * @file dfu_memory.h
 * The memories behind DFU's alternate settings.
 *
 * Source: usbd_dfu_mal.c, usbd_flash_if.c, usbd_dct_if.c at the tags named in dfu.h.
 */
#ifndef VP_USB_DFU_MEMORY_H
#define VP_USB_DFU_MEMORY_H

#include "usb/dfu.h"

enum vp_dfu_result {
    VP_DFU_DONE,
    VP_DFU_FAILED,  /**< the firmware's MAL_FAIL */
    VP_DFU_FAULTED, /**< the processor faults (an address behind the end of flash, code that is
                       gone) */
};

/** MAL_Erase: erase the sector at @p address. */
enum vp_dfu_result vp_dfu_erase(struct vp_dfu *dfu, uint32_t address);

/** MAL_Write: write the first @p length bytes of the buffer to @p address. */
enum vp_dfu_result vp_dfu_write(struct vp_dfu *dfu, uint32_t address, uint32_t length);

/** MAL_Read: @p length bytes from @p address into @p data, which gets all of them. */
enum vp_dfu_result vp_dfu_read(struct vp_dfu *dfu, uint32_t address, uint8_t *data,
                               uint32_t length);

/** MAL_GetStatus: put bwPollTimeout for @p address into dfu->status, or leave it as it is. */
void vp_dfu_set_poll_timeout(struct vp_dfu *dfu, uint32_t address, bool erase);

#endif
