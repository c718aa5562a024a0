/**
 * @file files_private.h
 * What the handlers of system calls on paths share: which file is meant.
 *
 *   files.c         readlink, statfs and the like, and who answers what
 *   files_open.c    open
 *   files_status.c  stat and access
 *   files_which.c   paths and descriptors
 *   permission.c    whether the tool may
 */
#ifndef VP_HOST_FILES_PRIVATE_H
#define VP_HOST_FILES_PRIVATE_H

#include "host/tool/call.h"
#include "host/userland/core/userland.h"
#include "host/userland/tree/paths.h"

enum { FILE_SIZE = PATH_MAX + 128 };

/** Of a device. */
struct node {
    unsigned major, minor;
};

/** What a descriptor of the tool stands for, if it has to do with us. */
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
    struct node node; /**< for OPENED_NODE */
};

/**
 * Make the path at @p address absolute.
 * @param from_tree  set if it is named from one of our folders
 * @return false if the kernel may as well do it alone
 */
bool files_read_path(const struct userland *host, const struct call *call, int directory,
                     uint64_t address, char path[PATH_MAX], bool *from_tree);

/** Where the path at @p address leads; PLACE_REAL if in doubt. */
enum place files_locate(const struct userland *host, const struct call *call, int directory,
                        uint64_t address, bool follow, struct location *location);

/** Answers unless the file lies in the tree, or has to be found for the tool all the same. */
bool files_is_ours(const struct call *call, const struct location *location);

/** files_locate() and files_is_ours(). */
bool files_find(const struct userland *host, const struct call *call, int directory,
                uint64_t address, bool follow, struct location *location);

/** The file itself. */
void files_name(const struct userland *host, const struct location *location, char file[FILE_SIZE]);

/** True for AT_EMPTY_PATH's path. */
bool files_is_empty_path(const struct call *call, uint64_t address);

/** Is the file of the tree a device node? Then it says which. */
bool files_is_node(const char *path, struct node *node);

/** What the tool's descriptor stands for. */
void files_identify(const struct userland *host, const struct call *call, int fd,
                    struct opened *opened);

/* files_open.c */
void files_open(struct userland *host, const struct call *call);
void files_creat(struct userland *host, const struct call *call);
void files_openat(struct userland *host, const struct call *call);
void files_openat2(struct userland *host, const struct call *call);

/* files_status.c */
void files_stat(struct userland *host, const struct call *call);
void files_lstat(struct userland *host, const struct call *call);
void files_fstat(struct userland *host, const struct call *call);
void files_fstatat(struct userland *host, const struct call *call);
void files_statx(struct userland *host, const struct call *call);
void files_access(struct userland *host, const struct call *call);
void files_faccessat(struct userland *host, const struct call *call);
void files_faccessat2(struct userland *host, const struct call *call);

#endif
