#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dct/dct.h"
#include "dct/module_slots.h"
#include "support/system_chip.h"

enum { DCT_START = 0x4000, DCT_END = 0xC000, FLASH_SIZE = 0x100000, CHUNK = 512 };

/* Contents of the whole chip, to find out what changed. */
static uint8_t *remember(const struct chip *chip)
{
    uint8_t *bytes = malloc(FLASH_SIZE);
    assert_non_null(bytes);
    assert_int_equal(vp_flash_read(chip->flash, 0x08000000, bytes, FLASH_SIZE), 0);
    return bytes;
}

/* Nothing changed but the OTA area and the DCT. */
static void assert_only_the_area_changed(const struct chip *chip, const uint8_t *before)
{
    uint8_t *now = remember(chip);
    const uint32_t start = chip->system.areas->ota.start - 0x08000000;
    const uint32_t end = chip->system.areas->ota.limit - 0x08000000;
    for (uint32_t i = 0; i < FLASH_SIZE; i++) {
        const bool may_change = (i >= start && i < end) || (i >= DCT_START && i < DCT_END);
        if (!may_change && now[i] != before[i]) {
            fail_msg("0x%08x changed", 0x08000000 + i);
        }
    }
    free(now);
}

static struct vp_update_result receive(struct chip *chip, const uint8_t *image, size_t size)
{
    struct vp_update_result result;
    assert_int_equal(vp_update_begin(&chip->system, (uint32_t)size), 0);
    assert_int_equal(chip->system.state, VP_SYSTEM_UPDATING);
    for (uint32_t at = 0; at < size; at += CHUNK) {
        const uint32_t length = size - at < CHUNK ? (uint32_t)size - at : CHUNK;
        assert_int_equal(vp_update_write(&chip->system, at, image + at, length), 0);
    }
    assert_int_equal(vp_update_finish(&chip->system, &result), 0);
    return result;
}

static struct vp_update_result receive_forged(struct chip *chip, const char *part_at_version)
{
    size_t size;
    uint8_t *image = chip_forge(chip->board->platform, part_at_version, &size);
    uint8_t *before = remember(chip);
    const struct vp_update_result result = receive(chip, image, size);
    if (!result.installed) {
        assert_only_the_area_changed(chip, before);
    }
    free(before);
    free(image);
    return result;
}

static void expect(enum vp_platform platform, const char *release, const char *part_at_version,
                   unsigned checked, unsigned result, int code)
{
    struct chip chip;
    chip_make(&chip, platform, release, 0);
    assert_int_equal(chip_start(&chip), VP_SYSTEM_NORMAL);
    const struct vp_update_result got = receive_forged(&chip, part_at_version);
    if (got.checked != checked || got.result != result || got.code != code ||
        got.queued != (code == 0)) {
        fail_msg("%s on %s: checked 0x%x, result 0x%x, code %d", part_at_version, release,
                 got.checked, got.result, got.code);
    }
    chip_free(&chip);
}

static void a_part_is_queued_for_the_bootloader(void **state)
{
    (void)state;
    struct chip chip;
    size_t size;
    chip_make(&chip, VP_PLATFORM_PHOTON, "0.6.2", 0);
    assert_int_equal(chip_start(&chip), VP_SYSTEM_NORMAL);
    uint8_t *image = chip_forge(VP_PLATFORM_PHOTON, "system-part1@0.6.3", &size);
    const struct vp_update_result result = receive(&chip, image, size);
    assert_true(result.queued);
    assert_false(result.installed);
    assert_int_equal(result.checked, 0x5E);
    assert_int_equal(result.result, 0x5E);
    assert_int_equal(result.code, 0);
    struct vp_pending_module pending;
    assert_int_equal(vp_pending_read(chip.flash, chip.board, VP_PENDING_FIRST_SLOT, &pending), 0);
    assert_int_equal(pending.magic, VP_PENDING_MODULE);
    assert_int_equal(pending.source, 0x080C0000);
    assert_int_equal(pending.destination, 0x08020000);
    assert_int_equal(pending.length, size);
    assert_int_equal(pending.function, VP_MODULE_SYSTEM);
    assert_int_equal(pending.flags, 0x0E);
    free(image);
    chip_free(&chip);
}

static void a_bootloader_is_installed_at_once(void **state)
{
    (void)state;
    struct chip chip;
    chip_make(&chip, VP_PLATFORM_PHOTON, "0.7.0", 11);
    assert_int_equal(chip_start(&chip), VP_SYSTEM_SAFE);
    const struct vp_update_result result = receive_forged(&chip, "bootloader@101");
    assert_true(result.installed);
    assert_false(result.queued);
    assert_int_equal(chip_bootloader(&chip), 101);
    chip_write_flags(&chip, 0);
    assert_int_equal(chip_start(&chip), VP_SYSTEM_NORMAL);
    chip_free(&chip);
}

