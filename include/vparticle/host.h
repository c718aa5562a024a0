/**
 * @file host.h
 * USB hosts: they run a tool so that it sees the devices of a USB/IP server. What a tool sees, and
 * who else does, is the engine's affair: enum vp_host_engine.
 */
#ifndef VPARTICLE_HOST_H
#define VPARTICLE_HOST_H

#include <stdbool.h>

#include "vparticle/error.h"

struct ev_loop;
struct vp_host;

/** How a tool gets to see the devices. */
enum vp_host_engine {
    /**
     * The tool and all its descendants run under a seccomp filter (seccomp_unotify(2)) that hands
     * their USB-related system calls to us, which we answer: usbfs, sysfs and the udev monitor show
     * the server's devices, and no others. Without root and without a kernel module. Needs Linux
     * 5.9, better 5.19, on x86-64 or AArch64.
     *
     * A serial port of a device (CDC ACM) is /dev/ttyACM0, the next one /dev/ttyACM1, with the
     * names in /dev/serial and what udev knows of it. Behind an open port is a pty; the control
     * requests that a device sees are those of the kernel's cdc_acm driver, in the same order.
     * Unlike there, close(2) returns at once; the end of the tool, and the next open(2), wait for
     * what is still to be sent, for 30 seconds at most. While tcdrain(3), tcsendbreak(3) or
     * TIOCMIWAIT wait for the device, a signal can kill the tool but its handler has to wait. A
     * port never becomes a controlling terminal, and a break that the device reports is counted,
     * but is not part of the data.
     *
     * It shows a tool another world; it is no security boundary. A tool that wants to can still
     * find the real one, for example through a link to /dev/bus/usb or by changing a path while it
     * is read.
     *
     * Limits: at most VP_HOST_DEVICES devices, which are the ports of the root hub; no isochronous
     * transfers; no io_uring, and no set-user-id programs (no_new_privs) inside; a program of
     * another architecture is killed (SIGSYS); one host cannot run inside another; chdir(2) into
     * our part of /sys works only where that folder exists on the real system, too, while openat(2)
     * and fchdir(2) always work.
     */
    VP_HOST_USERLAND,
    /**
     * The devices are attached to this machine's own kernel by its module vhci_hcd, and every
     * process sees them. Each is attached again when it re-enumerates with another identity, and
     * detached when the host ends, however it ends. Needs the right to write to the module's files
     * in sysfs: root.
     */
    VP_HOST_KERNEL,
    /**
     * Real boards on this machine's own USB: there is no server, and nothing is attached. A tool
     * runs as it would without a host, and sees all that the machine has.
     */
    VP_HOST_HARDWARE,
};

/** "userland", "kernel" or "hardware". @return 0 or VP_ERROR_NOT_FOUND */
int vp_host_engine_from_name(const char *name, enum vp_host_engine *engine);
const char *vp_host_engine_name(enum vp_host_engine engine);

/** Devices that every engine can attach. The kernel's may have room for more. */
enum { VP_HOST_DEVICES = 15 };

/**
 * Create a host that attaches whatever the USB/IP server at @p address shows, now and
 * later. It runs as part of @p loop, is an ordinary asynchronous client of the server, and may
 * share the loop with it. It never waits for the server but here, for it to accept a connection.
 * @param loop  not libev's default loop, which collects the exit status of every child itself; for
 *              the same reason SIGCHLD must not be ignored
 * @param address  as vp_usbip_address_parse() reads it; for VP_HOST_HARDWARE the serial number of
 *              a board that has to be there, or "" for any one
 * @param[out] host  owned by the caller: vp_host_destroy()
 * @return 0, VP_ERROR_INVALID (address, loop), VP_ERROR_IO (nobody listens there; no temporary
 *         folder; no access to the board), VP_ERROR_NOT_FOUND (no such board), VP_ERROR_UNSUPPORTED
 * (this system cannot do it, or does not let us), VP_ERROR_NO_MEMORY
 */
int vp_host_create(struct vp_host **host, enum vp_host_engine engine, struct ev_loop *loop,
                   const char *address, struct vp_failure *failure);

