/* What can be compiled for: the releases of Device OS. */
#include "cloud/http/targets.h"

#include <stdio.h>
#include <string.h>

#include "cloud/http/route.h"

static const enum vp_platform platforms[] = {VP_PLATFORM_PHOTON, VP_PLATFORM_P1,
                                             VP_PLATFORM_ELECTRON};

enum { PLATFORM_COUNT = sizeof platforms / sizeof platforms[0] };

bool http_is_prerelease(const char *release)
{
    return strchr(release, '-') != NULL;
}

bool http_is_target(const struct vp_catalogue_release *release)
{
    return !strchr(release->name, '+') && !strstr(release->name, "no-boot-dep");
}

const struct vp_catalogue_release *http_newest_target(enum vp_platform platform)
{
    unsigned count;
    const struct vp_catalogue_release *releases = vp_catalogue_releases(platform, &count);
    while (count-- > 0) {
        if (http_is_target(&releases[count]) && !http_is_prerelease(releases[count].name)) {
            return &releases[count];
        }
    }
    return NULL;
}

/** The target of that name in the list so far, or a new one. */
static json_t *target_named(json_t *list, const char *version)
{
    size_t i;
    json_t *target;
    json_array_foreach(list, i, target)
    {
        if (strcmp(json_string_value(json_object_get(target, "version")), version) == 0) {
            return target;
        }
    }
    target = json_pack("{s:[], s:[], s:s, s:s}", "platforms", "prereleases", "firmware_vendor",
                       "Particle", "version", version);
    json_array_append_new(list, target);
    return target;
}

static void add_targets(json_t *list, enum vp_platform platform)
{
    unsigned count;
    const struct vp_catalogue_release *releases = vp_catalogue_releases(platform, &count);
    while (count-- > 0) {
        if (!http_is_target(&releases[count])) {
            continue;
        }
        json_t *target = target_named(list, releases[count].name);
        json_array_append_new(json_object_get(target, "platforms"), json_integer(platform));
        if (http_is_prerelease(releases[count].name)) {
            json_array_append_new(json_object_get(target, "prereleases"), json_integer(platform));
        }
    }
}

/** All of them, also where only the featured ones are asked for: particle-cli takes no other. */
void http_build_targets(struct http_request *request)
{
    json_t *list = json_array(), *names = json_object(), *defaults = json_object();
    for (unsigned i = 0; i < PLATFORM_COUNT; i++) {
        char number[8];
        add_targets(list, platforms[i]);
        json_object_set_new(names, vp_platform_name(platforms[i]), json_integer(platforms[i]));
        snprintf(number, sizeof number, "%d", (int)platforms[i]);
        json_object_set_new(defaults, number, json_string(http_newest_target(platforms[i])->name));
    }
    http_answer(request, MHD_HTTP_OK,
                json_pack("{s:o, s:o, s:o}", "targets", list, "platforms", names,
                          "default_versions", defaults));
}

bool http_read_platform(const struct http_request *request, const char *field,
                        enum vp_platform *platform)
{
    const char *text = http_field(request, field);
    for (unsigned i = 0; text && i < PLATFORM_COUNT; i++) {
        char number[8];
        snprintf(number, sizeof number, "%d", (int)platforms[i]);
        if (strcmp(text, number) == 0) {
            *platform = platforms[i];
            return true;
        }
    }
    return false;
}
