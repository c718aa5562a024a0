#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dct/dct.h"
#include "dct/module_slots.h"
#include "dct/system_flags.h"
#include "vparticle/module.h"

static const struct vp_board *board;
static struct vp_flash *flash;

static int set_up(void **state)
{
    (void)state;
    board = vp_board_find(VP_PLATFORM_PHOTON);
    return vp_flash_create(&flash, board->geometry);
}

static int tear_down(void **state)
{
    (void)state;
    vp_flash_destroy(flash);
    return 0;
}

static void reads_as_erased_before_the_first_write(void **state)
{
    (void)state;
    uint8_t data[4];
    assert_int_equal(vp_dct_read(flash, board, 34, data, sizeof data), 0);
    assert_memory_equal(data, "\xFF\xFF\xFF\xFF", 4);
}

/* The header that real bootloaders 3 to 11 leave, as read back through DFU's alternate 0. */
static void first_write_leaves_the_measured_header(void **state)
{
    (void)state;
    static const uint8_t measured[64] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 'B', 'R', 'C', 'M'};
    uint8_t header[64];
    assert_int_equal(vp_dct_write(flash, board, 0, "abcd", 4), 0);
    assert_int_equal(vp_flash_read(flash, 0x08004000, header, sizeof header), 0);
    assert_memory_equal(header, measured, sizeof measured);
    char data[5] = "";
    assert_int_equal(vp_flash_read(flash, 0x08004000 + 7548, data, 4), 0);
    assert_string_equal(data, "abcd");
}

static void copies_alternate_and_keep_the_rest(void **state)
{
    (void)state;
    assert_int_equal(vp_dct_write(flash, board, 100, "first", 5), 0);
    assert_int_equal(vp_dct_write(flash, board, 200, "second", 6), 0);
    char data[7] = "";
    assert_int_equal(vp_flash_read(flash, 0x08008000 + 7548 + 200, data, 6), 0);
    assert_string_equal(data, "second");
    assert_int_equal(vp_dct_read(flash, board, 100, data, 5), 0);
    assert_memory_equal(data, "first", 5);
    assert_int_equal(vp_dct_write(flash, board, 100, "FIRST", 5), 0);
    assert_int_equal(vp_dct_read(flash, board, 100, data, 5), 0);
    assert_memory_equal(data, "FIRST", 5);
}

static void refuses_what_leaves_the_copy(void **state)
{
    (void)state;
    const uint32_t room = 0x4000 - 7548;
    assert_int_equal(vp_dct_write(flash, board, room - 1, "ab", 2), VP_ERROR_RANGE);
    assert_int_equal(vp_dct_write(flash, board, 0xFFFFFFFF, "ab", 2), VP_ERROR_RANGE);
    assert_int_equal(vp_dct_write(flash, board, room - 2, "ab", 2), 0);
}

struct cut {
    uint64_t at;
    unsigned fired;
};

static uint32_t cut_operation(void *context, const struct vp_flash_operation *operation)
{
    struct cut *cut = context;
    if (operation->index != cut->at) {
        return operation->length;
    }
    cut->fired++;
    return operation->length / 2;
}

/* Whatever operation of a write is cut, the DCT holds the old or the new contents. */
static void a_cut_write_leaves_one_whole_copy(void **state)
{
    (void)state;
    assert_int_equal(vp_dct_write(flash, board, 0, "old!", 4), 0);
    unsigned cuts = 0;
    for (uint64_t operation = 0;; operation++) {
        struct vp_flash *fork;
        assert_int_equal(vp_flash_fork(&fork, flash), 0);
        struct cut cut = {.at = vp_flash_operations(fork) + operation};
        vp_flash_set_hook(fork, cut_operation, &cut);
        const int error = vp_dct_write(fork, board, 0, "new!", 4);
        char data[4];
        assert_int_equal(vp_dct_read(fork, board, 0, data, 4), 0);
        assert_true(memcmp(data, "old!", 4) == 0 || memcmp(data, "new!", 4) == 0);
        vp_flash_destroy(fork);
        if (!cut.fired) {
            assert_int_equal(error, 0);
            break;
        }
        assert_int_equal(error, VP_ERROR_FLASH);
        cuts++;
    }
    assert_true(cuts >= 4); /* erase, word, header, the old copy's mark */
}

