/*
 * acm_probe CONTROL-SOCKET CASE: what a serial port must do, tried with the system calls
 * themselves, against the device of acm_server.c. The first thing that is not so ends the program
 * with status 1.
 */
#include <asm/termbits.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/serial.h>
#include <linux/usbdevice_fs.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/check.h"

static const char node[] = "/dev/ttyACM0";
static const char *control_socket;

/* ---- The device -------------------------------------------------------------------------- */

static size_t ask(const char *command, char *answer, size_t room)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    snprintf(name.sun_path, sizeof name.sun_path, "%s", control_socket);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&name, sizeof name) == 0);
    CHECK(write(fd, command, strlen(command)) == (ssize_t)strlen(command));
    size_t size = 0;
    for (ssize_t part; (part = read(fd, answer + size, room - 1 - size)) > 0;) {
        size += (size_t)part;
    }
    answer[size] = '\0';
    close(fd);
    return size;
}

static void tell(const char *command)
{
    char answer[256];
    ask(command, answer, sizeof answer);
    CHECK(strcmp(answer, "ok") == 0);
}

static void expect_answer(const char *command, const char *wanted, int line)
{
    char answer[4096];
    ask(command, answer, sizeof answer);
    if (strcmp(answer, wanted) != 0) {
        fprintf(stderr, "%s:%d: %s: '%s' instead of '%s'\n", __FILE__, line, command, answer,
                wanted);
        exit(1);
    }
}

#define LOG(wanted)      expect_answer("log", wanted, __LINE__)
#define PENDING(wanted)  expect_answer("pending", wanted, __LINE__)
#define RECEIVED(wanted) expect_answer("received", wanted, __LINE__)

/* Events that the host learns on its own are waited for, not slept for. */
static void wait_for(const char *command, const char *wanted)
{
    char answer[4096];
    for (unsigned tries = 0; tries < 30000; tries++) {
        ask(command, answer, sizeof answer);
        if (strcmp(answer, wanted) == 0) {
            return;
        }
        poll(NULL, 0, 1);
    }
    fprintf(stderr, "%s: still '%s' instead of '%s'\n", command, answer, wanted);
    exit(1);
}

static void wait_for_node(const char *path, bool there)
{
    struct stat status;
    for (unsigned tries = 0; tries < 30000 && (stat(path, &status) == 0) != there; tries++) {
        poll(NULL, 0, 1);
    }
    CHECK((stat(path, &status) == 0) == there);
}

/* ---- The port ---------------------------------------------------------------------------- */

static int open_port(int flags)
{
    int fd = open(node, O_RDWR | O_NOCTTY | O_CLOEXEC | flags);
    CHECK(fd >= 0);
    return fd;
}

static struct termios2 get(int fd)
{
    struct termios2 settings;
    CHECK(ioctl(fd, TCGETS2, &settings) == 0);
    return settings;
}

static void set(int fd, unsigned request, unsigned flags, unsigned rate)
{
    struct termios2 settings = get(fd);
    settings.c_iflag = 0;
    settings.c_oflag = 0;
    settings.c_lflag = 0;
    settings.c_cflag = flags;
    settings.c_ispeed = settings.c_ospeed = rate;
    settings.c_cc[VMIN] = 1;
    settings.c_cc[VTIME] = 0;
    CHECK(ioctl(fd, request, &settings) == 0);
}

enum { COMMON = CREAD | CLOCAL | HUPCL };

static void raw(int fd)
{
    set(fd, TCSETS2, B9600 | CS8 | COMMON, 0);
}

static size_t read_all(int fd, uint8_t *to, size_t size)
{
    size_t used = 0;
    struct pollfd state = {.fd = fd, .events = POLLIN};
    while (used < size && poll(&state, 1, 30000) == 1) {
        ssize_t part = read(fd, to + used, size - used);
        CHECK(part > 0);
        used += (size_t)part;
    }
    return used;
}

