#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "boot/boot.h"
#include "dct/dct.h"
#include "vparticle/forge.h"

struct chip {
    struct vp_flash *flash;
    struct vp_backup_registers backup;
    struct vp_boot boot;
};

/* A chip with a release, after the first things of a boot. */
static struct chip *start(const char *release, uint16_t bootloader)
{
    static struct chip chip;
    const struct vp_board *board = vp_board_find(VP_PLATFORM_PHOTON);
    memset(&chip, 0, sizeof chip);
    assert_int_equal(vp_flash_create(&chip.flash, board->geometry), 0);
    chip.backup.dr[1] = VP_BOOT_REQUEST_NONE;
    const int error =
        release
            ? vp_module_install_release(chip.flash, VP_PLATFORM_PHOTON, release, bootloader, NULL)
            : vp_module_install_bootloader(chip.flash, VP_PLATFORM_PHOTON, bootloader, NULL);
    assert_int_equal(error, 0);
    chip.boot = (struct vp_boot){.board = board, .flash = chip.flash, .backup = &chip.backup};
    assert_int_equal(vp_boot_begin(&chip.boot, VP_RESET_POWER), 0);
    return &chip;
}

static void end(struct chip *chip)
{
    vp_flash_destroy(chip->flash);
}

static uint8_t startup_mode(const struct chip *chip)
{
    struct vp_system_flags flags;
    vp_system_flags_load(&flags, chip->boot.generation->flags_store, chip->flash, chip->boot.board,
                         &chip->backup);
    return flags.startup_mode;
}

static void erased_flash_goes_to_dfu(void **state)
{
    (void)state;
    static const uint16_t versions[] = {3, 4, 7, 9, 11, 100, 101, 201, 501, 1006};
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
        struct chip *chip = start(NULL, versions[i]);
        assert_int_equal(chip->boot.version, versions[i]);
        assert_int_equal(vp_boot_decide(&chip->boot, 0), VP_BOOT_DFU);
        end(chip);
    }
}

static void an_application_is_jumped_to(void **state)
{
    (void)state;
    struct chip *chip = start("0.6.3", 0);
    assert_int_equal(chip->boot.version, 11);
    assert_int_equal(vp_boot_decide(&chip->boot, 0), VP_BOOT_APPLICATION);
    assert_int_equal(chip->backup.dr[1], 1); /* counts a start that has not succeeded yet */
    end(chip);
}

/* Each part of the check broken in turn. */
static void only_the_first_parts_header_is_checked(void **state)
{
    (void)state;
    static const struct {
        uint32_t offset;
        uint8_t size;
    } fields[] = {{0, 4}, {4, 4}, {12, 2}}; /* start, end, platform */
    for (size_t i = 0; i < 3; i++) {
        struct chip *chip = start("0.6.3", 0);
        const uint8_t zeros[4] = {0};
        uint32_t address = 0x08020184 + fields[i].offset;
        if (i == 1) { /* an end behind the chip cannot be had by clearing bits */
            uint8_t sector[0x200];
            vp_flash_read(chip->flash, 0x08020000, sector, sizeof sector);
            sector[0x187 + 4] = 0x09;
            vp_flash_erase(chip->flash, 0x08020000);
            vp_flash_program(chip->flash, 0x08020000, sector, sizeof sector);
        } else {
            vp_flash_program(chip->flash, address, zeros, fields[i].size);
        }
        assert_int_equal(vp_boot_decide(&chip->boot, 0), VP_BOOT_DFU);
        end(chip);
    }
    struct chip *chip = start("0.6.3", 0);
    vp_flash_program(chip->flash, 0x08030000, "\0\0\0\0", 4); /* its CRC is wrong now */
    vp_flash_erase(chip->flash, 0x08060000);                  /* part 2 is gone */
    assert_int_equal(vp_boot_decide(&chip->boot, 0), VP_BOOT_APPLICATION);
    end(chip);
}

