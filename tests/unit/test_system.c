#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "system/system.h"
#include "vparticle/forge.h"
#include "vparticle/module.h"

struct chip {
    const struct vp_board *board;
    struct vp_flash *flash;
    struct vp_backup_registers backup;
};

static struct chip board_with(enum vp_platform platform, const char *release, uint16_t bootloader)
{
    struct chip chip = {.board = vp_board_find(platform)};
    assert_int_equal(vp_flash_create(&chip.flash, chip.board->geometry), 0);
    assert_int_equal(vp_module_install_release(chip.flash, platform, release, bootloader, NULL), 0);
    return chip;
}

static uint16_t bootloader_of(const struct chip *chip)
{
    struct vp_module bootloader;
    assert_int_equal(vp_module_read_header(chip->flash, 0x08000000, &bootloader), 0);
    return bootloader.version;
}

/* What each bootloader does at every start: it writes the flags where it keeps them. */
static void write_flags(struct chip *chip, uint8_t startup_mode)
{
    const enum vp_flags_store store =
        bootloader_of(chip) < 100 ? VP_FLAGS_IN_DCT : VP_FLAGS_IN_BACKUP_REGISTERS;
    struct vp_system_flags flags;
    vp_system_flags_load(&flags, store, chip->flash, chip->board, &chip->backup);
    flags.startup_mode = startup_mode;
    assert_int_equal(vp_system_flags_save(&flags, store, chip->flash, chip->board, &chip->backup),
                     0);
}

static struct chip chip_with(const char *release, uint16_t bootloader)
{
    struct chip chip = board_with(VP_PLATFORM_PHOTON, release, bootloader);
    write_flags(&chip, 0);
    return chip;
}

static enum vp_system_state start(struct chip *chip)
{
    struct vp_system system;
    vp_system_start(&system,
                    &(struct vp_system_machine){
                        .board = chip->board, .flash = chip->flash, .backup = &chip->backup});
    return system.state;
}

/* Start it, and be done with the chip. */
static enum vp_system_state outcome(struct chip chip)
{
    const enum vp_system_state state = start(&chip);
    vp_flash_destroy(chip.flash);
    return state;
}

static void set_safe_mode(struct chip *chip, enum vp_flags_store store)
{
    struct vp_system_flags flags;
    vp_system_flags_load(&flags, store, chip->flash, chip->board, &chip->backup);
    flags.startup_mode = 1;
    assert_int_equal(vp_system_flags_save(&flags, store, chip->flash, chip->board, &chip->backup),
                     0);
}

static void whole_releases_run(void **state)
{
    (void)state;
    static const char *const releases[] = {"0.4.6", "0.5.2", "0.6.3", "0.7.0", "1.0.0", "2.2.0"};
    for (size_t i = 0; i < sizeof releases / sizeof *releases; i++) {
        assert_int_equal(outcome(chip_with(releases[i], 0)), VP_SYSTEM_NORMAL);
    }
}

static void a_bad_application_means_safe_mode(void **state)
{
    (void)state;
    struct chip absent = chip_with("0.6.3", 0);
    vp_flash_erase(absent.flash, absent.board->user.start);
    assert_int_equal(outcome(absent), VP_SYSTEM_SAFE);

    struct chip torn = chip_with("0.6.3", 0);
    vp_flash_program(torn.flash, torn.board->user.start + 0x100, "\0\0\0\0\0\0\0\0", 8);
    assert_int_equal(outcome(torn), VP_SYSTEM_SAFE);

    struct chip ahead = chip_with("0.6.3", 0); /* built for a system that is newer */
    const struct vp_catalogue_module *tinker =
        vp_catalogue_tinker(vp_catalogue_find_release(VP_PLATFORM_PHOTON, "0.6.3"));
    struct vp_module_recipe recipe = {
        .platform = VP_PLATFORM_PHOTON,
        .version = tinker->version,
        .function = VP_MODULE_USER,
        .index = 1,
        .dependencies = {{VP_MODULE_SYSTEM, 2, 207}},
        .address = ahead.board->user.start,
        .size = 4096,
    };
    uint8_t *image;
    size_t size;
    assert_int_equal(vp_forge_module(&recipe, &image, &size), 0);
    vp_flash_erase(ahead.flash, ahead.board->user.start);
    assert_int_equal(vp_flash_program(ahead.flash, ahead.board->user.start, image, size), 0);
    free(image);
    assert_int_equal(outcome(ahead), VP_SYSTEM_SAFE);
}

