#include "host/userland/usb/usb_device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vparticle/error.h"

enum { TYPE_CONFIGURATION = 2, TYPE_STRING = 3, TYPE_INTERFACE = 4, TYPE_ENDPOINT = 5 };

void usb_device_name(const struct usb_device *device, char *name, size_t size)
{
    if (device->port == 0) {
        snprintf(name, size, "usb%u", (unsigned)USB_BUS_NUMBER);
    } else {
        snprintf(name, size, "%u-%u", (unsigned)USB_BUS_NUMBER, device->port);
    }
}

static int add_alternate(struct usb_configuration *configuration, const uint8_t *descriptor)
{
    struct usb_alternate *grown =
        reallocarray(configuration->alternates, configuration->alternate_count + 1, sizeof *grown);
    if (!grown) {
        return VP_ERROR_NO_MEMORY;
    }
    configuration->alternates = grown;
    grown[configuration->alternate_count++] = (struct usb_alternate){
        .interface = descriptor[2],
        .number = descriptor[3],
        .interface_class = descriptor[5],
        .subclass = descriptor[6],
        .protocol = descriptor[7],
        .text_index = descriptor[8],
    };
    return descriptor[2] < USB_INTERFACES_MAX ? 0 : VP_ERROR_INVALID;
}

static void add_endpoint(struct usb_configuration *configuration, const uint8_t *descriptor)
{
    if (configuration->alternate_count == 0) {
        return;
    }
    struct usb_alternate *alternate =
        &configuration->alternates[configuration->alternate_count - 1];
    if (alternate->endpoint_count < USB_ENDPOINTS_MAX) {
        alternate->endpoints[alternate->endpoint_count++] = (struct usb_endpoint){
            .address = descriptor[2],
            .attributes = descriptor[3],
            .max_packet = usb_get16(descriptor + 4),
            .interval = descriptor[6],
        };
    }
}

static int parse_parts(struct usb_configuration *configuration)
{
    size_t at = 0;
    while (at + 2 <= configuration->length) {
        const uint8_t *descriptor = configuration->raw + at;
        size_t size = descriptor[0];
        if (size < 2 || at + size > configuration->length) {
            return VP_ERROR_INVALID;
        }
        if (descriptor[1] == TYPE_INTERFACE && size >= 9) {
            int error = add_alternate(configuration, descriptor);
            if (error) {
                return error;
            }
        } else if (descriptor[1] == TYPE_ENDPOINT && size >= 7) {
            add_endpoint(configuration, descriptor);
        }
        at += size;
    }
    return 0;
}

static void clear_configuration(struct usb_configuration *configuration)
{
    free(configuration->raw);
    for (unsigned i = 0; i < configuration->alternate_count; i++) {
        free(configuration->alternates[i].text);
    }
    free(configuration->alternates);
}

int usb_device_add_configuration(struct usb_device *device, const uint8_t *raw, size_t length)
{
    if (length < 9 || length > UINT16_MAX || raw[0] < 9 || raw[1] != TYPE_CONFIGURATION) {
        return VP_ERROR_INVALID;
    }
    struct usb_configuration parsed = {
        .raw = malloc(length),
        .length = (uint16_t)length,
        .interface_count = raw[4],
        .value = raw[5],
        .text_index = raw[6],
        .attributes = raw[7],
        .max_power = raw[8],
    };
    if (!parsed.raw) {
        return VP_ERROR_NO_MEMORY;
    }
    memcpy(parsed.raw, raw, length);
    /* `active` points into the array that may move. */
    unsigned active = device->active ? device->active->value : 0;
    int error = parse_parts(&parsed);
    struct usb_configuration *grown = NULL;
    if (!error) {
        grown =
            reallocarray(device->configurations, device->configuration_count + 1, sizeof *grown);
        error = grown ? 0 : VP_ERROR_NO_MEMORY;
    }
    if (error) {
        clear_configuration(&parsed);
        return error;
    }
    device->configurations = grown;
    grown[device->configuration_count++] = parsed;
    device->active = active ? usb_device_configuration(device, active) : NULL;
    return 0;
}

const struct usb_configuration *usb_device_configuration(const struct usb_device *device,
                                                         unsigned value)
{
    for (unsigned i = 0; i < device->configuration_count; i++) {
        if (device->configurations[i].value == value) {
            return &device->configurations[i];
        }
    }
    return NULL;
}

