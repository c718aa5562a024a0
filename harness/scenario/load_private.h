/** @file load_private.h Loading a scenario: load.c reads, rules.c checks what the schema cannot
 * say. */
#ifndef VP_SCENARIO_LOAD_PRIVATE_H
#define VP_SCENARIO_LOAD_PRIVATE_H

#include "scenario/scenario.h"
#include "scenario/schema.h"

/** A scenario between the document it is read from and the structure it becomes. */
struct vp_loader {
    const char *path;
    const uint8_t *bytes;
    size_t size;
    yaml_document_t document;
    char *choice; /**< of a matrix, until the scenario has it */
    unsigned combinations;
    struct vp_scenario *scenario;
    struct vp_failure *failure;
};

/** Check what was loaded, and note where its steps are. @return 0 or VP_ERROR_INVALID */
int vp_scenario_check(struct vp_loader *loader);

#endif
