/**
 * @file link.h
 * The device's door to the cloud: CoAP messages (RFC 7252, in the shape that the firmware gives
 * them) as they are inside of the encrypted connection, one call for each.
 *
 * The device decides by itself when it connects, as its firmware does. Like everything of it the
 * door is pure: who owns the other side brings messages and lets the device's time pass. What
 * encryption and network add is not made, but counted: vp_link_wire_size().
 *
 * The handlers are called from inside other calls to the device. They must not call the device:
 * they note what came, and the owner of the link acts on it afterwards.
 */
#ifndef VPARTICLE_LINK_H
#define VPARTICLE_LINK_H

#include <stddef.h>
#include <stdint.h>

#include "vparticle/device.h"

enum vp_link_transport {
    VP_LINK_TCP, /**< Core, Photon, P1: AES-128-CBC over TCP (lightssl_message_channel.cpp) */
    VP_LINK_UDP, /**< Electron: DTLS 1.2 over UDP (dtls_message_channel.cpp) */
};

/** Any of them may be NULL. */
struct vp_link_handlers {
    /** The device has connected: the handshake is done, and its Hello is the next message. It is a
     *  new session each time; what the cloud knew of an old one is over. */
    void (*opened)(void *context);
    /** One message from the device. @p message is valid during the call. On UDP it may be a single
     *  byte, which only keeps the way open. */
    void (*sent)(void *context, const uint8_t *message, size_t length);
    /** The device has closed the connection, or is gone without a word (reset, power). */
    void (*closed)(void *context);
};

/**
 * Connect the device to a network with a cloud behind it. NULL handlers take it away again; a new
 * device has none, and never connects. What is open is closed first (the old handlers hear of it).
 * The link stays while the device is reset, switched off or in DFU mode.
 * @param handlers  copied
 */
void vp_device_set_link(struct vp_device *device, const struct vp_link_handlers *handlers,
                        void *context);

enum vp_link_transport vp_device_link_transport(const struct vp_device *device);

/**
 * A message from the cloud, of any length and content: what the firmware drops is dropped. At real
 * speed it waits while the device is busy; VP_LINK_WAITING messages wait at most, others are lost.
 * @return 0, or VP_ERROR_NOT_FOUND while the device is not connected
 */
int vp_device_link_receive(struct vp_device *device, const uint8_t *message, size_t length);

enum { VP_LINK_WAITING = 256 };

/** The network lost the connection, or the cloud closed it. The device notices, and connects again;
 *  no handler is called for it. Nothing happens while it is not connected. */
void vp_device_link_lost(struct vp_device *device);

/**
 * @return milliseconds until the device does something at the link by itself: connect, send a
 *         message again, ask for missing chunks, give up a connection or an update, reset; -1: it
 *         only waits for others. Who owns the link may jump there by vp_device_advance() when no
 *         message is on its way. Pings are no such thing: they come as time passes.
 */
int64_t vp_device_link_deadline(const struct vp_device *device);

/**
 * Bytes on the wire for one message, in either direction: a cellular operator bills these.
 *
 * TCP: IPv4 and TCP headers without options (20 bytes each), a length (2 bytes), and the message
 * filled up to the next multiple of 16. Assumption: a segment for each message; bare ACK segments
 * are not counted.
 * UDP: IPv4 and UDP headers (20 and 8 bytes), the DTLS record's header, explicit nonce and tag (13,
 * 8 and 8 bytes: ECDHE-ECDSA-AES128-CCM8, crypto/inc/mbedtls_config.h @ v0.7.0). Messages below 4
 * bytes go out bare.
 */
uint32_t vp_link_wire_size(enum vp_link_transport transport, size_t message_length);

#endif
