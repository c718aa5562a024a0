/**
 * @file generations.h
 * The system firmware's history as a table: what each generation does differently.
 */
#ifndef VP_SYSTEM_GENERATIONS_H
#define VP_SYSTEM_GENERATIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "dct/system_flags.h"

enum vp_system_serial {
    VP_SYSTEM_SERIAL_CONSTANT, /**< "00000000050C" on every device */
    VP_SYSTEM_SERIAL_UPPER,
    VP_SYSTEM_SERIAL_LOWER,
};

struct vp_system_generation {
    uint16_t first; /**< first module version of the system parts; the next row ends it */
    bool composite; /**< USB: interface association, control interface, product names */
    enum vp_system_serial serial;
    /** Before the user application runs, bootloader and system part 2 must be valid too, with
     *  their dependencies; else only the user application is looked at. */
    bool checks_itself;
    bool second_dependency; /**< the second dependency of a module counts */
    enum vp_flags_store flags_store;
};

/** @return the row for a version of the system parts */
const struct vp_system_generation *vp_system_generation_find(uint16_t version);

#endif
