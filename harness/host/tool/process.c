#include "host/tool/process.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utlist.h>

#include "host/tool/call.h"
#include "host/tool/command.h"
#include "host/tool/launch.h"
#include "host/tool/refusals.h"

static const double LOOK_FOR_ORPHANS = 0.05; /* seconds */

static void close_watched(struct process *process, ev_io *io)
{
    if (io->fd >= 0) {
        ev_io_stop(process->loop, io);
        close(io->fd);
        io->fd = -1;
    }
}

static void forget(struct process *process)
{
    close_watched(process, &process->calls);
    close_watched(process, &process->exit);
    struct vp_host_command command = process->command;
    LL_DELETE(*process->list, process);
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

static void on_call(struct ev_loop *loop, ev_io *io, int events)
{
    (void)loop;
    (void)events;
    struct process *process = io->data;
    struct call call = {.session = NULL};
    const int received = call_receive(io->fd, &call);
    if (received < 0) {
        close_watched(process, io); /* no process is under the filter any more */
        if (!process->tool && !process->command.left) {
            forget(process);
        }
    } else if (received > 0) {
        refusals_look(&call, process->tool ? &process->command : NULL);
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
    close_watched(process, io);
    const struct vp_host_command command = process->command;
    if (command.left) {
        ev_timer_init(&process->orphans, on_orphans, 0, LOOK_FOR_ORPHANS);
        process->orphans.data = process;
        ev_timer_start(loop, &process->orphans);
    } else if (process->calls.fd < 0) {
        forget(process);
    }
    command.ended(command.context, status);
}

/* @return 0 or an errno */
static int launch_command(const struct vp_host_command *command, struct launched *launched)
{
    const bool watched = command->access == VP_HOST_ACCESS_NONE;
    struct sock_fprog filter = {.filter = NULL};
    if (watched && refusals_filter(&filter, NULL)) {
        return ENOSYS;
    }
    const struct launch launch = {
        .command = command, .filter = watched ? &filter : NULL, .as_nobody = watched};
    const int error = launch_tool(&launch, launched);
    free(filter.filter);
    return error;
}

void process_start(struct ev_loop *loop, struct process **list,
                   const struct vp_host_command *command)
{
    struct launched launched;
    struct process *process = calloc(1, sizeof *process);
    const int error = process ? launch_command(command, &launched) : ENOMEM;
    if (error) {
        free(process);
        struct vp_host_command ours = *command;
        command_fail(&ours, error);
        command_clear(&ours);
        return;
    }
    process->loop = loop;
    process->tool = launched.child;
    process->command = *command;
    process->list = list;
    LL_APPEND(*list, process);
    ev_io_init(&process->calls, on_call, launched.listener, EV_READ);
    process->calls.data = process;
    if (launched.listener >= 0) {
        ev_io_start(loop, &process->calls);
    }
    ev_io_init(&process->exit, on_exit_of, launched.process, EV_READ);
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
    for (struct process *process = *list, *next; process; process = next) {
        next = process->next;
        if (process->tool) {
            kill(process->tool, SIGKILL);
            waitpid(process->tool, NULL, 0);
        } else {
            ev_timer_stop(process->loop, &process->orphans);
        }
        process->command.left = NULL;
        forget(process);
    }
}
