#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/system_chip.h"
#include "system/describe/describe.h"

/* The SHA-256 of an application as the description has it. */
static const char *sha256_text(const struct chip *chip, uint32_t address)
{
    static char text[65];
    struct vp_module module;
    assert_int_equal(vp_module_parse_flash(chip->flash, address, &module, NULL), 0);
    for (unsigned i = 0; i < 32; i++) {
        snprintf(text + 2 * i, 3, "%02X", module.sha256[i]);
    }
    return text;
}

/* @p expected has one %s for the SHA-256 of the application at @p user. */
static void expect(struct chip *chip, uint32_t user, const char *expected)
{
    char wanted[4096];
    const char *hole = strstr(expected, "%s");
    snprintf(wanted, sizeof wanted, "%.*s%s%s", hole ? (int)(hole - expected) : 0, expected,
             hole ? sha256_text(chip, user) : "", hole ? hole + 2 : expected);
    char *text = vp_system_describe(&chip->system);
    assert_non_null(text);
    assert_string_equal(text, wanted);
    free(text);
}

/*
 * The form of a description that a Photon's owner published: parts of 0.6.0-rc.1 with an
 * application that wants 108.
 */
static void a_photon_of_the_field(void **state)
{
    (void)state;
    struct chip chip;
    chip_make(&chip, VP_PLATFORM_PHOTON, "0.6.0-rc.1", 0);
    const struct vp_module_recipe recipe = {
        .platform = VP_PLATFORM_PHOTON,
        .version = 4,
        .function = VP_MODULE_USER,
        .index = 1,
        .dependencies = {{VP_MODULE_SYSTEM, 2, 108}},
        .address = 0x080A0000,
        .size = 4096,
    };
    uint8_t *image;
    size_t size;
    assert_int_equal(vp_forge_module(&recipe, &image, &size), 0);
    chip_program(&chip, recipe.address, image, size);
    free(image);
    assert_int_equal(chip_start(&chip), VP_SYSTEM_SAFE);
    expect(
        &chip, 0x080A0000,
        "{\"p\":6,\"m\":[{\"s\":16384,\"l\":\"m\",\"vc\":30,\"vv\":30,\"f\":\"b\",\"n\":\"0\","
        "\"v\":7,\"d\":[]},{\"s\":262144,\"l\":\"m\",\"vc\":30,\"vv\":30,\"f\":\"s\",\"n\":\"1\","
        "\"v\":100,\"d\":[]},{\"s\":262144,\"l\":\"m\",\"vc\":30,\"vv\":30,\"f\":\"s\","
        "\"n\":\"2\",\"v\":100,\"d\":[{\"f\":\"s\",\"n\":\"1\",\"v\":100,\"_\":\"\"}]},"
        "{\"s\":131072,\"l\":\"m\",\"vc\":30,\"vv\":26,\"u\":\"%s\",\"f\":\"u\",\"n\":\"1\","
        "\"v\":4,\"d\":[{\"f\":\"s\",\"n\":\"2\",\"v\":108,\"_\":\"\"}]},"
        "{\"s\":131072,\"l\":\"f\",\"vc\":30,\"vv\":0,\"d\":[]}]}");
    chip_free(&chip);
}

/* The sample in Particle's own documentation of the 's' command: a Photon with 0.4.6 and tinker. */
static void a_photon_of_the_documentation(void **state)
{
    (void)state;
    struct chip chip;
    chip_make(&chip, VP_PLATFORM_PHOTON, "0.4.6", 0);
    assert_int_equal(chip_start(&chip), VP_SYSTEM_NORMAL);
    expect(
        &chip, 0x080A0000,
        "{\"p\":6,\"m\":[{\"s\":16384,\"l\":\"m\",\"vc\":30,\"vv\":30,\"f\":\"b\",\"n\":\"0\","
        "\"v\":4,\"d\":[]},{\"s\":262144,\"l\":\"m\",\"vc\":30,\"vv\":30,\"f\":\"s\",\"n\":\"1\","
        "\"v\":7,\"d\":[]},{\"s\":262144,\"l\":\"m\",\"vc\":30,\"vv\":30,\"f\":\"s\",\"n\":\"2\","
        "\"v\":7,\"d\":[{\"f\":\"s\",\"n\":\"1\",\"v\":7,\"_\":\"\"}]},{\"s\":131072,\"l\":\"m\","
        "\"vc\":30,\"vv\":30,\"u\":\"%s\",\"f\":\"u\",\"n\":\"1\",\"v\":3,\"d\":[{\"f\":\"s\","
        "\"n\":\"2\",\"v\":7,\"_\":\"\"}]},{\"s\":131072,\"l\":\"f\",\"vc\":30,\"vv\":0,\"d\":[]}"
        "]}");
    chip_free(&chip);
}

