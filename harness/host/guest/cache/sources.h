/**
 * @file sources.h
 * What the guest is made from: QEMU, a static busybox, and a kernel's package.
 */
#ifndef VP_GUEST_SOURCES_H
#define VP_GUEST_SOURCES_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "host/guest/guest.h"

#define SOURCES_MEND_QEMU                                                                          \
    "apt-get update && apt-get install --no-install-recommends qemu-system-x86"
#define SOURCES_MEND_BUSYBOX                                                                       \
    "apt-get update && apt-get install --no-install-recommends busybox-static"

/** @return false: it is not installed */
bool sources_find_qemu(char *path, size_t size);

/** An installed busybox(1) that needs no library. */
bool sources_find_busybox(char *path, size_t size);

/**
 * Get the package of Debian's current kernel into a folder, if it is not there yet.
 * @param folder  must exist
 * @param[out] path  of the package's file, of PATH_MAX bytes
 * @return 0; VP_ERROR_NOT_FOUND: it cannot be downloaded
 */
int sources_get_kernel(const char *folder, const struct vp_guest_progress *progress, char *path,
                       struct vp_failure *failure);

/** The same for the package busybox-static. */
int sources_get_busybox(const char *folder, const struct vp_guest_progress *progress, char *path,
                        struct vp_failure *failure);

#endif