static void flags_are_stored_as_measured(void **state)
{
    (void)state;
    /* alternate 1, offset 0, of a Photon with bootloader 11 that has never run firmware */
    static const uint8_t measured[32] = {
        0xC0, 0xAC, 0xDE, 0x1A, 0x0B, 0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
        0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x00, 0xFF, 0x00, 0x00,
        0x00, 0x0E, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
    };
    struct vp_backup_registers backup = {{0}};
    struct vp_system_flags flags;
    assert_false(vp_system_flags_load(&flags, VP_FLAGS_IN_DCT, flash, board, &backup));
    flags.bootloader_version = 11;
    flags.startup_mode = 0;
    flags.reset_cause = 0x0E000000;
    assert_int_equal(vp_system_flags_save(&flags, VP_FLAGS_IN_DCT, flash, board, &backup), 0);
    uint8_t stored[32];
    assert_int_equal(vp_dct_read(flash, board, 0, stored, sizeof stored), 0);
    assert_memory_equal(stored, measured, sizeof measured);
}

static void flags_in_backup_registers_leave_the_dct_alone(void **state)
{
    (void)state;
    struct vp_backup_registers backup = {{0}};
    struct vp_system_flags flags;
    assert_false(vp_system_flags_load(&flags, VP_FLAGS_IN_BACKUP_REGISTERS, flash, board, &backup));
    assert_int_equal(flags.startup_mode, 0xFF);
    flags.startup_mode = 1;
    assert_int_equal(
        vp_system_flags_save(&flags, VP_FLAGS_IN_BACKUP_REGISTERS, flash, board, &backup), 0);
    assert_int_equal(backup.dr[4], 0x1ADEACC0);
    assert_int_equal(backup.dr[8] >> 16 & 0xFF, 1); /* where a real bootloader puts it */
    assert_true(vp_system_flags_load(&flags, VP_FLAGS_IN_BACKUP_REGISTERS, flash, board, &backup));
    assert_int_equal(flags.startup_mode, 1);
    assert_int_equal(vp_flash_private_bytes(flash), 0);
}

/* ---- Pending modules --------------------------------------------------------------- */

static const struct vp_pending_module queued = {
    .source_device = VP_PENDING_INTERNAL,
    .destination_device = VP_PENDING_SERIAL,
    .source = 0x080C0000,
    .destination = 0x08020000,
    .length = 0x01020304,
    .function = VP_MODULE_SYSTEM,
    .flags = VP_PENDING_CHECK_ALL,
};

/* platform_flash_modules_t @ v0.7.0, the second of five from DCT offset 2852 on. */
static void a_pending_module_is_stored_byte_for_byte(void **state)
{
    (void)state;
    static const uint8_t stored[20] = {0xCD, 0xAB, 0,    1,    0,    0,    0x0C, 0x08, 0,    0,
                                       0x02, 0x08, 0x04, 0x03, 0x02, 0x01, 0x0E, 4,    0xFF, 0xFF};
    uint8_t bytes[20];
    assert_int_equal(vp_pending_add(flash, board, &queued), 1);
    assert_int_equal(vp_dct_read(flash, board, 2872, bytes, sizeof bytes), 0);
    assert_memory_equal(bytes, stored, sizeof stored);
    struct vp_pending_module back;
    assert_int_equal(vp_pending_read(flash, board, 1, &back), 0);
    assert_int_equal(back.magic, VP_PENDING_MODULE);
    assert_int_equal(back.source, queued.source);
    assert_int_equal(back.destination, queued.destination);
    assert_int_equal(back.length, queued.length);
    assert_int_equal(back.destination_device, VP_PENDING_SERIAL);
    assert_int_equal(back.function, VP_MODULE_SYSTEM);
}

static void pending_modules_fill_slots_one_to_four(void **state)
{
    (void)state;
    for (int slot = 1; slot < VP_PENDING_SLOTS; slot++) {
        assert_int_equal(vp_pending_add(flash, board, &queued), slot);
    }
    assert_int_equal(vp_pending_add(flash, board, &queued), VP_ERROR_BUSY);
    struct vp_pending_module factory;
    assert_int_equal(vp_pending_read(flash, board, VP_PENDING_FACTORY_SLOT, &factory), 0);
    assert_int_equal(factory.magic, VP_PENDING_FREE); /* untouched */
    assert_int_equal(vp_pending_free(flash, board, 3), 0);
    struct vp_pending_module freed;
    assert_int_equal(vp_pending_read(flash, board, 3, &freed), 0);
    assert_int_equal(freed.magic, VP_PENDING_FREE);
    assert_int_equal(freed.length, queued.length); /* the rest of it stays */
    assert_int_equal(vp_pending_add(flash, board, &queued), 3);
}

