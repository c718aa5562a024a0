/* Flashing over the air, through air of every kind; and asking devices. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <zlib.h>

#include "cloud/jobs/image.h"
#include "support/cloud_room.h"
#include "support/fleet.h"
#include "vparticle/forge.h"

static struct vp_cloud_air_counters counters(const struct cloud_room *room)
{
    struct vp_cloud_air_counters counted;
    vp_cloud_air_counters(room->cloud, NULL, &counted);
    return counted;
}

/* ---- Connecting ----------------------------------------------------------------------------- */

static void a_device_connects_and_describes_itself(void **state)
{
    static const char *const specs[] = {"photon@0.4.9",   "photon@0.5.2",   "p1@0.6.3",
                                        "electron@0.5.5", "electron@0.7.0", "photon@1.5.2",
                                        "electron@2.2.0"};
    struct cloud_room *room = *state;
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        struct vp_cloud_connection_facts facts;
        const unsigned from = room->event_count;
        const unsigned device = room_add(room, specs[i]);
        room_settle(room);
        vp_cloud_connection_facts(room->records[device], &facts);
        assert_true(facts.online);
        assert_false(facts.safe_mode);
        assert_non_null(strstr(facts.describe, "\"m\":["));
        assert_non_null(strstr(facts.describe, "\"f\":["));
        assert_int_equal(facts.system_version, room_version(room, device, "system-part2"));
        assert_int_equal(strlen(facts.app_hash), 64);
        assert_int_equal(room_heard(room, from, "spark/status=online"), 1);
        assert_int_equal(room_heard(room, from, "spark/device/app-hash="), 1);
    }
}

static void offline_is_told_and_the_hash_only_if_it_changes(void **state)
{
    struct cloud_room *room = *state;
    const unsigned device = room_add(room, "photon@0.6.3");
    room_settle(room);
    const unsigned from = room->event_count;
    vp_device_reset(room->devices[device]);
    room_settle(room);
    assert_int_equal(room_heard(room, from, "spark/status=offline"), 1);
    assert_int_equal(room_heard(room, from, "spark/status=online"), 1);
    assert_int_equal(room_heard(room, from, "spark/device/app-hash="), 0);
    room_flash_app(room, device, 105);
    room_settle(room);
    assert_int_equal(room_heard(room, from, "spark/device/app-hash="), 1);
    vp_device_power(room->devices[device], false);
    room_settle(room);
    assert_int_equal(room_heard(room, from, "spark/status=offline"), 3);
}

/* ---- Flashing ------------------------------------------------------------------------------- */

static void flashes_an_application(void **state)
{
    struct cloud_room *room = *state;
    const unsigned device = room_add(room, "photon@0.6.3");
    room_settle(room);
    const unsigned from = room->event_count;
    const unsigned job = room_flash_app(room, device, 109);
    assert_int_equal(room_job(room, job).state, VP_CLOUD_JOB_WAITING);
    room_settle(room);
    const struct vp_cloud_job_facts facts = room_job(room, job);
    assert_int_equal(facts.state, VP_CLOUD_JOB_SENT);
    assert_int_equal(facts.chunks, 12);
    assert_int_equal(facts.sent, 12);
    assert_int_equal(facts.repeated, 0);
    assert_in_range(facts.down, 6000, 8500);
    assert_string_equal(facts.file_name, "test.bin");
    assert_int_equal(room_version(room, device, "user"), 4);
    assert_int_equal(vp_device_mode(room->devices[device]), VP_MODE_NORMAL);
    assert_int_equal(room_heard(room, from, "spark/flash/status=started "), 1);
    assert_int_equal(room_heard(room, from, "spark/flash/status=success "), 1);
}

