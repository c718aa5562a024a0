/* Faults at the serial port: what a host gets to see of a device that knows nothing of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/device_host.h"
#include "vparticle/fault.h"

enum { SET_CONTROL_LINE_STATE = 0x22, DTR = 1, BULK = 2, DESCRIPTOR_ENDPOINT = 5 };

#define VERSION "system firmware version: 0.6.3\n\r\n"

static const char version[] = VERSION;

/* A device in listening mode, its port, and a host that reads it for ever. */
struct bench {
    struct vp_device *device;
    uint8_t in, out;
    struct vp_transfer reading;
    uint8_t packet[64];
    bool answered;
    char heard[512];
    uint32_t heard_count;
    unsigned pieces, events;
};

static void on_read(struct vp_transfer *transfer)
{
    struct bench *bench = transfer->owner;
    bench->answered = true;
    if (transfer->status == VP_TRANSFER_OK) {
        assert_true(bench->heard_count + transfer->actual < sizeof bench->heard);
        memcpy(bench->heard + bench->heard_count, transfer->data, transfer->actual);
        bench->heard_count += transfer->actual;
        bench->pieces++;
    }
}

static void read_on(struct bench *bench)
{
    bench->answered = true;
    while (bench->answered) {
        bench->answered = false;
        bench->reading = (struct vp_transfer){
            .in = true,
            .endpoint = bench->in,
            .data = bench->packet,
            .length = sizeof bench->packet,
            .complete = on_read,
            .owner = bench,
        };
        vp_device_submit(bench->device, &bench->reading);
        if (bench->reading.status != VP_TRANSFER_PENDING && bench->reading.status) {
            break;
        }
    }
}

static void on_written(struct vp_transfer *transfer)
{
    *(bool *)transfer->owner = true;
}

static void say(struct bench *bench, const char *text)
{
    bool done = false;
    struct vp_transfer transfer = {
        .endpoint = bench->out,
        .data = (uint8_t *)(uintptr_t)text,
        .length = (uint32_t)strlen(text),
        .complete = on_written,
        .owner = &done,
    };
    vp_device_submit(bench->device, &transfer);
    assert_true(done);
    if (bench->answered) {
        read_on(bench);
    }
}

/* Exactly this, since it was asked last. */
static void hears(struct bench *bench, const char *text)
{
    bench->heard[bench->heard_count] = '\0';
    assert_string_equal(bench->heard, text);
    bench->heard_count = 0;
    bench->pieces = 0;
}

static void pass(struct bench *bench, uint32_t milliseconds)
{
    for (; milliseconds > 0; milliseconds--) {
        vp_device_advance(bench->device, 1);
        if (bench->answered) {
            read_on(bench);
        }
    }
}

static void open_port(struct bench *bench, bool open)
{
    host_control(bench->device, 0x21, SET_CONTROL_LINE_STATE, open ? DTR : 0, 0, NULL, 0);
}

static void on_event(void *context, const struct vp_event *event)
{
    struct bench *bench = context;
    if (event->kind == VP_EVENT_FAULT) {
        assert_non_null(vp_fault_kind_name(event->fault->kind));
        bench->events++;
    }
}

static void find_endpoints(struct bench *bench)
{
    uint8_t all[256];
    const int size = host_control(bench->device, 0x80, 6, 0x0200, 0, all, sizeof all);
    for (int at = 0; at < size; at += all[at]) {
        if (all[at + 1] == DESCRIPTOR_ENDPOINT && all[at + 3] == BULK) {
            *(all[at + 2] & 0x80 ? &bench->in : &bench->out) = all[at + 2] & 0x0F;
        }
    }
    assert_true(bench->in && bench->out);
}

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    assert_non_null(bench);
    bench->device = host_device("photon@0.6.3");
    vp_device_button(bench->device, true);
    vp_device_advance(bench->device, 4000);
    vp_device_button(bench->device, false);
    assert_int_equal(vp_device_mode(bench->device), VP_MODE_LISTENING);
    assert_int_equal(vp_device_listen(bench->device, on_event, bench), 0);
    find_endpoints(bench);
    open_port(bench, true);
    read_on(bench);
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    vp_device_destroy(bench->device);
    free(bench);
    return 0;
}

static void set(const struct bench *bench, struct vp_fault fault)
{
    struct vp_failure failure = {""};
    if (vp_device_add_fault(bench->device, &fault, &failure)) {
        fail_msg("%s", failure.text);
    }
}

static void has_fired(const struct bench *bench, unsigned number, uint32_t times)
{
    struct vp_fault fault;
    assert_int_equal(vp_device_fault(bench->device, number, &fault), times);
}

/* ---- Each kind ------------------------------------------------------------------------------ */

static void without_faults_a_reply_comes_at_once(void **state)
{
    struct bench *bench = *state;
    say(bench, "v");
    assert_int_equal(bench->pieces, 1);
    hears(bench, version);
    assert_int_equal(vp_device_fault_count(bench->device), 0);
}

