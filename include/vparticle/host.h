/**
 * @file host.h
 * The userland USB host: runs a tool so that it sees the devices of a USB/IP server, and no
 * others, through usbfs, sysfs and the udev monitor; without root and without a kernel module.
 */
#ifndef VPARTICLE_HOST_H
#define VPARTICLE_HOST_H

#include "vparticle/error.h"

struct ev_loop;
struct vp_host;

/**
 * Create a host that attaches whatever the USB/IP server at @p address shows, now and
 * later. It runs as part of @p loop, is an ordinary client of the server, and may share the loop
 * with it.
 * @param address  "HOST:PORT" or "unix:PATH"
 * @param[out] host  owned by the caller: vp_host_destroy()
 */
int vp_host_create(struct vp_host **host, struct ev_loop *loop, const char *address,
                   struct vp_failure *failure);

/** Look at the server's device list now instead of at the next poll. */
void vp_host_rescan(struct vp_host *host);

/** What to run. Descriptors of -1 are inherited. */
struct vp_host_command {
    char *const *argv;                   /**< NULL-terminated; argv[0] is looked up in PATH */
    const char *directory;               /**< working directory, or NULL */
    int standard_output, standard_error; /**< descriptors, or -1 */
    /** Called once when the tool has ended; wait status as from waitpid(2). */
    void (*ended)(void *context, int wait_status);
    void *context;
};

/**
 * Start a tool under the host, once all devices that the server shows now are attached.
 * Several tools may run at the same time.
 * @return 0 or VP_ERROR_IO, VP_ERROR_NOT_FOUND, VP_ERROR_UNSUPPORTED (kernel too old)
 */
int vp_host_spawn(struct vp_host *host, const struct vp_host_command *command,
                  struct vp_failure *failure);

/** End tools that still run, detach everything, remove temporary files. NULL is allowed. */
void vp_host_destroy(struct vp_host *host);

#endif
