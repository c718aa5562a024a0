#include "support/cloud_room.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vparticle/forge.h"

enum { SETTLE_LIMIT = 2000000 /* calls: a loop that does not end fails its test */ };

static uint64_t now(void *context)
{
    return ((struct cloud_room *)context)->time;
}

/* Numerical Recipes' generator: each test sees the same. */
static void randomness(void *context, uint8_t *bytes, size_t count)
{
    struct cloud_room *room = context;
    while (count-- > 0) {
        room->seed = room->seed * 1664525u + 1013904223u;
        *bytes++ = (uint8_t)(room->seed >> 24);
    }
}

static void on_event(void *context, const struct vp_cloud_event *event)
{
    struct cloud_room *room = context;
    if (room->event_count < ROOM_EVENTS) {
        snprintf(room->events[room->event_count++], ROOM_EVENT_TEXT, "%s=%s", event->name,
                 event->data ? event->data : "");
    }
}

void room_open(struct cloud_room *room)
{
    struct vp_failure failure = {""};
    struct vp_cloud_subscription *subscription;
    const struct vp_cloud_options options = {
        .state = room->state, .now = now, .random = randomness, .context = room};
    room->time = 1500000000000;
    if (vp_cloud_create(&room->cloud, &options, &failure)) {
        fail_msg("%s", failure.text);
    }
    room->account = vp_cloud_find_account(room->cloud, "me");
    if (!room->account) {
        assert_int_equal(vp_cloud_add_account(room->cloud, "me", "secret", &failure), 0);
        room->account = vp_cloud_find_account(room->cloud, "me");
    }
    assert_int_equal(vp_cloud_subscribe(room->cloud, &(struct vp_cloud_filter){0}, on_event, room,
                                        &subscription),
                     0);
}

void room_close(struct cloud_room *room)
{
    vp_cloud_destroy(room->cloud);
    for (unsigned i = 0; i < room->count; i++) {
        vp_device_destroy(room->devices[i]);
    }
    room->count = 0;
}

unsigned room_add(struct cloud_room *room, const char *spec)
{
    struct vp_failure failure = {""};
    const unsigned number = room->count;
    if (vp_device_from_spec(&room->devices[number], spec, number, &failure)) {
        fail_msg("%s: %s", spec, failure.text);
    }
    room->count++;
    if (vp_cloud_attach(room->cloud, room->devices[number], &room->records[number], &failure) ||
        vp_cloud_claim(room->cloud, room->account, room->records[number], NULL, &failure)) {
        fail_msg("%s: %s", spec, failure.text);
    }
    return number;
}

void room_settle(struct cloud_room *room)
{
    for (unsigned i = 0; vp_cloud_run(room->cloud) == 0; i++) {
        assert_in_range(i, 0, SETTLE_LIMIT);
    }
    if (vp_cloud_is_busy(room->cloud)) {
        room_print(room);
        fail_msg("something is still under way");
    }
}

unsigned room_heard(const struct cloud_room *room, unsigned from, const char *text)
{
    unsigned heard = 0;
    for (unsigned i = from; i < room->event_count; i++) {
        heard += !strncmp(room->events[i], text, strlen(text));
    }
    return heard;
}

void room_print(const struct cloud_room *room)
{
    for (unsigned i = 0; i < room->event_count; i++) {
        fprintf(stderr, "%3u %s\n", i, room->events[i]);
    }
}

static unsigned flash(struct cloud_room *room, unsigned device, uint8_t *bytes, size_t size)
{
    struct vp_failure failure = {""};
    unsigned job = 0;
    if (vp_cloud_flash(room->cloud, room->records[device], "test.bin", bytes, size, &job,
                       &failure)) {
        fail_msg("%s", failure.text);
    }
    free(bytes);
    return job;
}

unsigned room_flash(struct cloud_room *room, unsigned device, const char *part)
{
    const struct vp_catalogue_module *module;
    struct vp_failure failure = {""};
    uint8_t *bytes;
    size_t size;
    if (vp_forge_find(vp_device_platform(room->devices[device]), part, &module, &failure)) {
        fail_msg("%s", failure.text);
    }
    assert_int_equal(vp_forge_catalogue_module(module, &bytes, &size), 0);
    return flash(room, device, bytes, size);
}

uint8_t *room_make_app(struct cloud_room *room, unsigned device, uint16_t system_version,
                       size_t *size)
{
    const enum vp_platform platform = vp_device_platform(room->devices[device]);
    const struct vp_module_recipe recipe = {
        .platform = platform,
        .version = 4,
        .function = VP_MODULE_USER,
        .index = 1,
        .dependencies = {{VP_MODULE_SYSTEM, VP_MODULE_MAIN_PART, system_version}},
        .address = vp_board_find(platform)->user.start,
        .size = 6000,
        .product_id = (uint16_t)platform,
        .product_version = 1,
    };
    uint8_t *bytes;
    assert_int_equal(vp_forge_module(&recipe, &bytes, size), 0);
    return bytes;
}

unsigned room_flash_app(struct cloud_room *room, unsigned device, uint16_t system_version)
{
    size_t size;
    uint8_t *bytes = room_make_app(room, device, system_version, &size);
    return flash(room, device, bytes, size);
}

void room_install_app(struct cloud_room *room, unsigned device, uint16_t system_version)
{
    size_t size;
    uint8_t *bytes = room_make_app(room, device, system_version, &size);
    struct vp_flash *to = vp_device_flash(room->devices[device]);
    const uint32_t start = vp_board_find(vp_device_platform(room->devices[device]))->user.start;
    vp_device_power(room->devices[device], false);
    assert_int_equal(vp_flash_erase(to, start), 0);
    assert_int_equal(vp_flash_program(to, start, bytes, size), 0);
    vp_device_power(room->devices[device], true);
    free(bytes);
}

struct vp_cloud_job_facts room_job(const struct cloud_room *room, unsigned job)
{
    struct vp_cloud_job_facts facts;
    assert_int_equal(vp_cloud_find_job(room->cloud, job, &facts), 0);
    return facts;
}

uint16_t room_version(const struct cloud_room *room, unsigned device, const char *slot)
{
    unsigned count;
    const struct vp_module_slot *slots = vp_device_slots(room->devices[device], &count);
    const struct vp_flash *flash_of = vp_device_flash(room->devices[device]);
    for (unsigned i = 0; i < count; i++) {
        struct vp_module module;
        if (!strcmp(slots[i].name, slot) &&
            !vp_module_parse_flash(flash_of, slots[i].start, &module, NULL) &&
            vp_module_crc_matches(flash_of, slots[i].start, &module)) {
            return module.version;
        }
    }
    return 0;
}

int room_set_up(void **state)
{
    struct cloud_room *room = calloc(1, sizeof *room);
    room_open(room);
    *state = room;
    return 0;
}

int room_tear_down(void **state)
{
    struct cloud_room *room = *state;
    room_close(room);
    free(room);
    return 0;
}
