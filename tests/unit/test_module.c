#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vparticle/forge.h"

static struct vp_flash *fresh(void)
{
    struct vp_flash *flash;
    assert_int_equal(vp_flash_create(&flash, &vp_flash_stm32f205), 0);
    return flash;
}

/* A forged module of the catalogue, to break. */
static uint8_t *forged(enum vp_platform platform, const char *name, size_t *size)
{
    const struct vp_catalogue_module *row;
    struct vp_failure failure;
    if (vp_forge_find(platform, name, &row, &failure)) {
        fail_msg("%s", failure.text);
    }
    uint8_t *image;
    assert_int_equal(vp_forge_catalogue_module(row, &image, size), 0);
    return image;
}

/* ---- Parsing ---------------------------------------------------------------------- */

static void each_field_is_read_from_its_place(void **state)
{
    (void)state;
    uint8_t image[24 + 200] = {0};
    static const uint8_t header[24] = {
        0x00, 0x00, 0x0A, 0x08, 0xDC, 0x00, 0x0A, 0x08, 0x11, 0x02, 0x34, 0x12,
        0x06, 0x00, 0x05, 0x01, 0x04, 0x02, 0x6D, 0x00, 0x02, 0x00, 0x65, 0x00,
    };
    static const uint8_t suffix[] = {0x0B, 0x0A, 0x0D, 0x0C, 0, 0};
    memcpy(image, header, sizeof header);
    uint8_t *end = image + sizeof image;
    memcpy(end - 44, suffix, sizeof suffix);
    memset(end - 38, 0x5A, 32);
    memcpy(end - 6, "\x28\x00\xDE\xAD\xBE\xEF", 6);
    struct vp_module module;
    struct vp_failure failure = {""};
    if (vp_module_parse(image, sizeof image, &module, &failure)) {
        fail_msg("%s", failure.text);
    }
    assert_int_equal(module.header_offset, 0);
    assert_int_equal(module.start, 0x080A0000);
    assert_int_equal(module.end, 0x080A00DC);
    assert_int_equal(module.reserved, 0x11);
    assert_int_equal(module.flags, 0x02);
    assert_int_equal(module.version, 0x1234);
    assert_int_equal(module.platform, 6);
    assert_int_equal(module.function, VP_MODULE_USER);
    assert_int_equal(module.index, 1);
    assert_int_equal(module.dependencies[0].function, VP_MODULE_SYSTEM);
    assert_int_equal(module.dependencies[0].index, 2);
    assert_int_equal(module.dependencies[0].version, 109);
    assert_int_equal(module.dependencies[1].function, VP_MODULE_BOOTLOADER);
    assert_int_equal(module.dependencies[1].version, 101);
    assert_int_equal(module.product_id, 0x0A0B);
    assert_int_equal(module.product_version, 0x0C0D);
    assert_int_equal(module.sha256[0], 0x5A);
    assert_int_equal(module.crc, 0xDEADBEEF);
    assert_int_equal(vp_module_size(&module), sizeof image);
    image[sizeof image - 6] = 36;
    assert_int_equal(vp_module_parse(image, sizeof image, &module, &failure), 0);
    assert_int_equal(module.suffix_size, 36);
    assert_int_equal(module.product_id, 0xFFFF);
}

static void finds_the_header_in_each_of_its_places(void **state)
{
    (void)state;
    static const struct {
        enum vp_platform platform;
        const char *name;
        uint32_t offset;
    } expected[] = {
        {VP_PLATFORM_PHOTON, "system-part1@0.5.2", 0x184},
        {VP_PLATFORM_PHOTON, "tinker@0.5.2", 0},
        {VP_PLATFORM_ELECTRON, "system-part1@0.7.0", 0},
        {VP_PLATFORM_CORE, "tinker@207", 0x10C},
    };
    for (unsigned i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        size_t size;
        uint8_t *image = forged(expected[i].platform, expected[i].name, &size);
        struct vp_module module;
        assert_int_equal(vp_module_parse(image, size, &module, NULL), 0);
        assert_int_equal(module.header_offset, expected[i].offset);
        free(image);
    }
}

