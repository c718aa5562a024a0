#include "host/userland/serial/acm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "host/userland/serial/acm_private.h"
#include "host/userland/supervisor/session.h"
#include "host/userland/udev/monitor.h"

static const char driver_name[] = "cdc_acm";

struct uevent_subject acm_subject(const struct acm *acm)
{
    const struct usb_device *usb = &acm->device->usb;
    return uevent_tty(usb, usb_device_current(usb, acm->function.control), acm->minor);
}

/* ---- Ports that have gone while tools had them open -------------------------------------- */

static void port_free(struct acm *acm)
{
    struct acm **link = &acm->host->ports;
    while (*link != acm) {
        link = &(*link)->next;
    }
    *link = acm->next;
    if (acm->watch >= 0) {
        inotify_rm_watch(acm->host->port_watches.fd, acm->watch);
    }
    pty_close(&acm->pty);
    free(acm);
}

/* Kernel: acm_port_destruct(), which frees the number for the next device. The node of a pty is
 * removed with its master, and the inode with the slave's last descriptor. */
static void read_watches(struct userland *host)
{
    _Alignas(struct inotify_event) char events[4096];
    ssize_t size;
    while ((size = read(host->port_watches.fd, events, sizeof events)) > 0) {
        for (ssize_t at = 0; at < size;) {
            const struct inotify_event *event = (const void *)(events + at);
            at += (ssize_t)sizeof *event + event->len;
            struct acm *acm = event->mask & IN_IGNORED ? host->ports : NULL;
            while (acm && acm->watch != event->wd) {
                acm = acm->next;
            }
            if (acm) {
                acm->watch = -1;
                port_free(acm);
            }
        }
    }
}

static void on_watch(struct ev_loop *loop, ev_io *io, int events)
{
    (void)loop;
    (void)events;
    read_watches(io->data);
}

static bool start_watches(struct userland *host)
{
    if (host->port_watches.data) {
        return true;
    }
    int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    ev_io_init(&host->port_watches, on_watch, fd, EV_READ);
    host->port_watches.data = host;
    ev_io_start(host->base.loop, &host->port_watches);
    return true;
}

/* Watch the slave by a descriptor of our own, for a moment. Where that is impossible, the number is
 * free at once. */
static void watch_last_close(struct acm *acm)
{
    char path[64];
    int slave = acm->pty.master >= 0 ? pty_open_slave(&acm->pty, O_RDWR) : -1;
    if (slave >= 0 && start_watches(acm->host)) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", slave);
        acm->watch = inotify_add_watch(acm->host->port_watches.fd, path, IN_DELETE_SELF);
    }
    pty_close(&acm->pty);
    if (slave >= 0) {
        close(slave);
    }
}

/* ---- Binding: acm_probe() and acm_disconnect() ------------------------------------------- */

static int choose_minor(struct userland *host)
{
    for (unsigned minor = 0; minor < ACM_MINORS; minor++) {
        const struct acm *acm = host->ports;
        while (acm && acm->minor != minor) {
            acm = acm->next;
        }
        if (!acm) {
            return (int)minor;
        }
    }
    return -1;
}

static void set_driver(struct acm *acm, const char *name)
{
    struct usb_device *usb = &acm->device->usb;
    const uint8_t interfaces[] = {acm->function.control, acm->function.data};
    unsigned count = acm->function.control == acm->function.data ? 1 : 2;
    for (unsigned i = 0; i < count; i++) {
        /* Kernel: acm_disconnect() lets go of the data interface first. */
        const unsigned interface = interfaces[name ? i : count - 1 - i];
        const struct usb_alternate *alternate = usb_device_current(usb, interface);
        if (!alternate) {
            continue;
        }
        struct uevent_subject subject = uevent_interface(usb, alternate);
        if (!name) {
            tree_hide_driver(&acm->host->tree, usb, alternate);
        }
        usb->driver[interface] = name;
        if (name) {
            tree_show_driver(&acm->host->tree, usb, alternate);
        }
        if (interface < acm->device->announced) {
            monitor_announce_one(acm->host, name ? "bind" : "unbind", subject);
        }
    }
}

