/* The Safe Mode Healer: what it plans, and emulated devices that it heals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cloud/healer/healer.h"
#include "cloud/healer/plan.h"
#include "support/cloud_room.h"
#include "vparticle/forge.h"

/* ---- The plan ------------------------------------------------------------------------------- */

/* A report of a device with modules "FUNCTION INDEX VERSION": dependencies are those of the
 * catalogue's rows. */
static void add_module(struct vp_field_report *report, uint8_t function, uint8_t index,
                       uint16_t version, const struct vp_module_dependency *dependencies)
{
    struct vp_field_module *module = &report->modules[report->count++];
    *module = (struct vp_field_module){.store = VP_FIELD_MAIN,
                                       .present = true,
                                       .function = function,
                                       .index = index,
                                       .version = version,
                                       .checked = 30,
                                       .result = 30};
    memcpy(module->dependencies, dependencies, sizeof module->dependencies);
}

static struct vp_field_report report_of(enum vp_platform platform, const char *release_name,
                                        uint16_t bootloader, uint16_t app_needs)
{
    static const struct vp_module_dependency none[2];
    struct vp_field_report report = {.platform = platform};
    const struct vp_catalogue_release *release = vp_catalogue_find_release(platform, release_name);
    add_module(&report, VP_MODULE_BOOTLOADER, 0, bootloader, none);
    for (unsigned i = 0; i < release->module_count; i++) {
        const struct vp_catalogue_module *module = &release->modules[i];
        if (module->function == VP_MODULE_SYSTEM) {
            add_module(&report, module->function, module->index, module->version,
                       module->dependencies);
        }
    }
    const struct vp_module_dependency needs[2] = {
        {VP_MODULE_SYSTEM, VP_MODULE_MAIN_PART, app_needs}};
    add_module(&report, VP_MODULE_USER, 1, 4, needs);
    return report;
}

/* The device takes what it is sent. */
static void install(struct vp_field_report *report, const struct vp_catalogue_module *module)
{
    for (unsigned i = 0; i < report->count; i++) {
        if (report->modules[i].function == module->function &&
            report->modules[i].index == module->index) {
            report->modules[i].version = module->version;
            memcpy(report->modules[i].dependencies, module->dependencies,
                   sizeof module->dependencies);
            return;
        }
    }
    add_module(report, module->function, module->index, module->version, module->dependencies);
}

/* All that is sent, in its order: "system-part1@109 ...". */
static const char *chain(struct vp_field_report report)
{
    static char text[512];
    text[0] = '\0';
    for (unsigned i = 0; i < 20; i++) {
        const struct heal_step step = heal_plan(&report);
        char word[64];
        if (step.outcome != HEAL_SEND) {
            snprintf(word, sizeof word, "%s", step.outcome == HEAL_NOTHING ? "." : "impossible");
            strcat(text, word);
            return text;
        }
        snprintf(word, sizeof word, "%u/%u@%u ", step.module->function, step.module->index,
                 step.module->version);
        strcat(text, word);
        install(&report, step.module);
    }
    return "for ever";
}

static void plans_from_the_lowest_on(void **state)
{
    (void)state;
    assert_string_equal(chain(report_of(VP_PLATFORM_PHOTON, "0.6.3", 11, 109)), ".");
    assert_string_equal(chain(report_of(VP_PLATFORM_PHOTON, "0.5.2", 7, 109)), "4/1@109 4/2@109 .");
    assert_string_equal(chain(report_of(VP_PLATFORM_PHOTON, "0.6.3", 11, 207)),
                        "4/1@207 4/2@207 2/0@101 .");
    assert_string_equal(chain(report_of(VP_PLATFORM_P1, "0.5.2", 7, 207)),
                        "4/1@207 4/2@207 2/0@101 .");
}

