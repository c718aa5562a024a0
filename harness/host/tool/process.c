#include "host/tool/process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utlist.h>

#include "host/tool/command.h"

static const double LOOK_FOR_ORPHANS = 0.05; /* seconds */

/* What a child could not do before it became the tool. */
struct trouble {
    const char *step; /**< static text: the child is a copy of us */
    int error;
};

/* ---- The child --------------------------------------------------------------------------- */

/* A user whom Debian gives no device: neither root nor in the group dialout. @return 0 or an errno
 */
static int become_nobody(void)
{
    errno = 0;
    const struct passwd *nobody = getpwnam("nobody");
    if (!nobody) {
        return errno ? errno : ENOENT;
    }
    return setgroups(0, NULL) || setgid(nobody->pw_gid) || setuid(nobody->pw_uid) ? errno : 0;
}

_Noreturn static void run_child(const struct vp_host_command *command, int channel)
{
    struct trouble trouble = {"change to its working directory", command_enter(command)};
    if (!trouble.error && command->access == VP_HOST_ACCESS_NONE) {
        trouble = (struct trouble){"become user nobody for it", become_nobody()};
    }
    if (!trouble.error) {
        execvp(command->argv[0], command->argv);
        trouble = (struct trouble){"execute it", errno};
    }
    const ssize_t told = write(channel, &trouble, sizeof trouble);
    _exit(told > 0 && trouble.error == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE);
}

/* ---- The parent -------------------------------------------------------------------------- */

static void forget(struct process *process)
{
    struct vp_host_command command = process->command;
    DL_DELETE2(*process->list, process, previous, next);
    free(process);
    if (command.left) {
        command.left(command.context);
    }
    command_clear(&command);
}

/* A descendant whose parent has ended is ours if we are its subreaper, prctl(2). */
static void on_orphans(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)events;
    siginfo_t info;
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) && errno == ECHILD) {
        ev_timer_stop(loop, timer);
        forget(timer->data);
    }
}

static void on_exit_of(struct ev_loop *loop, ev_io *io, int events)
{
    (void)events;
    struct process *process = io->data;
    int status;
    if (waitpid(process->tool, &status, WNOHANG) != process->tool) {
        return;
    }
    process->tool = 0;
    ev_io_stop(loop, io);
    close(io->fd);
    const struct vp_host_command command = process->command;
    if (command.left) {
        ev_timer_init(&process->orphans, on_orphans, 0, LOOK_FOR_ORPHANS);
        process->orphans.data = process;
        ev_timer_start(loop, &process->orphans);
    } else {
        forget(process);
    }
    command.ended(command.context, status);
}

static void fail(const struct vp_host_command *command, const char *step, int error)
{
    struct vp_host_command ours = *command;
    command_complain(command, step, error, "");
    command->ended(command->context, W_EXITCODE(EXIT_NOT_EXECUTABLE, 0));
    if (command->left) {
        command->left(command->context);
    }
    command_clear(&ours);
}

/* @return the child, with `errno` of what went wrong where there is none */
static pid_t start_child(const struct vp_host_command *command)
{
    struct trouble trouble;
    int channel[2];
    if (pipe2(channel, O_CLOEXEC)) {
        return -1;
    }
    const pid_t child = fork();
    if (child == 0) {
        run_child(command, channel[1]);
    }
    const int error = errno;
    close(channel[1]);
    /* At once: execve(2) or the end of the child closes it. */
    if (child > 0 && read(channel[0], &trouble, sizeof trouble) == (ssize_t)sizeof trouble) {
        command_complain(command, trouble.step, trouble.error, "");
    }
    close(channel[0]);
    errno = error;
    return child;
}

void process_start(struct ev_loop *loop, struct process **list,
                   const struct vp_host_command *command)
{
    struct process *process = calloc(1, sizeof *process);
    const pid_t child = process ? start_child(command) : -1;
    const int fd = child > 0 ? (int)syscall(SYS_pidfd_open, child, 0) : -1;
    if (fd < 0) {
        const int error = process ? errno : ENOMEM;
        if (child > 0) {
            kill(child, SIGKILL);
            waitpid(child, NULL, 0);
        }
        free(process);
        fail(command, "start", error);
        return;
    }
    process->loop = loop;
    process->tool = child;
    process->command = *command;
    process->list = list;
    DL_APPEND2(*list, process, previous, next);
    ev_io_init(&process->exit, on_exit_of, fd, EV_READ);
    process->exit.data = process;
    ev_io_start(loop, &process->exit);
}

unsigned process_signal_all(struct process *list, int signal_number)
{
    unsigned count = 0;
    for (struct process *process = list; process; process = process->next) {
        if (process->tool) {
            kill(process->tool, signal_number);
            count++;
        }
    }
    return count;
}

void process_kill_all(struct process **list)
{
    while (*list) {
        struct process *process = *list;
        if (process->tool) {
            kill(process->tool, SIGKILL);
            waitpid(process->tool, NULL, 0);
            ev_io_stop(process->loop, &process->exit);
            close(process->exit.fd);
        } else {
            ev_timer_stop(process->loop, &process->orphans);
        }
        process->command.left = NULL;
        forget(process);
    }
}
