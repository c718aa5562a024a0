/*
 * A cloud and its devices, killed (SIGKILL) while a Photon is brought from 0.6.3 to 0.7.0 over the
 * air: before some operation on its flash. Whoever comes back finds each slot with what was in it,
 * or with what was to come; unfinished transfers are told to have failed; and the rest of the way
 * can be gone.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cloud/kept.h"
#include "files/remove_folder.h"
#include "vparticle/board.h"
#include "vparticle/catalogue.h"
#include "vparticle/cloud.h"
#include "vparticle/cloud_devices.h"
#include "vparticle/cloud_events.h"
#include "vparticle/device.h"
#include "vparticle/forge.h"

enum { KILLS = 40 };

/* What one process knows; another one gets it from the folder. */
struct world {
    char folder[64], state[96];
    struct vp_cloud *cloud;
    struct vp_kept_devices kept;
    struct vp_device *device;
    struct vp_cloud_device *record;
    unsigned started, succeeded, failed; /* transfers, as told */
};

/* What the killed process leaves to the one that watches it. */
struct shared {
    uint64_t operations;
    unsigned started, succeeded; /* transfers */
};

static struct shared *shared;
static uint64_t last_operation; /* of the process that is killed; 0: it is not */

static uint64_t now(void *context)
{
    (void)context;
    return 1000;
}

static void randomness(void *context, uint8_t *bytes, size_t count)
{
    (void)context;
    memset(bytes, 7, count);
}

static void on_event(void *context, const struct vp_cloud_event *event)
{
    struct world *world = context;
    if (strcmp(event->name, "spark/flash/status") == 0) {
        world->started += strncmp(event->data, "started", 7) == 0;
        world->succeeded += strncmp(event->data, "success", 7) == 0;
        world->failed += strncmp(event->data, "failed", 6) == 0;
        shared->started = world->started;
        shared->succeeded = world->succeeded;
    }
}

/* The system replaces the bootloader in place, and nothing can put it back: a board that loses its
 * power there is dead, and so is one whose process is killed there. The kill waits until it is
 * done. */
static bool is_bootloader(uint32_t address)
{
    const struct vp_region *place = &vp_board_find(VP_PLATFORM_PHOTON)->bootloader;
    return address >= place->start && address < place->end;
}

static uint32_t on_operation(void *context, const struct vp_flash_operation *operation)
{
    (void)context;
    shared->operations++;
    if (last_operation && shared->operations >= last_operation &&
        !is_bootloader(operation->address)) {
        raise(SIGKILL);
    }
    return operation->length;
}

/* @return 0, or what went wrong; a child may not assert */
static int open_world(struct world *world)
{
    static const struct vp_cloud_filter all;
    const struct vp_cloud_options options = {
        .state = world->state, .now = now, .random = randomness};
    struct vp_failure failure = {""};
    struct vp_cloud_subscription *subscription;
    int error = vp_cloud_create(&world->cloud, &options, &failure);
    if (!error) {
        error = vp_cloud_subscribe(world->cloud, &all, on_event, world, &subscription);
    }
    if (!error) {
        error = vp_kept_devices_load(&world->kept, world->state, &failure);
    }
    if (!error && world->kept.count == 0) {
        error = vp_kept_devices_add(&world->kept, world->state, "photon@0.6.3", 0, &failure);
    }
    if (!error) {
        error = vp_device_from_spec(&world->device, world->kept.specs[0], 0, &failure);
    }
    if (error) {
        fprintf(stderr, "%s\n", failure.text);
        return error;
    }
    vp_flash_set_hook(vp_device_flash(world->device), on_operation, NULL);
    error = vp_cloud_attach(world->cloud, world->device, &world->record, &failure);
    vp_cloud_settle(world->cloud);
    return error;
}

static void close_world(struct world *world)
{
    vp_cloud_destroy(world->cloud);
    vp_device_destroy(world->device);
    vp_kept_devices_free(&world->kept);
}

