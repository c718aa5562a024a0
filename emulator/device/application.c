/* What an application would answer, as somebody wrote it down. */
#include "vparticle/application.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

enum { MAX_FILE = 1 << 20, NAME_LIMIT = 64 };

/* All in one piece, so that it can be freed; the texts are jansson's. */
struct owned {
    struct vp_application application; /* first: who has the one has the other */
    json_t *root;
    struct vp_function functions[VP_APPLICATION_LIMIT];
    struct vp_variable variables[VP_APPLICATION_LIMIT];
};

/* ---- Entries -----------------------------------------------------------------------------------
 */

static int read_function(struct owned *owned, const char *name, const json_t *value)
{
    const json_int_t number = json_integer_value(value);
    if (!json_is_integer(value) || number < INT32_MIN || number > INT32_MAX) {
        return VP_ERROR_INVALID;
    }
    owned->functions[owned->application.function_count++] =
        (struct vp_function){.name = name, .result = (int32_t)number};
    return 0;
}

static int read_variable(struct owned *owned, const char *name, const json_t *value)
{
    struct vp_variable *variable = &owned->variables[owned->application.variable_count];
    *variable = (struct vp_variable){.name = name};
    if (json_is_boolean(value)) {
        variable->type = VP_VARIABLE_BOOL;
        variable->value.flag = json_is_true(value);
    } else if (json_is_integer(value) && json_integer_value(value) >= INT32_MIN &&
               json_integer_value(value) <= INT32_MAX) {
        variable->type = VP_VARIABLE_INT;
        variable->value.number = (int32_t)json_integer_value(value);
    } else if (json_is_real(value)) {
        variable->type = VP_VARIABLE_DOUBLE;
        variable->value.real = json_real_value(value);
    } else if (json_is_string(value)) {
        variable->type = VP_VARIABLE_STRING;
        variable->value.text = json_string_value(value);
    } else {
        return VP_ERROR_INVALID;
    }
    owned->application.variable_count++;
    return 0;
}

/* ---- The whole ----------------------------------------------------------------------------------
 */

static const struct section {
    const char *name, *wanted;
    int (*read)(struct owned *owned, const char *name, const json_t *value);
} sections[] = {
    {"functions", "the number that it returns", read_function},
    {"variables", "a number of 32 bits, a number with a point, a text, true or false",
     read_variable},
};

static int read_section(struct owned *owned, const struct section *section, json_t *object,
                        const char *path, struct vp_failure *failure)
{
    const char *name;
    json_t *value;
    if (!json_is_object(object)) {
        return vp_fail(failure, VP_ERROR_INVALID, "%s: '%s' must be an object: {\"name\": ...}",
                       path, section->name);
    }
    if (json_object_size(object) > VP_APPLICATION_LIMIT) {
        return vp_fail(failure, VP_ERROR_INVALID, "%s: there are more than %d %s", path,
                       VP_APPLICATION_LIMIT, section->name);
    }
    json_object_foreach(object, name, value)
    {
        if (*name == '\0' || strlen(name) > NAME_LIMIT) {
            return vp_fail(failure, VP_ERROR_INVALID,
                           "%s: in '%s' the name '%.80s' must have 1 to %d bytes", path,
                           section->name, name, NAME_LIMIT);
        }
        if (section->read(owned, name, value)) {
            return vp_fail(failure, VP_ERROR_INVALID, "%s: in '%s' the value of '%s' must be %s",
                           path, section->name, name, section->wanted);
        }
    }
    return 0;
}

static int read_root(struct owned *owned, const char *path, struct vp_failure *failure)
{
    const char *name;
    json_t *value;
    if (!json_is_object(owned->root)) {
        return vp_fail(failure, VP_ERROR_INVALID,
                       "%s: must be an object with 'functions' and 'variables'", path);
    }
    json_object_foreach(owned->root, name, value)
    {
        const struct section *section = &sections[0];
        const struct section *end = sections + sizeof sections / sizeof *sections;
        while (section < end && strcmp(section->name, name) != 0) {
            section++;
        }
        const int error =
            section == end
                ? vp_fail(failure, VP_ERROR_INVALID,
                          "%s: there is no '%.80s', only 'functions' and 'variables'", path, name)
                : read_section(owned, section, value, path, failure);
        if (error) {
            return error;
        }
    }
    return 0;
}

int vp_application_parse(struct vp_application **application, const char *json, size_t length,
                         const char *path, struct vp_failure *failure)
{
    json_error_t trouble;
    struct owned *owned = calloc(1, sizeof *owned);
    if (!owned) {
        return vp_fail(failure, VP_ERROR_NO_MEMORY, "%s: out of memory", path);
    }
    owned->application.functions = owned->functions;
    owned->application.variables = owned->variables;
    owned->root = json_loadb(json, length, JSON_REJECT_DUPLICATES, &trouble);
    const int error = owned->root ? read_root(owned, path, failure)
                                  : vp_fail(failure, VP_ERROR_INVALID, "%s:%d:%d: %s", path,
                                            trouble.line, trouble.column, trouble.text);
    if (error) {
        vp_application_destroy(&owned->application);
        return error;
    }
    *application = &owned->application;
    return 0;
}

int vp_application_load(struct vp_application **application, const char *path,
                        struct vp_failure *failure)
{
    FILE *file = fopen(path, "rb");
    char *text = file ? malloc(MAX_FILE + 1) : NULL;
    int error;
    if (!text) {
        error = vp_fail(failure, VP_ERROR_IO, "%s: %s", path, strerror(file ? ENOMEM : errno));
    } else {
        const size_t length = fread(text, 1, MAX_FILE + 1, file);
        error =
            ferror(file) ? vp_fail(failure, VP_ERROR_IO, "%s: %s", path, strerror(errno))
            : length > MAX_FILE
                ? vp_fail(failure, VP_ERROR_INVALID, "%s: is longer than %d bytes", path, MAX_FILE)
                : vp_application_parse(application, text, length, path, failure);
    }
    if (file) {
        fclose(file);
    }
    free(text);
    return error;
}

void vp_application_destroy(struct vp_application *application)
{
    struct owned *owned = (struct owned *)application;
    if (owned) {
        json_decref(owned->root);
        free(owned);
    }
}
