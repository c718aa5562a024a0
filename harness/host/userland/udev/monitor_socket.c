/*
 * What tools do with their uevent sockets: bind, options, and receiving.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "host/userland/core/userland.h"
#include "host/userland/udev/monitor_private.h"

enum { PIECES_MAX = 64, CREDENTIALS_SIZE = CMSG_SPACE(sizeof(struct ucred)) };

/* ---- Setting up -------------------------------------------------------------------------- */
static void choose_port(struct monitor *monitor, const struct call *call, uint32_t wanted)
{
    if (wanted) {
        monitor->port = wanted;
    } else if (!monitor->port) {
        monitor->port = (uint32_t)call->thread + (monitor->host->monitor_last_port++ << 22);
    }
}

static void on_bind(struct monitor *monitor, const struct call *call)
{
    struct sockaddr_nl address;
    if (call->arguments[2] < sizeof address ||
        call_read(call, call->arguments[1], &address, sizeof address) ||
        address.nl_family != AF_NETLINK) {
        call_fail(call, EINVAL);
        return;
    }
    choose_port(monitor, call, address.nl_pid);
    monitor->groups = address.nl_groups;
    call_return(call, 0);
}

static void on_getsockname(struct monitor *monitor, const struct call *call)
{
    socklen_t room;
    struct sockaddr_nl address = {
        .nl_family = AF_NETLINK, .nl_pid = monitor->port, .nl_groups = monitor->groups};
    socklen_t size = sizeof address;
    if (call_read(call, call->arguments[2], &room, sizeof room) ||
        call_write(call, call->arguments[1], &address, room < size ? room : size) ||
        call_write(call, call->arguments[2], &size, sizeof size)) {
        call_fail(call, EFAULT);
        return;
    }
    call_return(call, 0);
}

static void on_setsockopt(struct monitor *monitor, const struct call *call)
{
    int level = (int)call->arguments[1];
    int option = (int)call->arguments[2];
    int value = 0;
    if (call->arguments[4] >= sizeof value &&
        call_read(call, call->arguments[3], &value, sizeof value)) {
        call_fail(call, EFAULT);
        return;
    }
    if (level == SOL_SOCKET && option == SO_PASSCRED) {
        monitor->with_credentials = value != 0;
    } else if (level == SOL_NETLINK && value >= 1 && value <= 32 &&
               option == NETLINK_ADD_MEMBERSHIP) {
        monitor->groups |= 1u << (value - 1);
    } else if (level == SOL_NETLINK && value >= 1 && value <= 32 &&
               option == NETLINK_DROP_MEMBERSHIP) {
        monitor->groups &= ~(1u << (value - 1));
    }
    call_return(call, 0); /* buffer sizes and filters make no difference */
}

static void on_getsockopt(struct monitor *monitor, const struct call *call)
{
    socklen_t size;
    int value;
    switch (call->arguments[1] == SOL_SOCKET ? (int)call->arguments[2] : -1) {
    case SO_TYPE:
        value = monitor->type;
        break;
    case SO_DOMAIN:
        value = AF_NETLINK;
        break;
    case SO_PROTOCOL:
        value = NETLINK_KOBJECT_UEVENT;
        break;
    case SO_PASSCRED:
        value = monitor->with_credentials;
        break;
    case SO_RCVBUF:
    case SO_SNDBUF:
        value = 212992; /* net.core.rmem_default */
        break;
    case SO_ERROR:
        value = 0;
        break;
    default:
        call_fail(call, ENOPROTOOPT);
        return;
    }
    if (call_read(call, call->arguments[4], &size, sizeof size) || size < sizeof value) {
        call_fail(call, EINVAL);
        return;
    }
    size = sizeof value;
    if (call_write(call, call->arguments[3], &value, size) ||
        call_write(call, call->arguments[4], &size, sizeof size)) {
        call_fail(call, EFAULT);
        return;
    }
    call_return(call, 0);
}

/* ---- Receiving --------------------------------------------------------------------------- */

/* Where a message goes in the tool's memory, for recvmsg and recvfrom alike. */
struct destination {
    struct msghdr header; /**< pointers are the tool's */
    struct iovec pieces[PIECES_MAX];
    unsigned count;
    int flags;
};

static int read_destination(const struct call *call, struct destination *to)
{
    memset(to, 0, sizeof *to);
    if (call->number == SYS_recvfrom) {
        to->flags = (int)call->arguments[3];
        to->pieces[0] = (struct iovec){(void *)(uintptr_t)call->arguments[1], call->arguments[2]};
        to->count = 1;
        to->header.msg_name = (void *)(uintptr_t)call->arguments[4];
        socklen_t size = 0;
        if (to->header.msg_name && call_read(call, call->arguments[5], &size, sizeof size)) {
            return EFAULT;
        }
        to->header.msg_namelen = size;
        return 0;
    }
    to->flags = (int)call->arguments[2];
    if (call_read(call, call->arguments[1], &to->header, sizeof to->header)) {
        return EFAULT;
    }
    to->count = (unsigned)to->header.msg_iovlen;
    if (to->header.msg_iovlen > PIECES_MAX) {
        return EMSGSIZE;
    }
    return call_read(call, (uintptr_t)to->header.msg_iov, to->pieces,
                     to->count * sizeof *to->pieces);
}

