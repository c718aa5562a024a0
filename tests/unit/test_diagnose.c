/* Diagnoses: of states that are made here, with the cures that an emulated device confirms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "diagnose/diagnose.h"
#include "vparticle/forge.h"

static struct vp_flash *flash_with(enum vp_platform platform, const char *release,
                                   uint16_t bootloader)
{
    struct vp_flash *flash;
    assert_int_equal(vp_flash_create(&flash, &vp_flash_stm32f205), 0);
    assert_int_equal(vp_module_install_release(flash, platform, release, bootloader, NULL), 0);
    return flash;
}

static void put(struct vp_flash *flash, enum vp_platform platform, const char *what)
{
    const struct vp_catalogue_module *row;
    uint8_t *image;
    size_t size;
    assert_int_equal(vp_forge_find(platform, what, &row, NULL), 0);
    assert_int_equal(vp_forge_catalogue_module(row, &image, &size), 0);
    assert_int_equal(vp_flash_erase_range(flash, row->address, (uint32_t)size), 0);
    assert_int_equal(vp_flash_program(flash, row->address, image, size), 0);
    free(image);
}

static struct vp_diagnosis diagnose(struct vp_flash *flash, enum vp_platform platform)
{
    struct vp_diagnosis diagnosis;
    assert_int_equal(vp_diagnose(flash, platform, &diagnosis), 0);
    vp_flash_destroy(flash);
    return diagnosis;
}

static void says(const struct vp_diagnosis *diagnosis, const char *what)
{
    for (unsigned i = 0; i < diagnosis->findings.count; i++) {
        if (strstr(diagnosis->findings.lines[i], what)) {
            return;
        }
    }
    fail_msg("nothing says '%s'; the first of %u is '%s'", what, diagnosis->findings.count,
             diagnosis->findings.count ? diagnosis->findings.lines[0] : "");
}

static void a_whole_device_has_nothing(void **state)
{
    (void)state;
    const struct vp_diagnosis found =
        diagnose(flash_with(VP_PLATFORM_PHOTON, "0.6.3", 0), VP_PLATFORM_PHOTON);
    assert_int_equal(found.mode, VP_MODE_NORMAL);
    assert_int_equal(found.findings.count, 0);
    assert_int_equal(found.cure_count, 0);
}

static void an_old_bootloader_is_found_and_renewed(void **state)
{
    (void)state;
    const struct vp_diagnosis found =
        diagnose(flash_with(VP_PLATFORM_P1, "0.7.0", 11), VP_PLATFORM_P1);
    assert_int_equal(found.mode, VP_MODE_SAFE);
    says(&found, "system part 2 (version 207) needs the bootloader in at least version 101, and 11 "
                 "is there");
    assert_true(found.cure_count > 0);
    assert_int_equal(found.cures[0].count, 1);
    assert_int_equal(found.cures[0].steps[0]->function, VP_MODULE_BOOTLOADER);
    assert_int_equal(found.cures[0].steps[0]->version, 101);
}

static void an_application_for_a_newer_system_gets_it(void **state)
{
    (void)state;
    struct vp_flash *flash = flash_with(VP_PLATFORM_PHOTON, "0.5.2", 0);
    const struct vp_module_recipe recipe = {
        .platform = VP_PLATFORM_PHOTON,
        .version = 5,
        .function = VP_MODULE_USER,
        .index = 1,
        .dependencies = {{VP_MODULE_SYSTEM, 2, 207}},
        .address = 0x080A0000,
        .size = 4096,
    };
    uint8_t *image;
    size_t size;
    assert_int_equal(vp_forge_module(&recipe, &image, &size), 0);
    vp_flash_erase(flash, 0x080A0000);
    assert_int_equal(vp_flash_program(flash, 0x080A0000, image, size), 0);
    free(image);
    const struct vp_diagnosis found = diagnose(flash, VP_PLATFORM_PHOTON);
    assert_int_equal(found.mode, VP_MODE_SAFE);
    says(&found, "the application (version 5) needs system part 2 in at least version 207 (0.7.0), "
                 "and 17 (0.5.2) is there");
    assert_true(found.cure_count > 0);
    assert_int_equal(found.cures[0].count, 3); /* both parts, and the bootloader that 0.7.0 needs */
    assert_string_equal(found.cures[0].steps[0]->part, "system-part1");
    assert_int_equal(found.cures[0].steps[2]->version, 101);
}

