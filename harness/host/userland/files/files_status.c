/*
 * What a file looks like: stat(2), access(2) and their relatives.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "host/userland/files/files_private.h"
#include "host/userland/files/permission.h"

/* ---- stat -------------------------------------------------------------------------------- */

static void make_node_status(struct stat *status, struct node node, struct permission permission)
{
    status->st_mode = S_IFCHR | permission.mode;
    status->st_rdev = makedev(node.major, node.minor);
    status->st_size = 0;
    status->st_blocks = 0;
    status->st_uid = permission.owner;
    status->st_gid = permission.group;
}

static void make_node_statx(struct statx *status, struct node node, struct permission permission)
{
    status->stx_mode = (uint16_t)(S_IFCHR | permission.mode);
    status->stx_rdev_major = node.major;
    status->stx_rdev_minor = node.minor;
    status->stx_size = 0;
    status->stx_blocks = 0;
    status->stx_uid = permission.owner;
    status->stx_gid = permission.group;
}

/* One question, in the form of stat(2) or of statx(2). */
struct status_question {
    const struct call *call;
    uint64_t buffer;
    bool extended;
    unsigned flags, mask; /**< of statx */
};

static void answer_status(const struct userland *host, const struct status_question *question,
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
            struct permission permission = permission_of(question->call, what->node.major);
            make_node_status(&status, what->node, permission);
            make_node_statx(&extended, what->node, permission);
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

static void status_of_fd(struct userland *host, const struct status_question *question, int fd)
{
    struct opened opened;
    files_identify(host, question->call, fd, &opened);
    if (opened.kind == OPENED_OTHER || opened.kind == OPENED_FILE) {
        call_continue(question->call);
    } else {
        answer_status(host, question, &opened);
    }
}

static void status_of_path(struct userland *host, const struct status_question *question,
                           int directory, uint64_t address)
{
    struct location location;
    struct opened opened = {.kind = OPENED_FILE};
    bool follow = !(question->flags & AT_SYMLINK_NOFOLLOW);
    if (question->flags & AT_EMPTY_PATH && files_is_empty_path(question->call, address)) {
        status_of_fd(host, question, directory);
        return;
    }
    if (!files_find(host, question->call, directory, address, follow, &location)) {
        return;
    }
    memcpy(opened.path, location.path, sizeof opened.path);
    opened.is_real = location.place == PLACE_REAL;
    if (!opened.is_real && files_is_node(location.path, &opened.node)) {
        opened.kind = OPENED_NODE;
    }
    answer_status(host, question, &opened);
}

#ifdef SYS_stat
void files_stat(struct userland *host, const struct call *call)
{
    struct status_question question = {.call = call, .buffer = call->arguments[1]};
    status_of_path(host, &question, AT_FDCWD, call->arguments[0]);
}

void files_lstat(struct userland *host, const struct call *call)
{
    struct status_question question = {
        .call = call, .buffer = call->arguments[1], .flags = AT_SYMLINK_NOFOLLOW};
    status_of_path(host, &question, AT_FDCWD, call->arguments[0]);
}
#endif

void files_fstat(struct userland *host, const struct call *call)
{
    struct status_question question = {.call = call, .buffer = call->arguments[1]};
    status_of_fd(host, &question, (int)call->arguments[0]);
}

void files_fstatat(struct userland *host, const struct call *call)
{
    struct status_question question = {
        .call = call, .buffer = call->arguments[2], .flags = (unsigned)call->arguments[3]};
    status_of_path(host, &question, (int)call->arguments[0], call->arguments[1]);
}

void files_statx(struct userland *host, const struct call *call)
{
    struct status_question question = {.call = call,
                                       .buffer = call->arguments[4],
                                       .extended = true,
                                       .flags = (unsigned)call->arguments[2],
                                       .mask = (unsigned)call->arguments[3]};
    status_of_path(host, &question, (int)call->arguments[0], call->arguments[1]);
}

/* ---- access ------------------------------------------------------------------------------ */

/* A node is never executable, not even for root (generic_permission()). */
static void access_node(const struct call *call, const char *path, struct node node, int mode)
{
    if (mode & ~(R_OK | W_OK | X_OK)) {
        call_fail(call, EINVAL);
    } else if (mode & (R_OK | W_OK) & ~permission_of(call, node.major).allowed) {
        permission_refuse(call, path, EACCES);
    } else if (mode & X_OK) {
        call_fail(call, EACCES);
    } else {
        call_return(call, 0);
    }
}

static void access_any(struct userland *host, const struct call *call, int directory,
                       uint64_t address, uint64_t mode, uint64_t flags)
{
    struct location location;
    char file[FILE_SIZE];
    if (!files_find(host, call, directory, address, !(flags & AT_SYMLINK_NOFOLLOW), &location)) {
        return;
    }
    struct node node;
    if (location.place == PLACE_TREE && files_is_node(location.path, &node)) {
        access_node(call, location.path, node, (int)mode);
        return;
    }
    files_name(host, &location, file);
    if (faccessat(AT_FDCWD, file, (int)mode, (int)(flags & AT_SYMLINK_NOFOLLOW))) {
        call_fail(call, errno);
    } else {
        call_return(call, 0);
    }
}

#ifdef SYS_access
void files_access(struct userland *host, const struct call *call)
{
    access_any(host, call, AT_FDCWD, call->arguments[0], call->arguments[1], 0);
}
#endif

void files_faccessat(struct userland *host, const struct call *call)
{
    access_any(host, call, (int)call->arguments[0], call->arguments[1], call->arguments[2], 0);
}

void files_faccessat2(struct userland *host, const struct call *call)
{
    access_any(host, call, (int)call->arguments[0], call->arguments[1], call->arguments[2],
               call->arguments[3]);
}