static void flashes_part_by_part_up_and_down(void **state)
{
    static const char *const parts[] = {"system-part1@0.7.0", "system-part2@0.7.0",
                                        "bootloader@0.7.0", "system-part2@0.6.3",
                                        "system-part1@0.6.3"};
    struct cloud_room *room = *state;
    const unsigned device = room_add(room, "photon@0.6.3");
    vp_cloud_set_healer(room->cloud, NULL, false);
    room_settle(room);
    for (unsigned i = 0; i < 5; i++) {
        const unsigned job = room_flash(room, device, parts[i]);
        room_settle(room);
        assert_int_equal(room_job(room, job).state, VP_CLOUD_JOB_SENT);
        if (i == 2) {
            assert_int_equal(room_version(room, device, "system-part1"), 207);
            assert_int_equal(room_version(room, device, "system-part2"), 207);
            assert_int_equal(room_version(room, device, "bootloader"), 101);
        }
    }
    assert_int_equal(room_version(room, device, "system-part1"), 109);
    assert_int_equal(room_version(room, device, "system-part2"), 109);
    assert_int_equal(room_version(room, device, "bootloader"), 11);
}

static void one_job_at_a_time(void **state)
{
    struct cloud_room *room = *state;
    const unsigned device = room_add(room, "photon@0.5.2");
    vp_cloud_set_healer(room->cloud, NULL, false);
    room_settle(room);
    unsigned jobs[VP_CLOUD_JOB_QUEUE];
    jobs[0] = room_flash(room, device, "system-part1@0.6.3");
    jobs[1] = room_flash(room, device, "system-part2@0.6.3");
    for (unsigned i = 2; i < VP_CLOUD_JOB_QUEUE; i++) {
        jobs[i] = room_flash_app(room, device, 109);
    }
    struct vp_failure failure;
    assert_int_equal(vp_cloud_flash(room->cloud, room->records[device], "x", (const uint8_t *)"x",
                                    1, NULL, &failure),
                     VP_ERROR_BUSY);
    room_settle(room);
    for (unsigned i = 0; i < VP_CLOUD_JOB_QUEUE; i++) {
        assert_int_equal(room_job(room, jobs[i]).state, VP_CLOUD_JOB_SENT);
    }
    assert_int_equal(room_version(room, device, "system-part2"), 109);
    assert_int_equal(vp_device_mode(room->devices[device]), VP_MODE_NORMAL);
}

static void what_the_device_refuses_was_sent_all_the_same(void **state)
{
    struct cloud_room *room = *state;
    const unsigned device = room_add(room, "photon@0.6.3");
    uint8_t *image;
    size_t size;
    room_settle(room);
    assert_int_equal(vp_forge_monolithic(VP_PLATFORM_PHOTON, "0.6.3", &image, &size), 0);
    const size_t shown = size < 262144 ? size : 262144;
    unsigned job;
    struct vp_failure failure;
    assert_int_equal(vp_cloud_flash(room->cloud, room->records[device], "mono.bin", image, shown,
                                    &job, &failure),
                     0);
    free(image);
    room_settle(room);
    assert_int_equal(room_job(room, job).state, VP_CLOUD_JOB_SENT);
    assert_int_equal(room_version(room, device, "system-part1"), 109);
    assert_int_equal(vp_device_mode(room->devices[device]), VP_MODE_NORMAL);
}

static void refuses_what_cannot_be(void **state)
{
    static const uint8_t bytes[300000];
    struct cloud_room *room = *state;
    struct vp_failure failure;
    const unsigned device = room_add(room, "photon@0.6.3");
    struct vp_cloud_device *record = room->records[device];
    assert_int_equal(vp_cloud_flash(room->cloud, record, "x", bytes, 1, NULL, &failure),
                     VP_ERROR_NOT_FOUND);
    room_settle(room);
    assert_int_equal(vp_cloud_flash(room->cloud, record, "x", bytes, 0, NULL, &failure),
                     VP_ERROR_INVALID);
    assert_int_equal(vp_cloud_flash(room->cloud, record, "x", bytes, sizeof bytes, NULL, &failure),
                     VP_ERROR_RANGE);
    struct vp_cloud_job_facts facts;
    assert_int_equal(vp_cloud_find_job(room->cloud, 77, &facts), VP_ERROR_NOT_FOUND);

    size_t size;
    uint8_t *app = room_make_app(room, device, 207, &size);
    vp_cloud_set_strict(room->cloud, true);
    assert_int_equal(vp_cloud_flash(room->cloud, record, "x", app, size, NULL, &failure),
                     VP_ERROR_UNSUPPORTED);
    assert_string_equal(failure.text, "Flash requires modules not present on device");
    free(app);
    assert_int_equal(room_heard(room, 0, "spark/flash/status="), 0);
}

