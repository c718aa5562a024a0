/*
 * The supervisor: takes the tools' system calls one by one and hands each to whoever answers it.
 * seccomp_unotify(2).
 */
#include <linux/seccomp.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "host/userland/files/files.h"
#include "host/userland/serial/acm.h"
#include "host/userland/supervisor/call.h"
#include "host/userland/supervisor/session.h"
#include "host/userland/udev/monitor.h"
#include "host/userland/usbfs/usbfs.h"

static call_handler ioctl_handler(uint64_t request)
{
    return (request >> 8 & 0xFF) == 'U' ? usbfs_ioctl : acm_ioctl;
}

static void answer(struct session *session, const struct seccomp_notif *notification)
{
    struct call call = {
        .session = session,
        .listener = session->calls.fd,
        .id = notification->id,
        .thread = (pid_t)notification->pid,
        .number = notification->data.nr,
    };
    for (unsigned i = 0; i < 6; i++) {
        call.arguments[i] = notification->data.args[i];
    }
    call_handler handle =
        call.number == SYS_ioctl ? ioctl_handler(call.arguments[1]) : files_handler(call.number);
    if (!handle) {
        handle = monitor_handler(call.number);
    }
    if (handle) {
        handle(session->host, &call);
    } else {
        call_continue(&call);
    }
}

/* One call a turn, so that the answers of other descriptors are not kept waiting. */
void session_serve(struct ev_loop *loop, ev_io *io, int events)
{
    (void)loop;
    (void)events;
    struct session *session = io->data;
    /* The kernel may know a longer structure than we do, and wants it zeroed. */
    union {
        struct seccomp_notif notification;
        char room[512];
    } received;
    struct pollfd state = {.fd = io->fd, .events = POLLIN};
    if (poll(&state, 1, 0) <= 0) {
        return;
    }
    if (!(state.revents & POLLIN)) {
        session_left(session); /* POLLHUP: no process is under the filter any more */
        return;
    }
    memset(&received, 0, sizeof received);
    /* A failure means that the caller was killed just now. */
    if (ioctl(io->fd, SECCOMP_IOCTL_NOTIF_RECV, &received) == 0) {
        answer(session, &received.notification);
    }
}
