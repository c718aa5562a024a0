#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <errno.h>
#include <ftw.h>

#include <cmocka.h>

#include "host/userland/tree/paths.h"
#include "host/userland/tree/tree.h"
#include "host/userland/udev/uevent.h"
#include "host/userland/usb/usb_device.h"

/* Two configurations; the first has a DFU interface with two alternate settings and, as interface
 * 1, one with an endpoint. */
static const uint8_t device_descriptor[USB_DEVICE_DESCRIPTOR_SIZE] = {
    18, 1, 0x00, 0x02, 0, 0, 0, 64, 0x04, 0x2B, 0x06, 0xD0, 0x50, 0x02, 1, 2, 3, 2,
};
static const uint8_t first[] = {
    9, 2,    52,   0,   2,  1,    0,  0xC0, 50,   /* configuration 1 */
    9, 4,    0,    0,   0,  0xFE, 1,  2,    6,    /* DFU, alternate setting 0 */
    9, 4,    0,    1,   0,  0xFE, 1,  2,    7,    /* ... 1 */
    9, 0x21, 11,   255, 0,  0,    16, 0x1A, 0x01, /* DFU functional */
    9, 4,    1,    0,   1,  0xFF, 0,  0,    0,    /* vendor specific */
    7, 5,    0x81, 3,   64, 0,    10,             /* interrupt IN */
};
static const uint8_t second[] = {9, 2, 9, 0, 0, 2, 0, 0x80, 25};

static struct usb_device make_device(void)
{
    struct usb_device device = {.number = 2, .port = 1, .speed = USB_SPEED_FULL};
    memcpy(device.descriptor, device_descriptor, sizeof device_descriptor);
    assert_int_equal(usb_device_add_configuration(&device, first, sizeof first), 0);
    usb_device_select(&device, 1);
    assert_int_equal(usb_device_add_configuration(&device, second, sizeof second), 0);
    device.manufacturer = strdup("Particle");
    device.product = strdup("Photon DFU Mode");
    device.serial = strdup("30003a000a47343432313031");
    usb_device_set_text(&device, 0, 0, strdup("@Internal Flash"));
    return device;
}

/* ---- Descriptors --------------------------------------------------------------------------- */

static void descriptors_are_taken_apart(void **state)
{
    (void)state;
    struct usb_device device = make_device();
    assert_int_equal(device.configuration_count, 2);
    assert_int_equal(device.active->value, 1);
    assert_int_equal(device.active->alternate_count, 3);
    assert_int_equal(usb_device_alternate_count(&device, 0), 2);
    assert_int_equal(usb_device_current(&device, 0)->text_index, 6);
    device.alternate[0] = 1;
    assert_int_equal(usb_device_current(&device, 0)->text_index, 7);
    assert_int_equal(usb_device_endpoint_owner(&device, 0x81)->interface, 1);
    assert_null(usb_device_endpoint_owner(&device, 0x01));
    assert_null(usb_device_current(&device, 2));
    usb_device_select(&device, 0);
    assert_null(usb_device_current(&device, 0));
    usb_device_clear(&device);
}

static void bad_descriptors_are_refused(void **state)
{
    (void)state;
    struct usb_device device = {.number = 2};
    uint8_t bad[sizeof first];
    assert_int_equal(usb_device_add_configuration(&device, first, 8), VP_ERROR_INVALID);
    assert_int_equal(usb_device_add_configuration(&device, first, sizeof first - 1),
                     VP_ERROR_INVALID);
    memcpy(bad, first, sizeof first);
    bad[9] = 0; /* a descriptor of no length */
    assert_int_equal(usb_device_add_configuration(&device, bad, sizeof bad), VP_ERROR_INVALID);
    memcpy(bad, first, sizeof first);
    bad[11] = 32; /* an interface number beyond all tables */
    assert_int_equal(usb_device_add_configuration(&device, bad, sizeof bad), VP_ERROR_INVALID);
    assert_int_equal(device.configuration_count, 0);
    usb_device_clear(&device);
}

