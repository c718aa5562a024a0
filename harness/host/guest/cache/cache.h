/**
 * @file cache.h
 * Where prepared guests are kept: a folder for each key, made under another name and renamed when
 * it is whole. Packages that were downloaded are beside them.
 */
#ifndef VP_GUEST_CACHE_H
#define VP_GUEST_CACHE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "host/guest/cache/manifest.h"

/** How the folders of guests that are being made begin. */
#define CACHE_MAKING "making-"

/** A prepared guest. */
struct cache_entry {
    char folder[PATH_MAX];
    char qemu[PATH_MAX]; /**< the program that its state belongs to */
    uint64_t state_size;
    uint32_t state_sum; /**< CRC-32 */
};

/**
 * The cache's folder.
 * @param wish  or NULL for the usual one
 * @param[out] folder  of PATH_MAX bytes
 * @return 0, VP_ERROR_RANGE (too long), VP_ERROR_INVALID (neither XDG_CACHE_HOME nor HOME is set)
 */
int cache_folder(const char *wish, char *folder, struct vp_failure *failure);

/** Make a folder and those above it. @return 0 or VP_ERROR_IO */
int cache_make_folder(const char *path, struct vp_failure *failure);

/**
 * Find the guest that fits this program, this machine's QEMU and what it says it was made from.
 * @return 0, VP_ERROR_NOT_FOUND
 */
int cache_find(const char *cache, struct cache_entry *entry);

/** Its manifest's text, with an end. @return 0 or VP_ERROR_IO */
int cache_read_about(const struct cache_entry *entry, char *text, size_t size);

/** Paths in a folder: of the state, and of one that the guest may see as an empty share. */
void cache_state_path(const char *folder, char *path, size_t size);
void cache_nothing_path(const char *folder, char *path, size_t size);

/**
 * Write the manifest and the state's sum to a folder that is still being made.
 * @return 0 or VP_ERROR_IO
 */
int cache_write_about(const char *folder, const struct manifest *manifest,
                      struct vp_failure *failure);

/** True if its state is as it was saved. Reads all of it. */
bool cache_is_whole(const struct cache_entry *entry);

/** Read a state's sum, a piece after the other. */
uint32_t cache_sum(uint32_t sum, const void *bytes, size_t size);

/** Remove what was begun and not finished. The caller is the only one who makes a guest. */
void cache_remove_unfinished(const char *cache);

/**
 * Give the new folder the name of its key, and remove all others. The caller is as above.
 * @return 0 or VP_ERROR_IO
 */
int cache_keep(const char *cache, const char *made, const char *key, struct vp_failure *failure);

#endif
