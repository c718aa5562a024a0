/**
 * @file core_control.h
 * Endpoint 0 of the Core: ST's older USB stack, which answers standard requests in its own way.
 *
 * Source: platform/MCU/STM32F1xx/STM32_USB_Device_Driver/src/usb_core.c @ v0.7.0.
 */
#ifndef VP_USB_CORE_CONTROL_H
#define VP_USB_CORE_CONTROL_H

#include "usb/control.h"

/** What the stack asks of a class; `context` is the control endpoint's. */
struct vp_core_class {
    /** Class_NoData_Setup, Class_Data_Setup: requests that the stack does not know itself. */
    struct vp_usb_reply (*request)(void *context, const struct vp_usb_request *request);
    /** Class_Get_Interface_Setting */
    uint8_t interface_limit, alternate_limit;
    /** Where the alternate setting is kept. */
    uint8_t *(*alternate)(void *context);
};

/** Carry out one request. */
struct vp_usb_reply vp_core_control_request(struct vp_usb_control *control,
                                            const struct vp_core_class *class,
                                            const struct vp_usb_request *request);

#endif
