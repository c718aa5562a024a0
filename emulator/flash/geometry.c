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
    /* STM32F205 data sheet, flash memory programming, x32, typical */
    .timing = {16, {{16 * KIB, 250000}, {64 * KIB, 550000}, {128 * KIB, 1000000}}},
};

/* Sectors of one size, in powers of two. */
#define SECTORS_4(base, size)                                                                      \
    {(base), (size)}, {(base) + (size), (size)}, {(base) + 2 * (size), (size)},                    \
    {                                                                                              \
        (base) + 3 * (size), (size)                                                                \
    }
#define SECTORS_16(base, size)                                                                     \
    SECTORS_4((base), size), SECTORS_4((base) + 4 * (size), size),                                 \
        SECTORS_4((base) + 8 * (size), size), SECTORS_4((base) + 12 * (size), size)
#define SECTORS_64(base, size)                                                                     \
    SECTORS_16((base), size), SECTORS_16((base) + 16 * (size), size),                              \
        SECTORS_16((base) + 32 * (size), size), SECTORS_16((base) + 48 * (size), size)
#define SECTORS_256(base, size)                                                                    \
    SECTORS_64((base), size), SECTORS_64((base) + 64 * (size), size),                              \
        SECTORS_64((base) + 128 * (size), size), SECTORS_64((base) + 192 * (size), size)

/* PM0075 table 2: pages of the medium density STM32F103. */
static const struct vp_flash_sector stm32f103_pages[] = {
    SECTORS_64(0x08000000u, 1 * KIB),
    SECTORS_64(0x08010000u, 1 * KIB),
};

const struct vp_flash_geometry vp_flash_stm32f103 = {
    .name = "STM32F103xB internal flash",
    .sectors = stm32f103_pages,
    .sector_count = sizeof stm32f103_pages / sizeof *stm32f103_pages,
    /* STM32F103xB data sheet: a half word 52.5 us typical, a page 20 to 40 ms */
    .timing = {105, {{1 * KIB, 30000}}},
};

/* "256*004Kg" and "512*04Kg", the layouts that DFU shows. */
static const struct vp_flash_sector serial_sectors[] = {
    SECTORS_256(0u, 4 * KIB),
    SECTORS_256(0x100000u, 4 * KIB),
};

const struct vp_flash_geometry vp_flash_serial_1m = {
    .name = "serial flash of 1 MiB",
    .sectors = serial_sectors,
    .sector_count = 256,
    /* SST25VF016B data sheet: a byte 7 us, a sector 18 ms, typical */
    .timing = {28, {{4 * KIB, 18000}}},
};

const struct vp_flash_geometry vp_flash_serial_2m = {
    .name = "serial flash of 2 MiB",
    .sectors = serial_sectors,
    .sector_count = 512,
    /* SST25VF016B data sheet: a byte 7 us, a sector 18 ms, typical */
    .timing = {28, {{4 * KIB, 18000}}},
};
