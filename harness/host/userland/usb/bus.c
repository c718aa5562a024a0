/*
 * The bus: which devices the server shows, and which of them tools see.
 *
 * A device that leaves ends its connection.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/userland/core/userland.h"
#include "host/userland/serial/acm.h"
#include "host/userland/supervisor/session.h"
#include "host/userland/udev/monitor.h"
#include "host/userland/usb/bus.h"
#include "host/userland/usb/enumerate.h"
#include "host/userland/usb/roothub.h"
#include "host/userland/usbfs/usbfs.h"

enum { NUMBER_MAX = 127 };

/* ---- Transfers --------------------------------------------------------------------------- */

static void roothub_submit(struct host_device *hub, struct link_transfer *transfer)
{
    int result = -EPIPE; /* it has only endpoint 0 to offer */
    if (transfer->endpoint == 0) {
        result = roothub_control(hub, transfer->setup, transfer->data, transfer->length);
    }
    transfer->status = result < 0 ? result : 0;
    transfer->actual = result < 0 ? 0 : (uint32_t)result;
    transfer->complete(transfer);
}

void device_submit(struct host_device *device, struct link_transfer *transfer)
{
    if (device->link) {
        link_submit(device->link, transfer);
    } else {
        roothub_submit(device, transfer);
    }
}

void device_unlink(struct host_device *device, struct link_transfer *transfer)
{
    if (device->link) {
        link_unlink(device->link, transfer);
    }
}

/* ---- Devices ----------------------------------------------------------------------------- */

struct host_device *bus_device(struct userland *host, unsigned bus, unsigned number)
{
    for (struct host_device *device = host->devices; device; device = device->next) {
        if (bus == USB_BUS_NUMBER && device->state == DEVICE_READY &&
            device->usb.number == number) {
            return device;
        }
    }
    return NULL;
}

static struct host_device *find_busid(struct userland *host, const char *busid)
{
    struct host_device *device = host->devices;
    while (device && strcmp(device->busid, busid) != 0) {
        device = device->next;
    }
    return device;
}

static bool is_port_free(const struct userland *host, unsigned port)
{
    for (const struct host_device *device = host->devices; device; device = device->next) {
        if (device->usb.port == port) {
            return false;
        }
    }
    return port >= 1 && port <= ROOT_HUB_PORTS;
}

/* The server's 1-2 becomes our 1-2 where that is possible; 0 if all ports are taken. */
static unsigned choose_port(const struct userland *host, const char *busid)
{
    unsigned bus;
    unsigned port;
    if (sscanf(busid, "%3u-%3u", &bus, &port) == 2 && is_port_free(host, port)) {
        return port;
    }
    for (port = 1; port <= ROOT_HUB_PORTS; port++) {
        if (is_port_free(host, port)) {
            return port;
        }
    }
    return 0;
}

static bool is_number_free(const struct userland *host, unsigned number)
{
    for (const struct host_device *device = host->devices; device; device = device->next) {
        if (device->usb.number == number) {
            return false;
        }
    }
    return true;
}

/* As in the kernel, numbers are used again only after all others were. */
static unsigned choose_number(struct userland *host)
{
    do {
        host->last_number = host->last_number >= NUMBER_MAX ? 2 : host->last_number + 1;
    } while (!is_number_free(host, host->last_number));
    return host->last_number;
}

static void device_free(struct host_device *device)
{
    struct host_device **link = &device->host->devices;
    while (*link != device) {
        link = &(*link)->next;
    }
    *link = device->next;
    enumeration_free(device->enumeration);
    usb_device_clear(&device->usb);
    free(device);
}

/* ---- Announcing: in the kernel's order ----------------------------------------------------- */

/* As it is before its driver is bound, or after it was unbound. */
static struct usb_device without_drivers(const struct usb_device *device)
{
    struct usb_device bare = *device;
    bare.is_unbound = true;
    memset(bare.driver, 0, sizeof bare.driver);
    return bare;
}

/* Kernel: usb_set_configuration() adds one interface after the other, and each gets its driver
 * before the next one comes. */