static void every_shorter_or_longer_image_is_refused(void **state)
{
    (void)state;
    size_t size;
    uint8_t *image = forged(VP_PLATFORM_PHOTON, "tinker@2", &size);
    struct vp_module module;
    struct vp_failure failure;
    for (size_t length = 0; length < size; length++) {
        /* A copy of its own, so that a read past the end is found by the sanitizer. */
        uint8_t *cut = malloc(length + 1);
        memcpy(cut, image, length);
        assert_int_equal(vp_module_parse(cut, length, &module, &failure), VP_ERROR_INVALID);
        free(cut);
    }
    uint8_t *padded = calloc(1, size + 4);
    memcpy(padded, image, size);
    assert_int_equal(vp_module_parse(padded, size + 4, &module, &failure), VP_ERROR_INVALID);
    assert_non_null(strstr(failure.text, "0x080a0000 to 0x080a0f6c"));
    free(padded);
    image[size - 6] = 41;
    assert_int_equal(vp_module_parse(image, size, &module, &failure), VP_ERROR_INVALID);
    assert_non_null(strstr(failure.text, "41 bytes"));
    free(image);
}

static void in_flash_the_header_must_agree_with_the_place(void **state)
{
    (void)state;
    struct vp_flash *flash = fresh();
    struct vp_module module;
    struct vp_failure failure;
    assert_int_equal(vp_module_parse_flash(flash, 0x080A0000, &module, &failure),
                     VP_ERROR_NOT_FOUND);
    assert_non_null(strstr(failure.text, "erased"));
    size_t size;
    uint8_t *image = forged(VP_PLATFORM_PHOTON, "tinker@2", &size);
    assert_int_equal(vp_flash_program(flash, 0x080A0000, image, size), 0);
    assert_int_equal(vp_flash_program(flash, 0x080C0000, image, size), 0);
    assert_int_equal(vp_module_parse_flash(flash, 0x080A0000, &module, &failure), 0);
    assert_int_equal(module.crc, (uint32_t)image[size - 4] << 24 | image[size - 3] << 16 |
                                     image[size - 2] << 8 | image[size - 1]);
    assert_int_equal(vp_module_parse_flash(flash, 0x080C0000, &module, &failure), VP_ERROR_INVALID);
    /* As the firmware reads it, there is a header all the same. */
    assert_int_equal(vp_module_read_header(flash, 0x080C0000, &module), 0);
    assert_int_equal(module.start, 0x080A0000);
    assert_int_equal(vp_module_parse_flash(flash, 0x080FFFFE, &module, &failure), VP_ERROR_RANGE);
    assert_int_equal(vp_module_parse_flash(flash, 0x080FFFF0, &module, &failure), VP_ERROR_RANGE);
    assert_int_equal(vp_module_parse_flash(flash, 0, &module, &failure), VP_ERROR_RANGE);
    free(image);
    vp_flash_destroy(flash);
}

static void a_header_in_flash_cannot_lead_out_of_the_chip(void **state)
{
    (void)state;
    static const struct {
        uint32_t end;
        int error;
    } ends[] = {
        {0x080FFFFC, VP_ERROR_INVALID}, /* in the chip, but there is no suffix */
        {0x080FFFFD, VP_ERROR_RANGE},   {0xFFFFFFFF, VP_ERROR_RANGE},
        {0x080E0000, VP_ERROR_INVALID}, {0x080DFFFF, VP_ERROR_INVALID},
        {0, VP_ERROR_INVALID},
    };
    for (unsigned i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        struct vp_flash *flash = fresh();
        const uint32_t words[2] = {0x080E0000, ends[i].end};
        struct vp_module module;
        vp_flash_program(flash, 0x080E0000, words, sizeof words);
        assert_int_equal(vp_module_parse_flash(flash, 0x080E0000, &module, NULL), ends[i].error);
        vp_module_read_header(flash, 0x080E0000, &module);
        assert_false(vp_module_crc_matches(flash, 0x080E0000, &module));
        vp_module_integrity_flash(flash, 0x080E0000, &module);
        vp_flash_destroy(flash);
    }
}

