/* What the field sends: the three forms, what is wrong with others, and the flash made of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "vparticle/field.h"
#include "vparticle/forge.h"

/* The description of a Photon in safe mode: the application wants system part 2 from 0.6.2 on. */
#define DESCRIPTION                                                                                \
    "{\"p\":6,\"m\":[{\"s\":16384,\"l\":\"m\",\"vc\":30,\"vv\":30,\"f\":\"b\",\"n\":\"0\","        \
    "\"v\":7,\"d\":[]},{\"s\":262144,\"l\":\"m\",\"vc\":30,\"vv\":30,\"f\":\"s\",\"n\":\"1\","     \
    "\"v\":100,\"d\":[]},{\"s\":262144,\"l\":\"m\",\"vc\":30,\"vv\":30,\"f\":\"s\",\"n\":\"2\","   \
    "\"v\":100,\"d\":[{\"f\":\"s\",\"n\":\"1\",\"v\":100,\"_\":\"\"}]},{\"s\":131072,\"l\":\"m\"," \
    "\"vc\":30,\"vv\":26,\"u\":\"1537\",\"f\":\"u\",\"n\":\"1\",\"v\":4,\"d\":[{\"f\":\"s\","      \
    "\"n\":\"2\",\"v\":108,\"_\":\"\"}]},{\"s\":131072,\"l\":\"f\",\"vc\":30,\"vv\":0,\"d\":[]}]"

static const char inspect_text[] =
    "! PROTIP: something that the tool said before\n"
    "Platform: 6 - \x1b[1m\x1b[36mPhoton\x1b[39m\x1b[22m\r\n"
    "\x1b[4mModules\x1b[24m\n"
    "  Bootloader module #0 - version 7, main location, 16384 bytes max size\n"
    "    Integrity: PASS\n    Address Range: PASS\n    Platform: PASS\n    Dependencies: PASS\n"
    "  System module #1 - version 100, main location, 262144 bytes max size\n"
    "    Integrity: PASS\n    Address Range: PASS\n    Platform: PASS\n    Dependencies: PASS\n"
    "      undefined module #0 - version 0\n"
    "  System module #2 - version 100, main location, 262144 bytes max size\n"
    "    Integrity: PASS\n    Address Range: PASS\n    Platform: PASS\n    Dependencies: PASS\n"
    "      System module #1 - version 100\n"
    "  User module #1 - version 4, main location, 131072 bytes max size\n"
    "    UUID: 15372FB1\n"
    "    Integrity: PASS\n    Address Range: PASS\n    Platform: PASS\n"
    "    Dependencies: **FAIL**\n"
    "      System module #2 - version 108\n"
    "  empty - factory location, 131072 bytes max size\n"
    "and after\n";

static void check_the_photon(const struct vp_field_report *report)
{
    assert_int_equal(report->platform, VP_PLATFORM_PHOTON);
    assert_int_equal(report->count, 5);
    const struct vp_field_module *part2 = &report->modules[2], *user = &report->modules[3];
    assert_int_equal(report->modules[0].function, VP_MODULE_BOOTLOADER);
    assert_int_equal(report->modules[1].dependencies[0].function, VP_MODULE_NONE);
    assert_int_equal(part2->version, 100);
    assert_int_equal(part2->dependencies[0].function, VP_MODULE_SYSTEM);
    assert_int_equal(part2->dependencies[0].version, 100);
    assert_int_equal(part2->result, 30);
    assert_int_equal(user->checked, 30);
    assert_int_equal(user->result, 26);
    assert_int_equal(user->dependencies[0].version, 108);
    assert_int_equal(user->dependencies[1].function, VP_MODULE_NONE);
    assert_false(report->modules[4].present);
    assert_int_equal(report->modules[4].store, VP_FIELD_FACTORY);
    assert_int_equal(report->modules[4].maximum_size, 131072);
}

static void all_forms_say_the_same(void **state)
{
    (void)state;
    static const char *const texts[] = {
        inspect_text,
        DESCRIPTION "}",
        "  \r\n" DESCRIPTION ",\"f\":[],\"v\":{}}\r\n",
        "event: spark/status/safe-mode\ndata: {\"data\":" DESCRIPTION "},\"ttl\":60}\n\n",
        "{\"name\":\"spark/status/safe-mode\",\"data\":\"{\\\"p\\\":0,\\\"m\\\":[]}\"}",
    };
    for (size_t i = 0; i + 1 < sizeof texts / sizeof *texts; i++) {
        struct vp_field_report report;
        struct vp_failure failure = {""};
        if (vp_field_parse(texts[i], strlen(texts[i]), &report, &failure)) {
            fail_msg("form %zu: %s", i, failure.text);
        }
        check_the_photon(&report);
    }
    struct vp_field_report report;
    assert_int_equal(vp_field_parse(texts[4], strlen(texts[4]), &report, NULL), 0);
    assert_int_equal(report.count, 0);
}

