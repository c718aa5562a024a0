#include "host/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/uevent.h"

enum { PATH_SIZE = 512, NAME_SIZE = 256 };

/* Paths below the root. What a folder named here lacks is looked for in the real system. */
static const char *const folders[] = {
    "sys",
    "sys/bus",
    "sys/bus/usb",
    "sys/bus/usb/devices",
    "sys/bus/usb/drivers",
    "sys/bus/usb/drivers/usb",
    "sys/bus/usb/drivers/hub",
    "sys/bus/platform",
    "sys/bus/platform/devices",
    "sys/bus/platform/drivers",
    "sys/bus/platform/drivers/vhci_hcd",
    "sys/class",
    "sys/dev",
    "sys/dev/char",
    "sys/devices",
    "sys/devices/platform",
    "sys/devices/platform/vhci_hcd.0",
    "dev",
    "dev/bus",
    "dev/bus/usb",
    "dev/bus/usb/001",
    "run",
    "run/udev",
    "run/udev/data",
    "run/udev/tags",
    "stand-in", /* see paths.h */
    "aside",    /* device folders while they are made or taken away */
};

static const struct {
    const char *path, *target;
} links[] = {
    {"sys/bus/platform/devices/vhci_hcd.0", "../../../devices/platform/vhci_hcd.0"},
    {"sys/bus/platform/drivers/vhci_hcd/vhci_hcd.0", "../../../../devices/platform/vhci_hcd.0"},
    {"sys/devices/platform/vhci_hcd.0/driver", "../../../bus/platform/drivers/vhci_hcd"},
    {"sys/devices/platform/vhci_hcd.0/subsystem", "../../../bus/platform"},
};

/* Writes one file of a folder under construction; remembers the first error. */
struct maker {
    char folder[PATH_SIZE];
    int error;
};

static void make_bytes(struct maker *maker, const char *name, const void *data, size_t size)
{
    char path[PATH_SIZE + NAME_SIZE];
    char fresh[PATH_SIZE + NAME_SIZE];
    snprintf(path, sizeof path, "%s/%s", maker->folder, name);
    snprintf(fresh, sizeof fresh, "%s/.fresh", maker->folder);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0444);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size || rename(fresh, path)) {
        maker->error = VP_ERROR_IO;
    }
    if (fd >= 0) {
        close(fd);
    }
}

