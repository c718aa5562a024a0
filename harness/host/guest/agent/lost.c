#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/guest/agent/agent.h"

static const char *const expected[] = {"/tmp", "/run", "/var", "/dev"};

struct lost {
    const char *temporary;
    unsigned count;
    char names[LOST_TEXT_SIZE / 2];
    size_t used;
};

static bool is_expected(const struct lost *lost, const char *path)
{
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        if (strcmp(path, expected[i]) == 0) {
            return true;
        }
    }
    return lost->temporary && strcmp(path, lost->temporary) == 0;
}

static void add(struct lost *lost, const char *path)
{
    if (lost->count++ >= LOST_SHOWN) {
        return;
    }
    const size_t room = sizeof lost->names - lost->used;
    const int length =
        snprintf(lost->names + lost->used, room, "%s%.150s", lost->used ? ", " : "", path);
    const size_t end = (size_t)length < room ? lost->used + (size_t)length : sizeof lost->names - 1;
    for (; lost->used < end; lost->used++) {
        char *letter = &lost->names[lost->used];
        *letter = (char)((unsigned char)*letter < ' ' || *letter == '\177' ? '?' : *letter);
    }
}

/* A deleted file leaves a character device 0,0 there: that nobody misses. */
static void walk(struct lost *lost, int folder, const char *path)
{
    DIR *listing = fdopendir(folder);
    if (!listing) {
        close(folder);
        return;
    }
    for (struct dirent *entry; (entry = readdir(listing));) {
        char below[PATH_MAX];
        struct stat status;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            snprintf(below, sizeof below, "%s/%s", path, entry->d_name) >= PATH_MAX ||
            fstatat(dirfd(listing), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) ||
            is_expected(lost, below)) {
            continue;
        }
        if (S_ISDIR(status.st_mode)) {
            walk(lost, openat(dirfd(listing), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
                 below);
        } else if (!S_ISCHR(status.st_mode)) {
            add(lost, below);
        }
    }
    closedir(listing);
}

void lost_describe(int changes, const char *temporary, char text[LOST_TEXT_SIZE])
{
    struct lost lost = {.temporary = temporary};
    const int upper = openat(changes, "upper", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    text[0] = '\0';
    if (upper >= 0) {
        walk(&lost, upper, "");
    }
    if (lost.count) {
        char more[32] = "";
        if (lost.count > LOST_SHOWN) {
            snprintf(more, sizeof more, " and %u more", lost.count - LOST_SHOWN);
        }
        snprintf(text, LOST_TEXT_SIZE,
                 "written inside the guest and lost with it: %s%s; run in that folder or give "
                 "--share FOLDER",
                 lost.names, more);
    }
}