/* ---- Checks ------------------------------------------------------------------------ */

static void each_flipped_byte_breaks_the_crc(void **state)
{
    (void)state;
    size_t size;
    uint8_t *image = forged(VP_PLATFORM_PHOTON, "tinker@2", &size);
    struct vp_module module;
    assert_int_equal(vp_module_parse(image, size, &module, NULL), 0);
    for (size_t i = 0; i < size; i++) {
        image[i] ^= 0x10;
        struct vp_module broken;
        if (vp_module_parse(image, size, &broken, NULL) == 0) {
            const unsigned integrity = vp_module_integrity(image, size, &broken);
            assert_false(integrity & VP_CHECK_INTEGRITY);
            /* The SHA-256 covers all but itself, the suffix size and the CRC. */
            const bool uncovered = i >= size - 6;
            assert_int_equal((integrity & VP_CHECK_SHA256) != 0, uncovered);
        } else {
            assert_true(i < 8 || i == size - 6 || i == size - 5);
        }
        image[i] ^= 0x10;
    }
    assert_int_equal(vp_module_integrity(image, size, &module),
                     VP_CHECK_INTEGRITY | VP_CHECK_SHA256);
    assert_int_equal(vp_module_integrity(image, size - 1, &module), 0);
    free(image);
}

/* What is installed on a Photon with 0.7.0, as far as the checks look at it. */
static const struct vp_module photon_0_7_0[] = {
    {.function = VP_MODULE_BOOTLOADER, .index = 0, .version = 101, .platform = 6},
    {.function = VP_MODULE_SYSTEM, .index = 1, .version = 207, .platform = 6},
    {.function = VP_MODULE_SYSTEM,
     .index = 2,
     .version = 207,
     .platform = 6,
     .dependencies = {{VP_MODULE_SYSTEM, 1, 207}, {VP_MODULE_BOOTLOADER, 0, 101}}},
};

static struct vp_module_rules rules_of(const struct vp_module *installed, unsigned count)
{
    struct vp_module_rules rules = {
        .platform = VP_PLATFORM_PHOTON,
        .installed = installed,
        .installed_count = count,
        .dependency2 = true,
    };
    rules.slots = vp_module_slots(VP_PLATFORM_PHOTON, 0, &rules.slot_count);
    return rules;
}

static struct vp_module good_part2(void)
{
    struct vp_module module = photon_0_7_0[2];
    module.start = 0x08060000;
    module.end = 0x0809E51C;
    return module;
}

static const unsigned all =
    VP_CHECK_INTEGRITY | VP_CHECK_DEPENDENCIES | VP_CHECK_RANGE | VP_CHECK_PLATFORM;

static void each_single_fault_clears_its_own_flag(void **state)
{
    (void)state;
    const struct vp_module_rules rules = rules_of(photon_0_7_0, 3);
    assert_int_equal(vp_module_checks_needed(&rules), 0x1E);
    struct vp_module module = good_part2();
    assert_int_equal(vp_module_validate(&module, VP_CHECK_INTEGRITY, &rules), all);
    assert_int_equal(vp_module_validate(&module, VP_CHECK_SHA256, &rules),
                     all & ~(unsigned)VP_CHECK_INTEGRITY);
    module.platform = 8;
    assert_int_equal(vp_module_validate(&module, VP_CHECK_INTEGRITY, &rules),
                     all & ~(unsigned)VP_CHECK_PLATFORM);
    module = good_part2();
    module.dependencies[0].version = 208;
    assert_int_equal(vp_module_validate(&module, VP_CHECK_INTEGRITY, &rules),
                     all & ~(unsigned)VP_CHECK_DEPENDENCIES);
    module = good_part2();
    module.dependencies[0].index = 7;
    assert_int_equal(vp_module_validate(&module, VP_CHECK_INTEGRITY, &rules),
                     all & ~(unsigned)VP_CHECK_DEPENDENCIES);
    module = good_part2();
    module.dependencies[1].version = 102;
    assert_int_equal(vp_module_validate(&module, VP_CHECK_INTEGRITY, &rules),
                     all & ~(unsigned)VP_CHECK_DEPENDENCIES);
    module = good_part2();
    module.index = 3;
    assert_int_equal(vp_module_validate(&module, VP_CHECK_INTEGRITY, &rules), 0);
    module = good_part2();
    module.function = VP_MODULE_MONOLITHIC;
    assert_int_equal(vp_module_validate(&module, VP_CHECK_INTEGRITY, &rules), 0);
}