static void what_is_wrong_is_said(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"", "neither"},
        {"hello", "neither"},
        {"{", "no JSON"},
        {"{}", "'p' (platform)"},
        {"{\"p\":6}", "'p' (platform)"},
        {"{\"p\":12,\"m\":[]}", "platform 12"},
        {"{\"p\":-1,\"m\":[]}", "'p' (platform)"},
        {"{\"p\":6,\"m\":[{}]}", "module 1"},
        {"{\"p\":6,\"m\":[{\"l\":\"q\"}]}", "'l' must be"},
        {"{\"p\":6,\"m\":[{\"l\":\"m\",\"vc\":30,\"vv\":30,\"f\":\"s\"}]}", "'f', 'n', 'v'"},
        {"{\"p\":6,\"m\":[{\"l\":\"m\",\"vc\":30,\"vv\":30,\"f\":\"s\",\"n\":\"999\",\"v\":1}]}",
         "'f', 'n', 'v'"},
        {"{\"data\":\"x\"}", "'data'"},
        {"{\"p\":6,\"m\":[]}", "no system part"},
        {"{\"p\":6,\"m\":[{\"l\":\"m\",\"vc\":30,\"vv\":30,\"f\":\"s\",\"n\":2,\"v\":9}]}",
         "('d')"},
        {"{\"p\":6,\"m\":[{\"l\":\"m\",\"vc\":30,\"vv\":30,\"f\":\"s\",\"n\":2,\"v\":9,\"d\":[]}]}",
         "describes 1 places"},
        {"Platform: 6\n  System module #1 - version 1, main location, 3 bytes max size\n"
         "    Integrity: PA\n",
         "line 3"},
        {"Platform: 6 - Photon\n", "no 'Platform: NUMBER'"},
        {"Platform: 13\nModules\n", "line 1"},
        {"Platform: 6\n  Sytem module #1 - version 1, main location, 3 bytes max size\n", "line 2"},
        {"Platform: 6\n  System module #1 - version 99999, main location, 3 bytes max size\n",
         "line 2"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct vp_field_report report;
        struct vp_failure failure = {""};
        assert_int_equal(vp_field_parse(cases[i].text, strlen(cases[i].text), &report, &failure),
                         VP_ERROR_INVALID);
        if (!strstr(failure.text, cases[i].says)) {
            fail_msg("'%s': '%s' does not say '%s'", cases[i].text, failure.text, cases[i].says);
        }
    }
}

/* Wherever a text is cut: no module is taken for one that is missing or bad. */
static void a_cut_text_is_refused_or_says_the_same(void **state)
{
    (void)state;
    const char *end = strstr(inspect_text, "and after");
    struct vp_field_report whole;
    assert_int_equal(vp_field_parse(inspect_text, strlen(inspect_text), &whole, NULL), 0);
    for (size_t length = 0; inspect_text + length < end; length++) {
        struct vp_field_report report;
        struct vp_failure failure = {""};
        if (vp_field_parse(inspect_text, length, &report, &failure) == 0) {
            assert_int_equal(report.count, whole.count);
            assert_memory_equal(report.modules, whole.modules, sizeof whole.modules);
        } else {
            assert_true(failure.text[0] != '\0');
        }
    }
}

static void a_line_left_out_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *line, *says;
    } cases[] = {
        {"    Integrity: PASS\n", "line 4, '  Bootloader module #0"},
        {"    Integrity: PASS\n", "is not followed by 'Integrity':"},
        {"Address Range: PASS\n", "is not followed by 'Address Range':"},
        {"    Dependencies: **FAIL**\n", "line 21, '  User module #1"},
        {"      System module #2 - version 108\n",
         "is not followed by the dependency that it lacks"},
        {"  empty - factory location, 131072 bytes max size\n", "describes 4 places"},
        {", 16384 bytes max size", "does not end before 'bytes max size'"},
        {", main location, 16384 bytes max size", "does not end before 'bytes max size'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[sizeof inspect_text];
        struct vp_field_report report;
        struct vp_failure failure = {""};
        memcpy(text, inspect_text, sizeof text);
        char *from = strstr(text, cases[i].line);
        assert_non_null(from);
        memmove(from, from + strlen(cases[i].line), strlen(from + strlen(cases[i].line)) + 1);
        assert_int_equal(vp_field_parse(text, strlen(text), &report, &failure), VP_ERROR_INVALID);
        if (!strstr(failure.text, cases[i].says)) {
            fail_msg("without '%s': '%s' does not say '%s'", cases[i].line, failure.text,
                     cases[i].says);
        }
    }
}

