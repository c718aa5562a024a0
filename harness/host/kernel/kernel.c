/*
 * The kernel as host: which devices the server shows, and on which port of vhci_hcd each is.
 *
 * USB/IP has no message for "a device was plugged in", so the list is asked for every 100 ms, and
 * at once when somebody knows better (vp_host_rescan()). A device that leaves, be it only to come
 * back with another identity, ends its connection; the kernel then needs a moment to forget it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <utlist.h>

#include "host/engine.h"
#include "host/kernel/present.h"
#include "host/kernel/relay.h"
#include "host/kernel/vhci.h"
#include "host/tool/command.h"
#include "host/tool/process.h"

static const double POLL_SECONDS = 0.1;
static const double LOOK_SECONDS = 0.01; /* while the kernel is about to forget a device */
static const double FORGET_SECONDS = 10;
/* The kernel's own patience: drivers/usb/core gives each of the first questions 5 s. */
static const double ATTACH_SECONDS = 30;

enum device_state {
    DEVICE_IMPORTING,
    DEVICE_ATTACHING, /* the kernel has it, and asks its questions */
    DEVICE_READY,
    DEVICE_FAILED,  /* left alone until it is plugged in again, or tried again at the next poll */
    DEVICE_LEAVING, /* the connection has ended, and the kernel is about to notice */
};

struct device {
    struct kernel *kernel;
    char busid[VP_USBIP_BUSID_SIZE]; /**< the server's */
    uint32_t remote_number;          /**< devnum of the server */
    unsigned long imported_at;       /**< how many lists had been asked for then */
    enum device_state state;
    bool has_port, complained;
    unsigned port;
    struct relay *relay;
    struct present_wait *wait;
    struct presence presence;
    ev_tstamp left_at;
    struct device *next;
};

/* Who waits for all devices to be ready or to have failed: a tool, or somebody who wants to know.
 */
struct waiting {
    struct vp_host_command command;
    void (*settled)(void *context); /**< NULL for a tool */
    void *context;
    unsigned long list; /**< the device list that must have been answered */
    struct waiting *next;
};

struct kernel {
    struct vp_host base; /**< the first member */
    const char *folder;
    struct device *devices;
    struct waiting *waiting;
    struct process *processes;
    ev_timer poll, look;
    struct link_list *list;       /**< the question that is being asked */
    bool ask_again;               /**< somebody wanted a rescan meanwhile */
    bool ports_full, list_failed; /**< somebody was told */
    unsigned long lists_asked, lists_answered;
};

static void rescan(struct kernel *kernel);

/* ---- Waiting for the devices --------------------------------------------------------------- */

static bool is_settled(const struct kernel *kernel)
{
    for (const struct device *device = kernel->devices; device; device = device->next) {
        if (device->state != DEVICE_READY && device->state != DEVICE_FAILED) {
            return false;
        }
    }
    return true;
}

static void free_waiting(struct waiting *waiting)
{
    if (!waiting->settled) {
        command_clear(&waiting->command);
    }
    free(waiting);
}