/* Orders that are refused, and those that are not. */
static void dependencies_by_generation(void **state)
{
    (void)state;
    /* too new for part 1 */
    expect(VP_PLATFORM_PHOTON, "0.5.2", "system-part2@0.6.3", 0x1E, 0x1A, 1);
    expect(VP_PLATFORM_PHOTON, "0.6.2", "system-part2@0.6.3", 0x5E, 0x1A, 1);
    expect(VP_PLATFORM_PHOTON, "2.0.0", "system-part2@2.1.0", 0x5E, 0x1A, -1340);
    /* too old under a part 2 that needs it: nobody looks up to 0.5.2 */
    expect(VP_PLATFORM_PHOTON, "0.5.2", "system-part1@0.5.1", 0x1E, 0x1E, 0);
    expect(VP_PLATFORM_PHOTON, "0.6.3", "system-part1@0.6.2", 0x5E, 0x1A, 1);
    expect(VP_PLATFORM_PHOTON, "0.6.3", "system-part2@0.6.2", 0x5E, 0x5E, 0);
    expect(VP_PLATFORM_PHOTON, "0.8.0-rc.4", "system-part2@0.6.3", 0x5E, 0x1A, 1);
    expect(VP_PLATFORM_PHOTON, "0.8.0-rc.4", "system-part2@0.7.0", 0x5E, 0x5E, 0);
    /* neither what an application needs nor a bootloader */
    expect(VP_PLATFORM_PHOTON, "0.5.2", "tinker@0.7.0", 0x1E, 0x1E, 0);
    expect(VP_PLATFORM_PHOTON, "0.7.0", "system-part2@0.7.0", 0x5E, 0x5E, 0);
}

static void the_electrons_third_part(void **state)
{
    (void)state;
    expect(VP_PLATFORM_ELECTRON, "0.5.2", "system-part1@0.6.0", 0x1E, 0, 1);
    expect(VP_PLATFORM_ELECTRON, "0.5.3", "system-part1@0.6.0", 0x5E, 0x5E, 0);
    /* 0.7.0's third part wants the second in 0.6.4 */
    expect(VP_PLATFORM_ELECTRON, "0.6.3", "system-part1@0.7.0", 0x5E, 0x1A, 1);
    expect(VP_PLATFORM_ELECTRON, "0.6.4", "system-part1@0.7.0", 0x5E, 0x5E, 0);
}

static uint8_t *forge_monolithic(size_t *size)
{
    const struct vp_module_recipe recipe = {
        .platform = VP_PLATFORM_PHOTON,
        .version = 109,
        .function = VP_MODULE_MONOLITHIC,
        .address = 0x08020000,
        .size = 0x30000,
        .header_offset = VP_MODULE_HEADER_F205,
    };
    uint8_t *image;
    assert_int_equal(vp_forge_module(&recipe, &image, size), 0);
    return image;
}

static void parts_and_one_image_refuse_each_other(void **state)
{
    (void)state;
    struct chip chip;
    size_t size;
    uint8_t *image = forge_monolithic(&size);
    chip_make(&chip, VP_PLATFORM_PHOTON, "0.6.3", 0);
    assert_int_equal(chip_start(&chip), VP_SYSTEM_NORMAL);
    struct vp_update_result result = receive(&chip, image, size);
    assert_int_equal(result.result, 0);
    assert_int_equal(result.checked, 0x5E);
    assert_false(result.queued);

    chip_program(&chip, 0x08020000, image, size);
    assert_int_equal(chip_start(&chip), VP_SYSTEM_NORMAL);
    assert_true(chip.system.monolithic);
    assert_int_equal(vp_update_area_size(&chip.system), 0x60000);
    assert_int_equal(receive_forged(&chip, "system-part1@0.6.3").result, 0);
    result = receive(&chip, image, size);
    assert_true(result.queued);
    free(image);
    chip_free(&chip);
}

/* Each field wrong in turn, with a CRC that is right again: what remains is the field's own flag.
 */
