#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "device/device_private.h"
#include "support/system_chip.h"

static void each_generation_has_its_rule(void **state)
{
    (void)state;
    static const struct {
        enum vp_platform platform;
        const char *release;
        uint16_t before, after;
        bool resets;
    } cases[] = {
        /* older ones are replaced, and nothing more */
        {VP_PLATFORM_PHOTON, "0.4.6", 3, 4, false},
        {VP_PLATFORM_P1, "0.4.6", 3, 5, false},
        {VP_PLATFORM_PHOTON, "0.4.9", 7, 7, false},
        {VP_PLATFORM_PHOTON, "0.5.2", 4, 7, false},
        {VP_PLATFORM_PHOTON, "0.5.2", 11, 11, false},
        {VP_PLATFORM_PHOTON, "0.5.2", 101, 101, false},
        /* back from 0.7.0 by 0.5.5, on Photon and P1 */
        {VP_PLATFORM_PHOTON, "0.5.5", 4, 7, true},
        {VP_PLATFORM_PHOTON, "0.5.5", 11, 11, false},
        {VP_PLATFORM_PHOTON, "0.5.5", 101, 7, true},
        {VP_PLATFORM_P1, "0.5.5", 101, 7, true},
        {VP_PLATFORM_PHOTON, "0.6.0", 101, 101, false},
        {VP_PLATFORM_PHOTON, "0.6.1", 7, 11, false},
        {VP_PLATFORM_PHOTON, "0.6.2", 101, 101, false},
        /* back by 0.6.3 */
        {VP_PLATFORM_PHOTON, "0.6.3", 7, 11, true},
        {VP_PLATFORM_PHOTON, "0.6.3", 101, 11, true},
        {VP_PLATFORM_P1, "0.6.3", 501, 11, true},
        /* none is carried any more */
        {VP_PLATFORM_PHOTON, "0.7.0", 11, 11, false},
        {VP_PLATFORM_PHOTON, "2.2.0", 11, 11, false},
        /* the Electron: 0.5.0 to 0.6.0 have no such code */
        {VP_PLATFORM_ELECTRON, "0.4.8-rc.6", 4, 6, false},
        {VP_PLATFORM_ELECTRON, "0.5.5", 4, 4, false},
        {VP_PLATFORM_ELECTRON, "0.5.5", 101, 101, false},
        {VP_PLATFORM_ELECTRON, "0.6.1", 4, 11, false},
        {VP_PLATFORM_ELECTRON, "0.6.3", 101, 11, true},
        {VP_PLATFORM_ELECTRON, "0.6.4", 101, 11, true},
        {VP_PLATFORM_ELECTRON, "0.7.0", 11, 101, false},
        {VP_PLATFORM_ELECTRON, "1.0.1", 11, 201, true},
        {VP_PLATFORM_ELECTRON, "1.5.0", 11, 400, true},
        {VP_PLATFORM_ELECTRON, "1.5.0", 501, 501, false},
        {VP_PLATFORM_ELECTRON, "2.2.0", 11, 1004, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct chip chip;
        chip_make(&chip, cases[i].platform, cases[i].release, cases[i].before);
        const enum vp_system_state outcome = chip_start(&chip);
        if (chip_bootloader(&chip) != cases[i].after ||
            (outcome == VP_SYSTEM_RESETTING) != cases[i].resets) {
            fail_msg("%s with %u: state %d, bootloader %u", cases[i].release, cases[i].before,
                     (int)outcome, chip_bootloader(&chip));
        }
        if (cases[i].resets) {
            chip_write_flags(&chip, 0);
            assert_int_equal(chip_start(&chip), VP_SYSTEM_NORMAL);
        }
        chip_free(&chip);
    }
}

/* Index 3 of 0.7.0 carries 101, index 2 of 0.6.3 takes any such for one from the future. */
static void an_electron_can_install_for_ever(void **state)
{
    (void)state;
    struct chip chip;
    chip_make(&chip, VP_PLATFORM_ELECTRON, "0.6.3", 0);
    chip_install(&chip, "system-part1@0.7.0");
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(chip_start(&chip), VP_SYSTEM_RESETTING);
        assert_int_equal(chip_bootloader(&chip), 101);
        chip_write_flags(&chip, 0);
    }
    chip_free(&chip);
    /* 0.6.4 knows better */
    chip_make(&chip, VP_PLATFORM_ELECTRON, "0.6.4", 0);
    chip_install(&chip, "system-part1@0.7.0");
    assert_int_equal(chip_start(&chip), VP_SYSTEM_NORMAL);
    assert_int_equal(chip_bootloader(&chip), 11);
    chip_free(&chip);
}