static void serve_waiting(struct kernel *kernel)
{
    struct waiting *first;
    while ((first = kernel->waiting) && kernel->lists_answered >= first->list &&
           is_settled(kernel)) {
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

/* The answer to a question that is under way may be older than what we know. */
static unsigned long next_list(const struct kernel *kernel)
{
    return kernel->lists_asked + (kernel->ask_again ? 1 : 0);
}

static void wait_in_line(struct kernel *kernel, struct waiting *waiting)
{
    LL_APPEND(kernel->waiting, waiting);
    rescan(kernel);
    waiting->list = next_list(kernel);
}

/* ---- A device on its way ------------------------------------------------------------------- */

static void free_device(struct device *device)
{
    LL_DELETE(device->kernel->devices, device);
    relay_close(device->relay);
    present_cancel(device->wait);
    free(device);
}

/* Only when the kernel and udev have forgotten it may it come back, or a tool start. */
static void leave(struct device *device)
{
    struct kernel *kernel = device->kernel;
    relay_close(device->relay);
    present_cancel(device->wait);
    device->relay = NULL;
    device->wait = NULL;
    device->state = DEVICE_LEAVING;
    device->left_at = ev_now(kernel->base.loop);
    if (!ev_is_active(&kernel->look)) {
        ev_timer_set(&kernel->look, 0, LOOK_SECONDS);
        ev_timer_start(kernel->base.loop, &kernel->look);
    }
    for (struct waiting *waiting = kernel->waiting; waiting; waiting = waiting->next) {
        waiting->list = next_list(kernel) + 1;
    }
}

static bool is_forgotten(const struct device *device, const struct vhci_ports *ports)
{
    const struct vhci_port *port = device->has_port ? vhci_find(ports, device->port) : NULL;
    return (!port || port->state == VHCI_PORT_FREE) && present_is_gone(&device->presence);
}

static void on_look(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)events;
    struct kernel *kernel = timer->data;
    struct vhci_ports ports;
    bool more = false;
    bool forgotten = false;
    if (vhci_read(kernel->folder, &ports)) {
        ports.count = 0; /* the module has gone, and all its devices with it */
    }
    for (struct device *device = kernel->devices, *next; device; device = next) {
        next = device->next;
        if (device->state != DEVICE_LEAVING) {
            continue;
        }
        const bool late = ev_now(loop) - device->left_at > FORGET_SECONDS;
        if (late || is_forgotten(device, &ports)) {
            if (late) {
                host_log(&kernel->base, "the kernel still shows %s, %.0f s after it has left",
                         device->busid, FORGET_SECONDS);
            }
            free_device(device);
            forgotten = true;
        } else {
            more = true;
        }
    }
    if (!more) {
        ev_timer_stop(loop, timer);
    }
    if (forgotten) {
        rescan(kernel);
        serve_waiting(kernel);
    }
}

static void on_present(void *context, const struct presence *presence)
{
    struct device *device = context;
    device->wait = NULL;
    device->state = presence ? DEVICE_READY : DEVICE_FAILED;
    if (presence) {
        device->presence = *presence;
    } else {
        host_log(&device->kernel->base,
                 "the kernel has not set device %s up within %.0f s; 'dmesg' may say why",
                 device->busid, ATTACH_SECONDS);
    }
    serve_waiting(device->kernel);
}

static void fail_device(struct device *device, const char *reason)
{
    device->state = DEVICE_FAILED;
    if (!device->complained) {
        device->complained = true;
        host_log(&device->kernel->base, "device %s cannot be attached: %s", device->busid, reason);
    }
}

/* Somebody else may take the port between our look at it and our use of it.
 * @return NULL, or why it failed */
static const char *take_port(struct device *device, int socket, uint32_t devid, uint32_t speed)
{
    const char *folder = device->kernel->folder;
    struct vhci_ports ports;
    for (unsigned attempt = 0; attempt < VHCI_PORTS_MAX; attempt++) {
        const struct vhci_port *port =
            vhci_read(folder, &ports) ? NULL : vhci_choose(&ports, device->busid);
        if (!port) {
            return "all ports of vhci_hcd are in use";
        }
        const int error = vhci_attach(folder, port->number, socket, devid, speed);
        if (!error) {
            device->port = port->number;
            device->has_port = true;
            return NULL;
        }
        if (error != VP_ERROR_BUSY) {
            return strerror(errno);
        }
    }
    return "its port is taken by somebody else each time";
}

static void on_imported(void *context, const struct vp_usbip_device *shown, int socket)
{
    struct device *device = context;
    struct kernel *kernel = device->kernel;
    device->remote_number = shown->devnum;
    device->imported_at = kernel->lists_asked;
    const char *reason =
        take_port(device, socket, shown->busnum << 16 | shown->devnum, shown->speed);
    if (!reason) {
        device->state = DEVICE_ATTACHING;
        device->wait = present_wait(kernel->base.loop, kernel->folder, device->port, ATTACH_SECONDS,
                                    on_present, device);
        reason = device->wait ? NULL : strerror(errno);
    }
    if (reason) {
        relay_close(device->relay);
        device->relay = NULL;
        fail_device(device, reason);
        serve_waiting(kernel);
    }
}

static void on_closed(void *context, bool by_kernel, const char *reason)
{
    struct device *device = context;
    struct kernel *kernel = device->kernel;
    device->relay = NULL;
    if (device->state == DEVICE_IMPORTING) {
        fail_device(device, reason); /* tried again at the next poll */
    } else if (by_kernel) {
        /* Somebody detached it, and does not want it back. */
        present_cancel(device->wait);
        device->wait = NULL;
        device->state = DEVICE_FAILED;
        host_log(&kernel->base, "device %s: %s", device->busid, reason);
    } else {
        leave(device);
        rescan(kernel);
    }
    serve_waiting(kernel);
}

static const struct relay_events relay_events = {on_imported, on_closed};

static void import(struct device *device)
{
    struct kernel *kernel = device->kernel;
    device->state = DEVICE_IMPORTING;
    device->relay =
        relay_open(kernel->base.loop, &kernel->base.server, device->busid, &relay_events, device);
    if (!device->relay) {
        fail_device(device, strerror(errno));
    }
}

/* ---- The list ---------------------------------------------------------------------------- */

static void add_device(struct kernel *kernel, const struct vp_usbip_device *shown)
{
    struct vhci_ports ports;
    if (vhci_read(kernel->folder, &ports) || !vhci_choose(&ports, shown->busid)) {
        if (!kernel->ports_full) {
            kernel->ports_full = true;
            host_log(&kernel->base,
                     "device %s cannot be attached: all %zu ports of vhci_hcd are in use; 'usbip "
                     "port' shows by what",
                     shown->busid, ports.count);
        }
        return;
    }
    struct device *device = calloc(1, sizeof *device);
    if (device) {
        device->kernel = kernel;
        snprintf(device->busid, sizeof device->busid, "%s", shown->busid);
        device->remote_number = shown->devnum;
        LL_APPEND(kernel->devices, device);
        import(device);
    }
}

static const struct vp_usbip_device *find_shown(const struct vp_usbip_device *shown, size_t count,
                                                const char *busid)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(shown[i].busid, busid) == 0) {
            return &shown[i];
        }
    }
    return NULL;
}

