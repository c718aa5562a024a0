/*
 * System calls on paths: what lies in the tree is opened, described and read here; everything else
 * is left to the kernel.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "host/acm.h"
#include "host/host_private.h"
#include "host/listing.h"
#include "host/paths.h"

enum { FILE_SIZE = PATH_MAX + 128 };

/* ---- Which file ------------------------------------------------------------------------- */

/**
 * Make the path at @p address absolute.
 * @param from_tree  set if it is named from one of our folders
 * @return false if the kernel may as well do it alone
 */
static bool read_path(const struct vp_host *host, const struct call *call, int directory,
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

/** Where the path at @p address leads; PLACE_REAL if in doubt. */
static enum place locate(const struct vp_host *host, const struct call *call, int directory,
                         uint64_t address, bool follow, struct location *location)
{
    char path[PATH_MAX];
    location->detour = false;
    if (!read_path(host, call, directory, address, path, &location->detour) ||
        !paths_may_concern(host->tree.root, path)) {
        location->place = PLACE_REAL;
        location->path[0] = '\0';
    } else {
        paths_locate(host->tree.root, path, follow, location);
    }
    return location->place;
}

/** Answers unless the file lies in the tree, or has to be found for the tool all the same. */
static bool is_for_us(const struct call *call, const struct location *location)
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

/** The file itself. */
static void file_of(const struct vp_host *host, const struct location *location,
                    char file[FILE_SIZE])
{
    paths_file(location->place == PLACE_REAL ? "" : host->tree.root, location->path, file,
               FILE_SIZE);
}

/** locate() and is_for_us(). */
static bool find_file(const struct vp_host *host, const struct call *call, int directory,
                      uint64_t address, bool follow, struct location *location)
{
    locate(host, call, directory, address, follow, location);
    return is_for_us(call, location);
}

static bool is_empty_path(const struct call *call, uint64_t address)
{
    char first;
    return address == 0 || (call_read(call, address, &first, 1) == 0 && first == '\0');
}

/* What a descriptor of the tool stands for, if it has to do with us. */
struct opened {
    enum {
        OPENED_OTHER,
        OPENED_NODE,
        OPENED_MONITOR,
        OPENED_FILE,
        OPENED_LINK,
        OPENED_LISTING
    } kind;
    char path[PATH_MAX]; /**< not for OPENED_OTHER and OPENED_MONITOR */
    bool is_real;        /**< the path is one of the real system */
    uint64_t pipe;
    unsigned major, minor; /**< of a node */
};

/** Is the file of the tree a device node? Then it says which. */
static bool is_node(const char *path, unsigned *major, unsigned *minor)
{
    unsigned bus;
    *major = TTY_ACM_MAJOR;
    if (acm_is_node(path, minor)) {
        return true;
    }
    *major = USB_MAJOR;
    if (!paths_is_node(path, &bus, minor)) {
        return false;
    }
    --*minor;
    return true;
}

static bool is_in_tree(const struct vp_host *host, const char *path)
{
    char file[FILE_SIZE];
    struct stat status;
    paths_file(host->tree.root, path, file, sizeof file);
    return lstat(file, &status) == 0;
}

static void identify_name(const struct vp_host *host, const char *name, struct opened *opened)
{
    const char *seen = paths_seen(host->tree.root, name);
    opened->kind = OPENED_OTHER;
    opened->is_real = false;
    opened->major = USB_MAJOR;
    opened->pipe = call_pipe_inode(name);
    if (usbfs_node_path(host, opened->pipe, opened->path, sizeof opened->path, &opened->minor)) {
        opened->kind = OPENED_NODE;
    } else if (monitor_owns(host, opened->pipe)) {
        opened->kind = OPENED_MONITOR;
    } else if (seen != name) {
        snprintf(opened->path, sizeof opened->path, "%s", seen);
        opened->kind = OPENED_FILE;
        if (is_node(seen, &opened->major, &opened->minor)) {
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

static void identify(const struct vp_host *host, const struct call *call, int fd,
                     struct opened *opened)
{
    char name[PATH_MAX];
    opened->kind = OPENED_OTHER;
    if (!call_fd_name(call, fd, name, sizeof name)) {
        return;
    }
    if (*name == '/' && acm_owns(host, call, fd, &opened->minor)) {
        opened->kind = OPENED_NODE;
        opened->major = TTY_ACM_MAJOR;
        snprintf(opened->path, sizeof opened->path, "/dev/ttyACM%u", opened->minor);
    } else {
        identify_name(host, name, opened);
    }
}

/* ---- open --------------------------------------------------------------------------------- */

/* A descriptor with O_PATH can't be handed over, but for folders an ordinary one does as well, and
 * for symbolic links there are stand-ins. */
static int open_stand_in(const struct vp_host *host, const char *path)
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
static int open_only_path(const struct vp_host *host, const struct location *location,
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

static void open_file(const struct vp_host *host, const struct call *call,
                      const struct location *location, uint64_t flags)
{
    char file[FILE_SIZE];
    file_of(host, location, file);
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
        call_fail(call, errno);
        return;
    }
    call_return_fd(call, fd, (flags & O_CLOEXEC) != 0);
    close(fd);
}

static void open_listing(const struct vp_host *host, const struct call *call, const char *path,
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

static void open_port(struct vp_host *host, const struct call *call, unsigned minor, uint64_t flags)
{
    if (flags & O_CREAT && flags & O_EXCL) {
        call_fail(call, EEXIST);
    } else if (flags & O_DIRECTORY) {
        call_fail(call, ENOTDIR);
    } else {
        acm_open(host, call, minor, (int)flags);
    }
}

static void open_any(struct vp_host *host, const struct call *call, int directory, uint64_t address,
                     uint64_t flags)
{
    struct location location;
    enum place place = locate(host, call, directory, address, !(flags & O_NOFOLLOW), &location);
    if (flags & O_CREAT && place == PLACE_MISSING) {
        call_fail(call, location.error == ENOENT ? EACCES : location.error);
        return;
    }
    if (place == PLACE_REAL && !(flags & (O_PATH | O_CREAT)) && listing_is_merged(location.path)) {
        open_listing(host, call, location.path, flags);
        return;
    }
    if (!is_for_us(call, &location)) {
        return;
    }
    if (location.place == PLACE_REAL) {
        open_file(host, call, &location, flags);
        return;
    }
    unsigned bus;
    unsigned number;
    if (acm_is_node(location.path, &number) && !(flags & O_PATH)) {
        open_port(host, call, number, flags);
        return;
    }
    if (paths_is_node(location.path, &bus, &number) && !(flags & O_PATH) &&
        (flags & O_ACCMODE) != O_RDONLY) {
        struct host_device *device = bus_device(host, bus, number);
        if (device) {
            usbfs_open(host, call, device, (flags & O_CLOEXEC) != 0);
        } else {
            call_fail(call, ENODEV);
        }
        return;
    }
    open_file(host, call, &location, flags);
}

#ifdef SYS_open
static void on_open(struct vp_host *host, const struct call *call)
{
    open_any(host, call, AT_FDCWD, call->arguments[0], call->arguments[1]);
}
#endif

static void on_openat(struct vp_host *host, const struct call *call)
{
    open_any(host, call, (int)call->arguments[0], call->arguments[1], call->arguments[2]);
}

static void on_openat2(struct vp_host *host, const struct call *call)
{
    struct open_how how;
    if (call_read(call, call->arguments[2], &how, sizeof how)) {
        call_continue(call);
        return;
    }
    open_any(host, call, (int)call->arguments[0], call->arguments[1], how.flags);
}

/* ---- stat ----------------------------------------------------------------------------------- */

static void make_node_status(struct stat *status, const struct opened *node)
{
    status->st_mode = S_IFCHR | 0666;
    status->st_rdev = makedev(node->major, node->minor);
    status->st_size = 0;
    status->st_blocks = 0;
    status->st_uid = status->st_gid = 0;
}

static void make_node_statx(struct statx *status, const struct opened *node)
{
    status->stx_mode = S_IFCHR | 0666;
    status->stx_rdev_major = node->major;
    status->stx_rdev_minor = node->minor;
    status->stx_size = 0;
    status->stx_blocks = 0;
    status->stx_uid = status->stx_gid = 0;
}

/* One question, in the form of stat(2) or of statx(2). */
struct status_question {
    const struct call *call;
    uint64_t buffer;
    bool extended;
    unsigned flags, mask; /**< of statx */
};

static void answer_status(const struct vp_host *host, const struct status_question *question,
                          const struct opened *what)
{
    char file[FILE_SIZE];
    struct stat status = {.st_nlink = 1};
    struct statx extended = {.stx_mask = STATX_BASIC_STATS, .stx_nlink = 1};
    int error = 0;
    if (what->kind == OPENED_MONITOR) {
        status.st_mode = S_IFSOCK | 0777;
        extended.stx_mode = S_IFSOCK | 0777;
    } else {
        /* Paths of the tree have been followed already. */
        int flags = what->is_real && what->kind == OPENED_FILE
                        ? (int)question->flags & AT_SYMLINK_NOFOLLOW
                        : AT_SYMLINK_NOFOLLOW;
        paths_file(what->is_real ? "" : host->tree.root, what->path, file, sizeof file);
        error = question->extended ? statx(AT_FDCWD, file, flags, question->mask, &extended)
                                   : fstatat(AT_FDCWD, file, &status, flags);
        if (what->kind == OPENED_NODE) {
            error = 0; /* the node itself may have gone */
            make_node_status(&status, what);
            make_node_statx(&extended, what);
        }
    }
    if (error) {
        call_fail(question->call, errno);
    } else if (question->extended
                   ? call_write(question->call, question->buffer, &extended, sizeof extended)
                   : call_write(question->call, question->buffer, &status, sizeof status)) {
        call_fail(question->call, EFAULT);
    } else {
        call_return(question->call, 0);
    }
}

static void status_of_fd(struct vp_host *host, const struct status_question *question, int fd)
{
    struct opened opened;
    identify(host, question->call, fd, &opened);
    if (opened.kind == OPENED_OTHER || opened.kind == OPENED_FILE) {
        call_continue(question->call);
    } else {
        answer_status(host, question, &opened);
    }
}

static void status_of_path(struct vp_host *host, const struct status_question *question,
                           int directory, uint64_t address)
{
    struct location location;
    struct opened opened = {.kind = OPENED_FILE};
    bool follow = !(question->flags & AT_SYMLINK_NOFOLLOW);
    if (question->flags & AT_EMPTY_PATH && is_empty_path(question->call, address)) {
        status_of_fd(host, question, directory);
        return;
    }
    if (!find_file(host, question->call, directory, address, follow, &location)) {
        return;
    }
    memcpy(opened.path, location.path, sizeof opened.path);
    opened.is_real = location.place == PLACE_REAL;
    if (!opened.is_real && is_node(location.path, &opened.major, &opened.minor)) {
        opened.kind = OPENED_NODE;
    }
    answer_status(host, question, &opened);
}

#ifdef SYS_stat
static void on_stat(struct vp_host *host, const struct call *call)
{
    struct status_question question = {.call = call, .buffer = call->arguments[1]};
    status_of_path(host, &question, AT_FDCWD, call->arguments[0]);
}

static void on_lstat(struct vp_host *host, const struct call *call)
{
    struct status_question question = {
        .call = call, .buffer = call->arguments[1], .flags = AT_SYMLINK_NOFOLLOW};
    status_of_path(host, &question, AT_FDCWD, call->arguments[0]);
}
#endif

static void on_fstat(struct vp_host *host, const struct call *call)
{
    struct status_question question = {.call = call, .buffer = call->arguments[1]};
    status_of_fd(host, &question, (int)call->arguments[0]);
}

static void on_fstatat(struct vp_host *host, const struct call *call)
{
    struct status_question question = {
        .call = call, .buffer = call->arguments[2], .flags = (unsigned)call->arguments[3]};
    status_of_path(host, &question, (int)call->arguments[0], call->arguments[1]);
}

static void on_statx(struct vp_host *host, const struct call *call)
{
    struct status_question question = {.call = call,
                                       .buffer = call->arguments[4],
                                       .extended = true,
                                       .flags = (unsigned)call->arguments[2],
                                       .mask = (unsigned)call->arguments[3]};
    status_of_path(host, &question, (int)call->arguments[0], call->arguments[1]);
}

/* ---- access ------------------------------------------------------------------------------------
 */

static void access_any(struct vp_host *host, const struct call *call, int directory,
                       uint64_t address, uint64_t mode, uint64_t flags)
{
    struct location location;
    char file[FILE_SIZE];
    if (!find_file(host, call, directory, address, !(flags & AT_SYMLINK_NOFOLLOW), &location)) {
        return;
    }
    file_of(host, &location, file);
    if (faccessat(AT_FDCWD, file, (int)mode, (int)(flags & AT_SYMLINK_NOFOLLOW))) {
        call_fail(call, errno);
    } else {
        call_return(call, 0);
    }
}

#ifdef SYS_access
static void on_access(struct vp_host *host, const struct call *call)
{
    access_any(host, call, AT_FDCWD, call->arguments[0], call->arguments[1], 0);
}
#endif

static void on_faccessat(struct vp_host *host, const struct call *call)
{
    access_any(host, call, (int)call->arguments[0], call->arguments[1], call->arguments[2], 0);
}

static void on_faccessat2(struct vp_host *host, const struct call *call)
{
    access_any(host, call, (int)call->arguments[0], call->arguments[1], call->arguments[2],
               call->arguments[3]);
}

/* ---- readlink
 * ------------------------------------------------------------------------------------ */

static void answer_text(const struct call *call, const char *text, uint64_t buffer, uint64_t size)
{
    size_t length = strlen(text);
    length = length < size ? length : size;
    if ((int64_t)size <= 0) {
        call_fail(call, EINVAL);
    } else if (call_write(call, buffer, text, length)) {
        call_fail(call, EFAULT);
    } else {
        call_return(call, (int64_t)length);
    }
}

static void answer_link(const struct call *call, const char *file, uint64_t buffer, uint64_t size)
{
    char target[PATH_MAX];
    ssize_t length = readlink(file, target, sizeof target - 1);
    if (length < 0) {
        call_fail(call, errno);
        return;
    }
    target[length] = '\0';
    answer_text(call, target, buffer, size);
}

/* /proc/self/fd/N: libraries learn the name of what they have opened from there. */
static bool read_proc_link(struct vp_host *host, const struct call *call, const char *path,
                           uint64_t buffer, uint64_t size)
{
    char process[32];
    int fd;
    int end = 0;
    if (sscanf(path, "/proc/%31[^/]/fd/%d%n", process, &fd, &end) != 2 || path[end] != '\0') {
        return false;
    }
    struct call owner = *call;
    int number;
    if (sscanf(process, "%d", &number) == 1) {
        owner.thread = number;
    }
    struct opened opened;
    identify(host, &owner, fd, &opened);
    if (opened.kind == OPENED_OTHER) {
        return false;
    }
    if (opened.kind == OPENED_MONITOR) {
        snprintf(opened.path, sizeof opened.path, "socket:[%llu]", (unsigned long long)opened.pipe);
    }
    answer_text(call, opened.path, buffer, size);
    return true;
}

static void readlink_any(struct vp_host *host, const struct call *call, int directory,
                         uint64_t address, uint64_t buffer, uint64_t size)
{
    char path[PATH_MAX];
    char file[FILE_SIZE];
    bool from_tree;
    struct location location;
    struct opened opened;
    if (directory != AT_FDCWD && is_empty_path(call, address)) {
        identify(host, call, directory, &opened);
        if (opened.kind == OPENED_LINK) {
            paths_file(opened.is_real ? "" : host->tree.root, opened.path, file, sizeof file);
            answer_link(call, file, buffer, size);
        } else {
            call_continue(call);
        }
        return;
    }
    if (read_path(host, call, directory, address, path, &from_tree) &&
        read_proc_link(host, call, path, buffer, size)) {
        return;
    }
    if (find_file(host, call, directory, address, false, &location)) {
        file_of(host, &location, file);
        answer_link(call, file, buffer, size);
    }
}

#ifdef SYS_readlink
static void on_readlink(struct vp_host *host, const struct call *call)
{
    readlink_any(host, call, AT_FDCWD, call->arguments[0], call->arguments[1], call->arguments[2]);
}
#endif

static void on_readlinkat(struct vp_host *host, const struct call *call)
{
    readlink_any(host, call, (int)call->arguments[0], call->arguments[1], call->arguments[2],
                 call->arguments[3]);
}

/* ---- statfs: libusb and libudev make sure that /sys is a sysfs
 * ------------------------------------- */

static void answer_statfs(const struct vp_host *host, const struct call *call, const char *path)
{
    struct statfs status;
    if (statfs(host->tree.root, &status)) {
        call_fail(call, errno);
        return;
    }
    status.f_type = strncmp(path, "/sys", 4) == 0 ? SYSFS_MAGIC : TMPFS_MAGIC;
    if (call_write(call, call->arguments[1], &status, sizeof status)) {
        call_fail(call, EFAULT);
    } else {
        call_return(call, 0);
    }
}

static void on_statfs(struct vp_host *host, const struct call *call)
{
    struct location location;
    if (find_file(host, call, AT_FDCWD, call->arguments[0], true, &location)) {
        answer_statfs(host, call, location.path);
    }
}

static void on_fstatfs(struct vp_host *host, const struct call *call)
{
    struct opened opened;
    identify(host, call, (int)call->arguments[0], &opened);
    if (opened.kind == OPENED_OTHER || opened.kind == OPENED_MONITOR) {
        call_continue(call);
    } else {
        answer_statfs(host, call, opened.path);
    }
}

/* ---- Extended attributes: ls asks for them; there are none
 * ------------------------------------------ */

static void on_getxattr(struct vp_host *host, const struct call *call)
{
    struct location location;
    if (find_file(host, call, AT_FDCWD, call->arguments[0], call->number == SYS_getxattr,
                  &location)) {
        call_fail(call, ENODATA);
    }
}

static void on_listxattr(struct vp_host *host, const struct call *call)
{
    struct location location;
    if (find_file(host, call, AT_FDCWD, call->arguments[0], call->number == SYS_listxattr,
                  &location)) {
        call_return(call, 0);
    }
}

/* ---- Dispatch
 * ---------------------------------------------------------------------------------------- */

static const struct {
    int number;
    call_handler handle;
} handlers[] = {
#ifdef SYS_open
    {SYS_open, on_open},
#endif
#ifdef SYS_stat
    {SYS_stat, on_stat},
    {SYS_lstat, on_lstat},
#endif
#ifdef SYS_access
    {SYS_access, on_access},
#endif
#ifdef SYS_readlink
    {SYS_readlink, on_readlink},
#endif
    {SYS_openat, on_openat},
    {SYS_openat2, on_openat2},
    {SYS_newfstatat, on_fstatat},
    {SYS_fstat, on_fstat},
    {SYS_statx, on_statx},
    {SYS_faccessat, on_faccessat},
    {SYS_faccessat2, on_faccessat2},
    {SYS_readlinkat, on_readlinkat},
    {SYS_statfs, on_statfs},
    {SYS_fstatfs, on_fstatfs},
    {SYS_getxattr, on_getxattr},
    {SYS_lgetxattr, on_getxattr},
    {SYS_listxattr, on_listxattr},
    {SYS_llistxattr, on_listxattr},
};

call_handler files_handler(int number)
{
    for (size_t i = 0; i < sizeof handlers / sizeof *handlers; i++) {
        if (handlers[i].number == number) {
            return handlers[i].handle;
        }
    }
    return NULL;
}
