/*
 * Cases of acm_probe: what an open port is and is set to.
 */
#include "host/acm_probe.h"

#include <fcntl.h>
#include <linux/serial.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

static void fresh_settings(int fd)
{
    struct termios2 now = probe_get(fd);
    CHECK(now.c_cflag == (B9600 | CS8 | COMMON));
    CHECK(now.c_ospeed == 9600 && now.c_ispeed == 9600);
    CHECK(now.c_lflag & ECHO && now.c_lflag & ICANON && now.c_iflag & ICRNL && now.c_oflag & OPOST);
}

static void speeds_and_formats(int fd)
{
    probe_raw(fd);
    LOG("");
    probe_set(fd, TCSETS2, BOTHER | CS8 | COMMON, 14400);
    LOG("coding 14400 8N1");
    CHECK(probe_get(fd).c_ospeed == 14400 && probe_get(fd).c_lflag == 0);
    probe_set(fd, TCSETS2, BOTHER | CS8 | COMMON, 14400);
    LOG("");
    probe_set(fd, TCSETSW2, BOTHER | CS8 | COMMON, 28800);
    probe_set(fd, TCSETSF2, B115200 | CS8 | COMMON, 0);
    probe_set(fd, TCSETS2, B19200 | CS7 | PARENB | CSTOPB | COMMON, 0);
    LOG("coding 28800 8N1,coding 115200 8N1,coding 19200 7E2");
    struct termios2 now = probe_get(fd);
    CHECK(now.c_cflag == (B19200 | CS7 | PARENB | CSTOPB | COMMON) && now.c_ospeed == 19200);
    probe_set(fd, TCSETS2, B0 | CS7 | PARENB | CSTOPB | COMMON, 0);
    LOG("lines 2");
    probe_set(fd, TCSETS2, B9600 | CS5 | PARENB | PARODD | COMMON, 0);
    LOG("lines 3,coding 9600 5O1");
}

/* It has 16 bits and no speeds. */
static void oldest_form(int fd)
{
    struct termio {
        unsigned short c_iflag, c_oflag, c_cflag, c_lflag;
        unsigned char c_line, c_cc[8];
    } old;
    CHECK(ioctl(fd, TCGETA, &old) == 0 && old.c_cflag == (B9600 | CS5 | PARENB | PARODD | COMMON));
    old.c_cflag = B4800 | CS8 | COMMON;
    CHECK(ioctl(fd, TCSETA, &old) == 0);
    LOG("coding 4800 8N1");
}

void case_settings(void)
{
    LOG("coding 9600 8N1");
    PENDING("in 0 out 0 notify 0");
    int fd = probe_open(0);
    LOG("lines 3");
    probe_wait("pending", "in 16 out 0 notify 1");
    fresh_settings(fd);
    speeds_and_formats(fd);
    oldest_form(fd);
    FAILS(ioctl(fd, TCSETS2, NULL), EFAULT);
    FAILS(ioctl(fd, TCGETS, NULL), EFAULT);
    close(fd);
    probe_wait("log", "lines 0");
    probe_wait("pending", "in 0 out 0 notify 0");
    fd = probe_open(0);
    CHECK(probe_get(fd).c_cflag == (B4800 | CS8 | COMMON) && probe_get(fd).c_lflag == 0);
    LOG("lines 3");
    probe_set(fd, TCSETS2, B4800 | CS8 | CREAD | CLOCAL, 0); /* without HUPCL the lines stay */
    close(fd);
    probe_wait("pending", "in 0 out 0 notify 0");
    LOG("");
}

