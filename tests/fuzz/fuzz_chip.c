#include "fuzz/fuzz_chip.h"

#include <stdlib.h>
#include <string.h>

#include "vparticle/forge.h"

static const struct {
    enum vp_platform platform;
    const char *release; /* NULL: erased */
} chips[] = {
    {VP_PLATFORM_PHOTON, "0.4.6"},   {VP_PLATFORM_PHOTON, "0.4.9"},
    {VP_PLATFORM_PHOTON, "0.5.2"},   {VP_PLATFORM_PHOTON, "0.6.3"},
    {VP_PLATFORM_P1, "0.7.0"},       {VP_PLATFORM_PHOTON, "1.5.0"},
    {VP_PLATFORM_PHOTON, "2.2.0"},   {VP_PLATFORM_ELECTRON, "0.5.2"},
    {VP_PLATFORM_ELECTRON, "0.6.3"}, {VP_PLATFORM_ELECTRON, "2.2.0"},
    {VP_PLATFORM_CORE, NULL},
};

enum { CHIPS = sizeof chips / sizeof *chips, PIECE = 1024 };

/* The Core's page of system flags, in the bootloader's region: hw_config.h @ v0.7.0. */
enum { FLAGS_PAGE = 0x08004C00 };

/* Made and started at the first use; they live as long as the program. */
static struct fuzz_chip made[CHIPS];

static void point_at(struct fuzz_chip *chip)
{
    chip->system.machine.flash = chip->flash;
    chip->system.machine.external = chip->external;
    chip->system.machine.backup = &chip->backup;
    chip->system.machine.networks = &chip->networks;
}

static void make(struct fuzz_chip *chip, unsigned which)
{
    chip->board = vp_board_find(chips[which].platform);
    if (vp_flash_create(&chip->flash, chip->board->geometry) ||
        (chip->board->external && vp_flash_create(&chip->external, chip->board->external)) ||
        (chips[which].release && vp_module_install_release(chip->flash, chip->board->platform,
                                                           chips[which].release, 0, NULL))) {
        abort();
    }
    const struct vp_system_machine machine = {
        .board = chip->board,
        .flash = chip->flash,
        .external = chip->external,
        .backup = &chip->backup,
        .networks = &chip->networks,
    };
    vp_system_start(&chip->system, &machine);
    if (chip->system.state == VP_SYSTEM_CRASHED || chip->system.state == VP_SYSTEM_RESETTING) {
        abort();
    }
}

void fuzz_chip_start(struct fuzz_chip *chip, uint8_t choice)
{
    const unsigned which = choice % CHIPS;
    if (!made[which].board) {
        make(&made[which], which);
    }
    *chip = made[which];
    chip->before = made[which].flash;
    if (vp_flash_fork(&chip->flash, made[which].flash) ||
        (chip->external && vp_flash_fork(&chip->external, made[which].external))) {
        abort();
    }
    point_at(chip);
}

static bool is_inside(uint32_t address, uint32_t start, uint32_t end)
{
    return address >= start && address < end;
}

static bool may_change(const struct fuzz_chip *chip, uint32_t address)
{
    const struct vp_board *board = chip->board;
    const struct vp_module_areas *areas =
        vp_module_areas(board->platform, chip->system.version, chip->system.monolithic);
    return (!areas->ota.external && is_inside(address, areas->ota.start, areas->ota.limit)) ||
           (board->dct_format == VP_DCT_NONE && address == FLAGS_PAGE) ||
           is_inside(address, board->dct[0].start, board->dct[0].end) ||
           is_inside(address, board->dct[1].start, board->dct[1].end);
}

static bool has_whole_bootloader(const struct fuzz_chip *chip)
{
    struct vp_module module;
    return vp_module_read_header(chip->flash, chip->board->bootloader.start, &module) == 0 &&
           module.function == VP_MODULE_BOOTLOADER && module.platform == chip->board->platform &&
           vp_module_crc_matches(chip->flash, chip->board->bootloader.start, &module);
}

void fuzz_chip_check(const struct fuzz_chip *chip)
{
    static uint8_t before[PIECE], now[PIECE];
    const struct vp_flash_geometry *geometry = chip->board->geometry;
    const struct vp_flash_sector *last = &geometry->sectors[geometry->sector_count - 1];
    const uint32_t end = last->address + last->size;
    for (uint32_t at = geometry->sectors[0].address; at < end; at += PIECE) {
        vp_flash_read(chip->before, at, before, PIECE);
        vp_flash_read(chip->flash, at, now, PIECE);
        if (memcmp(before, now, PIECE) == 0) {
            continue;
        }
        const bool bootloader =
            is_inside(at, chip->board->bootloader.start, chip->board->bootloader.end);
        if (!may_change(chip, at) && !(bootloader && has_whole_bootloader(chip))) {
            abort();
        }
    }
}

void fuzz_chip_free(struct fuzz_chip *chip)
{
    vp_system_stop(&chip->system);
    vp_flash_destroy(chip->flash);
    vp_flash_destroy(chip->external);
}
