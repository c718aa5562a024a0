/*
 * Sessions: from the moment that the tool runs to the end of its last descendant, and of what its
 * ports had to send.
 */
#include <linux/seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/userland/core/userland.h"
#include "host/userland/serial/acm.h"
#include "host/userland/supervisor/session.h"
#include "host/userland/udev/monitor.h"
#include "host/userland/usbfs/usbfs.h"

/* Linux 6.6, newer than Debian 12's headers. */
#ifndef SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS      SECCOMP_IOW(4, __u64)
#endif

/* ---- The end -----------------------------------------------------------------------------
 *
 * on_check() alone frees a session, and the loop alone calls it: whoever is told may do a lot, and
 * neither a port nor a device may be in the middle of something then. All others only ask for it.
 */

static void free_session(struct session *session)
{
    struct session **link = &session->host->sessions;
    while (*link != session) {
        link = &(*link)->next;
    }
    *link = session->next;
    struct vp_host_command command = session->command;
    free(session);
    if (command.left) {
        command.left(command.context);
    }
}

static struct session *find_over(const struct userland *host)
{
    struct session *session = host->sessions;
    while (session && (session->tool || session->calls.fd >= 0)) {
        session = session->next;
    }
    return session;
}

static void on_check(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    struct userland *host = timer->data;
    acm_look_all(host);
    /* While a port is closing, whoever ends that asks again. Each time one is told, the list may be
     * another. */
    for (struct session *session; !acm_is_closing(host) && (session = find_over(host));) {
        free_session(session);
    }
}

void session_check_init(struct userland *host)
{
    ev_init(&host->session_check, on_check);
    host->session_check.data = host;
}

void session_check(struct userland *host)
{
    if (!ev_is_active(&host->session_check)) {
        ev_timer_set(&host->session_check, 0, 0);
        ev_timer_start(host->base.loop, &host->session_check);
    }
}

static void close_watched(struct session *session, ev_io *io)
{
    if (io->fd >= 0) {
        ev_io_stop(session->host->base.loop, io);
        close(io->fd);
        io->fd = -1;
    }
}

static void forget(struct session *session)
{
    usbfs_forget_session(session->host, session);
    acm_forget_session(session->host, session);
    monitor_forget_session(session->host, session);
    close_watched(session, &session->calls);
}

void session_left(struct session *session)
{
    forget(session);
    session_check(session->host);
}

static void on_tool_exit(struct ev_loop *loop, ev_io *io, int events)
{
    (void)loop;
    (void)events;
    struct session *session = io->data;
    int status;
    if (waitpid(session->tool, &status, WNOHANG) != session->tool) {
        return;
    }
    session->tool = 0;
    close_watched(session, io);
    struct vp_host_command command = session->command;
    session_check(session->host);
    command.ended(command.context, status);
}

void session_destroy(struct session *session)
{
    if (session->tool) {
        kill(session->tool, SIGKILL);
        waitpid(session->tool, NULL, 0);
        session->tool = 0;
    }
    close_watched(session, &session->exit);
    session->command.left = NULL;
    forget(session);
    free_session(session); /* whatever a port still has to send */
}

/* ---- The beginning ----------------------------------------------------------------------- */
/* The tool may have ended already: then both descriptors say so at once. */
void session_begin(struct session *session, struct userland *host,
                   const struct vp_host_command *command, const struct launched *launched)
{
    session->host = host;
    session->tool = launched->child;
    session->command = *command;
    ev_io_init(&session->calls, session_serve, launched->listener, EV_READ);
    session->calls.data = session;
    ev_io_init(&session->exit, on_tool_exit, launched->process, EV_READ);
    session->exit.data = session;
    if (launched->listener >= 0) {
        /* Either the tool runs or we do: on one processor the change is several times quicker. An
         * older kernel refuses this, and works all the same. */
        ioctl(launched->listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS,
              SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
        ev_io_start(host->base.loop, &session->calls);
    }
    ev_io_start(host->base.loop, &session->exit);
    session->next = host->sessions;
    host->sessions = session;
}

unsigned session_signal(struct vp_host *host, int signal_number)
{
    unsigned count = 0;
    const struct userland *userland = (const struct userland *)host;
    for (struct session *session = userland->sessions; session; session = session->next) {
        if (session->tool) {
            kill(session->tool, signal_number);
            count++;
        }
    }
    return count;
}
