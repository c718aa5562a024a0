/**
 * @file uevent.h
 * The texts that announce devices: uevents in the kernel's and in udev's form, the `uevent` files
 * of sysfs and the records of udev's database. Pure.
 */
#ifndef VP_HOST_UEVENT_H
#define VP_HOST_UEVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/userland/usb/usb_device.h"

enum { UEVENT_SIZE_MAX = 4096, UEVENT_LINK_SIZE = 256 };

/** Where the virtual host controller lives, as seen in /sys and in DEVPATH. */
#define UEVENT_CONTROLLER_PATH "/devices/platform/vhci_hcd.0"

/** What a text is about: a device, an interface of it, or the serial port of an interface. */
struct uevent_subject {
    const struct usb_device *device;
    const struct usb_alternate *interface; /**< NULL: the device itself */
    bool is_tty;
    unsigned tty; /**< N of ttyACMN */
};

static inline struct uevent_subject uevent_device(const struct usb_device *device)
{
    return (struct uevent_subject){.device = device};
}

static inline struct uevent_subject uevent_interface(const struct usb_device *device,
                                                     const struct usb_alternate *interface)
{
    return (struct uevent_subject){.device = device, .interface = interface};
}

/** The port ttyACM@p number, whose control interface is @p interface. */
static inline struct uevent_subject
uevent_tty(const struct usb_device *device, const struct usb_alternate *interface, unsigned number)
{
    return (struct uevent_subject){
        .device = device, .interface = interface, .is_tty = true, .tty = number};
}

/** A growing text of NUL-terminated "KEY=value" parts; what does not fit is left out whole. */
struct uevent_text {
    char data[UEVENT_SIZE_MAX];
    size_t length;
};

/** Kernel: ACM_TTY_MAJOR. */
enum { TTY_ACM_MAJOR = 166 };

/** DEVPATH: the path below /sys. */
void uevent_path(struct uevent_subject subject, char *path, size_t size);

/** The driver that is bound: "usb" for devices, for interfaces that of the device, or NULL. */
const char *uevent_driver(struct uevent_subject subject);

/** MODALIAS of an interface, without a line end. */
void uevent_modalias(struct uevent_subject subject, char *alias, size_t size);

/** A message for netlink group 1 (kernel lib/kobject_uevent.c). */
void uevent_kernel_message(struct uevent_text *text, const char *action,
                           struct uevent_subject subject, uint64_t sequence);

/** A message for netlink group 2 (systemd src/libsystemd/sd-device/device-monitor.c). */
void uevent_udev_message(struct uevent_text *text, const char *action,
                         struct uevent_subject subject, uint64_t sequence);

/** Contents of the `uevent` file: lines. */
void uevent_file(struct uevent_text *text, struct uevent_subject subject);

/** Contents of the record in /run/udev/data: lines. */
void uevent_record(struct uevent_text *text, struct uevent_subject subject);

/**
 * The names of a port's symbolic links below /dev (udev's 60-serial.rules): "serial/by-id/..." and
 * "serial/by-path/...".
 */
void uevent_tty_links(struct uevent_subject tty, char *by_id, char *by_path, size_t size);

/** The tag that udev's rules give it: "seat", "systemd" or NULL. Static text. */
const char *uevent_tag(struct uevent_subject subject);

/** Name of the record in /run/udev/data: "c189:1", "+usb:1-1:1.0" or "c166:0". */
void uevent_record_name(struct uevent_subject subject, char *name, size_t size);

/** MurmurHash2 (32 bit, seed 0) of a text, which udev's socket filter looks for. */
uint32_t uevent_hash(const char *text);

#endif
