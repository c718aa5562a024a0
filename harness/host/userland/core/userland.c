#include <errno.h>
#include <linux/seccomp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "host/userland/core/host_state.h"
#include "host/userland/serial/acm.h"
#include "host/userland/supervisor/session.h"
#include "host/userland/udev/monitor.h"
#include "host/userland/usb/bus.h"
#include "host/userland/usbfs/usbfs.h"

/* So that a wrong address is an error here, and not a tool that sees no device. */
static int check_server(const struct link_address *server, const char *address,
                        struct vp_failure *failure)
{
    const struct timeval limit = {.tv_sec = 5};
    int fd = socket(server->socket.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return vp_fail(failure, VP_ERROR_IO, "cannot create a socket: %s", strerror(errno));
    }
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    int result = connect(fd, (const struct sockaddr *)&server->socket, server->length);
    int error = errno;
    close(fd);
    if (result) {
        return vp_fail(failure, VP_ERROR_IO,
                       "no emulator answers at %s (%s); start one with 'vparticle run'", address,
                       strerror(error));
    }
    return 0;
}

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

int vp_host_create(struct vp_host **host, struct ev_loop *loop, const char *address,
                   struct vp_failure *failure)
{
    *host = NULL;
    if (ev_is_default_loop(loop)) {
        return vp_fail(failure, VP_ERROR_INVALID,
                       "the host cannot run on libev's default loop, which collects all children");
    }
    struct vp_host *created = calloc(1, sizeof *created);
    if (!created) {
        return vp_fail(failure, VP_ERROR_NO_MEMORY, "no memory for the USB host");
    }
    created->loop = loop;
    session_check_init(created);
    int error =
        vp_usbip_address_parse(address, &created->server.socket, &created->server.length, failure);
    if (!error) {
        error = check_kernel(failure);
    }
    if (!error) {
        error = check_server(&created->server, address, failure);
    }
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
        vp_host_destroy(created);
        return error;
    }
    *host = created;
    return 0;
}

void vp_host_set_log(struct vp_host *host, void (*log)(void *context, const char *line),
                     void *context)
{
    host->log = log;
    host->log_context = context;
}

void host_log(const struct vp_host *host, const char *format, ...)
{
    char line[512];
    va_list arguments;
    if (!host->log) {
        return;
    }
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    host->log(host->log_context, line);
}

void vp_host_rescan(struct vp_host *host)
{
    bus_rescan(host);
}

void vp_host_destroy(struct vp_host *host)
{
    if (!host) {
        return;
    }
    spawn_free_waiting(host);
    while (host->sessions) {
        session_destroy(host->sessions);
    }
    monitor_free_all(host);
    usbfs_free_all(host);
    bus_stop(host);
    acm_free_all(host);
    ev_timer_stop(host->loop, &host->session_check);
    tree_destroy(&host->tree);
    free(host->filter.filter);
    free(host);
}