static void no_input(int fd)
{
    int count = -1;
    CHECK(ioctl(fd, FIONREAD, &count) == 0 && count == 0);
}

/* ---- Cases ------------------------------------------------------------------------------- */

static void settings(void)
{
    LOG("coding 9600 8N1");
    PENDING("in 0 out 0 notify 0");
    int fd = open_port(0);
    LOG("lines 3");
    wait_for("pending", "in 16 out 0 notify 1");
    struct termios2 now = get(fd);
    CHECK(now.c_cflag == (B9600 | CS8 | COMMON));
    CHECK(now.c_ospeed == 9600 && now.c_ispeed == 9600);
    CHECK(now.c_lflag & ECHO && now.c_lflag & ICANON && now.c_iflag & ICRNL && now.c_oflag & OPOST);
    raw(fd);
    LOG("");
    set(fd, TCSETS2, BOTHER | CS8 | COMMON, 14400);
    LOG("coding 14400 8N1");
    CHECK(get(fd).c_ospeed == 14400 && get(fd).c_lflag == 0);
    set(fd, TCSETS2, BOTHER | CS8 | COMMON, 14400);
    LOG("");
    set(fd, TCSETSW2, BOTHER | CS8 | COMMON, 28800);
    set(fd, TCSETSF2, B115200 | CS8 | COMMON, 0);
    set(fd, TCSETS2, B19200 | CS7 | PARENB | CSTOPB | COMMON, 0);
    LOG("coding 28800 8N1,coding 115200 8N1,coding 19200 7E2");
    now = get(fd);
    CHECK(now.c_cflag == (B19200 | CS7 | PARENB | CSTOPB | COMMON) && now.c_ospeed == 19200);
    set(fd, TCSETS2, B0 | CS7 | PARENB | CSTOPB | COMMON, 0);
    LOG("lines 2");
    set(fd, TCSETS2, B9600 | CS5 | PARENB | PARODD | COMMON, 0);
    LOG("lines 3,coding 9600 5O1");
    /* The oldest form has 16 bits and no speeds. */
    struct termio {
        unsigned short c_iflag, c_oflag, c_cflag, c_lflag;
        unsigned char c_line, c_cc[8];
    } old;
    CHECK(ioctl(fd, TCGETA, &old) == 0 && old.c_cflag == (B9600 | CS5 | PARENB | PARODD | COMMON));
    old.c_cflag = B4800 | CS8 | COMMON;
    CHECK(ioctl(fd, TCSETA, &old) == 0);
    LOG("coding 4800 8N1");
    FAILS(ioctl(fd, TCSETS2, NULL), EFAULT);
    FAILS(ioctl(fd, TCGETS, NULL), EFAULT);
    close(fd);
    wait_for("log", "lines 0");
    wait_for("pending", "in 0 out 0 notify 0");
    fd = open_port(0);
    CHECK(get(fd).c_cflag == (B4800 | CS8 | COMMON) && get(fd).c_lflag == 0);
    LOG("lines 3");
    set(fd, TCSETS2, B4800 | CS8 | CREAD | CLOCAL, 0); /* without HUPCL the lines stay */
    close(fd);
    wait_for("pending", "in 0 out 0 notify 0");
    LOG("");
}

