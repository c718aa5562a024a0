/*
 * access_probe full|none: what the nodes of a device allow, tried with the system calls themselves.
 * The device has a serial port. The first thing that is not so ends the program with status 1; what
 * it was refused is counted in the end.
 */
#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/usbdevice_fs.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/check.h"

enum { DIALOUT = 20 };

/** A node, and what is expected of it. */
struct node {
    const char *path;
    mode_t mode;
    gid_t group;
    bool readable, writable;
};

static const struct node full[] = {
    {"/dev/bus/usb/001/002", 0666, 0, true, true},
    {"/dev/ttyACM0", 0666, 0, true, true},
};

static const struct node none[] = {
    {"/dev/bus/usb/001/002", 0664, 0, true, false},
    {"/dev/ttyACM0", 0660, DIALOUT, false, false},
};

static unsigned refused;

/* The kernel's wish list: 0, or an errno. */
static void expect_open(const char *path, int flags, int error)
{
    int fd = open(path, flags | O_NOCTTY | O_NONBLOCK | O_CLOEXEC, 0600);
    if (fd < 0 ? errno != error : error != 0) {
        fprintf(stderr, "open %s, flags %#x: errno %d instead of %d\n", path, (unsigned)flags,
                fd < 0 ? errno : 0, error);
        exit(1);
    }
    refused += error == EACCES;
    if (fd >= 0) {
        close(fd);
    }
}

static void opening(const struct node *node)
{
    int for_reading = node->readable ? 0 : EACCES;
    int for_writing = node->writable ? 0 : EACCES;
    expect_open(node->path, O_RDONLY, for_reading);
    expect_open(node->path, O_WRONLY, for_writing);
    expect_open(node->path, O_RDWR, for_writing);
    expect_open(node->path, O_ACCMODE, for_writing);
    expect_open(node->path, O_RDONLY | O_TRUNC, for_writing);
    expect_open(node->path, O_RDWR | O_CREAT, for_writing);
    expect_open(node->path, O_RDWR | O_CREAT | O_EXCL, EEXIST);
    expect_open(node->path, O_RDWR | O_DIRECTORY, ENOTDIR);
    expect_open(node->path, O_PATH, 0);
    int folder = open("/dev", O_RDONLY | O_DIRECTORY);
    struct open_how how = {.flags = O_RDWR | O_NONBLOCK | O_NOCTTY};
    CHECK(folder >= 0);
    int fd = (int)syscall(SYS_openat2, folder, node->path + strlen("/dev/"), &how, sizeof how);
    CHECK(node->writable ? fd >= 0 : fd == -1 && errno == EACCES);
    refused += fd < 0;
    close(fd);
    close(folder);
}

static void status(const struct node *node)
{
    struct stat now;
    struct statx extended;
    CHECK(stat(node->path, &now) == 0 && now.st_mode == (S_IFCHR | node->mode));
    CHECK(now.st_uid == 0 && now.st_gid == node->group);
    CHECK(lstat(node->path, &now) == 0 && now.st_mode == (S_IFCHR | node->mode));
    CHECK(statx(AT_FDCWD, node->path, 0, STATX_BASIC_STATS, &extended) == 0);
    CHECK(extended.stx_mode == (S_IFCHR | node->mode));
    CHECK(extended.stx_uid == 0 && extended.stx_gid == node->group);
    if (node->readable) {
        int fd = open(node->path, O_RDONLY | O_NOCTTY | O_NONBLOCK);
        CHECK(fd >= 0 && fstat(fd, &now) == 0 && now.st_mode == (S_IFCHR | node->mode));
        CHECK(now.st_uid == 0 && now.st_gid == node->group);
        close(fd);
    }
}

static void asking(const struct node *node)
{
    CHECK(access(node->path, F_OK) == 0);
    CHECK((access(node->path, R_OK) == 0) == node->readable);
    CHECK((access(node->path, W_OK) == 0) == node->writable);
    CHECK(node->writable || errno == EACCES);
    CHECK((access(node->path, R_OK | W_OK) == 0) == node->writable);
    CHECK((faccessat(AT_FDCWD, node->path, W_OK, 0) == 0) == node->writable);
    CHECK((faccessat(AT_FDCWD, node->path, W_OK, AT_EACCESS) == 0) == node->writable);
    refused += !node->readable + 4 * !node->writable;
    FAILS(access(node->path, X_OK), EACCES); /* nobody's, so it is not counted */
    FAILS(syscall(SYS_faccessat, AT_FDCWD, node->path, 8), EINVAL);
}

/* Kernel: usbdev_do_ioctl(). */
static void requests(const struct node *node)
{
    uint8_t data[18];
    unsigned number = 0;
    struct usbdevfs_ctrltransfer get = {.bRequestType = 0x80,
                                        .bRequest = 6,
                                        .wValue = 0x0100,
                                        .wLength = sizeof data,
                                        .timeout = 1000,
                                        .data = data};
    int fd = open(node->path, O_RDONLY);
    CHECK(read(fd, data, sizeof data) == sizeof data && data[0] == 18 && data[8] == 0x04);
    FAILS(ioctl(fd, USBDEVFS_GET_CAPABILITIES, &number), EPERM);
    FAILS(ioctl(fd, USBDEVFS_CLAIMINTERFACE, &number), EPERM);
    FAILS(ioctl(fd, USBDEVFS_CONTROL, &get), EPERM);
    FAILS(ioctl(fd, USBDEVFS_RESET, 0), EPERM);
    FAILS(ioctl(fd, _IO('U', 99), 0), EPERM);
    refused += node->writable ? 0 : 5;
    close(fd);
}

/* Which devices there are is no secret. */
static void system_files(void)
{
    char text[8] = "";
    int fd = open("/sys/bus/usb/devices/1-1/idProduct", O_RDONLY);
    CHECK(fd >= 0 && read(fd, text, sizeof text) == 5 && strcmp(text, "c006\n") == 0);
    close(fd);
    CHECK(access("/sys/bus/usb/devices/1-1/descriptors", R_OK) == 0);
    CHECK(access("/sys/class/tty/ttyACM0/dev", R_OK) == 0);
}

/* The links that udev makes, and a child. */
static void other_ways(const struct node *tty)
{
    char path[512] = "";
    DIR *folder = opendir("/dev/serial/by-id");
    CHECK(folder);
    for (const struct dirent *entry; (entry = readdir(folder));) {
        if (entry->d_name[0] != '.') {
            snprintf(path, sizeof path, "/dev/serial/by-id/%s", entry->d_name);
        }
    }
    closedir(folder);
    expect_open(path, O_RDWR, tty->writable ? 0 : EACCES);
    pid_t child = fork();
    if (child == 0) {
        int fd = open(tty->path, O_RDWR | O_NOCTTY | O_NONBLOCK);
        _exit((fd >= 0) == tty->writable ? 0 : 1);
    }
    int result;
    CHECK(waitpid(child, &result, 0) == child && result == 0);
    refused += !tty->writable;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fputs("Usage: access_probe full|none\n", stderr);
        return 2;
    }
    const struct node *nodes = strcmp(argv[1], "none") == 0 ? none : full;
    alarm(60);
    for (unsigned i = 0; i < 2; i++) {
        opening(&nodes[i]);
        status(&nodes[i]);
        asking(&nodes[i]);
    }
    requests(&nodes[0]);
    system_files();
    other_ways(&nodes[1]);
    printf("refused %u\n", refused);
    return 0;
}
