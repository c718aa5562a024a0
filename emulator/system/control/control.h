/**
 * @file control.h
 * Control requests: how a host asks the running system for something over USB's control endpoint.
 *
 * Two protocols carry them. From 0.6.0-rc.1 on, vendor request 0x50 with the type in wIndex, one at
 * a time (legacy.c). From 0.8.0-rc.2 on, the asynchronous one of particle-usb with up to four
 * requests at once (channel.c); of the old one only a few requests are left. What a request does is
 * in the table of requests.c.
 *
 * Source: system/src/system_control.cpp @ v0.6.0, v0.7.0; usb_control_request_channel.cpp,
 * system_control_internal.cpp and control/ @ v0.8.0-rc.2, v1.0.1, v1.5.2, v2.2.0, v3.3.0;
 * HAL_USB_Handle_Vendor_Request, hal/src/stm32f2xx/usb_hal.c @ v1.5.2.
 */
#ifndef VP_SYSTEM_CONTROL_H
#define VP_SYSTEM_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vp_system;

/** A vendor request to the device (USB 2.0 section 9.3). */
struct vp_vendor_request {
    bool in; /**< device to host */
    uint8_t request;
    uint16_t value, index, length;
    uint8_t *data;     /**< OUT: what the host sent; IN: room for the answer */
    uint32_t capacity; /**< bytes at `data`, at most `length` */
};

enum { VP_VENDOR_STALL = -1 };

enum {
    VP_CONTROL_ACTIVE_LIMIT = 4,    /**< USB_REQUEST_MAX_ACTIVE_COUNT */
    VP_CONTROL_LEGACY_BUFFER = 512, /**< USB_REQUEST_BUFFER_SIZE @ v0.7.0 */
};

/** What happens once the host has collected a result. */
enum vp_control_consequence {
    VP_CONTROL_NOTHING,
    VP_CONTROL_RESET,
    VP_CONTROL_FACTORY_RESET,
    VP_CONTROL_DFU,
    VP_CONTROL_SAFE_MODE,
    VP_CONTROL_APPLY_UPDATE, /**< queue what was received, then reset */
};

enum vp_control_state {
    VP_CONTROL_FREE,
    VP_CONTROL_ALLOCATING, /**< a large payload's room comes a moment later */
    VP_CONTROL_RECEIVING,  /**< of the payload */
    VP_CONTROL_DONE,
};

struct vp_control_request {
    enum vp_control_state state;
    uint32_t number; /**< of all that were opened; its lower half is the request's id */
    uint16_t type;
    uint8_t *payload, *reply; /**< owned */
    uint32_t payload_size, reply_size;
    uint32_t offset; /**< moved so far, of the payload or of the reply */
    int32_t result;  /**< system_error_t, 0 or negative; old ones also 1 */
    enum vp_control_consequence consequence;
};

/** A part of struct vp_system. */
struct vp_control {
    struct vp_control_request active[VP_CONTROL_ACTIVE_LIMIT];
    uint32_t opened; /**< requests so far */

    /* The one request of the old protocol. */
    struct {
        bool ready; /**< its reply waits to be fetched */
        bool failed;
        uint16_t type;
        uint8_t reply[VP_CONTROL_LEGACY_BUFFER];
        uint32_t reply_size;
    } legacy;

    /* An update that is being received by control requests. */
    struct {
        bool receiving;
        uint32_t size, received;
    } update;
};

/**
 * Carry out a vendor request.
 * @return bytes of the answer in @p request's room, 0 for an OUT request, or VP_VENDOR_STALL
 */
int32_t vp_control_vendor_request(struct vp_system *system,
                                  const struct vp_vendor_request *request);

/** The bus was reset, or the host gave up: all requests are cancelled. */
void vp_control_cancel_all(struct vp_control *control);

#endif