static void descriptors(void)
{
    struct stat by_path;
    struct stat by_fd;
    char name[64] = "";
    CHECK(stat(node, &by_path) == 0 && S_ISCHR(by_path.st_mode));
    CHECK(major(by_path.st_rdev) == 166 && minor(by_path.st_rdev) == 0);
    CHECK(access(node, R_OK | W_OK) == 0);
    int fd = open_port(O_NONBLOCK);
    CHECK(isatty(fd) && fstat(fd, &by_fd) == 0 && by_fd.st_rdev == by_path.st_rdev);
    CHECK(by_fd.st_ino == by_path.st_ino && by_fd.st_dev == by_path.st_dev);
    CHECK(ttyname_r(fd, name, sizeof name) == 0 && strcmp(name, node) == 0);
    FAILS(open(node, O_RDWR | O_DIRECTORY), ENOTDIR);
    FAILS(open(node, O_RDWR | O_CREAT | O_EXCL, 0600), EEXIST);
    FAILS(open("/dev/ttyACM7", O_RDWR), ENOENT);
    FAILS(open("/dev/ttyACM0/x", O_RDWR), ENOTDIR);
    /* By the name in a folder: of ours, and of real files that are shown beside them. */
    int folder = open("/dev", O_RDONLY | O_DIRECTORY);
    CHECK(fstatat(folder, "ttyACM0", &by_fd, 0) == 0 && by_fd.st_rdev == by_path.st_rdev);
    CHECK(fstatat(folder, "null", &by_fd, 0) == 0 && by_fd.st_rdev == makedev(1, 3));
    int null = openat(folder, "null", O_WRONLY);
    CHECK(null >= 0 && write(null, "x", 1) == 1 && !(fcntl(null, F_GETFL) & O_NONBLOCK));
    FAILS(openat(folder, "no such file", O_WRONLY | O_CREAT, 0600), EACCES);
    close(folder);
    folder = open("/sys/class/tty", O_RDONLY | O_DIRECTORY);
    CHECK(readlinkat(folder, "ttyACM0", name, sizeof name) > 20);
    CHECK(faccessat(folder, "../../class", F_OK, 0) == 0);
    FAILS(faccessat(folder, "ttyACM1", F_OK, 0), ENOENT);
    close(folder);
    close(null);
    uint8_t byte;
    FAILS(read(fd, &byte, 1), EAGAIN);
    CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK && fcntl(fd, F_GETFD) == FD_CLOEXEC);
    int reader = open("/dev/serial/by-id/usb-Test___Sons_Serial_Device_0123456789abcdef-if00",
                      O_RDONLY | O_NOCTTY);
    CHECK(reader >= 0 && fcntl(reader, F_GETFD) == 0);
    FAILS(write(reader, "x", 1), EBADF);
    LOG("coding 9600 8N1,lines 3,lines 3"); /* each open(2) raises them */
    close(reader);
    /* Locks are between the users of one port. */
    CHECK(flock(fd, LOCK_EX | LOCK_NB) == 0);
    int other = open_port(O_NONBLOCK);
    FAILS(flock(other, LOCK_EX | LOCK_NB), EWOULDBLOCK);
    CHECK(ioctl(fd, TIOCEXCL) == 0);
    if (geteuid() != 0) { /* a real one, too, lets root in */
        FAILS(open(node, O_RDWR | O_NOCTTY), EBUSY);
    }
    CHECK(ioctl(fd, TIOCNXCL) == 0);
    close(other);
    /* Not the last: nothing happens. */
    ask("log", name, sizeof name);
    LOG("");
    int copy = dup(fd);
    close(fd);
    CHECK(get(copy).c_ospeed == 9600);
    LOG("");
    close(copy);
    wait_for("log", "lines 0");
}

