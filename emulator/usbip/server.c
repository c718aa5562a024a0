#include "usbip/server_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/socket.h"

/**
 * Instant speed: seconds of silence after which a host is taken to wait for the device, so
 * that the device's own time may jump to its next deadline.
 */
static const ev_tstamp quiet_period = 0.100;

enum { FIRST_DEVNUM = 2, LAST_DEVNUM = 127 }; /* 1 is the root hub's (USB 2.0 section 9.4.6) */

void usbip_server_log(const struct vp_server *server, const char *format, ...)
{
    if (server->log) {
        char line[512];
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(line, sizeof line, format, arguments);
        va_end(arguments);
        server->log(server->log_context, line);
    }
}

/* ---- Time ----------------------------------------------------------------------------- */

/** The device's time goes by as ours does, up to now. */
static void pass_time(struct usbip_exported *exported)
{
    const ev_tstamp passed = (ev_now(exported->server->loop) - exported->since) * 1000.;
    if (passed >= 1.) {
        const uint32_t milliseconds = passed < UINT32_MAX ? (uint32_t)passed : UINT32_MAX;
        exported->since += milliseconds / 1000.;
        vp_device_advance(exported->export.device, milliseconds);
    }
}

/**
 * Wait for what comes at its own time: a sender that stays silent for too long and, at real speed,
 * everything.
 */
static void watch_clock(struct usbip_exported *exported)
{
    struct ev_loop *loop = exported->server->loop;
    const struct vp_device *device = exported->export.device;
    int64_t wait = vp_device_patience(device);
    if (vp_device_speed(device) == VP_SPEED_REAL) {
        const int64_t deadline = vp_device_next_deadline(device);
        wait = deadline >= 0 && (wait < 0 || deadline < wait) ? deadline : wait;
    }
    ev_timer_stop(loop, &exported->clock);
    if (!exported->export.clocked) {
        exported->since = ev_now(loop);
    }
    if (wait >= 0) {
        const ev_tstamp left = exported->since + (ev_tstamp)wait / 1000. - ev_now(loop);
        ev_timer_set(&exported->clock, (left > 0. ? left : 0.) + 0.001, 0.);
        ev_timer_start(loop, &exported->clock);
    }
    exported->export.clocked = wait >= 0 || exported->followed;
}

static void on_clock(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)events;
    struct usbip_exported *exported = timer->data;
    ev_timer_stop(loop, timer);
    pass_time(exported);
    watch_clock(exported);
}

/** What the device is asked now comes after the time that went by. */
static void on_pass_time(struct usbip_export *export)
{
    pass_time((struct usbip_exported *)export);
}

/** Look at the device's deadline, and wait for it as long as its importer may still ask. */
static void watch_deadline(struct usbip_exported *exported)
{
    struct ev_loop *loop = exported->server->loop;
    const struct vp_device *device = exported->export.device;
    ev_now_update(loop); /* the event may come long after this turn of the loop began */
    watch_clock(exported);
    exported->export.watched =
        vp_device_speed(device) == VP_SPEED_INSTANT && vp_device_next_deadline(device) >= 0;
    if (!exported->export.watched) {
        ev_timer_stop(loop, &exported->quiet);
    } else if (exported->export.importer) {
        ev_timer_again(loop, &exported->quiet);
    } else {
        ev_timer_stop(loop, &exported->quiet);
        ev_timer_set(&exported->quiet, 0., quiet_period);
        ev_timer_start(loop, &exported->quiet);
    }
}

static void on_asked(struct usbip_export *export)
{
    struct usbip_exported *exported = (struct usbip_exported *)export;
    ev_timer_again(exported->server->loop, &exported->quiet);
}

static void on_importer_changed(struct usbip_export *export)
{
    watch_deadline((struct usbip_exported *)export);
}

static void on_quiet(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)events;
    struct usbip_exported *exported = timer->data;
    int64_t deadline = vp_device_next_deadline(exported->export.device);
    ev_timer_stop(loop, timer);
    if (deadline >= 0) {
        vp_device_advance(exported->export.device,
                          deadline < UINT32_MAX ? (uint32_t)deadline : UINT32_MAX);
    }
    watch_deadline(exported);
}

void vp_server_pass_time(struct vp_server *server, const struct vp_device *device)
{
    for (size_t i = 0; i < server->exports.count; i++) {
        struct usbip_exported *exported = (struct usbip_exported *)server->exports.items[i];
        if (exported->export.device != device) {
            continue;
        }
        exported->followed = true;
        ev_now_update(server->loop);
        if (exported->export.clocked) {
            pass_time(exported);
        } else {
            watch_clock(exported);
        }
    }
}

/* ---- Devices --------------------------------------------------------------------------- */

static bool is_devnum_taken(const struct vp_server *server, uint32_t devnum)
{
    for (size_t i = 0; i < server->exports.count; i++) {
        if (server->exports.items[i]->devnum == devnum) {
            return true;
        }
    }
    return false;
}

/** A new address for each attachment, as Linux gives them out: rising, then from the start. */
static void give_devnum(struct usbip_exported *exported)
{
    struct vp_server *server = exported->server;
    exported->export.devnum = 0;
    do {
        server->last_devnum =
            server->last_devnum < LAST_DEVNUM ? server->last_devnum + 1 : FIRST_DEVNUM;
    } while (is_devnum_taken(server, server->last_devnum));
    exported->export.devnum = server->last_devnum;
}

