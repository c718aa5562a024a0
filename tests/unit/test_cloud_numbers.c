/* Acknowledgements that the firmware numbers anew still answer what the cloud asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/cloud_room.h"

struct asked {
    unsigned answers;
    int error;
};

static void on_answer(void *context, int error, const struct vp_cloud_reply *reply)
{
    struct asked *asked = context;
    (void)reply;
    asked->answers++;
    asked->error = error;
}

static void bears_other_numbers(void **state)
{
    (void)state;
    static const char *const specs[] = {"photon@0.6.3", "photon@1.5.2", "photon@2.2.0",
                                        "electron@2.2.0"};
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        struct cloud_room *room = calloc(1, sizeof *room);
        struct asked first = {0}, second = {0}, signal = {0};
        assert_non_null(room);
        room_open(room);
        const unsigned device = room_add(room, specs[i]);
        struct vp_cloud_device *record = room->records[device];
        room_settle(room);
        assert_int_equal(vp_cloud_ping(room->cloud, record, on_answer, &first), 0);
        assert_int_equal(vp_cloud_signal(room->cloud, record, true, on_answer, &signal), 0);
        assert_int_equal(vp_cloud_ping(room->cloud, record, on_answer, &second), 0);
        room_settle(room);
        assert_int_equal(first.answers, 1);
        assert_int_equal(first.error, 0);
        assert_int_equal(second.answers, 1);
        assert_int_equal(second.error, 0);
        assert_int_equal(signal.answers, 1);
        assert_int_equal(signal.error, 0);
        room_close(room);
        free(room);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bears_other_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
