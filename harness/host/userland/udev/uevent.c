#include "host/userland/udev/uevent.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { SERIAL_SIZE = 3 * 256 };

static const char *subsystem(struct uevent_subject subject)
{
    return subject.is_tty ? "tty" : "usb";
}

static void add(struct uevent_text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void add(struct uevent_text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    size_t room = sizeof text->data - text->length;
    int size = vsnprintf(text->data + text->length, room, format, arguments);
    va_end(arguments);
    if (size >= 0 && (size_t)size < room) {
        text->length += (size_t)size + 1;
    }
}

void uevent_path(struct uevent_subject subject, char *path, size_t size)
{
    const struct usb_device *device = subject.device;
    char name[16];
    usb_device_name(device, name, sizeof name);
    char child[32] = "";
    if (device->port) {
        snprintf(child, sizeof child, "/%s", name);
    }
    char interface[48] = "";
    char tty[24] = "";
    if (subject.is_tty) {
        snprintf(tty, sizeof tty, "/tty/ttyACM%u", subject.tty);
    }
    if (subject.interface) {
        snprintf(interface, sizeof interface, "/%u-%u:%u.%u", (unsigned)USB_BUS_NUMBER,
                 device->port, device->active ? device->active->value : 0u,
                 subject.interface->interface);
    }
    snprintf(path, size, UEVENT_CONTROLLER_PATH "/usb%u%s%s%s", (unsigned)USB_BUS_NUMBER, child,
             interface, tty);
}

const char *uevent_driver(struct uevent_subject subject)
{
    if (!subject.interface) {
        return "usb";
    }
    return subject.is_tty ? NULL : subject.device->driver[subject.interface->interface];
}

void uevent_modalias(struct uevent_subject subject, char *alias, size_t size)
{
    const uint8_t *device = subject.device->descriptor;
    const struct usb_alternate *interface = subject.interface;
    snprintf(alias, size, "usb:v%04Xp%04Xd%04Xdc%02Xdsc%02Xdp%02Xic%02Xisc%02Xip%02Xin%02X",
             usb_vendor(subject.device), usb_product(subject.device), usb_release(subject.device),
             device[4], device[5], device[6], interface->interface_class, interface->subclass,
             interface->protocol, interface->interface);
}

/* What the subsystem itself puts into a uevent; @p folder goes before the node's name. */
static void add_kernel_properties(struct uevent_text *text, struct uevent_subject subject,
                                  const char *folder)
{
    const struct usb_device *device = subject.device;
    const uint8_t *descriptor = device->descriptor;
    if (subject.is_tty) {
        add(text, "MAJOR=%u", (unsigned)TTY_ACM_MAJOR);
        add(text, "MINOR=%u", subject.tty);
        add(text, "DEVNAME=%sttyACM%u", folder, subject.tty);
        return;
    }
    if (!subject.interface) {
        add(text, "MAJOR=%u", (unsigned)USB_MAJOR);
        add(text, "MINOR=%u", usb_minor(device));
        add(text, "DEVNAME=%sbus/usb/%03u/%03u", folder, (unsigned)USB_BUS_NUMBER, device->number);
    }
    add(text, "DEVTYPE=%s", subject.interface ? "usb_interface" : "usb_device");
    if (uevent_driver(subject)) {
        add(text, "DRIVER=%s", uevent_driver(subject));
    }
    add(text, "PRODUCT=%x/%x/%x", usb_vendor(device), usb_product(device), usb_release(device));
    add(text, "TYPE=%u/%u/%u", descriptor[4], descriptor[5], descriptor[6]);
    if (subject.interface) {
        char alias[96];
        uevent_modalias(subject, alias, sizeof alias);
        add(text, "INTERFACE=%u/%u/%u", subject.interface->interface_class,
            subject.interface->subclass, subject.interface->protocol);
        add(text, "MODALIAS=%s", alias);
    } else {
        add(text, "BUSNUM=%03u", (unsigned)USB_BUS_NUMBER);
        add(text, "DEVNUM=%03u", device->number);
    }
}

/* systemd's usb_id: what may stay in ID_MODEL and the like; the rest becomes '_'. */
static void safe_text(const char *from, char *to, size_t size)
{
    size_t used = 0;
    for (; *from && used + 1 < size; from++) {
        unsigned char c = (unsigned char)*from;
        to[used++] = isalnum(c) || strchr("#+-.:=@_/", c) || c >= 0x80 ? *from : '_';
    }
    to[used] = '\0';
}

/* The _ENC variants keep each character, as \xNN where it is not harmless. */
static void escaped_text(const char *from, char *to, size_t size)
{
    size_t used = 0;
    for (; *from && used + 5 < size; from++) {
        unsigned char c = (unsigned char)*from;
        if (isalnum(c) || strchr("#+-.:=@_", c) || c >= 0x80) {
            to[used++] = *from;
        } else {
            used += (size_t)snprintf(to + used, size - used, "\\x%02x", c);
        }
    }
    to[used] = '\0';
}

static void add_interface_list(struct uevent_text *text, const struct usb_device *device)
{
    char list[USB_INTERFACES_MAX * 7 + 2] = ":";
    size_t used = 1;
    const struct usb_configuration *active = device->active;
    for (unsigned i = 0; active && i < active->alternate_count; i++) {
        const struct usb_alternate *alternate = &active->alternates[i];
        char item[8];
        snprintf(item, sizeof item, "%02x%02x%02x:", alternate->interface_class,
                 alternate->subclass, alternate->protocol);
        if (!strstr(list, item) && used + sizeof item < sizeof list) {
            memcpy(list + used, item, strlen(item) + 1);
            used += strlen(item);
        }
    }
    add(text, "ID_USB_INTERFACES=%s", list);
}

/* systemd's path_id of the interface. */
static void id_path(struct uevent_subject subject, char *path, size_t size)
{
    snprintf(path, size, "platform-vhci_hcd.0-usb-0:%u:%u.%u", subject.device->port,
             subject.device->active ? subject.device->active->value : 0u,
             subject.interface->interface);
}

static void id_serial(const struct usb_device *device, char *serial, size_t size)
{
    char vendor[256];
    char model[256];
    char number[256];
    char ids[16];
    snprintf(ids, sizeof ids, "%04x", usb_vendor(device));
    safe_text(device->manufacturer ? device->manufacturer : ids, vendor, sizeof vendor);
    snprintf(ids, sizeof ids, "%04x", usb_product(device));
    safe_text(device->product ? device->product : ids, model, sizeof model);
    safe_text(device->serial ? device->serial : "", number, sizeof number);
    snprintf(serial, size, "%s_%s%s%s", vendor, model, *number ? "_" : "", number);
}

/* A name in a folder must not lead out of it. */
static void flatten(char *name)
{
    for (; *name; name++) {
        if (*name == '/') {
            *name = '_';
        }
    }
}

void uevent_tty_links(struct uevent_subject tty, char *by_id, char *by_path, size_t size)
{
    char serial[SERIAL_SIZE];
    char path[96];
    id_serial(tty.device, serial, sizeof serial);
    flatten(serial);
    id_path(tty, path, sizeof path);
    snprintf(by_id, size, "serial/by-id/usb-%.180s-if%02x", serial, tty.interface->interface);
    snprintf(by_path, size, "serial/by-path/%s", path);
}

/* What udev's rules add for a serial port: 60-serial.rules, and 50-udev-default.rules with usb_id
 * and path_id. */
static void add_tty_properties(struct uevent_text *text, struct uevent_subject subject)
{
    char path[96];
    char links[2][UEVENT_LINK_SIZE];
    id_path(subject, path, sizeof path);
    add(text, "ID_TYPE=generic");
    add(text, "ID_USB_INTERFACE_NUM=%02x", subject.interface->interface);
    add(text, "ID_USB_DRIVER=cdc_acm");
    add(text, "ID_PATH=%s", path);
    for (char *c = path; *c; c++) {
        *c = isalnum((unsigned char)*c) || *c == '-' ? *c : '_';
    }
    add(text, "ID_PATH_TAG=%s", path);
    uevent_tty_links(subject, links[0], links[1], sizeof links[0]);
    add(text, "DEVLINKS=/dev/%s /dev/%s", links[0], links[1]);
}

/* What udev's rules add for a device (50-udev-default.rules calls usb_id for usb_device). */
static void add_udev_properties(struct uevent_text *text, struct uevent_subject subject)
{
    const struct usb_device *device = subject.device;
    if (subject.interface && !subject.is_tty) {
        return;
    }
    char vendor_id[8];
    char model_id[8];
    snprintf(vendor_id, sizeof vendor_id, "%04x", usb_vendor(device));
    snprintf(model_id, sizeof model_id, "%04x", usb_product(device));
    const char *vendor = device->manufacturer ? device->manufacturer : vendor_id;
    const char *model = device->product ? device->product : model_id;
    char safe_vendor[256];
    char safe_model[256];
    char safe_serial[256];
    char serial[SERIAL_SIZE];
    char escaped[1024];
    safe_text(vendor, safe_vendor, sizeof safe_vendor);
    safe_text(model, safe_model, sizeof safe_model);
    safe_text(device->serial ? device->serial : "", safe_serial, sizeof safe_serial);
    add(text, "ID_BUS=usb");
    add(text, "ID_VENDOR=%s", safe_vendor);
    escaped_text(vendor, escaped, sizeof escaped);
    add(text, "ID_VENDOR_ENC=%s", escaped);
    add(text, "ID_VENDOR_ID=%s", vendor_id);
    add(text, "ID_MODEL=%s", safe_model);
    escaped_text(model, escaped, sizeof escaped);
    add(text, "ID_MODEL_ENC=%s", escaped);
    add(text, "ID_MODEL_ID=%s", model_id);
    add(text, "ID_REVISION=%04x", usb_release(device));
    id_serial(device, serial, sizeof serial);
    add(text, "ID_SERIAL=%s", serial);
    if (*safe_serial) {
        add(text, "ID_SERIAL_SHORT=%s", safe_serial);
    }
    add_interface_list(text, device);
    if (subject.is_tty && subject.interface) {
        add_tty_properties(text, subject);
    }
}

void uevent_kernel_message(struct uevent_text *text, const char *action,
                           struct uevent_subject subject, uint64_t sequence)
{
    char path[128];
    uevent_path(subject, path, sizeof path);
    text->length = 0;
    add(text, "%s@%s", action, path);
    add(text, "ACTION=%s", action);
    add(text, "DEVPATH=%s", path);
    add(text, "SUBSYSTEM=%s", subsystem(subject));
    add_kernel_properties(text, subject, "");
    add(text, "SEQNUM=%llu", (unsigned long long)sequence);
}

/* struct monitor_netlink_header of systemd; numbers in network order where it says so. */
struct udev_header {
    char prefix[8];
    uint32_t magic; /* network order */
    uint32_t header_size, properties_offset, properties_length;
    uint32_t subsystem_hash, devtype_hash, tag_bloom_high, tag_bloom_low; /* network order */
};

void uevent_udev_message(struct uevent_text *text, const char *action,
                         struct uevent_subject subject, uint64_t sequence)
{
    struct udev_header header = {
        .prefix = "libudev",
        .magic = htonl(0xFEEDCAFE),
        .header_size = sizeof header,
        .properties_offset = sizeof header,
        .subsystem_hash = htonl(uevent_hash(subsystem(subject))),
    };
    if (!subject.is_tty) {
        header.devtype_hash =
            htonl(uevent_hash(subject.interface ? "usb_interface" : "usb_device"));
    }
    char path[128];
    uevent_path(subject, path, sizeof path);
    text->length = sizeof header;
    add(text, "ACTION=%s", action);
    add(text, "DEVPATH=%s", path);
    add(text, "SUBSYSTEM=%s", subsystem(subject));
    add_kernel_properties(text, subject, "/dev/");
    add_udev_properties(text, subject);
    add(text, "SEQNUM=%llu", (unsigned long long)sequence);
    add(text, "USEC_INITIALIZED=%llu", (unsigned long long)sequence);
    header.properties_length = (uint32_t)(text->length - sizeof header);
    memcpy(text->data, &header, sizeof header);
}

static void make_lines(struct uevent_text *text)
{
    for (size_t i = 0; i < text->length; i++) {
        if (text->data[i] == '\0') {
            text->data[i] = '\n';
        }
    }
}

void uevent_file(struct uevent_text *text, struct uevent_subject subject)
{
    text->length = 0;
    add_kernel_properties(text, subject, "");
    make_lines(text);
}

void uevent_record(struct uevent_text *text, struct uevent_subject subject)
{
    struct uevent_text properties = {.length = 0};
    add_udev_properties(&properties, subject);
    text->length = 0;
    if (subject.is_tty) {
        char links[2][UEVENT_LINK_SIZE];
        uevent_tty_links(subject, links[0], links[1], sizeof links[0]);
        add(text, "S:%s", links[0]);
        add(text, "S:%s", links[1]);
    }
    add(text, "I:%u", usb_minor(subject.device) + 1);
    for (size_t at = 0; at < properties.length; at += strlen(properties.data + at) + 1) {
        /* The database has the links in lines of their own. */
        if (strncmp(properties.data + at, "DEVLINKS=", 9) != 0) {
            add(text, "E:%s", properties.data + at);
        }
    }
    add(text, "V:1");
    make_lines(text);
}

void uevent_record_name(struct uevent_subject subject, char *name, size_t size)
{
    if (subject.is_tty) {
        snprintf(name, size, "c%u:%u", (unsigned)TTY_ACM_MAJOR, subject.tty);
    } else if (subject.interface) {
        char path[128];
        uevent_path(subject, path, sizeof path);
        snprintf(name, size, "+%s:%s", subsystem(subject), strrchr(path, '/') + 1);
    } else {
        snprintf(name, size, "c%u:%u", (unsigned)USB_MAJOR, usb_minor(subject.device));
    }
}

/* Austin Appleby's MurmurHash2 in its 32-bit form, as systemd uses it (public domain algorithm). */
uint32_t uevent_hash(const char *text)
{
    const uint32_t multiplier = 0x5BD1E995;
    size_t length = strlen(text);
    const unsigned char *bytes = (const unsigned char *)text;
    uint32_t hash = (uint32_t)length;
    for (; length >= 4; length -= 4, bytes += 4) {
        uint32_t word;
        memcpy(&word, bytes, sizeof word);
        word *= multiplier;
        word ^= word >> 24;
        word *= multiplier;
        hash = hash * multiplier ^ word;
    }
    if (length > 0) {
        uint32_t word = 0;
        memcpy(&word, bytes, length); /* little-endian, as all machines that this runs on */
        hash = (hash ^ word) * multiplier;
    }
    hash ^= hash >> 13;
    hash *= multiplier;
    return hash ^ hash >> 15;
}