/* ---- The Electron's store ------------------------------------------------------------ */

static int set_up_electron(void **state)
{
    (void)state;
    board = vp_board_find(VP_PLATFORM_ELECTRON);
    return vp_flash_create(&flash, board->geometry);
}

static void assert_header(uint32_t address, const char *header)
{
    uint8_t bytes[8];
    assert_int_equal(vp_flash_read(flash, address, bytes, sizeof bytes), 0);
    assert_memory_equal(bytes, header, sizeof bytes);
}

#define VALID    "\x9a\x27\x1c\x1e\x00\x5e\xa1\xed"
#define CLEARED  "\x9a\x27\x1c\x1e\x00\x00\x00\x00"
#define GIVEN_UP "\x9a\x27\x1c\x1e\x00\x0c\xa0\x69"
#define ERASED   "\xff\xff\xff\xff\xff\xff\xff\xff"

/* As read back from real bootloaders 6 (first version) and 1004 (second). */
static void each_version_starts_its_own_sector(void **state)
{
    (void)state;
    assert_int_equal(vp_dct_prepare(flash, board, VP_DCT_CODE_1), 0);
    assert_header(0x08004000, VALID);
    assert_header(0x08008000, ERASED);
    assert_int_equal(vp_dct_write_as(flash, board, VP_DCT_CODE_1, 0, "abcd", 4), 0);
    assert_header(0x08004000, CLEARED);
    assert_header(0x08008000, VALID);
    vp_flash_erase(flash, 0x08004000);
    vp_flash_erase(flash, 0x08008000);
    assert_int_equal(vp_dct_prepare(flash, board, VP_DCT_CODE_2), 0);
    assert_header(0x08004000, ERASED);
    assert_header(0x08008000, VALID);
    assert_int_equal(vp_dct_write_as(flash, board, VP_DCT_CODE_2, 0, "abcd", 4), 0);
    assert_header(0x08004000, VALID);
    assert_header(0x08008000, GIVEN_UP);
}

static void each_version_reads_what_the_other_wrote(void **state)
{
    (void)state;
    static const enum vp_dct_version turns[] = {VP_DCT_CODE_1, VP_DCT_CODE_2, VP_DCT_CODE_2,
                                                VP_DCT_CODE_1, VP_DCT_CODE_1, VP_DCT_CODE_2};
    for (unsigned i = 0; i < sizeof turns / sizeof *turns; i++) {
        char text[8], back[8] = "";
        snprintf(text, sizeof text, "turn %u", i);
        assert_int_equal(vp_dct_write_as(flash, board, turns[i], 34 + 8 * i, text, 8), 0);
        for (unsigned j = 0; j <= i; j++) {
            snprintf(text, sizeof text, "turn %u", j);
            assert_int_equal(vp_dct_read_as(flash, board, VP_DCT_CODE_1, 34 + 8 * j, back, 8), 0);
            assert_string_equal(back, text);
            assert_int_equal(vp_dct_read_as(flash, board, VP_DCT_CODE_2, 34 + 8 * j, back, 8), 0);
            assert_string_equal(back, text);
            assert_int_equal(vp_dct_read(flash, board, 34 + 8 * j, back, 8), 0);
            assert_string_equal(back, text);
        }
    }
}

/* Whatever is cut, the second version finds either the old text or the new one. */
static void a_cut_write_leaves_old_or_new(void **state)
{
    (void)state;
    for (uint64_t at = 0;; at += at < 4090 ? 455 : 1) {
        set_up_electron(NULL);
        assert_int_equal(vp_dct_write_as(flash, board, VP_DCT_CODE_2, 100, "old", 3), 0);
        assert_int_equal(vp_dct_write_as(flash, board, VP_DCT_CODE_2, 100, "mid", 3), 0);
        struct cut cut = {.at = vp_flash_operations(flash) + at};
        vp_flash_set_hook(flash, cut_operation, &cut);
        const int error = vp_dct_write_as(flash, board, VP_DCT_CODE_2, 100, "new", 3);
        vp_flash_set_hook(flash, NULL, NULL);
        char text[4] = "";
        assert_int_equal(vp_dct_read_as(flash, board, VP_DCT_CODE_2, 100, text, 3), 0);
        if (strcmp(text, "mid") != 0 && strcmp(text, "new") != 0) {
            fail_msg("cut at %u: '%s'", (unsigned)at, text);
        }
        const bool fired = cut.fired > 0;
        if (!fired) {
            assert_int_equal(error, 0);
            break; /* past the last operation */
        }
        vp_flash_destroy(flash);
    }
}