static void only_the_end_is_held_against_the_slot(void **state)
{
    (void)state;
    const struct vp_module_rules rules = rules_of(photon_0_7_0, 3);
    struct vp_module module = good_part2();
    module.start = 0;
    assert_int_equal(vp_module_validate(&module, VP_CHECK_INTEGRITY, &rules), all);
    module.end = 0x08060000;
    assert_int_equal(vp_module_validate(&module, VP_CHECK_INTEGRITY, &rules), all);
    module.end--;
    assert_int_equal(vp_module_validate(&module, VP_CHECK_INTEGRITY, &rules), 0);
    module.end = 0x080A0000;
    assert_int_equal(vp_module_validate(&module, VP_CHECK_INTEGRITY, &rules), all);
    module.end++;
    assert_int_equal(vp_module_validate(&module, VP_CHECK_INTEGRITY, &rules), 0);
}

/* Releases before 0.7.0 know one dependency; since then the second counts only after a first. */
static void the_second_dependency_counts_since_0_7_0(void **state)
{
    (void)state;
    struct vp_module_rules rules = rules_of(photon_0_7_0, 3);
    struct vp_module module = good_part2();
    module.dependencies[1].version = 200;
    assert_int_equal(vp_module_validate(&module, VP_CHECK_INTEGRITY, &rules),
                     all & ~(unsigned)VP_CHECK_DEPENDENCIES);
    rules.dependency2 = false;
    assert_int_equal(vp_module_validate(&module, VP_CHECK_INTEGRITY, &rules), all);
    rules.dependency2 = true;
    module.dependencies[0] = (struct vp_module_dependency){0};
    assert_int_equal(vp_module_validate(&module, VP_CHECK_INTEGRITY, &rules), all);
}

static void an_incoming_module_is_checked_less_and_more(void **state)
{
    (void)state;
    struct vp_module_rules rules = rules_of(photon_0_7_0, 3);
    rules.incoming = rules.full = true;
    assert_int_equal(vp_module_checks_needed(&rules), 0x5E);
    const unsigned full = all | VP_CHECK_DEPENDENCIES_FULL;
    struct vp_module module = good_part2();
    /* A bootloader that is too old can follow later. */
    module.dependencies[1].version = 200;
    assert_int_equal(vp_module_validate(&module, VP_CHECK_INTEGRITY, &rules), full);
    /* An application may need any system: it leads to safe mode. */
    module.function = VP_MODULE_USER;
    module.index = 1;
    module.end = 0x080A1000;
    module.dependencies[0] = (struct vp_module_dependency){VP_MODULE_SYSTEM, 2, 3000};
    assert_int_equal(vp_module_validate(&module, VP_CHECK_INTEGRITY, &rules), full);
    /* Part 1 of 0.6.3 would leave part 2 of 0.7.0 without what it needs. */
    module.function = VP_MODULE_SYSTEM;
    module.end = 0x08050000;
    module.version = 109;
    module.dependencies[0] = module.dependencies[1] = (struct vp_module_dependency){0};
    assert_int_equal(vp_module_validate(&module, VP_CHECK_INTEGRITY, &rules), all);
    module.version = 207;
    assert_int_equal(vp_module_validate(&module, VP_CHECK_INTEGRITY, &rules), full);
}

