/*
 * NETLINK_KOBJECT_UEVENT sockets of the tools: libudev's monitor, libusb's own, udevadm.
 *
 * The tool gets the reading end of a pipe that holds one byte while messages wait, so that poll,
 * select and epoll just work; the socket calls on it are answered here. The filter that libudev
 * attaches is not run: it saves udev's clients from waking up, and they check each message again.
 * When the last holder closes its end, our end shows an error and the monitor goes.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/host_private.h"

enum {
    MESSAGES_MAX = 1024, /* then the listener is told that it lost some, as by the kernel */
    PIECES_MAX = 64,
    CREDENTIALS_SIZE = CMSG_SPACE(sizeof(struct ucred)),
};

struct message {
    struct message *next;
    uint32_t group;
    size_t size;
    char data[];
};

struct receiver {
    struct receiver *next;
    struct call call;
};

struct monitor {
    uint64_t pipe;
    struct vp_host *host;
    int write_end;
    ev_io released;
    uint32_t groups; /**< bit mask: 1 kernel, 2 udev */
    uint32_t port;   /**< nl_pid */
    int type;
    bool with_credentials, lost;
    struct message *first, **last;
    unsigned count;
    struct receiver *receivers; /**< blocked in recvmsg(2), oldest first */
    UT_hash_handle hh;
};

static struct monitor *find(const struct vp_host *host, uint64_t pipe)
{
    struct monitor *monitor = NULL;
    if (pipe && host->monitors) {
        HASH_FIND(hh, host->monitors, &pipe, sizeof pipe, monitor);
    }
    return monitor;
}

bool monitor_owns(const struct vp_host *host, uint64_t pipe)
{
    return find(host, pipe) != NULL;
}

/* ---- Readiness ------------------------------------------------------------------------ */

/* Also makes us a reader for a moment, so that a write can't raise SIGPIPE. */
static int open_reader(const struct monitor *monitor)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", monitor->write_end);
    return open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
}

static void set_readable(struct monitor *monitor, bool readable)
{
    char byte = 0;
    int reader = open_reader(monitor);
    if (reader < 0) {
        return;
    }
    while (read(reader, &byte, 1) == 1) {
    }
    if (readable && write(monitor->write_end, &byte, 1) != 1) {
        monitor->lost = true;
    }
    close(reader);
}

static void pop(struct monitor *monitor)
{
    struct message *message = monitor->first;
    monitor->first = message->next;
    if (!monitor->first) {
        monitor->last = &monitor->first;
    }
    monitor->count--;
    free(message);
    if (!monitor->first) {
        set_readable(monitor, false);
    }
}

static void monitor_free(struct monitor *monitor)
{
    HASH_DEL(monitor->host->monitors, monitor);
    ev_io_stop(monitor->host->loop, &monitor->released);
    while (monitor->first) {
        struct message *message = monitor->first;
        monitor->first = message->next;
        free(message);
    }
    while (monitor->receivers) {
        struct receiver *receiver = monitor->receivers;
        monitor->receivers = receiver->next;
        call_fail(&receiver->call, EBADF);
        free(receiver);
    }
    close(monitor->write_end);
    free(monitor);
}

static void on_released(struct ev_loop *loop, ev_io *io, int events)
{
    (void)loop;
    (void)events;
    monitor_free(io->data);
}

/* ---- socket, bind and what else sets one up --------------------------------------------- */

static void on_socket(struct vp_host *host, const struct call *call)
{
    int type = (int)call->arguments[1];
    int ends[2];
    struct monitor *monitor = calloc(1, sizeof *monitor);
    if (!monitor || pipe2(ends, O_CLOEXEC | O_NONBLOCK)) {
        call_fail(call, monitor ? ENFILE : ENOMEM); /* the host's descriptors, not the tool's */
        free(monitor);
        return;
    }
    monitor->host = host;
    monitor->pipe = call_own_pipe(ends[0]);
    monitor->write_end = ends[1];
    monitor->type = type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC);
    monitor->last = &monitor->first;
    if (!(type & SOCK_NONBLOCK)) {
        fcntl(ends[0], F_SETFL, 0);
    }
    HASH_ADD(hh, host->monitors, pipe, sizeof monitor->pipe, monitor);
    bool given = call_return_fd(call, ends[0], type & SOCK_CLOEXEC);
    close(ends[0]);
    /* A writing end is never readable; it is reported only when the last reader has closed. */
    ev_io_init(&monitor->released, on_released, monitor->write_end, EV_READ);
    monitor->released.data = monitor;
    ev_io_start(host->loop, &monitor->released);
    if (!given) {
        monitor_free(monitor);
    }
}

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