static void parse_at(const struct vp_flash *flash, uint32_t address, struct vp_module *module)
{
    struct vp_failure failure = {""};
    if (vp_module_parse_flash(flash, address, module, &failure)) {
        fail_msg("0x%08x: %s", address, failure.text);
    }
}

static void the_flash_is_as_the_report_says(void **state)
{
    (void)state;
    struct vp_field_report report;
    struct vp_flash *flash;
    struct vp_module module;
    assert_int_equal(vp_field_parse(inspect_text, strlen(inspect_text), &report, NULL), 0);
    assert_int_equal(vp_flash_create(&flash, &vp_flash_stm32f205), 0);
    assert_int_equal(vp_field_install(flash, &report, NULL), 0);
    parse_at(flash, 0x08000000, &module);
    assert_int_equal(module.version, 7);
    parse_at(flash, 0x08060000, &module);
    assert_int_equal(module.version, 100);
    assert_true(vp_module_crc_matches(flash, 0x08060000, &module));
    parse_at(flash, 0x080A0000, &module);
    assert_int_equal(module.version, 4);
    assert_int_equal(module.dependencies[0].version, 108);
    vp_flash_destroy(flash);
}

static void what_failed_fails_again(void **state)
{
    (void)state;
    struct vp_field_report report;
    struct vp_flash *flash;
    struct vp_module module;
    assert_int_equal(vp_field_parse(inspect_text, strlen(inspect_text), &report, NULL), 0);
    report.modules[1].result &= ~(unsigned)VP_CHECK_INTEGRITY;
    report.modules[3].result &= ~(unsigned)VP_CHECK_PLATFORM;
    assert_int_equal(vp_flash_create(&flash, &vp_flash_stm32f205), 0);
    assert_int_equal(vp_field_install(flash, &report, NULL), 0);
    parse_at(flash, 0x08020000, &module);
    assert_false(vp_module_crc_matches(flash, 0x08020000, &module));
    parse_at(flash, 0x080A0000, &module);
    assert_int_not_equal(module.platform, VP_PLATFORM_PHOTON);
    assert_true(vp_module_crc_matches(flash, 0x080A0000, &module));
    vp_flash_destroy(flash);
}

static void a_module_without_a_place_is_refused(void **state)
{
    (void)state;
    struct vp_field_report report;
    struct vp_flash *flash;
    struct vp_failure failure = {""};
    assert_int_equal(vp_field_parse(inspect_text, strlen(inspect_text), &report, NULL), 0);
    report.modules[2].index = 7;
    assert_int_equal(vp_flash_create(&flash, &vp_flash_stm32f205), 0);
    assert_int_equal(vp_field_install(flash, &report, &failure), VP_ERROR_INVALID);
    assert_non_null(strstr(failure.text, "no place"));
    vp_flash_destroy(flash);
}

/* A Core's module where a larger board has its own: no board has both. */
static void a_flash_of_no_board_is_refused(void **state)
{
    (void)state;
    const struct vp_module_recipe recipe = {
        .platform = VP_PLATFORM_CORE,
        .version = 1,
        .function = VP_MODULE_USER,
        .address = 0x08020000,
        .size = 4096,
    };
    char path[] = "/tmp/vparticle-field-XXXXXX";
    struct vp_flash *flash, *loaded;
    struct vp_failure failure = {""};
    enum vp_platform platform;
    uint8_t *image;
    size_t size;
    const int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    close(descriptor);
    unlink(path);
    assert_int_equal(vp_forge_module(&recipe, &image, &size), 0);
    assert_int_equal(vp_flash_create(&flash, &vp_flash_stm32f205), 0);
    assert_int_equal(vp_flash_program(flash, recipe.address, image, size), 0);
    assert_int_equal(vp_flash_save_image(flash, path, &failure), 0);
    assert_int_equal(vp_field_load(path, &loaded, &platform, &failure), VP_ERROR_INVALID);
    assert_non_null(strstr(failure.text, "built for a Core"));
    free(image);
    vp_flash_destroy(flash);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_forms_say_the_same),
        cmocka_unit_test(what_is_wrong_is_said),
        cmocka_unit_test(a_cut_text_is_refused_or_says_the_same),
        cmocka_unit_test(a_line_left_out_is_told),
        cmocka_unit_test(the_flash_is_as_the_report_says),
        cmocka_unit_test(what_failed_fails_again),
        cmocka_unit_test(a_module_without_a_place_is_refused),
        cmocka_unit_test(a_flash_of_no_board_is_refused),
    };
    return cmocka_run_group_tests_name("field", tests, NULL, NULL);
}
