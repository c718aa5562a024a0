#include "host/kernel/present.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libusb.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "host/kernel/vhci.h"

#define DEVICES "/sys/bus/usb/devices"
#define RECORDS "/run/udev/data"

enum {
    PAUSE_MS = 10,
    /* A driver that is not there makes no node: then the device is all there will be. */
    NODE_MS = 5000,
    LARGEST_PATH = 7, /* libusb_get_port_numbers() */
};

struct present_wait {
    struct ev_loop *loop;
    ev_io io;
    ev_timer limit;
    pid_t process;
    void (*done)(void *context, const struct presence *presence);
    void *context;
};

/* ---- The process that waits ---------------------------------------------------------------- */

static void pause_for(unsigned milliseconds)
{
    nanosleep(&(struct timespec){.tv_nsec = milliseconds * 1000000L}, NULL);
}

static bool find_busid(const char *folder, unsigned number, char busid[VHCI_BUSID_SIZE])
{
    struct vhci_ports ports;
    if (vhci_read(folder, &ports)) {
        return false;
    }
    const struct vhci_port *port = vhci_find(&ports, number);
    if (!port || port->state != VHCI_PORT_USED || strcmp(port->busid, "0-0") == 0) {
        return false;
    }
    memcpy(busid, port->busid, VHCI_BUSID_SIZE);
    return true;
}

/* "1-1", "1-1.2": as the kernel names a device after its way to it. */
static bool is_busid(libusb_device *device, const char *busid)
{
    uint8_t ports[LARGEST_PATH];
    char text[64];
    const int count = libusb_get_port_numbers(device, ports, LARGEST_PATH);
    int length = snprintf(text, sizeof text, "%u", libusb_get_bus_number(device));
    for (int i = 0; i < count; i++) {
        length +=
            snprintf(text + length, sizeof text - (size_t)length, "%c%u", i ? '.' : '-', ports[i]);
    }
    return strcmp(text, busid) == 0;
}

static unsigned count_serial_ports(const struct libusb_config_descriptor *configuration)
{
    enum { ABSTRACT_CONTROL_MODEL = 2 }; /* PSTN120 table 4 */
    unsigned count = 0;
    for (unsigned i = 0; i < configuration->bNumInterfaces; i++) {
        const struct libusb_interface *interface = &configuration->interface[i];
        if (interface->num_altsetting > 0 &&
            interface->altsetting[0].bInterfaceClass == LIBUSB_CLASS_COMM &&
            interface->altsetting[0].bInterfaceSubClass == ABSTRACT_CONTROL_MODEL) {
            count++;
        }
    }
    return count;
}

/* With a context of its own, which reads sysfs anew: without a running udev libusb learns of
 * nothing later. @return serial ports that the device should have, or -1: it is not there */
static int look_by_libusb(const char *busid)
{
    libusb_context *context;
    libusb_device **devices = NULL;
    int found = -1;
    if (libusb_init(&context)) {
        return -1;
    }
    const ssize_t count = libusb_get_device_list(context, &devices);
    for (ssize_t i = 0; i < count && found < 0; i++) {
        struct libusb_config_descriptor *configuration;
        if (is_busid(devices[i], busid) &&
            libusb_get_active_config_descriptor(devices[i], &configuration) == 0) {
            found = (int)count_serial_ports(configuration);
            libusb_free_config_descriptor(configuration);
        }
    }
    if (count >= 0) {
        libusb_free_device_list(devices, 1);
    }
    libusb_exit(context);
    return found;
}

/* From a `dev` file, such as "166:0", to the name of udev's record of it. */
static bool add_record(struct presence *presence, const char *path)
{
    const unsigned most = sizeof presence->records / sizeof presence->records[0];
    unsigned next = 0;
    unsigned major;
    unsigned minor;
    while (next < most && *presence->records[next]) {
        next++;
    }
    FILE *file = fopen(path, "re");
    if (!file) {
        return false;
    }
    const bool read = next < most && fscanf(file, "%u:%u", &major, &minor) == 2;
    fclose(file);
    if (read) {
        snprintf(presence->records[next], sizeof presence->records[next], "c%u:%u", major, minor);
    }
    return read;
}

/* DEVICES/1-1/1-1:1.0/tty/ttyACM0/dev */
static unsigned add_ports_of(struct presence *presence, const char *interface)
{
    char path[PATH_MAX];
    unsigned found = 0;
    snprintf(path, sizeof path, "%s/%s/tty", DEVICES, interface);
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        snprintf(path, sizeof path, "%s/%s/tty/%s/dev", DEVICES, interface, entry->d_name);
        found += entry->d_name[0] != '.' && add_record(presence, path);
    }
    if (folder) {
        closedir(folder);
    }
    return found;
}

static unsigned add_serial_ports(struct presence *presence)
{
    unsigned found = 0;
    const size_t length = strlen(presence->busid);
    DIR *folder = opendir(DEVICES);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        if (strncmp(entry->d_name, presence->busid, length) == 0 && entry->d_name[length] == ':') {
            found += add_ports_of(presence, entry->d_name);
        }
    }
    if (folder) {
        closedir(folder);
    }
    return found;
}

