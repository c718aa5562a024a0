#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vparticle/forge.h"

static const enum vp_platform modular[] = {VP_PLATFORM_PHOTON, VP_PLATFORM_P1,
                                           VP_PLATFORM_ELECTRON};

static struct vp_flash *fresh(void)
{
    struct vp_flash *flash;
    assert_int_equal(vp_flash_create(&flash, &vp_flash_stm32f205), 0);
    return flash;
}

static const struct vp_module_recipe system_part = {
    .platform = VP_PLATFORM_PHOTON,
    .version = 17,
    .function = VP_MODULE_SYSTEM,
    .index = 2,
    .dependencies = {{VP_MODULE_SYSTEM, 1, 17}},
    .address = 0x08060000,
    .size = 187492,
    .header_offset = VP_MODULE_HEADER_F205,
    .product_id = 0xFFFF,
    .product_version = 0xFFFF,
};

static void a_recipe_becomes_the_module_it_describes(void **state)
{
    (void)state;
    uint8_t *image;
    size_t size;
    assert_int_equal(vp_forge_module(&system_part, &image, &size), 0);
    assert_int_equal(size, 187492);
    struct vp_module module;
    struct vp_failure failure;
    assert_int_equal(vp_module_parse(image, size, &module, &failure), 0);
    assert_int_equal(module.header_offset, 0x184);
    assert_int_equal(module.start, 0x08060000);
    assert_int_equal(module.end, 0x0808DC60);
    assert_int_equal(module.version, 17);
    assert_int_equal(module.platform, 6);
    assert_int_equal(module.dependencies[0].version, 17);
    assert_int_equal(module.suffix_size, 40);
    assert_int_equal(vp_module_integrity(image, size, &module),
                     VP_CHECK_INTEGRITY | VP_CHECK_SHA256);
    /* The vector table: a stack pointer, and a reset handler within the image. */
    uint32_t vectors[2];
    memcpy(vectors, image, sizeof vectors);
    assert_int_equal(vectors[0], 0x20020000);
    assert_in_range(vectors[1], 0x08060185, 0x0808DC60);
    assert_int_equal(vectors[1] & 1, 1);
    free(image);
}

static void the_same_recipe_gives_the_same_bytes(void **state)
{
    (void)state;
    uint8_t *one, *other;
    size_t size, other_size;
    struct vp_module_recipe recipe = system_part;
    assert_int_equal(vp_forge_module(&recipe, &one, &size), 0);
    assert_int_equal(vp_forge_module(&recipe, &other, &other_size), 0);
    assert_memory_equal(one, other, size);
    free(other);
    recipe.version++;
    assert_int_equal(vp_forge_module(&recipe, &other, &other_size), 0);
    assert_memory_not_equal(one + 0x400, other + 0x400, 64);
    free(one);
    free(other);
}

static void refuses_what_does_not_fit(void **state)
{
    (void)state;
    uint8_t *image;
    size_t size;
    struct vp_module_recipe recipe = system_part;
    recipe.size = 0x184 + 100;
    assert_int_equal(vp_forge_module(&recipe, &image, &size), VP_ERROR_INVALID);
    recipe = system_part;
    recipe.size--;
    assert_int_equal(vp_forge_module(&recipe, &image, &size), VP_ERROR_INVALID);
    recipe = system_part;
    recipe.header_offset = 0x100;
    assert_int_equal(vp_forge_module(&recipe, &image, &size), VP_ERROR_INVALID);
    recipe = system_part;
    recipe.address = 0xFFFF0000;
    assert_int_equal(vp_forge_module(&recipe, &image, &size), VP_ERROR_INVALID);
    const uint8_t embedded[4] = {0};
    recipe = system_part;
    recipe.embedded = embedded;
    recipe.embedded_size = recipe.size;
    assert_int_equal(vp_forge_module(&recipe, &image, &size), VP_ERROR_INVALID);
}

static void every_row_of_the_catalogue_forges_a_right_module(void **state)
{
    (void)state;
    for (unsigned p = 0; p < 4; p++) {
        const enum vp_platform platform = p < 3 ? modular[p] : VP_PLATFORM_CORE;
        unsigned count;
        const struct vp_catalogue_module *rows = vp_catalogue_modules(platform, &count);
        for (unsigned i = 0; i < count; i++) {
            uint8_t *image;
            size_t size;
            struct vp_module module;
            assert_int_equal(vp_forge_catalogue_module(&rows[i], &image, &size), 0);
            assert_int_equal(vp_module_parse(image, size, &module, NULL), 0);
            assert_int_equal(module.header_offset, rows[i].header_offset);
            assert_int_equal(module.start, rows[i].address);
            assert_int_equal(module.version, rows[i].version);
            assert_memory_equal(module.dependencies, rows[i].dependencies,
                                sizeof module.dependencies);
            assert_int_equal(vp_module_integrity(image, size, &module),
                             VP_CHECK_INTEGRITY | VP_CHECK_SHA256);
            free(image);
        }
    }
}

