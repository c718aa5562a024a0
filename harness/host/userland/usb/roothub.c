/*
 * The root hub of the virtual host controller, as the kernel's vhci_hcd shows it. Nothing is behind
 * it: its requests are answered here (USB 2.0 section 11.24 for a hub's own).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "host/userland/core/userland.h"
#include "host/userland/usb/bus.h"
#include "host/userland/usb/roothub.h"

static const uint8_t device_descriptor[USB_DEVICE_DESCRIPTOR_SIZE] = {
    18, 1, 0x00, 0x02, 9, 0, 1, 64, 0x6B, 0x1D, 0x02, 0x00, 0x01, 0x06, 3, 2, 1, 1,
};

static const uint8_t configuration[] = {
    9, 2, 25,   0, 1, 1, 0,  0xE0, 0, /* configuration 1, self powered, remote wakeup */
    9, 4, 0,    0, 1, 9, 0,  0,    0, /* hub interface */
    7, 5, 0x81, 3, 4, 0, 12,          /* status change endpoint */
};

int roothub_describe(struct usb_device *hub)
{
    struct utsname system;
    char text[sizeof system.sysname + sizeof system.release + 16];
    uname(&system);
    snprintf(text, sizeof text, "%s %s vhci_hcd", system.sysname, system.release);
    *hub = (struct usb_device){.number = 1, .max_child = ROOT_HUB_PORTS, .speed = USB_SPEED_HIGH};
    memcpy(hub->descriptor, device_descriptor, sizeof device_descriptor);
    hub->manufacturer = strdup(text);
    hub->product = strdup("USB/IP Virtual Host Controller");
    hub->serial = strdup("vhci_hcd.0");
    int error = usb_device_add_configuration(hub, configuration, sizeof configuration);
    usb_device_select(hub, 1);
    hub->driver[0] = "hub";
    return hub->manufacturer && hub->product && hub->serial ? error : VP_ERROR_NO_MEMORY;
}

static int copy(uint8_t *data, uint32_t room, const void *from, size_t size)
{
    size = size < room ? size : room;
    memcpy(data, from, size);
    return (int)size;
}

static int text_descriptor(const struct usb_device *hub, unsigned index, uint8_t *data,
                           uint32_t room)
{
    const char *const texts[] = {NULL, hub->serial, hub->product, hub->manufacturer};
    uint8_t bytes[256] = {4, 3, 0x09, 0x04};
    if (index >= sizeof texts / sizeof *texts) {
        return -EPIPE;
    }
    if (texts[index]) {
        size_t length = strnlen(texts[index], 126);
        bytes[0] = (uint8_t)(2 + 2 * length);
        for (size_t i = 0; i < length; i++) {
            bytes[2 + 2 * i] = (uint8_t)texts[index][i];
            bytes[3 + 2 * i] = 0;
        }
    }
    return copy(data, room, bytes, bytes[0]);
}

/* Ports from 1; each is powered, and those with a device connected and enabled. */
static int port_status(const struct host_device *hub, unsigned port, uint8_t *data, uint32_t room)
{
    uint8_t status[4] = {0, 1, 0, 0};
    if (port == 0 || port > ROOT_HUB_PORTS) {
        return -EPIPE;
    }
    for (const struct host_device *d = hub->host->devices; d; d = d->next) {
        if (d->state == DEVICE_READY && d->usb.port == port) {
            status[0] = 3;
            status[1] |= d->usb.speed == USB_SPEED_HIGH ? 4 : d->usb.speed == USB_SPEED_LOW ? 2 : 0;
        }
    }
    return copy(data, room, status, sizeof status);
}

int roothub_control(const struct host_device *hub, const uint8_t setup[8], uint8_t *data,
                    uint32_t length)
{
    static const uint8_t hub_descriptor[] = {11, 0x29, ROOT_HUB_PORTS, 0x01, 0x00, 0,
                                             0,  0x00, 0x00,           0xFF, 0xFF};
    static const uint8_t self_powered[] = {1, 0};
    static const uint8_t nothing[4] = {0};
    unsigned request = (unsigned)setup[0] << 8 | setup[1];
    switch (request) {
    case 0x8006: /* GET_DESCRIPTOR */
        switch (setup[3]) {
        case 1:
            return copy(data, length, hub->usb.descriptor, USB_DEVICE_DESCRIPTOR_SIZE);
        case 2:
            return setup[2] == 0 ? copy(data, length, configuration, sizeof configuration) : -EPIPE;
        case 3:
            return text_descriptor(&hub->usb, setup[2], data, length);
        default:
            return -EPIPE;
        }
    case 0x8008: /* GET_CONFIGURATION */
        return copy(data, length, &hub->usb.active->value, 1);
    case 0x8000: /* GET_STATUS of the device */
        return copy(data, length, self_powered, sizeof self_powered);
    case 0x8100: /* ... of the interface, of the endpoint */
    case 0x8200:
        return copy(data, length, nothing, 2);
    case 0xA006: /* GET_DESCRIPTOR of the hub class */
        return setup[3] == 0x29 ? copy(data, length, hub_descriptor, sizeof hub_descriptor)
                                : -EPIPE;
    case 0xA000:
        return copy(data, length, nothing, 4);
    case 0xA300:
        return port_status(hub, setup[4], data, length);
    default:
        return -EPIPE;
    }
}
