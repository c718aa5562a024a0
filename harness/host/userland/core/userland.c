#include <linux/seccomp.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "host/userland/core/userland.h"
#include "host/userland/serial/acm.h"
#include "host/userland/supervisor/session.h"
#include "host/userland/udev/monitor.h"
#include "host/userland/usb/bus.h"
#include "host/userland/usb/roothub.h"
#include "host/userland/usbfs/usbfs.h"

static int check_kernel(struct vp_failure *failure)
{
    uint32_t action = SECCOMP_RET_USER_NOTIF;
    struct utsname system;
    uname(&system);
    if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action)) {
        return vp_fail(failure, VP_ERROR_UNSUPPORTED,
                       "this kernel (%s %s) has no seccomp user notification; "
                       "Linux 5.9 or newer is needed, and a container must allow seccomp(2)",
                       system.sysname, system.release);
    }
    int probe = (int)syscall(SYS_pidfd_open, getpid(), 0);
    if (probe < 0) {
        return vp_fail(failure, VP_ERROR_UNSUPPORTED,
                       "this kernel (%s %s) has no pidfd_open(2); Linux 5.9 or newer is needed",
                       system.sysname, system.release);
    }
    close(probe);
    return 0;
}

static void rescan(struct vp_host *host)
{
    lists_ask(&((struct userland *)host)->lists);
}

static unsigned capacity(const struct vp_host *host)
{
    (void)host;
    return ROOT_HUB_PORTS;
}

static void destroy(struct vp_host *base)
{
    struct userland *host = (struct userland *)base;
    spawn_free_waiting(host);
    while (host->sessions) {
        session_destroy(host->sessions);
    }
    monitor_free_all(host);
    usbfs_free_all(host);
    bus_stop(host);
    acm_free_all(host);
    ev_timer_stop(host->base.loop, &host->session_check);
    tree_destroy(&host->tree);
    free(host->filter.filter);
    free(host);
}

static const struct host_engine userland = {
    .rescan = rescan,
    .capacity = capacity,
    .spawn = spawn_command,
    .when_settled = spawn_when_settled,
    .signal = session_signal,
    .destroy = destroy,
};

int userland_create(struct vp_host **host, const struct vp_host *common, struct vp_failure *failure)
{
    struct userland *created = calloc(1, sizeof *created);
    if (!created) {
        return vp_fail(failure, VP_ERROR_NO_MEMORY, "no memory for the USB host");
    }
    created->base = *common;
    created->base.engine = &userland;
    session_check_init(created);
    int error = check_kernel(failure);
    if (!error) {
        error = filter_build(&created->filter, failure);
    }
    if (!error) {
        error = tree_create(&created->tree, failure);
    }
    if (!error) {
        error = bus_start(created, failure);
    }
    if (error) {
        destroy(&created->base);
        return error;
    }
    *host = &created->base;
    return 0;
}