/* ---- Bad air -------------------------------------------------------------------------------- */

static void survives(struct cloud_room *room, const char *spec, struct vp_cloud_air air,
                     uint16_t app_needs)
{
    const unsigned device = room_add(room, spec);
    room_settle(room);
    assert_int_equal(vp_cloud_set_air(room->cloud, NULL, &air), 0);
    /* A connection may be lost now and then, as real ones are: then it is flashed again. */
    for (unsigned tries = 0; tries < 5; tries++) {
        const unsigned job = room_flash_app(room, device, app_needs);
        room_settle(room);
        if (room_job(room, job).state == VP_CLOUD_JOB_SENT) {
            break;
        }
    }
    vp_cloud_set_air(room->cloud, NULL, &(struct vp_cloud_air){0});
    room_settle(room);
    if (room_version(room, device, "user") != 4) {
        room_print(room);
    }
    assert_int_equal(room_version(room, device, "user"), 4);
    assert_int_equal(vp_device_mode(room->devices[device]), VP_MODE_NORMAL);
}

static const char *const boards[] = {"electron@0.5.2", "electron@0.6.3", "electron@1.5.2",
                                     "electron@2.2.0", "photon@0.5.2",   "photon@2.2.0"};
enum { BOARDS = sizeof boards / sizeof *boards };

static void survives_losses(void **state)
{
    struct cloud_room *room = *state;
    for (unsigned i = 0; i < BOARDS; i++) {
        const struct vp_cloud_air_counters before = counters(room);
        survives(room, boards[i], (struct vp_cloud_air){.loss_permille = 300, .seed = i}, 17);
        assert_true(counters(room).lost > before.lost + 5);
    }
}

static void survives_duplicates(void **state)
{
    struct cloud_room *room = *state;
    for (unsigned i = 0; i < BOARDS; i++) {
        const struct vp_cloud_air_counters before = counters(room);
        survives(room, boards[i], (struct vp_cloud_air){.duplicate_permille = 500, .seed = i}, 17);
        assert_true(counters(room).duplicated > before.duplicated + 5);
    }
}

static void survives_delays_and_another_order(void **state)
{
    struct cloud_room *room = *state;
    for (unsigned i = 0; i < BOARDS; i++) {
        const struct vp_cloud_air_counters before = counters(room);
        survives(room, boards[i],
                 (struct vp_cloud_air){.delay_ms = 300, .jitter_ms = 900, .seed = i}, 17);
        assert_true(counters(room).delayed > before.delayed + 10);
        if (i < 4) {
            assert_true(counters(room).reordered > before.reordered + 5);
        }
    }
}

static void survives_all_of_it(void **state)
{
    struct cloud_room *room = *state;
    for (unsigned i = 0; i < BOARDS; i++) {
        survives(room, boards[i],
                 (struct vp_cloud_air){.loss_permille = 100,
                                       .duplicate_permille = 100,
                                       .delay_ms = 50,
                                       .jitter_ms = 500,
                                       .seed = i},
                 17);
    }
}

/* Every seventh release of each board, pre-releases and all. */
static void survives_it_with_whatever_release(void **state)
{
    static const enum vp_platform platforms[] = {VP_PLATFORM_PHOTON, VP_PLATFORM_P1,
                                                 VP_PLATFORM_ELECTRON};
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        unsigned count;
        const struct vp_catalogue_release *releases = vp_catalogue_releases(platforms[i], &count);
        for (unsigned k = 5; k < count; k += 7) { /* not from 0.0.2 on, which is too old */
            struct cloud_room *room = calloc(1, sizeof *room);
            char spec[64];
            snprintf(spec, sizeof spec, "%s@%s", vp_platform_name((uint16_t)platforms[i]),
                     releases[k].name);
            room_open(room);
            survives(room, spec,
                     (struct vp_cloud_air){
                         .loss_permille = 200, .delay_ms = 50, .jitter_ms = 500, .seed = k},
                     3);
            room_close(room);
            free(room);
        }
    }
}

