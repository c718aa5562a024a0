/* Tells the forms of a report apart. */
#include <stdlib.h>
#include <string.h>

#include "field/field_private.h"
#include "system/generations.h"

struct vp_field_module *field_add(struct vp_field_report *report)
{
    if (report->count == VP_FIELD_MODULES) {
        return NULL;
    }
    struct vp_field_module *added = &report->modules[report->count++];
    *added = (struct vp_field_module){0};
    return added;
}

bool field_platform(long number, enum vp_platform *platform)
{
    if (number < 0 || number > UINT16_MAX || !vp_platform_name((uint16_t)number)) {
        return false;
    }
    *platform = (enum vp_platform)number;
    return true;
}

/* A terminal's colours: ESC [ ... letter (ECMA-48 section 5.4). */
static char *without_escapes(const char *text, size_t length)
{
    char *clean = malloc(length + 1);
    size_t filled = 0;
    for (size_t at = 0; clean && at < length; at++) {
        if (text[at] == '\x1b' && at + 1 < length && text[at + 1] == '[') {
            at += 2;
            while (at < length && (text[at] < '@' || text[at] > '~')) {
                at++;
            }
        } else if (text[at] != '\0' && text[at] != '\r') {
            clean[filled++] = text[at];
        }
    }
    if (clean) {
        clean[filled] = '\0';
    }
    return clean;
}

/* ---- Is that all? ------------------------------------------------------------------------- */

/* What describes the device: the monolithic firmware, or the part that holds the HAL; else another
 * part. */
static const struct vp_field_module *find_running(const struct vp_field_report *report)
{
    const struct vp_field_module *found = NULL;
    for (unsigned i = 0; i < report->count; i++) {
        const struct vp_field_module *module = &report->modules[i];
        if (!module->present || module->store != VP_FIELD_MAIN) {
            continue;
        }
        if (module->function == VP_MODULE_MONOLITHIC ||
            (module->function == VP_MODULE_SYSTEM && module->index == VP_MODULE_MAIN_PART)) {
            return module;
        }
        found = module->function == VP_MODULE_SYSTEM ? module : found;
    }
    return found;
}

/* A device that can describe itself has a system; and before 1.1.0 it names all places, those
 * without a module too. */
static int check_whole(const struct vp_field_report *report, struct vp_failure *failure)
{
    const struct vp_field_module *running = find_running(report);
    unsigned count = 0;
    if (report->platform == VP_PLATFORM_CORE) {
        return 0; /* it names none */
    }
    if (!running) {
        return vp_fail(failure, VP_ERROR_INVALID,
                       "there is no system part and no monolithic firmware among its %u modules, "
                       "but a device that can describe itself has one: was the text cut?",
                       report->count);
    }
    if (running->function == VP_MODULE_SYSTEM) {
        vp_module_slots(report->platform, running->version, &count);
    } else {
        vp_module_monolithic_slots(report->platform, &count);
    }
    const unsigned places = count + 1; /* the factory's */
    if (!vp_system_generation_find(running->version)->description->skips_absent &&
        report->count < places) {
        return vp_fail(
            failure, VP_ERROR_INVALID,
            "it describes %u places for modules, but a device of the platform %s with this "
            "system (version %u) has %u and names them all: was the text cut?",
            report->count, vp_platform_name((uint16_t)report->platform), running->version, places);
    }
    return 0;
}

int vp_field_parse(const char *text, size_t length, struct vp_field_report *report,
                   struct vp_failure *failure)
{
    *report = (struct vp_field_report){0};
    char *clean = without_escapes(text, length);
    if (!clean) {
        return vp_fail(failure, VP_ERROR_NO_MEMORY, "out of memory");
    }
    const char *object = strchr(clean, '{');
    int error;
    if (strstr(clean, "Platform:")) {
        error = field_parse_text(clean, report, failure);
    } else if (object) {
        error = field_parse_json(object, strlen(object), report, failure);
    } else {
        error = vp_fail(failure, VP_ERROR_INVALID,
                        "neither the text of 'particle serial inspect' (which begins with "
                        "'Platform:') nor a description as JSON");
    }
    free(clean);
    return error ? error : check_whole(report, failure);
}