/* ---- Receiving ---------------------------------------------------------------------------- */

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
        pop(monitor);
    }
}

static void wait_for_message(struct monitor *monitor, const struct call *call)
{
    struct receiver *receiver = calloc(1, sizeof *receiver);
    if (!receiver) {
        call_fail(call, ENOMEM);
        return;
    }
    receiver->call = *call;
    struct receiver **end = &monitor->receivers;
    while (*end) {
        end = &(*end)->next;
    }
    *end = receiver;
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
        wait_for_message(monitor, call);
    }
}

static void serve_receivers(struct monitor *monitor)
{
    while (monitor->first && monitor->receivers) {
        struct receiver *receiver = monitor->receivers;
        struct destination to;
        monitor->receivers = receiver->next;
        if (call_is_waiting(&receiver->call)) {
            if (read_destination(&receiver->call, &to)) {
                call_fail(&receiver->call, EFAULT);
            } else {
                deliver(monitor, &receiver->call, &to);
            }
        }
        free(receiver);
    }
}

/* ---- Dispatch --------------------------------------------------------------------------- */

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

static void on_operation(struct vp_host *host, const struct call *call)
{
    struct monitor *monitor =
        host->monitors ? find(host, call_fd_pipe(call, (int)call->arguments[0])) : NULL;
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
        return on_socket;
    }
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
        if (operations[i].number == number) {
            return on_operation;
        }
    }
    return NULL;
}

/* ---- Announcing ---------------------------------------------------------------------------- */

static void post(struct monitor *monitor, uint32_t group, const struct uevent_text *text)
{
    struct message *message =
        monitor->count < MESSAGES_MAX ? malloc(sizeof *message + text->length) : NULL;
    if (!message) {
        monitor->lost = true;
        return;
    }
    *message = (struct message){.group = group, .size = text->length};
    memcpy(message->data, text->data, text->length);
    *monitor->last = message;
    monitor->last = &message->next;
    if (monitor->count++ == 0) {
        set_readable(monitor, true);
    }
    serve_receivers(monitor);
}

void monitor_announce_one(struct vp_host *host, const char *action, struct uevent_subject subject)
{
    struct uevent_text kernel;
    struct uevent_text udev;
    uint64_t sequence = ++host->event_sequence;
    uevent_kernel_message(&kernel, action, subject, sequence);
    uevent_udev_message(&udev, action, subject, sequence);
    for (struct monitor *monitor = host->monitors, *next; monitor; monitor = next) {
        next = monitor->hh.next;
        if (monitor->groups & 1) {
            post(monitor, 1, &kernel);
        }
        if (monitor->groups & 2) {
            post(monitor, 2, &udev);
        }
    }
}

/* The kernel's order: the device comes before its interfaces and goes after them. */
void monitor_announce(struct vp_host *host, const char *action, const struct usb_device *device)
{
    bool leaving = strcmp(action, "remove") == 0;
    if (!leaving) {
        monitor_announce_one(host, action, uevent_device(device));
    }
    for (unsigned i = 0; i < USB_INTERFACES_MAX; i++) {
        const struct usb_alternate *alternate = usb_device_current(device, i);
        if (alternate) {
            monitor_announce_one(host, action, uevent_interface(device, alternate));
        }
    }
    if (leaving) {
        monitor_announce_one(host, action, uevent_device(device));
    } else {
        monitor_announce_one(host, "bind", uevent_device(device));
    }
}

void monitor_forget_session(struct vp_host *host, const struct session *session)
{
    for (struct monitor *monitor = host->monitors; monitor; monitor = monitor->hh.next) {
        for (struct receiver *receiver = monitor->receivers; receiver; receiver = receiver->next) {
            if (receiver->call.session == session) {
                receiver->call.session = NULL;
            }
        }
    }
}

void monitor_free_all(struct vp_host *host)
{
    struct monitor *monitor;
    struct monitor *next;
    HASH_ITER(hh, host->monitors, monitor, next)
    {
        monitor_free(monitor);
    }
}
