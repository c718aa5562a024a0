/**
 * @file manifest.h
 * All that a saved state depends on, a line each. The SHA-256 of the text is the name of the
 * state's folder in the cache, so a state is never used with anything else than it was made from.
 */
#ifndef VP_GUEST_MANIFEST_H
#define VP_GUEST_MANIFEST_H

#include <stdbool.h>

#include "host/guest/cache/key.h"
#include "vparticle/error.h"

enum { MANIFEST_SIZE = 32 * 1024 };

struct manifest {
    char text[MANIFEST_SIZE];
    size_t size;
    bool overflown;
};

/** What it is made from: the first lines. */
struct manifest_sources {
    const char *kernel, *kernel_key;   /**< the package file's name and SHA-256 */
    const char *busybox, *busybox_key; /**< the program's */
    const char *modules;               /**< in their order, separated by spaces */
};

void manifest_begin(struct manifest *manifest, const struct manifest_sources *sources);

/**
 * Begin as another manifest did: what it was made from is all that can't be found out again.
 * @param text  with an end, not trusted
 * @return 0 or VP_ERROR_INVALID
 */
int manifest_begin_as(struct manifest *manifest, const char *text);

/**
 * Add what this machine brings: the /init script of this program, QEMU and its firmware, and how it
 * is called. QEMU's version is what its file is: path, size and time.
 * @return 0 or VP_ERROR_IO (no such QEMU)
 */
int manifest_add_machine(struct manifest *manifest, const char *qemu);

/** @return 0, VP_ERROR_RANGE (it is too long) or VP_ERROR_NO_MEMORY */
int manifest_key(const struct manifest *manifest, char key[KEY_SIZE]);

#endif
