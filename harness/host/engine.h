/**
 * @file engine.h
 * What an engine does for include/vparticle/host.h, and what all of them have in common.
 *
 *   client/    the connection to the USB/IP server
 *   tool/      what is to be run
 *   userland/  system calls answered by us
 *   kernel/    devices attached to the kernel, by vhci_hcd
 *   guest/     the kernel of a virtual machine
 *   hardware/  real boards, on this machine's own USB
 */
#ifndef VP_HOST_ENGINE_H
#define VP_HOST_ENGINE_H

#include "host/client/link.h"
#include "vparticle/host.h"

/** The functions of host.h, for one engine. `destroy` frees the memory, too. */
struct host_engine {
    void (*rescan)(struct vp_host *host);
    unsigned (*capacity)(const struct vp_host *host);
    int (*spawn)(struct vp_host *host, const struct vp_host_command *command,
                 struct vp_failure *failure);
    int (*when_settled)(struct vp_host *host, void (*settled)(void *context), void *context);
    unsigned (*signal)(struct vp_host *host, int signal_number);
    void (*destroy)(struct vp_host *host);
};

/** The first member of what an engine calls a host. */
struct vp_host {
    const struct host_engine *engine;
    struct ev_loop *loop;
    struct link_address server;
    void (*log)(void *context, const char *line);
    void *log_context;
};

/**
 * Create a host of that engine: `engine` is set in the memory that it returns, and all else of
 * struct vp_host is taken from @p common, which has been checked.
 */
int userland_create(struct vp_host **host, const struct vp_host *common,
                    struct vp_failure *failure);
int kernel_create(struct vp_host **host, const struct vp_host *common, struct vp_failure *failure);

/** The same, without a server; @p serial as vp_host_create() has it. */
int hardware_create(struct vp_host **host, const struct vp_host *common, const char *serial,
                    struct vp_failure *failure);

/** Tell the user, vp_host_set_log(). */
void host_log(const struct vp_host *host, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
