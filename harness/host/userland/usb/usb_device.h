/**
 * @file usb_device.h
 * One USB device as the host knows it: its descriptors, its texts, and what is selected.
 * Pure data; enumeration fills it, the tree and the uevents show it, usbfs works on it.
 */
#ifndef VP_HOST_USB_DEVICE_H
#define VP_HOST_USB_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    USB_DEVICE_DESCRIPTOR_SIZE = 18,
    USB_INTERFACES_MAX = 32, /* USB_MAXINTERFACES of the kernel */
    USB_ENDPOINTS_MAX = 30,
    USB_BUS_NUMBER = 1, /* there is one bus */
};

/* The numbers are the kernel's enum usb_device_speed, which USB/IP and USBDEVFS_GET_SPEED use. */
enum usb_speed { USB_SPEED_LOW = 1, USB_SPEED_FULL = 2, USB_SPEED_HIGH = 3 };

struct usb_endpoint {
    uint8_t address, attributes, interval;
    uint16_t max_packet;
};

/** One alternate setting of one interface (USB 2.0 section 9.6.5). */
struct usb_alternate {
    uint8_t interface, number;
    uint8_t interface_class, subclass, protocol;
    uint8_t text_index;
    uint8_t endpoint_count;
    struct usb_endpoint endpoints[USB_ENDPOINTS_MAX];
    char *text; /**< UTF-8, or NULL; the kernel reads it when the setting is selected first */
};

/** One configuration (USB 2.0 section 9.6.3) with everything that belongs to it. */
struct usb_configuration {
    uint8_t *raw; /**< as the device sent it */
    uint16_t length;
    uint8_t value, attributes, max_power, interface_count, text_index;
    struct usb_alternate *alternates;
    unsigned alternate_count;
};

struct usb_device {
    unsigned number;    /**< devnum; 1 is the root hub */
    unsigned port;      /**< port of the root hub, from 1; 0 for the root hub itself */
    unsigned max_child; /**< ports, for a hub */
    enum usb_speed speed;
    uint8_t descriptor[USB_DEVICE_DESCRIPTOR_SIZE];
    struct usb_configuration *configurations;
    unsigned configuration_count;
    const struct usb_configuration *active; /**< NULL while not configured */
    uint8_t alternate[USB_INTERFACES_MAX];  /**< selected, by interface number */
    char *manufacturer, *product, *serial;  /**< UTF-8, or NULL */
    char *configuration_text;               /**< of the active one */
    uint16_t language;                      /**< of its texts; 0: it has none */
    bool is_unbound; /**< the driver of the device itself ("usb") does not have it */
    const char *driver[USB_INTERFACES_MAX]; /**< bound to each interface, or NULL; static text */
};

/** Little-endian 16 bit field at @p bytes. */
static inline uint16_t usb_get16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] | bytes[1] << 8);
}

static inline uint16_t usb_vendor(const struct usb_device *device)
{
    return usb_get16(device->descriptor + 8);
}

static inline uint16_t usb_product(const struct usb_device *device)
{
    return usb_get16(device->descriptor + 10);
}

static inline uint16_t usb_release(const struct usb_device *device)
{
    return usb_get16(device->descriptor + 12);
}

/** Minor number of the device node: 128 nodes a bus, from 0. The major number is 189. */
static inline unsigned usb_minor(const struct usb_device *device)
{
    return (USB_BUS_NUMBER - 1) * 128 + device->number - 1;
}

enum { USB_MAJOR = 189 };

/** The name in /sys/bus/usb/devices: "usb1" or "1-PORT". */
void usb_device_name(const struct usb_device *device, char *name, size_t size);

/**
 * Append a configuration descriptor with all that follows it, as the device sent it.
 * @p raw is copied. Lengths inside are checked; unknown descriptors are skipped.
 * @return 0, VP_ERROR_INVALID or VP_ERROR_NO_MEMORY
 */
int usb_device_add_configuration(struct usb_device *device, const uint8_t *raw, size_t length);

/** The configuration with this bConfigurationValue, or NULL. */
const struct usb_configuration *usb_device_configuration(const struct usb_device *device,
                                                         unsigned value);

/** Alternate setting @p number of @p interface in the active configuration, or NULL. */
const struct usb_alternate *usb_device_alternate(const struct usb_device *device,
                                                 unsigned interface, unsigned number);

/** Give it a text, which becomes the device's; in place of none. */
void usb_device_set_text(struct usb_device *device, unsigned interface, unsigned number,
                         char *text);

/** The alternate setting of @p interface that is selected now, or NULL. */
const struct usb_alternate *usb_device_current(const struct usb_device *device, unsigned interface);

/** How many alternate settings @p interface has in the active configuration. */
unsigned usb_device_alternate_count(const struct usb_device *device, unsigned interface);

/** The selected alternate setting that has endpoint @p address (with direction bit), or NULL. */
const struct usb_alternate *usb_device_endpoint_owner(const struct usb_device *device,
                                                      unsigned address);

/** Make configuration @p value (0: none) the active one, all interfaces at alternate setting 0. */
void usb_device_select(struct usb_device *device, unsigned value);

/** UTF-8 of a string descriptor (UTF-16LE), or NULL if it is not one; the caller frees it. */
char *usb_text_decode(const uint8_t *descriptor, size_t length);

/** Release what @p device points to and clear it. */
void usb_device_clear(struct usb_device *device);

#endif