void bus_announce_rest(struct host_device *device)
{
    const struct usb_device bare = without_drivers(&device->usb);
    if (device->announced > USB_INTERFACES_MAX) {
        return;
    }
    while (device->announced < USB_INTERFACES_MAX) {
        const unsigned interface = device->announced++;
        const struct usb_alternate *alternate = usb_device_current(&device->usb, interface);
        const bool is_probing = acm_is_probing(device, (int)interface);
        if (alternate) {
            monitor_announce_one(device->host, "add",
                                 uevent_interface(is_probing ? &bare : &device->usb, alternate));
        }
        if (is_probing) {
            return; /* until bus_announce_rest() is called again */
        }
        if (alternate && device->usb.driver[interface]) {
            monitor_announce_one(device->host, "bind", uevent_interface(&device->usb, alternate));
        }
    }
    device->announced++;
    monitor_announce_one(device->host, "bind", uevent_device(&device->usb));
}

static void announce_departure(const struct host_device *device)
{
    const struct usb_device bare = without_drivers(&device->usb);
    for (unsigned i = 0; i < USB_INTERFACES_MAX && i < device->announced; i++) {
        const struct usb_alternate *alternate = usb_device_current(&device->usb, i);
        if (alternate) {
            monitor_announce_one(device->host, "remove", uevent_interface(&bare, alternate));
        }
    }
    if (device->announced > USB_INTERFACES_MAX) {
        monitor_announce_one(device->host, "unbind", uevent_device(&bare));
    }
    monitor_announce_one(device->host, "remove", uevent_device(&bare));
}

/* Tools lose the device: what they have open first, then its files, then they are told. */
static void hide(struct host_device *device)
{
    if (device->state == DEVICE_READY) {
        device->state = DEVICE_FAILED;
        acm_unbind_all(device);
        usbfs_unplug(device);
        tree_remove(&device->host->tree, &device->usb);
        announce_departure(device);
    }
}

static void show(struct host_device *device)
{
    if (tree_add(&device->host->tree, &device->usb)) {
        tree_remove(&device->host->tree, &device->usb);
        device->state = DEVICE_FAILED;
        return;
    }
    device->state = DEVICE_READY;
    const struct usb_device bare = without_drivers(&device->usb);
    monitor_announce_one(device->host, "add", uevent_device(&bare));
    acm_bind_all(device);
    device->announced = 0;
    bus_announce_rest(device);
}

static void on_enumerated(struct host_device *device, bool success)
{
    struct userland *host = device->host;
    if (success) {
        show(device);
    } else {
        /* As the kernel does: left alone until it is plugged in again. */
        device->state = DEVICE_FAILED;
        host_log(&host->base,
                 "device %s does not answer its host's first questions, so no tool sees it",
                 device->busid);
    }
    spawn_waiting(host);
}

static void on_opened(void *context, const struct vp_usbip_device *shown)
{
    struct host_device *device = context;
    listed_import(&device->listed, shown->devnum, device->host->lists.asked);
    device->usb.speed = shown->speed >= USB_SPEED_LOW && shown->speed <= USB_SPEED_HIGH
                            ? (enum usb_speed)shown->speed
                            : USB_SPEED_FULL;
    device->usb.number = choose_number(device->host);
    device->state = DEVICE_ENUMERATING;
    if (enumeration_start(device, on_enumerated)) {
        device->state = DEVICE_FAILED;
    }
}

static void on_closed(void *context, const char *reason)
{
    struct host_device *device = context;
    struct userland *host = device->host;
    device->link = NULL;
    if (device->state == DEVICE_OPENING) {
        device->state = DEVICE_FAILED; /* tried again at the next poll */
        if (!device->complained) {
            host_log(&host->base, "device %s cannot be attached: %s", device->busid, reason);
            device->complained = true;
        }
    } else {
        hide(device);
        device_free(device);
        lists_ask(&host->lists);
        spawn_postpone(host);
    }
    spawn_waiting(host);
}

