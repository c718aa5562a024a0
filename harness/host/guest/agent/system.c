#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/guest/agent/agent.h"

static const struct mount {
    const char *type, *path, *data;
} mounts[] = {
    {"proc", "/proc", NULL},
    {"sysfs", "/sys", NULL},
    {"devtmpfs", "/dev", NULL},
    {"devpts", "/dev/pts", "gid=5,mode=620,ptmxmode=666"},
    {"tmpfs", "/dev/shm", "mode=1777"},
    {"tmpfs", "/run", "mode=755"},
};

/* As a system's udevd or init would make them. */
static const struct link {
    const char *target, *path;
} links[] = {
    {"/proc/self/fd", "/dev/fd"},
    {"/proc/self/fd/0", "/dev/stdin"},
    {"/proc/self/fd/1", "/dev/stdout"},
    {"/proc/self/fd/2", "/dev/stderr"},
};

static int start_loopback(void)
{
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    const int any = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const int failed = any < 0 || ioctl(any, SIOCSIFFLAGS, &request);
    if (any >= 0) {
        close(any);
    }
    return failed;
}

int system_start(struct vp_failure *failure)
{
    static const char name[] = "guest";
    umask(0);
    for (size_t i = 0; i < sizeof mounts / sizeof *mounts; i++) {
        const struct mount *one = &mounts[i];
        mkdir(one->path, 0755);
        if (mount(one->type, one->path, one->type, 0, one->data)) {
            return vp_fail(failure, VP_ERROR_IO, "cannot mount %s: %s", one->path, strerror(errno));
        }
    }
    for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
        if (symlink(links[i].target, links[i].path) && errno != EEXIST) {
            return vp_fail(failure, VP_ERROR_IO, "cannot make %s: %s", links[i].path,
                           strerror(errno));
        }
    }
    mkdir("/run/lock", 01777);
    if (start_loopback() || sethostname(name, strlen(name))) {
        return vp_fail(failure, VP_ERROR_IO, "cannot set up the loopback: %s", strerror(errno));
    }
    return 0;
}

/* ---- The share ------------------------------------------------------------------------------ */

/* The tool may run as somebody else than the user who started the guest. This changes our layer
 * only. */
static int open_to_all(const char *folder)
{
    struct stat status;
    if (mkdir(folder, 0755) && errno != EEXIST) {
        return -1;
    }
    return stat(folder, &status) ||
                   (!(status.st_mode & S_IXOTH) && chmod(folder, status.st_mode | S_IXOTH))
               ? -1
               : 0;
}

int system_mount_share(const char *path, struct vp_failure *failure)
{
    char part[PATH_MAX];
    snprintf(part, sizeof part, "%s", path);
    for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (open_to_all(part)) {
            return vp_fail(failure, VP_ERROR_IO, "cannot make %s in the guest: %s", part,
                           strerror(errno));
        }
        *slash = '/';
    }
    /* Nothing of it is kept here, but for what is mapped: it is the host's as soon as it is
     * written. */
    if ((mkdir(path, 0755) && errno != EEXIST) ||
        mount("share", path, "9p", 0, "trans=virtio,version=9p2000.L,msize=262144,cache=mmap")) {
        return vp_fail(failure, VP_ERROR_IO, "cannot mount the share %s in the guest: %s", path,
                       strerror(errno));
    }
    return 0;
}

/* ---- udev ----------------------------------------------------------------------------------- */

static void run(const char *program, const char *argument)
{
    const pid_t pid = fork();
    if (pid == 0) {
        execl(program, program, argument, (char *)NULL);
        _exit(127);
    }
    waitpid(pid, NULL, 0);
}

/* What udevadm trigger does, without the second that it takes to start. Each event costs udevd a
 * tenth of a second here: it hears of the buses of the first controller, the only ones that get
 * devices as long as it has a free port, and not of the other 14. */
static void trigger(const char *pattern)
{
    glob_t found;
    if (glob(pattern, GLOB_NOSORT, NULL, &found)) {
        return;
    }
    for (size_t i = 0; i < found.gl_pathc; i++) {
        const int file = open(found.gl_pathv[i], O_WRONLY | O_CLOEXEC);
        if (file >= 0) {
            const ssize_t written = write(file, "add", 3);
            (void)written; /* a device that has just gone */
            close(file);
        }
    }
    globfree(&found);
}

static _Noreturn void become_starter(const char *program)
{
    const int nothing = open("/dev/null", O_RDWR);
    dup2(nothing, STDIN_FILENO);
    dup2(nothing, STDOUT_FILENO);
    dup2(nothing, STDERR_FILENO);
    close_range(STDERR_FILENO + 1, ~0U, 0);
    run(program, "--daemon"); /* returns when it listens */
    trigger("/sys/bus/usb/devices/usb[12]/uevent");
    _exit(0);
}

pid_t system_start_udev(void)
{
    static const char *const programs[] = {"/lib/systemd/systemd-udevd", "/sbin/udevd"};
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
        if (access(programs[i], X_OK) == 0) {
            const pid_t pid = fork();
            if (pid == 0) {
                become_starter(programs[i]);
            }
            return pid > 0 ? pid : 0;
        }
    }
    return 0;
}

void system_power_off(void)
{
    sync();
    reboot(RB_POWER_OFF);
    for (;;) {
        pause();
    }
}
