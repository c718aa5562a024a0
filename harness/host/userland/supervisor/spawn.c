/*
 * Starting tools: the child installs the filter, sends us its descriptor and becomes the tool.
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/tool/command.h"
#include "host/userland/core/userland.h"
#include "host/userland/serial/acm.h"
#include "host/userland/supervisor/session.h"
#include "host/userland/usb/bus.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

/** Who waits for the devices to settle: a tool, or somebody who wants to know. */
struct spawn {
    struct spawn *next;
    struct vp_host_command command; /**< its texts and descriptors are our copies */
    void (*settled)(void *context); /**< NULL for a tool */
    void *context;
    unsigned long list; /**< the device list that must have been answered */
};

static void spawn_free(struct spawn *spawn)
{
    if (!spawn->settled) {
        command_clear(&spawn->command);
    }
    free(spawn);
}

/* ---- The child --------------------------------------------------------------------------- */

/** What the child tells: which step failed, and why. With the filter's descriptor: all is well. */
struct report {
    const char *step; /**< static text: the child is a copy of us */
    int error;
};

static void send_report(int channel, struct report report, int fd)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof fd)];
    } control = {.bytes = {0}};
    struct iovec data = {&report, sizeof report};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};
    if (fd >= 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
        control.align.cmsg_len = CMSG_LEN(sizeof fd);
        control.align.cmsg_level = SOL_SOCKET;
        control.align.cmsg_type = SCM_RIGHTS;
        memcpy(CMSG_DATA(&control.align), &fd, sizeof fd);
    }
    if (sendmsg(channel, &message, MSG_NOSIGNAL) < 0) {
        _exit(EXIT_NOT_EXECUTABLE);
    }
}

/* Before Linux 5.19 a signal could make a call that we have begun to answer start again; the
 * handlers can stand that, but without it is better. */
static int install_filter(const struct sock_fprog *program)
{
    unsigned long flags = SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
    int fd = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, program);
    if (fd < 0 && errno == EINVAL) {
        flags = SECCOMP_FILTER_FLAG_NEW_LISTENER;
        fd = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, program);
    }
    return fd;
}

/* After the filter is in place, only calls that it lets pass may be made until execve(2). */
static void run_child(const struct userland *host, const struct vp_host_command *command,
                      int channel)
{
    int folder = command_enter(command);
    if (folder) {
        send_report(channel, (struct report){"change to its working directory", folder}, -1);
        _exit(EXIT_NOT_EXECUTABLE);
    }
    setenv("UV_USE_IO_URING", "0", 1);
    setenv("SYSTEMD_DEVICE_VERIFY_SYSFS", "0", 1);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) {
        send_report(channel, (struct report){"give up new privileges", errno}, -1);
        _exit(EXIT_NOT_EXECUTABLE);
    }
    int listener = install_filter(&host->filter);
    if (listener < 0) {
        send_report(channel, (struct report){"install the seccomp filter", errno}, -1);
        _exit(EXIT_NOT_EXECUTABLE);
    }
    send_report(channel, (struct report){NULL, 0}, listener);
    close(listener);
    execvp(command->argv[0], command->argv);
    int error = errno;
    send_report(channel, (struct report){"execute it", error}, -1);
    _exit(error == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE);
}

/* ---- The parent -------------------------------------------------------------------------- */

/** @return false at the end, which is when the tool has been executed or the child has gone */
static bool receive_report(int channel, struct report *report, int *listener)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec data = {report, sizeof *report};
    struct msghdr message = {.msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    ssize_t size;
    do {
        size = recvmsg(channel, &message, MSG_CMSG_CLOEXEC);
    } while (size < 0 && errno == EINTR);
    if (size != (ssize_t)sizeof *report) {
        return false;
    }
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header && header->cmsg_type == SCM_RIGHTS) {
        memcpy(listener, CMSG_DATA(header), sizeof *listener);
    }
    return true;
}

static void complain(const struct vp_host_command *command, const struct report *report)
{
    const char *hint =
        report->error == EBUSY
            ? "; it runs under such a filter already: 'vparticle exec' cannot be nested"
            : "";
    command_complain(command, report->step, report->error, hint);
}