/* To whoever looks at the device it never gets anywhere. */
static void the_device_is_in_a_loop(void **state)
{
    (void)state;
    struct chip chip;
    struct vp_device *device;
    chip_make(&chip, VP_PLATFORM_ELECTRON, "0.6.3", 0);
    chip_install(&chip, "system-part1@0.7.0");
    const struct vp_device_parts parts = {
        .board = chip.board,
        .flash = chip.flash, /* the device's from here on */
        .request = 0xFFFF,
    };
    assert_int_equal(vp_device_create(&device, &parts), 0);
    assert_int_equal(vp_device_mode(device), VP_MODE_LOOP);
    vp_device_reset(device);
    assert_int_equal(vp_device_mode(device), VP_MODE_LOOP);
    vp_device_destroy(device);
}

/* With the image in the part spoilt, the catalogue knows what it was. */
static void the_catalogue_helps_out(void **state)
{
    (void)state;
    struct chip chip;
    chip_make(&chip, VP_PLATFORM_PHOTON, "0.6.2", 7);
    const struct vp_catalogue_module *row;
    uint8_t *image;
    size_t size;
    assert_int_equal(vp_forge_find(VP_PLATFORM_PHOTON, "system-part2@0.6.2", &row, NULL), 0);
    struct vp_catalogue_module bare = *row;
    bare.embedded_bootloader = VP_EMBEDDED_UNKNOWN;
    assert_int_equal(vp_forge_catalogue_module(&bare, &image, &size), 0);
    chip_program(&chip, row->address, image, size);
    free(image);
    assert_int_equal(chip_start(&chip), VP_SYSTEM_NORMAL);
    assert_int_equal(chip_bootloader(&chip), 11);
    chip_free(&chip);
}

/* @return a file's bytes, or NULL if it is not there */
static uint8_t *load(const char *name, size_t *size)
{
    char path[512];
    snprintf(path, sizeof path, VP_FIRMWARE_FOLDER "/%s", name);
    FILE *file = fopen(path, "rb");
    if (!file) {
        return NULL;
    }
    uint8_t *bytes = malloc(0x100000);
    *size = fread(bytes, 1, 0x100000, file);
    fclose(file);
    return bytes;
}

/* The bootloader that a real image carries is cut out of it, byte by byte. */
static void a_real_part_gives_its_own(void **state)
{
    (void)state;
    static const struct {
        enum vp_platform platform;
        const char *release, *files[3];
        uint16_t bootloader;
    } cases[] = {
        {VP_PLATFORM_PHOTON,
         "0.5.2",
         {"0.5.2/photon-system-part1-0.5.2.bin", "0.5.2/photon-system-part2-0.5.2.bin"},
         7},
        {VP_PLATFORM_P1,
         "0.5.2",
         {"0.5.2/p1-system-part1-0.5.2.bin", "0.5.2/p1-system-part2-0.5.2.bin"},
         7},
        {VP_PLATFORM_ELECTRON,
         "1.5.0",
         {"1.5.0/electron-system-part1-1.5.0.bin", "1.5.0/electron-system-part2-1.5.0.bin",
          "1.5.0/electron-system-part3-1.5.0.bin"},
         400},
    };
    unsigned seen = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct chip chip;
        chip_make(&chip, cases[i].platform, cases[i].release, 4);
        unsigned found = 0, wanted = 0;
        for (unsigned n = 0; n < 3 && cases[i].files[n]; n++, wanted++) {
            size_t size;
            struct vp_module module;
            uint8_t *bytes = load(cases[i].files[n], &size);
            if (bytes) {
                assert_int_equal(vp_module_parse(bytes, size, &module, NULL), 0);
                chip_program(&chip, module.start, bytes, size);
                found++;
            }
            free(bytes);
        }
        if (found == wanted) {
            struct vp_module module;
            size_t forged_size;
            char name[32];
            seen++;
            chip_start(&chip);
            assert_int_equal(chip_bootloader(&chip), cases[i].bootloader);
            assert_int_equal(vp_module_parse_flash(chip.flash, 0x08000000, &module, NULL), 0);
            assert_int_equal(vp_module_integrity_flash(chip.flash, 0x08000000, &module),
                             VP_CHECK_INTEGRITY | VP_CHECK_SHA256);
            snprintf(name, sizeof name, "bootloader@%u", cases[i].bootloader);
            uint8_t *forged = chip_forge(cases[i].platform, name, &forged_size);
            uint8_t installed[0x180];
            vp_flash_read(chip.flash, 0x08000000 + 0x1000, installed, sizeof installed);
            assert_memory_not_equal(installed, forged + 0x1000, sizeof installed);
            free(forged);
        }
        chip_free(&chip);
    }
    if (seen == 0) {
        skip();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_generation_has_its_rule),
        cmocka_unit_test(an_electron_can_install_for_ever),
        cmocka_unit_test(the_device_is_in_a_loop),
        cmocka_unit_test(the_catalogue_helps_out),
        cmocka_unit_test(a_real_part_gives_its_own),
    };
    return cmocka_run_group_tests_name("self_install", tests, NULL, NULL);
}
