/* What happens to messages between a device and the cloud. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cloud/air/air.h"

enum { MANY = 10000 };

static struct cloud_air fresh(enum vp_link_transport transport, struct vp_cloud_air config)
{
    struct cloud_air air;
    cloud_air_init(&air, transport, 1);
    cloud_air_set(&air, &config, 1);
    return air;
}

static void empty(struct cloud_air *air)
{
    cloud_air_clear(air, CLOUD_UP);
    cloud_air_clear(air, CLOUD_DOWN);
}

static void put(struct cloud_air *air, uint32_t number, uint64_t now)
{
    assert_int_equal(cloud_air_put(air, CLOUD_DOWN, (const uint8_t *)&number, sizeof number, now),
                     0);
}

/* @return the number of the next message, or -1 */
static int64_t take(struct cloud_air *air, uint64_t now)
{
    struct cloud_air_message *message = cloud_air_take(air, CLOUD_DOWN, now);
    uint32_t number;
    if (!message) {
        return -1;
    }
    assert_int_equal(message->length, sizeof number);
    memcpy(&number, message->bytes, sizeof number);
    free(message);
    return number;
}

static void clear_air_passes_everything_at_once(void **state)
{
    (void)state;
    struct cloud_air air = fresh(VP_LINK_UDP, (struct vp_cloud_air){0});
    assert_int_equal(cloud_air_deadline(&air, 5), -1);
    put(&air, 1, 5);
    put(&air, 2, 5);
    assert_int_equal(cloud_air_deadline(&air, 5), 0);
    assert_int_equal(take(&air, 5), 1);
    assert_int_equal(take(&air, 5), 2);
    assert_int_equal(take(&air, 5), -1);
    assert_int_equal(air.counters.messages, 2);
    assert_int_equal(air.counters.delayed, 0);
    assert_int_equal(air.meter.down, 2 * vp_link_wire_size(VP_LINK_UDP, 4));
    assert_int_equal(air.meter.up, 0);
    empty(&air);
}

static void datagrams_get_lost_and_come_twice(void **state)
{
    (void)state;
    struct cloud_air air =
        fresh(VP_LINK_UDP, (struct vp_cloud_air){.loss_permille = 300, .duplicate_permille = 100});
    unsigned came = 0;
    for (uint32_t i = 0; i < MANY; i++) {
        put(&air, i, 0);
        while (take(&air, 0) >= 0) {
            came++;
        }
    }
    assert_in_range(air.counters.lost, MANY * 27 / 100, MANY * 33 / 100);
    assert_in_range(air.counters.duplicated, MANY * 5 / 100, MANY * 9 / 100);
    assert_int_equal(came, MANY - air.counters.lost + air.counters.duplicated);
    empty(&air);
}

static void jitter_changes_the_order_of_datagrams(void **state)
{
    (void)state;
    struct cloud_air air =
        fresh(VP_LINK_UDP, (struct vp_cloud_air){.delay_ms = 100, .jitter_ms = 400});
    int64_t last = -1;
    unsigned came = 0, back = 0;
    for (uint32_t i = 0; i < 1000; i++) {
        put(&air, i, i * 10);
    }
    assert_in_range(cloud_air_deadline(&air, 0), 100, 500);
    for (uint64_t now = 0; now < 1000 * 10 + 500; now++) {
        for (int64_t number; (number = take(&air, now)) >= 0; last = number) {
            assert_in_range(now - (uint64_t)number * 10, 100, 500);
            back += number < last;
            came++;
        }
    }
    assert_int_equal(came, 1000);
    assert_true(back > 100);
    assert_true(air.counters.reordered > 100);
    assert_int_equal(air.counters.delayed, 1000);
    empty(&air);
}

static void a_stream_keeps_order_and_loses_nothing(void **state)
{
    (void)state;
    struct cloud_air air = fresh(
        VP_LINK_TCP,
        (struct vp_cloud_air){.loss_permille = 300, .duplicate_permille = 100, .jitter_ms = 50});
    for (uint32_t i = 0; i < 1000; i++) {
        put(&air, i, i);
    }
    for (uint32_t i = 0; i < 1000; i++) {
        assert_int_equal(take(&air, 1000000000), i);
    }
    assert_int_equal(take(&air, 1000000000), -1);
    assert_in_range(air.counters.lost, 300, 600);
    assert_int_equal(air.counters.reordered, 0);
    /* What TCP sends again is paid for. */
    assert_int_equal(air.meter.down, vp_link_wire_size(VP_LINK_TCP, 4) *
                                         (1000 + air.counters.lost + air.counters.duplicated));
    empty(&air);
}

static void a_stream_without_any_hope_is_given_up(void **state)
{
    (void)state;
    struct cloud_air air = fresh(VP_LINK_TCP, (struct vp_cloud_air){.loss_permille = 1000});
    put(&air, 1, 0);
    assert_true(cloud_air_broke(&air));
    assert_false(cloud_air_broke(&air));
    assert_int_equal(air.counters.dropped, 1);
    assert_int_equal(cloud_air_deadline(&air, 0), -1);
}