/* The bootloader inside of a part can be found by its own header. */
static void a_part_carries_its_bootloader(void **state)
{
    (void)state;
    const struct vp_catalogue_module *row;
    assert_int_equal(vp_forge_find(VP_PLATFORM_PHOTON, "system-part2@0.6.3", &row, NULL), 0);
    uint8_t *image;
    size_t size;
    assert_int_equal(vp_forge_catalogue_module(row, &image, &size), 0);
    const uint32_t length = vp_catalogue_nominal_size(vp_catalogue_bootloader(6, 11));
    unsigned found = 0;
    for (size_t at = 16; at + length <= size; at += 16) {
        struct vp_module inner;
        if (vp_module_parse(image + at, length, &inner, NULL) == 0 &&
            inner.function == VP_MODULE_BOOTLOADER) {
            assert_int_equal(inner.version, 11);
            assert_int_equal(vp_module_integrity(image + at, length, &inner),
                             VP_CHECK_INTEGRITY | VP_CHECK_SHA256);
            found++;
        }
    }
    assert_int_equal(found, 1);
    free(image);
}

static void check_installed(const struct vp_flash *flash, enum vp_platform platform,
                            const struct vp_catalogue_release *release)
{
    unsigned slot_count, installed_count = 0;
    const struct vp_module_slot *slots = vp_module_slots(platform, release->version, &slot_count);
    struct vp_module installed[8] = {{0}};
    uint32_t addresses[8];
    for (unsigned i = 0; i < slot_count; i++) {
        struct vp_failure failure;
        const int error =
            vp_module_parse_flash(flash, slots[i].start, &installed[installed_count], &failure);
        if (error) {
            /* The third Electron slot is known before it is used. */
            assert_int_equal(error, VP_ERROR_NOT_FOUND);
            assert_int_equal(slots[i].index, 3);
            continue;
        }
        addresses[installed_count++] = slots[i].start;
    }
    const struct vp_module_rules rules = {
        .platform = platform,
        .slots = slots,
        .slot_count = slot_count,
        .installed = installed,
        .installed_count = installed_count,
        .dependency2 = true,
    };
    assert_int_equal(installed[0].version, release->bootloader);
    for (unsigned i = 0; i < installed_count; i++) {
        const unsigned integrity = vp_module_integrity_flash(flash, addresses[i], &installed[i]);
        assert_int_equal(integrity, VP_CHECK_INTEGRITY | VP_CHECK_SHA256);
        assert_true(vp_module_crc_matches(flash, addresses[i], &installed[i]));
        assert_int_equal(vp_module_validate(&installed[i], integrity, &rules),
                         vp_module_checks_needed(&rules));
    }
}

static void every_release_installs_and_passes_all_checks(void **state)
{
    (void)state;
    for (unsigned p = 0; p < sizeof modular / sizeof modular[0]; p++) {
        unsigned count;
        const struct vp_catalogue_release *releases = vp_catalogue_releases(modular[p], &count);
        for (unsigned i = 0; i < count; i++) {
            struct vp_flash *flash = fresh();
            struct vp_failure failure = {""};
            if (vp_module_install_release(flash, modular[p], releases[i].name, 0, &failure)) {
                fail_msg("%s", failure.text);
            }
            check_installed(flash, modular[p], &releases[i]);
            vp_flash_destroy(flash);
        }
    }
}

static void a_bootloader_can_be_chosen(void **state)
{
    (void)state;
    struct vp_flash *flash = fresh();
    struct vp_module module;
    assert_int_equal(vp_module_install_release(flash, VP_PLATFORM_PHOTON, "0.6.3", 101, NULL), 0);
    assert_int_equal(vp_module_parse_flash(flash, 0x08000000, &module, NULL), 0);
    assert_int_equal(module.version, 101);
    vp_flash_destroy(flash);
    flash = fresh();
    assert_int_equal(vp_module_install_bootloader(flash, VP_PLATFORM_PHOTON, 3, NULL), 0);
    assert_int_equal(vp_module_parse_flash(flash, 0x08000000, &module, NULL), 0);
    assert_int_equal(module.version, 3);
    assert_int_equal(vp_module_parse_flash(flash, 0x08020000, &module, NULL), VP_ERROR_NOT_FOUND);
    vp_flash_destroy(flash);
}

