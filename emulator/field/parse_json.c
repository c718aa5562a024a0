/*
 * A description as JSON:
 * {"p":6,"m":[{"s":..,"l":"m","vc":30,"vv":30,"f":"s","n":"1","v":109,"d":[..]}]}. Source:
 * system_module_info(), system/src/system_update.cpp @ v0.7.0.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "field/field_private.h"

static bool letter(const json_t *object, const char *key, const char *letters,
                   const uint8_t *meanings, uint8_t *meaning)
{
    const char *text = json_string_value(json_object_get(object, key));
    const char *found = text && strlen(text) == 1 ? strchr(letters, *text) : NULL;
    if (found) {
        *meaning = meanings[found - letters];
    }
    return found != NULL;
}

static bool function_of(const json_t *object, uint8_t *function)
{
    static const uint8_t functions[] = {VP_MODULE_BOOTLOADER, VP_MODULE_SYSTEM, VP_MODULE_USER,
                                        VP_MODULE_MONOLITHIC, VP_MODULE_RESOURCE};
    return letter(object, "f", "bsumr", functions, function);
}

/* A number, or as for "n" a string of digits. */
static bool number(const json_t *object, const char *key, long limit, long *value)
{
    const json_t *found = json_object_get(object, key);
    char *end = NULL;
    if (json_is_string(found)) {
        *value = strtol(json_string_value(found), &end, 10);
        return *json_string_value(found) && !*end && *value >= 0 && *value <= limit;
    }
    *value = (long)json_integer_value(found);
    return json_is_integer(found) && *value >= 0 && *value <= limit;
}

static bool read_dependency(const json_t *object, struct vp_module_dependency *dependency)
{
    long index, version;
    if (!number(object, "n", UINT8_MAX, &index) || !number(object, "v", UINT16_MAX, &version)) {
        return false;
    }
    if (!function_of(object, &dependency->function)) {
        return index == 0 && version == 0; /* "none", however it is spelt */
    }
    dependency->index = (uint8_t)index;
    dependency->version = (uint16_t)version;
    return true;
}

static const char *read_module(const json_t *object, struct vp_field_module *module)
{
    static const uint8_t stores[] = {VP_FIELD_MAIN, VP_FIELD_FACTORY, VP_FIELD_BACKUP,
                                     VP_FIELD_SCRATCHPAD};
    uint8_t store = VP_FIELD_MAIN;
    long value;
    if (!letter(object, "l", "mfbt", stores, &store)) {
        return "has no place ('l' must be m, f, b or t)";
    }
    module->store = (enum vp_field_store)store;
    module->maximum_size = number(object, "s", INT32_MAX, &value) ? (uint32_t)value : 0;
    if (!number(object, "vc", UINT16_MAX, &value)) {
        return "does not say what was checked ('vc')";
    }
    module->checked = (unsigned)value;
    if (!number(object, "vv", UINT16_MAX, &value)) {
        return "does not say what came of the checks ('vv')";
    }
    module->result = (unsigned)value;
    module->present = json_object_get(object, "f") != NULL;
    if (!module->present) {
        return NULL;
    }
    long index, version;
    if (!function_of(object, &module->function) || !number(object, "n", UINT8_MAX, &index) ||
        !number(object, "v", UINT16_MAX, &version)) {
        return "has no function, index and version ('f', 'n', 'v')";
    }
    module->index = (uint8_t)index;
    module->version = (uint16_t)version;
    const json_t *dependencies = json_object_get(object, "d");
    if (!json_is_array(dependencies)) {
        return "does not say what it depends on ('d')";
    }
    if (json_array_size(dependencies) > VP_FIELD_DEPENDENCIES) {
        return "has more than two dependencies ('d')";
    }
    for (size_t i = 0; i < json_array_size(dependencies); i++) {
        if (!read_dependency(json_array_get(dependencies, i), &module->dependencies[i])) {
            return "has a dependency without function, index and version ('d')";
        }
    }
    return NULL;
}

static int read_description(const json_t *object, struct vp_field_report *report,
                            struct vp_failure *failure)
{
    long platform;
    const json_t *modules = json_object_get(object, "m");
    if (!number(object, "p", UINT16_MAX, &platform) || !json_is_array(modules)) {
        return vp_fail(failure, VP_ERROR_INVALID,
                       "no description of a device: 'p' (platform) and 'm' (modules) are missing");
    }
    if (!field_platform(platform, &report->platform)) {
        return vp_fail(failure, VP_ERROR_INVALID,
                       "platform %ld is none of those known here: 0 Core, 6 Photon, 8 P1, 10 "
                       "Electron",
                       platform);
    }
    for (size_t i = 0; i < json_array_size(modules); i++) {
        struct vp_field_module *module = field_add(report);
        const char *wrong =
            module ? read_module(json_array_get(modules, i), module) : "is one too many";
        if (wrong) {
            return vp_fail(failure, VP_ERROR_INVALID, "module %zu of the description %s", i + 1,
                           wrong);
        }
    }
    return 0;
}

/* An event has the description as text in its data. */
int field_parse_json(const char *object, size_t length, struct vp_field_report *report,
                     struct vp_failure *failure)
{
    json_error_t trouble;
    json_t *parsed = json_loadb(object, length, JSON_DISABLE_EOF_CHECK, &trouble);
    if (!parsed) {
        return vp_fail(failure, VP_ERROR_INVALID, "no JSON: %s (line %d, column %d of it)",
                       trouble.text, trouble.line, trouble.column);
    }
    const json_t *data = json_object_get(parsed, "data");
    int error;
    if (json_is_string(data)) {
        json_t *inner = json_loads(json_string_value(data), 0, &trouble);
        error = inner ? read_description(inner, report, failure)
                      : vp_fail(failure, VP_ERROR_INVALID,
                                "the event's 'data' is no JSON: %s (column %d)", trouble.text,
                                trouble.column);
        json_decref(inner);
    } else {
        error = read_description(json_is_object(data) ? data : parsed, report, failure);
    }
    json_decref(parsed);
    return error;
}