static void slots_follow_the_electrons_history(void **state)
{
    (void)state;
    unsigned count;
    assert_non_null(vp_module_slots(VP_PLATFORM_ELECTRON, 17, &count));
    assert_int_equal(count, 4);
    const struct vp_module_slot *slots = vp_module_slots(VP_PLATFORM_ELECTRON, 23, &count);
    assert_int_equal(count, 5);
    assert_int_equal(slots[3].index, 3);
    assert_string_equal(slots[1].name, "system-part1");
    slots = vp_module_slots(VP_PLATFORM_ELECTRON, 0, &count);
    assert_string_equal(slots[1].name, "system-part2");
    assert_string_equal(slots[3].name, "system-part1");
    assert_null(vp_module_slots(VP_PLATFORM_CORE, 0, &count));
    assert_int_equal(count, 0);
    assert_int_equal(vp_module_monolithic_slots(VP_PLATFORM_CORE, &count)->start, 0x08005000);
}

static void names_are_known_both_ways(void **state)
{
    (void)state;
    enum vp_platform platform;
    assert_string_equal(vp_platform_name(10), "electron");
    assert_null(vp_platform_name(12));
    assert_int_equal(vp_platform_from_name("p1", &platform), 0);
    assert_int_equal(platform, VP_PLATFORM_P1);
    assert_int_equal(vp_platform_from_name("P1", &platform), VP_ERROR_NOT_FOUND);
    assert_string_equal(vp_module_function_name(4), "system part");
    assert_null(vp_module_function_name(7));
}

/* ---- Real images -------------------------------------------------------------------- */

static uint8_t *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    uint8_t *bytes = malloc(*size + 1);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, *size, file), *size);
    fclose(file);
    return bytes;
}

/* The catalogue must know an image like this one. */
static void check_in_catalogue(const char *path, const struct vp_module *module)
{
    unsigned count;
    const struct vp_catalogue_module *rows = vp_catalogue_modules(module->platform, &count);
    for (unsigned i = 0; i < count; i++) {
        if (rows[i].function == module->function && rows[i].index == module->index &&
            rows[i].version == module->version && rows[i].size == vp_module_size(module) &&
            rows[i].header_offset == module->header_offset && rows[i].address == module->start &&
            memcmp(rows[i].dependencies, module->dependencies, sizeof module->dependencies) == 0) {
            assert_int_equal(rows[i].status, VP_KNOWN_VERIFIED);
            return;
        }
    }
    fail_msg("%s is not in the catalogue", path);
}

static void real_images_pass_all_checks(void **state)
{
    (void)state;
    glob_t images;
    if (glob(VP_FIRMWARE_FOLDER "/*/*-*.bin", 0, NULL, &images) == GLOB_NOMATCH) {
        print_message("no real images: scripts/fetch-firmware brings them\n");
        skip();
    }
    unsigned parsed = 0;
    for (size_t i = 0; i < images.gl_pathc; i++) {
        const char *path = images.gl_pathv[i];
        if (strstr(path, "ota-flag")) {
            continue;
        }
        size_t size;
        uint8_t *bytes = read_file(path, &size);
        struct vp_module module;
        struct vp_failure failure;
        if (vp_module_parse(bytes, size, &module, &failure)) {
            fail_msg("%s: %s", path, failure.text);
        }
        assert_int_equal(vp_module_integrity(bytes, size, &module),
                         VP_CHECK_INTEGRITY | VP_CHECK_SHA256);
        check_in_catalogue(path, &module);
        parsed++;
        free(bytes);
    }
    globfree(&images);
    assert_in_range(parsed, 46, 100);
}

