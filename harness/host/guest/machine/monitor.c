#include "host/guest/machine/monitor.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LINE_MAX_SIZE = 1 << 20, READ_SIZE = 4096 };

static void end(struct monitor *monitor)
{
    ev_io_stop(monitor->loop, &monitor->io);
    monitor->received(monitor->context, NULL);
}

/* @return false if the monitor was stopped */
static bool take_line(struct monitor *monitor, const char *line, size_t length)
{
    json_t *message = json_loadb(line, length, 0, NULL);
    if (message) {
        monitor->received(monitor->context, message);
        json_decref(message);
    }
    return monitor->io.fd >= 0;
}

static void take_lines(struct monitor *monitor)
{
    char *line = monitor->text, *end_of_line;
    size_t left = monitor->size;
    while ((end_of_line = memchr(line, '\n', left))) {
        const size_t length = (size_t)(end_of_line - line);
        if (!take_line(monitor, line, length)) {
            return;
        }
        line += length + 1;
        left -= length + 1;
    }
    memmove(monitor->text, line, left);
    monitor->size = left;
}

static int make_room(struct monitor *monitor)
{
    if (monitor->capacity - monitor->size >= READ_SIZE) {
        return 0;
    }
    const size_t capacity = monitor->capacity * 2 + READ_SIZE;
    char *grown = capacity <= LINE_MAX_SIZE ? realloc(monitor->text, capacity) : NULL;
    if (!grown) {
        return VP_ERROR_NO_MEMORY;
    }
    monitor->text = grown;
    monitor->capacity = capacity;
    return 0;
}

static void on_readable(struct ev_loop *loop, ev_io *io, int events)
{
    (void)loop;
    (void)events;
    struct monitor *monitor = io->data;
    if (make_room(monitor)) {
        end(monitor);
        return;
    }
    const ssize_t count = recv(io->fd, monitor->text + monitor->size, READ_SIZE, MSG_DONTWAIT);
    if (count > 0) {
        monitor->size += (size_t)count;
        take_lines(monitor);
    } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
        end(monitor);
    }
}

void monitor_start(struct monitor *monitor, struct ev_loop *loop, int fd)
{
    monitor->loop = loop;
    ev_io_init(&monitor->io, on_readable, fd, EV_READ);
    monitor->io.data = monitor;
    ev_io_start(loop, &monitor->io);
}

int monitor_execute(struct monitor *monitor, const char *command, json_t *arguments)
{
    json_t *message = arguments
                          ? json_pack("{s:s, s:o}", "execute", command, "arguments", arguments)
                          : json_pack("{s:s}", "execute", command);
    char *text = message ? json_dumps(message, JSON_COMPACT) : NULL;
    json_decref(message);
    if (!text) {
        return VP_ERROR_NO_MEMORY;
    }
    /* Commands are short: the socket's buffer always has room for one. */
    const size_t length = strlen(text);
    const ssize_t sent = send(monitor->io.fd, text, length, MSG_NOSIGNAL);
    free(text);
    return sent == (ssize_t)length ? 0 : VP_ERROR_IO;
}

void monitor_stop(struct monitor *monitor)
{
    if (monitor->loop) {
        ev_io_stop(monitor->loop, &monitor->io);
        close(monitor->io.fd);
        monitor->io.fd = -1;
        free(monitor->text);
        monitor->text = NULL;
        monitor->loop = NULL;
    }
}
