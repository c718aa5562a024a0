#include "host/userland/tree/tree.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files/remove_folder.h"
#include "host/userland/tree/maker.h"
#include "host/userland/tree/record.h"
#include "host/userland/udev/uevent.h"

/* Paths below the root. What a folder named here lacks is looked for in the real system. */
static const char *const folders[] = {
    "sys",
    "sys/bus",
    "sys/bus/usb",
    "sys/bus/usb/devices",
    "sys/bus/usb/drivers",
    "sys/bus/usb/drivers/usb",
    "sys/bus/usb/drivers/hub",
    "sys/bus/usb/drivers/cdc_acm",
    "sys/bus/platform",
    "sys/bus/platform/devices",
    "sys/bus/platform/drivers",
    "sys/bus/platform/drivers/vhci_hcd",
    "sys/class",
    "sys/class/tty",
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
    "run/udev/tags/seat",
    "run/udev/tags/systemd",
    "stand-in", /* see paths.h */
    "listing",  /* see listing.h */
    "listing/dev",
    "listing/sys",
    "listing/sys/dev",
    "listing/sys/dev/char",
    "aside", /* device folders while they are made or taken away */
};

static const struct {
    const char *path, *target;
} links[] = {
    {"sys/bus/platform/devices/vhci_hcd.0", "../../../devices/platform/vhci_hcd.0"},
    {"sys/bus/platform/drivers/vhci_hcd/vhci_hcd.0", "../../../../devices/platform/vhci_hcd.0"},
    {"sys/devices/platform/vhci_hcd.0/driver", "../../../bus/platform/drivers/vhci_hcd"},
    {"sys/devices/platform/vhci_hcd.0/subsystem", "../../../bus/platform"},
};

static void make_uevent(struct maker *maker, struct uevent_subject subject)
{
    struct uevent_text text;
    uevent_file(&text, subject);
    maker_bytes(maker, "uevent", text.data, text.length);
}

/* Kernel drivers/usb/core/endpoint.c. */
static int make_endpoint(const struct maker *parent, const struct usb_endpoint *endpoint)
{
    static const char *const types[] = {"Control", "Isoc", "Bulk", "Interrupt"};
    char name[16];
    snprintf(name, sizeof name, "ep_%02x", endpoint->address);
    struct maker maker = maker_folder(parent, name);
    maker_file(&maker, "bEndpointAddress", "%02x\n", endpoint->address);
    maker_file(&maker, "bInterval", "%02x\n", endpoint->interval);
    maker_file(&maker, "bLength", "%02x\n", 7);
    maker_file(&maker, "bmAttributes", "%02x\n", endpoint->attributes);
    maker_file(&maker, "direction", "%s\n",
               (endpoint->attributes & 3) == 0   ? "both"
               : (endpoint->address & 0x80) != 0 ? "in"
                                                 : "out");
    maker_file(&maker, "interval", "%ums\n", endpoint->interval);
    maker_file(&maker, "type", "%s\n", types[endpoint->attributes & 3]);
    maker_file(&maker, "uevent", "%s", "");
    maker_file(&maker, "wMaxPacketSize", "%04x\n", endpoint->max_packet);
    return maker.error;
}

