/*
 * Opening files: those of the tree, device nodes, ports, and folders that list more than the real
 * ones.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/userland/files/files_private.h"
#include "host/userland/files/permission.h"
#include "host/userland/serial/acm.h"
#include "host/userland/tree/listing.h"
#include "host/userland/usb/bus.h"
#include "host/userland/usbfs/usbfs.h"

/* A descriptor with O_PATH can't be handed over, but for folders an ordinary one does as well, and
 * for symbolic links there are stand-ins. */
static int open_stand_in(const struct userland *host, const char *path)
{
    char stand_in[PATH_MAX];
    char file[FILE_SIZE];
    paths_stand_in(path, stand_in, sizeof stand_in);
    paths_file(host->tree.root, stand_in, file, sizeof file);
    return open(file, O_RDONLY | O_CREAT | O_CLOEXEC, 0444);
}

/* A file of the real system. To wait for a device or a pipe is the tool's business, not ours. */
static int open_real(const char *file, uint64_t flags)
{
    int fd = open(file, ((int)flags & ~(O_CREAT | O_EXCL)) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd >= 0 && !(flags & O_NONBLOCK)) {
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
    }
    return fd;
}

/* What O_PATH stands for: a folder's descriptor may as well be an ordinary one. */
static int open_only_path(const struct userland *host, const struct location *location,
                          const char *file, uint64_t flags)
{
    struct stat status;
    bool is_link = lstat(file, &status) == 0 && S_ISLNK(status.st_mode) && flags & O_NOFOLLOW;
    bool is_folder = !is_link && stat(file, &status) == 0 && S_ISDIR(status.st_mode);
    if (!is_folder && !(flags & O_DIRECTORY) &&
        (is_link || (location->place == PLACE_REAL && access(file, F_OK) == 0))) {
        return open_stand_in(host, location->path);
    }
    return open(file, (int)(flags & (O_DIRECTORY | O_NOFOLLOW)) | O_RDONLY | O_CLOEXEC);
}

static void open_file(const struct userland *host, const struct call *call,
                      const struct location *location, uint64_t flags)
{
    char file[FILE_SIZE];
    files_name(host, location, file);
    bool only_path = (flags & O_PATH) != 0;
    if (!only_path && (flags & O_CREAT) && (flags & O_EXCL)) {
        call_fail(call, EEXIST);
        return;
    }
    if (!only_path && location->place == PLACE_TREE && (flags & O_ACCMODE) != O_RDONLY) {
        call_fail(call, EACCES);
        return;
    }
    int fd;
    if (only_path) {
        fd = open_only_path(host, location, file, flags);
    } else if (location->place == PLACE_REAL) {
        fd = open_real(file, flags);
    } else {
        fd = open(file, (int)(flags & (O_DIRECTORY | O_NOFOLLOW)) | O_RDONLY | O_CLOEXEC);
    }
    if (fd < 0) {
        call_fail(call, flags & O_CREAT && errno == ENOENT ? EACCES : errno);
        return;
    }
    call_return_fd(call, fd, (flags & O_CLOEXEC) != 0);
    close(fd);
}

static void open_listing(const struct userland *host, const struct call *call, const char *path,
                         uint64_t flags)
{
    int fd = (flags & O_ACCMODE) == O_RDONLY ? listing_open(host->tree.root, path) : -1;
    if (fd < 0) {
        call_continue(call); /* without ours, but a listing all the same */
        return;
    }
    call_return_fd(call, fd, (flags & O_CLOEXEC) != 0);
    close(fd);
}

static void open_usb_node(struct userland *host, const struct call *call,
                          const struct location *location, uint64_t flags)
{
    unsigned bus;
    unsigned number;
    if ((flags & O_ACCMODE) == O_RDONLY || !paths_is_node(location->path, &bus, &number)) {
        open_file(host, call, location, flags);
        return;
    }
    struct host_device *device = bus_device(host, bus, number);
    if (device) {
        usbfs_open(host, call, device, (flags & O_CLOEXEC) != 0);
    } else {
        call_fail(call, ENODEV);
    }
}

/* In the kernel's order: do_open() of fs/namei.c. */
static void open_node(struct userland *host, const struct call *call,
                      const struct location *location, uint64_t flags, struct node node)
{
    if (flags & O_CREAT && flags & O_EXCL) {
        call_fail(call, EEXIST);
    } else if (flags & O_DIRECTORY) {
        call_fail(call, ENOTDIR);
    } else if (permission_wanted(flags) & ~permission_of(call, node.major).allowed) {
        permission_refuse(call, location->path, EACCES);
    } else if (node.major == TTY_ACM_MAJOR) {
        acm_open(host, call, node.minor, (int)flags);
    } else {
        open_usb_node(host, call, location, flags);
    }
}

static void open_any(struct userland *host, const struct call *call, int directory,
                     uint64_t address, uint64_t flags)
{
    struct location location;
    enum place place =
        files_locate(host, call, directory, address, !(flags & O_NOFOLLOW), &location);
    if (flags & O_CREAT && place == PLACE_MISSING) {
        call_fail(call, location.error == ENOENT ? EACCES : location.error);
        return;
    }
    if (place == PLACE_REAL && !(flags & (O_PATH | O_CREAT)) && listing_is_merged(location.path)) {
        open_listing(host, call, location.path, flags);
        return;
    }
    if (!files_is_ours(call, &location)) {
        return;
    }
    if (location.place == PLACE_REAL) {
        open_file(host, call, &location, flags);
        return;
    }
    struct node node;
    if (!(flags & O_PATH) && files_is_node(location.path, &node)) {
        open_node(host, call, &location, flags, node);
        return;
    }
    open_file(host, call, &location, flags);
}

#ifdef SYS_open
void files_open(struct userland *host, const struct call *call)
{
    open_any(host, call, AT_FDCWD, call->arguments[0], call->arguments[1]);
}

void files_creat(struct userland *host, const struct call *call)
{
    open_any(host, call, AT_FDCWD, call->arguments[0], O_CREAT | O_WRONLY | O_TRUNC);
}
#endif

void files_openat(struct userland *host, const struct call *call)
{
    open_any(host, call, (int)call->arguments[0], call->arguments[1], call->arguments[2]);
}

void files_openat2(struct userland *host, const struct call *call)
{
    struct open_how how;
    if (call_read(call, call->arguments[2], &how, sizeof how)) {
        call_continue(call);
        return;
    }
    open_any(host, call, (int)call->arguments[0], call->arguments[1], how.flags);
}