static void lines(void)
{
    int fd = open_port(0);
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
    tell("state 3");
    for (bits = 0; !(bits & TIOCM_CD);) {
        CHECK(ioctl(fd, TIOCMGET, &bits) == 0);
    }
    CHECK(bits == (TIOCM_RTS | TIOCM_CTS | TIOCM_CD | TIOCM_DSR));
    struct serial_icounter_struct counts;
    CHECK(ioctl(fd, TIOCGICOUNT, &counts) == 0 && counts.dcd == 1 && counts.dsr == 1);
    CHECK(ioctl(fd, TIOCMIWAIT, TIOCM_CD) == 0); /* that change was not waited for yet */
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        _exit(ioctl(fd, TIOCMIWAIT, TIOCM_RI) == 0 ? 0 : 1);
    }
    tell("state 2"); /* CLOCAL: the carrier's loss does no harm */
    tell("state 10");
    int status;
    /* It may have come too late for the first ring. */
    while (waitpid(child, &status, WNOHANG) == 0) {
        tell("state 2");
        tell("state 10");
    }
    CHECK(status == 0);
    struct serial_struct info;
    CHECK(ioctl(fd, TIOCGSERIAL, &info) == 0 && info.line == 0 && info.closing_wait == 3000);
    CHECK(ioctl(fd, TIOCSSERIAL, &info) == 0);
    /* Breaks: 250 ms, or as long as one likes. */
    CHECK(ioctl(fd, TCSBRK, 0) == 0);
    LOG("break 65535,break 0");
    CHECK(ioctl(fd, TIOCSBRK) == 0 && ioctl(fd, TIOCCBRK) == 0);
    LOG("break 65535,break 0");
    /* Without CLOCAL a lost carrier hangs up. */
    set(fd, TCSETS2, B9600 | CS8 | CREAD, 0);
    LOG("");
    tell("state 3");
    tell("state 2");
    struct pollfd state = {.fd = fd};
    CHECK(poll(&state, 1, 30000) == 1 && state.revents & POLLHUP);
    uint8_t byte;
    CHECK(read(fd, &byte, 1) == 0);
    FAILS(write(fd, "x", 1), EIO);
    int again = open_port(0);
    raw(again);
    CHECK(write(again, "x", 1) == 1 && read(again, &byte, 1) == 1 && byte == 'x');
}

static void data(void)
{
    enum { SIZE = 300000 };
    static uint8_t out[SIZE];
    static uint8_t in[SIZE];
    int fd = open_port(0);
    raw(fd);
    for (size_t i = 0; i < SIZE; i++) {
        out[i] = (uint8_t)(i * 7 + i / 251);
    }
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        size_t sent = 0;
        while (sent < SIZE) {
            ssize_t part = write(fd, out + sent, SIZE - sent);
            CHECK(part > 0);
            sent += (size_t)part;
        }
        _exit(0);
    }
    CHECK(read_all(fd, in, SIZE) == SIZE && memcmp(in, out, SIZE) == 0);
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK(ioctl(fd, TCSBRK, 1) == 0);
    no_input(fd);
    /* Each single byte value passes. */
    for (unsigned i = 0; i < 256; i++) {
        uint8_t byte = (uint8_t)i;
        CHECK(write(fd, &byte, 1) == 1 && read(fd, in, sizeof in) == 1 && in[0] == byte);
    }
    /* An endpoint that halts is woken up. */
    char log[64];
    ask("log", log, sizeof log);
    tell("halt");
    CHECK(write(fd, "after", 5) == 5 && read_all(fd, in, 5) == 5 && memcmp(in, "after", 5) == 0);
    LOG("clear 129");
}