/* Kernel drivers/usb/core/sysfs.c, intf_attr_grp. */
static int make_interface(const struct maker *parent, const struct usb_device *device,
                          const struct usb_alternate *alternate)
{
    struct uevent_subject subject = uevent_interface(device, alternate);
    char path[128];
    uevent_path(subject, path, sizeof path);
    struct maker maker = maker_folder(parent, strrchr(path, '/') + 1);
    maker_file(&maker, "authorized", "1\n");
    maker_file(&maker, "bInterfaceNumber", "%02x\n", alternate->interface);
    maker_file(&maker, "bAlternateSetting", "%2d\n", alternate->number);
    maker_file(&maker, "bNumEndpoints", "%02x\n", alternate->endpoint_count);
    maker_file(&maker, "bInterfaceClass", "%02x\n", alternate->interface_class);
    maker_file(&maker, "bInterfaceSubClass", "%02x\n", alternate->subclass);
    maker_file(&maker, "bInterfaceProtocol", "%02x\n", alternate->protocol);
    maker_remove_file(&maker, "interface"); /* of the setting before */
    maker_text(&maker, "interface", alternate->text);
    maker_file(&maker, "supports_autosuspend", "1\n");
    char alias[96];
    uevent_modalias(subject, alias, sizeof alias);
    maker_text(&maker, "modalias", alias);
    make_uevent(&maker, subject);
    /* /sys/devices/platform/vhci_hcd.0/usb1[/1-1]/1-1:1.0 */
    const char *bus = device->port ? "../../../../../../bus/usb" : "../../../../../bus/usb";
    maker_link(&maker, "subsystem", bus);
    if (uevent_driver(subject)) {
        char target[64];
        snprintf(target, sizeof target, "%s/drivers/%s", bus, uevent_driver(subject));
        maker_link(&maker, "driver", target);
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
        maker_file(maker, "bConfigurationValue", "%s", "");
        maker_file(maker, "bNumInterfaces", "%s", "");
        maker_file(maker, "bmAttributes", "%s", "");
        maker_file(maker, "bMaxPower", "%s", "");
        maker_file(maker, "configuration", "%s", "");
        return;
    }
    maker_file(maker, "bConfigurationValue", "%u\n", active->value);
    maker_file(maker, "bNumInterfaces", "%2d\n", active->interface_count);
    maker_file(maker, "bmAttributes", "%2x\n", active->attributes);
    maker_file(maker, "bMaxPower", "%umA\n", active->max_power * 2u);
    if (device->configuration_text) {
        maker_file(maker, "configuration", "%s\n", device->configuration_text);
    } else {
        maker_file(maker, "configuration", "%s", "");
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
    maker_bytes(maker, "descriptors", all, size);
    free(all);
}

/* Kernel drivers/usb/core/sysfs.c, dev_attr_grp. */
static void make_device(struct maker *maker, const struct usb_device *device)
{
    static const char *const speeds[] = {"unknown", "1.5", "12", "480"};
    const uint8_t *descriptor = device->descriptor;
    maker_file(maker, "idVendor", "%04x\n", usb_vendor(device));
    maker_file(maker, "idProduct", "%04x\n", usb_product(device));
    maker_file(maker, "bcdDevice", "%04x\n", usb_release(device));
    maker_file(maker, "bDeviceClass", "%02x\n", descriptor[4]);
    maker_file(maker, "bDeviceSubClass", "%02x\n", descriptor[5]);
    maker_file(maker, "bDeviceProtocol", "%02x\n", descriptor[6]);
    maker_file(maker, "bMaxPacketSize0", "%u\n", descriptor[7]);
    maker_file(maker, "bNumConfigurations", "%u\n", descriptor[17]);
    maker_file(maker, "version", "%2x.%02x\n", descriptor[3], descriptor[2]);
    maker_file(maker, "busnum", "%u\n", (unsigned)USB_BUS_NUMBER);
    maker_file(maker, "devnum", "%u\n", device->number);
    maker_file(maker, "dev", "%u:%u\n", (unsigned)USB_MAJOR, usb_minor(device));
    maker_file(maker, "devpath", "%u\n", device->port);
    maker_file(maker, "speed", "%s\n", speeds[device->speed & 3]);
    maker_file(maker, "maxchild", "%u\n", device->max_child);
    maker_file(maker, "rx_lanes", "1\n");
    maker_file(maker, "tx_lanes", "1\n");
    maker_file(maker, "removable", "unknown\n");
    maker_file(maker, "authorized", "1\n");
    maker_file(maker, "avoid_reset_quirk", "0\n");
    maker_file(maker, "quirks", "0x0\n");
    maker_file(maker, "ltm_capable", "no\n");
    maker_file(maker, "urbnum", "0\n");
    if (device->port == 0) { /* usb_bus_attrs */
        maker_file(maker, "authorized_default", "1\n");
        maker_file(maker, "interface_authorized_default", "1\n");
    }
    maker_text(maker, "manufacturer", device->manufacturer);
    maker_text(maker, "product", device->product);
    maker_text(maker, "serial", device->serial);
    make_descriptors(maker, device);
    make_uevent(maker, uevent_device(device));
    const struct usb_endpoint control = {.max_packet = descriptor[7]};
    if (make_endpoint(maker, &control)) {
        maker->error = VP_ERROR_IO;
    }
    const char *bus = device->port ? "../../../../../bus/usb" : "../../../../bus/usb";
    char driver[64];
    snprintf(driver, sizeof driver, "%s/drivers/usb", bus);
    maker_link(maker, "subsystem", bus);
    maker_link(maker, "driver", driver);
    make_configuration(maker, device);
}

static void remove_aside(struct tree *tree, const char *path)
{
    char aside[MAKER_PATH_SIZE];
    snprintf(aside, sizeof aside, "%s/aside/%u", tree->root, tree->counter++);
    if (rename(path, aside) == 0) {
        vp_remove_folder(aside);
    }
}

/* Calls visit for the device itself and for each interface. */
static void each_subject(struct tree *tree, const struct usb_device *device,
                         void (*visit)(struct maker *root, struct uevent_subject subject))
{
    struct maker root = {.error = 0};
    snprintf(root.folder, sizeof root.folder, "%s", tree->root);
    visit(&root, uevent_device(device));
    for (unsigned i = 0; i < USB_INTERFACES_MAX; i++) {
        const struct usb_alternate *alternate = usb_device_current(device, i);
        if (alternate) {
            visit(&root, uevent_interface(device, alternate));
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
    maker_link(root, name, target);
    if (uevent_driver(subject)) {
        snprintf(name, sizeof name, "sys/bus/usb/drivers/%s/%s", uevent_driver(subject),
                 strrchr(path, '/') + 1);
        snprintf(target, sizeof target, "../../../..%s", path);
        maker_link(root, name, target);
    }
    if (!subject.interface) {
        snprintf(name, sizeof name, "sys/dev/char/%u:%u", (unsigned)USB_MAJOR,
                 usb_minor(subject.device));
        snprintf(target, sizeof target, "../..%s", path);
        maker_link(root, name, target);
    }
    record_write(root, subject);
}

static void remove_names(struct maker *root, struct uevent_subject subject)
{
    char path[128];
    char name[MAKER_PATH_SIZE + MAKER_NAME_SIZE];
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
    record_remove(root->folder, subject);
}

static void node_path(const struct tree *tree, const struct usb_device *device, char *path)
{
    snprintf(path, MAKER_PATH_SIZE, "%s/dev/bus/usb/%03u/%03u", tree->root,
             (unsigned)USB_BUS_NUMBER, device->number);
}

static void device_path(const struct tree *tree, const struct usb_device *device, char *path)
{
    char below[128];
    uevent_path(uevent_device(device), below, sizeof below);
    snprintf(path, MAKER_PATH_SIZE, "%s/sys%s", tree->root, below);
}

/* The node of a tool that only reads is this file: read() gives the descriptors (usbfs does too).
 */
static int make_node(const struct tree *tree, const struct usb_device *device)
{
    char path[MAKER_PATH_SIZE];
    char source[MAKER_PATH_SIZE + 16];
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
    char path[MAKER_PATH_SIZE];
    struct maker maker = {.error = 0};
    snprintf(maker.folder, sizeof maker.folder, "%s/aside/%u", tree->root, tree->counter++);
    if (mkdir(maker.folder, 0755)) {
        return VP_ERROR_IO;
    }
    make_device(&maker, device);
    device_path(tree, device, path);
    if (maker.error || rename(maker.folder, path)) {
        vp_remove_folder(maker.folder);
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

/* A driver was bound to the interface: its folder and the driver's show that. */
void tree_show_driver(struct tree *tree, const struct usb_device *device,
                      const struct usb_alternate *alternate)
{
    struct maker device_folder = {.error = 0};
    struct maker root = {.error = 0};
    snprintf(root.folder, sizeof root.folder, "%s", tree->root);
    device_path(tree, device, device_folder.folder);
    make_interface(&device_folder, device, alternate);
    add_names(&root, uevent_interface(device, alternate));
}

void tree_hide_driver(struct tree *tree, const struct usb_device *device,
                      const struct usb_alternate *alternate)
{
    struct uevent_subject subject = uevent_interface(device, alternate);
    char path[128];
    char name[MAKER_PATH_SIZE + MAKER_NAME_SIZE];
    uevent_path(subject, path, sizeof path);
    snprintf(name, sizeof name, "%s/sys/bus/usb/drivers/%s/%s", tree->root, uevent_driver(subject),
             strrchr(path, '/') + 1);
    unlink(name);
    snprintf(name, sizeof name, "%s/sys%s/driver", tree->root, path);
    unlink(name);
    /* Without its driver the interface's `uevent` says less. */
    struct uevent_text text;
    struct maker folder = {.error = 0};
    struct usb_device unbound = *device;
    unbound.driver[alternate->interface] = NULL;
    snprintf(folder.folder, sizeof folder.folder, "%s/sys%s", tree->root, path);
    uevent_file(&text, uevent_interface(&unbound, alternate));
    maker_bytes(&folder, "uevent", text.data, text.length);
}

void tree_remove(struct tree *tree, const struct usb_device *device)
{
    char path[MAKER_PATH_SIZE];
    node_path(tree, device, path);
    unlink(path);
    each_subject(tree, device, remove_names);
    device_path(tree, device, path);
    remove_aside(tree, path);
}

/* The folder itself. Its path is short, so that all paths below it have room. */
static int make_root(struct tree *tree, const char *base, struct vp_failure *failure)
{
    char path[MAKER_PATH_SIZE];
    char real[PATH_MAX];
    snprintf(path, sizeof path, "%s/vparticle-host-XXXXXX", base);
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
    return 0;
}

static int make_folders(const struct tree *tree, struct vp_failure *failure)
{
    char path[MAKER_PATH_SIZE];
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        snprintf(path, sizeof path, "%s/%s", tree->root, folders[i]);
        if (mkdir(path, 0755)) {
            return vp_fail(failure, VP_ERROR_IO, "cannot create %s: %s", path, strerror(errno));
        }
    }
    return 0;
}

static int make_files(const struct tree *tree, struct vp_failure *failure)
{
    struct maker root = {.error = 0};
    snprintf(root.folder, sizeof root.folder, "%s", tree->root);
    for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
        maker_link(&root, links[i].path, links[i].target);
    }
    /* libudev listens to udev's messages only where this file exists. */
    maker_file(&root, "run/udev/control", "%s", "");
    maker_file(&root, "sys" UEVENT_CONTROLLER_PATH "/uevent",
               "DRIVER=vhci_hcd\n"
               "MODALIAS=platform:vhci_hcd\n");
    maker_file(&root, "sys" UEVENT_CONTROLLER_PATH "/modalias", "platform:vhci_hcd\n");
    return root.error ? vp_fail(failure, VP_ERROR_IO, "cannot write below %s: %s", tree->root,
                                strerror(errno))
                      : 0;
}

int tree_create(struct tree *tree, struct vp_failure *failure)
{
    const char *base = getenv("TMPDIR");
    *tree = (struct tree){.root = ""};
    int error = make_root(tree, base && strlen(base) <= 64 ? base : "/tmp", failure);
    if (!error) {
        error = make_folders(tree, failure);
    }
    if (!error) {
        error = make_files(tree, failure);
    }
    if (error) {
        tree_destroy(tree);
    }
    return error;
}

void tree_destroy(struct tree *tree)
{
    if (*tree->root) {
        vp_remove_folder(tree->root);
        *tree->root = '\0';
    }
}
