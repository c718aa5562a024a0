/** @file write_file.h Files that appear whole or not at all. */
#ifndef VP_FILES_WRITE_FILE_H
#define VP_FILES_WRITE_FILE_H

#include <stddef.h>

#include "vparticle/error.h"

/**
 * Write a file beside @p path and rename it over @p path when all of it is on disk.
 * @return 0 or VP_ERROR_IO; then nothing is left behind and what was at @p path is unchanged
 */
int vp_write_file(const char *path, const void *data, size_t size, struct vp_failure *failure);

#endif
