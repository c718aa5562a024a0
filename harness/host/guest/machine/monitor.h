/**
 * @file monitor.h
 * QEMU's monitor (QMP) on a connected socket: commands go out one after the other, and what comes
 * back, a JSON object a line, goes to a function.
 */
#ifndef VP_GUEST_MONITOR_H
#define VP_GUEST_MONITOR_H

#include <ev.h>
#include <jansson.h>

#include "vparticle/error.h"

struct monitor {
    struct ev_loop *loop;
    ev_io io;
    char *text; /**< received, up to a line's end that is still to come */
    size_t size, capacity;
    /** @param message  greeting, return, error or event; NULL if QEMU closed the monitor */
    void (*received)(void *context, const json_t *message);
    void *context;
};

/** @param fd  non-blocking; the monitor's from now on. received and context must be set before. */
void monitor_start(struct monitor *monitor, struct ev_loop *loop, int fd);

/**
 * Send a command. @param arguments  a reference that is taken over, or NULL
 * @return 0, VP_ERROR_IO (QEMU is gone) or VP_ERROR_NO_MEMORY
 */
int monitor_execute(struct monitor *monitor, const char *command, json_t *arguments);

void monitor_stop(struct monitor *monitor);

#endif
