/**
 * @file control.h
 * Endpoint 0: the standard requests as the firmware's USB stack answers them.
 *
 * Source: platform/MCU/STM32F2xx/STM32_USB_Device_Driver/src/usbd_req.c @ v0.5.2, v0.7.0. Where
 * that code forgets to answer, so does this.
 */
#ifndef VP_USB_CONTROL_H
#define VP_USB_CONTROL_H

#include "usb/function.h"

enum vp_usb_state { VP_USB_DEFAULT, VP_USB_ADDRESSED, VP_USB_CONFIGURED };

struct vp_usb_control {
    const struct vp_usb_function *function;
    void *context;
    enum vp_usb_state state;
    uint8_t configuration;
    bool stalled_once; /**< endpoint 0's halt flag, which the stack sets and never clears */
    bool remote_wakeup;
};

/** Attach a function to a fresh stack, as after a reset of the chip. */
void vp_usb_control_start(struct vp_usb_control *control, const struct vp_usb_function *function,
                          void *context);

/** Bus reset, then an address: what a host does first. */
void vp_usb_control_bus_reset(struct vp_usb_control *control);

/** Carry out one request. */
struct vp_usb_reply vp_usb_control_request(struct vp_usb_control *control,
                                           const struct vp_usb_request *request);

#endif