static int flash_part(struct world *world, const char *part)
{
    const struct vp_catalogue_module *module;
    uint8_t *image;
    size_t size;
    struct vp_failure failure = {""};
    int error = vp_forge_find(VP_PLATFORM_PHOTON, part, &module, &failure);
    if (!error) {
        error = vp_forge_catalogue_module(module, &image, &size);
    }
    if (!error) {
        error = vp_cloud_flash(world->cloud, world->record, part, image, size, NULL, &failure);
        free(image);
    }
    if (error) {
        fprintf(stderr, "%s: %s\n", part, failure.text);
    }
    vp_cloud_settle(world->cloud);
    return error;
}

/* The whole way; the healer adds the bootloader. */
static int upgrade(struct world *world)
{
    int error = flash_part(world, "system-part1@0.7.0");
    return error ? error : flash_part(world, "system-part2@0.7.0");
}

/* Go that way in a process that is killed before the Nth operation. @return its status */
static int upgrade_and_die(struct world *world, uint64_t operation)
{
    *shared = (struct shared){0};
    const pid_t child = fork();
    if (child == 0) {
        last_operation = operation;
        _exit(open_world(world) || upgrade(world) ? 1 : 0);
    }
    int status;
    waitpid(child, &status, 0);
    return status;
}

static void make_folder(struct world *world)
{
    *world = (struct world){.folder = "/tmp/vp-kill-XXXXXX"};
    assert_non_null(mkdtemp(world->folder));
    snprintf(world->state, sizeof world->state, "%s/state", world->folder);
}

/* @return the version in a slot, whose CRC must be right */
static unsigned version_in(struct world *world, const char *name)
{
    unsigned count;
    const struct vp_module_slot *slots = vp_device_slots(world->device, &count);
    struct vp_flash *flash = vp_device_flash(world->device);
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(slots[i].name, name) == 0) {
            struct vp_module module;
            struct vp_failure failure = {""};
            if (vp_module_parse_flash(flash, slots[i].start, &module, &failure)) {
                fail_msg("%s: %s", name, failure.text);
            }
            if (!vp_module_crc_matches(flash, slots[i].start, &module)) {
                fail_msg("%s: version %u with a wrong CRC", name, module.version);
            }
            return module.version;
        }
    }
    fail_msg("no slot %s", name);
    return 0;
}

static void expect_old_or_new(struct world *world)
{
    static const struct {
        const char *slot;
        unsigned old, new;
    } slots[] = {
        {"bootloader", 11, 101},
        {"system-part1", 109, 207},
        {"system-part2", 109, 207},
        {"user", 4, 4},
    };
    for (unsigned i = 0; i < sizeof slots / sizeof *slots; i++) {
        const unsigned version = version_in(world, slots[i].slot);
        if (version != slots[i].old && version != slots[i].new) {
            fail_msg("%s: version %u", slots[i].slot, version);
        }
    }
}

static void test_kill(void **state)
{
    (void)state;
    struct world world;
    make_folder(&world);
    assert_int_equal(upgrade_and_die(&world, 0), 0);
    const uint64_t operations = shared->operations;
    assert_in_range(operations, 1000, 1000000);
    vp_remove_folder(world.folder);

    unsigned unfinished = 0;
    for (unsigned kill = 0; kill < KILLS; kill++) {
        make_folder(&world);
        /* The last operations are those on the bootloader. */
        const uint64_t operation = 1 + kill * (operations - 8) / (KILLS - 1);
        const int status = upgrade_and_die(&world, operation);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        const unsigned open = shared->started - shared->succeeded;
        assert_int_equal(open_world(&world), 0);
        expect_old_or_new(&world);
        assert_true(world.failed >= open);
        unfinished += open;
        assert_int_equal(upgrade(&world), 0);
        assert_int_equal(version_in(&world, "system-part1"), 207);
        assert_int_equal(version_in(&world, "system-part2"), 207);
        assert_int_equal(version_in(&world, "bootloader"), 101);
        assert_int_equal(vp_device_mode(world.device), VP_MODE_NORMAL);
        close_world(&world);
        vp_remove_folder(world.folder);
    }
    assert_in_range(unfinished, 1, KILLS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_kill)};
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return shared == MAP_FAILED ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
