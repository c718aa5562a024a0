/*
 * Real boards on this machine's own USB. There is nothing to attach: a tool runs as it would
 * without us, and sees all that the machine has.
 */
#include <stdlib.h>

#include "hardware/bus.h"
#include "host/engine.h"
#include "host/tool/command.h"
#include "host/tool/process.h"

struct hardware {
    struct vp_host base;
    struct process *processes;
};

static void rescan(struct vp_host *host)
{
    (void)host;
}

static unsigned capacity(const struct vp_host *host)
{
    (void)host;
    return VP_HOST_DEVICES;
}

static int spawn(struct vp_host *host, const struct vp_host_command *command,
                 struct vp_failure *failure)
{
    struct hardware *hardware = (struct hardware *)host;
    struct vp_host_command copy;
    const int error = command_check(command, failure);
    if (error) {
        return error;
    }
    if (!command_copy(&copy, command)) {
        return vp_fail(failure, VP_ERROR_NO_MEMORY, "no memory or no descriptors left to start %s",
                       command->argv[0]);
    }
    process_start(host->loop, &hardware->processes, &copy);
    return 0;
}

static int when_settled(struct vp_host *host, void (*settled)(void *context), void *context)
{
    (void)host;
    settled(context);
    return 0;
}

static unsigned signal_all(struct vp_host *host, int signal_number)
{
    return process_signal_all(((struct hardware *)host)->processes, signal_number);
}

static void destroy(struct vp_host *host)
{
    process_kill_all(&((struct hardware *)host)->processes);
    free(host);
}

/* So that a board that is not there is an error here, and not a tool that sees nothing. */
static int check_board(const char *serial, struct vp_failure *failure)
{
    struct vp_hardware_bus *bus;
    struct vp_hardware_board boards[VP_HARDWARE_BOARDS];
    unsigned chosen;
    const struct vp_hardware_wish wish = {.serial = *serial ? serial : NULL};
    int error = vp_hardware_bus_open(&bus, failure);
    if (error) {
        return error;
    }
    const unsigned count = vp_hardware_bus_look(bus, boards);
    vp_hardware_bus_close(bus);
    error = vp_hardware_choose(boards, count, &wish, false, &chosen, failure);
    /* Several: which one is the tool's own choice, because it sees all of them. */
    return error == VP_ERROR_INVALID ? 0 : error;
}

int hardware_create(struct vp_host **host, const struct vp_host *common, const char *address,
                    struct vp_failure *failure)
{
    static const struct host_engine engine = {
        .rescan = rescan,
        .capacity = capacity,
        .spawn = spawn,
        .when_settled = when_settled,
        .signal = signal_all,
        .destroy = destroy,
    };
    const int error = check_board(address, failure);
    if (error) {
        return error;
    }
    struct hardware *made = calloc(1, sizeof *made);
    if (!made) {
        return vp_fail(failure, VP_ERROR_NO_MEMORY, "out of memory");
    }
    made->base = *common;
    made->base.engine = &engine;
    *host = &made->base;
    return 0;
}
