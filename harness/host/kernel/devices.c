/*
 * Which devices the server shows, and on which port of vhci_hcd each is.
 *
 * A device that leaves, be it only to come back with another identity, ends its connection; the
 * kernel then needs a moment to forget it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <utlist.h>

#include "host/kernel/kernel.h"
#include "host/kernel/relay.h"
#include "host/kernel/vhci.h"

static const double LOOK_SECONDS = 0.01; /* while the kernel is about to forget a device */
static const double FORGET_SECONDS = 10;
/* The kernel's own patience: drivers/usb/core gives each of the first questions 5 s. */
static const double ATTACH_SECONDS = 30;

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
        lists_ask(&kernel->lists);
        kernel_postpone(kernel);
        kernel_serve(kernel);
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
    kernel_serve(device->kernel);
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
    listed_import(&device->listed, shown->devnum, kernel->lists.asked);
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
        kernel_serve(kernel);
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
        lists_ask(&kernel->lists);
    }
    kernel_serve(kernel);
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
        device->listed.number = shown->devnum;
        LL_APPEND(kernel->devices, device);
        import(device);
    }
}

static struct device *find_device(struct kernel *kernel, const char *busid)
{
    struct device *device = kernel->devices;
    while (device && strcmp(device->busid, busid) != 0) {
        device = device->next;
    }
    return device;
}

static bool is_attached(const struct device *device)
{
    return device->state == DEVICE_READY || device->state == DEVICE_ATTACHING;
}

/* Bring our devices in line with what the server shows. */
static void compare(void *context, const struct vp_usbip_device *shown, size_t count)
{
    struct kernel *kernel = context;
    for (struct device *device = kernel->devices, *next; device; device = next) {
        next = device->next;
        const struct vp_usbip_device *now = listed_find(shown, count, device->busid);
        if (is_attached(device) &&
            listed_look(&device->listed, now, kernel->lists.answered, ev_now(kernel->base.loop))) {
            leave(device);
        }
        if (device->state != DEVICE_FAILED) {
            continue;
        }
        if (!now || (device->has_port && now->devnum != device->listed.number)) {
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

/* ---- All of them ---------------------------------------------------------------------------- */

bool devices_are_settled(const struct kernel *kernel)
{
    for (const struct device *device = kernel->devices; device; device = device->next) {
        const bool ready = device->state == DEVICE_READY && !device->listed.leaves;
        if (!ready && device->state != DEVICE_FAILED) {
            return false;
        }
    }
    return true;
}

unsigned devices_capacity(const struct kernel *kernel)
{
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

static void look_who_waits(void *context)
{
    kernel_serve(context);
}

void devices_start(struct kernel *kernel)
{
    ev_init(&kernel->look, on_look);
    kernel->look.data = kernel;
    kernel->lists = (struct lists){
        .host = &kernel->base, .compare = compare, .look = look_who_waits, .context = kernel};
    lists_start(&kernel->lists);
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

void devices_end(struct kernel *kernel)
{
    lists_stop(&kernel->lists);
    ev_timer_stop(kernel->base.loop, &kernel->look);
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
}
