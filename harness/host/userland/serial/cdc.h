/**
 * @file cdc.h
 * The abstract control model of USB's communication class (CDC PSTN 1.2) as a host sees it: which
 * interfaces make up a serial port, and what goes over its control pipe. Pure.
 */
#ifndef VP_HOST_CDC_H
#define VP_HOST_CDC_H

#include <asm/termbits.h> /* struct termios2; excludes <termios.h> */
#include <stdbool.h>
#include <stdint.h>

#include "host/userland/usb/usb_device.h"

enum {
    CDC_SET_LINE_CODING = 0x20,
    CDC_SET_CONTROL_LINE_STATE = 0x22,
    CDC_SEND_BREAK = 0x23,
    CDC_LINE_CODING_SIZE = 7,
    CDC_CAPABLE_OF_BREAK = 0x04, /* bmCapabilities */
    CDC_DTR = 0x01,              /* SET_CONTROL_LINE_STATE */
    CDC_RTS = 0x02,
    CDC_DCD = 0x01, /* SERIAL_STATE */
    CDC_DSR = 0x02,
    CDC_BREAK = 0x04,
    CDC_RING = 0x08,
    CDC_FRAMING = 0x10,
    CDC_PARITY = 0x20,
    CDC_OVERRUN = 0x40,
};

/** A serial port of a device. */
struct cdc_function {
    uint8_t control, data; /**< interfaces; the same for a device that doesn't separate them */
    uint8_t capabilities;  /**< bmCapabilities of the ACM functional descriptor */
    struct usb_endpoint notify, in, out;
};

/**
 * Is interface @p number, of the active configuration, the control interface of a serial port? As
 * cdc_acm of the kernel decides (its table of devices and acm_probe()).
 */
bool cdc_find(const struct usb_device *device, unsigned number, struct cdc_function *function);

/**
 * SET_LINE_CODING for terminal settings, whose c_ospeed must be the speed itself.
 * @param rate  what the line has now: it stays when the speed is 0 (hang up)
 */
void cdc_line_coding(const struct termios2 *settings, uint32_t rate,
                     uint8_t line[CDC_LINE_CODING_SIZE]);

/** The speed in a line coding. */
uint32_t cdc_line_rate(const uint8_t line[CDC_LINE_CODING_SIZE]);

/** Puts notifications together that come in several pieces. */
struct cdc_notification {
    uint8_t bytes[32]; /**< what does not fit is of no interest */
    unsigned size;     /**< of what has come, with what does not fit */
};

/**
 * Add what came from the notification endpoint.
 * @return true if it completes a SERIAL_STATE, with its bits in @p state
 */
bool cdc_notified(struct cdc_notification *notification, const uint8_t *bytes, unsigned size,
                  unsigned *state);

#endif
