#include "vparticle/catalogue.h"

#include <stdlib.h>
#include <string.h>

#include "module/catalogue_data.h"
#include "vparticle/nearest.h"

static const struct vp_catalogue_platform *find_platform(enum vp_platform platform)
{
    for (unsigned i = 0; i < vp_catalogue_platform_count; i++) {
        if (vp_catalogue_platforms[i].platform == platform) {
            return &vp_catalogue_platforms[i];
        }
    }
    return NULL;
}

const struct vp_catalogue_release *vp_catalogue_releases(enum vp_platform platform, unsigned *count)
{
    const struct vp_catalogue_platform *found = find_platform(platform);
    *count = found ? found->release_count : 0;
    return *count ? found->releases : NULL;
}

const struct vp_catalogue_module *vp_catalogue_modules(enum vp_platform platform, unsigned *count)
{
    const struct vp_catalogue_platform *found = find_platform(platform);
    *count = found ? found->module_count : 0;
    return found ? found->modules : NULL;
}

/* Bytes of a release's name without "+lto", by which some bootloader files are called. */
static size_t plain_length(const char *name)
{
    const size_t length = strlen(name);
    return length > 4 && strcmp(name + length - 4, "+lto") == 0 ? length - 4 : length;
}

static const struct vp_catalogue_release *find_by_prefix(enum vp_platform platform,
                                                         const char *name, size_t length)
{
    unsigned count;
    const struct vp_catalogue_release *releases = vp_catalogue_releases(platform, &count);
    for (unsigned i = 0; i < count; i++) {
        if (strlen(releases[i].name) == length && memcmp(releases[i].name, name, length) == 0) {
            return &releases[i];
        }
    }
    return NULL;
}

const struct vp_catalogue_release *vp_catalogue_find_release(enum vp_platform platform,
                                                             const char *name)
{
    return find_by_prefix(platform, name, plain_length(name));
}

const struct vp_catalogue_release *vp_catalogue_release_by_version(enum vp_platform platform,
                                                                   uint16_t version)
{
    unsigned count;
    const struct vp_catalogue_release *releases = vp_catalogue_releases(platform, &count);
    const struct vp_catalogue_release *found = NULL;
    for (unsigned i = 0; i < count; i++) {
        if (releases[i].version == version) {
            found = &releases[i];
            if (!strpbrk(found->name, "-+")) {
                break;
            }
        }
    }
    return found;
}

const char *vp_catalogue_nearest_release(enum vp_platform platform, const char *name)
{
    unsigned count;
    const struct vp_catalogue_release *releases = vp_catalogue_releases(platform, &count);
    struct vp_nearest nearest = vp_nearest_start(name);
    for (unsigned i = 0; i < count; i++) {
        vp_nearest_offer(&nearest, releases[i].name);
    }
    return nearest.best;
}

const struct vp_catalogue_module *vp_catalogue_part(const struct vp_catalogue_release *release,
                                                    const char *part)
{
    for (unsigned i = 0; i < release->module_count; i++) {
        if (strcmp(release->modules[i].part, part) == 0) {
            return &release->modules[i];
        }
    }
    return NULL;
}

const struct vp_catalogue_module *vp_catalogue_bootloader(enum vp_platform platform,
                                                          uint16_t version)
{
    unsigned count;
    const struct vp_catalogue_module *modules = vp_catalogue_modules(platform, &count);
    const struct vp_catalogue_module *found = NULL;
    for (unsigned i = 0; i < count; i++) {
        const struct vp_catalogue_module *module = &modules[i];
        if (module->function == VP_MODULE_BOOTLOADER && module->version == version &&
            (!found || (!found->size && module->size))) {
            found = module;
        }
    }
    return found;
}

static const struct vp_catalogue_module *oldest_tinker(enum vp_platform platform)
{
    unsigned count;
    const struct vp_catalogue_module *modules = vp_catalogue_modules(platform, &count);
    const struct vp_catalogue_module *found = NULL;
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(modules[i].part, "tinker") == 0 &&
            (!found || modules[i].dependencies[0].version < found->dependencies[0].version)) {
            found = &modules[i];
        }
    }
    return found;
}

const struct vp_catalogue_module *vp_catalogue_tinker(const struct vp_catalogue_release *release)
{
    const struct vp_catalogue_module *own = vp_catalogue_part(release, "tinker");
    if (own) {
        return own;
    }
    /* "1.1.0+debug" and "1.0.0-no-boot-dep" are builds of 1.1.0 and 1.0.0. */
    const struct vp_catalogue_release *plain =
        find_by_prefix(release->platform, release->name, strcspn(release->name, "-+"));
    own = plain ? vp_catalogue_part(plain, "tinker") : NULL;
    return own ? own : oldest_tinker(release->platform);
}

uint32_t vp_catalogue_nominal_size(const struct vp_catalogue_module *module)
{
    if (module->size) {
        return module->size;
    }
    unsigned count;
    const struct vp_catalogue_module *modules = vp_catalogue_modules(module->platform, &count);
    unsigned nearest = UINT32_MAX;
    uint32_t size = 0;
    for (unsigned i = 0; i < count; i++) {
        const unsigned distance = (unsigned)labs(&modules[i] - module);
        if (modules[i].size && modules[i].function == module->function &&
            modules[i].index == module->index && modules[i].address == module->address &&
            strcmp(modules[i].part, module->part) == 0 && distance < nearest) {
            nearest = distance;
            size = modules[i].size;
        }
    }
    return size;
}
