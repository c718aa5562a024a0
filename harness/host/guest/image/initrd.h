/**
 * @file initrd.h
 * The guest's first file system: busybox, kernel modules, and /init.
 */
#ifndef VP_GUEST_INITRD_H
#define VP_GUEST_INITRD_H

#include <stddef.h>

#include "host/guest/image/modules.h"
#include "vparticle/error.h"

struct initrd {
    const char *busybox; /**< a static busybox(1) */
    const struct modules *modules;
    const char *folder; /**< of their files */
    const void *init;   /**< the script */
    size_t init_size;
};

/**
 * Write an archive (newc, as the kernel wants it) that is the same for the same input.
 * Modules are uncompressed: busybox and the kernel need not know how.
 * @param path  written anew; removed again if anything fails
 * @return 0, VP_ERROR_IO, VP_ERROR_INVALID (a module's file is damaged), VP_ERROR_NO_MEMORY
 */
int initrd_write(const struct initrd *initrd, const char *path, struct vp_failure *failure);

#endif
