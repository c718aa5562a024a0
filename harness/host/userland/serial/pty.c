#include "host/userland/serial/pty.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

int pty_create(struct pty *pty, struct termios2 *settings)
{
    int unlocked = 0;
    struct stat status;
    pty->master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (pty->master < 0) {
        return errno;
    }
    int slave = -1;
    if (ioctl(pty->master, TIOCSPTLCK, &unlocked) == 0) {
        slave = pty_open_slave(pty, O_RDWR);
    }
    if (slave < 0 || fstat(slave, &status) || ioctl(pty->master, TCGETS2, settings)) {
        int error = errno;
        if (slave >= 0) {
            close(slave);
        }
        pty_close(pty);
        return error;
    }
    close(slave);
    pty->device = status.st_dev;
    pty->inode = status.st_ino;
    pty->special = status.st_rdev;
    return 0;
}

/* Without a path: the tool's mount namespace, and ours, may have no or another /dev/pts. */
int pty_open_slave(const struct pty *pty, int flags)
{
    return ioctl(pty->master, TIOCGPTPEER,
                 (flags & (O_ACCMODE | O_NONBLOCK)) | O_NOCTTY | O_CLOEXEC);
}

int pty_set(const struct pty *pty, struct termios2 *settings, bool flush)
{
    struct termios2 result;
    if (ioctl(pty->master, flush ? TCSETSF2 : TCSETS2, settings) ||
        ioctl(pty->master, TCGETS2, &result)) {
        return errno;
    }
    settings->c_ispeed = result.c_ispeed;
    settings->c_ospeed = result.c_ospeed;
    return 0;
}

bool pty_is_closed(const struct pty *pty)
{
    struct pollfd state = {.fd = pty->master};
    return poll(&state, 1, 0) > 0 && (state.revents & POLLHUP);
}

/* poll(2) waits for what is on its way through the kernel's buffers (n_tty_poll()). */
unsigned pty_waiting(const struct pty *pty)
{
    struct pollfd state = {.fd = pty->master, .events = POLLIN};
    int count = 0;
    poll(&state, 1, 0);
    return ioctl(pty->master, FIONREAD, &count) || count < 0 ? 0 : (unsigned)count;
}

bool pty_is_slave(const struct pty *pty, pid_t thread, int fd)
{
    char path[64];
    struct stat status;
    snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)thread, fd);
    return stat(path, &status) == 0 && S_ISCHR(status.st_mode) && status.st_rdev == pty->special &&
           status.st_ino == pty->inode && status.st_dev == pty->device;
}

void pty_close(struct pty *pty)
{
    if (pty->master >= 0) {
        close(pty->master);
        pty->master = -1;
    }
}