static void the_connection_drops_once(void **state)
{
    (void)state;
    struct cloud_air air =
        fresh(VP_LINK_TCP, (struct vp_cloud_air){.delay_ms = 10, .drop_after_messages = 3});
    put(&air, 1, 0);
    put(&air, 2, 0);
    assert_false(cloud_air_broke(&air));
    put(&air, 3, 0);
    assert_true(cloud_air_broke(&air));
    assert_int_equal(take(&air, 100), -1); /* what was under way is lost with it */
    for (uint32_t i = 0; i < 100; i++) {
        put(&air, i, 0);
    }
    assert_false(cloud_air_broke(&air));
    assert_int_equal(air.counters.dropped, 1);
    empty(&air);
}

static void the_beginning_and_the_end_keep_their_place(void **state)
{
    (void)state;
    struct cloud_air air =
        fresh(VP_LINK_UDP, (struct vp_cloud_air){.delay_ms = 10, .jitter_ms = 1000});
    static const uint8_t text[] = "x";
    unsigned kinds[16], count = 0;
    cloud_air_mark(&air, CLOUD_AIR_OPENED, 0);
    cloud_air_put(&air, CLOUD_UP, text, 1, 0);
    cloud_air_put(&air, CLOUD_UP, text, 1, 1);
    cloud_air_put(&air, CLOUD_DOWN, text, 1, 1);
    cloud_air_mark(&air, CLOUD_AIR_CLOSED, 2);
    cloud_air_mark(&air, CLOUD_AIR_OPENED, 3);
    cloud_air_put(&air, CLOUD_UP, text, 1, 3);
    assert_null(cloud_air_take(&air, CLOUD_DOWN, 5000)); /* nobody is there to take it */
    for (struct cloud_air_message *m; (m = cloud_air_take(&air, CLOUD_UP, 5000));) {
        kinds[count++] = m->kind;
        free(m);
    }
    static const unsigned expected[] = {CLOUD_AIR_OPENED, CLOUD_AIR_MESSAGE, CLOUD_AIR_MESSAGE,
                                        CLOUD_AIR_CLOSED, CLOUD_AIR_OPENED,  CLOUD_AIR_MESSAGE};
    assert_int_equal(count, 6);
    assert_memory_equal(kinds, expected, sizeof expected);
    assert_int_equal(air.meter.handshakes, 2);
    assert_true(air.meter.down > 1000);
}

static void too_many_messages_under_way_are_lost(void **state)
{
    (void)state;
    struct cloud_air air = fresh(VP_LINK_UDP, (struct vp_cloud_air){.delay_ms = 10});
    for (uint32_t i = 0; i < CLOUD_AIR_LIMIT + 100; i++) {
        put(&air, i, 0);
    }
    assert_int_equal(air.counters.overflowed, 100);
    assert_int_equal(air.queues[CLOUD_DOWN].count, CLOUD_AIR_LIMIT);
    empty(&air);
}

static uint64_t story(uint64_t seed, uint64_t device)
{
    struct cloud_air air;
    const struct vp_cloud_air config = {
        .loss_permille = 200, .duplicate_permille = 200, .jitter_ms = 50, .seed = seed};
    uint64_t told = 0;
    cloud_air_init(&air, VP_LINK_UDP, device);
    cloud_air_set(&air, &config, device);
    for (uint32_t i = 0; i < 200; i++) {
        put(&air, i, i);
    }
    for (int64_t number; (number = take(&air, 1000)) >= 0;) {
        told = told * 31 + (uint64_t)number;
    }
    return told;
}

static void the_same_seed_tells_the_same_story(void **state)
{
    (void)state;
    assert_true(story(7, 1) == story(7, 1));
    assert_true(story(7, 1) != story(8, 1));
    assert_true(story(7, 1) != story(7, 2));
}

/* The first numbers of the generator with seed 1234567, as its authors published them. */
static void the_generator_is_splitmix64(void **state)
{
    (void)state;
    uint64_t random = 1234567;
    assert_true(cloud_random_next(&random) == 6457827717110365317u);
    assert_true(cloud_random_next(&random) == 3203168211198807973u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clear_air_passes_everything_at_once),
        cmocka_unit_test(datagrams_get_lost_and_come_twice),
        cmocka_unit_test(jitter_changes_the_order_of_datagrams),
        cmocka_unit_test(a_stream_keeps_order_and_loses_nothing),
        cmocka_unit_test(a_stream_without_any_hope_is_given_up),
        cmocka_unit_test(the_connection_drops_once),
        cmocka_unit_test(the_beginning_and_the_end_keep_their_place),
        cmocka_unit_test(too_many_messages_under_way_are_lost),
        cmocka_unit_test(the_same_seed_tells_the_same_story),
        cmocka_unit_test(the_generator_is_splitmix64),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
