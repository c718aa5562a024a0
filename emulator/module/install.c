#include "vparticle/forge.h"

#include <stdio.h>
#include <stdlib.h>

static int install(struct vp_flash *flash, const struct vp_catalogue_module *module,
                   struct vp_failure *failure)
{
    uint8_t *image;
    size_t size;
    int error = vp_forge_catalogue_module(module, &image, &size);
    if (!error) {
        error = vp_flash_program(flash, module->address, image, size);
        free(image);
    }
    if (error) {
        return vp_fail(failure, error, "%s version %u of %s at 0x%08x: %s", module->part,
                       module->version, vp_platform_name(module->platform), module->address,
                       vp_error_text(error));
    }
    return 0;
}

int vp_module_install_bootloader(struct vp_flash *flash, enum vp_platform platform,
                                 uint16_t version, struct vp_failure *failure)
{
    char wanted[32];
    snprintf(wanted, sizeof wanted, "bootloader@%u", version);
    const struct vp_catalogue_module *bootloader;
    int error = vp_forge_find(platform, wanted, &bootloader, failure);
    return error ? error : install(flash, bootloader, failure);
}

/* A release may have several builds of a part; the first one counts. */
static bool is_first_build(const struct vp_catalogue_release *release, unsigned which)
{
    return vp_catalogue_part(release, release->modules[which].part) == &release->modules[which];
}

int vp_module_install_release(struct vp_flash *flash, enum vp_platform platform,
                              const char *release, uint16_t bootloader, struct vp_failure *failure)
{
    const struct vp_catalogue_release *found = vp_catalogue_find_release(platform, release);
    if (!found) {
        const char *nearest = vp_catalogue_nearest_release(platform, release);
        return vp_fail(failure, VP_ERROR_NOT_FOUND, "%s has no release '%s'%s%s",
                       vp_platform_name(platform), release, nearest ? "; did you mean " : "",
                       nearest ? nearest : "");
    }
    int error = vp_module_install_bootloader(flash, platform,
                                             bootloader ? bootloader : found->bootloader, failure);
    for (unsigned i = 0; !error && i < found->module_count; i++) {
        if (found->modules[i].function == VP_MODULE_SYSTEM && is_first_build(found, i)) {
            error = install(flash, &found->modules[i], failure);
        }
    }
    const struct vp_catalogue_module *tinker = vp_catalogue_tinker(found);
    return error || !tinker ? error : install(flash, tinker, failure);
}