static void flow(void)
{
    enum { SIZE = 200000 };
    static uint8_t in[SIZE];
    static uint8_t zeros[65536];
    int fd = open_port(O_NONBLOCK);
    int count;
    raw(fd);
    /* A tool that does not read: the device keeps what it has. */
    tell("flood 200000");
    wait_for("pending", "in 0 out 0 notify 1");
    CHECK(read_all(fd, in, SIZE) == SIZE);
    for (size_t i = 0; i < SIZE; i++) {
        CHECK(in[i] == (uint8_t)i);
    }
    wait_for("pending", "in 16 out 0 notify 1");
    /* A device that does not take: what was written waits, and then no more can be. */
    tell("echo off");
    tell("nak on");
    CHECK(write(fd, "0123456789", 10) == 10);
    CHECK(ioctl(fd, TIOCOUTQ, &count) == 0 && count == 10);
    wait_for("pending", "in 16 out 1 notify 1");
    size_t written = 10;
    struct pollfd state = {.fd = fd, .events = POLLOUT};
    while (poll(&state, 1, 200) == 1) {
        ssize_t part = write(fd, zeros, sizeof zeros);
        CHECK(part >= 0 || errno == EAGAIN);
        written += part > 0 ? (size_t)part : 0;
    }
    CHECK(written > 20000 && written < 100000);
    CHECK(ioctl(fd, TIOCOUTQ, &count) == 0 && count > 0 && (size_t)count <= written);
    wait_for("pending", "in 16 out 16 notify 1");
    /* Dropped, and the port is as new. */
    CHECK(ioctl(fd, TCFLSH, 1) == 0);
    CHECK(ioctl(fd, TIOCOUTQ, &count) == 0 && count == 0);
    wait_for("pending", "in 16 out 0 notify 1");
    CHECK(write(fd, "last", 4) == 4);
    /* Who waits until all is sent waits for the device. */
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        _exit(ioctl(fd, TCSBRK, 1) == 0 ? 0 : 1);
    }
    wait_for("pending", "in 16 out 1 notify 1");
    int status;
    CHECK(waitpid(child, &status, WNOHANG) == 0);
    tell("nak off");
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    RECEIVED("last");
    /* Input that nobody has read can be dropped as well. */
    tell("send abc");
    CHECK(poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 30000) == 1);
    CHECK(ioctl(fd, TCFLSH, 0) == 0);
    no_input(fd);
    FAILS(ioctl(fd, TCFLSH, 9), EINVAL);
}

static void closing(void)
{
    uint8_t bytes[64];
    /* What the device says while nobody listens stays with it. */
    tell("send early");
    PENDING("in 0 out 0 notify 0");
    int fd = open_port(0);
    raw(fd);
    CHECK(read_all(fd, bytes, 5) == 5 && memcmp(bytes, "early", 5) == 0);
    char log[256];
    CHECK(ioctl(fd, TCSBRK, 1) == 0);
    ask("received", log, sizeof log); /* perhaps its echo: it came before raw() */
    /* What was not read goes with the last close. */
    tell("send stale");
    CHECK(poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 30000) == 1);
    close(fd);
    fd = open_port(O_NONBLOCK);
    no_input(fd);
    FAILS(read(fd, bytes, 1), EAGAIN);
    ask("log", log, sizeof log);
    /* What was written before the last close is still sent, and the next open(2) waits for that. */
    tell("echo off");
    tell("nak on");
    CHECK(write(fd, "goodbye", 7) == 7);
    close(fd);
    wait_for("pending", "in 16 out 1 notify 1");
    LOG("");
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        _exit(open(node, O_RDWR | O_NOCTTY) >= 0 ? 0 : 1);
    }
    int status;
    CHECK(waitpid(child, &status, WNOHANG) == 0);
    tell("nak off");
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    RECEIVED("goodbye");
    wait_for("pending", "in 0 out 0 notify 0");
    LOG("lines 0,lines 3,lines 0");
}

static void cooked(void)
{
    uint8_t bytes[64];
    int fd = open_port(0);
    tell("echo off");
    /* The kernel's default: lines, and an echo to the device. */
    tell("send one\rtw");
    ssize_t size = read(fd, bytes, sizeof bytes);
    CHECK(size == 4 && memcmp(bytes, "one\n", 4) == 0);
    wait_for("pending", "in 16 out 0 notify 1");
    CHECK(ioctl(fd, TCSBRK, 1) == 0);
    RECEIVED("one\r\ntw");
    CHECK(write(fd, "a\n", 2) == 2 && ioctl(fd, TCSBRK, 1) == 0);
    RECEIVED("a\r\n");
}