static void lost_chunks_are_sent_again(void **state)
{
    struct cloud_room *room = *state;
    const unsigned device = room_add(room, "electron@0.6.3");
    room_settle(room);
    vp_cloud_set_air(room->cloud, room->records[device],
                     &(struct vp_cloud_air){.loss_permille = 200, .seed = 3});
    const unsigned job = room_flash(room, device, "system-part2@0.6.3");
    room_settle(room);
    const struct vp_cloud_job_facts facts = room_job(room, job);
    assert_int_equal(facts.state, VP_CLOUD_JOB_SENT);
    assert_int_equal(facts.sent, facts.chunks);
    /* Also what came while the device waited for an acknowledgement of its UpdateReady. */
    assert_in_range(facts.repeated, facts.chunks / 8, facts.chunks * 2);
    assert_true(facts.down > (uint64_t)facts.size * 11 / 10);
}

static void a_connection_that_drops_ends_its_job(void **state)
{
    static const char *const specs[] = {"photon@0.6.3", "electron@0.6.3"};
    struct cloud_room *room = *state;
    for (unsigned i = 0; i < 2; i++) {
        const unsigned device = room_add(room, specs[i]);
        room_settle(room);
        const unsigned from = room->event_count;
        const uint16_t before = room_version(room, device, "system-part1");
        vp_cloud_set_air(room->cloud, room->records[device],
                         &(struct vp_cloud_air){.drop_after_messages = 100});
        const unsigned job = room_flash(room, device, "system-part1@0.6.2");
        room_settle(room);
        assert_int_equal(room_job(room, job).state, VP_CLOUD_JOB_FAILED);
        assert_string_equal(room_job(room, job).why, "the connection was lost");
        assert_int_equal(room_heard(room, from, "spark/flash/status=failed "), 1);
        assert_int_equal(room_heard(room, from, "spark/status=offline"), 1);
        assert_int_equal(room_heard(room, from, "spark/status=online"), 1);
        assert_int_equal(room_version(room, device, "system-part1"), before);
        room_flash_app(room, device, 105);
        room_settle(room);
        assert_int_equal(room_version(room, device, "user"), 4);
    }
    assert_int_equal(counters(room).dropped, 2);
}

static void is_told_that_nobody_is_there(void **state)
{
    struct cloud_room *room = *state;
    struct vp_cloud_connection_facts facts;
    vp_cloud_set_air(room->cloud, NULL, &(struct vp_cloud_air){.unreachable = true});
    const unsigned device = room_add(room, "photon@0.6.3");
    room_install_app(room, device, 207);
    room_settle(room);
    vp_cloud_connection_facts(room->records[device], &facts);
    assert_true(facts.attached);
    assert_false(facts.online);
    assert_int_equal(room->event_count, 0);
    assert_int_equal(vp_device_mode(room->devices[device]), VP_MODE_SAFE);
    vp_cloud_set_air(room->cloud, NULL, &(struct vp_cloud_air){0}); /* and it is healed */
    room_settle(room);
    assert_int_equal(room_version(room, device, "system-part2"), 207);
    assert_int_equal(vp_device_mode(room->devices[device]), VP_MODE_NORMAL);
}

static void a_device_may_be_reset_often(void **state)
{
    struct cloud_room *room = *state;
    const unsigned device = room_add(room, "photon@0.6.3");
    for (unsigned i = 0; i < 120; i++) {
        room_settle(room);
        vp_device_reset(room->devices[device]);
    }
    room_settle(room);
    assert_int_equal(room_heard(room, 0, "spark/status=online"), 121);
    assert_int_equal(room_heard(room, 0, "spark/status=offline"), 120);
}

