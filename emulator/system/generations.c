#include "system/generations.h"

#include <stddef.h>

/*
 * Sources: hal/src/stm32f2xx/usbd_desc_stm32f2xx.c and platform/MCU/STM32F2xx/.../usbd_composite.c
 * @ v0.5.2, v0.6.1, v0.7.0; modules/shared/stm32f2xx/inc/system_part2_loader.c and
 * hal/src/stm32f2xx/core_hal_stm32f2xx.c @ v0.6.4, v0.7.0; system_flags_impl.c @ v0.7.0.
 * Versions: 100 is 0.6.0-rc.1, 200 is 0.7.0-rc.1, 204 is 0.7.0-rc.5.
 */
static const struct vp_system_generation generations[] = {
    {
        .first = 0,
        .serial = VP_SYSTEM_SERIAL_CONSTANT,
        .flags_store = VP_FLAGS_IN_DCT,
    },
    {
        .first = 100,
        .composite = true,
        .serial = VP_SYSTEM_SERIAL_UPPER,
        .flags_store = VP_FLAGS_IN_DCT,
    },
    {
        .first = 200,
        .composite = true,
        .serial = VP_SYSTEM_SERIAL_UPPER,
        .checks_itself = true,
        .second_dependency = true,
        .flags_store = VP_FLAGS_IN_BACKUP_REGISTERS,
    },
    {
        .first = 204,
        .composite = true,
        .serial = VP_SYSTEM_SERIAL_LOWER,
        .checks_itself = true,
        .second_dependency = true,
        .flags_store = VP_FLAGS_IN_BACKUP_REGISTERS,
    },
};

const struct vp_system_generation *vp_system_generation_find(uint16_t version)
{
    const struct vp_system_generation *found = &generations[0];
    for (size_t i = 1; i < sizeof generations / sizeof *generations; i++) {
        if (generations[i].first <= version) {
            found = &generations[i];
        }
    }
    return found;
}
