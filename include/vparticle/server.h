/**
 * @file server.h
 * The USB/IP server: shows devices to any USB/IP client, over TCP or a UNIX socket, on a
 * libev loop. Protocol: Documentation/usb/usbip_protocol.rst of the Linux kernel, version 1.1.1.
 */
#ifndef VPARTICLE_SERVER_H
#define VPARTICLE_SERVER_H

#include <stddef.h>
#include <stdint.h>

#include "vparticle/device.h"
#include "vparticle/error.h"

struct ev_loop;
struct vp_server;

/** Devices that one server can show: the addresses of one USB bus, but for the root hub's. */
enum { VP_SERVER_DEVICE_LIMIT = 126 };

/**
 * Create a server without devices that listens nowhere yet. It runs as part of @p loop.
 * @param[out] server  owned by the caller: vp_server_destroy()
 * @return 0 or VP_ERROR_NO_MEMORY
 */
int vp_server_create(struct vp_server **server, struct ev_loop *loop);

/**
 * Show @p device, as bus id 1-1 for the first, 1-2 for the second and so on. The server
 * borrows the device, which must outlive it. From here on the device's own time is
 * advanced by the server: under instant speed a deadline is reached as soon as no client has asked
 * anything of the device for a moment (100 ms), or at once while no client has imported it.
 * Under real speed, and where the device waits for somebody (vp_device_patience()), its time goes
 * by as ours does.
 * @return 0, VP_ERROR_NO_MEMORY, or VP_ERROR_RANGE beyond VP_SERVER_DEVICE_LIMIT
 */
int vp_server_add_device(struct vp_server *server, struct vp_device *device);

/** @return the bus id ("1-1") of the device added as number @p index (from 0), or NULL */
const char *vp_server_bus_id(const struct vp_server *server, size_t index);

/**
 * Listen on "HOST:PORT" (port 0 picks a free one) or "unix:PATH" (a stale socket is replaced;
 * one that somebody listens on is VP_ERROR_BUSY). May be called more than once.
 * @param[out] bound  the address in use, in the same form; may be NULL
 * @param bound_size  bytes at @p bound
 * @return 0, VP_ERROR_INVALID, VP_ERROR_BUSY or VP_ERROR_IO
 */
int vp_server_listen(struct vp_server *server, const char *address, char *bound, size_t bound_size,
                     struct vp_failure *failure);

/**
 * Say that the loop serves nothing but this server and signals. While one client alone asks
 * without a pause, the server then waits for its next request in recv(2), for some
 * milliseconds at most, instead of going back to the loop each time. Never set this if the
 * client may run on the same loop.
 */
void vp_server_set_dedicated(struct vp_server *server, bool dedicated);

/**
 * Let the device's own time pass up to now, for somebody else who waits for the device, too (a
 * cloud, at real speed). From the first call on its time follows ours whether or not a USB host
 * waits for it. A device that the server does not have stays as it is.
 */
void vp_server_pass_time(struct vp_server *server, const struct vp_device *device);

/**
 * Tell @p log about each client that was dropped, and why: one line without a line end,
 * valid during the call. NULL ends it.
 */
void vp_server_set_log(struct vp_server *server, void (*log)(void *context, const char *line),
                       void *context);

/** What the server has done so far. */
struct vp_server_counters {
    uint64_t accepted; /**< connections */
    uint64_t dropped;  /**< connections that were closed because of something wrong */
    uint64_t reads;    /**< recv(2) calls that brought bytes */
    uint64_t sends;    /**< send(2) calls that took bytes */
};

void vp_server_get_counters(const struct vp_server *server, struct vp_server_counters *counters);

/** Close all connections and listeners; a UNIX socket's path is removed. NULL is allowed. */
void vp_server_destroy(struct vp_server *server);

#endif