static void goes_by_what_parts_need(void **state)
{
    (void)state;
    /* Part 1 of 0.8.0 and later needs a system 0.7.0. */
    assert_string_equal(chain(report_of(VP_PLATFORM_PHOTON, "0.6.3", 11, 1213)),
                        "4/1@207 4/2@207 4/1@1213 4/2@1213 2/0@311 .");
    assert_string_equal(chain(report_of(VP_PLATFORM_ELECTRON, "0.6.3", 11, 207)),
                        "4/3@110 4/1@110 4/2@110 4/3@207 4/1@207 4/2@207 2/0@101 .");
}

static void sends_an_old_electron_by_way_of_053(void **state)
{
    (void)state;
    assert_string_equal(chain(report_of(VP_PLATFORM_ELECTRON, "0.4.8-rc.6", 6, 108)),
                        "4/1@21 4/2@21 4/3@108 4/1@108 4/2@108 .");
    assert_string_equal(chain(report_of(VP_PLATFORM_ELECTRON, "0.4.8-rc.6", 6, 23)),
                        "4/1@21 4/2@21 4/1@23 4/2@23 .");
    assert_string_equal(chain(report_of(VP_PLATFORM_ELECTRON, "0.4.8-rc.6", 6, 17)),
                        "4/1@17 4/2@17 .");
    assert_string_equal(chain(report_of(VP_PLATFORM_ELECTRON, "0.5.5", 6, 108)),
                        "4/3@108 4/1@108 4/2@108 .");
}

static void says_what_nobody_has(void **state)
{
    (void)state;
    struct vp_field_report report = report_of(VP_PLATFORM_PHOTON, "0.6.3", 11, 60000);
    const struct heal_step step = heal_plan(&report);
    assert_int_equal(step.outcome, HEAL_IMPOSSIBLE);
    assert_int_equal(step.need.version, 60000);
}

static void never_goes_down(void **state)
{
    (void)state;
    assert_string_equal(chain(report_of(VP_PLATFORM_PHOTON, "2.2.0", 1006, 17)), ".");
}

static void every_rule_has_a_source(void **state)
{
    (void)state;
    for (unsigned i = 0; i < HEAL_RULES; i++) {
        assert_non_null(heal_rules[i].words);
        assert_non_null(heal_rules[i].source);
    }
}

/* ---- Devices -------------------------------------------------------------------------------- */

static void expect_healed(struct cloud_room *room, unsigned device, uint16_t system)
{
    if (vp_device_mode(room->devices[device]) != VP_MODE_NORMAL) {
        room_print(room);
    }
    assert_int_equal(vp_device_mode(room->devices[device]), VP_MODE_NORMAL);
    assert_int_equal(room_version(room, device, "system-part1"), system);
    assert_int_equal(room_version(room, device, "system-part2"), system);
}

static void heals_a_photon(void **state)
{
    struct cloud_room *room = *state;
    const unsigned device = room_add(room, "photon@0.5.2");
    room_settle(room);
    const unsigned from = room->event_count;
    const unsigned job = room_flash_app(room, device, 207);
    room_settle(room);
    expect_healed(room, device, 207);
    assert_int_equal(room_job(room, job).state, VP_CLOUD_JOB_SENT);
    assert_int_equal(room_version(room, device, "bootloader"), 101);
    assert_int_equal(room_heard(room, from, "spark/safe-mode-updater/updating=1"), 1);
    assert_int_equal(room_heard(room, from, "spark/safe-mode-updater/updating=2"), 1);
    assert_int_equal(room_heard(room, from, "spark/safe-mode-updater/updating=0"), 1);
    assert_int_equal(room_heard(room, from, "spark/flash/status=started "), 4);
    assert_int_equal(room_heard(room, from, "spark/flash/status=success "), 4);
    assert_int_equal(room_heard(room, from, "spark/status/safe-mode={"), 3);
    assert_int_equal(room_heard(room, from, "spark/status=online"), 4);
    assert_int_equal(room_heard(room, from, "spark/safe-mode-updater/stopped"), 0);
}

static void heals_what_came_by_usb(void **state)
{
    struct cloud_room *room = *state;
    const unsigned device = room_add(room, "photon@0.6.3");
    room_install_app(room, device, 207);
    room_settle(room);
    expect_healed(room, device, 207);
}

