/**
 * @file session.h
 * Sessions: a tool with all its descendants, from its start to the end of the last of them.
 *
 *   spawn.c       starts tools under the filter, once the devices have settled
 *   command.c     what is to be run: a copy, and a look at whether it can be
 *   filter.c      which system calls we get to see
 *   supervisor.c  takes these calls and hands them to who answers them
 *   session.c     its beginning and its end
 */
#ifndef VP_HOST_SESSION_H
#define VP_HOST_SESSION_H

#include <ev.h>
#include <linux/filter.h>
#include <sys/types.h>

#include "vparticle/host.h"

struct session {
    struct vp_host *host;
    ev_io calls; /**< on the seccomp descriptor */
    ev_io exit;  /**< on the pidfd of the tool itself */
    pid_t tool;  /**< 0 once it has ended */
    struct vp_host_command command;
    struct session *next;
};

/** What a session begins with: a child that is, or is about to become, the tool. */
struct session_start {
    pid_t child;
    int listener; /**< the seccomp descriptor, or -1: the tool was not executed */
    int process;  /**< its pidfd */
};

/** @p session is zeroed memory; it belongs to the host from here on. */
void session_begin(struct session *session, struct vp_host *host,
                   const struct vp_host_command *command, struct session_start start);

void session_serve(struct ev_loop *loop, ev_io *io, int events);
/** No process of the session lives any more. */
void session_left(struct session *session);
/** Kill the tool if it lives, and forget the session without calling anybody. */
void session_destroy(struct session *session);
void session_check_init(struct vp_host *host);
/**
 * A session may be over: its tool or the last descendant has ended, or what its ports had to send
 * is sent. The loop will look at all of them soon, forget those that are over and tell who started
 * them; nothing of that happens inside of the call.
 */
void session_check(struct vp_host *host);

/** Start the tools that waited for the devices to settle. */
void spawn_waiting(struct vp_host *host);
/** A device has gone and may come back: tools that wait go on doing so until that is clear. */
void spawn_postpone(struct vp_host *host);
void spawn_free_waiting(struct vp_host *host);

/** @return 0, or why there is nothing to execute as `argv[0]`: ENOENT, EACCES */
int command_check(const struct vp_host_command *command);
/** Copy all that @p command points to. @return false without memory or descriptors */
bool command_copy(struct vp_host_command *copy, const struct vp_host_command *command);
void command_clear(struct vp_host_command *copy);

/** The filter's program; the caller frees `filter`. */
int filter_build(struct sock_fprog *program, struct vp_failure *failure);

#endif