/** How many devices the host can attach. More are reported and left out. */
unsigned vp_host_capacity(const struct vp_host *host);

/**
 * Tell @p log about what a user may wonder about: a device that is in use elsewhere or does not
 * answer, a server that has gone. One line without a line end, valid during the call; each
 * trouble is told once. NULL ends it.
 */
void vp_host_set_log(struct vp_host *host, void (*log)(void *context, const char *line),
                     void *context);

/** Look at the server's device list now instead of at the next poll (every 100 ms). */
void vp_host_rescan(struct vp_host *host);

/**
 * What the nodes of devices allow a tool, whoever it runs as. The rest of the tree is the same:
 * everybody can read /sys, and so see which devices there are.
 */
enum vp_host_access {
    VP_HOST_ACCESS_FULL, /**< everything: all nodes are root:root 0666 */
    /**
     * What a Debian 12 without udev rules for the device allows a user outside the group dialout
     * (systemd 252, rules.d/50-udev-default.rules.in). /dev/bus/usb/BBB/DDD is root:root 0664: it
     * can be opened for reading, which gives the descriptors, while opening it for writing fails
     * with EACCES, and ioctl(2) on what was opened for reading with EPERM (kernel
     * drivers/usb/core/devio.c, usbdev_do_ioctl()). /dev/ttyACMN is root:dialout 0660: open(2)
     * fails with EACCES. stat(2), access(2) and their relatives agree. getuid(2) still says who the
     * tool is: where it asks for that instead of trying, it comes to its own conclusions.
     *
     * With VP_HOST_KERNEL the kernel itself refuses, by the modes that this machine's udev gives
     * the nodes: the tool runs as user nobody, in no other group.
     */
    VP_HOST_ACCESS_NONE,
};

/** "full" or "none". @return 0 or VP_ERROR_NOT_FOUND */
int vp_host_access_from_name(const char *name, enum vp_host_access *access);

/** What to run. Descriptors of -1 are inherited. */
struct vp_host_command {
    char *const *argv;                   /**< NULL-terminated; argv[0] is looked up in PATH */
    const char *directory;               /**< working directory, or NULL */
    int standard_output, standard_error; /**< descriptors, or -1 */
    enum vp_host_access access;
    /**
     * Called each time that VP_HOST_ACCESS_NONE refuses something to the tool or one of its
     * descendants, while the tool itself runs: an open(2), an access(2) that asks for more than
     * existence; with VP_HOST_USERLAND an ioctl(2), too. @p node is the device's node, valid during
     * the call. May be NULL.
     */
    void (*refused)(void *context, const char *node);
    /**
     * Called once when the tool has ended; wait status as from waitpid(2). Exit status 126 or 127
     * with a message on its standard error: it could not be started after all.
     */
    void (*ended)(void *context, int wait_status);
    /** Called once, after `ended`, when none of its descendants lives either. May be NULL. */
    void (*left)(void *context);
    void *context;
};

/**
 * Start a tool under the host, once all devices that the server shows now are attached or
 * have failed to answer. Several tools may run at the same time. What @p command points to
 * is copied.
 * @return 0, VP_ERROR_NOT_FOUND (no such program), VP_ERROR_INVALID (it cannot be executed),
 *         VP_ERROR_NO_MEMORY
 */
int vp_host_spawn(struct vp_host *host, const struct vp_host_command *command,
                  struct vp_failure *failure);

/**
 * Call @p settled once, when all devices that the server shows now are attached or have failed to
 * answer; perhaps inside the call. @return 0 or VP_ERROR_NO_MEMORY
 */
int vp_host_when_settled(struct vp_host *host, void (*settled)(void *context), void *context);

/** Send a signal to all tools that run (not to their descendants). @return how many there are */
unsigned vp_host_signal(struct vp_host *host, int signal_number);

/**
 * End tools that still run (their callbacks aren't called), detach everything, remove temporary
 * files. Not to be called from a callback of the host. NULL is allowed.
 */
void vp_host_destroy(struct vp_host *host);

#endif
