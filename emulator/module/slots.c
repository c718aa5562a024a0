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
static const struct vp_module_slot one_image[] = {
    BOOTLOADER,
    {"monolithic", VP_MODULE_MONOLITHIC, 0, 0x08020000, 0x08080000},
};

static const struct vp_module_slot core[] = {
    {"monolithic", VP_MODULE_MONOLITHIC, 0, 0x08005000, 0x08020000},
};

/* ---- Areas ---------------------------------------------------------------------- */

/* hal/src/photon/ota_flash_hal.cpp @ v0.4.6, ota_module_bounds.c @ v0.7.0, v2.2.0 */
static const struct vp_module_areas photon_areas = {
    .ota = {0x080C0000, 0x08100000, false},
    .factory = {0x080E0000, 0x08100000, false},
};

/* hal/src/electron/ota_flash_hal.cpp @ v0.4.8-rc.6, v0.5.2 */
static const struct vp_module_areas electron_areas_at_first = {
    .ota = {0x080C0000, 0x080E0000, false},
    .factory = {0x080E0000, 0x08100000, false},
};

/* The same file @ v0.5.3, ota_module_bounds.c @ v0.7.0, v2.2.0 */
static const struct vp_module_areas electron_areas = {
    .ota = {0x080C0000, 0x080E0000, false},
    .factory = {0x080A0000, 0x080C0000, false},
};

/* Both files with MODULAR=n */
static const struct vp_module_areas monolithic_areas = {
    .ota = {0x08080000, 0x080E0000, false},
    .factory = {0x08080000, 0x080E0000, false},
};

/* platform/MCU/STM32F1xx/SPARK_Firmware_Driver/inc/hw_config.h @ v0.7.0: blocks of 0x20000 */
static const struct vp_module_areas core_areas = {
    .ota = {0x60000, 0x80000, true},
    .factory = {0x20000, 0x40000, true},
};

/* ---- By release ----------------------------------------------------------------- */

#define SLOTS(table) (table), sizeof(table) / sizeof((table)[0])

/* Per platform, oldest first: the last layout whose `since` is reached is in force. */
static const struct {
    enum vp_platform platform;
    uint16_t since; /* module version of the system parts */
    const struct vp_module_slot *slots;
    unsigned count;
    const struct vp_module_areas *areas;
} layouts[] = {
    {VP_PLATFORM_PHOTON, 0, SLOTS(photon), &photon_areas},
    {VP_PLATFORM_P1, 0, SLOTS(photon), &photon_areas},
    {VP_PLATFORM_ELECTRON, 0, SLOTS(electron_two_parts), &electron_areas_at_first},
    /* 0.5.3; the release candidates' numbers between 17 and 21 are not known */
    {VP_PLATFORM_ELECTRON, 21, SLOTS(electron_third_known), &electron_areas},
    {VP_PLATFORM_ELECTRON, 100, SLOTS(electron_three_parts), &electron_areas}, /* 0.6.0-rc.1 */
};

/* The row in force, or -1 for a platform without modules. */
static int find_layout(enum vp_platform platform, uint16_t system_version)
{
    int found = -1;
    for (unsigned i = 0; i < sizeof layouts / sizeof layouts[0]; i++) {
        if (layouts[i].platform == platform &&
            (system_version == 0 || layouts[i].since <= system_version)) {
            found = (int)i;
        }
    }
    return found;
}

const struct vp_module_slot *vp_module_slots(enum vp_platform platform, uint16_t system_version,
                                             unsigned *count)
{
    const int found = find_layout(platform, system_version);
    *count = found < 0 ? 0 : layouts[found].count;
    return found < 0 ? NULL : layouts[found].slots;
}

const struct vp_module_areas *vp_module_areas(enum vp_platform platform, uint16_t system_version,
                                              bool monolithic)
{
    const int found = find_layout(platform, system_version);
    if (found < 0) {
        return &core_areas;
    }
    return monolithic ? &monolithic_areas : layouts[found].areas;
}

const struct vp_module_slot *vp_module_monolithic_slots(enum vp_platform platform, unsigned *count)
{
    if (platform == VP_PLATFORM_CORE) {
        *count = sizeof core / sizeof core[0];
        return core;
    }
    *count = sizeof one_image / sizeof one_image[0];
    return one_image;
}
