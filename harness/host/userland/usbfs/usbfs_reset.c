/*
 * USBDEVFS_RESET, as usb_reset_device() of the kernel does it (drivers/usb/core/hub.c). Over USB/IP
 * the reset itself stays with the host controller; what the device sees is that the kernel makes
 * sure that it is the same as before, and selects again what was selected.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/userland/core/userland.h"
#include "host/userland/serial/acm.h"
#include "host/userland/usbfs/usbfs_private.h"

/** What is asked next; some steps are taken several times, with an index. */
enum step {
    RESET_HEAD, /* only to learn bMaxPacketSize0 */
    RESET_DEVICE,
    RESET_CONFIGURATION,
    RESET_SERIAL,
    RESET_CONFIGURE,
    RESET_SETTING,
    RESET_DONE,
};

enum { TEXT_SIZE = 255 };

/* How often a step is taken. */
static unsigned rounds(const struct usb_device *usb, enum step step)
{
    switch (step) {
    case RESET_CONFIGURATION:
        return usb->configuration_count;
    case RESET_SERIAL:
        return usb->serial && usb->language ? 1 : 0;
    case RESET_CONFIGURE:
        return usb->active ? 1 : 0;
    case RESET_SETTING:
        return USB_INTERFACES_MAX;
    default:
        return 1;
    }
}

/** @return false if there is nothing to ask in this round */
static bool make_request(const struct usb_device *usb, enum step step, unsigned index,
                         uint8_t setup[8])
{
    switch (step) {
    case RESET_HEAD:
        usbfs_make_setup(setup, 0x80, 6, 0x0100, 0, 64);
        return true;
    case RESET_DEVICE:
        usbfs_make_setup(setup, 0x80, 6, 0x0100, 0, USB_DEVICE_DESCRIPTOR_SIZE);
        return true;
    case RESET_CONFIGURATION:
        usbfs_make_setup(setup, 0x80, 6, 0x0200 | index, 0, usb->configurations[index].length);
        return true;
    case RESET_SERIAL:
        usbfs_make_setup(setup, 0x80, 6, 0x0300 | usb->descriptor[16], usb->language, TEXT_SIZE);
        return true;
    case RESET_CONFIGURE:
        usbfs_make_setup(setup, 0x00, 9, usb->active->value, 0, 0);
        return true;
    default:
        usbfs_make_setup(setup, 0x01, 11, usb->alternate[index], index, 0);
        return usb->alternate[index] != 0;
    }
}

static bool has_same_text(const char *text, const struct urb *urb)
{
    char *read = usb_text_decode(urb->data, urb->transfer.actual);
    const bool same = read && strcmp(read, text) == 0;
    free(read);
    return same;
}

/* Kernel: descriptors_changed(). */
static bool is_same(const struct usb_device *usb, const struct urb *urb)
{
    const unsigned index = urb->value & 0xFF;
    const uint32_t actual = urb->transfer.actual;
    switch ((enum step)(urb->value >> 8)) {
    case RESET_DEVICE:
        return actual == USB_DEVICE_DESCRIPTOR_SIZE &&
               memcmp(urb->data, usb->descriptor, actual) == 0;
    case RESET_CONFIGURATION:
        return actual == usb->configurations[index].length &&
               memcmp(urb->data, usb->configurations[index].raw, actual) == 0;
    case RESET_SERIAL:
        return has_same_text(usb->serial, urb);
    default:
        return true;
    }
}

static void answered(struct urb *urb, int status);

/* Go on with the first round from here on in which there is something to ask. */
static void go_on(struct usbfs_file *file, const struct call *call, enum step step, unsigned index)
{
    struct host_device *device = file->device;
    uint8_t setup[8];
    while (step != RESET_DONE && (index >= rounds(&device->usb, step) ||
                                  !make_request(&device->usb, step, index, setup))) {
        const bool is_over = index + 1 >= rounds(&device->usb, step);
        step += is_over ? 1 : 0;
        index = is_over ? 0 : index + 1;
    }
    if (step == RESET_DONE) {
        acm_bind_all(device);
        usbfs_answer(call, 0);
    } else {
        usbfs_request(file, call, setup, answered, step << 8 | index);
    }
}

static void answered(struct urb *urb, int status)
{
    struct usbfs_file *file = urb->file;
    if (!file->device || status) {
        usbfs_answer(&urb->call, -ENODEV);
    } else if (!is_same(&file->device->usb, urb)) {
        usbfs_answer(&urb->call, -ENODEV);
        bus_reconnect(file->device);
    } else {
        go_on(file, &urb->call, (enum step)(urb->value >> 8), (urb->value & 0xFF) + 1);
    }
}

/* cdc_acm has no post_reset(), so it is unbound before and bound again afterwards, and who has its
 * port open loses it. */
void usbfs_on_reset(struct usbfs_file *file, const struct call *call)
{
    if (file->device->link) {
        acm_unbind_all(file->device);
    }
    go_on(file, call, RESET_HEAD, 0);
}
