/**
 * @file application.h
 * What the user application would answer to the cloud. No application is executed: without this, it
 * has no functions and variables.
 */
#ifndef VPARTICLE_APPLICATION_H
#define VPARTICLE_APPLICATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vparticle/device.h"

/** As in the description of the device: "v":{"name":2}. */
enum vp_variable_type {
    VP_VARIABLE_BOOL = 1,
    VP_VARIABLE_INT = 2,
    VP_VARIABLE_STRING = 4,
    VP_VARIABLE_DOUBLE = 9,
};

struct vp_variable {
    const char *name;
    enum vp_variable_type type;
    union {
        bool flag;        /**< VP_VARIABLE_BOOL */
        int32_t number;   /**< VP_VARIABLE_INT */
        double real;      /**< VP_VARIABLE_DOUBLE */
        const char *text; /**< VP_VARIABLE_STRING */
    } value;
};

struct vp_function {
    const char *name;
    int32_t result; /**< of each call, whatever the argument */
};

struct vp_application {
    const struct vp_function *functions;
    size_t function_count;
    const struct vp_variable *variables;
    size_t variable_count;
};

enum { VP_APPLICATION_LIMIT = 64 }; /**< functions, and as many variables, in a file */

/**
 * Say what the application answers, while it runs (not in safe mode). NULL: nothing any more.
 * @param application  the caller's, with all that it points to, until it is replaced or the device
 *                     is destroyed; its values may change between calls to the device
 */
void vp_device_set_application(struct vp_device *device, const struct vp_application *application);

/**
 * Read one from JSON:
 *
 *     {"functions": {"led": 1}, "variables": {"count": 3, "name": "x", "on": true, "t": 20.5}}
 *
 * @param[out] application  owned by the caller: vp_application_destroy()
 * @param path  what to call the text in a failure
 * @return 0, VP_ERROR_INVALID with @p failure saying where, VP_ERROR_NO_MEMORY
 */
int vp_application_parse(struct vp_application **application, const char *json, size_t length,
                         const char *path, struct vp_failure *failure);

/** The same from a file. @return as vp_application_parse(), or VP_ERROR_IO */
int vp_application_load(struct vp_application **application, const char *path,
                        struct vp_failure *failure);

/** NULL is allowed. */
void vp_application_destroy(struct vp_application *application);

#endif
