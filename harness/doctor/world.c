/* This machine, and how a check asks for what is in one. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "doctor/checks.h"
#include "hardware/bus.h"

static void look_at_usb(struct vp_doctor_usb *usb)
{
    struct vp_hardware_bus *bus;
    struct vp_failure failure;
    *usb = (struct vp_doctor_usb){.works = vp_hardware_bus_open(&bus, &failure) == 0};
    if (!usb->works) {
        snprintf(usb->reason, sizeof usb->reason, "%.*s", (int)sizeof usb->reason - 1,
                 failure.text);
        return;
    }
    struct vp_hardware_board boards[VP_HARDWARE_BOARDS];
    usb->boards = vp_hardware_bus_look(bus, boards);
    for (unsigned i = 0; i < usb->boards; i++) {
        if (boards[i].no_access && usb->refused++ == 0) {
            snprintf(usb->refusal, sizeof usb->refusal, "%s", boards[i].node);
        }
    }
    vp_hardware_bus_close(bus);
}

/* Only the try shows it: a container may forbid it, and a supervisor that is there already keeps a
 * second one out (EBUSY). A process of its own, because a filter is for ever. */
static int try_notification(void)
{
    struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    const struct sock_fprog program = {.len = 1, .filter = &allow};
    const pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        const long listener = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                                      SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
        _exit(listener < 0 ? errno : 0);
    }
    int status;
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return child > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : EPERM;
}

static bool has_pidfd(void)
{
    const int probe = (int)syscall(SYS_pidfd_open, getpid(), 0);
    if (probe >= 0) {
        close(probe);
    }
    return probe >= 0;
}

void vp_doctor_look(struct vp_doctor_world *world)
{
    static struct utsname system;
    static char directory[PATH_MAX];
    const char *path = getenv("PATH");
    uname(&system);
    *world = (struct vp_doctor_world){
        .root = "",
        .path = path ? path : "/usr/bin:/bin",
        .directory = getcwd(directory, sizeof directory) ? directory : "/",
        .release = system.release,
        .machine = system.machine,
        .superuser = geteuid() == 0,
        .notifies = try_notification(),
        .pidfd = has_pidfd(),
        .access = access,
    };
    look_at_usb(&world->usb);
    vp_guest_look(NULL, &world->guest);
}

/* ---- What checks are made of ---------------------------------------------------------------- */

__attribute__((format(printf, 3, 0))) static void
find(struct vp_finding *finding, enum vp_verdict verdict, const char *format, va_list arguments)
{
    finding->verdict = verdict;
    vsnprintf(finding->text, sizeof finding->text, format, arguments);
}

void vp_found(struct vp_finding *finding, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    find(finding, VP_VERDICT_OK, format, arguments);
    va_end(arguments);
}

void vp_lacks(struct vp_finding *finding, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    find(finding, VP_VERDICT_MISSING, format, arguments);
    va_end(arguments);
}

void vp_mend(struct vp_finding *finding, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(finding->mend, sizeof finding->mend, format, arguments);
    va_end(arguments);
}

void vp_mend_as_root(const struct vp_doctor_world *world, struct vp_finding *finding,
                     const char *command)
{
    vp_mend(finding, "%s%s", world->superuser ? "" : "sudo ", command);
}

bool vp_world_path(const struct vp_doctor_world *world, const char *path, char full[PATH_MAX])
{
    const int length = snprintf(full, PATH_MAX, "%s%s", world->root, path);
    return length > 0 && length < PATH_MAX;
}

bool vp_world_has(const struct vp_doctor_world *world, const char *path)
{
    char full[PATH_MAX];
    return vp_world_path(world, path, full) && world->access(full, F_OK) == 0;
}

bool vp_world_program(const struct vp_doctor_world *world, const char *name, char where[PATH_MAX])
{
    for (const char *at = world->path; *at;) {
        const size_t length = strcspn(at, ":");
        char full[PATH_MAX];
        snprintf(where, PATH_MAX, "%.*s/%s", (int)length, length ? at : ".", name);
        if (vp_world_path(world, where, full) && world->access(full, X_OK) == 0) {
            return true;
        }
        at += length + (at[length] == ':');
    }
    return false;
}
