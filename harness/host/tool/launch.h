/**
 * @file launch.h
 * Starts a tool, under a seccomp filter whose calls come to us if that is wanted.
 */
#ifndef VP_HOST_LAUNCH_H
#define VP_HOST_LAUNCH_H

#include <linux/filter.h>
#include <stdbool.h>
#include <sys/types.h>

#include "vparticle/host.h"

struct launch {
    const struct vp_host_command *command;
    const struct sock_fprog *filter; /**< or NULL */
    const char *const *environment;  /**< "NAME=VALUE" besides ours, NULL-terminated; or NULL */
    bool as_nobody;                  /**< under the user of that name */
};

/** A child that is, or is about to become, the tool. */
struct launched {
    pid_t child;
    int listener; /**< the seccomp descriptor, or -1: none, or the tool was not executed */
    int process;  /**< its pidfd */
};

/**
 * Start it. Where the child finds that it cannot become the tool, it says so on the tool's standard
 * error and exits with 126 or 127.
 * @return 0 or an errno: there is no child
 */
int launch_tool(const struct launch *launch, struct launched *launched);

#endif