static void the_button_chooses_by_time(void **state)
{
    (void)state;
    static const struct {
        uint32_t held;
        enum vp_boot_decision decision;
        uint8_t startup_mode;
    } cases[] = {
        {999, VP_BOOT_APPLICATION, 0},
        {1000, VP_BOOT_APPLICATION, 1},
        {2999, VP_BOOT_APPLICATION, 1},
        {3000, VP_BOOT_DFU, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct chip *chip = start("1.0.0", 0);
        assert_int_equal(vp_boot_decide(&chip->boot, cases[i].held), cases[i].decision);
        assert_int_equal(startup_mode(chip), cases[i].startup_mode);
        end(chip);
    }
}

static void a_request_is_taken_once(void **state)
{
    (void)state;
    struct chip *chip = start("0.6.3", 0);
    chip->backup.dr[1] = VP_BOOT_REQUEST_DFU;
    assert_int_equal(vp_boot_decide(&chip->boot, 0), VP_BOOT_DFU);
    assert_int_equal(chip->backup.dr[1], 0xFFFF);
    assert_int_equal(vp_boot_decide(&chip->boot, 0), VP_BOOT_APPLICATION);
    chip->backup.dr[1] = VP_BOOT_REQUEST_SAFE_MODE;
    assert_int_equal(vp_boot_decide(&chip->boot, 0), VP_BOOT_APPLICATION);
    assert_int_equal(startup_mode(chip), 1);
    assert_int_equal(vp_boot_begin(&chip->boot, VP_RESET_PIN), 0);
    assert_int_equal(startup_mode(chip), 0);
    chip->backup.dr[10] = 0x5555; /* ignored on this processor */
    assert_int_equal(vp_boot_decide(&chip->boot, 0), VP_BOOT_APPLICATION);
    end(chip);
}

static void flags_are_where_the_generation_has_them(void **state)
{
    (void)state;
    uint8_t magic[4];
    struct chip *old = start(NULL, 11);
    assert_int_equal(vp_dct_read(old->flash, old->boot.board, 0, magic, 4), 0);
    assert_memory_equal(magic, "\xC0\xAC\xDE\x1A", 4);
    assert_int_equal(old->backup.dr[4], 0);
    end(old);
    struct chip *new = start(NULL, 101);
    assert_int_equal(vp_dct_read(new->flash, new->boot.board, 0, magic, 4), 0);
    assert_memory_equal(magic, "\xFF\xFF\xFF\xFF", 4);
    assert_int_equal(new->backup.dr[4], 0x1ADEACC0);
    end(new);
}

static void leaving_dfu_marks_the_update(void **state)
{
    (void)state;
    struct chip *chip = start("1.0.0", 0);
    assert_int_equal(vp_boot_finish_update(&chip->boot), 0);
    assert_int_equal(chip->backup.dr[10], 0x5000);
    struct vp_system_flags flags;
    vp_system_flags_load(&flags, VP_FLAGS_IN_BACKUP_REGISTERS, chip->flash, chip->boot.board,
                         &chip->backup);
    assert_int_equal(flags.iwdg_enable, 0xD001);
    assert_int_equal(flags.ota_update, 0x5000);
    end(chip);
}

static void no_bootloader_is_told(void **state)
{
    (void)state;
    struct chip *chip = start(NULL, 11);
    vp_flash_erase(chip->flash, 0x08000000);
    assert_int_equal(vp_boot_begin(&chip->boot, VP_RESET_PIN), VP_ERROR_NOT_FOUND);
    end(chip);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(erased_flash_goes_to_dfu),
        cmocka_unit_test(an_application_is_jumped_to),
        cmocka_unit_test(only_the_first_parts_header_is_checked),
        cmocka_unit_test(the_button_chooses_by_time),
        cmocka_unit_test(a_request_is_taken_once),
        cmocka_unit_test(flags_are_where_the_generation_has_them),
        cmocka_unit_test(leaving_dfu_marks_the_update),
        cmocka_unit_test(no_bootloader_is_told),
    };
    return cmocka_run_group_tests_name("boot", tests, NULL, NULL);
}
