#include "vparticle/module.h"

#include <string.h>

static const char *const function_names[] = {
    [VP_MODULE_NONE] = "none",
    [VP_MODULE_RESOURCE] = "resource",
    [VP_MODULE_BOOTLOADER] = "bootloader",
    [VP_MODULE_MONOLITHIC] = "monolithic",
    [VP_MODULE_SYSTEM] = "system part",
    [VP_MODULE_USER] = "user part",
    [VP_MODULE_SETTINGS] = "settings",
};

static const struct {
    enum vp_platform platform;
    const char *name;
} platforms[] = {
    {VP_PLATFORM_CORE, "core"},
    {VP_PLATFORM_PHOTON, "photon"},
    {VP_PLATFORM_P1, "p1"},
    {VP_PLATFORM_ELECTRON, "electron"},
};

enum { PLATFORM_COUNT = sizeof platforms / sizeof platforms[0] };

const char *vp_module_function_name(uint8_t function)
{
    return function < sizeof function_names / sizeof function_names[0] ? function_names[function]
                                                                       : NULL;
}

const char *vp_platform_name(uint16_t platform)
{
    for (unsigned i = 0; i < PLATFORM_COUNT; i++) {
        if (platforms[i].platform == platform) {
            return platforms[i].name;
        }
    }
    return NULL;
}

int vp_platform_from_name(const char *name, enum vp_platform *platform)
{
    for (unsigned i = 0; i < PLATFORM_COUNT; i++) {
        if (strcmp(platforms[i].name, name) == 0) {
            *platform = platforms[i].platform;
            return 0;
        }
    }
    return VP_ERROR_NOT_FOUND;
}
