#include "host/userland/tree/paths.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/userland/udev/uevent.h"

enum { LINKS_MAX = 40 }; /* MAXSYMLINKS of the kernel */

/* Ours alone, with all that is below or (without a final slash) begins like it: real USB
 * hardware of this machine must not be seen, let alone flashed. */
static const char *const owned[] = {
    "/sys/bus/usb/",
    "/sys/devices/platform/vhci_hcd.0/",
    "/sys/dev/char/166:",
    "/sys/dev/char/188:",
    "/sys/dev/char/189:",
    "/sys/class/tty/ttyACM",
    "/sys/class/tty/ttyUSB",
    "/dev/bus/",
    "/dev/serial/",
    "/dev/ttyACM",
    "/dev/ttyUSB",
    "/dev/char/166:",
    "/dev/char/188:",
    "/dev/char/189:",
    "/run/udev/",
};

/* Folders that the tree has only because something of ours is in them: to list them is to list the
 * real one, where there is one. */
static const char *const shared[] = {
    "/",    "/sys", "/sys/dev", "/sys/dev/char", "/sys/devices", "/sys/devices/platform",
    "/dev", "/run",
};

static const char *const tops[] = {"sys", "dev", "run", "var"};

static bool is_below(const char *path, const char *folder)
{
    size_t length = strlen(folder);
    return strncmp(path, folder, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

/* Does the path lead through a symbolic link of the real system, or to one? In one system call. */
static bool leads_through_link(const char *path)
{
    const struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS};
    const long fd = syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
    if (fd >= 0) {
        close((int)fd);
    }
    return fd < 0 && errno == ELOOP;
}

bool paths_may_concern(const char *root, const char *path)
{
    if (strstr(path, "..") || is_below(path, root)) {
        return true;
    }
    const char *first = path + strspn(path, "/");
    while (first[0] == '.' && first[1] == '/') {
        first += 1 + strspn(first + 1, "/");
    }
    size_t length = strcspn(first, "/");
    for (size_t i = 0; i < sizeof tops / sizeof *tops; i++) {
        if (strlen(tops[i]) == length && memcmp(first, tops[i], length) == 0) {
            return true;
        }
    }
    return length == 0 || leads_through_link(path);
}

const char *paths_seen(const char *root, const char *name)
{
    if (!*root || !is_below(name, root)) {
        return name;
    }
    name += strlen(root);
    if (is_below(name, PATHS_LISTING)) {
        name += strlen(PATHS_LISTING);
    }
    return *name ? name : "/";
}

void paths_file(const char *root, const char *path, char *file, unsigned size)
{
    if (snprintf(file, size, "%s%s", root, path) >= (int)size) {
        *file = '\0'; /* no such file */
    }
}

bool paths_is_owned(const char *path)
{
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) {
        size_t length = strlen(owned[i]);
        if (strncmp(path, owned[i], length) == 0 ||
            (owned[i][length - 1] == '/' && strlen(path) == length - 1 &&
             strncmp(path, owned[i], length - 1) == 0)) {
            return true;
        }
    }
    return false;
}

static bool is_shared(const char *path)
{
    for (size_t i = 0; i < sizeof shared / sizeof *shared; i++) {
        if (strcmp(path, shared[i]) == 0) {
            return access(path, F_OK) == 0;
        }
    }
    return false;
}

/* A walk: `done` is resolved, `rest` is to come. */
struct walk {
    char done[PATH_MAX];
    char rest[2 * PATH_MAX];
    unsigned links;
};

static void drop_last(char *path)
{
    char *slash = strrchr(path, '/');
    if (slash) {
        *slash = '\0';
    }
}

/* Put the target of the symbolic link that `done` is in front of the rest. */
static int follow_link(struct walk *walk, const char *file)
{
    char target[PATH_MAX];
    ssize_t length = readlink(file, target, sizeof target - 1);
    if (length < 0) {
        return ENOENT;
    }
    target[length] = '\0';
    if (++walk->links > LINKS_MAX) {
        return ELOOP;
    }
    size_t left = strlen(walk->rest) + 1;
    if ((size_t)length + 1 + left > sizeof walk->rest) {
        return ENAMETOOLONG;
    }
    /* A slash at the end would make a folder of what the link leads to. */
    size_t gap = left > 1 ? 1 : 0;
    memmove(walk->rest + (size_t)length + gap, walk->rest, left);
    memcpy(walk->rest, target, (size_t)length);
    if (gap) {
        walk->rest[length] = '/';
    }
    if (target[0] == '/') {
        walk->done[0] = '\0';
    } else {
        drop_last(walk->done);
    }
    return 0;
}

