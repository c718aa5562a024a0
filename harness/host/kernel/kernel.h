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
    ev_timer poll, look;
    struct link_list *list;       /**< the question that is being asked */
    bool ask_again;               /**< somebody wanted a rescan meanwhile */
    bool ports_full, list_failed; /**< somebody was told */
    unsigned long lists_asked, lists_answered;
};

/* ---- kernel.c ------------------------------------------------------------------------------- */

/** Start whoever waits, if all devices are ready or have failed. */
void kernel_serve(struct kernel *kernel);

/** A device was forgotten: whoever waits does so for devices_next_list(), which may have it again.
 */
void kernel_postpone(struct kernel *kernel);

/* ---- devices.c ------------------------------------------------------------------------------ */

/** Ask for the list now and then, and bring the devices in line with it. */
void devices_start(struct kernel *kernel);

/** Ask for the list at once. */
void devices_rescan(struct kernel *kernel);

/** @return the number of the first list whose answer will know what is so now */
unsigned long devices_next_list(const struct kernel *kernel);

/** Are all ready, or have failed? */
bool devices_are_settled(const struct kernel *kernel);

/** @return how many there can be: the ports that are free, and those that are ours */
unsigned devices_capacity(const struct kernel *kernel);

/** Detach all, and wait until the kernel has forgotten them. */
void devices_end(struct kernel *kernel);

#endif
