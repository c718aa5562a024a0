/*
 * Which system calls the supervisor gets to see: those that take paths, those on netlink sockets,
 * and ioctl with a number of usbfs or of a serial port. All others run at full speed.
 */
#include <ev.h> /* before seccomp.h, which brings the EV_NONE macro of elf.h along */

#include <errno.h>
#include <linux/netlink.h>
#include <seccomp.h>
#include <sys/socket.h>

#include "host/tool/notifier.h"
#include "host/userland/serial/acm.h"
#include "host/userland/supervisor/session.h"

static const int notified[] = {
    SCMP_SYS(open),        SCMP_SYS(openat),     SCMP_SYS(openat2),    SCMP_SYS(stat),
    SCMP_SYS(lstat),       SCMP_SYS(newfstatat), SCMP_SYS(fstat),      SCMP_SYS(statx),
    SCMP_SYS(access),      SCMP_SYS(faccessat),  SCMP_SYS(faccessat2), SCMP_SYS(readlink),
    SCMP_SYS(readlinkat),  SCMP_SYS(statfs),     SCMP_SYS(fstatfs),    SCMP_SYS(getxattr),
    SCMP_SYS(lgetxattr),   SCMP_SYS(listxattr),  SCMP_SYS(llistxattr), SCMP_SYS(bind),
    SCMP_SYS(getsockname), SCMP_SYS(setsockopt), SCMP_SYS(getsockopt), SCMP_SYS(recvmsg),
    SCMP_SYS(recvfrom),    SCMP_SYS(creat),
};

static int add_rules(scmp_filter_ctx filter)
{
    int error = seccomp_rule_add(filter, SCMP_ACT_NOTIFY, SCMP_SYS(ioctl), 1,
                                 SCMP_A1(SCMP_CMP_MASKED_EQ, 0xFF00, 'U' << 8));
    for (unsigned i = 0; acm_ioctl_number(i) && !error; i++) {
        error = seccomp_rule_add(filter, SCMP_ACT_NOTIFY, SCMP_SYS(ioctl), 1,
                                 SCMP_A1(SCMP_CMP_MASKED_EQ, 0xFFFFFFFF, acm_ioctl_number(i)));
    }
    if (!error) {
        error = seccomp_rule_add(filter, SCMP_ACT_NOTIFY, SCMP_SYS(socket), 2,
                                 SCMP_A0(SCMP_CMP_EQ, AF_NETLINK, 0),
                                 SCMP_A2(SCMP_CMP_EQ, NETLINK_KOBJECT_UEVENT, 0));
    }
    /* It would open files behind our back. */
    return error ? error
                 : seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(io_uring_setup), 0);
}

int filter_build(struct sock_fprog *program, struct vp_failure *failure)
{
    /* A program of another architecture would see the real machine, half of the time. */
    scmp_filter_ctx filter =
        notifier_start(notified, sizeof notified / sizeof *notified, SCMP_ACT_KILL_PROCESS);
    const int error = filter ? add_rules(filter) : -ENOMEM;
    return notifier_finish(filter, error, program, failure);
}
