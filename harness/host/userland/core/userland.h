/**
 * @file userland.h
 * The userland host itself: what its parts share.
 *
 *   usb/         the bus: devices, their enumeration, the root hub
 *   tree/        the files that tools see in /sys, /dev and /run
 *   supervisor/  starts tools and takes their system calls, for
 *     files/       paths
 *     usbfs/       device nodes
 *     serial/      serial ports
 *     udev/        news of devices
 */
#ifndef VP_HOST_USERLAND_H
#define VP_HOST_USERLAND_H

#include <ev.h>
#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/client/lists.h"
#include "host/engine.h"
#include "host/userland/tree/tree.h"
#include "vparticle/host.h"

struct acm;
struct host_device;
struct monitor;
struct session;
struct spawn;
struct usbfs_file;

struct userland {
    struct vp_host base; /**< the first member */
    struct tree tree;

    struct host_device *devices, *root_hub; /**< the root hub is the last of the list */
    unsigned last_number;                   /**< devnum given last */
    struct lists lists;
    bool ports_full; /**< somebody was told */

    struct session *sessions;
    ev_timer session_check; /**< started by session_check() */
    struct spawn *waiting;  /**< oldest first */
    struct sock_fprog filter;

    struct acm *ports;  /**< serial ports */
    ev_io port_watches; /**< inotify; `data` is NULL while there is none */

    struct usbfs_file *files; /**< hash by pipe */
    size_t transfer_bytes;    /**< of all transfers in flight or unreaped */
    struct monitor *monitors; /**< hash by pipe */
    uint64_t event_sequence;  /**< SEQNUM */
    uint32_t monitor_last_port;
};

#endif
