/**
 * @file cdc.h
 * What the running system shows on USB: a CDC-ACM serial port and, since 0.6.0, a vendor
 * interface for control requests.
 *
 * Source: usbd_cdc_core.c @ v0.5.2; usbd_composite.c, usbd_mcdc.c @ v0.6.1. What is said over the
 * port is the system's.
 */
#ifndef VP_USB_CDC_H
#define VP_USB_CDC_H

#include "usb/cdc_descriptors.h"
#include "usb/function.h"

struct vp_cdc {
    struct vp_system *system;
    const struct vp_cdc_shape *shape;
    uint8_t line_coding[7]; /**< CDC PSTN 1.2 section 6.3.11 */
};

/** Enter the running system afresh. @param system  borrowed */
void vp_cdc_start(struct vp_cdc *cdc, struct vp_system *system, struct vp_usb_function *function);

/** True if the configuration has such an endpoint (number without the direction bit). */
bool vp_cdc_has_endpoint(const struct vp_cdc *cdc, uint8_t endpoint, bool in);

/** True if that is one of the two endpoints for the port's data. */
bool vp_cdc_is_data(const struct vp_cdc *cdc, uint8_t endpoint, bool in);

#endif
