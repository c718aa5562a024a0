#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <dirent.h>

#include <cmocka.h>

#include "host/userland/serial/cdc.h"
#include "host/userland/tree/listing.h"
#include "host/userland/tree/paths.h"
#include "host/userland/tree/tree.h"

/* The pure parts of the serial ports under the userland host. */
static const uint8_t device_descriptor[USB_DEVICE_DESCRIPTOR_SIZE] = {
    18, 1, 0x10, 0x01, 2, 0, 0, 64, 0x04, 0x2B, 0x06, 0xC0, 0x50, 0x02, 1, 2, 3, 1,
};

/* Offsets into this are used below to spoil it. */
static const uint8_t serial[] = {
    9, 2,    67,   0,    2,    1,  0,  0xC0, 50, /* 0: configuration */
    9, 4,    0,    0,    1,    2,  2,  1,    0,  /* 9: control interface */
    5, 0x24, 0,    0x10, 0x01,                   /* 18: header */
    5, 0x24, 1,    0,    1,                      /* 23: call management */
    4, 0x24, 2,    6,                            /* 28: abstract control management */
    5, 0x24, 6,    0,    1,                      /* 32: union */
    7, 5,    0x82, 3,    10,   0,  16,           /* 37: notifications */
    9, 4,    1,    0,    2,    10, 0,  0,    0,  /* 44: data interface */
    7, 5,    0x01, 2,    64,   0,  0,            /* 53: out */
    7, 5,    0x81, 2,    64,   0,  0,            /* 60: in */
};
enum { CONTROL = 9, CALL = 23, UNION = 32, NOTIFY = 37, DATA = 44, OUT = 53, IN = 60 };

static struct usb_device make_device(const uint8_t *bytes, size_t size)
{
    struct usb_device device = {.number = 2, .port = 1, .speed = USB_SPEED_FULL};
    memcpy(device.descriptor, device_descriptor, sizeof device_descriptor);
    assert_int_equal(usb_device_add_configuration(&device, bytes, size), 0);
    usb_device_select(&device, 1);
    device.manufacturer = strdup("Particle");
    device.product = strdup("Photon/with WiFi");
    device.serial = strdup("../0123");
    return device;
}

/* ---- Which interfaces are a serial port ------------------------------------------------------ */

static void a_serial_port_is_found(void **state)
{
    (void)state;
    struct usb_device device = make_device(serial, sizeof serial);
    struct cdc_function function;
    assert_true(cdc_find(&device, 0, &function));
    assert_int_equal(function.control, 0);
    assert_int_equal(function.data, 1);
    assert_int_equal(function.capabilities, 6);
    assert_int_equal(function.notify.address, 0x82);
    assert_int_equal(function.in.address, 0x81);
    assert_int_equal(function.out.address, 0x01);
    assert_int_equal(function.in.max_packet, 64);
    assert_false(cdc_find(&device, 1, &function)); /* the data interface alone is none */
    assert_false(cdc_find(&device, 2, &function));
    assert_false(cdc_find(&device, 300, &function));
    usb_device_select(&device, 0);
    assert_false(cdc_find(&device, 0, &function));
    usb_device_clear(&device);
}

static bool is_found_with(unsigned at, uint8_t value)
{
    uint8_t bytes[sizeof serial];
    struct cdc_function function;
    memcpy(bytes, serial, sizeof bytes);
    bytes[at] = value;
    struct usb_device device = make_device(bytes, sizeof bytes);
    bool found = cdc_find(&device, 0, &function);
    usb_device_clear(&device);
    return found;
}

static void odd_descriptors_are_taken_as_the_kernel_takes_them(void **state)
{
    (void)state;
    assert_true(is_found_with(CONTROL + 7, 0));     /* protocol: none */
    assert_true(is_found_with(CONTROL + 7, 6));     /* CDMA */
    assert_false(is_found_with(CONTROL + 7, 0xFF)); /* vendor specific: RNDIS is such a one */
    assert_false(is_found_with(CONTROL + 5, 0xFF));
    assert_false(is_found_with(CONTROL + 6, 6)); /* Ethernet */
    assert_false(is_found_with(UNION + 4, 9));   /* a data interface that isn't there */
    assert_false(is_found_with(UNION + 3, 9));
    assert_false(is_found_with(DATA + 5, 8));    /* ... that is for something else */
    assert_true(is_found_with(UNION + 2, 0x7F)); /* no union: call management says it */
    assert_false(is_found_with(IN + 2, 0x02));   /* two directions, please */
    assert_false(is_found_with(NOTIFY + 2, 0x02));
    assert_false(is_found_with(DATA + 3, 1)); /* not the setting that is selected */
}

