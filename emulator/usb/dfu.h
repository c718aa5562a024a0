/**
 * @file dfu.h
 * The bootloader's DFU mode: DFU 1.1 with ST's DfuSe commands, exactly as the firmware has it.
 *
 * Source: usbd_dfu_core.c @ v0.4.5, v0.5.2, v0.6.1, v0.7.0, v1.5.2 (platform/MCU/STM32F2xx/
 * STM32_USB_Device_Driver/src), and the answers of real bootloader images. Comments name
 * the firmware's functions, so that both can be held side by side.
 */
#ifndef VP_USB_DFU_H
#define VP_USB_DFU_H

#include "boot/boot.h"
#include "usb/descriptors.h"
#include "usb/function.h"

enum {
    VP_DFU_TRANSFER_SIZE = 4096, /**< wTransferSize of every version */
};

struct vp_dfu {
    struct vp_boot *boot;
    uint8_t device_id[VP_DEVICE_ID_SIZE];

    uint8_t state;     /**< DeviceState, DFU 1.1 section 6.1.2 */
    uint8_t status[6]; /**< DeviceStatus: bStatus, bwPollTimeout, bState, iString */
    uint32_t block;    /**< wBlockNum */
    uint32_t length;   /**< wlength */
    uint32_t pointer;  /**< address that DfuSe commands set */
    uint8_t alternate;
    uint8_t buffer[VP_DFU_TRANSFER_SIZE]; /**< MAL_Buffer */

    bool leaving; /**< the reset is on its way: somebody has to count to it */
    bool faulted; /**< the Core's processor faulted after it had answered */
};

/**
 * Enter DFU mode afresh.
 * @param boot  of the running bootloader; borrowed
 * @param[out] function  how this bootloader answers; belongs to the caller
 */
void vp_dfu_start(struct vp_dfu *dfu, struct vp_boot *boot, const uint8_t *device_id,
                  struct vp_usb_function *function);

/** Alternate settings that this bootloader has on this board. */
unsigned vp_dfu_alternates(const struct vp_dfu *dfu);

/** Descriptors of DFU mode, see struct vp_usb_function (usbd_desc.c, usbd_dfu_core.c). */
struct vp_usb_reply vp_dfu_descriptor(void *context, uint16_t value, uint8_t *descriptor);

/** Bytes of the DFU functional descriptor (DFU 1.1 section 4.1.3), 9 of them. */
extern const uint8_t vp_dfu_functional_descriptor[9];

/** Microsoft OS descriptors, since bootloader 9. Stalls for any other request. */
struct vp_usb_reply vp_dfu_microsoft_request(const struct vp_usb_request *request);

#endif
