/*
 * The child installs the filter, sends us its descriptor and becomes the tool.
 */
#include "host/tool/launch.h"

#include <errno.h>
#include <grp.h>
#include <linux/seccomp.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/tool/command.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

/** What the child tells: which step failed, and why. With the filter's descriptor: all is well. */
struct report {
    const char *step; /**< static text: the child is a copy of us */
    int error;
};

/* ---- The child --------------------------------------------------------------------------- */

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

_Noreturn static void give_up(int channel, const char *step, int error)
{
    send_report(channel, (struct report){step, error}, -1);
    _exit(error == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE);
}

/* A user whom Debian gives no device: neither root nor in the group dialout. */
static void become_nobody(int channel)
{
    errno = ENOENT;
    const struct passwd *nobody = getpwnam("nobody");
    if (!nobody || setgroups(0, NULL) || setgid(nobody->pw_gid) || setuid(nobody->pw_uid)) {
        give_up(channel, "become user nobody", errno);
    }
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* a change of user has cleared it */
}

/* Before Linux 5.19 a signal could make a call that we have begun to answer start again; the
 * handlers can stand that, but without it is better. */
static void install_filter(const struct sock_fprog *program, int channel)
{
    unsigned long flags = SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) {
        give_up(channel, "give up new privileges", errno);
    }
    int fd = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, program);
    if (fd < 0 && errno == EINVAL) {
        flags = SECCOMP_FILTER_FLAG_NEW_LISTENER;
        fd = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, program);
    }
    if (fd < 0) {
        give_up(channel, "install the seccomp filter", errno);
    }
    send_report(channel, (struct report){NULL, 0}, fd);
    close(fd);
}

/* After the filter is in place, only calls that it lets pass may be made until execve(2). */
_Noreturn static void run_child(const struct launch *launch, int channel)
{
    const struct vp_host_command *command = launch->command;
    const int error = command_enter(command);
    if (error) {
        send_report(channel, (struct report){"change to its working directory", error}, -1);
        _exit(EXIT_NOT_EXECUTABLE);
    }
    for (const char *const *name = launch->environment; name && *name; name++) {
        putenv((char *)*name);
    }
    if (launch->as_nobody) {
        become_nobody(channel);
    }
    if (launch->filter) {
        install_filter(launch->filter, channel);
    }
    execvp(command->argv[0], command->argv);
    give_up(channel, "execute it", errno);
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

/* Nothing that the child does until it is the tool needs us; this does not take long. */
static void hear_reports(const struct vp_host_command *command, int channel, int *listener)
{
    struct report report;
    *listener = -1;
    while (receive_report(channel, &report, listener)) {
        if (report.error) {
            const char *hint =
                report.error == EBUSY
                    ? "; it runs under such a filter already: 'vparticle exec' cannot be nested"
                    : "";
            command_complain(command, report.step, report.error, hint);
        }
    }
}

int launch_tool(const struct launch *launch, struct launched *launched)
{
    int channel[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel)) {
        return errno;
    }
    launched->child = fork();
    if (launched->child == 0) {
        run_child(launch, channel[1]);
    }
    int error = launched->child < 0 ? errno : 0;
    close(channel[1]);
    launched->process = error ? -1 : (int)syscall(SYS_pidfd_open, launched->child, 0);
    if (!error && launched->process < 0) {
        error = errno;
        kill(launched->child, SIGKILL);
        waitpid(launched->child, NULL, 0);
    }
    if (!error) {
        hear_reports(launch->command, channel[0], &launched->listener);
    }
    close(channel[0]);
    return error;
}
