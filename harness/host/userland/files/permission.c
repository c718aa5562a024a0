#include "host/userland/files/permission.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "host/userland/supervisor/session.h"
#include "host/userland/udev/uevent.h"

/* The group of serial ports has this number on all Debian systems (base-passwd, group.master). */
enum { GROUP_DIALOUT = 20 };

/* Where everybody has access it is as with a rule that says MODE="0666", as Particle's do. */
static const struct permission everybody = {.mode = 0666, .allowed = R_OK | W_OK};

/* systemd 252, rules.d/50-udev-default.rules.in: SUBSYSTEM=="usb", ENV{DEVTYPE}=="usb_device",
 * MODE="0664"; the owner is root's, as devtmpfs makes all nodes. */
static const struct permission usb_of_others = {.mode = 0664, .allowed = R_OK};

/* The same file: KERNEL=="tty[A-Z]*[0-9]|...", GROUP="dialout". A node that a rule names a group
 * for, but no mode, gets 0660 from udev (src/udev). */
static const struct permission tty_of_others = {.mode = 0660, .group = GROUP_DIALOUT};

struct permission permission_of(const struct call *call, unsigned major)
{
    if (call->session->command.access == VP_HOST_ACCESS_FULL) {
        return everybody;
    }
    return major == TTY_ACM_MAJOR ? tty_of_others : usb_of_others;
}

/* Kernel: build_open_flags(), where 3 stands for both, and O_TRUNC for writing. */
int permission_wanted(uint64_t flags)
{
    int wanted = 0;
    if ((flags & O_ACCMODE) != O_WRONLY) {
        wanted |= R_OK;
    }
    if ((flags & O_ACCMODE) != O_RDONLY || flags & O_TRUNC) {
        wanted |= W_OK;
    }
    return wanted;
}

void permission_refuse(const struct call *call, const char *path, int error)
{
    const struct session *session = call->session;
    if (session->command.refused && session->tool) {
        session->command.refused(session->command.context, path);
    }
    call_fail(call, error);
}
