/*
 * The few functions of libudev that libusb-1.0 calls, on /sys and on the kernel's own uevents.
 *
 * A fully static program on libusb-1.0 cannot be linked with what Debian has alone: its
 * libusb-1.0.a was built to use libudev, and libudev exists as a shared library only. This file
 * takes libudev's place in such a program. It is also a second, independent reader of what the host
 * shows: it listens to netlink group 1 (kernel form), where libudev listens to group 2.
 */
#include <dirent.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libudev.h>

struct udev {
    int references;
};

struct udev_list_entry {
    struct udev_list_entry *next;
    char name[320];
};

struct udev_enumerate {
    struct udev_list_entry *first;
};

struct udev_device {
    char action[32], name[256], node[256];
};

struct udev_monitor {
    int fd;
};

struct udev *udev_new(void)
{
    return calloc(1, sizeof(struct udev));
}

struct udev *udev_unref(struct udev *udev)
{
    free(udev);
    return NULL;
}

/* ---- Devices ----------------------------------------------------------------------------- */

/* The value of KEY= in lines or in NUL-terminated parts. */
static bool find_value(const char *text, size_t size, const char *key, char *value, size_t room)
{
    size_t key_length = strlen(key);
    for (size_t at = 0; at < size;) {
        size_t length = 0;
        while (at + length < size && text[at + length] != '\n' && text[at + length] != '\0') {
            length++;
        }
        if (length > key_length && text[at + key_length] == '=' &&
            memcmp(text + at, key, key_length) == 0) {
            snprintf(value, room, "%.*s", (int)(length - key_length - 1),
                     text + at + key_length + 1);
            return true;
        }
        at += length + 1;
    }
    return false;
}

static void set_node(struct udev_device *device, const char *text, size_t size)
{
    char name[200];
    if (find_value(text, size, "DEVNAME", name, sizeof name)) {
        snprintf(device->node, sizeof device->node, "/dev/%s", name);
    }
}

struct udev_device *udev_device_new_from_syspath(struct udev *udev, const char *path)
{
    (void)udev;
    char file[400];
    char text[4096];
    snprintf(file, sizeof file, "%s/uevent", path);
    FILE *uevent = fopen(file, "r");
    struct udev_device *device = uevent ? calloc(1, sizeof *device) : NULL;
    if (device) {
        size_t size = fread(text, 1, sizeof text, uevent);
        snprintf(device->name, sizeof device->name, "%s", strrchr(path, '/') + 1);
        set_node(device, text, size);
    }
    if (uevent) {
        fclose(uevent);
    }
    return device;
}

struct udev_device *udev_device_unref(struct udev_device *device)
{
    free(device);
    return NULL;
}

const char *udev_device_get_action(struct udev_device *device)
{
    return *device->action ? device->action : NULL;
}

const char *udev_device_get_devnode(struct udev_device *device)
{
    return *device->node ? device->node : NULL;
}

const char *udev_device_get_sysname(struct udev_device *device)
{
    return device->name;
}

/* ---- Enumeration ------------------------------------------------------------------------- */

struct udev_enumerate *udev_enumerate_new(struct udev *udev)
{
    (void)udev;
    return calloc(1, sizeof(struct udev_enumerate));
}

struct udev_enumerate *udev_enumerate_unref(struct udev_enumerate *enumerate)
{
    while (enumerate->first) {
        struct udev_list_entry *entry = enumerate->first;
        enumerate->first = entry->next;
        free(entry);
    }
    free(enumerate);
    return NULL;
}

/* libusb asks for subsystem usb with DEVTYPE=usb_device; this is all that is listed here anyway. */
int udev_enumerate_add_match_subsystem(struct udev_enumerate *enumerate, const char *subsystem)
{
    (void)enumerate;
    return strcmp(subsystem, "usb") == 0 ? 0 : -1;
}

int udev_enumerate_add_match_property(struct udev_enumerate *enumerate, const char *property,
                                      const char *value)
{
    (void)enumerate;
    return strcmp(property, "DEVTYPE") == 0 && strcmp(value, "usb_device") == 0 ? 0 : -1;
}

int udev_enumerate_scan_devices(struct udev_enumerate *enumerate)
{
    static const char folder[] = "/sys/bus/usb/devices";
    DIR *directory = opendir(folder);
    if (!directory) {
        return -1;
    }
    for (struct dirent *found; (found = readdir(directory));) {
        /* A colon is in the names of interfaces only. */
        struct udev_list_entry *entry =
            found->d_name[0] == '.' || strchr(found->d_name, ':') ? NULL : malloc(sizeof *entry);
        if (entry) {
            snprintf(entry->name, sizeof entry->name, "%s/%s", folder, found->d_name);
            entry->next = enumerate->first;
            enumerate->first = entry;
        }
    }
    closedir(directory);
    return 0;
}

struct udev_list_entry *udev_enumerate_get_list_entry(struct udev_enumerate *enumerate)
{
    return enumerate->first;
}

struct udev_list_entry *udev_list_entry_get_next(struct udev_list_entry *entry)
{
    return entry->next;
}

const char *udev_list_entry_get_name(struct udev_list_entry *entry)
{
    return entry->name;
}

/* ---- Monitor ----------------------------------------------------------------------------- */

struct udev_monitor *udev_monitor_new_from_netlink(struct udev *udev, const char *name)
{
    (void)udev;
    (void)name;
    struct udev_monitor *monitor = calloc(1, sizeof *monitor);
    if (monitor) {
        monitor->fd =
            socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);
    }
    return monitor;
}

struct udev_monitor *udev_monitor_unref(struct udev_monitor *monitor)
{
    close(monitor->fd);
    free(monitor);
    return NULL;
}

int udev_monitor_filter_add_match_subsystem_devtype(struct udev_monitor *monitor,
                                                    const char *subsystem, const char *devtype)
{
    (void)monitor;
    (void)subsystem;
    (void)devtype;
    return 0;
}

int udev_monitor_enable_receiving(struct udev_monitor *monitor)
{
    const struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = 1};
    return bind(monitor->fd, (const struct sockaddr *)&address, sizeof address);
}

int udev_monitor_get_fd(struct udev_monitor *monitor)
{
    return monitor->fd;
}

struct udev_device *udev_monitor_receive_device(struct udev_monitor *monitor)
{
    char text[8192];
    struct sockaddr_nl sender;
    struct iovec data = {text, sizeof text};
    struct msghdr message = {
        .msg_name = &sender, .msg_namelen = sizeof sender, .msg_iov = &data, .msg_iovlen = 1};
    ssize_t size = recvmsg(monitor->fd, &message, 0);
    /* Only the kernel is to be believed. */
    if (size <= 0 || sender.nl_family != AF_NETLINK || sender.nl_pid != 0 ||
        sender.nl_groups != 1) {
        return NULL;
    }
    char type[64] = "";
    char path[256] = "";
    find_value(text, (size_t)size, "DEVTYPE", type, sizeof type);
    struct udev_device *device = strcmp(type, "usb_device") == 0 ? calloc(1, sizeof *device) : NULL;
    if (device && find_value(text, (size_t)size, "DEVPATH", path, sizeof path)) {
        snprintf(device->name, sizeof device->name, "%s", strrchr(path, '/') + 1);
        find_value(text, (size_t)size, "ACTION", device->action, sizeof device->action);
        set_node(device, text, (size_t)size);
    }
    return device;
}
