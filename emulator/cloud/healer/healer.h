/**
 * @file healer.h
 * The Safe Mode Healer: a device in safe mode gets, one module a start, what its application lacks.
 *
 * plan.h decides what. It is sent as a job like any other; the next look comes when the device has
 * restarted and is still in safe mode.
 */
#ifndef CLOUD_HEALER_H
#define CLOUD_HEALER_H

#include <stdbool.h>
#include <stdint.h>

#include "vparticle/cloud_devices.h"
#include "vparticle/module.h"

struct cloud_connection;
struct cloud_core;
struct cloud_image;
struct cloud_images;

enum {
    HEAL_TAKEN_LIMIT = 2, /**< times that a device may take a module, and still need it */
    HEAL_LOST_LIMIT = 5,  /**< times in a row that a module may not be delivered */
};

/** How far the healing of a device is. */
struct cloud_healing {
    bool off;     /**< for this device */
    bool stopped; /**< no progress: until the device needs something else, or runs */
    bool sending; /**< a module of the healer's waits or is on its way, or the device restarts */
    struct vp_module_dependency need; /**< what was sent last */
    unsigned taken, lost;
};

/** Modules that the healer has: real ones that it was given, and those that it made. */
struct cloud_modules {
    struct cloud_images *images; /**< where their bytes are */
    struct cloud_module *first;
    vp_cloud_module_source source; /**< or NULL */
    void *context;
};

/** A device is in safe mode, and has described itself. */
void heal_look(struct cloud_connection *connection);

/** A device runs its application. */
void heal_runs(struct cloud_connection *connection);

/** The healer's job has ended. */
void heal_sent(struct cloud_connection *connection, bool taken);

/* ---- modules.c ------------------------------------------------------------------------------ */

/** @return 0, VP_ERROR_NO_MEMORY */
int cloud_modules_add(struct cloud_modules *modules, const struct vp_module *module,
                      struct cloud_image *image);

/**
 * The image of a catalogue row: a real one, else one that is forged, once.
 * @param[out] image  with a reference for the caller
 * @return 0, VP_ERROR_NO_MEMORY
 */
int cloud_modules_find(struct cloud_modules *modules, const struct vp_catalogue_module *module,
                       struct cloud_image **image);

void cloud_modules_free(struct cloud_modules *modules);

#endif