static void unplug(void)
{
    uint8_t byte;
    int fd = open_port(0);
    raw(fd);
    struct pollfd state = {.fd = fd, .events = POLLIN};
    CHECK(poll(&state, 1, 0) == 0);
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        _exit(ioctl(fd, TIOCMIWAIT, TIOCM_RI) == -1 && (errno == ENODEV || errno == EIO) ? 0 : 1);
    }
    tell("unplug");
    CHECK(poll(&state, 1, 30000) == 1 && state.revents & POLLHUP);
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK(read(fd, &byte, 1) == 0);
    FAILS(write(fd, "x", 1), EIO);
    struct termios2 settings;
    FAILS(ioctl(fd, TCGETS2, &settings), EIO);
    wait_for_node(node, false);
    FAILS(open(node, O_RDWR | O_NOCTTY), ENOENT);
    struct stat gone;
    CHECK(fstat(fd, &gone) == 0 && gone.st_rdev == makedev(166, 0));
    FAILS(access("/sys/class/tty/ttyACM0", F_OK), ENOENT);
    FAILS(access("/dev/serial", F_OK), ENOENT);
    /* The number is taken while somebody has the old port open. */
    tell("plug");
    wait_for_node("/dev/ttyACM1", true);
    FAILS(access(node, F_OK), ENOENT);
    close(fd);
    tell("unplug");
    wait_for_node("/dev/ttyACM1", false);
    tell("plug");
    wait_for_node(node, true);
    fd = open_port(0);
    CHECK(get(fd).c_lflag & ECHO); /* a new port has new settings */
    raw(fd);
    CHECK(write(fd, "x", 1) == 1 && read(fd, &byte, 1) == 1 && byte == 'x');
}

static int driver_request(int usb, unsigned request)
{
    struct usbdevfs_ioctl inner = {.ifno = 0, .ioctl_code = (int)request};
    return ioctl(usb, USBDEVFS_IOCTL, &inner);
}

static void drivers(void)
{
    struct usbdevfs_getdriver driver = {.interface = 1};
    unsigned interface = 0;
    unsigned configuration = 1;
    int usb = open("/dev/bus/usb/001/002", O_RDWR);
    CHECK(usb >= 0);
    CHECK(ioctl(usb, USBDEVFS_GETDRIVER, &driver) == 0 && strcmp(driver.driver, "cdc_acm") == 0);
    CHECK(access("/sys/bus/usb/devices/1-1:1.0/driver/1-1:1.1", F_OK) == 0);
    FAILS(ioctl(usb, USBDEVFS_CLAIMINTERFACE, &interface), EBUSY);
    FAILS(ioctl(usb, USBDEVFS_SETCONFIGURATION, &configuration), EBUSY);
    FAILS(driver_request(usb, USBDEVFS_CONNECT), EBUSY);
    int fd = open_port(0);
    raw(fd);
    CHECK(driver_request(usb, USBDEVFS_DISCONNECT) == 0);
    FAILS(write(fd, "x", 1), EIO);
    FAILS(access(node, F_OK), ENOENT);
    FAILS(access("/sys/bus/usb/devices/1-1:1.0/driver", F_OK), ENOENT);
    FAILS(ioctl(usb, USBDEVFS_GETDRIVER, &driver), ENODATA);
    FAILS(driver_request(usb, USBDEVFS_DISCONNECT), ENODATA);
    close(fd);
    wait_for("pending", "in 0 out 0 notify 0");
    CHECK(ioctl(usb, USBDEVFS_CLAIMINTERFACE, &interface) == 0);
    FAILS(driver_request(usb, USBDEVFS_CONNECT), EBUSY);
    CHECK(ioctl(usb, USBDEVFS_RELEASEINTERFACE, &interface) == 0);
    char log[256];
    ask("log", log, sizeof log);
    CHECK(driver_request(usb, USBDEVFS_CONNECT) == 1);
    LOG("coding 9600 8N1");
    fd = open_port(0);
    /* Not if it is cdc_acm; then whatever it is. */
    struct usbdevfs_disconnect_claim claim = {.flags = USBDEVFS_DISCONNECT_CLAIM_EXCEPT_DRIVER,
                                              .driver = "cdc_acm"};
    FAILS(ioctl(usb, USBDEVFS_DISCONNECT_CLAIM, &claim), EBUSY);
    claim.flags = USBDEVFS_DISCONNECT_CLAIM_IF_DRIVER;
    CHECK(ioctl(usb, USBDEVFS_DISCONNECT_CLAIM, &claim) == 0);
    CHECK(poll(&(struct pollfd){.fd = fd}, 1, 30000) == 1);
    close(fd);
    CHECK(ioctl(usb, USBDEVFS_RELEASEINTERFACE, &interface) == 0);
    CHECK(driver_request(usb, USBDEVFS_CONNECT) == 1);
    /* A reset of the device hangs the port up, and gives it back. */
    fd = open_port(0);
    CHECK(ioctl(usb, USBDEVFS_RESET, 0) == 0);
    CHECK(poll(&(struct pollfd){.fd = fd}, 1, 30000) == 1);
    wait_for_node("/dev/ttyACM1", true);
    close(fd);
    fd = open("/dev/ttyACM1", O_RDWR | O_NOCTTY);
    raw(fd);
    uint8_t byte;
    CHECK(write(fd, "x", 1) == 1 && read(fd, &byte, 1) == 1 && byte == 'x');
}