static void one_interface_may_have_it_all(void **state)
{
    (void)state;
    static const uint8_t combined[] = {
        9, 2, 39,   0, 1,  1, 0,  0xC0, 50, /* configuration */
        9, 4, 0,    0, 3,  2, 2,  1,    0,  /* the interface */
        7, 5, 0x82, 3, 10, 0, 16,           /* notifications */
        7, 5, 0x01, 2, 64, 0, 0,            /* out */
        7, 5, 0x81, 2, 64, 0, 0,            /* in */
    };
    struct usb_device device = make_device(combined, sizeof combined);
    struct cdc_function function;
    assert_true(cdc_find(&device, 0, &function));
    assert_int_equal(function.control, function.data);
    assert_int_equal(function.out.address, 0x01);
    usb_device_clear(&device);
}

/* ---- Line coding ---------------------------------------------------------------------------- */

static void coding_is(unsigned flags, unsigned speed, uint32_t rate, unsigned stop, unsigned parity,
                      unsigned bits)
{
    const struct termios2 settings = {.c_cflag = flags, .c_ospeed = speed};
    uint8_t line[CDC_LINE_CODING_SIZE];
    cdc_line_coding(&settings, 1234, line);
    assert_int_equal(cdc_line_rate(line), rate);
    assert_int_equal(line[4], stop);
    assert_int_equal(line[5], parity);
    assert_int_equal(line[6], bits);
}

static void settings_become_line_codings(void **state)
{
    (void)state;
    coding_is(B9600 | CS8, 9600, 9600, 0, 0, 8);
    coding_is(BOTHER | CS8, 14400, 14400, 0, 0, 8);
    coding_is(BOTHER | CS7 | PARENB | CSTOPB, 4000000000, 4000000000, 2, 2, 7);
    coding_is(B9600 | CS6 | PARENB | PARODD, 9600, 9600, 0, 1, 6);
    coding_is(B9600 | CS5 | PARENB | CMSPAR, 9600, 9600, 0, 4, 5);
    coding_is(B9600 | CS8 | PARENB | PARODD | CMSPAR, 9600, 9600, 0, 3, 8);
    coding_is(B9600 | CS8 | PARODD, 9600, 9600, 0, 0, 8); /* not without PARENB */
    coding_is(B0 | CS8, 0, 1234, 0, 0, 8);                /* hang up: the rate stays */
}

/* ---- Notifications -------------------------------------------------------------------------- */

static void notifications_come_whole_and_in_pieces(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0xA1, 0x20, 0, 0, 0, 0, 2, 0, 0x43, 0x01};
    static const uint8_t network[] = {0xA1, 0, 1, 0, 0, 0, 0, 0};
    static const uint8_t huge[] = {0xA1, 0x20, 0, 0, 0, 0, 0xFF, 0xFF};
    struct cdc_notification notification = {.size = 0};
    unsigned lines = 0;
    assert_true(cdc_notified(&notification, bytes, sizeof bytes, &lines));
    assert_int_equal(lines, 0x143);
    assert_false(cdc_notified(&notification, bytes, 8, &lines));
    assert_true(cdc_notified(&notification, bytes + 8, 2, &lines));
    assert_false(cdc_notified(&notification, network, sizeof network, &lines));
    assert_false(cdc_notified(&notification, NULL, 0, &lines));
    assert_true(cdc_notified(&notification, bytes, sizeof bytes, &lines));
    /* 64 KiB that are of no interest, and then one that is. */
    assert_false(cdc_notified(&notification, huge, sizeof huge, &lines));
    for (unsigned i = 0; i < 0xFFFF / 5; i++) {
        assert_false(cdc_notified(&notification, bytes, 5, &lines));
    }
    assert_int_equal(notification.size, 0);
    assert_true(cdc_notified(&notification, bytes, sizeof bytes, &lines));
}

/* ---- Files ---------------------------------------------------------------------------------- */

static void texts_are_those_of_udev(void **state)
{
    (void)state;
    struct usb_device device = make_device(serial, sizeof serial);
    struct uevent_subject tty = uevent_tty(&device, usb_device_current(&device, 0), 3);
    struct uevent_text text;
    char by_id[UEVENT_LINK_SIZE];
    char by_path[UEVENT_LINK_SIZE];
    uevent_kernel_message(&text, "add", tty, 42);
    static const char expected[] =
        "add@/devices/platform/vhci_hcd.0/usb1/1-1/1-1:1.0/tty/ttyACM3\0ACTION=add\0"
        "DEVPATH=/devices/platform/vhci_hcd.0/usb1/1-1/1-1:1.0/tty/ttyACM3\0SUBSYSTEM=tty\0"
        "MAJOR=166\0MINOR=3\0DEVNAME=ttyACM3\0SEQNUM=42";
    assert_int_equal(text.length, sizeof expected);
    assert_memory_equal(text.data, expected, sizeof expected);
    /* A serial number does not lead out of the folder. */
    uevent_tty_links(tty, by_id, by_path, sizeof by_id);
    assert_string_equal(by_id, "serial/by-id/usb-Particle_Photon_with_WiFi_.._0123-if00");
    assert_string_equal(by_path, "serial/by-path/platform-vhci_hcd.0-usb-0:1:1.0");
    uevent_record(&text, tty);
    assert_non_null(memmem(text.data, text.length, "E:ID_USB_INTERFACE_NUM=00\n", 26));
    assert_non_null(memmem(text.data, text.length, "S:serial/by-id/", 15));
    assert_null(memmem(text.data, text.length, "DEVLINKS", 8));
    uevent_udev_message(&text, "add", tty, 42);
    uint32_t hashes[2];
    memcpy(hashes, text.data + 24, sizeof hashes);
    assert_int_not_equal(hashes[0], 0);
    assert_int_equal(hashes[1], 0); /* a tty has no device type */
    usb_device_clear(&device);
}