static void damage_is_repaired(void **state)
{
    (void)state;
    struct vp_flash *flash = flash_with(VP_PLATFORM_PHOTON, "0.6.3", 0);
    vp_flash_program(flash, 0x08030000, "\0\0\0\0\0\0\0\0", 8);
    const struct vp_diagnosis found = diagnose(flash, VP_PLATFORM_PHOTON);
    assert_int_equal(found.mode, VP_MODE_DEAD);
    says(&found, "system part 1 (version 109) is damaged");
    assert_true(found.cure_count > 0);
    assert_int_equal(found.cures[0].count, 1);
    assert_int_equal(found.cures[0].steps[0]->version, 109);
}

static void an_erased_first_part_means_dfu(void **state)
{
    (void)state;
    struct vp_flash *flash = flash_with(VP_PLATFORM_PHOTON, "0.6.3", 0);
    vp_flash_erase(flash, 0x08020000);
    vp_flash_erase(flash, 0x08040000);
    const struct vp_diagnosis found = diagnose(flash, VP_PLATFORM_PHOTON);
    assert_int_equal(found.mode, VP_MODE_DFU);
    says(&found, "system part 1 is missing");
    assert_true(found.cure_count > 0);
}

static void a_missing_application_is_told(void **state)
{
    (void)state;
    struct vp_flash *flash = flash_with(VP_PLATFORM_PHOTON, "1.5.0", 0);
    vp_flash_erase(flash, 0x080A0000);
    const struct vp_diagnosis found = diagnose(flash, VP_PLATFORM_PHOTON);
    assert_int_equal(found.mode, VP_MODE_SAFE);
    says(&found, "the application is missing");
    assert_true(found.cure_count > 0);
    assert_int_equal(found.cures[0].count, 1);
    assert_int_equal(found.cures[0].steps[0]->function, VP_MODULE_USER);
}

/* Parts of 0.7.0 under one of 0.6.3: the older one installs what it finds, over and over. */
static void an_endless_loop_is_found(void **state)
{
    (void)state;
    struct vp_flash *flash = flash_with(VP_PLATFORM_ELECTRON, "0.6.3", 0);
    put(flash, VP_PLATFORM_ELECTRON, "system-part1@0.7.0");
    const struct vp_diagnosis found = diagnose(flash, VP_PLATFORM_ELECTRON);
    assert_int_equal(found.mode, VP_MODE_LOOP);
    says(&found, "system part 3 (version 207) needs system part 2 in at least version 110 (0.6.4)");
    assert_true(found.cure_count > 0);
}

/* Over serial only a system that runs can be flashed, and DFU mode is left for good. */
static void what_goes_over_serial_comes_last(void **state)
{
    (void)state;
    struct vp_flash *flash = flash_with(VP_PLATFORM_PHOTON, "0.7.0", 11);
    vp_flash_program(flash, 0x080A0800, "\0\0\0\0", 4);
    const struct vp_diagnosis found = diagnose(flash, VP_PLATFORM_PHOTON);
    says(&found, "the application (version 5) is damaged");
    assert_true(found.cure_count > 0);
    assert_int_equal(found.cures[0].count, 2); /* not the system parts, which are whole */
    assert_int_equal(vp_step_mode(found.cures[0].steps[0]), VP_MODE_DFU);
    assert_string_equal(found.cures[0].steps[0]->part, "tinker");
    assert_int_equal(vp_step_mode(found.cures[0].steps[1]), VP_MODE_LISTENING);
    assert_int_equal(found.cures[0].steps[1]->version, 101);
}