static void every_second_reply_is_dropped(void **state)
{
    struct bench *bench = *state;
    set(bench, (struct vp_fault){.kind = VP_FAULT_SERIAL_DROP, .every = 2});
    for (unsigned i = 1; i <= 6; i++) {
        say(bench, "v");
        hears(bench, i % 2 ? version : "");
    }
    has_fired(bench, 0, 3);
    assert_int_equal(bench->events, 3);
}

static void a_reply_comes_late_and_takes_real_time(void **state)
{
    struct bench *bench = *state;
    set(bench, (struct vp_fault){.kind = VP_FAULT_SERIAL_DELAY, .at = 2, .milliseconds = 6000});
    say(bench, "v");
    hears(bench, version);
    say(bench, "v");
    assert_int_equal(vp_device_patience(bench->device), 6000);
    assert_int_equal(vp_device_next_deadline(bench->device), -1);
    vp_device_settle(bench->device); /* jumps over nothing */
    pass(bench, 5999);
    hears(bench, "");
    pass(bench, 1);
    hears(bench, version);
    say(bench, "v");
    hears(bench, version);
    has_fired(bench, 0, 1);
}

static void what_is_said_meanwhile_comes_together_with_a_late_reply(void **state)
{
    struct bench *bench = *state;
    set(bench, (struct vp_fault){.kind = VP_FAULT_SERIAL_DELAY, .at = 1, .milliseconds = 6000});
    say(bench, "f");
    pass(bench, 5500); /* the first C is said after 5000 */
    hears(bench, "");
    pass(bench, 500);
    assert_int_equal(bench->pieces, 2); /* of 64 bytes */
    hears(bench, "Waiting for the binary file to be sent ... (press 'a' to abort)\r\nC");
    has_fired(bench, 0, 1);
}

static void a_reply_comes_in_pieces(void **state)
{
    struct bench *bench = *state;
    set(bench, (struct vp_fault){.kind = VP_FAULT_SERIAL_SPLIT, .bytes = 10, .milliseconds = 20});
    say(bench, "v");
    for (unsigned piece = 1; piece <= 3; piece++) {
        assert_int_equal(bench->heard_count, piece * 10);
        assert_int_equal(bench->pieces, piece);
        pass(bench, 20);
    }
    hears(bench, version); /* 33 bytes */
    say(bench, "f");
    pass(bench, 1000);
    hears(bench, "Waiting for the binary file to be sent ... (press 'a' to abort)\r\n");
    has_fired(bench, 0, 2);
    pass(bench, 7000);
    hears(bench, "C"); /* a single letter is no reply that could be split */
    has_fired(bench, 0, 2);
}

static void text_comes_before_a_reply(void **state)
{
    struct bench *bench = *state;
    set(bench, (struct vp_fault){.kind = VP_FAULT_SERIAL_INSERT, .text = "12 [app] INFO: on\r\n"});
    say(bench, "v");
    hears(bench, "12 [app] INFO: on\r\n" VERSION);
    has_fired(bench, 0, 1);
}

static void the_cable_goes_at_the_second_opening(void **state)
{
    struct bench *bench = *state;
    struct vp_usb_identity identity;
    set(bench, (struct vp_fault){.kind = VP_FAULT_SERIAL_UNPLUG, .at = 2});
    open_port(bench, true); /* it is open already */
    open_port(bench, false);
    open_port(bench, true);
    assert_int_equal(vp_device_identity(bench->device, &identity), 0);
    open_port(bench, false);
    open_port(bench, true);
    assert_int_equal(vp_device_identity(bench->device, &identity), VP_ERROR_NOT_FOUND);
    assert_int_equal(vp_device_mode(bench->device), VP_MODE_LISTENING);
    has_fired(bench, 0, 1);
    vp_device_plug(bench->device, true);
    assert_int_equal(vp_device_identity(bench->device, &identity), 0);
    vp_device_clear_faults(bench->device);
    set(bench, (struct vp_fault){.kind = VP_FAULT_SERIAL_UNPLUG, .at = 2});
    host_enumerate(bench->device); /* what was open before is not any more */
    open_port(bench, true);
    has_fired(bench, 0, 0);
    open_port(bench, false);
    open_port(bench, true);
    has_fired(bench, 0, 1);
}

/* ---- Together, and their end ---------------------------------------------------------------- */

static void faults_are_done_in_their_order(void **state)
{
    struct bench *bench = *state;
    set(bench, (struct vp_fault){.kind = VP_FAULT_SERIAL_INSERT, .text = "b"});
    set(bench, (struct vp_fault){.kind = VP_FAULT_SERIAL_INSERT, .text = "a"});
    set(bench, (struct vp_fault){.kind = VP_FAULT_SERIAL_DROP, .at = 2});
    set(bench, (struct vp_fault){.kind = VP_FAULT_SERIAL_DELAY, .milliseconds = 5});
    say(bench, "v");
    pass(bench, 5);
    hears(bench, "ab" VERSION);
    say(bench, "v");
    pass(bench, 50);
    hears(bench, "");
    has_fired(bench, 0, 2);
    has_fired(bench, 2, 1);
    has_fired(bench, 3, 1); /* what is lost cannot be late */
}