static void the_electrons_store_has_its_limits(void **state)
{
    (void)state;
    const uint32_t room1 = 0x4000 - 8, room2 = room1 - 32;
    assert_int_equal(vp_dct_write_as(flash, board, VP_DCT_CODE_1, room1 - 1, "ab", 2),
                     VP_ERROR_RANGE);
    assert_int_equal(vp_dct_write_as(flash, board, VP_DCT_CODE_1, room1 - 2, "ab", 2), 0);
    uint8_t zeros[20];
    assert_int_equal(vp_dct_zero(flash, board, VP_DCT_CODE_1, 100, sizeof zeros), 0);
    assert_int_equal(vp_dct_read(flash, board, 100, zeros, sizeof zeros), 0);
    assert_int_equal(zeros[0] | zeros[19], 0);
    assert_int_equal(vp_dct_write_as(flash, board, VP_DCT_CODE_2, room2 - 1, "ab", 2),
                     VP_ERROR_RANGE);
    assert_int_equal(vp_dct_write_as(flash, board, VP_DCT_CODE_2, 0xFFFFFFFF, "ab", 2),
                     VP_ERROR_RANGE);
    assert_int_equal(vp_dct_write_as(flash, board, VP_DCT_CODE_2, room2 - 2, "ab", 2), 0);
}

static void the_core_has_no_dct(void **state)
{
    (void)state;
    const struct vp_board *core = vp_board_find(VP_PLATFORM_CORE);
    uint8_t byte;
    assert_int_equal(vp_dct_read(flash, core, 0, &byte, 1), VP_ERROR_UNSUPPORTED);
    assert_int_equal(vp_dct_write(flash, core, 0, &byte, 1), VP_ERROR_UNSUPPORTED);
    assert_int_equal(vp_dct_zero(flash, core, VP_DCT_CODE_ANY, 0, 1), VP_ERROR_UNSUPPORTED);
}

/* Bootloaders 3 to 11 clear bits where they stand. */
static void old_code_writes_in_place_while_it_can(void **state)
{
    (void)state;
    assert_int_equal(vp_dct_write_as(flash, board, VP_DCT_CODE_1, 0, "\xF0\xF0", 2), 0);
    assert_int_equal(vp_dct_write_as(flash, board, VP_DCT_CODE_1, 0, "\x10\x20", 2), 0);
    uint8_t byte;
    vp_flash_read(flash, 0x08008000 + 9, &byte, 1);
    assert_int_equal(byte, 0xFF); /* the other copy was not needed */
    assert_int_equal(vp_dct_write_as(flash, board, VP_DCT_CODE_1, 0, "\x30", 1), 0);
    vp_flash_read(flash, 0x08008000 + 9, &byte, 1);
    assert_int_equal(byte, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reads_as_erased_before_the_first_write, set_up, tear_down),
        cmocka_unit_test_setup_teardown(first_write_leaves_the_measured_header, set_up, tear_down),
        cmocka_unit_test_setup_teardown(copies_alternate_and_keep_the_rest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_what_leaves_the_copy, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_cut_write_leaves_one_whole_copy, set_up, tear_down),
        cmocka_unit_test_setup_teardown(flags_are_stored_as_measured, set_up, tear_down),
        cmocka_unit_test_setup_teardown(flags_in_backup_registers_leave_the_dct_alone, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_pending_module_is_stored_byte_for_byte, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(pending_modules_fill_slots_one_to_four, set_up, tear_down),
        cmocka_unit_test_setup_teardown(old_code_writes_in_place_while_it_can, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_core_has_no_dct, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_version_starts_its_own_sector, set_up_electron,
                                        tear_down),
        cmocka_unit_test_setup_teardown(each_version_reads_what_the_other_wrote, set_up_electron,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_electrons_store_has_its_limits, set_up_electron,
                                        tear_down),
        cmocka_unit_test_teardown(a_cut_write_leaves_old_or_new, tear_down),
    };
    return cmocka_run_group_tests_name("dct", tests, NULL, NULL);
}
