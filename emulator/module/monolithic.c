#include <stdio.h>
#include <string.h>

#include "vparticle/forge.h"
#include "vparticle/nearest.h"

enum {
    /* main/import.mk: MAIN_MODULE_VERSION is 0 before 0.7.0, then that of system part 2. */
    FIRST_NUMBERED = 200,
    CORE_LAST = 1406, /* 1.4.4: "remove support for the Spark Core", 2020 */
    /* Nominal sizes: of the Core's tinker 0.5.2, and three quarters of the other boards' room
     * (Assumption: nobody published one). */
    CORE_SIZE = 98692,
    OTHER_SIZE = 0x48000,
};

/* Versions that were never released for the Core: system/system-versions.md, CHANGELOG.md. */
static const char *const not_for_the_core[] = {"0.5.5", "0.6.3"};

/* ---- Releases ------------------------------------------------------------------------ */

/* Whose catalogue tells of this platform's releases. */
static enum vp_platform listed_as(enum vp_platform platform)
{
    return platform == VP_PLATFORM_CORE ? VP_PLATFORM_PHOTON : platform;
}

static bool exists(enum vp_platform platform, const struct vp_catalogue_release *release)
{
    if (platform != VP_PLATFORM_CORE) {
        return true;
    }
    for (size_t i = 0; i < sizeof not_for_the_core / sizeof *not_for_the_core; i++) {
        if (strcmp(release->name, not_for_the_core[i]) == 0) {
            return false;
        }
    }
    return release->version <= CORE_LAST;
}

uint16_t vp_monolithic_version(enum vp_platform platform, const char *name)
{
    const struct vp_catalogue_release *release =
        vp_catalogue_find_release(listed_as(platform), name);
    return release && exists(platform, release) ? release->version : 0;
}

const char *vp_monolithic_newest(enum vp_platform platform)
{
    unsigned count;
    const struct vp_catalogue_release *releases =
        vp_catalogue_releases(listed_as(platform), &count);
    while (count > 1 && !exists(platform, &releases[count - 1])) {
        count--;
    }
    return releases[count - 1].name;
}

const char *vp_monolithic_nearest(enum vp_platform platform, const char *name)
{
    unsigned count;
    const struct vp_catalogue_release *releases =
        vp_catalogue_releases(listed_as(platform), &count);
    struct vp_nearest nearest = vp_nearest_start(name);
    for (unsigned i = 0; i < count; i++) {
        if (exists(platform, &releases[i])) {
            vp_nearest_offer(&nearest, releases[i].name);
        }
    }
    return nearest.best;
}

/* ---- Images --------------------------------------------------------------------------- */

int vp_forge_monolithic(enum vp_platform platform, const char *release, uint8_t **image,
                        size_t *size)
{
    const bool core = platform == VP_PLATFORM_CORE;
    const uint16_t version = vp_monolithic_version(platform, release);
    unsigned count;
    const struct vp_module_slot *slots = vp_module_monolithic_slots(platform, &count);
    if (version == 0) {
        return VP_ERROR_NOT_FOUND;
    }
    /* append_system_version_info(), system_update.cpp @ v0.4.6 */
    char text[VP_MODULE_TEXT_LIMIT];
    snprintf(text, sizeof text, "system firmware version: %.*s\n", (int)strcspn(release, "+"),
             release);
    return vp_forge_module(
        &(struct vp_module_recipe){
            .platform = platform,
            .version = version >= FIRST_NUMBERED ? version : 0,
            .function = VP_MODULE_MONOLITHIC,
            .address = slots[count - 1].start,
            .size = core ? CORE_SIZE : OTHER_SIZE,
            .header_offset = core ? VP_MODULE_HEADER_F103 : VP_MODULE_HEADER_F205,
            .product_id = (uint16_t)platform,
            .product_version = 0xFFFF,
            .text = text,
        },
        image, size);
}
