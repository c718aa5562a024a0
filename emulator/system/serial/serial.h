/**
 * @file serial.h
 * The firmware's two buffers between the USB serial port and whoever reads and writes it.
 *
 * Source: hal/src/stm32f2xx/usb_hal.c, usbd_cdc_core.c @ v0.4.6, v0.5.2, v0.6.4. On the device a
 * writer waits for the host to fetch what is there; here there is room for the longest answer
 * instead, and nobody answers before that much room is free.
 */
#ifndef VP_SYSTEM_SERIAL_H
#define VP_SYSTEM_SERIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "system/generations.h"

enum {
    VP_SERIAL_RECEIVE_LIMIT = 256,
    VP_SERIAL_TRANSMIT_LIMIT = 8192,
    VP_SERIAL_LONGEST_ANSWER = 4096, /**< bytes that one input byte can bring forth */
    VP_SERIAL_PACKET = 64,           /**< bytes of a bulk packet, USB 2.0 section 5.8.3 */
};

struct vp_serial {
    const struct vp_port_rules *rules;
    bool dtr, open;
    uint32_t baud;
    uint8_t received[VP_SERIAL_RECEIVE_LIMIT];
    uint16_t received_count;
    uint8_t waiting[VP_SERIAL_TRANSMIT_LIMIT]; /**< for the host, a ring */
    uint16_t waiting_first, waiting_count;
};

/** A port that nobody has opened yet, at 9600 baud. */
void vp_serial_start(struct vp_serial *serial, const struct vp_port_rules *rules);

/** The host chose a configuration, or none: nobody has opened the port. What either side said
 * before is forgotten, except by firmware whose port is always open. */
void vp_serial_configure(struct vp_serial *serial);

void vp_serial_set_baud(struct vp_serial *serial, uint32_t baud);
void vp_serial_set_dtr(struct vp_serial *serial, bool dtr);

/** Take bytes from the host, in packets. @return how many were taken */
uint32_t vp_serial_put(struct vp_serial *serial, const uint8_t *bytes, uint32_t count);

/** Give at most @p room bytes to the host. @return how many there were */
uint32_t vp_serial_take(struct vp_serial *serial, uint8_t *bytes, uint32_t room);

/** The oldest received byte. @return it, or -1 */
int vp_serial_peek(const struct vp_serial *serial);

/** The same, and forget it. @return it, or -1 */
int vp_serial_read(struct vp_serial *serial);

/** Forget all that was received. */
void vp_serial_discard(struct vp_serial *serial);

/** True if the longest answer has room. */
bool vp_serial_has_room(const struct vp_serial *serial);

/** Say something; lost if the port is not open. */
void vp_serial_write(struct vp_serial *serial, const void *bytes, uint32_t count);
void vp_serial_print(struct vp_serial *serial, const char *text);

#endif
