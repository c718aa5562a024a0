#include "vparticle/flash.h"

#define KIB 1024u

/* RM0033 rev. 9, table 2: flash module organization of the STM32F205xG. */
static const struct vp_flash_sector stm32f205_sectors[] = {
    {0x08000000, 16 * KIB},  {0x08004000, 16 * KIB},  {0x08008000, 16 * KIB},
    {0x0800C000, 16 * KIB},  {0x08010000, 64 * KIB},  {0x08020000, 128 * KIB},
    {0x08040000, 128 * KIB}, {0x08060000, 128 * KIB}, {0x08080000, 128 * KIB},
    {0x080A0000, 128 * KIB}, {0x080C0000, 128 * KIB}, {0x080E0000, 128 * KIB},
};

const struct vp_flash_geometry vp_flash_stm32f205 = {
    .name = "STM32F205xG internal flash",
    .sectors = stm32f205_sectors,
    .sector_count = sizeof stm32f205_sectors / sizeof *stm32f205_sectors,
};