/* Kernel: tty_port_register_device(). The device may have refused the line coding. */
static void probed(struct acm *acm, struct acm_request *request)
{
    struct userland *host = acm->host;
    (void)request;
    if (acm->state != ACM_PROBING || acm->silent) {
        return;
    }
    acm->state = ACM_CLOSED;
    if (tree_add_tty(&host->tree, acm_subject(acm), acm->function.capabilities)) {
        host_log(&host->base, "cannot write the files of /dev/ttyACM%u", acm->minor);
    }
    acm->registered = true;
    monitor_announce_one(host, "add", acm_subject(acm));
    set_driver(acm, driver_name);
    bus_announce_rest(acm->device);
    call_return(&acm->binder, 1);
    acm->binder.session = NULL;
    spawn_waiting(host);
}

static struct acm *port_create(struct host_device *device, const struct cdc_function *function)
{
    struct userland *host = device->host;
    if (host->port_watches.data) {
        read_watches(host);
    }
    int minor = choose_minor(host);
    struct acm *acm = minor < 0 ? NULL : calloc(1, sizeof *acm);
    if (!acm) {
        return NULL;
    }
    acm->host = host;
    acm->device = device;
    acm->state = ACM_PROBING;
    acm->minor = (unsigned)minor;
    acm->function = *function;
    acm->pty.master = -1;
    acm->watch = -1;
    acm->close_delay = 500; /* tty_port_init() */
    acm->closing_wait = 30000;
    acm_requests_init(acm);
    acm_data_init(acm);
    acm->next = host->ports;
    host->ports = acm;
    return acm;
}

bool acm_bind(struct host_device *device, unsigned interface, const struct call *call)
{
    struct usb_device *usb = &device->usb;
    struct cdc_function function;
    if (!cdc_find(usb, interface, &function) || usb->driver[function.control] ||
        usb->driver[function.data] || device->claims[function.control] ||
        device->claims[function.data]) {
        return false;
    }
    struct acm *acm = port_create(device, &function);
    if (!acm) {
        host_log(&device->host->base, "no serial port for device %s: no memory, or too many ports",
                 device->busid);
        return false;
    }
    if (call) {
        acm->binder = *call;
    }
    /* Nobody else may claim them while the device is asked. */
    usb->driver[function.control] = usb->driver[function.data] = driver_name;
    /* Before Linux 4.12 a SET_CONTROL_LINE_STATE 0 went before this. */
    static const uint8_t line[CDC_LINE_CODING_SIZE] = {0x80, 0x25, 0, 0, 0, 0, 8}; /* 9600 8N1 */
    memcpy(acm->line, line, sizeof line);
    acm_request(acm, CDC_SET_LINE_CODING, 0, acm->line,
                &(struct acm_request){.done = probed, .slave = -1});
    return true;
}

void acm_bind_all(struct host_device *device)
{
    for (unsigned i = 0; i < USB_INTERFACES_MAX; i++) {
        if (usb_device_current(&device->usb, i)) {
            acm_bind(device, i, NULL);
        }
    }
}

static void disconnect(struct acm *acm)
{
    struct userland *host = acm->host;
    struct uevent_subject subject = acm_subject(acm);
    if (acm->state == ACM_OPEN && acm->settings.c_cflag & HUPCL) {
        acm_request_last(acm, CDC_SET_CONTROL_LINE_STATE, 0); /* tty_port_shutdown() */
    }
    acm->silent = true;
    acm_stop_transfers(acm);
    acm->state = ACM_GONE;
    watch_last_close(acm);
    acm_requests_fail(acm);
    acm_abandon(acm);
    call_fail(&acm->binder, ENODEV);
    if (acm->registered) {
        tree_remove_tty(&host->tree, subject);
        monitor_announce_one(host, "remove", subject);
        set_driver(acm, NULL);
    } else {
        acm->device->usb.driver[acm->function.control] = NULL;
        acm->device->usb.driver[acm->function.data] = NULL;
    }
    acm->device = NULL;
    if (acm->watch < 0) {
        port_free(acm);
    }
}