/* Links of /proc mean other things to each process. */
static bool is_real_link(const char *path)
{
    struct stat status;
    return !is_below(path, "/proc") && lstat(path, &status) == 0 && S_ISLNK(status.st_mode);
}

/* Add a name to what is done. @return 0 or an errno */
static int enter(struct walk *walk, const char *root, const char *name, size_t length, bool follow)
{
    char file[PATH_MAX + 128];
    struct stat status;
    bool is_last = walk->rest[0] == '\0';
    size_t used = strlen(walk->done);
    if (used + length + 2 > sizeof walk->done) {
        return ENAMETOOLONG;
    }
    walk->done[used] = '/';
    memcpy(walk->done + used + 1, name, length);
    walk->done[used + 1 + length] = '\0';
    paths_file(root, walk->done, file, sizeof file);
    if (lstat(file, &status)) { /* perhaps a real one */
        return (!is_last || follow) && is_real_link(walk->done) ? follow_link(walk, walk->done) : 0;
    }
    if (S_ISLNK(status.st_mode) && (!is_last || follow)) {
        return follow_link(walk, file);
    }
    return S_ISREG(status.st_mode) && !is_last ? ENOTDIR : 0;
}

/* Take one name from the rest. @return 0 or an errno */
static int step(struct walk *walk, const char *root, bool follow)
{
    char name[NAME_MAX + 1];
    size_t slashes = strspn(walk->rest, "/");
    size_t length = strcspn(walk->rest + slashes, "/");
    if (length > NAME_MAX) {
        return ENAMETOOLONG;
    }
    memcpy(name, walk->rest + slashes, length);
    name[length] = '\0';
    memmove(walk->rest, walk->rest + slashes + length, strlen(walk->rest + slashes + length) + 1);
    if (strcmp(name, "..") == 0) {
        drop_last(walk->done);
        return 0;
    }
    return length == 0 || strcmp(name, ".") == 0 ? 0 : enter(walk, root, name, length, follow);
}

void paths_locate(const char *root, const char *path, bool follow, struct location *location)
{
    struct walk walk = {.links = 0};
    location->place = PLACE_MISSING;
    path = paths_seen(root, path);
    if (snprintf(walk.rest, PATH_MAX, "%s", path) >= PATH_MAX) {
        location->error = ENAMETOOLONG;
        return;
    }
    while (walk.rest[strspn(walk.rest, "/")] != '\0') {
        location->error = step(&walk, root, follow || strchr(walk.rest, '\0')[-1] == '/');
        if (location->error) {
            return;
        }
    }
    snprintf(location->path, sizeof location->path, "%s", *walk.done ? walk.done : "/");
    char file[PATH_MAX + 128];
    struct stat status;
    paths_file(root, location->path, file, sizeof file);
    if (lstat(file, &status) == 0 && !is_below(location->path, "/stand-in") &&
        !is_below(location->path, "/aside") && !is_below(location->path, PATHS_LISTING)) {
        location->place = is_shared(location->path) ? PLACE_REAL : PLACE_TREE;
    } else if (paths_is_owned(location->path)) {
        location->error = ENOENT;
    } else {
        location->place = PLACE_REAL;
    }
}

bool paths_is_node(const char *path, unsigned *bus, unsigned *device)
{
    int end = 0;
    return sscanf(path, "/dev/bus/usb/%3u/%3u%n", bus, device, &end) == 2 && path[end] == '\0';
}

static const char stand_in_folder[] = "/stand-in/";

void paths_stand_in(const char *path, char *stand_in, unsigned size)
{
    snprintf(stand_in, size, "%s%s", stand_in_folder, path);
    for (char *c = stand_in + sizeof stand_in_folder - 1; *c; c++) {
        if (*c == '/') {
            *c = '\\';
        }
    }
}

bool paths_stands_for(const char *seen, char *path, unsigned size)
{
    if (strncmp(seen, stand_in_folder, sizeof stand_in_folder - 1) != 0) {
        return false;
    }
    snprintf(path, size, "%s", seen + sizeof stand_in_folder - 1);
    for (char *c = path; *c; c++) {
        if (*c == '\\') {
            *c = '/';
        }
    }
    return true;
}
