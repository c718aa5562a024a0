/**
 * @file listing.h
 * The folder that a tool gets to list in place of the real /dev (or /sys/dev/char): with all that
 * is there, less real USB hardware, and with our devices. Only names and kinds matter: what is
 * below is looked up by path, in the tree or in the real system.
 */
#ifndef VP_HOST_LISTING_H
#define VP_HOST_LISTING_H

#include <stdbool.h>

/** Is the folder @p path one whose listing is ours and the real one's together? */
bool listing_is_merged(const char *path);

/**
 * Bring the stand-in for the merged folder @p path up to date.
 * @param root  of the tree
 * @return a descriptor of it, or -1 with errno
 */
int listing_open(const char *root, const char *path);

#endif
