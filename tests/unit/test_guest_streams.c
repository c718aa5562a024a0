/* The guest engine's streams on descriptors: what waits to be written, and QEMU's monitor. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/guest/machine/monitor.h"
#include "host/guest/wire/outflow.h"

enum { MUCH = 300000 };

static struct ev_loop *loop;

static int make_loop(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    alarm(60);
    loop = ev_loop_new(EVFLAG_AUTO);
    return loop ? 0 : -1;
}

static int free_loop(void **state)
{
    (void)state;
    ev_loop_destroy(loop);
    return 0;
}

/* ---- Outflow -------------------------------------------------------------------------------- */

struct written {
    size_t total, largest;
    unsigned failures;
};

static void on_written(void *context, size_t size)
{
    struct written *written = context;
    written->total += size;
    written->largest = size > written->largest ? size : written->largest;
    written->failures += size == 0;
}

static uint8_t pattern(size_t at)
{
    return (uint8_t)(at * 7 + at / 251);
}

/* Read all that is there at the moment, and see that it is what comes next. */
static size_t read_pattern(int file, size_t at)
{
    uint8_t bytes[4096];
    for (ssize_t count; (count = read(file, bytes, sizeof bytes)) > 0;) {
        for (ssize_t i = 0; i < count; i++) {
            assert_int_equal(bytes[i], pattern(at++));
        }
    }
    return at;
}

static void all_is_written_in_order_however_slowly_it_is_read(void **state)
{
    (void)state;
    static uint8_t bytes[MUCH];
    int ends[2];
    struct written written = {.total = 0};
    struct outflow flow = {.written = on_written, .context = &written};
    assert_int_equal(pipe(ends), 0);
    fcntl(ends[0], F_SETFL, O_NONBLOCK); /* the writing end stays as it is: it would block */
    outflow_start(&flow, loop, ends[1], OUTFLOW_SMALL_PIECES);
    for (size_t i = 0; i < MUCH; i++) {
        bytes[i] = pattern(i);
    }
    size_t added = 0, got = 0;
    while (got < MUCH) {
        const size_t piece = added < MUCH ? (MUCH - added < 70001 ? MUCH - added : 70001) : 0;
        assert_int_equal(outflow_add(&flow, bytes + added, piece), 0);
        added += piece;
        ev_run(loop, EVRUN_NOWAIT);
        got = read_pattern(ends[0], got);
    }
    assert_int_equal(written.total, MUCH);
    assert_true(written.largest <= OUTFLOW_SMALL_PIECES);
    assert_int_equal(outflow_pending(&flow), 0);
    outflow_stop(&flow);
    close(ends[0]);
    close(ends[1]);
}

static void what_nobody_reads_any_more_is_dropped(void **state)
{
    (void)state;
    int ends[2];
    struct written written = {.total = 0};
    struct outflow flow = {.written = on_written, .context = &written};
    assert_int_equal(pipe(ends), 0);
    outflow_start(&flow, loop, ends[1], OUTFLOW_ANY_PIECES);
    assert_int_equal(outflow_add(&flow, "lost", 4), 0);
    close(ends[0]);
    ev_run(loop, 0); /* until it waits for nothing any more */
    assert_int_equal(written.failures, 1);
    assert_int_equal(outflow_pending(&flow), 0);
    outflow_stop(&flow);
    close(ends[1]);
}

/* ---- Monitor -------------------------------------------------------------------------------- */

struct messages {
    struct monitor monitor;
    char events[256];
    unsigned ends;
    bool stop_at_once;
};

static void on_message(void *context, const json_t *message)
{
    struct messages *messages = context;
    if (!message) {
        messages->ends++;
        return;
    }
    strncat(messages->events, json_string_value(json_object_get(message, "event")),
            sizeof messages->events - strlen(messages->events) - 1);
    if (messages->stop_at_once) {
        monitor_stop(&messages->monitor);
    }
}

static int start_monitor(struct messages *messages)
{
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    messages->monitor.received = on_message;
    messages->monitor.context = messages;
    monitor_start(&messages->monitor, loop, ends[0]);
    return ends[1];
}

static void say(int file, const char *text)
{
    assert_int_equal(write(file, text, strlen(text)), (ssize_t)strlen(text));
    ev_run(loop, EVRUN_ONCE);
}

static void messages_are_lines_however_they_come(void **state)
{
    (void)state;
    struct messages messages = {.ends = 0};
    const int qemu = start_monitor(&messages);
    say(qemu, "{\"event\": \"A\"}\r\n{\"event\": \"B\"}\r\n{\"ev");
    assert_string_equal(messages.events, "AB");
    say(qemu, "ent\": \"C\"}");
    assert_string_equal(messages.events, "AB");
    say(qemu, "\nno JSON\n{\"event\": \"D\"}\n");
    assert_string_equal(messages.events, "ABCD");
    close(qemu);
    ev_run(loop, 0);
    assert_int_equal(messages.ends, 1);
    monitor_stop(&messages.monitor);
}

static void commands_are_json(void **state)
{
    (void)state;
    struct messages messages = {.ends = 0};
    char text[128] = "";
    const int qemu = start_monitor(&messages);
    assert_int_equal(monitor_execute(&messages.monitor, "cont", NULL), 0);
    assert_true(read(qemu, text, sizeof text - 1) > 0);
    assert_string_equal(text, "{\"execute\":\"cont\"}");
    close(qemu);
    assert_int_equal(monitor_execute(&messages.monitor, "cont", NULL), VP_ERROR_IO);
    monitor_stop(&messages.monitor);
}

static void a_monitor_can_be_stopped_by_what_it_says(void **state)
{
    (void)state;
    struct messages messages = {.stop_at_once = true};
    const int qemu = start_monitor(&messages);
    say(qemu, "{\"event\": \"A\"}\n{\"event\": \"B\"}\n");
    assert_string_equal(messages.events, "A");
    monitor_stop(&messages.monitor);
    close(qemu);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_is_written_in_order_however_slowly_it_is_read),
        cmocka_unit_test(what_nobody_reads_any_more_is_dropped),
        cmocka_unit_test(messages_are_lines_however_they_come),
        cmocka_unit_test(commands_are_json),
        cmocka_unit_test(a_monitor_can_be_stopped_by_what_it_says),
    };
    return cmocka_run_group_tests(tests, make_loop, free_loop);
}
