#include "vparticle/module.h"

#define BOOTLOADER                                                                                 \
    {                                                                                              \
        "bootloader", VP_MODULE_BOOTLOADER, 0, 0x08000000, 0x08004000                              \
    }

/* hal/src/photon/ota_flash_hal.cpp @ v0.4.6, ota_module_bounds.c @ v0.7.0: never changed. */
static const struct vp_module_slot photon[] = {
    BOOTLOADER,
    {"system-part1", VP_MODULE_SYSTEM, 1, 0x08020000, 0x08060000},
    {"system-part2", VP_MODULE_SYSTEM, 2, 0x08060000, 0x080A0000},
    {"user", VP_MODULE_USER, 1, 0x080A0000, 0x080C0000},
};

/* hal/src/electron/ota_flash_hal.cpp @ v0.4.8-rc.6 */
static const struct vp_module_slot electron_two_parts[] = {
    BOOTLOADER,
    {"system-part1", VP_MODULE_SYSTEM, 1, 0x08020000, 0x08040000},
    {"system-part2", VP_MODULE_SYSTEM, 2, 0x08040000, 0x08060000},
    {"user", VP_MODULE_USER, 1, 0x08080000, 0x080A0000},
};

/* The same file @ v0.5.3-rc.2: the third slot is known, so that a 0.6.0 part can be received. */
static const struct vp_module_slot electron_third_known[] = {
    BOOTLOADER,
    {"system-part1", VP_MODULE_SYSTEM, 1, 0x08020000, 0x08040000},
    {"system-part2", VP_MODULE_SYSTEM, 2, 0x08040000, 0x08060000},
    {"system-part3", VP_MODULE_SYSTEM, 3, 0x08060000, 0x08080000},
    {"user", VP_MODULE_USER, 1, 0x08080000, 0x080A0000},
};

/* The same file @ v0.6.0: the file names moved, system-part1 is index 3. */
static const struct vp_module_slot electron_three_parts[] = {
    BOOTLOADER,
    {"system-part2", VP_MODULE_SYSTEM, 1, 0x08020000, 0x08040000},
    {"system-part3", VP_MODULE_SYSTEM, 2, 0x08040000, 0x08060000},
    {"system-part1", VP_MODULE_SYSTEM, 3, 0x08060000, 0x08080000},
    {"user", VP_MODULE_USER, 1, 0x08080000, 0x080A0000},
};

/* hal/src/photon/ota_flash_hal.cpp @ v0.4.6 with MODULAR=n */
static const struct vp_module_slot monolithic[] = {
    BOOTLOADER,
    {"monolithic", VP_MODULE_MONOLITHIC, 0, 0x08020000, 0x08080000},
};

static const struct vp_module_slot core[] = {
    {"monolithic", VP_MODULE_MONOLITHIC, 0, 0x08005000, 0x08020000},
};

#define SLOTS(table) (table), sizeof(table) / sizeof((table)[0])

/* Per platform, oldest first: the last layout whose `since` is reached is in force. */
static const struct {
    enum vp_platform platform;
    uint16_t since; /* module version of the system parts */
    const struct vp_module_slot *slots;
    unsigned count;
} layouts[] = {
    {VP_PLATFORM_PHOTON, 0, SLOTS(photon)},
    {VP_PLATFORM_P1, 0, SLOTS(photon)},
    {VP_PLATFORM_ELECTRON, 0, SLOTS(electron_two_parts)},
    /* 0.5.3; the release candidates' numbers between 17 and 21 are not known */
    {VP_PLATFORM_ELECTRON, 21, SLOTS(electron_third_known)},
    {VP_PLATFORM_ELECTRON, 100, SLOTS(electron_three_parts)}, /* 0.6.0-rc.1 */
};

const struct vp_module_slot *vp_module_slots(enum vp_platform platform, uint16_t system_version,
                                             unsigned *count)
{
    const struct vp_module_slot *found = NULL;
    *count = 0;
    for (unsigned i = 0; i < sizeof layouts / sizeof layouts[0]; i++) {
        if (layouts[i].platform == platform &&
            (system_version == 0 || layouts[i].since <= system_version)) {
            found = layouts[i].slots;
            *count = layouts[i].count;
        }
    }
    return found;
}

const struct vp_module_slot *vp_module_monolithic_slots(enum vp_platform platform, unsigned *count)
{
    if (platform == VP_PLATFORM_CORE) {
        *count = sizeof core / sizeof core[0];
        return core;
    }
    *count = sizeof monolithic / sizeof monolithic[0];
    return monolithic;
}
