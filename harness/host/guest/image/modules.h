/**
 * @file modules.h
 * Which of a kernel's modules the guest needs, and in which order they are loaded. A package of
 * Debian has no modules.dep, which depmod(8) makes when the package is installed: what a module
 * needs is read from itself.
 */
#ifndef VP_GUEST_MODULES_H
#define VP_GUEST_MODULES_H

#include <stdbool.h>
#include <stddef.h>

#include "vparticle/error.h"

enum { MODULES_MAX = 64, MODULE_NAME_SIZE = 64 };

/** Names have underscores, as the kernel writes them. */
struct modules {
    char wanted[MODULES_MAX][MODULE_NAME_SIZE]; /**< in the order in which they were asked for */
    unsigned wanted_count;
    unsigned order[MODULES_MAX]; /**< indexes of wanted: those that a module needs are before it */
    char files[MODULES_MAX][MODULE_NAME_SIZE]; /**< its file's name in the folder, or "" */
    unsigned order_count;
};

/** Want what the guest needs: 9p on virtio, overlay, a virtio port, vhci-hcd, cdc-acm. */
void modules_begin(struct modules *modules);

/** Want one more. @return VP_ERROR_INVALID for too many or too long a name */
int modules_want(struct modules *modules, const char *name, size_t length);

/**
 * True if the file of a package ("lib/modules/6.1.0-56-amd64/kernel/fs/9p/9p.ko") is one of the
 * wanted modules, compressed or not, or the list of the modules that are in the kernel itself.
 */
bool modules_are(const struct modules *modules, const char *path);

/**
 * Look into those of the wanted modules that are in @p folder, want what they need, and put all in
 * order.
 * @param folder  of the modules' files and modules.builtin, all right in it
 * @param[out] missing  how many are wanted now that are neither there nor in the kernel itself.
 *                      If that is not 0: get them there, and call it again
 * @return 0, VP_ERROR_INVALID (a file is no module, or one needs itself), VP_ERROR_IO
 */
int modules_resolve(struct modules *modules, const char *folder, unsigned *missing,
                    struct vp_failure *failure);

#endif