static void make_file(struct maker *maker, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void make_file(struct maker *maker, const char *name, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    make_bytes(maker, name, text, (size_t)size < sizeof text ? (size_t)size : sizeof text - 1);
}

/* Attributes that exist only when the device has the text. */
static void make_text(struct maker *maker, const char *name, const char *text)
{
    if (text) {
        make_file(maker, name, "%s\n", text);
    }
}

static void make_link(struct maker *maker, const char *name, const char *target)
{
    char path[PATH_SIZE + NAME_SIZE];
    snprintf(path, sizeof path, "%s/%s", maker->folder, name);
    unlink(path);
    if (symlink(target, path)) {
        maker->error = VP_ERROR_IO;
    }
}

static struct maker make_folder(const struct maker *parent, const char *name)
{
    struct maker maker = {.error = parent->error};
    int size = snprintf(maker.folder, sizeof maker.folder, "%s/%s", parent->folder, name);
    if (size >= (int)sizeof maker.folder || (mkdir(maker.folder, 0755) && errno != EEXIST)) {
        maker.error = VP_ERROR_IO;
    }
    return maker;
}

static void make_uevent(struct maker *maker, struct uevent_subject subject)
{
    struct uevent_text text;
    uevent_file(&text, subject);
    make_bytes(maker, "uevent", text.data, text.length);
}

/* Kernel drivers/usb/core/endpoint.c. */
static int make_endpoint(const struct maker *parent, const struct usb_endpoint *endpoint)
{
    static const char *const types[] = {"Control", "Isoc", "Bulk", "Interrupt"};
    char name[16];
    snprintf(name, sizeof name, "ep_%02x", endpoint->address);
    struct maker maker = make_folder(parent, name);
    make_file(&maker, "bEndpointAddress", "%02x\n", endpoint->address);
    make_file(&maker, "bInterval", "%02x\n", endpoint->interval);
    make_file(&maker, "bLength", "%02x\n", 7);
    make_file(&maker, "bmAttributes", "%02x\n", endpoint->attributes);
    make_file(&maker, "direction", "%s\n",
              (endpoint->attributes & 3) == 0   ? "both"
              : (endpoint->address & 0x80) != 0 ? "in"
                                                : "out");
    make_file(&maker, "interval", "%ums\n", endpoint->interval);
    make_file(&maker, "type", "%s\n", types[endpoint->attributes & 3]);
    make_file(&maker, "uevent", "%s", "");
    make_file(&maker, "wMaxPacketSize", "%04x\n", endpoint->max_packet);
    return maker.error;
}

/* Kernel drivers/usb/core/sysfs.c, intf_attr_grp. */
static int make_interface(const struct maker *parent, const struct usb_device *device,
                          const struct usb_alternate *alternate)
{
    struct uevent_subject subject = {device, alternate};
    char path[128];
    uevent_path(subject, path, sizeof path);
    struct maker maker = make_folder(parent, strrchr(path, '/') + 1);
    make_file(&maker, "authorized", "1\n");
    make_file(&maker, "bInterfaceNumber", "%02x\n", alternate->interface);
    make_file(&maker, "bAlternateSetting", "%2d\n", alternate->number);
    make_file(&maker, "bNumEndpoints", "%02x\n", alternate->endpoint_count);
    make_file(&maker, "bInterfaceClass", "%02x\n", alternate->interface_class);
    make_file(&maker, "bInterfaceSubClass", "%02x\n", alternate->subclass);
    make_file(&maker, "bInterfaceProtocol", "%02x\n", alternate->protocol);
    make_text(&maker, "interface", device->interface_text[alternate->interface]);
    make_file(&maker, "supports_autosuspend", "%u\n", uevent_driver(subject) ? 0u : 1u);
    char alias[96];
    uevent_modalias(subject, alias, sizeof alias);
    make_text(&maker, "modalias", alias);
    make_uevent(&maker, subject);
    /* /sys/devices/platform/vhci_hcd.0/usb1[/1-1]/1-1:1.0 */
    const char *bus = device->port ? "../../../../../../bus/usb" : "../../../../../bus/usb";
    make_link(&maker, "subsystem", bus);
    if (uevent_driver(subject)) {
        char target[64];
        snprintf(target, sizeof target, "%s/drivers/%s", bus, uevent_driver(subject));
        make_link(&maker, "driver", target);
    }
    int error = maker.error;
    for (unsigned i = 0; i < alternate->endpoint_count && !error; i++) {
        error = make_endpoint(&maker, &alternate->endpoints[i]);
    }
    return error;
}

static void make_configuration(struct maker *maker, const struct usb_device *device)
{
    const struct usb_configuration *active = device->active;
    if (!active) {
        make_file(maker, "bConfigurationValue", "%s", "");
        make_file(maker, "bNumInterfaces", "%s", "");
        make_file(maker, "bmAttributes", "%s", "");
        make_file(maker, "bMaxPower", "%s", "");
        make_file(maker, "configuration", "%s", "");
        return;
    }
    make_file(maker, "bConfigurationValue", "%u\n", active->value);
    make_file(maker, "bNumInterfaces", "%2d\n", active->interface_count);
    make_file(maker, "bmAttributes", "%2x\n", active->attributes);
    make_file(maker, "bMaxPower", "%umA\n", active->max_power * 2u);
    if (device->configuration_text) {
        make_file(maker, "configuration", "%s\n", device->configuration_text);
    } else {
        make_file(maker, "configuration", "%s", "");
    }
    for (unsigned i = 0; i < USB_INTERFACES_MAX; i++) {
        const struct usb_alternate *alternate = usb_device_current(device, i);
        if (alternate && make_interface(maker, device, alternate)) {
            maker->error = VP_ERROR_IO;
        }
    }
}

static void make_descriptors(struct maker *maker, const struct usb_device *device)
{
    size_t size = USB_DEVICE_DESCRIPTOR_SIZE;
    for (unsigned i = 0; i < device->configuration_count; i++) {
        size += device->configurations[i].length;
    }
    uint8_t *all = malloc(size);
    if (!all) {
        maker->error = VP_ERROR_NO_MEMORY;
        return;
    }
    memcpy(all, device->descriptor, USB_DEVICE_DESCRIPTOR_SIZE);
    size_t at = USB_DEVICE_DESCRIPTOR_SIZE;
    for (unsigned i = 0; i < device->configuration_count; i++) {
        memcpy(all + at, device->configurations[i].raw, device->configurations[i].length);
        at += device->configurations[i].length;
    }
    make_bytes(maker, "descriptors", all, size);
    free(all);
}

/* Kernel drivers/usb/core/sysfs.c, dev_attr_grp. */
static void make_device(struct maker *maker, const struct usb_device *device)
{
    static const char *const speeds[] = {"unknown", "1.5", "12", "480"};
    const uint8_t *descriptor = device->descriptor;
    make_file(maker, "idVendor", "%04x\n", usb_vendor(device));
    make_file(maker, "idProduct", "%04x\n", usb_product(device));
    make_file(maker, "bcdDevice", "%04x\n", usb_release(device));
    make_file(maker, "bDeviceClass", "%02x\n", descriptor[4]);
    make_file(maker, "bDeviceSubClass", "%02x\n", descriptor[5]);
    make_file(maker, "bDeviceProtocol", "%02x\n", descriptor[6]);
    make_file(maker, "bMaxPacketSize0", "%u\n", descriptor[7]);
    make_file(maker, "bNumConfigurations", "%u\n", descriptor[17]);
    make_file(maker, "version", "%2x.%02x\n", descriptor[3], descriptor[2]);
    make_file(maker, "busnum", "%u\n", (unsigned)USB_BUS_NUMBER);
    make_file(maker, "devnum", "%u\n", device->number);
    make_file(maker, "dev", "%u:%u\n", (unsigned)USB_MAJOR, usb_minor(device));
    make_file(maker, "devpath", "%u\n", device->port);
    make_file(maker, "speed", "%s\n", speeds[device->speed & 3]);
    make_file(maker, "maxchild", "%u\n", device->max_child);
    make_file(maker, "rx_lanes", "1\n");
    make_file(maker, "tx_lanes", "1\n");
    make_file(maker, "removable", "unknown\n");
    make_file(maker, "authorized", "1\n");
    make_file(maker, "avoid_reset_quirk", "0\n");
    make_file(maker, "quirks", "0x0\n");
    make_file(maker, "ltm_capable", "no\n");
    make_file(maker, "urbnum", "0\n");
    make_text(maker, "manufacturer", device->manufacturer);
    make_text(maker, "product", device->product);
    make_text(maker, "serial", device->serial);
    make_descriptors(maker, device);
    make_uevent(maker, (struct uevent_subject){device, NULL});
    const struct usb_endpoint control = {.max_packet = descriptor[7]};
    if (make_endpoint(maker, &control)) {
        maker->error = VP_ERROR_IO;
    }
    const char *bus = device->port ? "../../../../../bus/usb" : "../../../../bus/usb";
    char driver[64];
    snprintf(driver, sizeof driver, "%s/drivers/usb", bus);
    make_link(maker, "subsystem", bus);
    make_link(maker, "driver", driver);
    make_configuration(maker, device);
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *position)
{
    (void)status;
    (void)kind;
    (void)position;
    return remove(path);
}

static void remove_folder(const char *path)
{
    nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void remove_aside(struct tree *tree, const char *path)
{
    char aside[PATH_SIZE];
    snprintf(aside, sizeof aside, "%s/aside/%u", tree->root, tree->counter++);
    if (rename(path, aside) == 0) {
        remove_folder(aside);
    }
}

/* Calls visit for the device itself and for each interface. */
static void each_subject(struct tree *tree, const struct usb_device *device,
                         void (*visit)(struct maker *root, struct uevent_subject subject))
{
    struct maker root = {.error = 0};
    snprintf(root.folder, sizeof root.folder, "%s", tree->root);
    visit(&root, (struct uevent_subject){device, NULL});
    for (unsigned i = 0; i < USB_INTERFACES_MAX; i++) {
        const struct usb_alternate *alternate = usb_device_current(device, i);
        if (alternate) {
            visit(&root, (struct uevent_subject){device, alternate});
        }
    }
}

static void add_names(struct maker *root, struct uevent_subject subject)
{
    char path[128];
    char name[192];
    char target[192];
    uevent_path(subject, path, sizeof path);
    snprintf(name, sizeof name, "sys/bus/usb/devices/%s", strrchr(path, '/') + 1);
    snprintf(target, sizeof target, "../../..%s", path);
    make_link(root, name, target);
    if (uevent_driver(subject)) {
        snprintf(name, sizeof name, "sys/bus/usb/drivers/%s/%s", uevent_driver(subject),
                 strrchr(path, '/') + 1);
        snprintf(target, sizeof target, "../../../..%s", path);
        make_link(root, name, target);
    }
    if (!subject.interface) {
        snprintf(name, sizeof name, "sys/dev/char/%u:%u", (unsigned)USB_MAJOR,
                 usb_minor(subject.device));
        snprintf(target, sizeof target, "../..%s", path);
        make_link(root, name, target);
    }
    char record[64];
    uevent_record_name(subject, record, sizeof record);
    snprintf(name, sizeof name, "run/udev/data/%s", record);
    struct uevent_text text;
    uevent_record(&text, subject);
    make_bytes(root, name, text.data, text.length);
}

static void remove_names(struct maker *root, struct uevent_subject subject)
{
    char path[128];
    char name[PATH_SIZE + NAME_SIZE];
    uevent_path(subject, path, sizeof path);
    snprintf(name, sizeof name, "%s/sys/bus/usb/devices/%s", root->folder, strrchr(path, '/') + 1);
    unlink(name);
    if (uevent_driver(subject)) {
        snprintf(name, sizeof name, "%s/sys/bus/usb/drivers/%s/%s", root->folder,
                 uevent_driver(subject), strrchr(path, '/') + 1);
        unlink(name);
    }
    if (!subject.interface) {
        snprintf(name, sizeof name, "%s/sys/dev/char/%u:%u", root->folder, (unsigned)USB_MAJOR,
                 usb_minor(subject.device));
        unlink(name);
    }
    char record[64];
    uevent_record_name(subject, record, sizeof record);
    snprintf(name, sizeof name, "%s/run/udev/data/%s", root->folder, record);
    unlink(name);
}

static void node_path(const struct tree *tree, const struct usb_device *device, char *path)
{
    snprintf(path, PATH_SIZE, "%s/dev/bus/usb/%03u/%03u", tree->root, (unsigned)USB_BUS_NUMBER,
             device->number);
}

static void device_path(const struct tree *tree, const struct usb_device *device, char *path)
{
    char below[128];
    uevent_path((struct uevent_subject){device, NULL}, below, sizeof below);
    snprintf(path, PATH_SIZE, "%s/sys%s", tree->root, below);
}

/* The node of a tool that only reads is this file: read() gives the descriptors (usbfs does too).
 */
static int make_node(const struct tree *tree, const struct usb_device *device)
{
    char path[PATH_SIZE];
    char source[PATH_SIZE + 16];
    node_path(tree, device, path);
    char *name = strrchr(path, '/');
    struct maker maker = {.error = 0};
    snprintf(maker.folder, sizeof maker.folder, "%.*s", (int)(name - path), path);
    make_descriptors(&maker, device);
    snprintf(source, sizeof source, "%s/descriptors", maker.folder);
    if (maker.error || chmod(source, 0666) || rename(source, path)) {
        return VP_ERROR_IO;
    }
    return 0;
}

int tree_add(struct tree *tree, const struct usb_device *device)
{
    char path[PATH_SIZE];
    struct maker maker = {.error = 0};
    snprintf(maker.folder, sizeof maker.folder, "%s/aside/%u", tree->root, tree->counter++);
    if (mkdir(maker.folder, 0755)) {
        return VP_ERROR_IO;
    }
    make_device(&maker, device);
    device_path(tree, device, path);
    if (maker.error || rename(maker.folder, path)) {
        remove_folder(maker.folder);
        return VP_ERROR_IO;
    }
    each_subject(tree, device, add_names);
    return make_node(tree, device);
}

int tree_refresh(struct tree *tree, const struct usb_device *device)
{
    struct maker maker = {.error = 0};
    device_path(tree, device, maker.folder);
    make_configuration(&maker, device);
    each_subject(tree, device, add_names);
    return maker.error;
}

void tree_remove(struct tree *tree, const struct usb_device *device)
{
    char path[PATH_SIZE];
    node_path(tree, device, path);
    unlink(path);
    each_subject(tree, device, remove_names);
    device_path(tree, device, path);
    remove_aside(tree, path);
}

int tree_create(struct tree *tree, struct vp_failure *failure)
{
    const char *base = getenv("TMPDIR");
    *tree = (struct tree){.root = ""};
    if (!base || strlen(base) > 64) {
        base = "/tmp";
    }
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/vparticle-host-XXXXXX", base);
    char real[PATH_MAX];
    if (!mkdtemp(path)) {
        return vp_fail(failure, VP_ERROR_IO,
                       "cannot create a folder in %s (%s); set TMPDIR to a folder that is writable",
                       base, strerror(errno));
    }
    if (!realpath(path, real) || strlen(real) >= sizeof tree->root) {
        rmdir(path);
        return vp_fail(failure, VP_ERROR_IO, "the path of %s is too long; set TMPDIR", path);
    }
    memcpy(tree->root, real, strlen(real) + 1);
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        snprintf(path, sizeof path, "%s/%s", tree->root, folders[i]);
        if (mkdir(path, 0755)) {
            vp_fail(failure, VP_ERROR_IO, "cannot create %s: %s", path, strerror(errno));
            tree_destroy(tree);
            return VP_ERROR_IO;
        }
    }
    struct maker root = {.error = 0};
    snprintf(root.folder, sizeof root.folder, "%s", tree->root);
    for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
        make_link(&root, links[i].path, links[i].target);
    }
    /* libudev listens to udev's messages only where this file exists. */
    make_file(&root, "run/udev/control", "%s", "");
    make_file(&root, "sys" UEVENT_CONTROLLER_PATH "/uevent",
              "DRIVER=vhci_hcd\n"
              "MODALIAS=platform:vhci_hcd\n");
    make_file(&root, "sys" UEVENT_CONTROLLER_PATH "/modalias", "platform:vhci_hcd\n");
    if (root.error) {
        vp_fail(failure, VP_ERROR_IO, "cannot write below %s: %s", base, strerror(errno));
        tree_destroy(tree);
        return VP_ERROR_IO;
    }
    return 0;
}

void tree_destroy(struct tree *tree)
{
    if (*tree->root) {
        remove_folder(tree->root);
        *tree->root = '\0';
    }
}