static void fail(const struct vp_host_command *command, int error)
{
    complain(command, &(struct report){"start", error});
    command->ended(command->context, W_EXITCODE(EXIT_NOT_EXECUTABLE, 0));
    if (command->left) {
        command->left(command->context);
    }
}

/* Out of descriptors or memory, with a child that exists already. */
static void give_up(const struct vp_host_command *command, pid_t child, int process, int channel)
{
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    close(channel);
    if (process >= 0) {
        close(process);
    }
    fail(command, process < 0 ? EMFILE : ENOMEM);
}

static void start(struct userland *host, const struct vp_host_command *command)
{
    int channel[2];
    int listener = -1;
    struct report report;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel)) {
        fail(command, errno);
        return;
    }
    pid_t child = fork();
    if (child == 0) {
        run_child(host, command, channel[1]);
    }
    if (child < 0) {
        int error = errno;
        close(channel[0]);
        close(channel[1]);
        fail(command, error);
        return;
    }
    close(channel[1]);
    int process = (int)syscall(SYS_pidfd_open, child, 0);
    struct session *session = process < 0 ? NULL : calloc(1, sizeof *session);
    if (!session) {
        give_up(command, child, process, channel[0]);
        return;
    }
    /* Nothing that the child does until it is the tool needs us; this does not take long. */
    while (receive_report(channel[0], &report, &listener)) {
        if (report.error) {
            complain(command, &report);
        }
    }
    close(channel[0]);
    session_begin(session, host, command, (struct session_start){child, listener, process});
}

/* ---- Waiting for the devices ------------------------------------------------------------- */

static bool is_settled(const struct userland *host)
{
    for (const struct host_device *device = host->devices; device; device = device->next) {
        if (device->state == DEVICE_OPENING || device->state == DEVICE_ENUMERATING ||
            acm_is_probing(device)) {
            return false;
        }
    }
    return true;
}

void spawn_waiting(struct userland *host)
{
    while (host->waiting && host->lists_answered >= host->waiting->list && is_settled(host)) {
        struct spawn *spawn = host->waiting;
        host->waiting = spawn->next;
        if (spawn->settled) {
            spawn->settled(spawn->context);
        } else {
            start(host, &spawn->command);
        }
        spawn_free(spawn);
    }
}

/* The answer to a question that is under way may be older than what we know. */
static unsigned long next_list(const struct userland *host)
{
    return host->lists_asked + (host->ask_again ? 1 : 0);
}

void spawn_postpone(struct userland *host)
{
    for (struct spawn *spawn = host->waiting; spawn; spawn = spawn->next) {
        spawn->list = next_list(host);
    }
}

void spawn_free_waiting(struct userland *host)
{
    while (host->waiting) {
        struct spawn *spawn = host->waiting;
        host->waiting = spawn->next;
        spawn_free(spawn);
    }
}

static void wait_in_line(struct userland *host, struct spawn *spawn)
{
    struct spawn **end = &host->waiting;
    while (*end) {
        end = &(*end)->next;
    }
    *end = spawn;
    bus_rescan(host);
    spawn->list = next_list(host);
}

int spawn_command(struct vp_host *base, const struct vp_host_command *command,
                  struct vp_failure *failure)
{
    int error = command_check(command, failure);
    if (error) {
        return error;
    }
    struct spawn *spawn = calloc(1, sizeof *spawn);
    if (!spawn || !command_copy(&spawn->command, command)) {
        free(spawn);
        return vp_fail(failure, VP_ERROR_NO_MEMORY, "no memory or no descriptors left to start %s",
                       command->argv[0]);
    }
    wait_in_line((struct userland *)base, spawn);
    return 0;
}

int spawn_when_settled(struct vp_host *base, void (*settled)(void *context), void *context)
{
    struct spawn *spawn = calloc(1, sizeof *spawn);
    if (!spawn) {
        return VP_ERROR_NO_MEMORY;
    }
    spawn->settled = settled;
    spawn->context = context;
    wait_in_line((struct userland *)base, spawn);
    return 0;
}
