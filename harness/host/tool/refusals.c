#include <ev.h> /* before seccomp.h, which brings the EV_NONE macro of elf.h along */

#include "host/tool/refusals.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "host/tool/notifier.h"

/* Documentation/admin-guide/devices.txt of the kernel */
enum { USB_DEVICE_MAJOR = 189, TTY_ACM_MAJOR = 166 };

/* Only nodes in /dev are looked for, which tools name by absolute paths. */
static const char nodes[] = "/dev/";

static const int calls[] = {
    SCMP_SYS(open),   SCMP_SYS(openat),    SCMP_SYS(openat2),
    SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2),
};

int refusals_filter(struct sock_fprog *program, struct vp_failure *failure)
{
    scmp_filter_ctx filter = notifier_start(calls, sizeof calls / sizeof *calls, SCMP_ACT_ALLOW);
    return notifier_finish(filter, filter ? 0 : -1, program, failure);
}

bool refusals_expected(mode_t mode, int wanted)
{
    return (wanted & R_OK && !(mode & S_IROTH)) || (wanted & W_OK && !(mode & S_IWOTH));
}

static int wanted_by_open(uint64_t flags)
{
    if (flags & O_PATH) {
        return 0;
    }
    switch (flags & O_ACCMODE) {
    case O_RDONLY:
        return R_OK;
    case O_WRONLY:
        return W_OK;
    default:
        return R_OK | W_OK;
    }
}

/* The path's place among the arguments, and what is wanted of it. */
static int wanted_by(const struct call *call, uint64_t *path)
{
    struct open_how how;
    *path = call->arguments[1];
    switch (call->number) {
#ifdef SYS_open
    case SYS_open:
        *path = call->arguments[0];
        return wanted_by_open(call->arguments[1]);
    case SYS_access:
        *path = call->arguments[0];
        return (int)call->arguments[1];
#endif
    case SYS_openat:
        return wanted_by_open(call->arguments[2]);
    case SYS_openat2:
        return call->arguments[3] >= sizeof how &&
                       call_read(call, call->arguments[2], &how, sizeof how) == 0
                   ? wanted_by_open(how.flags)
                   : 0;
    default:
        return (int)call->arguments[2];
    }
}

static bool is_usb_node(const char *path, mode_t *mode)
{
    struct stat status;
    if (strncmp(path, nodes, strlen(nodes)) != 0 || stat(path, &status) ||
        !S_ISCHR(status.st_mode)) {
        return false;
    }
    *mode = status.st_mode;
    return major(status.st_rdev) == USB_DEVICE_MAJOR || major(status.st_rdev) == TTY_ACM_MAJOR;
}

void refusals_look(const struct call *call, const struct vp_host_command *command)
{
    char path[PATH_MAX] = "";
    uint64_t address;
    mode_t mode;
    const int wanted = wanted_by(call, &address);
    /* What we read may be changed before the kernel reads it: this is no security, but a count. */
    const bool readable = wanted && call_read_text(call, address, path, sizeof path) == 0;
    call_let_pass(call->listener, call->id);
    if (command && command->refused && readable && is_usb_node(path, &mode) &&
        refusals_expected(mode, wanted)) {
        command->refused(command->context, path);
    }
}
