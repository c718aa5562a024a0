/**
 * @file tree.h
 * The files that tools see: a private folder that holds our part of /sys, /dev and /run, kept in
 * step with the devices. What its names mean to a tool is paths.h's business.
 */
#ifndef VP_HOST_TREE_H
#define VP_HOST_TREE_H

#include "host/usb_device.h"
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

/** Take a device away: the node first, then the links, then the folder. */
void tree_remove(struct tree *tree, const struct usb_device *device);

/** Remove the folder with all that is in it. */
void tree_destroy(struct tree *tree);

#endif