static void on_device_event(void *context, const struct vp_event *event)
{
    struct usbip_exported *exported = context;
    switch (event->kind) {
    case VP_EVENT_ATTACHED:
        give_devnum(exported);
        break;
    case VP_EVENT_DETACHED:
        exported->export.devnum = 0;
        if (exported->export.importer) {
            usbip_session_device_left(exported->export.importer);
        }
        break;
    case VP_EVENT_DEADLINE:
        watch_deadline(exported);
        break;
    case VP_EVENT_MODE:
    case VP_EVENT_LED:
    case VP_EVENT_TRANSFER:
    case VP_EVENT_BUS_RESET:
    default:
        break;
    }
}

int vp_server_add_device(struct vp_server *server, struct vp_device *device)
{
    struct usbip_exports *exports = &server->exports;
    if (exports->count >= VP_SERVER_DEVICE_LIMIT) {
        return VP_ERROR_RANGE;
    }
    struct usbip_export **items =
        realloc(exports->items, (exports->count + 1) * sizeof(struct usbip_export *));
    if (!items) {
        return VP_ERROR_NO_MEMORY;
    }
    exports->items = items;
    struct usbip_exported *exported = calloc(1, sizeof *exported);
    if (!exported || vp_device_listen(device, on_device_event, exported) != 0) {
        free(exported);
        return VP_ERROR_NO_MEMORY;
    }
    exported->server = server;
    exported->export.device = device;
    exported->export.asked = on_asked;
    exported->export.pass_time = on_pass_time;
    exported->export.importer_changed = on_importer_changed;
    snprintf(exported->export.busid, sizeof exported->export.busid, "%d-%zu", USBIP_BUSNUM,
             exports->count + 1);
    ev_timer_init(&exported->quiet, on_quiet, 0., quiet_period);
    /* What a client asked while this process was kept from running comes first: it is no silence.
     */
    ev_set_priority(&exported->quiet, EV_MINPRI);
    exported->quiet.data = exported;
    ev_timer_init(&exported->clock, on_clock, 0., 0.);
    ev_set_priority(&exported->clock, EV_MINPRI);
    exported->clock.data = exported;
    struct vp_usb_identity identity;
    if (vp_device_identity(device, &identity) == 0) {
        give_devnum(exported);
    }
    exports->items[exports->count++] = &exported->export;
    watch_deadline(exported);
    return 0;
}

const char *vp_server_bus_id(const struct vp_server *server, size_t index)
{
    return index < server->exports.count ? server->exports.items[index]->busid : NULL;
}

/* ---- Listeners --------------------------------------------------------------------------- */

static void on_connected(void *context, int descriptor, const struct sockaddr_storage *peer,
                         socklen_t peer_length)
{
    usbip_connection_start(context, descriptor, peer, peer_length);
}

static void on_exhausted(void *context, int error)
{
    usbip_server_log(context, "cannot accept a client now: %s", strerror(error));
}

int vp_server_listen(struct vp_server *server, const char *text, char *bound, size_t bound_size,
                     struct vp_failure *failure)
{
    static const struct vp_listener_handlers handlers = {on_connected, on_exhausted};
    struct usbip_listener *made = calloc(1, sizeof *made);
    if (!made) {
        return vp_fail(failure, VP_ERROR_IO, "cannot listen on '%.200s': out of memory", text);
    }
    const int error =
        vp_listener_open(&made->listener, server->loop, text, &handlers, server, failure);
    if (error) {
        free(made);
        return error;
    }
    made->next = server->listeners;
    server->listeners = made;
    if (bound) {
        vp_socket_address(made->listener.io.fd, bound, bound_size);
    }
    return 0;
}

/* ---- Life -------------------------------------------------------------------------------- */

int vp_server_create(struct vp_server **server, struct ev_loop *loop)
{
    *server = calloc(1, sizeof **server);
    if (!*server) {
        return VP_ERROR_NO_MEMORY;
    }
    (*server)->loop = loop;
    (*server)->last_devnum = FIRST_DEVNUM - 1;
    return 0;
}

void vp_server_set_dedicated(struct vp_server *server, bool dedicated)
{
    server->dedicated = dedicated;
}

void vp_server_set_log(struct vp_server *server, void (*log)(void *context, const char *line),
                       void *context)
{
    server->log = log;
    server->log_context = context;
}

void vp_server_get_counters(const struct vp_server *server, struct vp_server_counters *counters)
{
    *counters = server->counters;
}

void vp_server_destroy(struct vp_server *server)
{
    if (!server) {
        return;
    }
    while (server->listeners) {
        struct usbip_listener *listener = server->listeners;
        server->listeners = listener->next;
        vp_listener_close(&listener->listener);
        free(listener);
    }
    while (server->connections) {
        usbip_connection_close(server->connections);
    }
    for (size_t i = 0; i < server->exports.count; i++) {
        struct usbip_exported *exported = (struct usbip_exported *)server->exports.items[i];
        vp_device_unlisten(exported->export.device, on_device_event, exported);
        ev_timer_stop(server->loop, &exported->quiet);
        ev_timer_stop(server->loop, &exported->clock);
        free(exported);
    }
    free(server->exports.items);
    free(server);
}