const struct usb_alternate *usb_device_alternate(const struct usb_device *device,
                                                 unsigned interface, unsigned number)
{
    for (unsigned i = 0; device->active && i < device->active->alternate_count; i++) {
        const struct usb_alternate *alternate = &device->active->alternates[i];
        if (alternate->interface == interface && alternate->number == number) {
            return alternate;
        }
    }
    return NULL;
}

void usb_device_set_text(struct usb_device *device, unsigned interface, unsigned number, char *text)
{
    for (unsigned i = 0; device->active && i < device->active->alternate_count; i++) {
        struct usb_alternate *alternate = &device->active->alternates[i];
        if (alternate->interface == interface && alternate->number == number && !alternate->text) {
            alternate->text = text;
            return;
        }
    }
    free(text);
}

const struct usb_alternate *usb_device_current(const struct usb_device *device, unsigned interface)
{
    return interface < USB_INTERFACES_MAX
               ? usb_device_alternate(device, interface, device->alternate[interface])
               : NULL;
}

unsigned usb_device_alternate_count(const struct usb_device *device, unsigned interface)
{
    unsigned count = 0;
    for (unsigned i = 0; device->active && i < device->active->alternate_count; i++) {
        count += device->active->alternates[i].interface == interface;
    }
    return count;
}

const struct usb_alternate *usb_device_endpoint_owner(const struct usb_device *device,
                                                      unsigned address)
{
    for (unsigned i = 0; device->active && i < device->active->alternate_count; i++) {
        const struct usb_alternate *alternate = &device->active->alternates[i];
        if (alternate->number != device->alternate[alternate->interface]) {
            continue;
        }
        for (unsigned e = 0; e < alternate->endpoint_count; e++) {
            if (alternate->endpoints[e].address == address) {
                return alternate;
            }
        }
    }
    return NULL;
}

void usb_device_select(struct usb_device *device, unsigned value)
{
    device->active = value ? usb_device_configuration(device, value) : NULL;
    memset(device->alternate, 0, sizeof device->alternate);
    memset(device->driver, 0, sizeof device->driver);
}

static size_t encode_utf8(uint32_t point, char *to)
{
    if (point < 0x80) {
        to[0] = (char)point;
        return 1;
    }
    if (point < 0x800) {
        to[0] = (char)(0xC0 | point >> 6);
        to[1] = (char)(0x80 | (point & 0x3F));
        return 2;
    }
    if (point < 0x10000) {
        to[0] = (char)(0xE0 | point >> 12);
        to[1] = (char)(0x80 | (point >> 6 & 0x3F));
        to[2] = (char)(0x80 | (point & 0x3F));
        return 3;
    }
    to[0] = (char)(0xF0 | point >> 18);
    to[1] = (char)(0x80 | (point >> 12 & 0x3F));
    to[2] = (char)(0x80 | (point >> 6 & 0x3F));
    to[3] = (char)(0x80 | (point & 0x3F));
    return 4;
}

char *usb_text_decode(const uint8_t *descriptor, size_t length)
{
    if (length < 2 || descriptor[1] != TYPE_STRING || descriptor[0] < 2) {
        return NULL;
    }
    if (descriptor[0] < length) {
        length = descriptor[0];
    }
    char *text = malloc(length * 2 + 1); /* one unit of 2 bytes needs at most 3 */
    if (!text) {
        return NULL;
    }
    size_t size = 0;
    for (size_t at = 2; at + 2 <= length; at += 2) {
        uint32_t point = usb_get16(descriptor + at);
        if ((point & 0xFC00) == 0xD800 && at + 4 <= length &&
            (usb_get16(descriptor + at + 2) & 0xFC00) == 0xDC00) {
            point = 0x10000 + ((point & 0x3FF) << 10) + (usb_get16(descriptor + at + 2) & 0x3FF);
            at += 2;
        } else if (point == 0 || (point & 0xF800) == 0xD800) {
            point = '?';
        }
        size += encode_utf8(point, text + size);
    }
    text[size] = '\0';
    return text;
}

void usb_device_clear(struct usb_device *device)
{
    for (unsigned i = 0; i < device->configuration_count; i++) {
        clear_configuration(&device->configurations[i]);
    }
    free(device->configurations);
    free(device->manufacturer);
    free(device->product);
    free(device->serial);
    free(device->configuration_text);
    memset(device, 0, sizeof *device);
}
