/*
 * The supervisor: takes the tools' system calls one by one and hands each to whoever answers it.
 * seccomp_unotify(2).
 */
#include <sys/syscall.h>

#include "host/tool/call.h"
#include "host/userland/files/files.h"
#include "host/userland/serial/acm.h"
#include "host/userland/supervisor/session.h"
#include "host/userland/udev/monitor.h"
#include "host/userland/usbfs/usbfs.h"

static call_handler ioctl_handler(uint64_t request)
{
    return (request >> 8 & 0xFF) == 'U' ? usbfs_ioctl : acm_ioctl;
}

static void answer(struct session *session, const struct call *call)
{
    call_handler handle =
        call->number == SYS_ioctl ? ioctl_handler(call->arguments[1]) : files_handler(call->number);
    if (!handle) {
        handle = monitor_handler(call->number);
    }
    if (handle) {
        handle(session->host, call);
    } else {
        call_continue(call);
    }
}

/* One call a turn, so that the answers of other descriptors are not kept waiting. */
void session_serve(struct ev_loop *loop, ev_io *io, int events)
{
    (void)loop;
    (void)events;
    struct session *session = io->data;
    struct call call = {.session = session};
    const int received = call_receive(io->fd, &call);
    if (received < 0) {
        session_left(session);
    } else if (received > 0) {
        answer(session, &call);
    }
}
