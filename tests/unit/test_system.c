#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/system_chip.h"

static struct chip chip_with(const char *release, uint16_t bootloader)
{
    struct chip chip;
    chip_make(&chip, VP_PLATFORM_PHOTON, release, bootloader);
    return chip;
}

/* Start it, and be done with the chip. */
static enum vp_system_state outcome(struct chip chip)
{
    const enum vp_system_state state = chip_start(&chip);
    chip_free(&chip);
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

/* One byte of a header, or of the sums, is not what it was; the code is. */
static void whole_code_runs_whatever_its_header_says(void **state)
{
    (void)state;
    enum { FUNCTION = 14, INDEX = 15, SUFFIX_SIZE = -6, CRC = -1, MIDDLE = 4096 };
    static const struct {
        const char *part; /* with the release of all others */
        int offset;       /* from the header, or from the end */
        uint8_t value;
        bool mended; /* the CRC is right again */
        enum vp_system_state outcome;
    } cases[] = {
        {"system-part2@0.5.5", FUNCTION, 0, true, VP_SYSTEM_NORMAL},
        {"system-part2@0.6.3", INDEX, 1, true, VP_SYSTEM_NORMAL},
        {"system-part2@0.6.3", CRC, 0, false, VP_SYSTEM_NORMAL},
        {"system-part1@0.6.3", CRC, 0, false, VP_SYSTEM_NORMAL},
        {"system-part2@0.6.3", MIDDLE, 0, false, VP_SYSTEM_CRASHED},
        {"system-part2@0.7.0", FUNCTION, 0, true, VP_SYSTEM_SAFE},
        {"system-part2@2.3.1", INDEX, 1, true, VP_SYSTEM_SAFE},
        {"system-part2@2.3.1", SUFFIX_SIZE, 0, true, VP_SYSTEM_NORMAL},
        {"system-part1@2.3.1", INDEX, 3, true, VP_SYSTEM_NORMAL},
        {"system-part1@2.3.1", MIDDLE, 0, false, VP_SYSTEM_CRASHED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct chip chip = chip_with(strchr(cases[i].part, '@') + 1, 0);
        struct vp_module module;
        size_t size;
        uint8_t *image = chip_forge(VP_PLATFORM_PHOTON, cases[i].part, &size);
        assert_int_equal(vp_module_parse(image, size, &module, NULL), 0);
        uint8_t *at = cases[i].offset < 0 ? image + size + cases[i].offset
                                          : image + module.header_offset + cases[i].offset;
        *at = *at == cases[i].value ? *at ^ 1 : cases[i].value;
        if (cases[i].mended) {
            chip_mend_crc(image, size);
        }
        chip_program(&chip, module.start, image, size);
        free(image);
        assert_int_equal(outcome(chip), cases[i].outcome);
    }
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
    chip.backup.dr[1] = 1;
    assert_int_equal(chip_start(&chip), VP_SYSTEM_NORMAL);
    assert_int_equal(chip.backup.dr[1], 0xFFFF);
    assert_int_equal(chip.system.version, 109);
    assert_string_equal(vp_system_release_name(&chip.system), "0.6.3");
    chip_free(&chip);
}

/* A system before 0.7.0 under a bootloader since 100 never sees its flag written: ones are safe
 * mode, for good. Seen in the field: 0.6.2 put back under the bootloader of 0.7.0. */
static void an_unwritten_flag_is_safe_mode_before_0_7_0(void **state)
{
    (void)state;
    static const struct {
        const char *release;
        uint16_t bootloader;
        enum vp_system_state state;
    } cases[] = {
        {"0.5.2", 101, VP_SYSTEM_SAFE},
        {"0.6.2", 101, VP_SYSTEM_SAFE},
        {"0.6.2", 11, VP_SYSTEM_NORMAL},
        {"0.7.0", 101, VP_SYSTEM_NORMAL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct chip chip = chip_with(cases[i].release, cases[i].bootloader);
        assert_int_equal(chip_start(&chip), cases[i].state);
        assert_int_equal(chip_start(&chip), cases[i].state);
        chip_free(&chip);
    }
}

static void set_watchdog(struct chip *chip, enum vp_flags_store store)
{
    struct vp_system_flags flags;
    vp_system_flags_load(&flags, store, chip->flash, chip->board, &chip->backup);
    flags.iwdg_enable = 0xD001;
    flags.startup_mode = 0;
    assert_int_equal(vp_system_flags_save(&flags, store, chip->flash, chip->board, &chip->backup),
                     0);
}

/* What DFU mode leaves behind: the system resets once more, to be rid of the watchdog. */
static void the_watchdog_takes_one_more_reset(void **state)
{
    (void)state;
    static const struct {
        const char *release;
        enum vp_flags_store store;
        bool seen;
    } cases[] = {
        {"0.4.6", VP_FLAGS_IN_DCT, true},
        {"0.6.3", VP_FLAGS_IN_DCT, true},
        {"0.6.3", VP_FLAGS_IN_BACKUP_REGISTERS, false},
        {"0.7.0", VP_FLAGS_IN_BACKUP_REGISTERS, true},
        {"0.7.0", VP_FLAGS_IN_DCT, true}, /* an older bootloader's */
        {"2.2.0", VP_FLAGS_IN_BACKUP_REGISTERS, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct chip chip = chip_with(cases[i].release, 0);
        set_watchdog(&chip, cases[i].store);
        assert_int_equal(chip_start(&chip), cases[i].seen ? VP_SYSTEM_RESETTING : VP_SYSTEM_NORMAL);
        assert_int_equal(chip_start(&chip), VP_SYSTEM_NORMAL);
        chip_free(&chip);
    }
}

static void program_application(struct chip *chip, uint32_t address)
{
    size_t size;
    uint8_t *image = chip_forge(chip->board->platform, "tinker@0.5.2", &size);
    chip_program(chip, address, image, size);
    free(image);
}

/* Nothing where the application belongs, but one in the factory area. */
static void a_factory_application_is_asked_for(void **state)
{
    (void)state;
    static const struct {
        enum vp_platform platform;
        const char *release;
        uint32_t factory;
        bool found;
    } cases[] = {
        {VP_PLATFORM_PHOTON, "0.5.2", 0x080E0000, true},
        {VP_PLATFORM_P1, "2.2.0", 0x080E0000, true},
        {VP_PLATFORM_ELECTRON, "0.5.3", 0x080C0000, true},
        {VP_PLATFORM_ELECTRON, "0.5.3", 0x080A0000, false},
        {VP_PLATFORM_ELECTRON, "0.5.4", 0x080A0000, true},
        {VP_PLATFORM_ELECTRON, "2.2.0", 0x080C0000, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct chip chip;
        struct vp_system_flags flags;
        chip_make(&chip, cases[i].platform, cases[i].release, 0);
        vp_flash_erase(chip.flash, chip.board->user.start);
        assert_int_equal(chip_start(&chip), VP_SYSTEM_SAFE);
        program_application(&chip, cases[i].factory);
        assert_int_equal(chip_start(&chip), cases[i].found ? VP_SYSTEM_RESETTING : VP_SYSTEM_SAFE);
        vp_system_flags_load(&flags, chip.system.generation->flags_store, chip.flash, chip.board,
                             &chip.backup);
        assert_int_equal(flags.factory_reset == 0xAAAA, cases[i].found);
        chip_write_flags(&chip, 1); /* safe mode on purpose: nobody asks for a factory reset */
        if (cases[i].found) {
            flags.factory_reset = 0xFFFF;
            flags.startup_mode = 1;
            vp_system_flags_save(&flags, chip.system.generation->flags_store, chip.flash,
                                 chip.board, &chip.backup);
        }
        assert_int_equal(chip_start(&chip), VP_SYSTEM_SAFE);
        chip_free(&chip);
    }
}

/* The Electron's bootloader is never a reason; a part that is missing always is. */
static void an_electron_by_its_own_rules(void **state)
{
    (void)state;
    struct chip chip;
    chip_make(&chip, VP_PLATFORM_ELECTRON, "2.2.0", 1006);
    assert_int_equal(outcome(chip), VP_SYSTEM_NORMAL);
    chip_make(&chip, VP_PLATFORM_ELECTRON, "0.5.5", 101);
    assert_int_equal(outcome(chip), VP_SYSTEM_SAFE); /* for its unwritten flag */
    chip_make(&chip, VP_PLATFORM_ELECTRON, "0.5.3", 0);
    assert_int_equal(outcome(chip), VP_SYSTEM_NORMAL); /* two parts */
    chip_make(&chip, VP_PLATFORM_ELECTRON, "0.6.4", 0);
    vp_flash_erase(chip.flash, 0x08060000);
    assert_int_equal(outcome(chip), VP_SYSTEM_CRASHED);
    chip_make(&chip, VP_PLATFORM_ELECTRON, "0.7.0", 0);
    vp_flash_erase(chip.flash, 0x08040000);
    assert_int_equal(outcome(chip), VP_SYSTEM_CRASHED);
    chip_make(&chip, VP_PLATFORM_P1, "0.7.0", 11);
    assert_int_equal(outcome(chip), VP_SYSTEM_SAFE);
}

static void one_image_needs_nothing_else(void **state)
{
    (void)state;
    const struct vp_module_recipe recipe = {
        .platform = VP_PLATFORM_PHOTON,
        .version = 207,
        .function = VP_MODULE_MONOLITHIC,
        .address = 0x08020000,
        .size = 0x30000,
        .header_offset = VP_MODULE_HEADER_F205,
    };
    uint8_t *image;
    size_t size;
    struct chip chip = chip_with("0.7.0", 11);
    assert_int_equal(vp_forge_module(&recipe, &image, &size), 0);
    chip_program(&chip, recipe.address, image, size);
    free(image);
    assert_int_equal(chip_start(&chip), VP_SYSTEM_NORMAL);
    set_safe_mode(&chip, VP_FLAGS_IN_BACKUP_REGISTERS);
    assert_int_equal(chip_start(&chip), VP_SYSTEM_SAFE);
    assert_int_equal(chip_bootloader(&chip), 11);
    chip_free(&chip);
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
        cmocka_unit_test(whole_code_runs_whatever_its_header_says),
        cmocka_unit_test(safe_mode_is_asked_for_where_the_generation_looks),
        cmocka_unit_test(an_unwritten_flag_is_safe_mode_before_0_7_0),
        cmocka_unit_test(the_watchdog_takes_one_more_reset),
        cmocka_unit_test(a_factory_application_is_asked_for),
        cmocka_unit_test(an_electron_by_its_own_rules),
        cmocka_unit_test(one_image_needs_nothing_else),
        cmocka_unit_test(a_start_is_noted_for_the_bootloader),
        cmocka_unit_test(the_board_fits_flash_and_slots),
    };
    return cmocka_run_group_tests_name("system", tests, NULL, NULL);
}
