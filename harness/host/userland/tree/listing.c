#include "host/userland/tree/listing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/userland/tree/paths.h"

enum { ENTRIES_MAX = 8192, LISTING_PATH_SIZE = 256 };

bool listing_is_merged(const char *path)
{
    return strcmp(path, "/dev") == 0 || strcmp(path, "/sys/dev/char") == 0;
}

static void copy_link(int from, int to, const char *name)
{
    char target[PATH_MAX];
    ssize_t length = readlinkat(from, name, target, sizeof target - 1);
    if (length >= 0) {
        target[length] = '\0';
        if (symlinkat(target, to, name)) {
            return; /* it is there already, or somebody looks in vain */
        }
    }
}

/* A character device with number 0 is the one that everybody may make (Linux 5.8); where not, a
 * plain file must do. */
static void copy_entry(int from, int to, const char *name, bool ours)
{
    struct stat status;
    struct stat old;
    if (fstatat(to, name, &old, AT_SYMLINK_NOFOLLOW) == 0 ||
        fstatat(from, name, &status, AT_SYMLINK_NOFOLLOW)) {
        return;
    }
    int error = 0;
    switch (status.st_mode & S_IFMT) {
    case S_IFDIR:
        mkdirat(to, name, 0755);
        return;
    case S_IFLNK:
        copy_link(from, to, name);
        return;
    case S_IFBLK:
        error = mknodat(to, name, S_IFBLK | 0600, status.st_rdev);
        break;
    case S_IFSOCK:
    case S_IFIFO:
        error = mknodat(to, name, (status.st_mode & S_IFMT) | 0600, 0);
        break;
    case S_IFCHR:
        error = -1;
        break;
    default:
        error = ours ? -1 : 0; /* our nodes are plain files of the tree */
        break;
    }
    if (error) {
        error = mknodat(to, name, S_IFCHR | 0600, 0);
    }
    if (error || (S_ISREG(status.st_mode) && !ours)) {
        int fd = openat(to, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        if (fd >= 0) {
            close(fd);
        }
    }
}

/* Names of our own devices are only ours to have. */
static bool is_ours(const char *folder, const char *name)
{
    char path[LISTING_PATH_SIZE + NAME_MAX + 2];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return paths_is_owned(path);
}

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* Copy entries of the real folder, or of ours. */
static void copy_entries(const char *folder, const char *source, int to, bool ours)
{
    DIR *from = opendir(source);
    unsigned count = 0;
    for (struct dirent *entry; from && (entry = readdir(from)) && count < ENTRIES_MAX; count++) {
        if (!is_dots(entry->d_name) && is_ours(folder, entry->d_name) == ours) {
            copy_entry(dirfd(from), to, entry->d_name, ours);
        }
    }
    if (from) {
        closedir(from);
    }
}

/* Remove what has gone. */
static void sweep(const char *folder, const char *mine, const char *listing)
{
    char path[2 * LISTING_PATH_SIZE + NAME_MAX];
    struct stat status;
    DIR *list = opendir(listing);
    for (struct dirent *entry; list && (entry = readdir(list));) {
        const char *source = is_ours(folder, entry->d_name) ? mine : folder;
        snprintf(path, sizeof path, "%s/%s", source, entry->d_name);
        if (!is_dots(entry->d_name) && lstat(path, &status)) {
            unlinkat(dirfd(list), entry->d_name, 0);
            unlinkat(dirfd(list), entry->d_name, AT_REMOVEDIR);
        }
    }
    if (list) {
        closedir(list);
    }
}

int listing_open(const char *root, const char *path)
{
    char listing[LISTING_PATH_SIZE];
    char mine[LISTING_PATH_SIZE];
    snprintf(listing, sizeof listing, "%s" PATHS_LISTING "%s", root, path);
    snprintf(mine, sizeof mine, "%s%s", root, path);
    int fd = open(listing, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        sweep(path, mine, listing);
        copy_entries(path, path, fd, false);
        copy_entries(path, mine, fd, true);
    }
    return fd;
}