/* By the name in a folder: of ours, and of real files that are shown beside them. */
static void names_in_folders(void)
{
    struct stat status;
    char name[64] = "";
    int folder = open("/dev", O_RDONLY | O_DIRECTORY);
    CHECK(fstatat(folder, "ttyACM0", &status, 0) == 0 && status.st_rdev == makedev(166, 0));
    CHECK(fstatat(folder, "null", &status, 0) == 0 && status.st_rdev == makedev(1, 3));
    int null = openat(folder, "null", O_WRONLY);
    CHECK(null >= 0 && write(null, "x", 1) == 1 && !(fcntl(null, F_GETFL) & O_NONBLOCK));
    close(folder);
    folder = open("/sys/class/tty", O_RDONLY | O_DIRECTORY);
    CHECK(readlinkat(folder, "ttyACM0", name, sizeof name) > 20);
    CHECK(faccessat(folder, "../../class", F_OK, 0) == 0);
    FAILS(faccessat(folder, "ttyACM1", F_OK, 0), ENOENT);
    close(folder);
    close(null);
}

/* The userland host lets nobody leave anything on the machine. */
void case_nothing_is_made(void)
{
    int folder = open("/dev", O_RDONLY | O_DIRECTORY);
    FAILS(openat(folder, "no such file", O_WRONLY | O_CREAT, 0600), EACCES);
    FAILS(creat("/dev/ttyACM77", 0600), EACCES);
    close(folder);
}

/* Locks are between the users of one port. */
static void locks(int fd)
{
    CHECK(flock(fd, LOCK_EX | LOCK_NB) == 0);
    int other = probe_open(O_NONBLOCK);
    FAILS(flock(other, LOCK_EX | LOCK_NB), EWOULDBLOCK);
    CHECK(ioctl(fd, TIOCEXCL) == 0);
    if (geteuid() != 0) { /* a real one, too, lets root in */
        FAILS(open(ACM_NODE, O_RDWR | O_NOCTTY), EBUSY);
    }
    CHECK(ioctl(fd, TIOCNXCL) == 0);
    close(other);
}

void case_descriptors(void)
{
    struct stat by_path;
    struct stat by_fd;
    char name[64] = "";
    CHECK(stat(ACM_NODE, &by_path) == 0 && S_ISCHR(by_path.st_mode));
    CHECK(major(by_path.st_rdev) == 166 && minor(by_path.st_rdev) == 0);
    CHECK(access(ACM_NODE, R_OK | W_OK) == 0);
    int fd = probe_open(O_NONBLOCK);
    CHECK(isatty(fd) && fstat(fd, &by_fd) == 0 && by_fd.st_rdev == by_path.st_rdev);
    CHECK(by_fd.st_ino == by_path.st_ino && by_fd.st_dev == by_path.st_dev);
    CHECK(ttyname_r(fd, name, sizeof name) == 0 && strcmp(name, ACM_NODE) == 0);
    FAILS(open(ACM_NODE, O_RDWR | O_DIRECTORY), ENOTDIR);
    FAILS(open(ACM_NODE, O_RDWR | O_CREAT | O_EXCL, 0600), EEXIST);
    FAILS(open("/dev/ttyACM7", O_RDWR), ENOENT);
    FAILS(open("/dev/ttyACM0/x", O_RDWR), ENOTDIR);
    names_in_folders();
    uint8_t byte;
    FAILS(read(fd, &byte, 1), EAGAIN);
    CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK && fcntl(fd, F_GETFD) == FD_CLOEXEC);
    int reader = open("/dev/serial/by-id/usb-Test___Sons_Serial_Device_0123456789abcdef-if00",
                      O_RDONLY | O_NOCTTY);
    CHECK(reader >= 0 && fcntl(reader, F_GETFD) == 0);
    FAILS(write(reader, "x", 1), EBADF);
    LOG("coding 9600 8N1,lines 3,lines 3"); /* each open(2) raises them */
    close(reader);
    locks(fd);
    /* Not the last: nothing happens. */
    probe_ask("log", name, sizeof name);
    LOG("");
    int copy = dup(fd);
    close(fd);
    CHECK(probe_get(copy).c_ospeed == 9600);
    LOG("");
    close(copy);
    probe_wait("log", "lines 0");
}

