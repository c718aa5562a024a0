/*
 * System calls on paths: which there are; what lies in the tree is answered here and in the files
 * beside this one, everything else is left to the kernel.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/userland/files/files.h"
#include "host/userland/files/files_private.h"

/* ---- readlink ---------------------------------------------------------------------------- */

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
static bool read_proc_link(struct userland *host, const struct call *call, const char *path,
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
    files_identify(host, &owner, fd, &opened);
    if (opened.kind == OPENED_OTHER) {
        return false;
    }
    if (opened.kind == OPENED_MONITOR) {
        snprintf(opened.path, sizeof opened.path, "socket:[%llu]", (unsigned long long)opened.pipe);
    }
    answer_text(call, opened.path, buffer, size);
    return true;
}

static void readlink_any(struct userland *host, const struct call *call, int directory,
                         uint64_t address, uint64_t buffer, uint64_t size)
{
    char path[PATH_MAX];
    char file[FILE_SIZE];
    bool from_tree;
    struct location location;
    struct opened opened;
    if (directory != AT_FDCWD && files_is_empty_path(call, address)) {
        files_identify(host, call, directory, &opened);
        if (opened.kind == OPENED_LINK) {
            paths_file(opened.is_real ? "" : host->tree.root, opened.path, file, sizeof file);
            answer_link(call, file, buffer, size);
        } else {
            call_continue(call);
        }
        return;
    }
    if (files_read_path(host, call, directory, address, path, &from_tree) &&
        read_proc_link(host, call, path, buffer, size)) {
        return;
    }
    if (files_find(host, call, directory, address, false, &location)) {
        files_name(host, &location, file);
        answer_link(call, file, buffer, size);
    }
}

#ifdef SYS_readlink
static void on_readlink(struct userland *host, const struct call *call)
{
    readlink_any(host, call, AT_FDCWD, call->arguments[0], call->arguments[1], call->arguments[2]);
}
#endif

static void on_readlinkat(struct userland *host, const struct call *call)
{
    readlink_any(host, call, (int)call->arguments[0], call->arguments[1], call->arguments[2],
                 call->arguments[3]);
}

/* ---- statfs: libusb and libudev make sure that /sys is a sysfs --------------------------- */

static void answer_statfs(const struct userland *host, const struct call *call, const char *path)
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

static void on_statfs(struct userland *host, const struct call *call)
{
    struct location location;
    if (files_find(host, call, AT_FDCWD, call->arguments[0], true, &location)) {
        answer_statfs(host, call, location.path);
    }
}

static void on_fstatfs(struct userland *host, const struct call *call)
{
    struct opened opened;
    files_identify(host, call, (int)call->arguments[0], &opened);
    if (opened.kind == OPENED_OTHER || opened.kind == OPENED_MONITOR) {
        call_continue(call);
    } else {
        answer_statfs(host, call, opened.path);
    }
}

/* ---- Extended attributes: ls asks for them; there are none ------------------------------- */

static void on_getxattr(struct userland *host, const struct call *call)
{
    struct location location;
    if (files_find(host, call, AT_FDCWD, call->arguments[0], call->number == SYS_getxattr,
                   &location)) {
        call_fail(call, ENODATA);
    }
}

static void on_listxattr(struct userland *host, const struct call *call)
{
    struct location location;
    if (files_find(host, call, AT_FDCWD, call->arguments[0], call->number == SYS_listxattr,
                   &location)) {
        call_return(call, 0);
    }
}

/* ---- Dispatch ---------------------------------------------------------------------------- */

static const struct {
    int number;
    call_handler handle;
} handlers[] = {
#ifdef SYS_open
    {SYS_open, files_open},
    {SYS_creat, files_creat},
#endif
#ifdef SYS_stat
    {SYS_stat, files_stat},
    {SYS_lstat, files_lstat},
#endif
#ifdef SYS_access
    {SYS_access, files_access},
#endif
#ifdef SYS_readlink
    {SYS_readlink, on_readlink},
#endif
    {SYS_openat, files_openat},
    {SYS_openat2, files_openat2},
    {SYS_newfstatat, files_fstatat},
    {SYS_fstat, files_fstat},
    {SYS_statx, files_statx},
    {SYS_faccessat, files_faccessat},
    {SYS_faccessat2, files_faccessat2},
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
