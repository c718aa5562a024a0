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

/* No image of the Core's bootloader was ever published, and it embeds none: a nominal one. */
static int install_core_bootloader(struct vp_flash *flash, uint16_t version,
                                   struct vp_failure *failure)
{
    enum { START = 0x08000000, SIZE = 0x4000, NEWEST = 7 };
    uint8_t *image;
    size_t size;
    const struct vp_module_recipe recipe = {
        .platform = VP_PLATFORM_CORE,
        .version = version ? version : NEWEST,
        .function = VP_MODULE_BOOTLOADER,
        .address = START,
        .size = SIZE,
        .header_offset = VP_MODULE_HEADER_F103,
        .product_id = 0xFFFF,
        .product_version = 0xFFFF,
    };
    int error = vp_forge_module(&recipe, &image, &size);
    if (!error) {
        error = vp_flash_program(flash, START, image, size);
        free(image);
    }
    return error ? vp_fail(failure, error, "bootloader of core: %s", vp_error_text(error)) : 0;
}

int vp_module_install_bootloader(struct vp_flash *flash, enum vp_platform platform,
                                 uint16_t version, struct vp_failure *failure)
{
    if (platform == VP_PLATFORM_CORE) {
        return install_core_bootloader(flash, version, failure);
    }
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

int vp_module_install_monolithic(struct vp_flash *flash, struct vp_flash *external,
                                 enum vp_platform platform, const char *release,
                                 uint16_t bootloader, struct vp_failure *failure)
{
    uint8_t *image;
    size_t size;
    int error = vp_forge_monolithic(platform, release, &image, &size);
    if (error) {
        const char *nearest = vp_monolithic_nearest(platform, release);
        return vp_fail(failure, error, "%s has no release '%s'; did you mean %s?",
                       vp_platform_name(platform), release, nearest);
    }
    const struct vp_catalogue_release *found = vp_catalogue_find_release(platform, release);
    error = vp_module_install_bootloader(
        flash, platform, bootloader || !found ? bootloader : found->bootloader, failure);
    unsigned count;
    const struct vp_module_slot *slots = vp_module_monolithic_slots(platform, &count);
    if (!error) {
        error = vp_flash_program(flash, slots[count - 1].start, image, size);
    }
    const struct vp_module_area factory = vp_module_areas(platform, 0, true)->factory;
    if (!error && external && factory.external) {
        error = vp_flash_program(external, factory.start, image, size);
    }
    free(image);
    return error;
}