/* Part 2 with a bootloader that is too old: two dependencies since 0.7.0, one of them unmet. */
static void a_photon_that_wants_a_bootloader(void **state)
{
    (void)state;
    struct chip chip;
    chip_make(&chip, VP_PLATFORM_PHOTON, "0.7.0", 11);
    assert_int_equal(chip_start(&chip), VP_SYSTEM_SAFE);
    char *text = vp_system_describe(&chip.system);
    assert_non_null(strstr(text, "\"vc\":30,\"vv\":26,\"f\":\"s\",\"n\":\"2\",\"v\":207,\"d\":["
                                 "{\"f\":\"s\",\"n\":\"1\",\"v\":207,\"_\":\"\"},"
                                 "{\"f\":\"b\",\"n\":\"0\",\"v\":101,\"_\":\"\"}]"));
    free(text);
    chip_free(&chip);
}

static void empty_places_are_left_out_since_1_1(void **state)
{
    (void)state;
    static const struct {
        const char *release;
        bool lists_empty, underscore;
    } cases[] = {
        {"0.5.2", true, true},   {"1.0.1", true, true},   {"1.1.0", false, true},
        {"2.1.0", false, true},  {"2.2.0", false, false}, {"3.0.0", false, true},
        {"3.3.0", false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct chip chip;
        chip_make(&chip, VP_PLATFORM_PHOTON, cases[i].release, 0);
        assert_int_equal(chip_start(&chip), VP_SYSTEM_NORMAL);
        char *text = vp_system_describe(&chip.system);
        const bool lists_empty =
            strstr(text, ",{\"s\":131072,\"l\":\"f\",\"vc\":30,\"vv\":0,\"d\":[]}]}");
        const bool underscore = strstr(text, ",\"_\":\"\"}]}");
        if (lists_empty != cases[i].lists_empty || underscore != cases[i].underscore) {
            fail_msg("%s: %s", cases[i].release, text);
        }
        free(text);
        chip_free(&chip);
    }
}

static void an_electron_tells_of_its_modem_first(void **state)
{
    (void)state;
    struct chip chip;
    chip_make(&chip, VP_PLATFORM_ELECTRON, "0.5.2", 0);
    assert_int_equal(chip_start(&chip), VP_SYSTEM_NORMAL);
    char *text = vp_system_describe(&chip.system);
    assert_memory_equal(text, "{\"p\":10,\"imei\":\"353162", 22);
    assert_non_null(strstr(text, "\",\"iccid\":\"893407"));
    assert_non_null(strstr(text, "\",\"m\":[{\"s\":16384,"));
    assert_null(strstr(text, "\"n\":\"3\""));
    free(text);
    chip_free(&chip);

    chip_make(&chip, VP_PLATFORM_ELECTRON, "2.2.0", 0);
    assert_int_equal(chip_start(&chip), VP_SYSTEM_NORMAL);
    text = vp_system_describe(&chip.system);
    assert_non_null(strstr(text, "\"cellfw\":\""));
    assert_non_null(strstr(text, "\"n\":\"3\",\"v\":2202"));
    free(text);
    chip_free(&chip);
}

static void an_erased_part_satisfies_everybody(void **state)
{
    (void)state;
    struct chip chip;
    chip_make(&chip, VP_PLATFORM_PHOTON, "0.6.3", 0);
    assert_int_equal(chip_start(&chip), VP_SYSTEM_NORMAL);
    vp_flash_erase(chip.flash, 0x08020000);
    struct vp_described_module list[VP_DESCRIBED_LIMIT];
    assert_int_equal(vp_system_modules(&chip.system, list), 5);
    assert_false(list[1].present);
    assert_int_equal(list[1].result, 0);
    assert_true(list[2].present);           /* wants part 1 in 109, and gets version 0xFFFF */
    vp_flash_erase(chip.flash, 0x08040000); /* the rest of part 1 */
    assert_int_equal(list[2].result, 0x1E);
    chip_free(&chip);
}

/* Each field of the header and the bytes behind it, wrong in turn. */
static void every_wrong_field_shows_in_its_flag(void **state)
{
    (void)state;
    static const struct {
        unsigned offset;
        uint8_t value;
        unsigned result;
    } cases[] = {
        {0, 0x04, 0x1C},      /* start: nobody looks, but the CRC covers other bytes */
        {6, 0x20, 0x00},      /* end: out of its slot */
        {10, 0x63, 0x1C},     /* version: the CRC knows */
        {12, 8, 0x0C},        /* platform, and the CRC */
        {14, 9, 0x00},        /* function */
        {15, 7, 0x00},        /* index */
        {18, 0xFF, 0x18},     /* dependency's version */
        {0x1000, 0x5A, 0x1C}, /* code */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct chip chip;
        size_t size;
        chip_make(&chip, VP_PLATFORM_PHOTON, "0.6.3", 0);
        assert_int_equal(chip_start(&chip), VP_SYSTEM_NORMAL);
        uint8_t *image = chip_forge(VP_PLATFORM_PHOTON, "tinker@0.5.2", &size);
        image[cases[i].offset] = cases[i].value;
        chip_program(&chip, 0x080A0000, image, size);
        struct vp_described_module list[VP_DESCRIBED_LIMIT];
        vp_system_modules(&chip.system, list);
        assert_int_equal(list[3].checked, 0x1E);
        assert_int_equal(list[3].result, cases[i].result);
        free(image);
        chip_free(&chip);
    }
}

static void one_image_is_described_as_such(void **state)
{
    (void)state;
    struct chip chip;
    chip_make(&chip, VP_PLATFORM_PHOTON, "0.6.3", 0);
    const struct vp_module_recipe recipe = {
        .platform = VP_PLATFORM_PHOTON,
        .version = 109,
        .function = VP_MODULE_MONOLITHIC,
        .address = 0x08020000,
        .size = 0x50000,
        .header_offset = VP_MODULE_HEADER_F205,
    };
    uint8_t *image;
    size_t size;
    assert_int_equal(vp_forge_module(&recipe, &image, &size), 0);
    chip_program(&chip, recipe.address, image, size);
    free(image);
    assert_int_equal(chip_start(&chip), VP_SYSTEM_NORMAL);
    assert_true(chip.system.monolithic);
    expect(&chip, 0,
           "{\"p\":6,\"m\":[{\"s\":16384,\"l\":\"m\",\"vc\":30,\"vv\":30,\"f\":\"b\",\"n\":\"0\","
           "\"v\":11,\"d\":[]},{\"s\":393216,\"l\":\"m\",\"vc\":30,\"vv\":30,\"f\":\"m\","
           "\"n\":\"0\",\"v\":109,\"d\":[]},{\"s\":393216,\"l\":\"f\",\"vc\":30,\"vv\":0,\"d\":[]}"
           "]}");
    chip_free(&chip);
}

static void the_core_lists_nothing(void **state)
{
    (void)state;
    struct chip chip;
    chip_make_erased(&chip, VP_PLATFORM_CORE);
    assert_int_equal(chip_start(&chip), VP_SYSTEM_NORMAL);
    char *text = vp_system_describe(&chip.system);
    assert_string_equal(text, "{\"p\":0,\"m\":[]}");
    free(text);
    chip_free(&chip);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_photon_of_the_field),
        cmocka_unit_test(a_photon_of_the_documentation),
        cmocka_unit_test(a_photon_that_wants_a_bootloader),
        cmocka_unit_test(empty_places_are_left_out_since_1_1),
        cmocka_unit_test(an_electron_tells_of_its_modem_first),
        cmocka_unit_test(an_erased_part_satisfies_everybody),
        cmocka_unit_test(every_wrong_field_shows_in_its_flag),
        cmocka_unit_test(one_image_is_described_as_such),
        cmocka_unit_test(the_core_lists_nothing),
    };
    return cmocka_run_group_tests_name("describe", tests, NULL, NULL);
}