/* The modules of a release and platform that were fetched, and its bootloader if it ships none. */
static unsigned read_release(const char *release, enum vp_platform platform,
                             struct vp_module *modules, unsigned limit)
{
    char pattern[512];
    glob_t images;
    unsigned count = 0;
    snprintf(pattern, sizeof pattern, VP_FIRMWARE_FOLDER "/%s/%s-*.bin", release,
             vp_platform_name(platform));
    if (glob(pattern, 0, NULL, &images) == GLOB_NOMATCH) {
        return 0;
    }
    bool bootloader = false;
    for (size_t i = 0; i < images.gl_pathc && count < limit - 1; i++) {
        size_t size;
        uint8_t *bytes = read_file(images.gl_pathv[i], &size);
        assert_int_equal(vp_module_parse(bytes, size, &modules[count], NULL), 0);
        bootloader = bootloader || modules[count].function == VP_MODULE_BOOTLOADER;
        count++;
        free(bytes);
    }
    globfree(&images);
    const struct vp_catalogue_release *found = vp_catalogue_find_release(platform, release);
    if (!bootloader && found) {
        modules[count++] = (struct vp_module){
            .function = VP_MODULE_BOOTLOADER,
            .version = found->bootloader,
            .start = 0x08000000,
            .end = 0x08003FFC,
            .platform = (uint16_t)platform,
        };
    }
    return count;
}

/* Range, platform, dependencies and integrity, as the firmware that they came with checks them. */
static void real_modules_of_a_release_satisfy_each_other(void **state)
{
    (void)state;
    static const char *const releases[] = {"0.5.2", "1.5.0", "2.2.0"};
    static const enum vp_platform platforms[] = {VP_PLATFORM_PHOTON, VP_PLATFORM_P1,
                                                 VP_PLATFORM_ELECTRON, VP_PLATFORM_CORE};
    enum { LIMIT = 16 };
    unsigned checked = 0;
    for (size_t i = 0; i < 12; i++) {
        struct vp_module modules[LIMIT];
        const enum vp_platform platform = platforms[i % 4];
        const unsigned count = read_release(releases[i / 4], platform, modules, LIMIT);
        struct vp_module_rules rules = {
            .platform = platform,
            .installed = modules,
            .installed_count = count,
            .dependency2 = i / 4 > 0,
        };
        const struct vp_catalogue_release *release =
            vp_catalogue_find_release(platform, releases[i / 4]);
        rules.slots =
            platform == VP_PLATFORM_CORE
                ? vp_module_monolithic_slots(platform, &rules.slot_count)
                : vp_module_slots(platform, release ? release->version : 0, &rules.slot_count);
        for (unsigned j = 0; j < count; j++) {
            const unsigned needed = vp_module_checks_needed(&rules);
            assert_int_equal(vp_module_validate(&modules[j], VP_CHECK_INTEGRITY, &rules) & needed,
                             needed);
            checked++;
        }
    }
    if (checked == 0) {
        print_message("no real images: scripts/fetch-firmware brings them\n");
        skip();
    }
    assert_in_range(checked, 46, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_field_is_read_from_its_place),
        cmocka_unit_test(finds_the_header_in_each_of_its_places),
        cmocka_unit_test(every_shorter_or_longer_image_is_refused),
        cmocka_unit_test(in_flash_the_header_must_agree_with_the_place),
        cmocka_unit_test(a_header_in_flash_cannot_lead_out_of_the_chip),
        cmocka_unit_test(each_flipped_byte_breaks_the_crc),
        cmocka_unit_test(each_single_fault_clears_its_own_flag),
        cmocka_unit_test(only_the_end_is_held_against_the_slot),
        cmocka_unit_test(the_second_dependency_counts_since_0_7_0),
        cmocka_unit_test(an_incoming_module_is_checked_less_and_more),
        cmocka_unit_test(slots_follow_the_electrons_history),
        cmocka_unit_test(names_are_known_both_ways),
        cmocka_unit_test(real_images_pass_all_checks),
        cmocka_unit_test(real_modules_of_a_release_satisfy_each_other),
    };
    return cmocka_run_group_tests_name("module", tests, NULL, NULL);
}
