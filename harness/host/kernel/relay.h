/**
 * @file relay.h
 * Between the kernel and the USB/IP server: imports a device and carries the bytes both ways. The
 * kernel's end is one of a pair of sockets that nobody else has, so whatever ends this process
 * takes the device off the bus.
 */
#ifndef VP_HOST_RELAY_H
#define VP_HOST_RELAY_H

#include "host/client/link.h"

struct relay;

struct relay_events {
    /** The import succeeded. @p socket is what the kernel needs, and is closed after the call. */
    void (*opened)(void *context, const struct vp_usbip_device *device, int socket);
    /**
     * The import failed, or either side has closed; the relay is gone.
     * @param by_kernel  the kernel has let go of the device, while the server still shows it
     */
    void (*closed)(void *context, bool by_kernel, const char *reason);
};

/** Import @p busid. @return the relay, or NULL if no connection can even be started (errno) */
struct relay *relay_open(struct ev_loop *loop, const struct link_address *address,
                         const char *busid, const struct relay_events *events, void *context);

/** Close both sides without a callback. NULL is allowed; so is a call from `opened`. */
void relay_close(struct relay *relay);

#endif