static void every_wrong_field_is_refused_in_its_way(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        unsigned offset; /* in the header */
        uint8_t value;
        bool crc; /* made right again */
        unsigned result;
        int code;
    } cases[] = {
        {"code", 0x1000, 0x5A, false, 0x5C, -1330}, {"start", 2, 0x04, false, 0x5C, -1330},
        {"end", 6, 0x20, true, 0, -1300},           {"version", 10, 0x01, true, 0x5E, 0},
        {"platform", 12, 8, true, 0x4E, -1360},     {"function", 14, 9, true, 0, -1300},
        {"index", 15, 7, true, 0, -1300},           {"dependency", 19, 0xFF, true, 0x1A, -1340},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct chip chip;
        size_t size;
        chip_make(&chip, VP_PLATFORM_PHOTON, "2.0.0", 0);
        assert_int_equal(chip_start(&chip), VP_SYSTEM_NORMAL);
        uint8_t *image = chip_forge(VP_PLATFORM_PHOTON, "system-part2@2.0.0", &size);
        image[VP_MODULE_HEADER_F205 + cases[i].offset] = cases[i].value;
        if (cases[i].crc) {
            chip_mend_crc(image, size);
        }
        uint8_t *before = remember(&chip);
        const struct vp_update_result result = receive(&chip, image, size);
        assert_only_the_area_changed(&chip, before);
        if (result.result != cases[i].result || result.code != cases[i].code ||
            result.queued != (cases[i].code == 0)) {
            fail_msg("%s: result 0x%x, code %d", cases[i].what, result.result, result.code);
        }
        free(before);
        free(image);
        chip_free(&chip);
    }
}

/* What does not come whole is not queued, wherever it ends. */
static void a_torn_image_is_refused(void **state)
{
    (void)state;
    struct chip chip;
    size_t size;
    chip_make(&chip, VP_PLATFORM_PHOTON, "0.6.3", 0);
    assert_int_equal(chip_start(&chip), VP_SYSTEM_NORMAL);
    uint8_t *image = chip_forge(VP_PLATFORM_PHOTON, "tinker@0.5.2", &size);
    uint8_t *before = remember(&chip);
    for (size_t length = 0; length < size; length += 379) {
        assert_false(receive(&chip, image, length).queued);
    }
    assert_only_the_area_changed(&chip, before);
    assert_true(receive(&chip, image, size).queued);
    free(before);
    free(image);
    chip_free(&chip);
}

static void the_door_has_its_rules(void **state)
{
    (void)state;
    struct chip chip;
    struct vp_update_result result;
    chip_make(&chip, VP_PLATFORM_ELECTRON, "0.6.4", 0);
    assert_int_equal(chip_start(&chip), VP_SYSTEM_NORMAL);
    assert_int_equal(vp_update_area_size(&chip.system), 0x20000);
    assert_int_equal(vp_update_write(&chip.system, 0, "abcd", 4), VP_ERROR_INVALID);
    assert_int_equal(vp_update_validate(&chip.system, &result), VP_ERROR_INVALID);
    assert_int_equal(vp_update_finish(&chip.system, &result), VP_ERROR_INVALID);
    assert_int_equal(vp_update_begin(&chip.system, 0x20001), VP_ERROR_RANGE);
    assert_int_equal(vp_update_begin(&chip.system, 0x20000), 0);
    assert_int_equal(vp_update_begin(&chip.system, 4), VP_ERROR_BUSY);
    assert_int_equal(vp_update_write(&chip.system, 0x1FFFE, "abcd", 4), VP_ERROR_RANGE);
    assert_int_equal(vp_update_write(&chip.system, UINT32_MAX, "abcd", 4), VP_ERROR_RANGE);
    assert_int_equal(vp_update_write(&chip.system, 0x1FFFC, "abcd", 4), 0);
    vp_update_cancel(&chip.system);
    assert_int_equal(chip.system.state, VP_SYSTEM_NORMAL);
    chip_free(&chip);
}