void acm_unbind(struct host_device *device, unsigned interface)
{
    for (struct acm *acm = device->host->ports, *next; acm; acm = next) {
        next = acm->next;
        if (acm->device == device &&
            (acm->function.control == interface || acm->function.data == interface)) {
            disconnect(acm);
        }
    }
}

void acm_unbind_all(struct host_device *device)
{
    for (struct acm *acm = device->host->ports, *next; acm; acm = next) {
        next = acm->next;
        if (acm->device == device) {
            disconnect(acm);
        }
    }
}

bool acm_is_probing(const struct host_device *device, int interface)
{
    for (const struct acm *acm = device->host->ports; acm; acm = acm->next) {
        if (acm->device == device && acm->state == ACM_PROBING &&
            (interface < 0 || acm->function.control == interface)) {
            return true;
        }
    }
    return false;
}

/* ---- Finding a port ---------------------------------------------------------------------- */

bool acm_is_node(const char *path, unsigned *minor)
{
    int end = 0;
    return sscanf(path, "/dev/ttyACM%3u%n", minor, &end) == 1 && path[end] == '\0';
}

void acm_open(struct userland *host, const struct call *call, unsigned minor, int flags)
{
    struct acm *acm = host->ports;
    while (acm && (acm->minor != minor || acm->state == ACM_GONE)) {
        acm = acm->next;
    }
    if (acm && acm->registered) {
        acm_port_open(acm, call, flags);
    } else {
        call_fail(call, ENODEV);
    }
}

struct acm *acm_of_fd(const struct userland *host, const struct call *call, int fd)
{
    for (struct acm *acm = host->ports; acm; acm = acm->next) {
        if (acm->pty.master >= 0 && pty_is_slave(&acm->pty, call->thread, fd)) {
            return acm;
        }
    }
    return NULL;
}

bool acm_owns(const struct userland *host, const struct call *call, int fd, unsigned *minor)
{
    for (const struct acm *acm = host->ports; acm; acm = acm->next) {
        if ((acm->state == ACM_GONE ? acm->watch >= 0 : acm->pty.master >= 0) &&
            pty_is_slave(&acm->pty, call->thread, fd)) {
            *minor = acm->minor;
            return true;
        }
    }
    return false;
}

/* ---- Ends -------------------------------------------------------------------------------- */

void acm_look_all(struct userland *host)
{
    for (struct acm *acm = host->ports; acm; acm = acm->next) {
        acm_look(acm);
    }
}

bool acm_is_closing(const struct userland *host)
{
    for (const struct acm *acm = host->ports; acm; acm = acm->next) {
        if (acm->state == ACM_CLOSING) {
            return true;
        }
    }
    return false;
}

static void forget(struct call *call, const struct session *session)
{
    if (call->session == session) {
        call->session = NULL;
    }
}

void acm_forget_session(struct userland *host, const struct session *session)
{
    for (struct acm *acm = host->ports; acm; acm = acm->next) {
        forget(&acm->binder, session);
        for (struct acm_request *request = acm->requests; request; request = request->next) {
            forget(&request->call, session);
        }
        for (struct acm_waiter *waiter = acm->waiters; waiter; waiter = waiter->next) {
            forget(&waiter->call, session);
        }
    }
}

void acm_free_all(struct userland *host)
{
    for (struct acm *acm = host->ports, *next; acm; acm = next) {
        next = acm->next;
        port_free(acm);
    }
    if (host->port_watches.data) {
        ev_io_stop(host->base.loop, &host->port_watches);
        close(host->port_watches.fd);
        host->port_watches.data = NULL;
    }
}
