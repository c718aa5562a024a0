#include "vparticle/forge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vparticle/nearest.h"

/* What a person asked for by PART@VERSION. */
struct wanted {
    enum vp_platform platform;
    char part[64];
    const char *version;
    long number; /* VERSION as a module version, or -1 */
};

static long module_version(const char *text)
{
    if (!*text || strlen(text) > 5 || strspn(text, "0123456789") != strlen(text)) {
        return -1;
    }
    const long number = strtol(text, NULL, 10);
    return number <= UINT16_MAX ? number : -1;
}

static int check_part(const struct wanted *wanted, struct vp_failure *failure)
{
    unsigned count;
    const struct vp_catalogue_module *modules = vp_catalogue_modules(wanted->platform, &count);
    struct vp_nearest nearest = vp_nearest_start(wanted->part);
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(modules[i].part, wanted->part) == 0) {
            return 0;
        }
        vp_nearest_offer(&nearest, modules[i].part);
    }
    return vp_fail(failure, VP_ERROR_NOT_FOUND, "%s has no part '%s'; did you mean '%s'%s%s%s?",
                   vp_platform_name(wanted->platform), wanted->part,
                   nearest.best ? nearest.best : "", nearest.second ? " or '" : "",
                   nearest.second ? nearest.second : "", nearest.second ? "'" : "");
}

static const struct vp_catalogue_module *by_number(const struct wanted *wanted)
{
    unsigned count;
    const struct vp_catalogue_module *modules = vp_catalogue_modules(wanted->platform, &count);
    const struct vp_catalogue_module *found = NULL;
    for (unsigned i = 0; i < count; i++) {
        if (modules[i].version == wanted->number && strcmp(modules[i].part, wanted->part) == 0 &&
            (!found || (!found->size && modules[i].size))) {
            found = &modules[i];
        }
    }
    return found;
}

static const struct vp_catalogue_module *by_release(const struct wanted *wanted)
{
    const struct vp_catalogue_release *release =
        vp_catalogue_find_release(wanted->platform, wanted->version);
    if (release && strcmp(wanted->part, "bootloader") == 0) {
        return vp_catalogue_bootloader(wanted->platform, release->bootloader);
    }
    return release ? vp_catalogue_part(release, wanted->part) : NULL;
}

static int unknown_number(const struct wanted *wanted, struct vp_failure *failure)
{
    unsigned count;
    const struct vp_catalogue_module *modules = vp_catalogue_modules(wanted->platform, &count);
    long below = -1, above = -1;
    for (unsigned i = 0; i < count; i++) {
        const long version = modules[i].version;
        if (strcmp(modules[i].part, wanted->part) != 0) {
            continue;
        }
        if (version < wanted->number && version > below) {
            below = version;
        } else if (version > wanted->number && (above < 0 || version < above)) {
            above = version;
        }
    }
    char known[48];
    if (below >= 0 && above >= 0) {
        snprintf(known, sizeof known, "%ld and %ld", below, above);
    } else {
        snprintf(known, sizeof known, "%ld", below >= 0 ? below : above);
    }
    return vp_fail(failure, VP_ERROR_NOT_FOUND,
                   "no %s of %s has module version %ld; the nearest known: %s", wanted->part,
                   vp_platform_name(wanted->platform), wanted->number, known);
}

/* Releases of which the part is known; a bootloader is known for all. */
static int unknown_release(const struct wanted *wanted, struct vp_failure *failure)
{
    unsigned count;
    const struct vp_catalogue_release *releases = vp_catalogue_releases(wanted->platform, &count);
    struct vp_nearest nearest = vp_nearest_start(wanted->version);
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(wanted->part, "bootloader") == 0 ||
            vp_catalogue_part(&releases[i], wanted->part)) {
            vp_nearest_offer(&nearest, releases[i].name);
        }
    }
    if (!nearest.best) {
        return vp_fail(failure, VP_ERROR_NOT_FOUND,
                       "%s of %s belongs to no release; name it by its module version",
                       wanted->part, vp_platform_name(wanted->platform));
    }
    return vp_fail(failure, VP_ERROR_NOT_FOUND,
                   "no %s of %s is known for release '%s'; the nearest known: %s%s%s", wanted->part,
                   vp_platform_name(wanted->platform), wanted->version, nearest.best,
                   nearest.second ? " and " : "", nearest.second ? nearest.second : "");
}

int vp_forge_find(enum vp_platform platform, const char *part_at_version,
                  const struct vp_catalogue_module **module, struct vp_failure *failure)
{
    struct wanted wanted = {.platform = platform};
    const char *at = strchr(part_at_version, '@');
    const size_t length = at ? (size_t)(at - part_at_version) : 0;
    if (length == 0 || length >= sizeof wanted.part || !at[1]) {
        return vp_fail(failure, VP_ERROR_INVALID,
                       "'%s' is not PART@VERSION, for example system-part1@0.6.3", part_at_version);
    }
    memcpy(wanted.part, part_at_version, length);
    wanted.version = at + 1;
    wanted.number = module_version(wanted.version);
    int error = check_part(&wanted, failure);
    if (error) {
        return error;
    }
    *module = wanted.number >= 0 ? by_number(&wanted) : by_release(&wanted);
    if (*module) {
        return 0;
    }
    return wanted.number >= 0 ? unknown_number(&wanted, failure)
                              : unknown_release(&wanted, failure);
}