static void what_is_held_back_comes_when_faults_are_cleared(void **state)
{
    struct bench *bench = *state;
    set(bench, (struct vp_fault){.kind = VP_FAULT_SERIAL_DELAY, .milliseconds = 60000});
    say(bench, "v");
    hears(bench, "");
    vp_device_clear_faults(bench->device);
    hears(bench, version);
    assert_int_equal(vp_device_fault_count(bench->device), 0);
    assert_int_equal(vp_device_patience(bench->device), -1);
}

static void what_is_held_back_is_lost_with_the_port(void **state)
{
    struct bench *bench = *state;
    set(bench, (struct vp_fault){.kind = VP_FAULT_SERIAL_DELAY, .at = 1, .milliseconds = 100});
    say(bench, "v");
    open_port(bench, false);
    open_port(bench, true);
    pass(bench, 200);
    hears(bench, "");
    say(bench, "v");
    hears(bench, version);
}

static void faults_outlive_a_reset(void **state)
{
    struct bench *bench = *state;
    set(bench, (struct vp_fault){.kind = VP_FAULT_SERIAL_DELAY, .milliseconds = 100});
    say(bench, "v");
    vp_device_reset(bench->device);
    assert_int_equal(vp_device_fault_count(bench->device), 1);
    assert_int_equal(vp_device_patience(bench->device), -1);
    has_fired(bench, 0, 1);
}

/* ---- Bad input ------------------------------------------------------------------------------ */

static void a_fault_says_what_its_kind_needs_and_no_more(void **state)
{
    const struct bench *bench = *state;
    static const struct {
        struct vp_fault fault;
        const char *reason;
    } cases[] = {
        {{.kind = VP_FAULT_SERIAL_DROP, .at = 1, .every = 2}, "both 'at' and 'every'"},
        {{.kind = VP_FAULT_SERIAL_DROP, .milliseconds = 1}, "no time"},
        {{.kind = VP_FAULT_SERIAL_DROP, .text = "x"}, "no 'text'"},
        {{.kind = VP_FAULT_SERIAL_DELAY}, "needs a time"},
        {{.kind = VP_FAULT_SERIAL_DELAY, .milliseconds = 600001}, "too long"},
        {{.kind = VP_FAULT_SERIAL_DELAY, .milliseconds = 1, .bytes = 1}, "no 'bytes'"},
        {{.kind = VP_FAULT_SERIAL_SPLIT, .milliseconds = 1}, "needs 'bytes'"},
        {{.kind = VP_FAULT_SERIAL_SPLIT, .bytes = 1}, "needs a time"},
        {{.kind = VP_FAULT_SERIAL_INSERT}, "needs a 'text'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct vp_failure failure = {""};
        assert_int_equal(vp_device_add_fault(bench->device, &cases[i].fault, &failure),
                         VP_ERROR_INVALID);
        if (!strstr(failure.text, cases[i].reason)) {
            fail_msg("case %zu: '%s' does not say '%s'", i, failure.text, cases[i].reason);
        }
    }
    assert_int_equal(vp_device_fault_count(bench->device), 0);
}

static void there_is_a_limit(void **state)
{
    const struct bench *bench = *state;
    const struct vp_fault drop = {.kind = VP_FAULT_SERIAL_DROP};
    for (unsigned i = 0; i < VP_FAULT_LIMIT; i++) {
        set(bench, drop);
    }
    assert_int_equal(vp_device_add_fault(bench->device, &drop, NULL), VP_ERROR_BUSY);
    vp_device_clear_faults(bench->device);
    set(bench, drop);
}

static void kinds_have_names(void **state)
{
    (void)state;
    struct vp_failure failure;
    for (unsigned i = 0; i < VP_FAULT_KINDS; i++) {
        enum vp_fault_kind kind;
        assert_int_equal(
            vp_fault_kind_from_name(vp_fault_kind_name((enum vp_fault_kind)i), &kind, &failure), 0);
        assert_int_equal(kind, i);
    }
    enum vp_fault_kind kind;
    assert_int_equal(vp_fault_kind_from_name("serial-dorp", &kind, &failure), VP_ERROR_NOT_FOUND);
    assert_non_null(strstr(failure.text, "serial-drop"));
}

#define ON_A_BENCH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_A_BENCH(without_faults_a_reply_comes_at_once),
        ON_A_BENCH(every_second_reply_is_dropped),
        ON_A_BENCH(a_reply_comes_late_and_takes_real_time),
        ON_A_BENCH(what_is_said_meanwhile_comes_together_with_a_late_reply),
        ON_A_BENCH(a_reply_comes_in_pieces),
        ON_A_BENCH(text_comes_before_a_reply),
        ON_A_BENCH(the_cable_goes_at_the_second_opening),
        ON_A_BENCH(faults_are_done_in_their_order),
        ON_A_BENCH(what_is_held_back_comes_when_faults_are_cleared),
        ON_A_BENCH(what_is_held_back_is_lost_with_the_port),
        ON_A_BENCH(faults_outlive_a_reset),
        ON_A_BENCH(a_fault_says_what_its_kind_needs_and_no_more),
        ON_A_BENCH(there_is_a_limit),
        cmocka_unit_test(kinds_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