/* At instant speed it would try for ever. */
static void a_device_that_never_gets_through_is_left_alone(void **state)
{
    static const char *const specs[] = {"photon@0.6.3", "electron@0.6.3"};
    struct cloud_room *room = *state;
    struct vp_cloud_connection_facts facts;
    for (unsigned i = 0; i < 2; i++) {
        const unsigned device = room_add(room, specs[i]);
        room_settle(room);
        const unsigned job = room_flash_app(room, device, 105);
        vp_cloud_set_air(room->cloud, NULL, &(struct vp_cloud_air){.loss_permille = 1000});
        room_settle(room);
        assert_int_equal(room_job(room, job).state, VP_CLOUD_JOB_FAILED);
        vp_cloud_set_air(room->cloud, NULL, &(struct vp_cloud_air){0});
        room_settle(room);
        vp_cloud_connection_facts(room->records[device], &facts);
        assert_true(facts.online);
        assert_int_equal(vp_device_mode(room->devices[device]), VP_MODE_NORMAL);
    }
}

static void the_same_seed_tells_the_same_story(void **state)
{
    (void)state;
    struct cloud_room *rooms[2];
    for (unsigned i = 0; i < 2; i++) {
        rooms[i] = calloc(1, sizeof *rooms[i]);
        room_open(rooms[i]);
        const unsigned device = room_add(rooms[i], "electron@0.6.3");
        vp_cloud_set_air(rooms[i]->cloud, NULL,
                         &(struct vp_cloud_air){.loss_permille = 200,
                                                .duplicate_permille = 50,
                                                .delay_ms = 20,
                                                .jitter_ms = 90,
                                                .seed = 42});
        room_install_app(rooms[i], device, 110);
        room_settle(rooms[i]);
    }
    assert_int_equal(rooms[0]->event_count, rooms[1]->event_count);
    assert_memory_equal(rooms[0]->events, rooms[1]->events, sizeof rooms[0]->events);
    assert_int_equal(vp_device_time(rooms[0]->devices[0]), vp_device_time(rooms[1]->devices[0]));
    const struct vp_cloud_air_counters a = counters(rooms[0]), b = counters(rooms[1]);
    assert_memory_equal(&a, &b, sizeof a);
    assert_true(a.lost > 100);
    for (unsigned i = 0; i < 2; i++) {
        room_close(rooms[i]);
        free(rooms[i]);
    }
}

/* ---- Kept ----------------------------------------------------------------------------------- */

/* The cloud is killed in the middle of a job: whatever is in its folder then is what it begins with
 * the next time. */
static void unfinished_jobs_have_failed_after_a_restart(void **state)
{
    (void)state;
    char folder[] = "/tmp/vp-cloud-XXXXXX", command[64];
    assert_non_null(mkdtemp(folder));
    const pid_t child = fork();
    if (child == 0) {
        struct cloud_room *room = calloc(1, sizeof *room);
        room->state = folder;
        room_open(room);
        const unsigned device = room_add(room, "photon@0.6.3");
        room_settle(room);
        room_flash_app(room, device, 109);
        room_settle(room);
        vp_device_set_speed(room->devices[device], VP_SPEED_REAL);
        room_flash(room, device, "system-part2@0.6.3"); /* begins, and waits for real time */
        room_flash_app(room, device, 105);              /* waits */
        vp_cloud_run(room->cloud);
        raise(SIGKILL);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);

    struct cloud_room *room = calloc(1, sizeof *room);
    struct vp_cloud_job_facts facts;
    room->state = folder;
    room_open(room);
    struct vp_cloud_device *record = vp_cloud_next_device(room->cloud, room->account, NULL);
    assert_non_null(record);
    vp_cloud_run(room->cloud);
    vp_cloud_run(room->cloud);
    assert_int_equal(room_heard(room, 0, "spark/flash/status=failed "), 2);
    assert_int_equal(vp_cloud_next_job(record, 0, &facts), 0);
    assert_int_equal(facts.state, VP_CLOUD_JOB_SENT);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(vp_cloud_next_job(record, facts.id, &facts), 0);
        assert_int_equal(facts.state, VP_CLOUD_JOB_FAILED);
        assert_string_equal(facts.why, "the cloud ended before it was done");
    }
    assert_int_equal(vp_cloud_next_job(record, facts.id, &facts), VP_ERROR_NOT_FOUND);

    /* The numbers go on, and nothing is told twice. */
    const unsigned device = room_add(room, "photon@0.6.3");
    room_settle(room);
    assert_int_equal(room_flash_app(room, device, 109), 4);
    room_settle(room);
    room_close(room);
    room_open(room);
    vp_cloud_run(room->cloud);
    assert_int_equal(room_heard(room, 0, "spark/flash/status=failed "), 2);
    room_close(room);
    free(room);
    snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
}

