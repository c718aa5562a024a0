/*
 * NETLINK_KOBJECT_UEVENT sockets of the tools: libudev's monitor, libusb's own, udevadm.
 *
 * The tool gets the reading end of a pipe that holds one byte while messages wait, so that poll,
 * select and epoll just work; the socket calls on it are answered here. The filter that libudev
 * attaches is not run: it saves udev's clients from waking up, and they check each message again.
 * When the last holder closes its end, our end shows an error and the monitor goes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/userland/core/userland.h"
#include "host/userland/supervisor/session.h"
#include "host/userland/udev/monitor_private.h"

/* Then the listener is told that it lost some, as by the kernel. */
enum { MESSAGES_MAX = 1024 };

struct monitor *monitor_find(const struct userland *host, uint64_t pipe)
{
    struct monitor *monitor = NULL;
    if (pipe && host->monitors) {
        HASH_FIND(hh, host->monitors, &pipe, sizeof pipe, monitor);
    }
    return monitor;
}

bool monitor_owns(const struct userland *host, uint64_t pipe)
{
    return monitor_find(host, pipe) != NULL;
}

/* ---- Readiness --------------------------------------------------------------------------- */

/* Also makes us a reader for a moment, so that a write can't raise SIGPIPE. */
static int open_reader(const struct monitor *monitor)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", monitor->write_end);
    return open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
}

static void set_readable(struct monitor *monitor, bool readable)
{
    char byte = 0;
    int reader = open_reader(monitor);
    if (reader < 0) {
        return;
    }
    while (read(reader, &byte, 1) == 1) {
    }
    if (readable && write(monitor->write_end, &byte, 1) != 1) {
        monitor->lost = true;
    }
    close(reader);
}

void monitor_pop(struct monitor *monitor)
{
    struct message *message = monitor->first;
    monitor->first = message->next;
    if (!monitor->first) {
        monitor->last = &monitor->first;
    }
    monitor->count--;
    free(message);
    if (!monitor->first) {
        set_readable(monitor, false);
    }
}

static void monitor_free(struct monitor *monitor)
{
    HASH_DEL(monitor->host->monitors, monitor);
    ev_io_stop(monitor->host->base.loop, &monitor->released);
    while (monitor->first) {
        struct message *message = monitor->first;
        monitor->first = message->next;
        free(message);
    }
    call_queue_fail(&monitor->receivers, EBADF);
    close(monitor->write_end);
    free(monitor);
}

static void on_released(struct ev_loop *loop, ev_io *io, int events)
{
    (void)loop;
    (void)events;
    monitor_free(io->data);
}

/* ---- Opening ----------------------------------------------------------------------------- */

void monitor_open(struct userland *host, const struct call *call)
{
    int type = (int)call->arguments[1];
    int ends[2];
    struct monitor *monitor = calloc(1, sizeof *monitor);
    if (!monitor || pipe2(ends, O_CLOEXEC | O_NONBLOCK)) {
        call_fail(call, monitor ? ENFILE : ENOMEM); /* the host's descriptors, not the tool's */
        free(monitor);
        return;
    }
    monitor->host = host;
    monitor->pipe = call_own_pipe(ends[0]);
    monitor->write_end = ends[1];
    monitor->type = type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC);
    monitor->last = &monitor->first;
    if (!(type & SOCK_NONBLOCK)) {
        fcntl(ends[0], F_SETFL, 0);
    }
    HASH_ADD(hh, host->monitors, pipe, sizeof monitor->pipe, monitor);
    bool given = call_return_fd(call, ends[0], type & SOCK_CLOEXEC);
    close(ends[0]);
    /* A writing end is never readable; it is reported only when the last reader has closed. */
    ev_io_init(&monitor->released, on_released, monitor->write_end, EV_READ);
    monitor->released.data = monitor;
    ev_io_start(host->base.loop, &monitor->released);
    if (!given) {
        monitor_free(monitor);
    }
}

/* ---- Announcing -------------------------------------------------------------------------- */

static void post(struct monitor *monitor, uint32_t group, const struct uevent_text *text)
{
    struct message *message =
        monitor->count < MESSAGES_MAX ? malloc(sizeof *message + text->length) : NULL;
    if (!message) {
        monitor->lost = true;
        return;
    }
    *message = (struct message){.group = group, .size = text->length};
    memcpy(message->data, text->data, text->length);
    *monitor->last = message;
    monitor->last = &message->next;
    if (monitor->count++ == 0) {
        set_readable(monitor, true);
    }
    monitor_serve_receivers(monitor);
}

void monitor_announce_one(struct userland *host, const char *action, struct uevent_subject subject)
{
    struct uevent_text kernel;
    struct uevent_text udev;
    uint64_t sequence = ++host->event_sequence;
    uevent_kernel_message(&kernel, action, subject, sequence);
    uevent_udev_message(&udev, action, subject, sequence);
    for (struct monitor *monitor = host->monitors, *next; monitor; monitor = next) {
        next = monitor->hh.next;
        if (monitor->groups & 1) {
            post(monitor, 1, &kernel);
        }
        if (monitor->groups & 2) {
            post(monitor, 2, &udev);
        }
    }
}

void monitor_forget_session(struct userland *host, const struct session *session)
{
    for (struct monitor *monitor = host->monitors; monitor; monitor = monitor->hh.next) {
        call_queue_forget(&monitor->receivers, session);
    }
}

void monitor_free_all(struct userland *host)
{
    struct monitor *monitor;
    struct monitor *next;
    HASH_ITER(hh, host->monitors, monitor, next)
    {
        monitor_free(monitor);
    }
}
