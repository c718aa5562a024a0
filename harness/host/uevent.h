/**
 * @file uevent.h
 * The texts that announce devices: uevents in the kernel's and in udev's form, the `uevent` files
 * of sysfs and the records of udev's database. Pure.
 */
#ifndef VP_HOST_UEVENT_H
#define VP_HOST_UEVENT_H

#include <stddef.h>
#include <stdint.h>

#include "host/usb_device.h"

enum { UEVENT_SIZE_MAX = 4096 };

/** Where the virtual host controller lives, as seen in /sys and in DEVPATH. */
#define UEVENT_CONTROLLER_PATH "/devices/platform/vhci_hcd.0"

/** What a text is about: a device, or one interface of it. */
struct uevent_subject {
    const struct usb_device *device;
    const struct usb_alternate *interface; /**< NULL: the device itself */
};

/** A growing text of NUL-terminated "KEY=value" parts; what does not fit is left out whole. */
struct uevent_text {
    char data[UEVENT_SIZE_MAX];
    size_t length;
};

/** DEVPATH: the path below /sys. */
void uevent_path(struct uevent_subject subject, char *path, size_t size);

/** The driver that the kernel would have bound: "usb" for devices, "hub" for the root hub, else
 * NULL. */
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

/** Name of the record in /run/udev/data: "c189:1" or "+usb:1-1:1.0". */
void uevent_record_name(struct uevent_subject subject, char *name, size_t size);

/** MurmurHash2 (32 bit, seed 0) of a text, which udev's socket filter looks for. */
uint32_t uevent_hash(const char *text);

#endif
