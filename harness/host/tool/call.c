#include "host/tool/call.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

int call_receive(int listener, struct call *call)
{
    /* The kernel may know a longer structure than we do, and wants it zeroed. */
    union {
        struct seccomp_notif notification;
        char room[512];
    } received;
    struct pollfd state = {.fd = listener, .events = POLLIN};
    if (poll(&state, 1, 0) <= 0) {
        return 0;
    }
    if (!(state.revents & POLLIN)) {
        return -1;
    }
    memset(&received, 0, sizeof received);
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &received)) {
        return 0; /* the caller was killed just now */
    }
    call->listener = listener;
    call->id = received.notification.id;
    call->thread = (pid_t)received.notification.pid;
    call->number = received.notification.data.nr;
    for (unsigned i = 0; i < 6; i++) {
        call->arguments[i] = received.notification.data.args[i];
    }
    return 1;
}

static bool respond(const struct call *call, int64_t value, int error)
{
    if (!call->session) {
        return false;
    }
    struct seccomp_notif_resp response = {.id = call->id, .val = value, .error = -error};
    return ioctl(call->listener, SECCOMP_IOCTL_NOTIF_SEND, &response) == 0;
}

bool call_return(const struct call *call, int64_t value)
{
    return respond(call, value, 0);
}

bool call_fail(const struct call *call, int error)
{
    return respond(call, 0, error);
}

bool call_let_pass(int listener, uint64_t id)
{
    struct seccomp_notif_resp response = {.id = id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
    return ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response) == 0;
}

bool call_continue(const struct call *call)
{
    return call->session && call_let_pass(call->listener, call->id);
}

bool call_return_fd(const struct call *call, int fd, bool close_on_exec)
{
    if (!call->session) {
        return false;
    }
    struct seccomp_notif_addfd add = {
        .id = call->id,
        .flags = SECCOMP_ADDFD_FLAG_SEND,
        .srcfd = (uint32_t)fd,
        .newfd_flags = close_on_exec ? O_CLOEXEC : 0,
    };
    if (ioctl(call->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add) >= 0) {
        return true;
    }
    if (errno != EINVAL) {
        int error = errno;
        call_fail(call, error == EMFILE ? EMFILE : EIO);
        return false;
    }
    /* Linux before 5.14 needs two steps. */
    add.flags = 0;
    int remote = ioctl(call->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add);
    return remote >= 0 ? call_return(call, remote) : (call_fail(call, EIO), false);
}

bool call_is_waiting(const struct call *call)
{
    uint64_t id = call->id;
    return call->session && ioctl(call->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

int call_read(const struct call *call, uint64_t address, void *data, size_t size)
{
    struct iovec local = {data, size};
    struct iovec remote = {(void *)(uintptr_t)address, size};
    return size == 0 || process_vm_readv(call->thread, &local, 1, &remote, 1, 0) == (ssize_t)size
               ? 0
               : EFAULT;
}

int call_write_pieces(const struct call *call, const struct iovec *local,
                      const struct iovec *remote, unsigned count)
{
    ssize_t size = 0;
    for (unsigned i = 0; i < count; i++) {
        size += (ssize_t)local[i].iov_len;
    }
    if (!call_is_waiting(call)) {
        return EFAULT;
    }
    return process_vm_writev(call->thread, local, count, remote, count, 0) == size ? 0 : EFAULT;
}

int call_write(const struct call *call, uint64_t address, const void *data, size_t size)
{
    struct iovec local = {(void *)(uintptr_t)data, size};
    struct iovec remote = {(void *)(uintptr_t)address, size};
    return size == 0 ? 0 : call_write_pieces(call, &local, &remote, 1);
}

/* process_vm_readv(2) reads a piece whole or not at all, so pieces end where pages end. */
int call_read_text(const struct call *call, uint64_t address, char *text, size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t used = 0;
    while (used < size) {
        size_t piece = page - (address + used) % page;
        /* Most texts are short: look at little first. */
        size_t limit = used == 0 ? 256 : size - used;
        piece = piece < limit ? piece : limit;
        piece = piece < size - used ? piece : size - used;
        if (call_read(call, address + used, text + used, piece)) {
            return EFAULT;
        }
        if (memchr(text + used, '\0', piece)) {
            return 0;
        }
        used += piece;
    }
    return ENAMETOOLONG;
}

static bool read_link(const char *path, char *name, size_t size)
{
    ssize_t length = readlink(path, name, size - 1);
    if (length < 0 || (size_t)length >= size - 1) {
        return false;
    }
    name[length] = '\0';
    return true;
}

bool call_fd_name(const struct call *call, int fd, char *name, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)call->thread, fd);
    return read_link(path, name, size);
}

bool call_directory_name(const struct call *call, char *name, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/cwd", (int)call->thread);
    return read_link(path, name, size);
}

uint64_t call_pipe_inode(const char *name)
{
    static const char prefix[] = "pipe:[";
    return strncmp(name, prefix, sizeof prefix - 1) == 0
               ? strtoull(name + sizeof prefix - 1, NULL, 10)
               : 0;
}

uint64_t call_own_pipe(int fd)
{
    char path[64];
    char name[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return read_link(path, name, sizeof name) ? call_pipe_inode(name) : 0;
}

uint64_t call_fd_pipe(const struct call *call, int fd)
{
    char name[PATH_MAX];
    return call_fd_name(call, fd, name, sizeof name) ? call_pipe_inode(name) : 0;
}

bool call_fd_is_nonblocking(const struct call *call, int fd)
{
    char path[64];
    char text[256] = "";
    snprintf(path, sizeof path, "/proc/%d/fdinfo/%d", (int)call->thread, fd);
    int info = open(path, O_RDONLY | O_CLOEXEC);
    if (info < 0) {
        return false;
    }
    ssize_t size = read(info, text, sizeof text - 1);
    close(info);
    const char *flags = size > 0 ? strstr(text, "flags:") : NULL;
    return flags && (strtoul(flags + 6, NULL, 8) & O_NONBLOCK);
}
