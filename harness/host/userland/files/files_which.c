/*
 * Which file a tool means, by a path or by a descriptor.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "host/userland/files/files_private.h"
#include "host/userland/serial/acm.h"
#include "host/userland/tree/listing.h"
#include "host/userland/udev/monitor.h"
#include "host/userland/usbfs/usbfs.h"

bool files_read_path(const struct userland *host, const struct call *call, int directory,
                     uint64_t address, char path[PATH_MAX], bool *from_tree)
{
    *from_tree = false;
    char text[PATH_MAX];
    char base[PATH_MAX];
    if (call_read_text(call, address, text, sizeof text) || !*text) {
        return false;
    }
    if (*text == '/') {
        memcpy(path, text, strlen(text) + 1);
        return true;
    }
    if (directory == AT_FDCWD ? !call_directory_name(call, base, sizeof base)
                              : !call_fd_name(call, directory, base, sizeof base)) {
        return false;
    }
    const char *seen = paths_seen(host->tree.root, base);
    *from_tree = seen != base;
    return *seen == '/' && snprintf(path, PATH_MAX, "%s/%s", seen, text) < PATH_MAX;
}

enum place files_locate(const struct userland *host, const struct call *call, int directory,
                        uint64_t address, bool follow, struct location *location)
{
    char path[PATH_MAX];
    location->detour = false;
    if (!files_read_path(host, call, directory, address, path, &location->detour) ||
        !paths_may_concern(host->tree.root, path)) {
        location->place = PLACE_REAL;
        location->path[0] = '\0';
    } else {
        paths_locate(host->tree.root, path, follow, location);
    }
    return location->place;
}

bool files_is_ours(const struct call *call, const struct location *location)
{
    switch (location->place) {
    case PLACE_REAL:
        if (location->detour && *location->path) {
            return true;
        }
        call_continue(call);
        return false;
    case PLACE_MISSING:
        call_fail(call, location->error);
        return false;
    default:
        return true;
    }
}

void files_name(const struct userland *host, const struct location *location, char file[FILE_SIZE])
{
    paths_file(location->place == PLACE_REAL ? "" : host->tree.root, location->path, file,
               FILE_SIZE);
}

bool files_find(const struct userland *host, const struct call *call, int directory,
                uint64_t address, bool follow, struct location *location)
{
    files_locate(host, call, directory, address, follow, location);
    return files_is_ours(call, location);
}

bool files_is_empty_path(const struct call *call, uint64_t address)
{
    char first;
    return address == 0 || (call_read(call, address, &first, 1) == 0 && first == '\0');
}

bool files_is_node(const char *path, struct node *node)
{
    unsigned bus;
    node->major = TTY_ACM_MAJOR;
    if (acm_is_node(path, &node->minor)) {
        return true;
    }
    node->major = USB_MAJOR;
    if (!paths_is_node(path, &bus, &node->minor)) {
        return false;
    }
    --node->minor;
    return true;
}

static bool is_in_tree(const struct userland *host, const char *path)
{
    char file[FILE_SIZE];
    struct stat status;
    paths_file(host->tree.root, path, file, sizeof file);
    return lstat(file, &status) == 0;
}

static void identify_name(const struct userland *host, const char *name, struct opened *opened)
{
    const char *seen = paths_seen(host->tree.root, name);
    opened->kind = OPENED_OTHER;
    opened->is_real = false;
    opened->node.major = USB_MAJOR;
    opened->pipe = call_pipe_inode(name);
    if (usbfs_node_path(host, opened->pipe, opened->path, sizeof opened->path,
                        &opened->node.minor)) {
        opened->kind = OPENED_NODE;
    } else if (monitor_owns(host, opened->pipe)) {
        opened->kind = OPENED_MONITOR;
    } else if (seen != name) {
        snprintf(opened->path, sizeof opened->path, "%s", seen);
        opened->kind = OPENED_FILE;
        if (files_is_node(seen, &opened->node)) {
            opened->kind = OPENED_NODE;
        } else if (listing_is_merged(seen)) {
            opened->kind = OPENED_LISTING;
            opened->is_real = true;
        } else if (paths_stands_for(seen, opened->path, sizeof opened->path)) {
            opened->kind = OPENED_LINK;
            opened->is_real = !is_in_tree(host, opened->path);
        }
    }
}

void files_identify(const struct userland *host, const struct call *call, int fd,
                    struct opened *opened)
{
    char name[PATH_MAX];
    opened->kind = OPENED_OTHER;
    opened->is_real = false;
    if (!call_fd_name(call, fd, name, sizeof name)) {
        return;
    }
    if (*name == '/' && acm_owns(host, call, fd, &opened->node.minor)) {
        opened->kind = OPENED_NODE;
        opened->node.major = TTY_ACM_MAJOR;
        snprintf(opened->path, sizeof opened->path, "/dev/ttyACM%u", opened->node.minor);
    } else {
        identify_name(host, name, opened);
    }
}
