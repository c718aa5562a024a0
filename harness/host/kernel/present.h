/**
 * @file present.h
 * Waits until the kernel, libusb-1.0 and udev have a device that was attached.
 *
 * A process of its own waits: to look at a device can mean to wait for the kernel, which at that
 * time waits for the device, which may live in our own loop.
 */
#ifndef VP_HOST_PRESENT_H
#define VP_HOST_PRESENT_H

#include <ev.h>
#include <stdbool.h>
#include <sys/types.h>

/** What there is of a device: its folder in sysfs, and udev's records of its nodes. */
struct presence {
    char busid[32];      /**< in /sys/bus/usb/devices; "" if nothing is known */
    char records[8][32]; /**< in /run/udev/data: "c189:1", "c166:0"; "" behind the last */
};

struct present_wait;

/**
 * Wait for the device on the port with that number of the controller in @p folder (vhci.h): until
 * libusb lists it with a configuration, its serial ports have their nodes, and udev, where it runs,
 * has dealt with all of them.
 * @param done  called once: what there is; NULL: it has not come within @p seconds
 * @return the waiting, or NULL if no process can be started (errno)
 */
struct present_wait *present_wait(struct ev_loop *loop, const char *folder, unsigned port,
                                  double seconds,
                                  void (*done)(void *context, const struct presence *presence),
                                  void *context);

/** Stop waiting; `done` is not called. NULL is allowed. */
void present_cancel(struct present_wait *wait);

/** Has the kernel taken it away, and does udev know? Never waits for the device. */
bool present_is_gone(const struct presence *presence);

#endif
