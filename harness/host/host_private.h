/**
 * @file host_private.h
 * What the files of this room share: the host, its devices, and who calls whom.
 *
 *   supervisor.c  takes system calls from the tools and hands them to
 *     files.c     paths: the tree
 *     usbfs.c     descriptors of device nodes
 *     monitor.c   netlink sockets for uevents
 *     acm.h       serial ports
 *   bus.c         finds devices on the server, enumerates them (enumerate.c), shows and hides them
 *   spawn.c       starts tools under a filter (filter.c)
 */
#ifndef VP_HOST_PRIVATE_H
#define VP_HOST_PRIVATE_H

#include <ev.h>
#include <linux/filter.h>
#include <uthash.h>

#include "host/call.h"
#include "host/link.h"
#include "host/tree.h"
#include "host/uevent.h"
#include "host/usb_device.h"
#include "vparticle/host.h"

struct acm;
struct usbfs_file;
struct monitor;
struct spawn;
struct enumeration;

/* ---- Devices (bus.c) ------------------------------------------------------------- */

enum device_state {
    DEVICE_OPENING,     /**< import asked for */
    DEVICE_ENUMERATING, /**< its descriptors are being read */
    DEVICE_READY,       /**< shown to tools */
    DEVICE_FAILED,      /**< not shown: in use by somebody else, or it doesn't answer */
};

struct host_device {
    struct usb_device usb;
    struct vp_host *host;
    enum device_state state;
    struct link *link; /**< NULL for the root hub and for a device that couldn't be imported */
    char busid[VP_USBIP_BUSID_SIZE]; /**< at the server; "" for the root hub */
    uint32_t remote_number;          /**< the server's devnum: new each time it attaches */
    bool complained;                 /**< about an import that failed */
    struct enumeration *enumeration; /**< while DEVICE_ENUMERATING */
    struct usbfs_file *files;        /**< open files */
    struct usbfs_file *claims[USB_INTERFACES_MAX];
    struct host_device *next;
};

/** Submit to whatever is behind the device; completes later, for the root hub at once. */
void device_submit(struct host_device *device, struct link_transfer *transfer);
void device_unlink(struct host_device *device, struct link_transfer *transfer);

/** The device shown as /dev/bus/usb/001/@p number, or NULL. */
struct host_device *bus_device(struct vp_host *host, unsigned bus, unsigned number);

int bus_start(struct vp_host *host, struct vp_failure *failure);
void bus_stop(struct vp_host *host);
void bus_rescan(struct vp_host *host);

/** Let the device go; it is found and enumerated anew. Tools see it leave and come back. */
void bus_reconnect(struct host_device *device);

/** Tell the user, vp_host_set_log(). */
void host_log(const struct vp_host *host, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* ---- Enumeration (enumerate.c) ----------------------------------------------------- */

/**
 * Read the descriptors of an imported device and configure it; then @p done is called once, unless
 * the link closes before.
 */
int enumeration_start(struct host_device *device,
                      void (*done)(struct host_device *device, bool success));
/** Stop without calling `done`. Its transfer must have completed (the link is closed). */
void enumeration_free(struct enumeration *enumeration);

/* ---- The root hub (roothub.c) ------------------------------------------------------- */

enum { ROOT_HUB_PORTS = VP_HOST_DEVICES };

int roothub_describe(struct usb_device *hub);
/** Answer a control request. @return bytes or a negative errno */
int roothub_control(const struct host_device *hub, const uint8_t setup[8], uint8_t *data,
                    uint32_t length);

/* ---- Sessions: a tool with all its descendants (spawn.c, supervisor.c) --------------- */

struct session {
    struct vp_host *host;
    ev_io calls; /**< on the seccomp descriptor */
    ev_io exit;  /**< on the pidfd of the tool itself */
    pid_t tool;  /**< 0 once it has ended */
    struct vp_host_command command;
    struct session *next;
};

void session_serve(struct ev_loop *loop, ev_io *io, int events);
/** No process of the session lives any more. */
void session_left(struct session *session);
/** Kill the tool if it lives, and forget the session without calling anybody. */
void session_destroy(struct session *session);
/** Sessions that are over but for what their ports had to send: tell who started them. */
void session_free_over(struct vp_host *host);
/** Start the tools that waited for the devices to settle. */
void spawn_waiting(struct vp_host *host);
/** A device has gone and may come back: tools that wait go on doing so until that is clear. */
void spawn_postpone(struct vp_host *host);
void spawn_free_waiting(struct vp_host *host);
/** The filter's program; the caller frees `filter`. */
int filter_build(struct sock_fprog *program, struct vp_failure *failure);

/* ---- What answers calls ------------------------------------------------------------- */

/** Each handler answers, or keeps a copy and answers later. */
typedef void (*call_handler)(struct vp_host *host, const struct call *call);

/** The table of files.c, by system call; NULL if the call isn't one of its own. */
call_handler files_handler(int number);

void usbfs_open(struct vp_host *host, const struct call *call, struct host_device *device,
                bool close_on_exec);
void usbfs_ioctl(struct vp_host *host, const struct call *call);
/** The path of the device node behind a descriptor of usbfs; false if it is none. */
bool usbfs_node_path(const struct vp_host *host, uint64_t pipe, char *path, size_t size,
                     unsigned *minor);
/** The device is gone: everything in flight ends, POLLERR is raised. */
void usbfs_unplug(struct host_device *device);
void usbfs_forget_session(struct vp_host *host, const struct session *session);
void usbfs_free_all(struct vp_host *host);

/** The table of monitor.c, likewise. */
call_handler monitor_handler(int number);
bool monitor_owns(const struct vp_host *host, uint64_t pipe);
/** Tell all listeners that a device was added or removed. */
void monitor_announce(struct vp_host *host, const char *action, const struct usb_device *device);
/** ... or one part of it. */
void monitor_announce_one(struct vp_host *host, const char *action, struct uevent_subject subject);
void monitor_forget_session(struct vp_host *host, const struct session *session);
void monitor_free_all(struct vp_host *host);

/* ---- The host ------------------------------------------------------------------------ */

struct vp_host {
    struct ev_loop *loop;
    struct link_address server;
    void (*log)(void *context, const char *line);
    void *log_context;
    struct tree tree;

    struct host_device *devices, *root_hub; /**< the root hub is the last of the list */
    unsigned last_number;                   /**< devnum given last */
    ev_timer poll;
    struct link_list *list; /**< the question that is being asked */
    bool ask_again;         /**< somebody wanted a rescan meanwhile */
    bool ports_full;        /**< somebody was told */
    bool list_failed;       /**< the last time */
    unsigned long lists_asked, lists_answered;

    struct session *sessions;
    struct spawn *waiting; /**< oldest first */
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