static bool has_record(const char *name)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", RECORDS, name);
    return access(path, F_OK) == 0;
}

static bool is_known_to_udev(const struct presence *presence)
{
    const unsigned most = sizeof presence->records / sizeof presence->records[0];
    if (access("/run/udev/control", F_OK)) {
        return true; /* udevd does not run, so there is nobody to wait for */
    }
    for (unsigned i = 0; i < most && *presence->records[i]; i++) {
        if (!has_record(presence->records[i])) {
            return false;
        }
    }
    return true;
}

/* Fills `presence` as far as there is something. */
static bool is_complete(struct presence *presence, int *serial_ports, bool patient)
{
    char path[PATH_MAX];
    if (*serial_ports < 0) {
        *serial_ports = look_by_libusb(presence->busid);
    }
    if (*serial_ports < 0) {
        return false;
    }
    memset(presence->records, 0, sizeof presence->records);
    snprintf(path, sizeof path, "%s/%s/dev", DEVICES, presence->busid);
    if (!add_record(presence, path)) {
        return false;
    }
    const bool all = add_serial_ports(presence) >= (unsigned)*serial_ports;
    return (all && is_known_to_udev(presence)) || !patient;
}

_Noreturn static void wait_here(const char *folder, unsigned port, int to)
{
    struct presence presence = {.busid = ""};
    while (!find_busid(folder, port, presence.busid)) {
        pause_for(PAUSE_MS);
    }
    int serial_ports = -1;
    for (unsigned waited = 0; !is_complete(&presence, &serial_ports, waited < NODE_MS);
         waited += serial_ports < 0 ? 0 : PAUSE_MS) {
        pause_for(PAUSE_MS);
    }
    const ssize_t sent = write(to, &presence, sizeof presence);
    _exit(sent == (ssize_t)sizeof presence ? 0 : 1);
}

/* ---- The one that asked -------------------------------------------------------------------- */

void present_cancel(struct present_wait *wait)
{
    if (wait) {
        /* Whoever collects all children may have collected this one. */
        if (waitpid(wait->process, NULL, WNOHANG) == 0) {
            kill(wait->process, SIGKILL);
            waitpid(wait->process, NULL, 0);
        }
        ev_timer_stop(wait->loop, &wait->limit);
        ev_io_stop(wait->loop, &wait->io);
        close(wait->io.fd);
        free(wait);
    }
}

static void finish(struct present_wait *wait, const struct presence *presence)
{
    void (*done)(void *context, const struct presence *) = wait->done;
    void *context = wait->context;
    present_cancel(wait);
    done(context, presence);
}

/* A record of that size comes through a pipe as a whole. */
static void on_answer(struct ev_loop *loop, ev_io *io, int events)
{
    (void)loop;
    (void)events;
    struct presence presence;
    const ssize_t got = read(io->fd, &presence, sizeof presence);
    if (got >= 0 || (errno != EINTR && errno != EAGAIN)) {
        finish(io->data, got == (ssize_t)sizeof presence ? &presence : NULL);
    }
}

static void on_limit(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    finish(timer->data, NULL);
}

static pid_t start_process(const char *folder, unsigned port, int ends[2])
{
    const pid_t parent = getpid();
    const pid_t process = fork();
    if (process == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) {
            _exit(1);
        }
        close(ends[0]);
        wait_here(folder, port, ends[1]);
    }
    return process;
}

struct present_wait *present_wait(struct ev_loop *loop, const char *folder, unsigned port,
                                  double seconds,
                                  void (*done)(void *context, const struct presence *presence),
                                  void *context)
{
    int ends[2];
    struct present_wait *wait = calloc(1, sizeof *wait);
    if (!wait || pipe2(ends, O_CLOEXEC)) {
        free(wait);
        return NULL;
    }
    wait->process = start_process(folder, port, ends);
    close(ends[1]);
    if (wait->process < 0) {
        close(ends[0]);
        free(wait);
        return NULL;
    }
    wait->loop = loop;
    wait->done = done;
    wait->context = context;
    ev_io_init(&wait->io, on_answer, ends[0], EV_READ);
    wait->io.data = wait;
    ev_io_start(loop, &wait->io);
    ev_timer_init(&wait->limit, on_limit, seconds, 0);
    wait->limit.data = wait;
    ev_timer_start(loop, &wait->limit);
    return wait;
}

bool present_is_gone(const struct presence *presence)
{
    char path[PATH_MAX];
    const unsigned most = sizeof presence->records / sizeof presence->records[0];
    if (!*presence->busid) {
        return true;
    }
    snprintf(path, sizeof path, "%s/%s", DEVICES, presence->busid);
    if (access(path, F_OK) == 0) {
        return false;
    }
    for (unsigned i = 0; i < most && *presence->records[i]; i++) {
        if (access("/run/udev/control", F_OK) == 0 && has_record(presence->records[i])) {
            return false;
        }
    }
    return true;
}
