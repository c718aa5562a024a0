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
        return subject.device->is_unbound ? NULL : "usb";
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

/* What the subsystem itself puts into a uevent; @p folder goes before the node's name,
 * @p action is NULL for the `uevent` file. */
static void add_kernel_properties(struct uevent_text *text, struct uevent_subject subject,
                                  const char *folder, const char *action)
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
        if (!action || strcmp(action, "unbind") != 0) { /* zap_modalias_env() */
            add(text, "MODALIAS=%s", alias);
        }
    } else {
        add(text, "BUSNUM=%03u", (unsigned)USB_BUS_NUMBER);
        add(text, "DEVNUM=%03u", device->number);
    }
}

/* systemd's usb_id for ID_MODEL and the like: spaces around it are dropped and those in it become
 * one
 * '_' (udev_replace_whitespace()), as does each character that is not harmless
 * (udev_replace_chars()). */
static void safe_text(const char *from, char *to, size_t size)
{
    size_t used = 0;
    from += strspn(from, " \t\n\v\f\r");
    while (*from && used + 1 < size) {
        const unsigned char c = (unsigned char)*from;
        const size_t spaces = strspn(from, " \t\n\v\f\r");
        from += spaces ? spaces : 1;
        if (spaces && !*from) {
            break;
        }
        to[used++] = isalnum(c) || strchr("#+-.:=@_", c) || c >= 0x80 ? (char)c : '_';
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

/* systemd's path_id: the controller, and behind it the device as "1-PORT[:CONFIGURATION.INTERFACE]"
 * without its bus. */
static void id_path(struct uevent_subject subject, char *path, size_t size)
{
    const struct usb_device *device = subject.device;
    if (subject.interface) {
        snprintf(path, size, "platform-vhci_hcd.0-usb-0:%u:%u.%u", device->port,
                 device->active ? device->active->value : 0u, subject.interface->interface);
    } else if (device->port) {
        snprintf(path, size, "platform-vhci_hcd.0-usb-0:%u", device->port);
    } else {
        snprintf(path, size, "platform-vhci_hcd.0");
    }
}

static void id_path_tag(struct uevent_subject subject, char *tag, size_t size)
{
    id_path(subject, tag, size);
    for (char *c = tag; *c; c++) {
        *c = isalnum((unsigned char)*c) || *c == '-' ? *c : '_';
    }
}

const char *uevent_tag(struct uevent_subject subject)
{
    const uint8_t device_class = subject.device->descriptor[4];
    if (subject.is_tty) {
        return "systemd"; /* 99-systemd.rules */
    }
    /* 71-seat.rules: a device that says what it is only in its interfaces, or a hub */
    return !subject.interface && (device_class == 0 || device_class == 9) ? "seat" : NULL;
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

/* usb_id says all of this twice since systemd 250, for devices that get their ID_ names from
 * something else later on. */
static void add_names(struct uevent_text *text, struct uevent_subject subject, const char *prefix)
{
    const struct usb_device *device = subject.device;
    char ids[8];
    char value[1024];
    snprintf(ids, sizeof ids, "%04x", usb_product(device));
    const char *model = device->product ? device->product : ids;
    safe_text(model, value, sizeof value / 4);
    add(text, "%sMODEL=%s", prefix, value);
    escaped_text(model, value, sizeof value);
    add(text, "%sMODEL_ENC=%s", prefix, value);
    add(text, "%sMODEL_ID=%04x", prefix, usb_product(device));
    id_serial(device, value, SERIAL_SIZE);
    add(text, "%sSERIAL=%s", prefix, value);
    safe_text(device->serial ? device->serial : "", value, sizeof value / 4);
    if (*value) {
        add(text, "%sSERIAL_SHORT=%s", prefix, value);
    }
    snprintf(ids, sizeof ids, "%04x", usb_vendor(device));
    const char *vendor = device->manufacturer ? device->manufacturer : ids;
    safe_text(vendor, value, sizeof value / 4);
    add(text, "%sVENDOR=%s", prefix, value);
    escaped_text(vendor, value, sizeof value);
    add(text, "%sVENDOR_ENC=%s", prefix, value);
    add(text, "%sVENDOR_ID=%04x", prefix, usb_vendor(device));
    add(text, "%sREVISION=%04x", prefix, usb_release(device));
    if (subject.is_tty) {
        add(text, "%sTYPE=generic", prefix);
    }
}

/* systemd's usb_id, which 50-udev-default.rules call for a device and 60-serial.rules for a port.
 */
static void add_usb_id(struct uevent_text *text, struct uevent_subject subject)
{
    add(text, "ID_BUS=usb");
    add_names(text, subject, "ID_");
    add_names(text, subject, "ID_USB_");
    add_interface_list(text, subject.device);
    if (subject.is_tty && subject.interface) {
        add(text, "ID_USB_INTERFACE_NUM=%02x", subject.interface->interface);
        add(text, "ID_USB_DRIVER=cdc_acm");
    }
}

/* What udev's rules add, in their order: 50-udev-default.rules, 60-serial.rules, 71-seat.rules. */
static void add_udev_properties(struct uevent_text *text, struct uevent_subject subject)
{
    char path[96];
    if (!subject.interface || subject.is_tty) {
        add_usb_id(text, subject);
    }
    id_path(subject, path, sizeof path);
    add(text, "ID_PATH=%s", path);
    id_path_tag(subject, path, sizeof path);
    add(text, "ID_PATH_TAG=%s", path);
    if (subject.is_tty) {
        char links[2][UEVENT_LINK_SIZE];
        uevent_tty_links(subject, links[0], links[1], sizeof links[0]);
        add(text, "DEVLINKS=/dev/%s /dev/%s", links[0], links[1]);
    } else if (uevent_tag(subject)) {
        add(text, "ID_FOR_SEAT=usb-%s", path);
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
    add_kernel_properties(text, subject, "", action);
    add(text, "SEQNUM=%llu", (unsigned long long)sequence);
}

/* struct monitor_netlink_header of systemd; numbers in network order where it says so. */
struct udev_header {
    char prefix[8];
    uint32_t magic; /* network order */
    uint32_t header_size, properties_offset, properties_length;
    uint32_t subsystem_hash, devtype_hash, tag_bloom_high, tag_bloom_low; /* network order */
};

/* Tags, and the filter for them: four bits of the hash's choice (string_bloom64()). */
static void add_tag(struct uevent_text *text, struct udev_header *header, const char *tag)
{
    const uint32_t hash = uevent_hash(tag);
    uint64_t bits = 0;
    for (unsigned shift = 0; shift < 24; shift += 6) {
        bits |= (uint64_t)1 << (hash >> shift & 63);
    }
    header->tag_bloom_high = htonl((uint32_t)(bits >> 32));
    header->tag_bloom_low = htonl((uint32_t)bits);
    add(text, "TAGS=:%s:", tag);
    add(text, "CURRENT_TAGS=:%s:", tag);
}

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
    add_kernel_properties(text, subject, "/dev/", action);
    add_udev_properties(text, subject);
    add(text, "SEQNUM=%llu", (unsigned long long)sequence);
    add(text, "USEC_INITIALIZED=%llu", (unsigned long long)sequence);
    if (uevent_tag(subject)) {
        add_tag(text, &header, uevent_tag(subject));
    }
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
    add_kernel_properties(text, subject, "", NULL);
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
    if (uevent_tag(subject)) {
        add(text, "G:%s", uevent_tag(subject));
        add(text, "Q:%s", uevent_tag(subject));
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