static void finishes_what_a_person_began(void **state)
{
    struct cloud_room *room = *state;
    const unsigned device = room_add(room, "photon@0.6.3");
    room_settle(room);
    vp_cloud_set_healer(room->cloud, NULL, false);
    room_flash_app(room, device, 207);
    room_settle(room);
    assert_int_equal(vp_device_mode(room->devices[device]), VP_MODE_SAFE);
    room_flash(room, device, "system-part1@0.7.0");
    room_settle(room);
    const unsigned from = room->event_count;
    assert_int_equal(room_version(room, device, "system-part1"), 207);
    vp_cloud_set_healer(room->cloud, NULL, true);
    room_settle(room);
    expect_healed(room, device, 207);
    assert_int_equal(room_heard(room, from, "spark/safe-mode-updater/updating=1"), 0);
    assert_int_equal(room_heard(room, from, "spark/safe-mode-updater/updating=2"), 1);
}

static void heals_a_downgrade_straight_back_up(void **state)
{
    struct cloud_room *room = *state;
    const unsigned device = room_add(room, "photon@0.6.3");
    room_install_app(room, device, 109);
    room_settle(room);
    room_flash(room, device, "system-part2@0.6.2");
    room_settle(room);
    expect_healed(room, device, 109);
    assert_int_equal(room_heard(room, 0, "spark/safe-mode-updater/updating=2"), 1);
}

static void heals_electrons(void **state)
{
    static const char *const specs[] = {"electron@0.4.8-rc.6", "electron@0.5.5"};
    struct cloud_room *room = *state;
    uint64_t paid[2];
    for (unsigned i = 0; i < 2; i++) {
        struct vp_cloud_meter before, after;
        const unsigned device = room_add(room, specs[i]);
        room_settle(room);
        vp_cloud_meter(room->cloud, room->records[device], &before);
        room_flash_app(room, device, 108);
        room_settle(room);
        vp_cloud_meter(room->cloud, room->records[device], &after);
        paid[i] = after.down - before.down;
        expect_healed(room, device, 108);
        assert_int_equal(room_version(room, device, "system-part3"), 108);
    }
    /* The old one paid for 0.5.3, too: some 245 kB in 480 chunks. */
    assert_in_range(paid[0] - paid[1], 245000, 290000);
}

/* From old factory releases to the newest that were made for these boards. */
static void heals_all_the_way(void **state)
{
    static const struct {
        const char *spec;
        uint16_t system;
    } ways[] = {
        {"electron@0.6.3", 207}, {"electron@0.4.8-rc.6", 2302}, {"photon@0.4.6", 2302},
        {"p1@0.4.9", 1512},      {"photon@0.7.0", 3302},        {"electron@2.2.0", 3302},
    };
    struct cloud_room *room = *state;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        const unsigned device = room_add(room, ways[i].spec);
        room_settle(room);
        room_flash_app(room, device, ways[i].system);
        room_settle(room);
        expect_healed(room, device, ways[i].system);
    }
    assert_int_equal(room_heard(room, 0, "spark/safe-mode-updater/stopped"), 0);
}

/* Every fifth release of each board, pre-releases and all, to the newest. */
static void heals_whatever_release(void **state)
{
    static const enum vp_platform platforms[] = {VP_PLATFORM_PHOTON, VP_PLATFORM_P1,
                                                 VP_PLATFORM_ELECTRON};
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        unsigned count;
        const struct vp_catalogue_release *releases = vp_catalogue_releases(platforms[i], &count);
        for (unsigned k = 0; k < count && releases[k].version < 3302; k += 5) {
            struct cloud_room *room = calloc(1, sizeof *room);
            char spec[64];
            snprintf(spec, sizeof spec, "%s@%s", vp_platform_name((uint16_t)platforms[i]),
                     releases[k].name);
            room_open(room);
            const unsigned device = room_add(room, spec);
            room_install_app(room, device, 3302);
            room_settle(room);
            expect_healed(room, device, 3302);
            room_close(room);
            free(room);
        }
    }
}

