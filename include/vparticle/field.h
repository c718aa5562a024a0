/**
 * @file field.h
 * What the field sends of a device: the text of `particle serial inspect`, or the description as
 * JSON, from the `s` command, from the cloud, or inside an event spark/status/safe-mode.
 */
#ifndef VPARTICLE_FIELD_H
#define VPARTICLE_FIELD_H

#include <stdbool.h>
#include <stddef.h>

#include "vparticle/flash.h"
#include "vparticle/module.h"

enum { VP_FIELD_TEXT_LIMIT = 64 << 10 /**< bytes of a report's file */ };
enum { VP_FIELD_MODULES = 16, VP_FIELD_DEPENDENCIES = 2 };

/** Where a module is (module_store_t, ota_flash_hal.h). */
enum vp_field_store { VP_FIELD_MAIN, VP_FIELD_FACTORY, VP_FIELD_BACKUP, VP_FIELD_SCRATCHPAD };

struct vp_field_module {
    enum vp_field_store store;
    uint32_t maximum_size; /**< bytes of its place; 0 if it is not said */
    bool present;          /**< false: the place is empty, or what is there is no module for it */
    uint8_t function, index;
    uint16_t version;
    struct vp_module_dependency dependencies[VP_FIELD_DEPENDENCIES];
    unsigned checked, result; /**< enum vp_module_check, as the device said */
};

struct vp_field_report {
    enum vp_platform platform;
    struct vp_field_module modules[VP_FIELD_MODULES];
    unsigned count;
};

/**
 * Read a report in any of these forms. Colours of a terminal and whatever stands before and after
 * are left out. A report is refused from which something is missing: a module's checks, the
 * dependency that it lacks, the system, or (before 1.1.0, when a device named them all) a place.
 * @return 0, or VP_ERROR_INVALID with @p failure saying what is wrong or missing, and where
 */
int vp_field_parse(const char *text, size_t length, struct vp_field_report *report,
                   struct vp_failure *failure);

/**
 * Fill an erased flash so that the device describes itself like the report: same modules, versions,
 * dependencies; a module that failed a check fails it here. What a report does not hold (the code,
 * the user application's SHA-256) is made up.
 * @return 0, VP_ERROR_INVALID (a module that has no place on this platform), VP_ERROR_FLASH,
 *         VP_ERROR_NO_MEMORY
 */
int vp_field_install(struct vp_flash *flash, const struct vp_field_report *report,
                     struct vp_failure *failure);

/**
 * Load a file with a report, or with a flash of 1 MiB that was read out of a device (dfu-util -U).
 * @param[out] flash  owned by the caller
 * @return 0, VP_ERROR_IO, VP_ERROR_NO_MEMORY, VP_ERROR_UNSUPPORTED (a Core), or VP_ERROR_INVALID
 */
int vp_field_load(const char *path, struct vp_flash **flash, enum vp_platform *platform,
                  struct vp_failure *failure);

#endif
