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
static const char *const not_for_the_core[] = {"0.5.5", "0.6.3", NULL};
static const char *const none[] = {NULL};

struct images {
    enum vp_platform platform;
    enum vp_platform listed_as;  /* whose catalogue tells of its releases */
    uint16_t last;               /* version of the last one */
    const char *const *left_out; /* those of the catalogue that it has not, up to NULL */
    uint16_t header_offset;
    uint32_t size;
};

static const struct images boards[] = {
    {VP_PLATFORM_CORE, VP_PLATFORM_PHOTON, CORE_LAST, not_for_the_core, VP_MODULE_HEADER_F103,
     CORE_SIZE},
    {VP_PLATFORM_PHOTON, VP_PLATFORM_PHOTON, UINT16_MAX, none, VP_MODULE_HEADER_F205, OTHER_SIZE},
    {VP_PLATFORM_P1, VP_PLATFORM_P1, UINT16_MAX, none, VP_MODULE_HEADER_F205, OTHER_SIZE},
    {VP_PLATFORM_ELECTRON, VP_PLATFORM_ELECTRON, UINT16_MAX, none, VP_MODULE_HEADER_F205,
     OTHER_SIZE},
};

static const struct images *images_of(enum vp_platform platform)
{
    const struct images *images = boards;
    while (images->platform != platform) {
        images++;
    }
    return images;
}

/* ---- Releases ------------------------------------------------------------------------ */

static bool exists(const struct images *images, const struct vp_catalogue_release *release)
{
    for (const char *const *name = images->left_out; *name; name++) {
        if (strcmp(release->name, *name) == 0) {
            return false;
        }
    }
    return release->version <= images->last;
}

uint16_t vp_monolithic_version(enum vp_platform platform, const char *name)
{
    const struct images *images = images_of(platform);
    const struct vp_catalogue_release *release = vp_catalogue_find_release(images->listed_as, name);
    return release && exists(images, release) ? release->version : 0;
}

const char *vp_monolithic_newest(enum vp_platform platform)
{
    const struct images *images = images_of(platform);
    unsigned count;
    const struct vp_catalogue_release *releases = vp_catalogue_releases(images->listed_as, &count);
    while (count > 1 && !exists(images, &releases[count - 1])) {
        count--;
    }
    return releases[count - 1].name;
}

const char *vp_monolithic_nearest(enum vp_platform platform, const char *name)
{
    const struct images *images = images_of(platform);
    unsigned count;
    const struct vp_catalogue_release *releases = vp_catalogue_releases(images->listed_as, &count);
    struct vp_nearest nearest = vp_nearest_start(name);
    for (unsigned i = 0; i < count; i++) {
        if (exists(images, &releases[i])) {
            vp_nearest_offer(&nearest, releases[i].name);
        }
    }
    return nearest.best;
}

/* ---- Images --------------------------------------------------------------------------- */

int vp_forge_monolithic(enum vp_platform platform, const char *release, uint8_t **image,
                        size_t *size)
{
    const struct images *images = images_of(platform);
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
            .size = images->size,
            .header_offset = images->header_offset,
            .product_id = (uint16_t)platform,
            .product_version = 0xFFFF,
            .text = text,
        },
        image, size);
}
