/*
 * Starting tools, once the devices have settled.
 */
#include <errno.h>
#include <stdlib.h>

#include "host/tool/command.h"
#include "host/userland/core/userland.h"
#include "host/userland/serial/acm.h"
#include "host/userland/supervisor/session.h"
#include "host/userland/usb/bus.h"

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

/* ---- Starting ------------------------------------------------------------------------------ */

static void start(struct userland *host, const struct vp_host_command *command)
{
    static const char *const environment[] = {"UV_USE_IO_URING=0", "SYSTEMD_DEVICE_VERIFY_SYSFS=0",
                                              NULL};
    const struct launch launch = {
        .command = command, .filter = &host->filter, .environment = environment};
    struct launched launched;
    struct session *session = calloc(1, sizeof *session);
    const int error = session ? launch_tool(&launch, &launched) : ENOMEM;
    if (error) {
        free(session);
        command_fail(command, error);
        return;
    }
    session_begin(session, host, command, &launched);
}

/* ---- Waiting for the devices ------------------------------------------------------------- */

static bool is_settled(const struct userland *host)
{
    for (const struct host_device *device = host->devices; device; device = device->next) {
        if (device->state == DEVICE_OPENING || device->state == DEVICE_ENUMERATING ||
            (device->state == DEVICE_READY && device->listed.leaves) ||
            acm_is_probing(device, -1)) {
            return false;
        }
    }
    return true;
}

void spawn_waiting(struct userland *host)
{
    while (host->waiting && host->lists.answered >= host->waiting->list && is_settled(host)) {
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

void spawn_postpone(struct userland *host)
{
    for (struct spawn *spawn = host->waiting; spawn; spawn = spawn->next) {
        spawn->list = lists_next(&host->lists);
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
    lists_ask(&host->lists);
    spawn->list = lists_next(&host->lists);
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
