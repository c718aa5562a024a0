/*
 * The kernel as host: tools start once their devices are there.
 */
#include "host/kernel/kernel.h"

#include <stdlib.h>
#include <utlist.h>

#include "host/kernel/vhci.h"
#include "host/tool/command.h"
#include "host/tool/process.h"

/* Who waits for all devices to be ready or to have failed: a tool, or somebody who wants to know.
 */
struct waiting {
    struct vp_host_command command;
    void (*settled)(void *context); /**< NULL for a tool */
    void *context;
    unsigned long list; /**< the device list that must have been answered */
    struct waiting *next;
};

/* ---- Waiting for the devices --------------------------------------------------------------- */

static void free_waiting(struct waiting *waiting)
{
    if (!waiting->settled) {
        command_clear(&waiting->command);
    }
    free(waiting);
}

void kernel_serve(struct kernel *kernel)
{
    struct waiting *first;
    while ((first = kernel->waiting) && kernel->lists.answered >= first->list &&
           devices_are_settled(kernel)) {
        LL_DELETE(kernel->waiting, first);
        if (first->settled) {
            first->settled(first->context);
            free_waiting(first);
        } else {
            process_start(kernel->base.loop, &kernel->processes, &first->command);
            free(first);
        }
    }
}

static void wait_in_line(struct kernel *kernel, struct waiting *waiting)
{
    LL_APPEND(kernel->waiting, waiting);
    lists_ask(&kernel->lists);
    waiting->list = lists_next(&kernel->lists);
}

void kernel_postpone(struct kernel *kernel)
{
    for (struct waiting *waiting = kernel->waiting; waiting; waiting = waiting->next) {
        waiting->list = lists_next(&kernel->lists);
    }
}

/* ---- The engine ------------------------------------------------------------------------------ */

static void engine_rescan(struct vp_host *host)
{
    lists_ask(&((struct kernel *)host)->lists);
}

static unsigned capacity(const struct vp_host *host)
{
    return devices_capacity((const struct kernel *)host);
}

static int spawn(struct vp_host *host, const struct vp_host_command *command,
                 struct vp_failure *failure)
{
    const int error = command_check(command, failure);
    if (error) {
        return error;
    }
    struct waiting *waiting = calloc(1, sizeof *waiting);
    if (!waiting || !command_copy(&waiting->command, command)) {
        free(waiting);
        return vp_fail(failure, VP_ERROR_NO_MEMORY, "no memory or no descriptors left to start %s",
                       command->argv[0]);
    }
    wait_in_line((struct kernel *)host, waiting);
    return 0;
}

static int when_settled(struct vp_host *host, void (*settled)(void *context), void *context)
{
    struct waiting *waiting = calloc(1, sizeof *waiting);
    if (!waiting) {
        return VP_ERROR_NO_MEMORY;
    }
    waiting->settled = settled;
    waiting->context = context;
    wait_in_line((struct kernel *)host, waiting);
    return 0;
}

static unsigned engine_signal(struct vp_host *host, int signal_number)
{
    return process_signal_all(((struct kernel *)host)->processes, signal_number);
}

static void destroy(struct vp_host *host)
{
    struct kernel *kernel = (struct kernel *)host;
    for (struct waiting *waiting = kernel->waiting, *next; waiting; waiting = next) {
        next = waiting->next;
        free_waiting(waiting);
    }
    process_kill_all(&kernel->processes);
    devices_end(kernel);
    free(kernel);
}

static const struct host_engine engine = {
    .rescan = engine_rescan,
    .capacity = capacity,
    .spawn = spawn,
    .when_settled = when_settled,
    .signal = engine_signal,
    .destroy = destroy,
};

int kernel_create(struct vp_host **host, const struct vp_host *common, struct vp_failure *failure)
{
    const int error = vhci_check(VHCI_FOLDER, failure);
    if (error) {
        return error == VP_ERROR_NOT_FOUND ? VP_ERROR_UNSUPPORTED : error;
    }
    struct kernel *kernel = calloc(1, sizeof *kernel);
    if (!kernel) {
        return vp_fail(failure, VP_ERROR_NO_MEMORY, "no memory for the USB host");
    }
    kernel->base = *common;
    kernel->base.engine = &engine;
    kernel->folder = VHCI_FOLDER;
    devices_start(kernel);
    *host = &kernel->base;
    return 0;
}
