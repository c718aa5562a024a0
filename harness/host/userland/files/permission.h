/**
 * @file permission.h
 * What a tool may do with the nodes of devices, vp_host_command's `access`.
 *
 * Who opens a node is checked by the kernel's file system by owner, group and mode (fs/namei.c,
 * may_open() and generic_permission()), and udev sets these when the device appears.
 */
#ifndef VP_HOST_PERMISSION_H
#define VP_HOST_PERMISSION_H

#include <stdbool.h>
#include <sys/types.h>

#include "host/tool/call.h"

/** What stat(2) says of a node, and what it comes to for the tool. */
struct permission {
    mode_t mode; /**< the lowest nine bits */
    uid_t owner;
    gid_t group;
    int allowed; /**< of R_OK and W_OK */
};

/** Of nodes with this major number, for the caller of @p call. */
struct permission permission_of(const struct call *call, unsigned major);

/** R_OK and W_OK, as open(2) with these flags wants them. */
int permission_wanted(uint64_t flags);

/**
 * The call fails with @p error because the tool has no permission for the node @p path. Whoever
 * took the permission away is told that it made a difference.
 */
void permission_refuse(const struct call *call, const char *path, int error);

#endif