static void texts_become_utf_8(void **state)
{
    (void)state;
    static const uint8_t text[] = {12, 3, 'A', 0, 0xE9, 0, 0xAC, 0x20, 0x3D, 0xD8, 0x00, 0xDE};
    char *decoded = usb_text_decode(text, sizeof text);
    assert_string_equal(decoded, "A\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
    free(decoded);
    static const uint8_t broken[] = {6, 3, 0x3D, 0xD8, 'B', 0};
    decoded = usb_text_decode(broken, sizeof broken);
    assert_string_equal(decoded, "?B");
    free(decoded);
    decoded = usb_text_decode(text, 5); /* cut in the middle of a character */
    assert_string_equal(decoded, "A");
    free(decoded);
    assert_null(usb_text_decode(text, 1));
    assert_null(usb_text_decode(device_descriptor, sizeof device_descriptor));
}

/* ---- Uevents --------------------------------------------------------------------------------- */

/* The values that libudev 252 compares with, from the socket filter that it attaches. */
static void hashes_are_those_of_libudev(void **state)
{
    (void)state;
    assert_int_equal(uevent_hash("usb"), 0x0577C5E5);
    assert_int_equal(uevent_hash("usb_device"), 0x27F8F50C);
    assert_int_equal(uevent_hash("usb_interface"), 0xB1024765);
}

static void kernel_messages_have_the_kernels_form(void **state)
{
    (void)state;
    struct usb_device device = make_device();
    struct uevent_text text;
    uevent_kernel_message(&text, "add", uevent_device(&device), 42);
    static const char expected[] =
        "add@/devices/platform/vhci_hcd.0/usb1/1-1\0ACTION=add\0"
        "DEVPATH=/devices/platform/vhci_hcd.0/usb1/1-1\0SUBSYSTEM=usb\0MAJOR=189\0MINOR=1\0"
        "DEVNAME=bus/usb/001/002\0DEVTYPE=usb_device\0DRIVER=usb\0PRODUCT=2b04/d006/250\0"
        "TYPE=0/0/0\0BUSNUM=001\0DEVNUM=002\0SEQNUM=42";
    assert_int_equal(text.length, sizeof expected);
    assert_memory_equal(text.data, expected, sizeof expected);

    uevent_kernel_message(&text, "remove",
                          uevent_interface(&device, usb_device_current(&device, 0)), 43);
    static const char interface[] =
        "remove@/devices/platform/vhci_hcd.0/usb1/1-1/1-1:1.0\0ACTION=remove\0"
        "DEVPATH=/devices/platform/vhci_hcd.0/usb1/1-1/1-1:1.0\0SUBSYSTEM=usb\0"
        "DEVTYPE=usb_interface\0PRODUCT=2b04/d006/250\0TYPE=0/0/0\0INTERFACE=254/1/2\0"
        "MODALIAS=usb:v2B04pD006d0250dc00dsc00dp00icFEisc01ip02in00\0SEQNUM=43";
    assert_int_equal(text.length, sizeof interface);
    assert_memory_equal(text.data, interface, sizeof interface);
    usb_device_clear(&device);
}

static bool has_part(const struct uevent_text *text, size_t from, const char *part)
{
    for (size_t at = from; at < text->length; at += strlen(text->data + at) + 1) {
        if (strcmp(text->data + at, part) == 0) {
            return true;
        }
    }
    return false;
}

static void udev_messages_have_udevs_form(void **state)
{
    (void)state;
    struct usb_device device = make_device();
    struct uevent_text text;
    uint32_t words[10];
    uevent_udev_message(&text, "add", uevent_device(&device), 7);
    memcpy(words, text.data, sizeof words);
    assert_string_equal(text.data, "libudev");
    assert_int_equal(ntohl(words[2]), 0xFEEDCAFE);
    assert_int_equal(words[3], 40);
    assert_int_equal(words[4], 40);
    assert_int_equal(words[4] + words[5], text.length);
    assert_int_equal(ntohl(words[6]), uevent_hash("usb"));
    assert_int_equal(ntohl(words[7]), uevent_hash("usb_device"));
    assert_true(has_part(&text, 40, "DEVNAME=/dev/bus/usb/001/002"));
    assert_true(has_part(&text, 40, "ID_MODEL=Photon_DFU_Mode"));
    assert_true(has_part(&text, 40, "ID_MODEL_ENC=Photon\\x20DFU\\x20Mode"));
    assert_true(has_part(&text, 40, "ID_SERIAL_SHORT=30003a000a47343432313031"));
    assert_true(has_part(&text, 40, "ID_USB_INTERFACES=:fe0102:ff0000:"));
    usb_device_clear(&device);
}

/* As udevadm shows them with a real kernel and systemd 252. */
static void properties_are_those_of_udevs_rules(void **state)
{
    (void)state;
    struct usb_device device = make_device();
    struct usb_device hub = {.number = 1, .descriptor = {18, 1, 0, 2, 9}};
    const struct uevent_subject interface =
        uevent_interface(&device, usb_device_current(&device, 0));
    struct uevent_text text;
    uevent_udev_message(&text, "add", uevent_device(&device), 7);
    assert_true(has_part(&text, 40, "DRIVER=usb"));
    assert_true(has_part(&text, 40, "ID_USB_MODEL=Photon_DFU_Mode"));
    assert_true(has_part(&text, 40, "ID_USB_SERIAL_SHORT=30003a000a47343432313031"));
    assert_true(has_part(&text, 40, "ID_PATH=platform-vhci_hcd.0-usb-0:1"));
    assert_true(has_part(&text, 40, "ID_PATH_TAG=platform-vhci_hcd_0-usb-0_1"));
    assert_true(has_part(&text, 40, "ID_FOR_SEAT=usb-platform-vhci_hcd_0-usb-0_1"));
    assert_true(has_part(&text, 40, "TAGS=:seat:"));
    uevent_udev_message(&text, "add", interface, 8);
    assert_true(has_part(&text, 40, "ID_PATH=platform-vhci_hcd.0-usb-0:1:1.0"));
    assert_false(has_part(&text, 40, "TAGS=:seat:"));
    uevent_udev_message(&text, "add", uevent_tty(&device, interface.interface, 0), 9);
    assert_true(has_part(&text, 40, "ID_USB_TYPE=generic"));
    assert_true(has_part(&text, 40, "TAGS=:systemd:"));
    uevent_udev_message(&text, "add", uevent_device(&hub), 10);
    assert_true(has_part(&text, 40, "ID_PATH=platform-vhci_hcd.0"));
    assert_true(has_part(&text, 40, "ID_FOR_SEAT=usb-platform-vhci_hcd_0"));
    device.is_unbound = true;
    uevent_kernel_message(&text, "remove", uevent_device(&device), 11);
    assert_false(has_part(&text, 0, "DRIVER=usb"));
    usb_device_clear(&device);
}

/* udev replaces what could lead a name elsewhere, and spaces only once. */
static void names_are_made_safe(void **state)
{
    (void)state;
    struct usb_device device = make_device();
    struct uevent_text text;
    free(device.product);
    device.product = strdup("  USB/IP \t Host ");
    uevent_udev_message(&text, "add", uevent_device(&device), 7);
    assert_true(has_part(&text, 40, "ID_MODEL=USB_IP_Host"));
    usb_device_clear(&device);
}

/* What a device may call itself is up to the device. */
static void hostile_texts_stay_within_their_line(void **state)
{
    (void)state;
    struct usb_device device = make_device();
    struct uevent_text text;
    free(device.product);
    device.product = malloc(2000);
    memset(device.product, '\n', 1999);
    device.product[1999] = '\0';
    free(device.serial);
    device.serial = strdup("a\nE:DEVNAME=/etc/passwd");
    uevent_record(&text, uevent_device(&device));
    assert_true(text.length < sizeof text.data);
    assert_null(memmem(text.data, text.length, "\nE:DEVNAME", 10));
    assert_non_null(memmem(text.data, text.length, "E:ID_SERIAL_SHORT=a_E:DEVNAME", 28));
    usb_device_clear(&device);
}

/* ---- The tree ------------------------------------------------------------------------------- */

static struct tree tree;
static struct usb_device shown;

static int make_tree(void **state)
{
    (void)state;
    struct usb_device hub = {.number = 1, .max_child = 15, .speed = USB_SPEED_HIGH};
    shown = make_device();
    if (tree_create(&tree, NULL) || tree_add(&tree, &hub)) {
        return -1;
    }
    return tree_add(&tree, &shown);
}

static int drop_tree(void **state)
{
    (void)state;
    char root[sizeof tree.root];
    memcpy(root, tree.root, sizeof root);
    tree_destroy(&tree);
    usb_device_clear(&shown);
    return access(root, F_OK) == 0; /* nothing may be left */
}

static void file_has(const char *path, const char *contents)
{
    char file[512];
    char text[512];
    paths_file(tree.root, path, file, sizeof file);
    FILE *stream = fopen(file, "r");
    if (!stream) {
        fail_msg("%s is missing", path);
    }
    text[fread(text, 1, sizeof text - 1, stream)] = '\0';
    fclose(stream);
    if (strcmp(text, contents) != 0) {
        fail_msg("%s has '%s' instead of '%s'", path, text, contents);
    }
}

static void attributes_look_like_the_kernels(void **state)
{
    (void)state;
    static const char *const attributes[][2] = {
        {"idVendor", "2b04\n"},
        {"idProduct", "d006\n"},
        {"bcdDevice", "0250\n"},
        {"busnum", "1\n"},
        {"devnum", "2\n"},
        {"devpath", "1\n"},
        {"speed", "12\n"},
        {"version", " 2.00\n"},
        {"bConfigurationValue", "1\n"},
        {"bNumInterfaces", " 2\n"},
        {"bNumConfigurations", "2\n"},
        {"bmAttributes", "c0\n"},
        {"bMaxPower", "100mA\n"},
        {"bMaxPacketSize0", "64\n"},
        {"configuration", ""},
        {"maxchild", "0\n"},
        {"serial", "30003a000a47343432313031\n"},
        {"dev", "189:1\n"},
        {"1-1:1.0/bInterfaceNumber", "00\n"},
        {"1-1:1.0/bAlternateSetting", " 0\n"},
        {"1-1:1.0/bNumEndpoints", "00\n"},
        {"1-1:1.0/bInterfaceClass", "fe\n"},
        {"1-1:1.0/interface", "@Internal Flash\n"},
        {"1-1:1.0/modalias", "usb:v2B04pD006d0250dc00dsc00dp00icFEisc01ip02in00\n"},
        {"1-1:1.1/ep_81/wMaxPacketSize", "0040\n"},
        {"1-1:1.1/ep_81/type", "Interrupt\n"},
        {"subsystem/devices/1-1/devnum", "2\n"},
        {"driver/1-1/devnum", "2\n"},
        {"1-1:1.0/subsystem/devices/usb1/devnum", "1\n"},
    };
    for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++) {
        char path[256];
        snprintf(path, sizeof path, "/sys/bus/usb/devices/1-1/%s", attributes[i][0]);
        file_has(path, attributes[i][1]);
    }
    file_has("/sys/dev/char/189:1/uevent",
             "MAJOR=189\nMINOR=1\nDEVNAME=bus/usb/001/002\nDEVTYPE=usb_device\nDRIVER=usb\n"
             "PRODUCT=2b04/d006/250\nTYPE=0/0/0\nBUSNUM=001\nDEVNUM=002\n");
    char file[512];
    struct stat status;
    paths_file(tree.root, "/sys/bus/usb/devices/1-1/descriptors", file, sizeof file);
    assert_int_equal(stat(file, &status), 0);
    assert_int_equal(status.st_size, sizeof device_descriptor + sizeof first + sizeof second);
    assert_int_equal(stat(tree.root, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
}

static unsigned links_seen;

static int check_link(const char *path, const struct stat *status, int kind, struct FTW *position)
{
    (void)status;
    (void)position;
    if (kind != FTW_SL && kind != FTW_SLN) {
        return 0;
    }
    char target[512];
    struct stat found;
    ssize_t length = readlink(path, target, sizeof target - 1);
    assert_true(length > 0);
    target[length] = '\0';
    if (*target == '/' || stat(path, &found)) {
        fail_msg("%s -> %s leads out of the tree", path, target);
    }
    links_seen++;
    return 0;
}

static unsigned check_links(void)
{
    links_seen = 0;
    assert_int_equal(nftw(tree.root, check_link, 16, FTW_PHYS), 0);
    return links_seen;
}

static void links_are_relative_and_lead_somewhere(void **state)
{
    (void)state;
    assert_true(check_links() >= 10);
}

static void alternate_settings_are_shown(void **state)
{
    (void)state;
    shown.alternate[0] = 1;
    assert_int_equal(tree_refresh(&tree, &shown), 0);
    file_has("/sys/bus/usb/devices/1-1:1.0/bAlternateSetting", " 1\n");
}

static void a_device_that_leaves_leaves_nothing(void **state)
{
    (void)state;
    char file[512];
    static const char *const gone[] = {
        "/dev/bus/usb/001/002",
        "/sys/bus/usb/devices/1-1",
        "/sys/dev/char/189:1",
        "/sys/bus/usb/devices/1-1:1.0",
        "/run/udev/data/c189:1",
        "/run/udev/data/+usb:1-1:1.0",
        "/sys/devices/platform/vhci_hcd.0/usb1/1-1",
    };
    tree_remove(&tree, &shown);
    for (size_t i = 0; i < sizeof gone / sizeof *gone; i++) {
        struct stat status;
        paths_file(tree.root, gone[i], file, sizeof file);
        if (lstat(file, &status) == 0) {
            fail_msg("%s is still there", gone[i]);
        }
    }
    assert_true(check_links() >= 4);
    assert_int_equal(tree_add(&tree, &shown), 0);
}

/* ---- Paths ---------------------------------------------------------------------------------- */

static void leads_to(const char *path, bool follow, enum place place, const char *seen)
{
    static struct location location;
    paths_locate(tree.root, path, follow, &location);
    if (location.place != place || (place == PLACE_TREE && strcmp(location.path, seen) != 0)) {
        fail_msg("%s leads to place %d, '%s'", path, location.place,
                 location.place == PLACE_TREE ? location.path : "");
    }
    /* What the quick look lets go by must be real. */
    if (place != PLACE_REAL) {
        assert_true(paths_may_concern(tree.root, path));
    }
}

static void paths_lead_where_they_should(void **state)
{
    (void)state;
    static const char device[] = "/sys/devices/platform/vhci_hcd.0/usb1/1-1";
    leads_to("/sys/bus/usb/devices/1-1", true, PLACE_TREE, device);
    leads_to("/sys/bus/usb/devices/1-1", false, PLACE_TREE, "/sys/bus/usb/devices/1-1");
    leads_to("/sys/bus/usb/devices/1-1/", false, PLACE_TREE, device);
    leads_to("//sys/./bus//usb/devices/1-1/.", false, PLACE_TREE, device);
    leads_to("/sys/bus/usb/devices/1-1/../../usb1", true, PLACE_TREE,
             "/sys/devices/platform/vhci_hcd.0/usb1");
    leads_to("/usr/../sys/bus/usb", true, PLACE_TREE, "/sys/bus/usb");
    leads_to("/dev/bus/usb/001/002", true, PLACE_TREE, "/dev/bus/usb/001/002");
    leads_to("/run/udev/control", true, PLACE_TREE, "/run/udev/control");
    leads_to("/var/run/udev/control", true, PLACE_TREE, "/run/udev/control");
    leads_to("/sys/class", true, PLACE_TREE, "/sys/class");
    char inside[256];
    snprintf(inside, sizeof inside, "%s/dev/bus", tree.root);
    leads_to(inside, true, PLACE_TREE, "/dev/bus");
}

static void what_is_not_ours_is_real(void **state)
{
    (void)state;
    static const char *const real[] = {
        "/",        "/sys",      "/dev",         "/dev/null",      "/sys/class/net", "/etc/passwd",
        "/dev/tty", "/run/lock", "/sys/bus/pci", "/sys/dev/block", "/tmp",
    };
    for (size_t i = 0; i < sizeof real / sizeof *real; i++) {
        leads_to(real[i], true, PLACE_REAL, NULL);
    }
}

/* Real hardware on this machine must stay out of sight. */
static void the_real_usb_is_hidden(void **state)
{
    (void)state;
    static const char *const hidden[] = {
        "/sys/bus/usb/devices/2-1", "/dev/bus/usb/002/001",     "/dev/bus/usb/001/009",
        "/sys/dev/char/189:129",    "/sys/bus/usb/drivers/hid", "/dev/ttyACM0",
        "/dev/serial/by-id",        "/run/udev/data/b8:0",      "/dev/ttyUSB3",
    };
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++) {
        leads_to(hidden[i], true, PLACE_MISSING, NULL);
    }
    struct location location;
    paths_locate(tree.root, "/sys/bus/usb/devices/1-1/idVendor/x", true, &location);
    assert_int_equal(location.place, PLACE_MISSING);
    assert_int_equal(location.error, ENOTDIR);
}

static void the_quick_look_lets_most_files_by(void **state)
{
    (void)state;
    assert_false(paths_may_concern(tree.root, "/usr/lib/libusb-1.0.so.0"));
    assert_false(paths_may_concern(tree.root, "/system"));
    assert_true(paths_may_concern(tree.root, "/./sys"));
    assert_true(paths_may_concern(tree.root, "/"));
}

static void links_have_stand_ins(void **state)
{
    (void)state;
    char stand_in[256];
    char path[256];
    paths_stand_in("/sys/bus/usb/devices/1-1", stand_in, sizeof stand_in);
    assert_null(strchr(stand_in + strlen("/stand-in/"), '/'));
    assert_true(paths_stands_for(stand_in, path, sizeof path));
    assert_string_equal(path, "/sys/bus/usb/devices/1-1");
    assert_false(paths_stands_for("/sys/bus/usb", path, sizeof path));
    leads_to("/stand-in", true, PLACE_REAL, NULL);
}

static void nodes_are_recognised(void **state)
{
    (void)state;
    unsigned bus;
    unsigned number;
    assert_true(paths_is_node("/dev/bus/usb/001/002", &bus, &number));
    assert_int_equal(bus, 1);
    assert_int_equal(number, 2);
    assert_false(paths_is_node("/dev/bus/usb/001", &bus, &number));
    assert_false(paths_is_node("/dev/bus/usb/001/002/x", &bus, &number));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(descriptors_are_taken_apart),
        cmocka_unit_test(bad_descriptors_are_refused),
        cmocka_unit_test(texts_become_utf_8),
        cmocka_unit_test(hashes_are_those_of_libudev),
        cmocka_unit_test(kernel_messages_have_the_kernels_form),
        cmocka_unit_test(udev_messages_have_udevs_form),
        cmocka_unit_test(properties_are_those_of_udevs_rules),
        cmocka_unit_test(names_are_made_safe),
        cmocka_unit_test(hostile_texts_stay_within_their_line),
        cmocka_unit_test(attributes_look_like_the_kernels),
        cmocka_unit_test(links_are_relative_and_lead_somewhere),
        cmocka_unit_test(alternate_settings_are_shown),
        cmocka_unit_test(a_device_that_leaves_leaves_nothing),
        cmocka_unit_test(paths_lead_where_they_should),
        cmocka_unit_test(what_is_not_ours_is_real),
        cmocka_unit_test(the_real_usb_is_hidden),
        cmocka_unit_test(the_quick_look_lets_most_files_by),
        cmocka_unit_test(links_have_stand_ins),
        cmocka_unit_test(nodes_are_recognised),
    };
    return cmocka_run_group_tests_name("host", tests, make_tree, drop_tree);
}