static void unknown_names_are_answered_with_the_nearest(void **state)
{
    (void)state;
    static const struct {
        enum vp_platform platform;
        const char *name, *says;
    } unknown[] = {
        {VP_PLATFORM_PHOTON, "system-part3@0.6.3", "did you mean 'system-part2' or 'system-part1'"},
        {VP_PLATFORM_PHOTON, "system-part1@0.6.4", "the nearest known: 0.6.3 and 0.6.2"},
        {VP_PLATFORM_PHOTON, "bootloader@12", "module version 12; the nearest known: 11 and 100"},
        {VP_PLATFORM_PHOTON, "bootloader@9999", "the nearest known: 1100"},
        {VP_PLATFORM_PHOTON, "doctor@0.6.3", "belongs to no release"},
        {VP_PLATFORM_PHOTON, "tinker", "is not PART@VERSION"},
        {VP_PLATFORM_PHOTON, "tinker@", "is not PART@VERSION"},
        {VP_PLATFORM_PHOTON, "@0.6.3", "is not PART@VERSION"},
    };
    for (unsigned i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        const struct vp_catalogue_module *row;
        struct vp_failure failure;
        assert_true(vp_forge_find(unknown[i].platform, unknown[i].name, &row, &failure) < 0);
        if (!strstr(failure.text, unknown[i].says)) {
            fail_msg("%s: %s", unknown[i].name, failure.text);
        }
    }
    struct vp_flash *flash = fresh();
    struct vp_failure failure;
    assert_int_equal(vp_module_install_release(flash, VP_PLATFORM_PHOTON, "0.52", 0, &failure),
                     VP_ERROR_NOT_FOUND);
    assert_non_null(strstr(failure.text, "did you mean 0.5.2"));
    assert_int_equal(vp_module_install_release(flash, VP_PLATFORM_PHOTON, "0.5.2", 10, &failure),
                     VP_ERROR_NOT_FOUND);
    assert_non_null(strstr(failure.text, "the nearest known: 9 and 11"));
    assert_int_equal(vp_flash_private_bytes(flash), 0);
    vp_flash_destroy(flash);
}

static void names_resolve_by_release_and_by_number(void **state)
{
    (void)state;
    static const struct {
        enum vp_platform platform;
        const char *name;
        uint16_t version;
        uint32_t size;
    } expected[] = {
        {VP_PLATFORM_PHOTON, "system-part1@0.6.3", 109, 260600},
        {VP_PLATFORM_PHOTON, "system-part1@109", 109, 260600},
        {VP_PLATFORM_PHOTON, "bootloader@11", 11, 16076},
        {VP_PLATFORM_PHOTON, "bootloader@0.6.3", 11, 16076},
        {VP_PLATFORM_PHOTON, "bootloader@0.4.6", 4, 13860},
        {VP_PLATFORM_PHOTON, "bootloader@1.4.0+lto", 500, 15336},
        {VP_PLATFORM_PHOTON, "tinker@0.4.5", 3, 5324},
        {VP_PLATFORM_PHOTON, "tinker@2", 2, 3952},
        {VP_PLATFORM_ELECTRON, "system-part3@0.7.0", 207, 121576},
        {VP_PLATFORM_CORE, "tinker@207", 207, 98932},
    };
    for (unsigned i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        const struct vp_catalogue_module *row;
        struct vp_failure failure;
        if (vp_forge_find(expected[i].platform, expected[i].name, &row, &failure)) {
            fail_msg("%s", failure.text);
        }
        assert_int_equal(row->version, expected[i].version);
        assert_int_equal(vp_catalogue_nominal_size(row), expected[i].size);
    }
}

static uint32_t cut_at_once(void *context, const struct vp_flash_operation *operation)
{
    (void)operation;
    (*(unsigned *)context)++;
    return 0;
}

static void a_flash_failure_is_told(void **state)
{
    (void)state;
    struct vp_flash *flash = fresh();
    unsigned fired = 0;
    struct vp_failure failure;
    vp_flash_set_hook(flash, cut_at_once, &fired);
    assert_int_equal(vp_module_install_release(flash, VP_PLATFORM_PHOTON, "0.5.2", 0, &failure),
                     VP_ERROR_FLASH);
    assert_int_equal(fired, 1);
    assert_non_null(strstr(failure.text, "bootloader version 7 of photon at 0x08000000"));
    vp_flash_destroy(flash);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_recipe_becomes_the_module_it_describes),
        cmocka_unit_test(the_same_recipe_gives_the_same_bytes),
        cmocka_unit_test(refuses_what_does_not_fit),
        cmocka_unit_test(every_row_of_the_catalogue_forges_a_right_module),
        cmocka_unit_test(a_part_carries_its_bootloader),
        cmocka_unit_test(every_release_installs_and_passes_all_checks),
        cmocka_unit_test(a_bootloader_can_be_chosen),
        cmocka_unit_test(unknown_names_are_answered_with_the_nearest),
        cmocka_unit_test(names_resolve_by_release_and_by_number),
        cmocka_unit_test(a_flash_failure_is_told),
    };
    return cmocka_run_group_tests_name("forge", tests, NULL, NULL);
}