/* Scatter the data. @return bytes that had room, or a negative errno */
static ssize_t write_data(const struct call *call, const struct destination *to,
                          const struct message *message)
{
    struct iovec local[PIECES_MAX];
    struct iovec remote[PIECES_MAX];
    unsigned used = 0;
    size_t done = 0;
    for (unsigned i = 0; i < to->count && done < message->size; i++) {
        size_t left = message->size - done;
        size_t size = to->pieces[i].iov_len < left ? to->pieces[i].iov_len : left;
        if (size > 0) {
            local[used] = (struct iovec){(void *)(uintptr_t)(message->data + done), size};
            remote[used++] = (struct iovec){to->pieces[i].iov_base, size};
            done += size;
        }
    }
    return call_write_pieces(call, local, remote, used) ? -EFAULT : (ssize_t)done;
}

/* The kernel is trusted by all because its messages come from port 0 and user 0. */
static int write_sender(const struct call *call, const struct destination *to,
                        const struct message *message)
{
    struct sockaddr_nl sender = {.nl_family = AF_NETLINK, .nl_groups = message->group};
    socklen_t size = sizeof sender;
    socklen_t room = to->header.msg_namelen;
    if (!to->header.msg_name) {
        return 0;
    }
    int error =
        call_write(call, (uintptr_t)to->header.msg_name, &sender, room < size ? room : size);
    if (!error && call->number == SYS_recvfrom) {
        error = call_write(call, call->arguments[5], &size, sizeof size);
    }
    return error;
}

static int write_header(const struct monitor *monitor, const struct call *call,
                        struct destination *to, bool truncated)
{
    struct msghdr *header = &to->header;
    union {
        struct cmsghdr align;
        char bytes[CREDENTIALS_SIZE];
    } control = {.bytes = {0}};
    header->msg_flags = truncated ? MSG_TRUNC : 0;
    if (header->msg_name) {
        header->msg_namelen = sizeof(struct sockaddr_nl);
    }
    size_t used = 0;
    if (monitor->with_credentials && header->msg_controllen >= sizeof control.bytes) {
        used = sizeof control.bytes;
        control.align.cmsg_len = CMSG_LEN(sizeof(struct ucred));
        control.align.cmsg_level = SOL_SOCKET;
        control.align.cmsg_type = SCM_CREDENTIALS; /* process, user and group are 0 */
    } else if (monitor->with_credentials) {
        header->msg_flags |= MSG_CTRUNC;
    }
    header->msg_controllen = used;
    return call_write(call, (uintptr_t)header->msg_control, control.bytes, used) ||
                   call_write(call, call->arguments[1], header, sizeof *header)
               ? EFAULT
               : 0;
}

/* Hand over the oldest message. */
static void deliver(struct monitor *monitor, const struct call *call, struct destination *to)
{
    struct message *message = monitor->first;
    ssize_t written = write_data(call, to, message);
    bool truncated = written >= 0 && (size_t)written < message->size;
    if (written < 0 || write_sender(call, to, message) ||
        (call->number != SYS_recvfrom && write_header(monitor, call, to, truncated))) {
        call_fail(call, EFAULT);
        return;
    }
    int64_t result = to->flags & MSG_TRUNC ? (int64_t)message->size : written;
    if (call_return(call, result) && !(to->flags & MSG_PEEK)) {
        monitor_pop(monitor);
    }
}

static void on_receive(struct monitor *monitor, const struct call *call)
{
    struct destination to;
    if (monitor->lost) {
        monitor->lost = false;
        call_fail(call, ENOBUFS);
        return;
    }
    int error = read_destination(call, &to);
    if (error) {
        call_fail(call, error);
    } else if (monitor->first) {
        deliver(monitor, call, &to);
    } else if (to.flags & MSG_DONTWAIT || call_fd_is_nonblocking(call, (int)call->arguments[0])) {
        call_fail(call, EAGAIN);
    } else {
        call_queue_add(&monitor->receivers, call);
    }
}

void monitor_serve_receivers(struct monitor *monitor)
{
    struct call call;
    while (monitor->first && call_queue_take(&monitor->receivers, &call)) {
        struct destination to;
        if (read_destination(&call, &to)) {
            call_fail(&call, EFAULT);
        } else {
            deliver(monitor, &call, &to);
        }
    }
}

/* ---- Dispatch ---------------------------------------------------------------------------- */

static const struct {
    int number;
    void (*handle)(struct monitor *monitor, const struct call *call);
} operations[] = {
    {SYS_bind, on_bind},
    {SYS_getsockname, on_getsockname},
    {SYS_setsockopt, on_setsockopt},
    {SYS_getsockopt, on_getsockopt},
    {SYS_recvmsg, on_receive},
    {SYS_recvfrom, on_receive},
};

static void on_operation(struct userland *host, const struct call *call)
{
    struct monitor *monitor =
        host->monitors ? monitor_find(host, call_fd_pipe(call, (int)call->arguments[0])) : NULL;
    if (!monitor) {
        call_continue(call);
        return;
    }
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
        if (operations[i].number == call->number) {
            operations[i].handle(monitor, call);
        }
    }
}

call_handler monitor_handler(int number)
{
    if (number == SYS_socket) {
        return monitor_open;
    }
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
        if (operations[i].number == number) {
            return on_operation;
        }
    }
    return NULL;
}