/* A device that does not answer a control request: the kernel gives up after 5 seconds. */
static void slow(void)
{
    int fd = open_port(0);
    int bits = TIOCM_DTR;
    uint8_t byte;
    tell("slow");
    FAILS(ioctl(fd, TIOCMBIC, &bits), ETIMEDOUT);
    raw(fd);
    CHECK(write(fd, "x", 1) == 1 && read(fd, &byte, 1) == 1 && byte == 'x');
}

/* Many at once, killed without a goodbye. */
static void crowd(void)
{
    enum { CHILDREN = 40 };
    pid_t children[CHILDREN];
    int fd = open_port(0);
    raw(fd);
    tell("nak on");
    CHECK(write(fd, "x", 1) == 1);
    for (unsigned i = 0; i < CHILDREN; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            int mine = open(node, O_RDWR | O_NOCTTY);
            ioctl(mine, i % 2 ? TCSBRK : TIOCMIWAIT, i % 2 ? 1 : TIOCM_RI);
            _exit(1);
        }
    }
    for (unsigned i = 0; i < CHILDREN; i++) {
        int status;
        kill(children[i], SIGKILL);
        CHECK(waitpid(children[i], &status, 0) == children[i] && WIFSIGNALED(status));
    }
    for (unsigned i = 0; i < 2000; i++) {
        int other = open_port(O_NONBLOCK);
        CHECK(write(other, "y", 1) == 1 || errno == EAGAIN);
        close(other);
    }
    tell("nak off");
    CHECK(ioctl(fd, TCSBRK, 1) == 0);
}

/* Written and closed: it reaches the device although the tool has ended then. */
static void last_words(void)
{
    int fd = open_port(0);
    raw(fd);
    tell("echo off");
    CHECK(write(fd, "bye", 3) == 3);
}

static const struct {
    const char *name;
    void (*run)(void);
} cases[] = {
    {"settings", settings}, {"descriptors", descriptors},
    {"lines", lines},       {"data", data},
    {"flow", flow},         {"closing", closing},
    {"cooked", cooked},     {"unplug", unplug},
    {"drivers", drivers},   {"slow", slow},
    {"crowd", crowd},       {"last-words", last_words},
};

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[2], "tell") == 0) {
        static char answer[65536];
        control_socket = argv[1];
        fwrite(answer, 1, ask(argv[3], answer, sizeof answer), stdout);
        return 0;
    }
    for (size_t i = 0; argc == 3 && i < sizeof cases / sizeof *cases; i++) {
        if (strcmp(argv[2], cases[i].name) == 0) {
            control_socket = argv[1];
            cases[i].run();
            return 0;
        }
    }
    fprintf(stderr, "Usage: acm_probe CONTROL-SOCKET CASE | tell COMMAND\n");
    return 2;
}