static bool lists(const char *root, const char *name)
{
    int fd = listing_open(root, "/dev");
    assert_true(fd >= 0);
    DIR *folder = fdopendir(fd);
    bool found = false;
    for (struct dirent *entry; (entry = readdir(folder));) {
        found = found || strcmp(entry->d_name, name) == 0;
    }
    closedir(folder);
    return found;
}

static enum place place_of(const char *root, const char *path, struct location *location)
{
    paths_locate(root, path, true, location);
    return location->place;
}

static void ports_come_and_go(void **state)
{
    (void)state;
    struct tree tree;
    struct usb_device device = make_device(serial, sizeof serial);
    const struct usb_alternate *control = usb_device_current(&device, 0);
    struct uevent_subject tty = uevent_tty(&device, control, 0);
    struct location location;
    struct usb_device hub = {.number = 1, .max_child = 15, .speed = USB_SPEED_HIGH};
    assert_int_equal(tree_create(&tree, NULL), 0);
    assert_int_equal(tree_add(&tree, &hub), 0);
    assert_int_equal(tree_add(&tree, &device), 0);
    assert_false(lists(tree.root, "ttyACM0"));
    assert_int_equal(tree_add_tty(&tree, tty, 2), 0);
    device.driver[0] = "cdc_acm";
    tree_show_driver(&tree, &device, control);
    assert_true(lists(tree.root, "ttyACM0"));
    assert_true(lists(tree.root, "serial"));
    assert_true(lists(tree.root, "null"));
    assert_true(listing_is_merged("/dev"));
    assert_false(listing_is_merged("/dev/pts"));
    assert_int_equal(
        place_of(tree.root, "/dev/serial/by-path/platform-vhci_hcd.0-usb-0:1:1.0", &location),
        PLACE_TREE);
    assert_string_equal(location.path, "/dev/ttyACM0");
    assert_int_equal(place_of(tree.root, "/sys/class/tty/ttyACM0/device/driver", &location),
                     PLACE_TREE);
    assert_string_equal(location.path, "/sys/bus/usb/drivers/cdc_acm");
    assert_int_equal(place_of(tree.root, "/dev/ttyACM0/x", &location), PLACE_MISSING);
    assert_int_equal(place_of(tree.root, "/sys/bus/usb/devices/1-1:1.0/bmCapabilities", &location),
                     PLACE_TREE);
    assert_int_equal(place_of(tree.root, "/run/udev/tags/systemd/c166:0", &location), PLACE_TREE);
    assert_int_equal(place_of(tree.root, "/dev/null", &location), PLACE_REAL);
    tree_hide_driver(&tree, &device, control);
    device.driver[0] = NULL;
    tree_remove_tty(&tree, tty);
    assert_false(lists(tree.root, "ttyACM0"));
    assert_false(lists(tree.root, "serial"));
    assert_int_equal(place_of(tree.root, "/sys/class/tty/ttyACM0", &location), PLACE_MISSING);
    assert_int_equal(place_of(tree.root, "/sys/bus/usb/devices/1-1:1.0/driver", &location),
                     PLACE_MISSING);
    assert_int_equal(place_of(tree.root, "/dev/serial", &location), PLACE_MISSING);
    assert_int_equal(place_of(tree.root, "/sys/bus/usb/devices/1-1:1.0/bmCapabilities", &location),
                     PLACE_MISSING);
    assert_int_equal(place_of(tree.root, "/run/udev/tags/systemd/c166:0", &location),
                     PLACE_MISSING);
    tree_destroy(&tree);
    usb_device_clear(&device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_serial_port_is_found),
        cmocka_unit_test(odd_descriptors_are_taken_as_the_kernel_takes_them),
        cmocka_unit_test(one_interface_may_have_it_all),
        cmocka_unit_test(settings_become_line_codings),
        cmocka_unit_test(notifications_come_whole_and_in_pieces),
        cmocka_unit_test(texts_are_those_of_udev),
        cmocka_unit_test(ports_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
