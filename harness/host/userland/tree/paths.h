/**
 * @file paths.h
 * Which file a path of a tool means: one of the tree, one of the real system, or none.
 *
 * Paths of the tree are named as the tool sees them ("/sys/bus/usb"); the file itself lies at
 * the same name below the tree's root.
 */
#ifndef VP_HOST_PATHS_H
#define VP_HOST_PATHS_H

#include <limits.h>
#include <stdbool.h>

enum place {
    PLACE_REAL,    /**< not ours: the kernel decides */
    PLACE_TREE,    /**< in the tree: `path` is its name, without symbolic links */
    PLACE_MISSING, /**< ours, but there is no such file: `error` is the errno */
};

struct location {
    enum place place;
    int error;
    char path[PATH_MAX];
    /** PLACE_REAL, but named from one of our folders: the kernel would look for it there. */
    bool detour;
};

/** Quick look: false if the absolute @p path certainly means a real file. */
bool paths_may_concern(const char *root, const char *path);

/**
 * Resolve the absolute @p path, with symbolic links, "." and "..".
 * @param follow  whether a symbolic link at the end is followed, too
 */
void paths_locate(const char *root, const char *path, bool follow, struct location *location);

/**
 * What the tool would call a file that /proc shows as @p name: the part below @p root, or
 * @p name itself if it lies outside.
 */
const char *paths_seen(const char *root, const char *name);

/** Below the root: what stands for real folders when they are listed (listing.h). */
#define PATHS_LISTING "/listing"

/** Does the absolute @p path, without symbolic links, have a name that only our devices have? */
bool paths_is_owned(const char *path);

/** The file of a path in the tree. */
void paths_file(const char *root, const char *path, char *file, unsigned size);

/** True for /dev/bus/usb/BBB/DDD. */
bool paths_is_node(const char *path, unsigned *bus, unsigned *device);

/*
 * A descriptor that a tool opens with O_PATH cannot be put into it, and none can stand for a
 * symbolic link. So the tool gets a regular file that stands in for the link: its name says which.
 */

/** The name (as the tool sees names) of the stand-in for the symbolic link @p path. */
void paths_stand_in(const char *path, char *stand_in, unsigned size);

/** If @p seen is a stand-in, write which link it stands for and return true. */
bool paths_stands_for(const char *seen, char *path, unsigned size);

#endif
