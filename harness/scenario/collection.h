/** @file collection.h The scenarios that somebody wants run: files, folders, and choices among
 * them. */
#ifndef VP_SCENARIO_COLLECTION_H
#define VP_SCENARIO_COLLECTION_H

#include <stdbool.h>

#include "scenario/scenario.h"

struct vp_collection {
    char **paths; /**< of files */
    unsigned path_count;
    struct vp_scenario **scenarios; /**< several for a file with a matrix */
    unsigned count;
    unsigned broken; /**< files that are no scenarios */
};

/**
 * Add a file, or all *.yaml below a folder, in the order of their names. What is wrong is written
 * to standard error, as by the other functions here.
 * @return 0, VP_ERROR_NOT_FOUND, VP_ERROR_IO, VP_ERROR_NO_MEMORY
 */
int vp_collection_add(struct vp_collection *collection, const char *path);

/**
 * Read all files, so that mistakes are told at once, and all of them together.
 * @param chosen  "VARIABLE=VALUE": of a matrix with that variable only what has this value
 * @return 0, VP_ERROR_INVALID (a file is no scenario), VP_ERROR_NOT_FOUND (nothing has what was
 *         chosen), VP_ERROR_NO_MEMORY
 */
int vp_collection_load(struct vp_collection *collection, char *const *chosen, unsigned count);

void vp_collection_free(struct vp_collection *collection);

#endif