static void is_switched_off_for_one(void **state)
{
    struct cloud_room *room = *state;
    const unsigned a = room_add(room, "photon@0.6.3"), b = room_add(room, "photon@0.6.3");
    vp_cloud_set_healer(room->cloud, room->records[a], false);
    room_install_app(room, a, 207);
    room_install_app(room, b, 207);
    room_settle(room);
    assert_int_equal(vp_device_mode(room->devices[a]), VP_MODE_SAFE);
    expect_healed(room, b, 207);
    assert_false(vp_cloud_healer_is_on(room->cloud, room->records[a]));
    vp_cloud_set_healer(room->cloud, room->records[a], true);
    room_settle(room);
    expect_healed(room, a, 207);
}

static void leaves_a_damaged_application_alone(void **state)
{
    struct cloud_room *room = *state;
    const unsigned device = room_add(room, "photon@0.6.3");
    vp_device_power(room->devices[device], false);
    assert_int_equal(
        vp_flash_program(vp_device_flash(room->devices[device]), 0x080A0200, "\0\0\0\0", 4), 0);
    vp_device_power(room->devices[device], true);
    room_settle(room);
    assert_int_equal(vp_device_mode(room->devices[device]), VP_MODE_SAFE);
    assert_int_equal(room_heard(room, 0, "spark/status/safe-mode={"), 1);
    assert_int_equal(room_heard(room, 0, "spark/safe-mode-updater/"), 0);
    assert_int_equal(room_heard(room, 0, "spark/flash/status="), 0);
}

static void tries_again_what_was_not_delivered(void **state)
{
    struct cloud_room *room = *state;
    const unsigned device = room_add(room, "photon@0.6.3");
    room_install_app(room, device, 207);
    vp_cloud_set_air(room->cloud, NULL, &(struct vp_cloud_air){.drop_after_messages = 200});
    room_settle(room);
    expect_healed(room, device, 207);
    assert_int_equal(room_heard(room, 0, "spark/flash/status=failed "), 1);
    assert_int_equal(room_heard(room, 0, "spark/safe-mode-updater/updating=1"), 2);
}

/* Whenever a transfer begins, the connection is about to drop. */
static void drop_each(void *context, const struct vp_cloud_event *event)
{
    struct cloud_room *room = context;
    if (event->data && !strcmp(event->data, "started ")) {
        vp_cloud_set_air(room->cloud, NULL, &(struct vp_cloud_air){.drop_after_messages = 50});
    }
}

static void gives_up_what_cannot_be_delivered(void **state)
{
    struct cloud_room *room = *state;
    struct vp_cloud_subscription *subscription;
    const struct vp_cloud_filter filter = {.prefix = "spark/flash/status"};
    assert_int_equal(vp_cloud_subscribe(room->cloud, &filter, drop_each, room, &subscription), 0);
    const unsigned device = room_add(room, "photon@0.6.3");
    room_install_app(room, device, 207);
    room_settle(room);
    assert_int_equal(room_heard(room, 0, "spark/flash/status=failed "), HEAL_LOST_LIMIT);
    assert_int_equal(room_heard(room, 0, "spark/safe-mode-updater/stopped=system part 1"), 1);
    vp_cloud_unsubscribe(room->cloud, subscription);
    vp_cloud_set_healer(room->cloud, room->records[device], true); /* a person says: go on */
    room_settle(room);
    expect_healed(room, device, 207);
}

