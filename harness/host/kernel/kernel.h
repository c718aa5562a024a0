/**
 * @file kernel.h
 * What the files of the kernel's engine share: a host, its devices, and who waits for them.
 */
#ifndef VP_HOST_KERNEL_H
#define VP_HOST_KERNEL_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "host/client/listed.h"
#include "host/client/lists.h"
#include "host/engine.h"
#include "host/kernel/present.h"
#include "vparticle/usbip.h"

enum device_state {
    DEVICE_IMPORTING,
    DEVICE_ATTACHING, /**< the kernel has it, and asks its questions */
    DEVICE_READY,
    DEVICE_FAILED,  /**< left alone until it is plugged in again, or tried again at the next poll */
    DEVICE_LEAVING, /**< the connection has ended, and the kernel is about to notice */
};

struct device {
    struct kernel *kernel;
    char busid[VP_USBIP_BUSID_SIZE]; /**< the server's */
    struct listed listed;
    enum device_state state;
    bool has_port, complained;
    unsigned port;
    struct relay *relay;
    struct present_wait *wait;
    struct presence presence;
    ev_tstamp left_at;
    struct device *next;
};

struct kernel {
    struct vp_host base; /**< the first member */
    const char *folder;
    struct device *devices;
    struct waiting *waiting; /**< who waits for the devices to settle */
    struct process *processes;
    struct lists lists;
    ev_timer look;
    bool ports_full; /**< somebody was told */
};

/* ---- kernel.c ------------------------------------------------------------------------------- */

/** Start whoever waits, if all devices are ready or have failed. */
void kernel_serve(struct kernel *kernel);

/** A device was forgotten: whoever waits does so for lists_next(), which may have it again.
 */
void kernel_postpone(struct kernel *kernel);

/* ---- devices.c ------------------------------------------------------------------------------ */

/** Ask for the list now and then, and bring the devices in line with it. */
void devices_start(struct kernel *kernel);

/** Are all ready, or have failed? */
bool devices_are_settled(const struct kernel *kernel);

/** @return how many there can be: the ports that are free, and those that are ours */
unsigned devices_capacity(const struct kernel *kernel);

/** Detach all, and wait until the kernel has forgotten them. */
void devices_end(struct kernel *kernel);

#endif