/* Without a bootloader nothing starts, so nothing can be flashed. */
static void nothing_that_cannot_be_done_is_proposed(void **state)
{
    (void)state;
    struct vp_flash *flash = flash_with(VP_PLATFORM_PHOTON, "0.7.0", 0);
    vp_flash_erase(flash, 0x08000000);
    const struct vp_diagnosis found = diagnose(flash, VP_PLATFORM_PHOTON);
    assert_int_equal(found.mode, VP_MODE_DEAD);
    says(&found, "the bootloader is missing");
    assert_int_equal(found.cure_count, 0);
}

/* device-os: bootloaders from 100 on keep the flags in backup registers, systems up to 0.6.x in the
 * DCT. */
static void an_old_system_under_a_new_bootloader_is_found(void **state)
{
    (void)state;
    static const struct {
        enum vp_platform platform;
        const char *release, *says;
        uint16_t bootloader, own;
    } cases[] = {
        {VP_PLATFORM_PHOTON, "0.6.2", "version 108 (0.6.2)", 101, 11},
        {VP_PLATFORM_P1, "0.5.2", "version 17 (0.5.2)", 100, 7},
        {VP_PLATFORM_ELECTRON, "0.6.2", "version 108 (0.6.2)", 101, 11},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct vp_diagnosis found =
            diagnose(flash_with(cases[i].platform, cases[i].release, cases[i].bootloader),
                     cases[i].platform);
        assert_int_equal(found.mode, VP_MODE_SAFE);
        assert_int_equal(found.findings.count, 1);
        says(&found, "is too new for the system, ");
        says(&found, cases[i].says);
        assert_int_equal(found.cure_count, 2);
        assert_int_equal(found.cures[0].count, 1);
        assert_int_equal(found.cures[0].steps[0]->function, VP_MODULE_BOOTLOADER);
        assert_int_equal(found.cures[0].steps[0]->version, cases[i].own);
        assert_int_equal(found.cures[1].steps[0]->function, VP_MODULE_SYSTEM);
    }
}

/* 0.6.3 puts its own bootloader in the place of one from 0.7.0 or later. */
static void a_system_that_brings_its_bootloader_has_nothing(void **state)
{
    (void)state;
    const struct vp_diagnosis found =
        diagnose(flash_with(VP_PLATFORM_PHOTON, "0.6.3", 101), VP_PLATFORM_PHOTON);
    assert_int_equal(found.mode, VP_MODE_NORMAL);
    assert_int_equal(found.findings.count, 0);
}

/* Two reasons at once, and both have to go. */
static void a_damaged_application_under_a_new_bootloader(void **state)
{
    (void)state;
    struct vp_flash *flash = flash_with(VP_PLATFORM_PHOTON, "0.6.2", 101);
    vp_flash_program(flash, 0x080A0800, "\0\0\0\0", 4);
    const struct vp_diagnosis found = diagnose(flash, VP_PLATFORM_PHOTON);
    assert_int_equal(found.findings.count, 2);
    says(&found, "is damaged");
    says(&found, "is too new for the system");
    assert_int_equal(found.cure_count, 1);
    assert_int_equal(found.cures[0].count, 2);
    assert_int_equal(found.cures[0].steps[0]->function, VP_MODULE_USER);
    assert_int_equal(found.cures[0].steps[1]->version, 11);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_device_has_nothing),
        cmocka_unit_test(an_old_bootloader_is_found_and_renewed),
        cmocka_unit_test(an_application_for_a_newer_system_gets_it),
        cmocka_unit_test(damage_is_repaired),
        cmocka_unit_test(an_erased_first_part_means_dfu),
        cmocka_unit_test(a_missing_application_is_told),
        cmocka_unit_test(an_endless_loop_is_found),
        cmocka_unit_test(what_goes_over_serial_comes_last),
        cmocka_unit_test(an_old_system_under_a_new_bootloader_is_found),
        cmocka_unit_test(a_system_that_brings_its_bootloader_has_nothing),
        cmocka_unit_test(a_damaged_application_under_a_new_bootloader),
        cmocka_unit_test(nothing_that_cannot_be_done_is_proposed),
    };
    return cmocka_run_group_tests_name("diagnose", tests, NULL, NULL);
}
