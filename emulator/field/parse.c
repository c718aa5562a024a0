/* Tells the forms of a report apart. */
#include <stdlib.h>
#include <string.h>

#include "field/field_private.h"

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
    return error;
}
