/**
 * @file function.h
 * The interface between the control endpoint and what the firmware makes of it: DFU mode in the
 * bootloader, serial port and control interface in the running system.
 */
#ifndef VP_USB_FUNCTION_H
#define VP_USB_FUNCTION_H

#include <stdbool.h>
#include <stdint.h>

/** A control request (USB 2.0 section 9.3) and room for its data stage. */
struct vp_usb_request {
    uint8_t type; /**< bmRequestType */
    uint8_t request;
    uint16_t value, index, length;
    uint8_t *data;     /**< OUT: what the host sent; IN: room for the answer */
    uint32_t capacity; /**< bytes at `data`, at most `length` */
};

/** How a control request ends. */
enum vp_usb_answer {
    VP_USB_DATA,   /**< `size` bytes of data or, with 0, just the status stage */
    VP_USB_STALL,  /**< a STALL in the data or the status stage: the host can't tell which */
    VP_USB_SILENT, /**< never: the firmware forgot to answer; the next SETUP works */
    VP_USB_DETACH, /**< never: the device leaves the bus for a moment instead */
    VP_USB_RESET,  /**< never: the chip resets instead */
    VP_USB_FAULT,  /**< never: the firmware faults, and answers nothing until it is reset */
};

struct vp_usb_reply {
    enum vp_usb_answer answer;
    uint32_t size;
};

/**
 * Copy an answer into the request's room, cut to what fits.
 * @return VP_USB_DATA with the number of bytes copied
 */
struct vp_usb_reply vp_usb_send(const struct vp_usb_request *request, const void *data,
                                uint32_t size);

/** A status stage without data. */
struct vp_usb_reply vp_usb_acknowledge(void);

struct vp_usb_reply vp_usb_reply_of(enum vp_usb_answer answer);

struct vp_usb_control;

/** One function; `context` is its own. */
struct vp_usb_function {
    /** A stack of its own: all requests come here, and of what follows only `descriptor` and
     *  `self_powered` matter. NULL: the STM32F2xx's stack, see control.h. */
    struct vp_usb_reply (*request)(struct vp_usb_control *control,
                                   const struct vp_usb_request *request);
    /**
     * GET_DESCRIPTOR of the device, configuration and string kinds; `value` tells type and index.
     * Answers with the whole descriptor: the control endpoint cuts it.
     * @param[out] descriptor  room for 256 bytes
     */
    struct vp_usb_reply (*descriptor)(void *context, uint16_t value, uint8_t *descriptor);
    /** Requests of any type to an interface while the device is configured. */
    struct vp_usb_reply (*interface_request)(void *context, const struct vp_usb_request *request);
    /** Vendor requests to the device. */
    struct vp_usb_reply (*vendor_request)(void *context, const struct vp_usb_request *request);
    /** SET_CONFIGURATION took (or with false, gave up) the configuration. */
    void (*configure)(void *context, bool configured);
    /** The bus was reset. NULL: it does not matter. */
    void (*bus_reset)(void *context);
    /** Highest interface number that requests may name. */
    uint8_t interface_limit;
    /** False: a vendor request to the device is read as a standard one (usbd_req.c before 0.6.0).
     */
    bool knows_vendor_requests;
    bool self_powered; /**< what GET_STATUS says */
};

#endif
