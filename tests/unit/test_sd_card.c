/* Modules from an SD card. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "vparticle/forge.h"
#include "vparticle/sd_card.h"

struct slot {
    struct vp_device *device;
    char folder[32];
};

static struct vp_device *make_device(const char *spec)
{
    struct vp_device *device;
    struct vp_failure failure = {""};
    if (vp_device_from_spec(&device, spec, 0, &failure)) {
        fail_msg("%s", failure.text);
    }
    return device;
}

static int set_up(void **state)
{
    struct slot *slot = calloc(1, sizeof *slot);
    strcpy(slot->folder, "/tmp/vp-sd-XXXXXX");
    assert_non_null(mkdtemp(slot->folder));
    *state = slot;
    return 0;
}

static int tear_down(void **state)
{
    struct slot *slot = *state;
    char path[64];
    for (unsigned i = 0; i < VP_SD_FILES; i++) {
        snprintf(path, sizeof path, "%s/%s", slot->folder, vp_sd_file_names[i]);
        unlink(path);
    }
    rmdir(slot->folder);
    vp_device_destroy(slot->device);
    free(slot);
    return 0;
}

static void put_bytes(const struct slot *slot, const char *name, const uint8_t *bytes, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "%s/%s", slot->folder, name);
    FILE *to = fopen(path, "wb");
    assert_non_null(to);
    assert_int_equal(fwrite(bytes, 1, size, to), size);
    assert_int_equal(fclose(to), 0);
}

static void put(const struct slot *slot, const char *name, const char *part)
{
    const struct vp_catalogue_module *module;
    struct vp_failure failure = {""};
    uint8_t *bytes;
    size_t size;
    if (vp_forge_find(vp_device_platform(slot->device), part, &module, &failure)) {
        fail_msg("%s", failure.text);
    }
    assert_int_equal(vp_forge_catalogue_module(module, &bytes, &size), 0);
    put_bytes(slot, name, bytes, size);
    free(bytes);
}

static struct vp_sd_card *insert(const struct slot *slot)
{
    struct vp_sd_card *card;
    struct vp_failure failure = {""};
    if (vp_sd_card_insert(&card, slot->folder, &failure)) {
        fail_msg("%s", failure.text);
    }
    return card;
}

static uint16_t version_at(const struct slot *slot, uint32_t address)
{
    struct vp_module module;
    struct vp_flash *flash = vp_device_flash(slot->device);
    assert_int_equal(vp_module_parse_flash(flash, address, &module, NULL), 0);
    assert_true(vp_module_crc_matches(flash, address, &module));
    return module.version;
}

static void copies_part_by_part(void **state)
{
    struct slot *slot = *state;
    struct vp_sd_copy copy;
    slot->device = make_device("photon@0.5.2");
    put(slot, "system1.bin", "system-part1@0.6.3");
    put(slot, "system2.bin", "system-part2@0.6.3");
    put(slot, "firmware.bin", "tinker@0.6.3");
    struct vp_sd_card *card = insert(slot);
    static const char *const order[] = {"system1.bin", "system2.bin", "firmware.bin"};
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(vp_sd_card_copy(card, slot->device, &copy), 1);
        assert_string_equal(copy.file, order[i]);
        assert_int_equal(copy.checked, copy.result);
        assert_true(copy.accepted);
        assert_int_equal(vp_device_mode(slot->device), VP_MODE_NORMAL);
    }
    assert_int_equal(vp_sd_card_copy(card, slot->device, &copy), 0);
    assert_int_equal(version_at(slot, 0x08020000), 109);
    assert_int_equal(version_at(slot, 0x08060000), 109);
    vp_sd_card_remove(card);
}

/* Part 2 first: 0.6.3 refuses it under a part 1 that is too old, and restarts all the same. */
static void the_same_is_checked_as_over_the_air(void **state)
{
    struct slot *slot = *state;
    struct vp_sd_copy copy;
    slot->device = make_device("photon@0.6.3");
    put(slot, "system1.bin", "system-part2@0.7.0");
    put(slot, "system2.bin", "system-part1@0.7.0");
    struct vp_sd_card *card = insert(slot);
    assert_int_equal(vp_sd_card_copy(card, slot->device, &copy), 1);
    assert_false(copy.accepted);
    assert_true(copy.checked & ~copy.result & VP_CHECK_DEPENDENCIES);
    assert_int_equal(version_at(slot, 0x08060000), 109);
    assert_int_equal(vp_sd_card_copy(card, slot->device, &copy), 1);
    assert_true(copy.accepted);
    assert_int_equal(version_at(slot, 0x08020000), 207);
    vp_sd_card_remove(card);
}