static void the_bootloader_counts_since_0_7_0(void **state)
{
    (void)state;
    assert_int_equal(outcome(chip_with("0.6.2", 4)), VP_SYSTEM_NORMAL);
    assert_int_equal(outcome(chip_with("0.7.0", 11)), VP_SYSTEM_SAFE);
    assert_int_equal(outcome(chip_with("0.7.0", 100)), VP_SYSTEM_SAFE);
    assert_int_equal(outcome(chip_with("0.7.0", 101)), VP_SYSTEM_NORMAL);
    assert_int_equal(outcome(chip_with("1.5.0", 311)), VP_SYSTEM_SAFE);
    assert_int_equal(outcome(chip_with("1.5.0", 501)), VP_SYSTEM_NORMAL);
}

static void a_broken_system_part_crashes(void **state)
{
    (void)state;
    struct chip absent = chip_with("0.6.3", 0);
    vp_flash_erase(absent.flash, 0x08060000);
    assert_int_equal(outcome(absent), VP_SYSTEM_CRASHED);
    struct chip torn = chip_with("0.6.3", 0);
    vp_flash_program(torn.flash, 0x08030000, "\0\0\0\0\0\0\0\0", 8);
    assert_int_equal(outcome(torn), VP_SYSTEM_CRASHED);
    struct chip checked = chip_with("0.7.0", 0); /* looks at its own CRC, and runs no application */
    vp_flash_program(checked.flash, 0x08070000, "\0\0\0\0\0\0\0\0", 8);
    assert_int_equal(outcome(checked), VP_SYSTEM_SAFE);
}

/* An old system under a new bootloader looks for the flag where nobody writes it any more. */
static void safe_mode_is_asked_for_where_the_generation_looks(void **state)
{
    (void)state;
    static const struct {
        const char *release;
        enum vp_flags_store store;
        enum vp_system_state outcome;
    } cases[] = {
        {"0.6.3", VP_FLAGS_IN_DCT, VP_SYSTEM_SAFE},
        {"0.6.3", VP_FLAGS_IN_BACKUP_REGISTERS, VP_SYSTEM_NORMAL},
        {"0.7.0", VP_FLAGS_IN_DCT, VP_SYSTEM_NORMAL},
        {"0.7.0", VP_FLAGS_IN_BACKUP_REGISTERS, VP_SYSTEM_SAFE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct chip chip = chip_with(cases[i].release, 0);
        set_safe_mode(&chip, cases[i].store);
        assert_int_equal(outcome(chip), cases[i].outcome);
    }
}

static void a_start_is_noted_for_the_bootloader(void **state)
{
    (void)state;
    struct chip chip = chip_with("0.6.3", 0);
    struct vp_system system;
    chip.backup.dr[1] = 1;
    vp_system_start(&system, &(struct vp_system_machine){
                                 .board = chip.board, .flash = chip.flash, .backup = &chip.backup});
    assert_int_equal(chip.backup.dr[1], 0xFFFF);
    assert_int_equal(system.version, 109);
    vp_flash_destroy(chip.flash);
}

/* The table of the board against the geometry and the slots, which stand elsewhere. */
static void the_board_fits_flash_and_slots(void **state)
{
    (void)state;
    const struct vp_board *board = vp_board_find(VP_PLATFORM_PHOTON);
    unsigned count;
    const struct vp_module_slot *slots = vp_module_slots(VP_PLATFORM_PHOTON, 0, &count);
    for (unsigned i = 0; i < count; i++) {
        const struct vp_module_slot *slot = &slots[i];
        if (slot->function == VP_MODULE_BOOTLOADER) {
            assert_int_equal(slot->start, board->bootloader.start);
            assert_int_equal(slot->limit, board->bootloader.end);
        } else if (slot->function == VP_MODULE_USER) {
            assert_int_equal(slot->start, board->user.start);
            assert_int_equal(slot->limit, board->user.end);
        } else {
            assert_true(slot->start >= board->system_parts.start);
            assert_true(slot->limit <= board->system_parts.end);
        }
    }
    assert_int_equal(board->application, board->system_parts.start);
    assert_int_equal(board->dfu_protected.end, board->application);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_releases_run),
        cmocka_unit_test(a_bad_application_means_safe_mode),
        cmocka_unit_test(the_bootloader_counts_since_0_7_0),
        cmocka_unit_test(a_broken_system_part_crashes),
        cmocka_unit_test(safe_mode_is_asked_for_where_the_generation_looks),
        cmocka_unit_test(a_start_is_noted_for_the_bootloader),
        cmocka_unit_test(the_board_fits_flash_and_slots),
    };
    return cmocka_run_group_tests_name("system", tests, NULL, NULL);
}