static struct device *find_device(struct kernel *kernel, const char *busid)
{
    struct device *device = kernel->devices;
    while (device && strcmp(device->busid, busid) != 0) {
        device = device->next;
    }
    return device;
}

/* The list may be read before the end of the connection is: a tool must not start in between. */
static bool has_left(const struct device *device, const struct vp_usbip_device *now)
{
    return (device->state == DEVICE_READY || device->state == DEVICE_ATTACHING) &&
           device->kernel->lists_answered > device->imported_at &&
           (!now || now->devnum != device->remote_number);
}

/* Bring our devices in line with what the server shows. */
static void compare(struct kernel *kernel, const struct vp_usbip_device *shown, size_t count)
{
    for (struct device *device = kernel->devices, *next; device; device = next) {
        next = device->next;
        const struct vp_usbip_device *now = find_shown(shown, count, device->busid);
        if (has_left(device, now)) {
            leave(device);
        }
        if (device->state != DEVICE_FAILED) {
            continue;
        }
        if (!now || (device->has_port && now->devnum != device->remote_number)) {
            leave(device);
        } else if (!device->has_port) {
            import(device);
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (!find_device(kernel, shown[i].busid)) {
            add_device(kernel, &shown[i]);
        }
    }
}

static void tell_list_failed(struct kernel *kernel, const char *reason)
{
    if (!kernel->list_failed) {
        host_log(&kernel->base, "the emulator does not show its devices: %s", reason);
    }
    kernel->list_failed = true;
}

static void on_list(void *context, const struct vp_usbip_device *shown, size_t count,
                    const char *reason)
{
    struct kernel *kernel = context;
    kernel->list = NULL;
    kernel->lists_answered = kernel->lists_asked;
    if (reason) {
        tell_list_failed(kernel, reason);
    } else {
        kernel->list_failed = false;
        compare(kernel, shown, count);
    }
    if (kernel->ask_again) {
        kernel->ask_again = false;
        rescan(kernel);
    }
    serve_waiting(kernel);
}

static void rescan(struct kernel *kernel)
{
    if (kernel->list) {
        kernel->ask_again = true;
        return;
    }
    kernel->lists_asked++;
    kernel->list = link_list_ask(kernel->base.loop, &kernel->base.server, on_list, kernel);
    if (!kernel->list) {
        tell_list_failed(kernel, strerror(errno));
        kernel->lists_answered = kernel->lists_asked; /* the next poll tells who waits */
    }
}

static void on_poll(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    struct kernel *kernel = timer->data;
    if (!kernel->list) {
        rescan(kernel);
    }
    serve_waiting(kernel);
}

/* ---- The engine ------------------------------------------------------------------------------ */

static void engine_rescan(struct vp_host *host)
{
    rescan((struct kernel *)host);
}

/* Free ones, and those that are ours. */
static unsigned capacity(const struct vp_host *host)
{
    const struct kernel *kernel = (const struct kernel *)host;
    struct vhci_ports ports;
    unsigned count = 0;
    if (vhci_read(kernel->folder, &ports)) {
        return 0;
    }
    for (size_t i = 0; i < ports.count; i++) {
        count += ports.ports[i].state == VHCI_PORT_FREE;
    }
    for (const struct device *device = kernel->devices; device; device = device->next) {
        count += device->has_port;
    }
    return count;
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

static bool are_all_forgotten(const struct kernel *kernel)
{
    struct vhci_ports ports;
    if (vhci_read(kernel->folder, &ports)) {
        ports.count = 0;
    }
    for (const struct device *device = kernel->devices; device; device = device->next) {
        if (!is_forgotten(device, &ports)) {
            return false;
        }
    }
    return true;
}

/* Whoever comes next must not find what was ours. */
static void wait_until_forgotten(const struct kernel *kernel)
{
    const struct timespec pause = {.tv_nsec = (long)(LOOK_SECONDS * 1e9)};
    for (double waited = 0; !are_all_forgotten(kernel) && waited < FORGET_SECONDS;
         waited += LOOK_SECONDS) {
        nanosleep(&pause, NULL);
    }
}

static void destroy(struct vp_host *host)
{
    struct kernel *kernel = (struct kernel *)host;
    for (struct waiting *waiting = kernel->waiting, *next; waiting; waiting = next) {
        next = waiting->next;
        free_waiting(waiting);
    }
    process_kill_all(&kernel->processes);
    ev_timer_stop(kernel->base.loop, &kernel->poll);
    ev_timer_stop(kernel->base.loop, &kernel->look);
    link_list_cancel(kernel->list);
    for (struct device *device = kernel->devices; device; device = device->next) {
        relay_close(device->relay);
        present_cancel(device->wait);
        device->relay = NULL;
        device->wait = NULL;
    }
    wait_until_forgotten(kernel);
    for (struct device *device = kernel->devices, *next; device; device = next) {
        next = device->next;
        free_device(device);
    }
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
    ev_init(&kernel->look, on_look);
    kernel->look.data = kernel;
    ev_timer_init(&kernel->poll, on_poll, POLL_SECONDS, POLL_SECONDS);
    kernel->poll.data = kernel;
    ev_timer_start(common->loop, &kernel->poll);
    rescan(kernel);
    *host = &kernel->base;
    return 0;
}
