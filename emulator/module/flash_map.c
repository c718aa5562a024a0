/* What a flash says of itself: for which board it was written, and by which map. */
#include <stddef.h>

#include "vparticle/module.h"

int vp_module_flash_platform(const struct vp_flash *flash, enum vp_platform *platform)
{
    static const uint32_t addresses[] = {0x08000000, 0x08020000, 0x08040000,
                                         0x08060000, 0x08080000, 0x080A0000};
    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        struct vp_module module;
        if (vp_module_parse_flash(flash, addresses[i], &module, NULL) == 0 &&
            vp_platform_name(module.platform)) {
            *platform = (enum vp_platform)module.platform;
            return 0;
        }
    }
    return VP_ERROR_NOT_FOUND;
}

static bool holds_monolithic(const struct vp_flash *flash, enum vp_platform platform)
{
    unsigned count;
    const struct vp_module_slot *slots = vp_module_monolithic_slots(platform, &count);
    for (unsigned i = 0; i < count; i++) {
        struct vp_module module;
        if (slots[i].function == VP_MODULE_MONOLITHIC &&
            vp_module_parse_flash(flash, slots[i].start, &module, NULL) == 0 &&
            module.function == VP_MODULE_MONOLITHIC) {
            return true;
        }
    }
    return false;
}

const struct vp_module_slot *vp_module_flash_slots(const struct vp_flash *flash,
                                                   enum vp_platform platform, unsigned *count)
{
    const struct vp_module_slot *slots = vp_module_slots(platform, 0, count);
    if (!slots || holds_monolithic(flash, platform)) {
        return vp_module_monolithic_slots(platform, count);
    }
    for (unsigned i = 0; i < *count; i++) {
        struct vp_module module;
        if (slots[i].function == VP_MODULE_SYSTEM && slots[i].index == VP_MODULE_MAIN_PART &&
            vp_module_parse_flash(flash, slots[i].start, &module, NULL) == 0) {
            return vp_module_slots(platform, module.version, count);
        }
    }
    return slots;
}
