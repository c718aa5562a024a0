/*
 * The text of `particle serial inspect`, as particle-cli 1.x and 2.x print it:
 *
 *     Platform: 6 - Photon
 *     Modules
 *       Bootloader module #0 - version 7, main location, 16384 bytes max size
 *         Integrity: PASS
 *         Address Range: PASS
 *         Platform: PASS
 *         Dependencies: PASS
 *       System module #2 - version 109, main location, 262144 bytes max size
 *         ...
 *         Dependencies: FAIL
 *           System module #1 - version 109
 *       empty - factory location, 131072 bytes max size
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "field/field_private.h"

enum { ALL_CHECKS = 0x1E };

static bool function_named(const char *name, uint8_t *function)
{
    static const struct {
        const char *name;
        uint8_t function;
    } names[] = {
        {"Bootloader", VP_MODULE_BOOTLOADER},
        {"System", VP_MODULE_SYSTEM},
        {"User", VP_MODULE_USER},
        {"Monolithic", VP_MODULE_MONOLITHIC},
        {"Reserved", VP_MODULE_RESOURCE},
        {"undefined", VP_MODULE_NONE},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(names[i].name, name) == 0) {
            *function = names[i].function;
            return true;
        }
    }
    return false;
}

static bool store_named(const char *name, enum vp_field_store *store)
{
    static const char *const names[] = {"main", "factory", "backup", "temp"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(names[i], name) == 0) {
            *store = (enum vp_field_store)i;
            return true;
        }
    }
    return false;
}

static bool read_module(const char *line, struct vp_field_report *report)
{
    char function[16], store[16];
    unsigned index, version, size;
    struct vp_field_module made = {.present = true, .checked = ALL_CHECKS};
    if (sscanf(line, " empty - %15[a-z] location, %u bytes max size", store, &size) == 2) {
        made.present = false;
    } else if (sscanf(line,
                      " %15[A-Za-z] module #%u - version %u, %15[a-z] location, %u bytes max size",
                      function, &index, &version, store, &size) != 5 ||
               !function_named(function, &made.function) || made.function == VP_MODULE_NONE ||
               index > UINT8_MAX || version > UINT16_MAX) {
        return false;
    }
    if (made.present) {
        made.index = (uint8_t)index;
        made.version = (uint16_t)version;
    }
    made.maximum_size = size;
    struct vp_field_module *module = store_named(store, &made.store) ? field_add(report) : NULL;
    if (module) {
        *module = made;
    }
    return module != NULL;
}

/* @return true if the line is a check of the current module */
static bool read_check(const char *line, struct vp_field_module *module)
{
    static const struct {
        const char *name;
        unsigned check;
    } checks[] = {
        {"Integrity", VP_CHECK_INTEGRITY},
        {"Address Range", VP_CHECK_RANGE},
        {"Platform", VP_CHECK_PLATFORM},
        {"Dependencies", VP_CHECK_DEPENDENCIES},
    };
    char name[16], verdict[8];
    if (sscanf(line, " %15[A-Za-z ]: %*[*]%7[A-Z]", name, verdict) != 2 &&
        sscanf(line, " %15[A-Za-z ]: %7s", name, verdict) != 2) {
        return false;
    }
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        if (strcmp(checks[i].name, name) == 0) {
            module->result |= strcmp(verdict, "PASS") == 0 ? checks[i].check : 0;
            return true;
        }
    }
    return strcmp(name, "UUID") == 0;
}

static bool read_dependency(const char *line, struct vp_field_module *module)
{
    char function[16];
    unsigned index, version;
    struct vp_module_dependency *to =
        module->dependencies[0].function ? &module->dependencies[1] : &module->dependencies[0];
    if (to->function ||
        sscanf(line, " %15[A-Za-z] module #%u - version %u", function, &index, &version) != 3 ||
        !function_named(function, &to->function) || index > UINT8_MAX || version > UINT16_MAX) {
        return false;
    }
    if (to->function != VP_MODULE_NONE) { /* "undefined module #0" stands for none */
        to->index = (uint8_t)index;
        to->version = (uint16_t)version;
    }
    return true;
}

static size_t indentation(const char *line)
{
    return strspn(line, " \t");
}

/* A line that is none of the report's may stand before it, between its parts, and after it. */
static const char *read_line(const char *line, struct vp_field_report *report, bool *platform)
{
    struct vp_field_module *current = report->count ? &report->modules[report->count - 1] : NULL;
    long number;
    if (indentation(line) < 2 && sscanf(line, " Platform: %ld", &number) == 1) {
        *platform = true;
        return field_platform(number, &report->platform)
                   ? NULL
                   : "names a platform that is none of 0, 6, 8 and 10";
    }
    if (!*platform || !line[indentation(line)] ||
        strncmp(line + indentation(line), "Modules", 7) == 0) {
        return NULL;
    }
    if (strstr(line, "bytes max size")) {
        return read_module(line, report) ? NULL : "describes no module that is known here";
    }
    if (current && current->present && read_check(line, current)) {
        return NULL;
    }
    if (current && current->present && strstr(line, " module #")) {
        return read_dependency(line, current) ? NULL : "is no dependency that is known here";
    }
    return NULL;
}

int field_parse_text(char *text, struct vp_field_report *report, struct vp_failure *failure)
{
    bool platform = false;
    unsigned number = 0;
    for (char *line; (line = strsep(&text, "\n"));) {
        number++;
        const char *wrong = read_line(line, report, &platform);
        if (wrong) {
            return vp_fail(failure, VP_ERROR_INVALID, "line %u, '%.60s', %s", number, line, wrong);
        }
    }
    if (!platform || report->count == 0) {
        return vp_fail(failure, VP_ERROR_INVALID,
                       "no 'Platform: NUMBER' with modules after it: is that all of what 'particle "
                       "serial inspect' printed?");
    }
    return 0;
}
