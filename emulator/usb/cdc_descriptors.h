/**
 * @file cdc_descriptors.h
 * The three shapes in which running systems show their serial port on USB.
 *
 * Source: hal/src/core/usb_desc.c, usb_hal.c @ v0.5.2 to v1.4.4 (the Core's never changed);
 * hal/src/stm32f2xx/usbd_desc_stm32f2xx.c, usbd_cdc_core.c @ v0.5.2; usbd_composite.c,
 * usbd_mcdc.c @ v0.6.1.
 */
#ifndef VP_USB_CDC_DESCRIPTORS_H
#define VP_USB_CDC_DESCRIPTORS_H

#include "system/system.h"
#include "usb/function.h"

/** Number of the vendor interface, where there is one. */
enum { VP_CDC_CONTROL_INTERFACE = 2 };

struct vp_cdc_shape {
    uint16_t release;     /**< bcdDevice */
    uint8_t device_class; /**< with subclass and protocol */
    uint8_t device_subclass, device_protocol;
    const uint8_t *configuration;
    uint8_t configuration_size;
    uint8_t data_in, data_out, notifications; /**< endpoint numbers */
    bool self_powered;
    bool
        control_interface; /**< interface association, vendor interface, Microsoft OS descriptors */
    uint8_t interface_limit; /**< highest interface number that requests may name */
    uint8_t line_coding[7];  /**< before the host has set one */
    /** Write a string descriptor; @return bytes, 0 if there is none of that number */
    uint32_t (*string)(const struct vp_system *system, uint8_t index, uint8_t *to);
};

const struct vp_cdc_shape *vp_cdc_shape(const struct vp_system *system);

/** GET_DESCRIPTOR, see struct vp_usb_function. */
struct vp_usb_reply vp_cdc_descriptor(const struct vp_system *system,
                                      const struct vp_cdc_shape *shape, uint16_t value,
                                      uint8_t *to);

#endif
