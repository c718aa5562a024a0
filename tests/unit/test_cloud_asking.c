/* Asking devices, telling them by events, and waiting for them at real speed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/cloud_room.h"
#include "vparticle/application.h"

/* ---- Asking --------------------------------------------------------------------------------- */

struct asked {
    unsigned answers;
    int error;
    size_t length;
    uint8_t bytes[4];
};

static void on_answer(void *context, int error, const struct vp_cloud_reply *reply)
{
    struct asked *asked = context;
    asked->answers++;
    asked->error = error;
    asked->length = reply ? reply->length : 0;
    if (reply && reply->length >= sizeof asked->bytes) {
        memcpy(asked->bytes, reply->payload, sizeof asked->bytes);
    }
}

static void answers_questions(void **state)
{
    struct cloud_room *room = *state;
    struct asked ping = {0}, describe = {0}, gone = {0}, lost = {0};
    const unsigned device = room_add(room, "photon@0.6.3");
    struct vp_cloud_device *record = room->records[device];
    assert_int_equal(vp_cloud_ping(room->cloud, record, on_answer, &ping), VP_ERROR_NOT_FOUND);
    room_settle(room);
    assert_int_equal(vp_cloud_ping(room->cloud, record, on_answer, &ping), 0);
    assert_int_equal(vp_cloud_describe(room->cloud, record, on_answer, &describe), 0);
    assert_int_equal(vp_cloud_ping(room->cloud, record, on_answer, &gone), 0);
    vp_cloud_forget_answers(room->cloud, &gone);
    assert_int_equal(ping.answers, 0); /* not from inside */
    room_settle(room);
    assert_int_equal(ping.answers, 1);
    assert_int_equal(ping.error, 0);
    assert_int_equal(describe.answers, 1);
    assert_true(describe.length > 300);
    assert_int_equal(gone.answers, 0);

    assert_int_equal(vp_cloud_ping(room->cloud, record, on_answer, &lost), 0);
    vp_cloud_detach(room->cloud, room->devices[device]);
    assert_int_equal(lost.answers, 1);
    assert_int_equal(lost.error, VP_ERROR_NOT_FOUND);
}

static void a_question_may_get_no_answer(void **state)
{
    struct cloud_room *room = *state;
    struct asked ping = {0};
    const unsigned device = room_add(room, "electron@0.6.3");
    room_settle(room);
    vp_cloud_set_air(room->cloud, room->records[device],
                     &(struct vp_cloud_air){.loss_permille = 1000});
    const uint64_t before = vp_device_time(room->devices[device]);
    assert_int_equal(vp_cloud_ping(room->cloud, room->records[device], on_answer, &ping), 0);
    for (unsigned i = 0; i < 10000 && ping.answers == 0; i++) {
        vp_cloud_run(room->cloud);
    }
    assert_int_equal(ping.answers, 1);
    assert_int_equal(ping.error, VP_ERROR_BUSY);
    assert_in_range(vp_device_time(room->devices[device]) - before, 10000, 60000);
}

static void calls_functions_and_reads_variables(void **state)
{
    static const struct vp_function functions[] = {{"led", 7}};
    static const struct vp_variable variables[] = {{"count", VP_VARIABLE_INT, {.number = 42}}};
    static const struct vp_application application = {functions, 1, variables, 1};
    struct cloud_room *room = *state;
    struct vp_cloud_connection_facts facts;
    struct asked called = {0}, got = {0}, signalled = {0};
    const unsigned device = room_add(room, "photon@0.6.3");
    struct vp_cloud_device *record = room->records[device];
    vp_device_set_application(room->devices[device], &application);
    room_settle(room);
    vp_cloud_connection_facts(record, &facts);
    assert_non_null(strstr(facts.describe, "\"f\":[\"led\"]"));
    assert_non_null(strstr(facts.describe, "\"v\":{\"count\":2}"));
    assert_int_equal(vp_cloud_call(room->cloud, record, "led", "on", on_answer, &called), 0);
    assert_int_equal(vp_cloud_read_variable(room->cloud, record, "count", on_answer, &got), 0);
    assert_int_equal(vp_cloud_signal(room->cloud, record, true, on_answer, &signalled), 0);
    room_settle(room);
    assert_int_equal(called.error, 0);
    assert_memory_equal(called.bytes, "\0\0\0\7", 4);
    assert_int_equal(got.error, 0);
    assert_memory_equal(got.bytes, "\0\0\0\x2A", 4);
    assert_int_equal(signalled.answers, 1);
    assert_int_equal(signalled.error, 0);
    assert_int_equal(vp_cloud_call(room->cloud, record, "led", "\xFF", on_answer, &called), 0);
    vp_cloud_forget_answers(room->cloud, &called);
}