static void the_same_file_is_kept_once(void **state)
{
    (void)state;
    struct cloud_images images = {0};
    uint8_t bytes[1200] = {1};
    struct cloud_image *a = cloud_image_get(&images, bytes, sizeof bytes);
    struct cloud_image *b = cloud_image_get(&images, bytes, sizeof bytes);
    struct cloud_image *shorter = cloud_image_get(&images, bytes, sizeof bytes - 1);
    assert_ptr_equal(a, b);
    assert_ptr_not_equal(a, shorter);
    assert_int_equal(a->references, 2);
    for (uint32_t i = 0; i < 3; i++) { /* also with another size of chunk in between */
        assert_int_equal(cloud_image_sum(a, 512, i),
                         crc32(0, bytes + (size_t)i * 512, i < 2 ? 512 : 1200 - 1024));
        assert_int_equal(cloud_image_sum(a, 1000, 1), crc32(0, bytes + 1000, 200));
    }
    cloud_image_release(a);
    bytes[7] = 2;
    struct cloud_image *other = cloud_image_get(&images, bytes, sizeof bytes);
    assert_ptr_not_equal(other, b);
    cloud_image_release(b);
    cloud_image_release(shorter);
    cloud_image_release(other);
    cloud_image_release(NULL);
    assert_null(images.first);
}

/* ---- Many ----------------------------------------------------------------------------------- */

static void a_fleet_is_flashed_and_healed(void **state)
{
    (void)state;
    struct fleet_result result;
    if (!fleet_upgrade(20, NULL, &result) || result.right != 20) {
        fail_msg("%s", result.wrong);
    }
    assert_true(result.chunks > 20 * 1000);
}

#define WITH_ROOM(test) cmocka_unit_test_setup_teardown(test, room_set_up, room_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_ROOM(a_device_connects_and_describes_itself),
        WITH_ROOM(offline_is_told_and_the_hash_only_if_it_changes),
        WITH_ROOM(flashes_an_application),
        WITH_ROOM(flashes_part_by_part_up_and_down),
        WITH_ROOM(one_job_at_a_time),
        WITH_ROOM(what_the_device_refuses_was_sent_all_the_same),
        WITH_ROOM(refuses_what_cannot_be),
        WITH_ROOM(survives_losses),
        WITH_ROOM(survives_duplicates),
        WITH_ROOM(survives_delays_and_another_order),
        WITH_ROOM(survives_all_of_it),
        cmocka_unit_test(survives_it_with_whatever_release),
        WITH_ROOM(lost_chunks_are_sent_again),
        WITH_ROOM(a_connection_that_drops_ends_its_job),
        WITH_ROOM(is_told_that_nobody_is_there),
        WITH_ROOM(a_device_may_be_reset_often),
        WITH_ROOM(a_device_that_never_gets_through_is_left_alone),
        cmocka_unit_test(the_same_seed_tells_the_same_story),
        cmocka_unit_test(unfinished_jobs_have_failed_after_a_restart),
        cmocka_unit_test(the_same_file_is_kept_once),
        cmocka_unit_test(a_fleet_is_flashed_and_healed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
