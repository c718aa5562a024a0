/*
 * The requests of usbfs that libusb does not make, or not always, tried directly. Each line that is
 * printed is one thing that was checked; the first that fails ends the program with status 1.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/usbdevice_fs.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/check.h"

static const char node[] = "/dev/bus/usb/001/002";

static int open_node(void)
{
    int fd = open(node, O_RDWR | O_CLOEXEC);
    CHECK(fd >= 0);
    return fd;
}

static int control(int fd, uint8_t type, uint8_t request, uint16_t value, void *data,
                   uint16_t length, unsigned limit)
{
    struct usbdevfs_ctrltransfer transfer = {.bRequestType = type,
                                             .bRequest = request,
                                             .wValue = value,
                                             .wLength = length,
                                             .timeout = limit,
                                             .data = data};
    return ioctl(fd, USBDEVFS_CONTROL, &transfer);
}

static short ready(int fd)
{
    struct pollfd state = {.fd = fd, .events = POLLOUT};
    CHECK(poll(&state, 1, 0) >= 0);
    return state.revents;
}

static void node_and_files(void)
{
    struct stat status;
    uint8_t descriptor[64];
    CHECK(stat(node, &status) == 0 && S_ISCHR(status.st_mode));
    CHECK(major(status.st_rdev) == 189 && minor(status.st_rdev) == 1);
    int reader = open(node, O_RDONLY);
    CHECK(reader >= 0 && read(reader, descriptor, sizeof descriptor) == 18 + 36);
    CHECK(descriptor[0] == 18 && descriptor[1] == 1 && descriptor[19] == 2);
    FAILS(ioctl(reader, USBDEVFS_RESET, 0), EPERM);
    close(reader);
    int fd = open_node();
    CHECK(fstat(fd, &status) == 0 && S_ISCHR(status.st_mode));
    char name[64];
    char path[64];
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(name, path, sizeof path - 1);
    CHECK(length == (ssize_t)strlen(node) && memcmp(path, node, (size_t)length) == 0);
    close(fd);
    FAILS(open("/sys/bus/usb/devices/1-1/idProduct", O_WRONLY), EACCES);
    FAILS(open("/sys/bus/usb/devices/9-9", O_RDONLY), ENOENT);
    FAILS(open("/dev/bus/usb/001/099", O_RDWR), ENOENT);
    int folder = open("/sys/bus/usb", O_RDONLY | O_DIRECTORY);
    int below = openat(folder, "devices/1-1/../1-1/1-1:1.0/bInterfaceClass", O_RDONLY);
    CHECK(below >= 0 && read(below, name, 3) == 3 && memcmp(name, "fe\n", 3) == 0);
    close(below);
    close(folder);
    puts("node and files");
}

static bool is_node(const char *path)
{
    struct stat status;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    CHECK(fd >= 0 && fstat(fd, &status) == 0);
    const bool same = S_ISCHR(status.st_mode) && major(status.st_rdev) == 189;
    close(fd);
    return same && stat(path, &status) == 0 && S_ISCHR(status.st_mode);
}

/* Symbolic links that a person made, to the node and to a folder above it. */
static void links_of_others(void)
{
    char folder[] = "/tmp/vparticle-links-XXXXXX", path[128], target[128];
    struct stat status;
    CHECK(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/node", folder);
    CHECK(symlink(node, path) == 0 && is_node(path));
    CHECK(lstat(path, &status) == 0 && S_ISLNK(status.st_mode));
    CHECK(readlink(path, target, sizeof target) == (ssize_t)strlen(node));
    CHECK(chdir(folder) == 0 && is_node("node") && chdir("/") == 0);
    FAILS(open(path, O_RDWR | O_NOFOLLOW), ELOOP);
    FAILS(open(path, O_RDWR | O_CREAT | O_EXCL, 0600), EEXIST);
    CHECK(unlink(path) == 0);
    snprintf(path, sizeof path, "%s/dev", folder);
    CHECK(symlink("/dev", path) == 0);
    snprintf(target, sizeof target, "%s/dev/bus/usb/001/002", folder);
    CHECK(is_node(target));
    snprintf(target, sizeof target, "%s/dev/bus/usb/001/099", folder);
    FAILS(open(target, O_RDWR), ENOENT);
    CHECK(unlink(path) == 0);
    snprintf(path, sizeof path, "%s/file", folder);
    int fd = creat(path, 0600);
    CHECK(fd >= 0 && close(fd) == 0 && unlink(path) == 0 && rmdir(folder) == 0);
    puts("links of others");
}

/* The userland host lets nobody leave anything on the machine, also by a link. */
static void nothing_is_made(void)
{
    char folder[] = "/tmp/vparticle-links-XXXXXX", path[128], target[128];
    CHECK(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/dev", folder);
    snprintf(target, sizeof target, "%s/dev/bus/usb/001/099", folder);
    CHECK(symlink("/dev", path) == 0);
    FAILS(open(target, O_RDWR | O_CREAT, 0600), EACCES);
    FAILS(creat("/dev/bus/usb/001/099", 0600), EACCES);
    CHECK(unlink(path) == 0 && rmdir(folder) == 0);
    puts("nothing is made");
}

static void alternate_settings(void)
{
    unsigned interface = 0;
    unsigned configuration = 1;
    int fd = open_node();
    CHECK(ioctl(fd, USBDEVFS_SETCONFIGURATION, &configuration) == 0);
    CHECK(ioctl(fd, USBDEVFS_CLAIMINTERFACE, &interface) == 0);
    struct usbdevfs_setinterface setting = {.interface = 0, .altsetting = 1};
    CHECK(ioctl(fd, USBDEVFS_SETINTERFACE, &setting) == 0);
    char text[8] = "";
    int file = open("/sys/bus/usb/devices/1-1:1.0/bAlternateSetting", O_RDONLY);
    CHECK(read(file, text, sizeof text) == 3 && strcmp(text, " 1\n") == 0);
    close(file);
    setting.altsetting = 7;
    FAILS(ioctl(fd, USBDEVFS_SETINTERFACE, &setting), EINVAL);
    setting.altsetting = 0;
    CHECK(ioctl(fd, USBDEVFS_SETINTERFACE, &setting) == 0);
    close(fd);
}

static void interfaces(void)
{
    int first = open_node();
    int second = open_node();
    unsigned interface = 0;
    unsigned absent = 5;
    struct usbdevfs_getdriver driver = {.interface = 0};
    FAILS(ioctl(first, USBDEVFS_GETDRIVER, &driver), ENODATA);
    CHECK(ioctl(first, USBDEVFS_CLAIMINTERFACE, &interface) == 0);
    CHECK(ioctl(first, USBDEVFS_CLAIMINTERFACE, &interface) == 0);
    FAILS(ioctl(second, USBDEVFS_CLAIMINTERFACE, &interface), EBUSY);
    FAILS(ioctl(first, USBDEVFS_CLAIMINTERFACE, &absent), ENOENT);
    CHECK(ioctl(second, USBDEVFS_GETDRIVER, &driver) == 0 && !strcmp(driver.driver, "usbfs"));
    FAILS(ioctl(second, USBDEVFS_RELEASEINTERFACE, &interface), EINVAL);
    struct usbdevfs_disconnect_claim polite = {.flags = USBDEVFS_DISCONNECT_CLAIM_EXCEPT_DRIVER,
                                               .driver = "usbfs"};
    FAILS(ioctl(second, USBDEVFS_DISCONNECT_CLAIM, &polite), EBUSY);
    FAILS(ioctl(first, USBDEVFS_RELEASEINTERFACE, &absent), ENOENT);
    polite.interface = absent;
    FAILS(ioctl(second, USBDEVFS_DISCONNECT_CLAIM, &polite), EINVAL);
    unsigned configuration = 1;
    FAILS(ioctl(second, USBDEVFS_SETCONFIGURATION, &configuration), EBUSY);
    /* Another process, another descriptor, the same open file: the claim lives until the last one.
     */
    int copy = dup(first);
    close(first);
    FAILS(ioctl(second, USBDEVFS_CLAIMINTERFACE, &interface), EBUSY);
    pid_t child = fork();
    if (child == 0) {
        _exit(ioctl(copy, USBDEVFS_RELEASEINTERFACE, &interface) == 0 ? 0 : 1);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK(ioctl(second, USBDEVFS_CLAIMINTERFACE, &interface) == 0);
    close(copy);
    close(second);
    alternate_settings();
    puts("interfaces");
}

static void questions(void)
{
    int fd = open_node();
    uint32_t capabilities = 0;
    struct usbdevfs_connectinfo info = {.devnum = 0};
    unsigned endpoint = 0x81;
    CHECK(ioctl(fd, USBDEVFS_GET_CAPABILITIES, &capabilities) == 0);
    const uint32_t least = USBDEVFS_CAP_ZERO_PACKET | USBDEVFS_CAP_NO_PACKET_SIZE_LIM |
                           USBDEVFS_CAP_REAP_AFTER_DISCONNECT;
    CHECK((capabilities & least) == least);
    printf("capabilities: %#x\n", capabilities);
    CHECK(ioctl(fd, USBDEVFS_CONNECTINFO, &info) == 0 && info.devnum == 2 && info.slow == 0);
    CHECK(ioctl(fd, USBDEVFS_GET_SPEED, 0) == 2);
    FAILS(ioctl(fd, USBDEVFS_CLEAR_HALT, &endpoint), ENOENT);
    endpoint = 0x181;
    FAILS(ioctl(fd, USBDEVFS_CLEAR_HALT, &endpoint), EINVAL);
    FAILS(ioctl(fd, _IO('U', 99), 0), ENOTTY);
    CHECK(ioctl(fd, USBDEVFS_RESET, 0) == 0);
    close(fd);
    puts("questions");
}

static void synchronous(void)
{
    int fd = open_node();
    uint8_t data[64];
    CHECK(control(fd, 0x80, 6, 0x0100, data, 18, 1000) == 18 && data[0] == 18);
    CHECK(control(fd, 0xA1, 3, 0, data, 6, 1000) == 6 && data[4] == 2);
    FAILS(control(fd, 0x80, 6, 0x0900, data, 10, 1000), EPIPE);
    FAILS(control(fd, 0x80, 6, 0x0100, data, 5000, 1000), EINVAL);
    FAILS(control(fd, 0x80, 6, 0x0100, (void *)8, 18, 1000), EFAULT);
    struct usbdevfs_bulktransfer bulk = {.ep = 0x81, .len = 1, .data = data};
    FAILS(ioctl(fd, USBDEVFS_BULK, &bulk), ENOENT);
    close(fd);
    puts("synchronous transfers");
}

static void fill_control(struct usbdevfs_urb *urb, uint8_t *buffer, const uint8_t setup[8])
{
    memset(urb, 0, sizeof *urb);
    memcpy(buffer, setup, 8);
    urb->type = USBDEVFS_URB_TYPE_CONTROL;
    urb->buffer = buffer;
    urb->buffer_length = 8 + (setup[6] | setup[7] << 8);
    urb->usercontext = urb;
}

static void asynchronous(void)
{
    static const uint8_t get_device[8] = {0x80, 6, 0, 1, 0, 0, 18, 0};
    int fd = open_node();
    struct usbdevfs_urb urbs[3];
    uint8_t buffers[3][8 + 18];
    struct usbdevfs_urb *reaped = NULL;
    FAILS(ioctl(fd, USBDEVFS_REAPURBNDELAY, &reaped), EAGAIN);
    CHECK(ready(fd) == 0);
    for (unsigned i = 0; i < 3; i++) {
        fill_control(&urbs[i], buffers[i], get_device);
        CHECK(ioctl(fd, USBDEVFS_SUBMITURB, &urbs[i]) == 0);
    }
    for (unsigned i = 0; i < 3; i++) {
        CHECK(ioctl(fd, USBDEVFS_REAPURB, &reaped) == 0); /* waits */
        CHECK(reaped == &urbs[i] && reaped->usercontext == reaped);
        CHECK(reaped->status == 0 && reaped->actual_length == 18 && buffers[i][8] == 18);
    }
    FAILS(ioctl(fd, USBDEVFS_REAPURBNDELAY, &reaped), EAGAIN);
    CHECK(ready(fd) == 0);
    FAILS(ioctl(fd, USBDEVFS_DISCARDURB, &urbs[0]), EINVAL);
    struct usbdevfs_urb short_one;
    fill_control(&short_one, buffers[0], get_device);
    short_one.buffer_length = 20;
    FAILS(ioctl(fd, USBDEVFS_SUBMITURB, &short_one), EINVAL);
    short_one.type = USBDEVFS_URB_TYPE_ISO;
    FAILS(ioctl(fd, USBDEVFS_SUBMITURB, &short_one), ENOENT); /* there is no such endpoint */
    close(fd);
    puts("asynchronous transfers");
}

/* Two files together must not have so many transfers in flight that the server drops the host: the
 * userland host has a limit for them. After all the rest the device is dead: none is answered. */
static void too_many(void)
{
    enum { EACH = 150 };
    static const uint8_t get_device[8] = {0x80, 6, 0, 1, 0, 0, 18, 0};
    static struct usbdevfs_urb urbs[2 * EACH];
    static uint8_t buffers[2 * EACH][8 + 18];
    int fds[2] = {open_node(), open_node()};
    unsigned submitted = 0;
    for (unsigned i = 0; i < 2 * EACH; i++) {
        fill_control(&urbs[i], buffers[i], get_device);
        if (ioctl(fds[i / EACH], USBDEVFS_SUBMITURB, &urbs[i]) == 0) {
            submitted++;
        } else {
            CHECK(errno == ENOMEM);
        }
    }
    CHECK(submitted >= EACH && submitted < 256);
    struct usbdevfs_urb *reaped = NULL;
    CHECK(ioctl(fds[0], USBDEVFS_DISCARDURB, &urbs[0]) == 0);
    CHECK(ioctl(fds[0], USBDEVFS_REAPURBNDELAY, &reaped) == 0 && reaped->status == -ENOENT);
    close(fds[0]);
    close(fds[1]);
    puts("too many transfers");
}

/* Killed while it waits, with a transfer in flight: the claim must go with it. The requests before
 * have claimed the interface for us, as usbfs does for the forgetful. */
static void killed_while_it_waits(int fd, struct usbdevfs_urb *urb)
{
    unsigned interface = 0;
    struct usbdevfs_urb *reaped = NULL;
    CHECK(ioctl(fd, USBDEVFS_RELEASEINTERFACE, &interface) == 0);
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        int own = open_node();
        close(fd);
        ioctl(own, USBDEVFS_CLAIMINTERFACE, &interface);
        ioctl(own, USBDEVFS_SUBMITURB, urb);
        kill(getppid(), SIGUSR1);
        ioctl(own, USBDEVFS_REAPURB, &reaped);
        _exit(0);
    }
    sigset_t ready_set;
    int number;
    sigemptyset(&ready_set);
    sigaddset(&ready_set, SIGUSR1);
    CHECK(sigwait(&ready_set, &number) == 0);
    FAILS(ioctl(fd, USBDEVFS_CLAIMINTERFACE, &interface), EBUSY);
    CHECK(kill(child, SIGKILL) == 0 && waitpid(child, NULL, 0) == child);
    int result;
    do {
        result = ioctl(fd, USBDEVFS_CLAIMINTERFACE, &interface);
    } while (result == -1 && errno == EBUSY);
    CHECK(result == 0);
}

/* What follows leaves the device dead: an UPLOAD across the end of flash never ends. */
static void never_answered(void)
{
    static const uint8_t upload[8] = {0xA1, 2, 2, 0, 0, 0, 0, 16};
    static uint8_t buffer[8 + 4096];
    uint8_t set_address[] = {0x21, 0x00, 0xFC, 0x0F, 0x08};
    uint8_t data[6];
    struct usbdevfs_urb urb;
    struct usbdevfs_urb *reaped = NULL;
    int fd = open_node();
    CHECK(control(fd, 0x21, 1, 0, set_address, sizeof set_address, 1000) == 5);
    CHECK(control(fd, 0xA1, 3, 0, data, 6, 1000) == 6);
    CHECK(control(fd, 0xA1, 3, 0, data, 6, 1000) == 6);
    CHECK(control(fd, 0x21, 6, 0, NULL, 0, 1000) == 0);
    fill_control(&urb, buffer, upload);
    CHECK(ioctl(fd, USBDEVFS_SUBMITURB, &urb) == 0);
    FAILS(control(fd, 0xA1, 3, 0, data, 6, 50), ETIMEDOUT);
    CHECK(ready(fd) == 0);
    CHECK(ioctl(fd, USBDEVFS_DISCARDURB, &urb) == 0);
    CHECK(ready(fd) == POLLOUT);
    CHECK(ioctl(fd, USBDEVFS_REAPURBNDELAY, &reaped) == 0 && reaped == &urb);
    CHECK(urb.status == -ENOENT && urb.actual_length == 0);
    CHECK(ready(fd) == 0);
    killed_while_it_waits(fd, &urb);
    close(fd);
    puts("transfers without an answer");
}

/* A device with a serial port, which never has anything to say. */
static void serial(void)
{
    unsigned interface = 1;
    uint8_t data[64];
    struct usbdevfs_urb urb = {.type = USBDEVFS_URB_TYPE_BULK,
                               .endpoint = 0x81,
                               .buffer = data,
                               .buffer_length = sizeof data};
    struct usbdevfs_urb *reaped = NULL;
    int fd = open_node();
    struct usbdevfs_disconnect_claim claim = {.interface = interface};
    FAILS(ioctl(fd, USBDEVFS_CLAIMINTERFACE, &interface), EBUSY);
    CHECK(ioctl(fd, USBDEVFS_DISCONNECT_CLAIM, &claim) == 0);
    CHECK(ioctl(fd, USBDEVFS_SUBMITURB, &urb) == 0);
    FAILS(ioctl(fd, USBDEVFS_REAPURBNDELAY, &reaped), EAGAIN);
    CHECK(ioctl(fd, USBDEVFS_RELEASEINTERFACE, &interface) == 0);
    CHECK(ioctl(fd, USBDEVFS_REAPURB, &reaped) == 0 && reaped == &urb);
    CHECK(urb.status == -ESHUTDOWN);
    puts("a transfer goes with its interface");
    close(fd);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "serial") == 0) {
        alarm(60);
        serial();
        return 0;
    }
    if (argc == 2 && strcmp(argv[1], "too-many") == 0) {
        alarm(60);
        too_many();
        return 0;
    }
    if (argc == 2 && strcmp(argv[1], "nothing-is-made") == 0) {
        nothing_is_made();
        return 0;
    }
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    alarm(60);
    node_and_files();
    links_of_others();
    interfaces();
    questions();
    synchronous();
    asynchronous();
    never_answered();
    return 0;
}