static const struct link_events events = {on_opened, on_closed};

static void drop(struct host_device *device)
{
    struct link *link = device->link;
    if (link) {
        /* Its transfers complete inside the call. */
        link_close(link);
        device->link = NULL;
    }
    hide(device);
    device_free(device);
}

void bus_reconnect(struct host_device *device)
{
    struct userland *host = device->host;
    drop(device);
    lists_ask(&host->lists);
}

static void import(struct host_device *device)
{
    struct userland *host = device->host;
    device->link = link_open(host->base.loop, &host->base.server, device->busid, &events, device);
    device->state = device->link ? DEVICE_OPENING : DEVICE_FAILED;
}

static void attach(struct userland *host, const struct vp_usbip_device *shown)
{
    unsigned port = choose_port(host, shown->busid);
    if (!port && !host->ports_full) {
        host->ports_full = true;
        host_log(&host->base,
                 "device %s cannot be attached: all %d ports of the root hub are in use",
                 shown->busid, ROOT_HUB_PORTS);
    }
    struct host_device *device = port ? calloc(1, sizeof *device) : NULL;
    if (!device) {
        return;
    }
    device->host = host;
    device->usb.port = port;
    snprintf(device->busid, sizeof device->busid, "%s", shown->busid);
    device->listed.number = shown->devnum;
    device->next = host->devices;
    host->devices = device;
    import(device);
}

/* ---- The list ---------------------------------------------------------------------------- */

/* A device that was imported, and has not failed since. */
static bool is_attached(const struct host_device *device)
{
    return device->link && (device->state == DEVICE_READY || device->state == DEVICE_ENUMERATING);
}

static bool is_to_be_given_up(struct host_device *device, const struct vp_usbip_device *now)
{
    const struct userland *host = device->host;
    if (is_attached(device)) {
        return listed_look(&device->listed, now, host->lists.answered, ev_now(host->base.loop)) &&
               device->state == DEVICE_READY; /* enumeration has a time limit of its own */
    }
    return !device->link && !now && device != host->root_hub;
}

/* Bring our devices in line with what the server shows. */
static void compare(void *context, const struct vp_usbip_device *shown, size_t count)
{
    struct userland *host = context;
    for (struct host_device *device = host->devices, *next; device; device = next) {
        next = device->next;
        if (is_to_be_given_up(device, listed_find(shown, count, device->busid))) {
            drop(device);
        }
    }
    for (size_t i = 0; i < count; i++) {
        struct host_device *device = find_busid(host, shown[i].busid);
        if (device && device->state == DEVICE_FAILED && !device->link) {
            import(device);
        } else if (device && device->state == DEVICE_FAILED &&
                   device->listed.number != shown[i].devnum) {
            drop(device);
            device = NULL;
        }
        if (!device) {
            attach(host, &shown[i]);
        }
    }
}

static void look_who_waits(void *context)
{
    spawn_waiting(context);
}

int bus_start(struct userland *host, struct vp_failure *failure)
{
    struct host_device *hub = calloc(1, sizeof *hub);
    if (!hub) {
        return vp_fail(failure, VP_ERROR_NO_MEMORY, "no memory for the root hub");
    }
    hub->host = host;
    hub->state = DEVICE_FAILED;
    host->devices = host->root_hub = hub;
    host->last_number = 1;
    int error = roothub_describe(&hub->usb);
    if (!error) {
        error = tree_add(&host->tree, &hub->usb);
    }
    if (error) {
        return vp_fail(failure, error, "cannot write the root hub's files in %s: %s",
                       host->tree.root, vp_error_text(error));
    }
    hub->state = DEVICE_READY;
    host->lists = (struct lists){
        .host = &host->base, .compare = compare, .look = look_who_waits, .context = host};
    lists_start(&host->lists);
    return 0;
}

void bus_stop(struct userland *host)
{
    lists_stop(&host->lists);
    for (struct host_device *device = host->devices, *next; device; device = next) {
        next = device->next;
        drop(device);
    }
    host->root_hub = NULL;
}
