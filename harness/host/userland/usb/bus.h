/**
 * @file bus.h
 * The bus: devices that the server shows, and the root hub that they are attached to.
 */
#ifndef VP_HOST_BUS_H
#define VP_HOST_BUS_H

#include "host/client/link.h"
#include "host/client/listed.h"
#include "host/userland/usb/usb_device.h"
#include "vparticle/host.h"

struct enumeration;
struct usbfs_file;

enum device_state {
    DEVICE_OPENING,     /**< import asked for */
    DEVICE_ENUMERATING, /**< its descriptors are being read */
    DEVICE_READY,       /**< shown to tools */
    DEVICE_FAILED,      /**< not shown: in use by somebody else, or it doesn't answer */
};

struct host_device {
    struct usb_device usb;
    struct userland *host;
    enum device_state state;
    struct link *link; /**< NULL for the root hub and for a device that couldn't be imported */
    char busid[VP_USBIP_BUSID_SIZE]; /**< at the server; "" for the root hub */
    struct listed listed;
    bool complained;                 /**< about an import that failed */
    struct enumeration *enumeration; /**< while DEVICE_ENUMERATING */
    struct usbfs_file *files;        /**< open files */
    struct usbfs_file *claims[USB_INTERFACES_MAX];
    /** Interfaces below this number were announced; above USB_INTERFACES_MAX: all of them, and that
     *  the device has its driver */
    unsigned announced;
    struct host_device *next;
};

/** Submit to whatever is behind the device; completes later, for the root hub at once. */
void device_submit(struct host_device *device, struct link_transfer *transfer);
void device_unlink(struct host_device *device, struct link_transfer *transfer);

/** The device shown as /dev/bus/usb/001/@p number, or NULL. */
struct host_device *bus_device(struct userland *host, unsigned bus, unsigned number);

/** Go on announcing a new device: its first interface whose driver was probing has it now. */
void bus_announce_rest(struct host_device *device);

int bus_start(struct userland *host, struct vp_failure *failure);
void bus_stop(struct userland *host);

/** Let the device go; it is found and enumerated anew. Tools see it leave and come back. */
void bus_reconnect(struct host_device *device);

#endif
