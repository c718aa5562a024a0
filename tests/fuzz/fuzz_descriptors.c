/* What a device says about itself to the userland host: configurations, and in them serial ports;
 * and what it notifies its host of. The first byte says where the descriptors end. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "host/userland/serial/cdc.h"
#include "host/userland/udev/uevent.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_for_ports(const struct usb_device *device)
{
    struct cdc_function function;
    for (unsigned i = 0; i <= USB_INTERFACES_MAX; i++) {
        if (!cdc_find(device, i, &function)) {
            continue;
        }
        struct uevent_text text;
        const struct usb_alternate *control = usb_device_current(device, function.control);
        if (!control || !usb_device_current(device, function.data)) {
            abort(); /* a port is made of interfaces that are there */
        }
        uevent_record(&text, uevent_tty(device, control, i));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct usb_device device = {.number = 2, .port = 1};
    size_t length = size > 0 ? data[0] % size : 0;
    if (size < 2 || usb_device_add_configuration(&device, data + 1, length)) {
        return 0;
    }
    usb_device_select(&device, device.configurations[0].value);
    look_for_ports(&device);
    usb_device_clear(&device);
    struct cdc_notification notification = {.size = 0};
    for (size_t at = 1 + length; at < size;) {
        unsigned piece = data[at] % 16;
        unsigned state;
        at++;
        piece = piece < size - at ? piece : (unsigned)(size - at);
        cdc_notified(&notification, data + at, piece, &state);
        at += piece;
    }
    return 0;
}