static void sends_real_modules_where_it_has_them(void **state)
{
    struct cloud_room *room = *state;
    struct vp_failure failure;
    const struct vp_catalogue_module *row;
    uint8_t *image;
    size_t size;
    assert_int_equal(vp_forge_find(VP_PLATFORM_PHOTON, "system-part1@0.6.3", &row, &failure), 0);
    /* Its "real" one can be told from a forged one: it is of another size. */
    const struct vp_module_recipe recipe = {.platform = row->platform,
                                            .version = row->version,
                                            .function = row->function,
                                            .index = row->index,
                                            .address = row->address,
                                            .size = 100000,
                                            .header_offset = row->header_offset,
                                            .product_id = 0xFFFF,
                                            .product_version = 0xFFFF};
    assert_int_equal(vp_forge_module(&recipe, &image, &size), 0);
    assert_int_equal(vp_cloud_add_module(room->cloud, image, size - 1, &failure), VP_ERROR_INVALID);
    assert_int_equal(vp_cloud_add_module(room->cloud, image, size, &failure), 0);
    free(image);
    const unsigned device = room_add(room, "photon@0.5.2");
    room_install_app(room, device, 109);
    room_settle(room);
    expect_healed(room, device, 109);
    struct vp_cloud_job_facts facts;
    assert_int_equal(vp_cloud_next_job(room->records[device], 0, &facts), 0);
    assert_int_equal(facts.size, 100000);
    assert_true(facts.by_healer);
    assert_string_equal(facts.file_name, "photon-system-part1-0.6.3.bin");
}

static int wrong_source(void *context, const struct vp_catalogue_module *module, uint8_t **bytes,
                        size_t *size)
{
    unsigned *asked = context;
    ++*asked;
    if (module->index == 1) {
        return VP_ERROR_NOT_FOUND;
    }
    *bytes = calloc(1, 100); /* which is no module at all */
    *size = 100;
    return 0;
}

static void sends_no_other_module_than_is_needed(void **state)
{
    struct cloud_room *room = *state;
    unsigned asked = 0;
    vp_cloud_set_module_source(room->cloud, wrong_source, &asked);
    const unsigned device = room_add(room, "photon@0.5.2");
    room_install_app(room, device, 109);
    room_settle(room);
    expect_healed(room, device, 109);
    assert_int_equal(asked, 2);
}

/* Real files: what is not there is passed over. @return false: it is not */
static bool read_real(const char *path, uint8_t **bytes, size_t *size)
{
    char whole[512];
    snprintf(whole, sizeof whole, "%s/%s", VP_FIRMWARE_FOLDER, path);
    FILE *from = fopen(whole, "rb");
    if (!from) {
        return false;
    }
    *bytes = malloc(1 << 20);
    *size = fread(*bytes, 1, 1 << 20, from);
    fclose(from);
    return true;
}

static bool install_real(struct vp_flash *flash, const char *path, uint32_t address)
{
    uint8_t *bytes;
    size_t size;
    if (!read_real(path, &bytes, &size)) {
        return false;
    }
    assert_int_equal(vp_flash_erase_range(flash, address, (uint32_t)size), 0);
    assert_int_equal(vp_flash_program(flash, address, bytes, size), 0);
    free(bytes);
    return true;
}

/* A Photon with the real 0.5.2, and the real tinker of 1.5.0: by way of 0.7.0, which part 1
 * of 1.5.0 needs, to the real 1.5.0. */
static void heals_real_firmware(void **state)
{
    static const char *const modules[] = {"1.5.0/photon-system-part1-1.5.0.bin",
                                          "1.5.0/photon-system-part2-1.5.0.bin",
                                          "1.5.0/photon-bootloader-1.5.0.bin"};
    struct cloud_room *room = *state;
    const unsigned device = room_add(room, "photon@0.5.2");
    struct vp_flash *flash = vp_device_flash(room->devices[device]);
    room_install_app(room, device, 1502);
    vp_device_power(room->devices[device], false);
    if (!install_real(flash, "0.5.2/photon-system-part1-0.5.2.bin", 0x08020000) ||
        !install_real(flash, "0.5.2/photon-system-part2-0.5.2.bin", 0x08060000)) {
        skip();
    }
    for (unsigned i = 0; i < 3; i++) {
        struct vp_failure failure;
        uint8_t *bytes;
        size_t size;
        assert_true(read_real(modules[i], &bytes, &size));
        assert_int_equal(vp_cloud_add_module(room->cloud, bytes, size, &failure), 0);
        free(bytes);
    }
    vp_device_power(room->devices[device], true);
    room_settle(room);
    expect_healed(room, device, 1502);
    uint8_t *bytes, found[1000];
    size_t size;
    assert_true(read_real(modules[1], &bytes, &size));
    assert_int_equal(vp_flash_read(flash, 0x08060000, found, sizeof found), 0);
    assert_memory_equal(found, bytes, sizeof found);
    free(bytes);
}

