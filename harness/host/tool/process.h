/**
 * @file process.h
 * Tools as ordinary processes of this machine.
 */
#ifndef VP_HOST_PROCESS_H
#define VP_HOST_PROCESS_H

#include <ev.h>
#include <stdbool.h>
#include <sys/types.h>

#include "vparticle/host.h"

/** A tool, from its start until it and all its descendants have ended. Kept in a list. */
struct process {
    struct ev_loop *loop;
    pid_t tool; /**< 0 once it has ended */
    ev_io exit; /**< on its pidfd */
    ev_timer orphans;
    ev_io calls; /**< on the seccomp descriptor, with VP_HOST_ACCESS_NONE */
    struct vp_host_command command;
    struct process **list;
    struct process *next;
};

/**
 * Start it and put it into @p list, from which it goes when all is over. Where it cannot be
 * started, `ended` and `left` are called as for one that ended at once.
 * @param command  its contents are taken over: command_clear() at the end
 */
void process_start(struct ev_loop *loop, struct process **list,
                   const struct vp_host_command *command);

/** @return how many tools run, to each of which the signal was sent */
unsigned process_signal_all(struct process *list, int signal_number);

/** End all without a callback. */
void process_kill_all(struct process **list);

#endif