static void a_device_does_what_it_is_told_by_an_event(void **state)
{
    struct cloud_room *room = *state;
    struct vp_cloud_connection_facts facts;
    struct vp_failure failure;
    const unsigned mine = room_add(room, "photon@0.6.3"), free_one = room_add(room, "p1@0.6.3");
    assert_int_equal(vp_cloud_unclaim(room->cloud, room->records[free_one]), 0);
    room_settle(room);
    assert_int_equal(vp_cloud_publish(room->cloud, room->account, "spark/device/reset", "dfu", 60,
                                      false, &failure),
                     0);
    room_settle(room);
    vp_cloud_connection_facts(room->records[mine], &facts);
    assert_int_equal(vp_device_mode(room->devices[mine]), VP_MODE_DFU);
    assert_false(facts.online);
    assert_int_equal(vp_device_mode(room->devices[free_one]), VP_MODE_NORMAL);
    /* And when it leaves DFU mode, it is back by itself. */
    vp_device_reset(room->devices[mine]);
    room_settle(room);
    vp_cloud_connection_facts(room->records[mine], &facts);
    assert_true(facts.online);
    char name[VP_CLOUD_EVENT_NAME_LIMIT + 2];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_int_equal(vp_cloud_publish(room->cloud, room->account, name, NULL, 60, false, &failure),
                     VP_ERROR_INVALID);
    assert_int_equal(vp_cloud_publish(room->cloud, room->account, "", NULL, 60, false, &failure),
                     VP_ERROR_INVALID);
}

/* ---- Real speed ----------------------------------------------------------------------------- */

static unsigned woken;

static void on_wake(void *context)
{
    (void)context;
    woken++;
}

static void on_pass(void *context, struct vp_device *device)
{
    int64_t *passed = context;
    if (*passed > 0) {
        vp_device_advance(device, (uint32_t)*passed);
    }
    *passed = 0;
}

/* Nobody waits here: the test lets pass what it is told to wait. */
static void waits_at_real_speed(void **state)
{
    struct cloud_room *room = *state;
    struct vp_cloud_connection_facts facts;
    int64_t wait = 0, waited = 0;
    unsigned waits = 0;
    vp_cloud_set_wake(room->cloud, on_wake, NULL);
    vp_cloud_set_clock(room->cloud, on_pass, &wait);
    woken = 0;
    const unsigned device = room_add(room, "photon@0.6.3");
    assert_true(woken > 0);
    vp_device_set_speed(room->devices[device], VP_SPEED_REAL);
    for (unsigned i = 0; i < 10000; i++) {
        wait = vp_cloud_run(room->cloud);
        waits += wait > 0;
        if (wait < 0) {
            break;
        }
    }
    vp_cloud_connection_facts(room->records[device], &facts);
    assert_true(facts.online);
    assert_true(waits > 0);

    woken = 0;
    const uint64_t before = vp_device_time(room->devices[device]);
    const unsigned job = room_flash(room, device, "system-part2@0.6.3");
    assert_true(woken > 0);
    for (unsigned i = 0; i < 100000 && (wait = vp_cloud_run(room->cloud)) >= 0; i++) {
        waited += wait;
    }
    assert_string_equal(room_job(room, job).why, "");
    assert_int_equal(room_job(room, job).state, VP_CLOUD_JOB_SENT);
    /* 420 chunks at 100 kB/s, and a flash that has to be erased and written. */
    assert_in_range(waited, 3000, 60000);
    assert_in_range(vp_device_time(room->devices[device]) - before, (uint64_t)waited, 60000);
}

#define WITH_ROOM(test) cmocka_unit_test_setup_teardown(test, room_set_up, room_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_ROOM(answers_questions),
        WITH_ROOM(a_question_may_get_no_answer),
        WITH_ROOM(calls_functions_and_reads_variables),
        WITH_ROOM(a_device_does_what_it_is_told_by_an_event),
        WITH_ROOM(waits_at_real_speed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
