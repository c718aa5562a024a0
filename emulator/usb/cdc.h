/**
 * @file cdc.h
 * What the running system shows on USB: a CDC-ACM serial port and, since 0.6.0, a vendor
 * interface for control requests.
 *
 * Source: usbd_cdc_core.c @ v0.5.2; usbd_composite.c, usbd_mcdc.c @ v0.6.1. Nothing is behind the
 * port yet: it takes what it is sent and has nothing to say, and control requests stall, as
 * they do on firmware that is not ready for them.
 */
#ifndef VP_USB_CDC_H
#define VP_USB_CDC_H

#include "board/board.h"
#include "system/generations.h"
#include "usb/dfu.h"
#include "usb/function.h"

struct vp_cdc {
    const struct vp_board *board;
    const struct vp_system_generation *generation;
    uint8_t device_id[VP_DEVICE_ID_SIZE];
    uint8_t line_coding[7]; /**< CDC PSTN 1.2 section 6.3.11 */
    uint16_t control_lines; /**< SET_CONTROL_LINE_STATE: bit 0 DTR, bit 1 RTS */
};

/** Enter the running system afresh. */
void vp_cdc_start(struct vp_cdc *cdc, const struct vp_board *board,
                  const struct vp_system_generation *generation, const uint8_t *device_id,
                  struct vp_usb_function *function);

/** True if the configuration has such an endpoint (number without the direction bit). */
bool vp_cdc_has_endpoint(const struct vp_cdc *cdc, uint8_t endpoint, bool in);

#endif