/* @return the lines, once the device has raised the carrier */
static int raise_carrier(int fd)
{
    int bits = 0;
    probe_tell("state 3");
    while (!(bits & TIOCM_CD)) {
        CHECK(ioctl(fd, TIOCMGET, &bits) == 0);
    }
    return bits;
}

/* What has changed already is not waited for. Kernels differ here: docs/hosts.md. */
void case_changes(void)
{
    const int fd = probe_open(0);
    raise_carrier(fd);
    const pid_t child = probe_child_ioctl(fd, TIOCMIWAIT, TIOCM_CD);
    int status;
    CHECK(poll(NULL, 0, 200) == 0 && waitpid(child, &status, WNOHANG) == 0);
    CHECK(kill(child, SIGKILL) == 0 && waitpid(child, &status, 0) == child);
}

static void lines_from_the_device(int fd)
{
    CHECK(raise_carrier(fd) == (TIOCM_RTS | TIOCM_CTS | TIOCM_CD | TIOCM_DSR));
    struct serial_icounter_struct counts;
    CHECK(ioctl(fd, TIOCGICOUNT, &counts) == 0 && counts.dcd == 1 && counts.dsr == 1);
    int status;
    const pid_t child = probe_child_ioctl(fd, TIOCMIWAIT, TIOCM_RI);
    probe_tell("state 2"); /* CLOCAL: the carrier's loss does no harm */
    probe_tell("state 10");
    /* It may have come too late for the first ring. */
    while (waitpid(child, &status, WNOHANG) == 0) {
        probe_tell("state 2");
        probe_tell("state 10");
    }
    CHECK(status == 0);
}

/* Without CLOCAL a lost carrier hangs up. */
static void lost_carrier(int fd)
{
    probe_set(fd, TCSETS2, B9600 | CS8 | CREAD, 0);
    LOG("");
    probe_tell("state 3");
    probe_tell("state 2");
    struct pollfd state = {.fd = fd};
    CHECK(poll(&state, 1, 30000) == 1 && state.revents & POLLHUP);
    /* pty_close() in drivers/tty/pty.c wakes who polls a moment before it hangs up: EIO until then.
     */
    uint8_t byte;
    ssize_t got;
    do {
        got = read(fd, &byte, 1);
    } while (got < 0 && errno == EIO);
    CHECK(got == 0);
    FAILS(write(fd, "x", 1), EIO);
    int again = probe_open(0);
    probe_raw(again);
    probe_echo(again);
}

void case_lines(void)
{
    int fd = probe_open(0);
    int bits = 0;
    LOG("coding 9600 8N1,lines 3");
    CHECK(ioctl(fd, TIOCMGET, &bits) == 0 && bits == (TIOCM_DTR | TIOCM_RTS | TIOCM_CTS));
    bits = TIOCM_DTR;
    CHECK(ioctl(fd, TIOCMBIC, &bits) == 0);
    CHECK(ioctl(fd, TIOCMBIC, &bits) == 0);
    LOG("lines 2");
    CHECK(ioctl(fd, TIOCMBIS, &bits) == 0);
    bits = TIOCM_RTS;
    CHECK(ioctl(fd, TIOCMSET, &bits) == 0);
    LOG("lines 3,lines 2");
    FAILS(ioctl(fd, TIOCMSET, NULL), EFAULT);
    lines_from_the_device(fd);
    struct serial_struct info;
    CHECK(ioctl(fd, TIOCGSERIAL, &info) == 0 && info.line == 0 && info.closing_wait == 3000);
    CHECK(ioctl(fd, TIOCSSERIAL, &info) == 0);
    /* Breaks: 250 ms, or as long as one likes. */
    CHECK(ioctl(fd, TCSBRK, 0) == 0);
    LOG("break 65535,break 0");
    CHECK(ioctl(fd, TIOCSBRK) == 0 && ioctl(fd, TIOCCBRK) == 0);
    LOG("break 65535,break 0");
    lost_carrier(fd);
}
