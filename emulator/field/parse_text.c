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

/** Where in the text we are. */
struct reader {
    struct vp_field_report *report;
    bool platform;              /**< its line has come */
    unsigned line, module_line; /**< numbers: of the current line, and of the current module's */
    const char *module_text;    /**< the current module's line */
    size_t module_indentation;
};

static const struct {
    const char *name;
    unsigned check;
} checks[] = {
    {"Integrity", VP_CHECK_INTEGRITY},
    {"Address Range", VP_CHECK_RANGE},
    {"Platform", VP_CHECK_PLATFORM},
    {"Dependencies", VP_CHECK_DEPENDENCIES},
};
enum { CHECKS = sizeof checks / sizeof *checks };

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
    struct vp_field_module made = {.present = true};
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

/* @return true if the line is about the current module, with what is wrong with it */
static bool read_check(const char *line, struct vp_field_module *module, const char **wrong)
{
    char name[16], verdict[8] = "";
    if (sscanf(line, " %15[A-Za-z ]: %*[*]%7[A-Z]", name, verdict) != 2 &&
        sscanf(line, " %15[A-Za-z ]: %7s", name, verdict) < 1) {
        return false;
    }
    for (size_t i = 0; i < CHECKS; i++) {
        if (strcmp(checks[i].name, name) == 0) {
            const bool passed = strcmp(verdict, "PASS") == 0;
            module->checked |= checks[i].check;
            module->result |= passed ? checks[i].check : 0;
            *wrong = passed || strcmp(verdict, "FAIL") == 0 ? NULL : "says neither PASS nor FAIL";
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

static bool begins_module(const char *line)
{
    return strstr(line, "bytes max size") != NULL;
}

/* Dependencies stand further in than modules do, unless somebody's mail has lost all blanks. */
static const char *read_short_line(const struct reader *reader, const char *line,
                                   struct vp_field_module *current)
{
    if (!current || strchr(line, ',') ||
        (reader->module_indentation > 0 && indentation(line) <= reader->module_indentation)) {
        return "is a module's, which does not end before 'bytes max size': was the text cut?";
    }
    return !current->present || read_dependency(line, current)
               ? NULL
               : "is no dependency that is known here";
}

/* A line that is none of the report's may stand before it, between its parts, and after it. */
static const char *read_line(struct reader *reader, const char *line)
{
    struct vp_field_report *report = reader->report;
    struct vp_field_module *current = report->count ? &report->modules[report->count - 1] : NULL;
    const char *wrong = NULL;
    long number;
    if (indentation(line) < 2 && sscanf(line, " Platform: %ld", &number) == 1) {
        reader->platform = true;
        return field_platform(number, &report->platform)
                   ? NULL
                   : "names a platform that is none of 0, 6, 8 and 10";
    }
    if (!reader->platform || !line[indentation(line)] ||
        strncmp(line + indentation(line), "Modules", 7) == 0) {
        return NULL;
    }
    if (begins_module(line)) {
        reader->module_line = reader->line;
        reader->module_text = line;
        reader->module_indentation = indentation(line);
        return read_module(line, report) ? NULL : "describes no module that is known here";
    }
    if (current && current->present && read_check(line, current, &wrong)) {
        return wrong;
    }
    return strstr(line, " module #") ? read_short_line(reader, line, current) : NULL;
}

/* What is not in the text is not known: neither good nor bad. */
static int check_module(const struct reader *reader, struct vp_failure *failure)
{
    const struct vp_field_report *report = reader->report;
    const struct vp_field_module *module =
        report->count ? &report->modules[report->count - 1] : NULL;
    char missing[80] = "";
    if (!module || !module->present) {
        return 0;
    }
    for (size_t i = 0; i < CHECKS; i++) {
        if (!(module->checked & checks[i].check)) {
            const size_t used = strlen(missing);
            snprintf(missing + used, sizeof missing - used, "%s'%s'", used ? ", " : "",
                     checks[i].name);
        }
    }
    if (!*missing && !(module->result & VP_CHECK_DEPENDENCIES) &&
        !module->dependencies[0].function) {
        snprintf(missing, sizeof missing, "the dependency that it lacks");
    }
    return *missing ? vp_fail(failure, VP_ERROR_INVALID,
                              "line %u, '%.60s', is not followed by %s: was the text cut, or was a "
                              "line left out?",
                              reader->module_line, reader->module_text, missing)
                    : 0;
}

int field_parse_text(char *text, struct vp_field_report *report, struct vp_failure *failure)
{
    struct reader reader = {.report = report, .module_text = ""};
    for (char *line; (line = strsep(&text, "\n"));) {
        reader.line++;
        int error = begins_module(line) ? check_module(&reader, failure) : 0;
        if (error) {
            return error;
        }
        const char *wrong = read_line(&reader, line);
        if (wrong) {
            return vp_fail(failure, VP_ERROR_INVALID, "line %u, '%.60s', %s", reader.line, line,
                           wrong);
        }
    }
    if (!reader.platform || report->count == 0) {
        return vp_fail(failure, VP_ERROR_INVALID,
                       "no 'Platform: NUMBER' with modules after it: is that all of what 'particle "
                       "serial inspect' printed?");
    }
    return check_module(&reader, failure);
}