static void stops_when_nobody_has_what_is_needed(void **state)
{
    struct cloud_room *room = *state;
    const unsigned device = room_add(room, "photon@0.6.3");
    room_install_app(room, device, 60000);
    room_settle(room);
    assert_int_equal(room_heard(room, 0, "spark/safe-mode-updater/stopped=system part 2"), 1);
    vp_device_reset(room->devices[device]);
    room_settle(room);
    assert_int_equal(room_heard(room, 0, "spark/safe-mode-updater/stopped"), 1);
}

/* Downgraded below 0.6.3 under bootloader 101, a Photon takes modules, and never applies one. */
static void stops_when_a_device_never_applies(void **state)
{
    struct cloud_room *room = *state;
    const unsigned device = room_add(room, "photon@0.6.2,bootloader=101");
    room_install_app(room, device, 109);
    room_settle(room);
    assert_int_equal(vp_device_mode(room->devices[device]), VP_MODE_SAFE);
    assert_int_equal(room_heard(room, 0, "spark/safe-mode-updater/updating=1"), 2);
    assert_int_equal(room_heard(room, 0, "spark/flash/status=success "), 2);
    assert_int_equal(room_heard(room, 0, "spark/safe-mode-updater/stopped=system part 1"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plans_from_the_lowest_on),
        cmocka_unit_test(goes_by_what_parts_need),
        cmocka_unit_test(sends_an_old_electron_by_way_of_053),
        cmocka_unit_test(says_what_nobody_has),
        cmocka_unit_test(never_goes_down),
        cmocka_unit_test(every_rule_has_a_source),
        cmocka_unit_test_setup_teardown(heals_a_photon, room_set_up, room_tear_down),
        cmocka_unit_test_setup_teardown(heals_what_came_by_usb, room_set_up, room_tear_down),
        cmocka_unit_test_setup_teardown(finishes_what_a_person_began, room_set_up, room_tear_down),
        cmocka_unit_test_setup_teardown(heals_a_downgrade_straight_back_up, room_set_up,
                                        room_tear_down),
        cmocka_unit_test_setup_teardown(heals_electrons, room_set_up, room_tear_down),
        cmocka_unit_test_setup_teardown(heals_all_the_way, room_set_up, room_tear_down),
        cmocka_unit_test(heals_whatever_release),
        cmocka_unit_test_setup_teardown(is_switched_off_for_one, room_set_up, room_tear_down),
        cmocka_unit_test_setup_teardown(leaves_a_damaged_application_alone, room_set_up,
                                        room_tear_down),
        cmocka_unit_test_setup_teardown(tries_again_what_was_not_delivered, room_set_up,
                                        room_tear_down),
        cmocka_unit_test_setup_teardown(gives_up_what_cannot_be_delivered, room_set_up,
                                        room_tear_down),
        cmocka_unit_test_setup_teardown(sends_real_modules_where_it_has_them, room_set_up,
                                        room_tear_down),
        cmocka_unit_test_setup_teardown(sends_no_other_module_than_is_needed, room_set_up,
                                        room_tear_down),
        cmocka_unit_test_setup_teardown(heals_real_firmware, room_set_up, room_tear_down),
        cmocka_unit_test_setup_teardown(stops_when_nobody_has_what_is_needed, room_set_up,
                                        room_tear_down),
        cmocka_unit_test_setup_teardown(stops_when_a_device_never_applies, room_set_up,
                                        room_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
