/**
 * @file package.h
 * Files out of a Debian package (deb(5)), which is unpacked, never installed.
 */
#ifndef VP_GUEST_PACKAGE_H
#define VP_GUEST_PACKAGE_H

#include <stdbool.h>

#include "vparticle/error.h"

/** Which files are wanted, and where they go. */
struct package_request {
    /** @param path  in the package, without "./" in front: "boot/vmlinuz-6.1.0-56-amd64" */
    bool (*wanted)(void *context, const char *path);
    void *context;
    const char *folder; /**< must exist; files go right into it, by their last name */
};

/**
 * Write the wanted regular files of a package to a folder. Paths in the package are not trusted:
 * only a file's last name is used.
 * @param[out] count  files written, or NULL
 * @return 0, VP_ERROR_NOT_FOUND (no such package file), VP_ERROR_INVALID (it is no Debian package,
 *         or damaged), VP_ERROR_IO, VP_ERROR_NO_MEMORY
 */
int package_extract(const char *package, const struct package_request *request, unsigned *count,
                    struct vp_failure *failure);

#endif