static void silence_resets_the_chip(void **state)
{
    (void)state;
    static const struct {
        enum vp_platform platform;
        const char *release;
        uint32_t limit;
    } cases[] = {
        {VP_PLATFORM_PHOTON, "0.7.0", 30000},
        {VP_PLATFORM_ELECTRON, "0.7.0", 90000},
        {VP_PLATFORM_ELECTRON, "1.0.1", 300000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct chip chip;
        chip_make(&chip, cases[i].platform, cases[i].release, 0);
        assert_int_equal(chip_start(&chip), VP_SYSTEM_NORMAL);
        assert_int_equal(vp_system_patience(&chip.system), -1);
        assert_int_equal(vp_update_begin(&chip.system, 1024), 0);
        vp_system_advance(&chip.system, 1000);
        assert_int_equal(vp_update_write(&chip.system, 0, "abcd", 4), 0);
        assert_int_equal(vp_system_patience(&chip.system), cases[i].limit);
        vp_system_advance(&chip.system, cases[i].limit - 1);
        assert_int_equal(chip.system.state, VP_SYSTEM_UPDATING);
        vp_system_advance(&chip.system, 1);
        assert_int_equal(chip.system.state, VP_SYSTEM_RESETTING);
        chip_free(&chip);
    }
}

/* Four slots: the fifth module finds none, but where beginning anew forgets the others. */
static void slots_run_out(void **state)
{
    (void)state;
    static const struct {
        const char *release;
        bool fifth;
    } cases[] = {{"0.6.3", false}, {"2.1.0", false}, {"2.2.0", true}, {"3.0.0", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct chip chip;
        chip_make(&chip, VP_PLATFORM_PHOTON, cases[i].release, 0);
        assert_int_equal(chip_start(&chip), VP_SYSTEM_NORMAL);
        for (unsigned n = 0; n < 4; n++) {
            assert_true(receive_forged(&chip, "tinker@0.5.2").queued);
        }
        const struct vp_update_result result = receive_forged(&chip, "tinker@0.5.2");
        assert_int_equal(result.queued, cases[i].fifth);
        assert_int_equal(result.code == 0, cases[i].fifth);
        chip_free(&chip);
    }
}

/* 0xA5 at DCT offset 1753, with a bootloader that DFU wrote into the OTA area. */
static void the_ota_flag_is_obeyed_since_1_2(void **state)
{
    (void)state;
    static const struct {
        const char *release;
        uint16_t bootloader;
        bool right; /* the image's CRC */
        enum vp_system_state state;
    } cases[] = {
        {"1.1.1", 201, true, VP_SYSTEM_NORMAL},
        {"1.2.1", 201, true, VP_SYSTEM_RESETTING},
        {"1.2.1", 201, false, VP_SYSTEM_SAFE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct chip chip;
        size_t size;
        uint8_t flag = 0xA5;
        chip_make(&chip, VP_PLATFORM_PHOTON, cases[i].release, cases[i].bootloader);
        uint8_t *image = chip_forge(VP_PLATFORM_PHOTON, "bootloader@311", &size);
        image[size - 1] ^= cases[i].right ? 0 : 1;
        chip_program(&chip, 0x080C0000, image, size);
        free(image);
        assert_int_equal(vp_dct_write(chip.flash, chip.board, 1753, &flag, 1), 0);
        assert_int_equal(chip_start(&chip), cases[i].state);
        assert_int_equal(chip_bootloader(&chip), cases[i].state == VP_SYSTEM_RESETTING ? 311 : 201);
        assert_int_equal(vp_dct_read(chip.flash, chip.board, 1753, &flag, 1), 0);
        assert_int_equal(flag, i == 0 ? 0xA5 : 0xFF);
        chip_free(&chip);
    }
}

/* The Core checks nothing, and leaves word for its bootloader. */
static void the_core_keeps_it_in_its_serial_flash(void **state)
{
    (void)state;
    struct chip chip;
    struct vp_update_result result;
    uint8_t read[4];
    chip_make_erased(&chip, VP_PLATFORM_CORE);
    assert_int_equal(chip_start(&chip), VP_SYSTEM_NORMAL);
    assert_int_equal(vp_update_area_size(&chip.system), 0x1B000);
    assert_int_equal(vp_update_begin(&chip.system, 4096), 0);
    assert_int_equal(vp_update_write(&chip.system, 0, "core", 4), 0);
    assert_int_equal(vp_update_finish(&chip.system, &result), 0);
    assert_true(result.queued);
    assert_int_equal(vp_flash_read(chip.external, 0x60000, read, 4), 0);
    assert_memory_equal(read, "core", 4);
    assert_int_equal(chip.backup.dr[10], 5);
    chip_free(&chip);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_part_is_queued_for_the_bootloader),
        cmocka_unit_test(a_bootloader_is_installed_at_once),
        cmocka_unit_test(dependencies_by_generation),
        cmocka_unit_test(the_electrons_third_part),
        cmocka_unit_test(parts_and_one_image_refuse_each_other),
        cmocka_unit_test(every_wrong_field_is_refused_in_its_way),
        cmocka_unit_test(a_torn_image_is_refused),
        cmocka_unit_test(the_door_has_its_rules),
        cmocka_unit_test(silence_resets_the_chip),
        cmocka_unit_test(slots_run_out),
        cmocka_unit_test(the_ota_flag_is_obeyed_since_1_2),
        cmocka_unit_test(the_core_keeps_it_in_its_serial_flash),
    };
    return cmocka_run_group_tests_name("update", tests, NULL, NULL);
}
