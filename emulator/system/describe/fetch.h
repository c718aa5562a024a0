/**
 * @file fetch.h
 * A module as the firmware's fetch_module() sees it, and its places in flash.
 *
 * Source: hal/src/stm32/ota_module.cpp, hal/src/stm32f2xx/ota_flash_hal_stm32f2xx.cpp @ v0.4.6,
 * v0.5.3-rc.1, v0.7.0, v2.2.0.
 */
#ifndef VP_SYSTEM_FETCH_H
#define VP_SYSTEM_FETCH_H

#include "system/describe/describe.h"

enum { VP_INSTALLED_LIMIT = 8 };

/** What the header of each slot says, whatever is there. */
struct vp_installed {
    struct vp_module modules[VP_INSTALLED_LIMIT];
    unsigned count;
};

/**
 * Read the headers of all slots. As the firmware looks for a dependency by its place, function and
 * index are those of the place, and an erased slot has version 0xFFFF, which is enough for anybody.
 */
void vp_system_find_installed(const struct vp_system *system, struct vp_installed *installed);

/** The place of a module, or NULL. */
const struct vp_module_slot *vp_system_slot(const struct vp_system *system, uint8_t function,
                                            uint8_t index);

/**
 * fetch_module(): look at what is at @p address.
 * @param incoming  it was received: checked as such, with full dependencies where the generation
 *                  knows them
 * @param[out] fetched  `store` and `maximum_size` are left to the caller
 */
void vp_system_fetch(const struct vp_system *system, uint32_t address, bool incoming,
                     struct vp_described_module *fetched);

#endif
