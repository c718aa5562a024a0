/**
 * @file descriptors.h
 * Builders for the descriptors that DFU mode and the running system have in common.
 * Each writes to room that the caller has (256 bytes is always enough) and returns the size.
 */
#ifndef VP_USB_DESCRIPTORS_H
#define VP_USB_DESCRIPTORS_H

#include <stdbool.h>
#include <stdint.h>

#include "vparticle/board.h"

/** What differs between the device descriptors of Particle's boards. */
struct vp_usb_device_identity {
    uint16_t vendor, product, release; /**< idVendor, idProduct, bcdDevice */
    uint8_t device_class, device_subclass, device_protocol;
};

/** Device descriptor, USB 2.0 section 9.6.1; 18 bytes, strings 1, 2 and 3, 64-byte endpoint 0. */
uint32_t vp_usb_device_descriptor(uint8_t *to, const struct vp_usb_device_identity *identity);

/** String descriptor, USB 2.0 section 9.6.7, of ASCII text of up to 126 characters. */
uint32_t vp_usb_string_descriptor(uint8_t *to, const char *text);

/** A device id as string descriptor: 24 hexadecimal digits. */
uint32_t vp_usb_device_id_string(uint8_t *to, const uint8_t *device_id, bool upper_case);

/** String descriptor 0: US English only. */
uint32_t vp_usb_language_descriptor(uint8_t *to);

/** Microsoft OS 1.0 string (index 0xEE) that names vendor request 0xEE. */
uint32_t vp_usb_microsoft_string(uint8_t *to);

/** Microsoft OS 1.0 "Extended Compat ID": WINUSB for one interface. */
uint32_t vp_usb_compatible_id(uint8_t *to, uint8_t interface);

/** Microsoft OS 1.0 "Extended Properties": DeviceInterfaceGUIDs with one GUID in braces. */
uint32_t vp_usb_extended_properties(uint8_t *to, const char *guid);

#endif
