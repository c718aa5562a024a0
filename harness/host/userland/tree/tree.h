/**
 * @file tree.h
 * The files that tools see: a private folder that holds our part of /sys, /dev and /run, kept in
 * step with the devices. What its names mean to a tool is paths.h's business.
 */
#ifndef VP_HOST_TREE_H
#define VP_HOST_TREE_H

#include "host/userland/udev/uevent.h"
#include "host/userland/usb/usb_device.h"
#include "vparticle/error.h"

struct tree {
    char root[96]; /**< the folder, mode 0700; "" while there is none */
    unsigned counter;
};

/** Create the folder with everything that does not depend on devices. */
int tree_create(struct tree *tree, struct vp_failure *failure);

/** Show a device that has been enumerated. The folder appears whole, then links, then the node. */
int tree_add(struct tree *tree, const struct usb_device *device);

/** Rewrite the files that depend on the selected configuration and alternate settings. */
int tree_refresh(struct tree *tree, const struct usb_device *device);

/** Show the driver that was bound to an interface (usb_device's `driver`). */
void tree_show_driver(struct tree *tree, const struct usb_device *device,
                      const struct usb_alternate *alternate);

/** Take the driver's links away; to be called while usb_device still names it. */
void tree_hide_driver(struct tree *tree, const struct usb_device *device,
                      const struct usb_alternate *alternate);

/**
 * Show a serial port: in /sys, udev's database and /dev, with its links.
 * @param capabilities  bmCapabilities of its descriptor, which the driver shows
 * @return 0 or error
 */
int tree_add_tty(struct tree *tree, struct uevent_subject tty, unsigned capabilities);

/** Take a serial port away: the node first. */
void tree_remove_tty(struct tree *tree, struct uevent_subject tty);

/** Take a device away: the node first, then the links, then the folder. */
void tree_remove(struct tree *tree, const struct usb_device *device);

/** Remove the folder with all that is in it. */
void tree_destroy(struct tree *tree);

#endif
