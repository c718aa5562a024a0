/**
 * @file vhci.h
 * The files that the kernel's module vhci_hcd has in sysfs: its ports, and how a device is attached
 * to one (drivers/usb/usbip/vhci_sysfs.c of Linux 6.1; Documentation/ABI/testing/
 * sysfs-platform-usbip-vudc is for the other side).
 */
#ifndef VP_HOST_VHCI_H
#define VP_HOST_VHCI_H

#include <stddef.h>
#include <stdint.h>

#include "vparticle/error.h"

/** Where the first controller is, which speaks for all of them. */
#define VHCI_FOLDER "/sys/devices/platform/vhci_hcd.0"

enum {
    VHCI_PORTS_MAX = 512, /**< more than any kernel is configured for: 8 controllers of 15 */
    VHCI_BUSID_SIZE = 32,
};

/** enum usbip_device_status, drivers/usb/usbip/usbip_common.h */
enum vhci_port_state {
    VHCI_PORT_FREE = 4,
    VHCI_PORT_ATTACHED = 5, /**< the device has no address yet */
    VHCI_PORT_USED = 6,
    VHCI_PORT_ERROR = 7,
};

/** A port for devices up to high speed. Those for SuperSpeed are left out. */
struct vhci_port {
    unsigned number;
    unsigned state; /**< enum vhci_port_state */
    char
        busid[VHCI_BUSID_SIZE]; /**< of the device, as in /sys/bus/usb/devices; "0-0" without one */
};

struct vhci_ports {
    size_t count;
    struct vhci_port ports[VHCI_PORTS_MAX];
};

/** Take lines of a `status` file apart; others than those of ports are skipped. */
void vhci_parse_status(const char *text, struct vhci_ports *ports);

/**
 * Read the ports of all controllers.
 * @param folder  VHCI_FOLDER, but for tests
 * @return 0, VP_ERROR_NOT_FOUND: the module is not loaded; VP_ERROR_IO
 */
int vhci_read(const char *folder, struct vhci_ports *ports);

/** The port of that number, or NULL. */
const struct vhci_port *vhci_find(const struct vhci_ports *ports, unsigned number);

/**
 * A free port: the one that makes the server's bus id 1-N the kernel's, too, where that is
 * possible. @return it, or NULL
 */
const struct vhci_port *vhci_choose(const struct vhci_ports *ports, const char *busid);

/**
 * Can devices be attached at all, by us?
 * @return 0, VP_ERROR_NOT_FOUND: not loaded; VP_ERROR_UNSUPPORTED: no right to; with what mends it
 */
int vhci_check(const char *folder, struct vp_failure *failure);

/**
 * Hand a connected socket over, behind which the USB/IP server has answered the import. The kernel
 * keeps its own reference to it.
 * @param devid  busnum << 16 | devnum, of the server
 * @return 0, VP_ERROR_BUSY: the port is not free any more; VP_ERROR_IO (errno)
 */
int vhci_attach(const char *folder, unsigned port, int socket, uint32_t devid, uint32_t speed);

/** @return 0 or VP_ERROR_IO (errno): nothing is attached there */
int vhci_detach(const char *folder, unsigned port);

#endif
