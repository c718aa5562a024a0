/**
 * @file control.h
 * The control socket: what a person could do to a board with two hands and eyes, for programs.
 *
 * JSON lines: a client sends one object a line and gets one object a line back, in order. Requests
 * have a "command", perhaps a "device" (number from 0; 0 if it is left out), the command's own
 * keys, and perhaps an "id" of any kind that comes back with the answer:
 *
 *     {"command": "press", "ms": 1500, "id": 7}
 *     {"id": 7, "ok": true}
 *     {"command": "pres"}
 *     {"ok": false, "error": "there is no command 'pres'; the nearest is 'press'"}
 *
 * | command | keys | answer |
 * | --- | --- | --- |
 * | status | | platform, device_id, mode, led, usb, time, speed |
 * | mode, led, modules | | the one thing |
 * | press | ms | the SETUP/MODE button is held for so long, then released |
 * | button | pressed | it is held, or released |
 * | reset | ms | the reset button; the other is held for ms meanwhile, if given |
 * | power | on | |
 * | plug | on | the USB cable |
 * | time | ms | so much of the device's own time goes by; without ms only tells it |
 * | speed | speed | "instant" or "real" |
 * | sd | folder | an SD card is put in, and an application copies what is on it (sd_card.h):
 * "files" with the checks of each, and the "mode" in the end |
 * | snapshot, restore | name | |
 * | snapshots | | their names |
 * | fault | kind, at, every, ms, bytes, text | something goes wrong from here on: fault.h |
 * | faults | | a list of those that are set, each with how often it "fired" |
 * | clear-faults | | |
 * | subscribe, unsubscribe | events | a list of "mode", "led", "attached", "detached", "fault"; all
 * if left out |
 *
 * Events come between answers: {"event": "led", "device": 0, "time": 1000, ...}.
 */
#ifndef VPARTICLE_CONTROL_H
#define VPARTICLE_CONTROL_H

#include <stddef.h>

#include "vparticle/device.h"
#include "vparticle/error.h"

struct ev_loop;
struct vp_control_socket;

/** Where a tool run by `vparticle exec` and in scenarios finds the socket of its devices. */
#define VP_CONTROL_VARIABLE "VPARTICLE_CONTROL"

enum {
    VP_CONTROL_LINE_LIMIT = 64 << 10,  /**< bytes of a request; a longer one ends the connection */
    VP_CONTROL_OUTPUT_LIMIT = 1 << 20, /**< bytes that a client may leave unread */
    VP_CONTROL_CLIENT_LIMIT = 64,
    VP_CONTROL_SNAPSHOT_LIMIT = 64,
};

/**
 * Listen on "HOST:PORT" or "unix:PATH", as part of @p loop.
 * @param[out] control  owned by the caller: vp_control_socket_destroy()
 * @return 0, VP_ERROR_INVALID, VP_ERROR_BUSY, VP_ERROR_IO or VP_ERROR_NO_MEMORY
 */
int vp_control_socket_create(struct vp_control_socket **control, struct ev_loop *loop,
                             const char *address, struct vp_failure *failure);

/** The address in use, in the same form. */
void vp_control_socket_address(const struct vp_control_socket *control, char *text, size_t size);

/** Put a device under control; it is borrowed, and must outlive the socket. @return 0 or
 *  VP_ERROR_NO_MEMORY */
int vp_control_socket_add(struct vp_control_socket *control, struct vp_device *device);

/** Close all connections; a UNIX socket's path is removed. NULL is allowed. */
void vp_control_socket_destroy(struct vp_control_socket *control);

/**
 * Carry out one request, as a client of the socket would send it.
 * @param line  without a line end; need not end with a NUL
 * @return the answer without a line end, owned by the caller: free(); NULL if out of memory.
 *         Subscriptions need a connection and are refused.
 */
char *vp_control_socket_request(struct vp_control_socket *control, const char *line, size_t length);

#endif
