/**
 * @file session.h
 * Sessions: a tool with all its descendants, from its start to the end of the last of them.
 *
 *   spawn.c       starts tools under the filter, once the devices have settled
 *   filter.c      which system calls we get to see
 *   supervisor.c  takes these calls and hands them to who answers them
 *   session.c     its beginning and its end
 */
#ifndef VP_HOST_SESSION_H
#define VP_HOST_SESSION_H

#include <ev.h>
#include <sys/types.h>

#include "host/tool/call.h"
#include "host/tool/launch.h"
#include "vparticle/host.h"

struct userland;

struct session {
    struct userland *host;
    ev_io calls; /**< on the seccomp descriptor */
    ev_io exit;  /**< on the pidfd of the tool itself */
    pid_t tool;  /**< 0 once it has ended */
    struct vp_host_command command;
    struct session *next;
};

/** @p session is zeroed memory; it belongs to the host from here on. */
void session_begin(struct session *session, struct userland *host,
                   const struct vp_host_command *command, const struct launched *launched);

void session_serve(struct ev_loop *loop, ev_io *io, int events);
/** No process of the session lives any more. */
void session_left(struct session *session);
/** Kill the tool if it lives, and forget the session without calling anybody. */
void session_destroy(struct session *session);
void session_check_init(struct userland *host);
/**
 * A session may be over: its tool or the last descendant has ended, or what its ports had to send
 * is sent. The loop will look at all of them soon, forget those that are over and tell who started
 * them; nothing of that happens inside of the call.
 */
void session_check(struct userland *host);

/** struct host_engine */
unsigned session_signal(struct vp_host *host, int signal_number);
int spawn_command(struct vp_host *host, const struct vp_host_command *command,
                  struct vp_failure *failure);
int spawn_when_settled(struct vp_host *host, void (*settled)(void *context), void *context);

/** Start the tools that waited for the devices to settle. */
void spawn_waiting(struct userland *host);
/** A device has gone and may come back: tools that wait go on doing so until that is clear. */
void spawn_postpone(struct userland *host);
void spawn_free_waiting(struct userland *host);

/** The filter's program; the caller frees `filter`. */
int filter_build(struct sock_fprog *program, struct vp_failure *failure);

#endif