static void needs_an_application_that_runs(void **state)
{
    struct slot *slot = *state;
    struct vp_sd_copy copy;
    slot->device = make_device("photon@0.6.3,mode=safe");
    put(slot, "system1.bin", "system-part1@0.7.0");
    put(slot, "system2.bin", "system-part2@0.7.0");
    struct vp_sd_card *card = insert(slot);
    assert_int_equal(vp_sd_card_copy(card, slot->device, &copy), VP_ERROR_BUSY);
    vp_device_reset(slot->device);
    assert_int_equal(vp_sd_card_copy(card, slot->device, &copy), 1);
    assert_int_equal(vp_sd_card_copy(card, slot->device, &copy), 1);
    /* Bootloader 11 under 0.7.0: safe mode, and nobody goes on copying. */
    assert_int_equal(vp_device_mode(slot->device), VP_MODE_SAFE);
    assert_int_equal(vp_sd_card_copy(card, slot->device, &copy), VP_ERROR_BUSY);
    vp_sd_card_remove(card);
}

static void begins_anew_with_a_card_that_was_out(void **state)
{
    struct slot *slot = *state;
    struct vp_sd_copy copy;
    slot->device = make_device("electron@0.6.3");
    put(slot, "system1.bin", "system-part1@0.6.4");
    put(slot, "system2.bin", "system-part2@0.6.4");
    put(slot, "system3.bin", "system-part3@0.6.4");
    for (unsigned times = 0; times < 2; times++) {
        struct vp_sd_card *card = insert(slot);
        for (unsigned i = 0; i < 3; i++) {
            assert_int_equal(vp_sd_card_copy(card, slot->device, &copy), 1);
            assert_true(copy.accepted);
        }
        assert_int_equal(vp_sd_card_copy(card, slot->device, &copy), 0);
        vp_sd_card_remove(card);
    }
    assert_int_equal(vp_device_mode(slot->device), VP_MODE_NORMAL);
    assert_int_equal(version_at(slot, 0x08040000), 110);
}

static void says_what_is_wrong_with_a_card(void **state)
{
    struct slot *slot = *state;
    struct vp_sd_card *card = NULL;
    struct vp_sd_copy copy;
    struct vp_failure failure = {""};
    slot->device = make_device("photon@0.6.3");
    assert_int_equal(vp_sd_card_insert(&card, slot->folder, &failure), VP_ERROR_NOT_FOUND);
    assert_non_null(strstr(failure.text, "system1.bin"));
    assert_int_equal(vp_sd_card_insert(&card, "/nowhere", &failure), VP_ERROR_NOT_FOUND);

    uint8_t *large = calloc(1, (1 << 20) + 1);
    put_bytes(slot, "system1.bin", large, 300000);
    card = insert(slot);
    assert_int_equal(vp_sd_card_copy(card, slot->device, &copy), VP_ERROR_RANGE);
    assert_int_equal(vp_device_mode(slot->device), VP_MODE_NORMAL);
    vp_sd_card_remove(card);
    put_bytes(slot, "system1.bin", large, (1 << 20) + 1);
    assert_int_equal(vp_sd_card_insert(&card, slot->folder, &failure), VP_ERROR_RANGE);
    put_bytes(slot, "system1.bin", large, 0); /* an empty file is no module */
    card = insert(slot);
    assert_int_equal(vp_sd_card_copy(card, slot->device, &copy), 1);
    assert_false(copy.accepted);
    vp_sd_card_remove(card);
    vp_sd_card_remove(NULL);
    free(large);
}

#define WITH_SLOT(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SLOT(copies_part_by_part),
        WITH_SLOT(the_same_is_checked_as_over_the_air),
        WITH_SLOT(needs_an_application_that_runs),
        WITH_SLOT(begins_anew_with_a_card_that_was_out),
        WITH_SLOT(says_what_is_wrong_with_a_card),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
