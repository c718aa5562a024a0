/* The USB/IP server over real sockets. It runs in a thread of its own; everything that touches a
 * device happens there too, by way of on_server(). */
#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/fake_device.h"
#include "support/usbip_client.h"
#include "vparticle/server.h"

/* ---- The server and its thread ------------------------------------------------------------ */

struct bench {
    struct ev_loop *loop;
    struct vp_server *server;
    struct vp_device *devices[2];
    char address[VP_USBIP_ADDRESS_SIZE];
    char folder[32];
    char unix_address[64];
    char last_line[512]; /* of the log */
    pthread_t thread;

    ev_async call;
    pthread_mutex_t lock;
    pthread_cond_t done;
    void (*function)(struct bench *bench, void *argument);
    void *argument;
};

static void on_call(struct ev_loop *loop, ev_async *watcher, int events)
{
    (void)loop;
    (void)events;
    struct bench *bench = watcher->data;
    pthread_mutex_lock(&bench->lock);
    bench->function(bench, bench->argument);
    bench->function = NULL;
    pthread_cond_signal(&bench->done);
    pthread_mutex_unlock(&bench->lock);
}

/* Run @p function in the server's thread and wait until it has returned. */
static void on_server(struct bench *bench, void (*function)(struct bench *, void *), void *argument)
{
    pthread_mutex_lock(&bench->lock);
    bench->function = function;
    bench->argument = argument;
    ev_async_send(bench->loop, &bench->call);
    while (bench->function) {
        pthread_cond_wait(&bench->done, &bench->lock);
    }
    pthread_mutex_unlock(&bench->lock);
}

static void *run_loop(void *argument)
{
    struct bench *bench = argument;
    ev_run(bench->loop, 0);
    return NULL;
}

static void stop_loop(struct bench *bench, void *argument)
{
    (void)argument;
    ev_break(bench->loop, EVBREAK_ALL);
}

static void keep_line(void *context, const char *line)
{
    struct bench *bench = context;
    snprintf(bench->last_line, sizeof bench->last_line, "%s", line);
}

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    struct vp_failure failure;
    bench->loop = ev_loop_new(EVFLAG_NOENV);
    pthread_mutex_init(&bench->lock, NULL);
    pthread_cond_init(&bench->done, NULL);
    ev_async_init(&bench->call, on_call);
    bench->call.data = bench;
    ev_async_start(bench->loop, &bench->call);
    assert_int_equal(vp_server_create(&bench->server, bench->loop), 0);
    vp_server_set_log(bench->server, keep_line, bench);
    vp_server_set_dedicated(bench->server, true);
    for (unsigned i = 0; i < 2; i++) {
        bench->devices[i] = fake_device_create((uint16_t)(0xD006 + i));
        assert_int_equal(vp_server_add_device(bench->server, bench->devices[i]), 0);
    }
    strcpy(bench->folder, "/tmp/vparticle-server-XXXXXX");
    assert_non_null(mkdtemp(bench->folder));
    snprintf(bench->unix_address, sizeof bench->unix_address, "unix:%s/s", bench->folder);
    assert_int_equal(vp_server_listen(bench->server, "127.0.0.1:0", bench->address,
                                      sizeof bench->address, &failure),
                     0);
    assert_int_equal(pthread_create(&bench->thread, NULL, run_loop, bench), 0);
    *state = bench;
    alarm(60);
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    on_server(bench, stop_loop, NULL);
    pthread_join(bench->thread, NULL);
    vp_server_destroy(bench->server);
    vp_device_destroy(bench->devices[0]);
    vp_device_destroy(bench->devices[1]);
    ev_async_stop(bench->loop, &bench->call);
    ev_loop_destroy(bench->loop);
    assert_int_equal(rmdir(bench->folder), 0); /* so the socket is gone */
    pthread_mutex_destroy(&bench->lock);
    pthread_cond_destroy(&bench->done);
    free(bench);
    alarm(0);
    return 0;
}

/* ---- Things to do there ---------------------------------------------------------------------- */

static void read_counters(struct bench *bench, void *argument)
{
    vp_server_get_counters(bench->server, argument);
}

static struct vp_server_counters counters(struct bench *bench)
{
    struct vp_server_counters now;
    on_server(bench, read_counters, &now);
    return now;
}

static void copy_device(struct bench *bench, void *argument)
{
    *(struct vp_device *)argument = *bench->devices[0];
}

static void wait_for_drops(struct bench *bench, uint64_t count)
{
    while (counters(bench).dropped < count) {
        sched_yield();
    }
    assert_int_equal(counters(bench).dropped, count);
}

static void copy_line(struct bench *bench, void *argument)
{
    memcpy(argument, bench->last_line, sizeof bench->last_line);
}

static void was_dropped_for(struct bench *bench, const char *reason)
{
    char line[512];
    on_server(bench, copy_line, line);
    if (!strstr(line, reason)) {
        fail_msg("expected \"%s\" in: %s", reason, line);
    }
}

static void detach(struct bench *bench, void *argument)
{
    (void)argument;
    fake_device_detach(bench->devices[0]);
}

static void attach(struct bench *bench, void *argument)
{
    (void)argument;
    fake_device_attach(bench->devices[0]);
}

static void complete_interrupt(struct bench *bench, void *argument)
{
    assert_true(fake_device_complete(bench->devices[0], 1, true, argument, 4));
}

/* ---- Things to do as a client --------------------------------------------------------------- */

static const uint8_t get_status[8] = {0xA1, FAKE_REQUEST_STATUS, 0, 0, 0, 0, 6, 0};
static const uint8_t stall_in[8] = {0xA1, FAKE_REQUEST_STALL, 0, 0, 0, 0, 6, 0};
static const uint8_t leave[8] = {0x21, FAKE_REQUEST_LEAVE, 0, 0, 0, 0, 0, 0};

static struct usbip_client connect_to(const char *address)
{
    struct usbip_client client;
    assert_int_equal(usbip_client_connect(&client, address), 0);
    return client;
}

static struct usbip_client import(struct bench *bench, const char *busid)
{
    struct usbip_client client = connect_to(bench->address);
    assert_int_equal(usbip_client_import(&client, busid), VP_USBIP_ST_OK);
    return client;
}

static void answers(struct usbip_client *client)
{
    uint8_t data[6] = {0};
    assert_int_equal(usbip_client_control(client, get_status, data), 6);
    assert_int_equal(data[5], 5);
}

static int list(const char *address, struct vp_usbip_device devices[2])
{
    struct usbip_client client = connect_to(address);
    int count = usbip_client_list(&client, devices, 2);
    assert_true(usbip_client_is_closed(&client));
    usbip_client_close(&client);
    return count;
}

static bool is_socket(const char *address)
{
    struct stat status;
    return stat(address + strlen("unix:"), &status) == 0 && S_ISSOCK(status.st_mode);
}

/* ---- Several at once ------------------------------------------------------------------------ */

static void shows_all_devices_and_serves_them_at_once(void **state)
{
    struct bench *bench = *state;
    struct vp_usbip_device devices[2];
    assert_int_equal(list(bench->address, devices), 2);
    assert_string_equal(devices[0].busid, "1-1");
    assert_string_equal(devices[1].busid, "1-2");
    assert_int_equal(devices[0].busnum, 1);
    assert_int_equal(devices[0].devnum, 2);
    assert_int_equal(devices[1].devnum, 3);
    assert_int_equal(devices[0].speed, 2);
    assert_int_equal(devices[1].identity.product_id, 0xD007);
    assert_int_equal(devices[0].identity.interfaces[1].interface_class, 0xFE);
    struct usbip_client first = import(bench, "1-1");
    struct usbip_client second = import(bench, "1-2");
    assert_int_equal(first.device.identity.product_id, 0xD006);
    assert_int_equal(second.device.identity.product_id, 0xD007);
    for (unsigned i = 0; i < 50; i++) {
        answers(&first);
        answers(&second);
    }
    struct usbip_client third = connect_to(bench->address);
    assert_int_equal(usbip_client_import(&third, "1-1"), VP_USBIP_ST_DEV_BUSY);
    assert_true(usbip_client_is_closed(&third));
    usbip_client_close(&third);
    answers(&first);
    usbip_client_close(&first);
    usbip_client_close(&second);
}

static void a_pending_transfer_blocks_nobody(void **state)
{
    struct bench *bench = *state;
    static struct usbip_answer answer;
    struct usbip_client first = import(bench, "1-1");
    struct usbip_client second = import(bench, "1-2");
    uint32_t pending = usbip_client_submit(&first, 1, true, NULL, NULL, 64);
    answers(&first);
    answers(&second);
    on_server(bench, complete_interrupt, "data");
    assert_int_equal(usbip_client_answer(&first, true, &answer), 0);
    assert_int_equal(answer.header.seqnum, pending);
    assert_int_equal(answer.header.submitted.actual, 4);
    assert_memory_equal(answer.data, "data", 4);
    usbip_client_close(&first);
    usbip_client_close(&second);
}

/* One alone is served in a special way when it never pauses; others come through all the same. */
static void a_busy_client_keeps_nobody_out(void **state)
{
    struct bench *bench = *state;
    struct vp_usbip_device devices[2];
    struct usbip_client busy = import(bench, "1-1");
    for (unsigned i = 0; i < 2000; i++) {
        answers(&busy);
    }
    assert_int_equal(list(bench->address, devices), 2);
    struct usbip_client second = import(bench, "1-2");
    for (unsigned i = 0; i < 200; i++) {
        answers(&busy);
        answers(&second);
    }
    usbip_client_close(&busy);
    for (unsigned i = 0; i < 200; i++) {
        answers(&second);
    }
    usbip_client_close(&second);
    second = import(bench, "1-1");
    answers(&second);
    usbip_client_close(&second);
}

static void all_answers_to_one_read_leave_in_one_send(void **state)
{
    struct bench *bench = *state;
    enum { REQUESTS = 16 };
    static uint8_t bytes[REQUESTS * VP_USBIP_HEADER_SIZE];
    static uint8_t replies[REQUESTS * (VP_USBIP_HEADER_SIZE + 6)];
    struct usbip_client client = import(bench, "1-1");
    size_t size = 0;
    for (unsigned i = 0; i < REQUESTS; i++) {
        size += usbip_client_make_submit(&client, bytes + size, 0, true, get_status, NULL, 6);
    }
    struct vp_server_counters before = counters(bench);
    assert_true(usbip_client_write(&client, bytes, size));
    assert_true(usbip_client_read(&client, replies, sizeof replies));
    struct vp_server_counters after = counters(bench);
    assert_int_equal(after.reads - before.reads, 1);
    assert_int_equal(after.sends - before.sends, 1);
    for (unsigned i = 0; i < REQUESTS; i++) {
        struct vp_usbip_header header;
        vp_usbip_decode_header(&header, replies + i * (VP_USBIP_HEADER_SIZE + 6));
        assert_int_equal(header.seqnum, i + 1);
        assert_int_equal(header.submitted.status, 0);
    }
    usbip_client_close(&client);
}

static void unlink_races(void **state)
{
    struct bench *bench = *state;
    static struct usbip_answer answer;
    struct usbip_client client = import(bench, "1-1");
    for (unsigned i = 0; i < 100; i++) {
        uint32_t pending = usbip_client_submit(&client, 1, true, NULL, NULL, 64);
        uint32_t done = usbip_client_submit(&client, 0, true, stall_in, NULL, 6);
        uint32_t early = usbip_client_unlink(&client, pending);
        uint32_t late = usbip_client_unlink(&client, done);
        assert_int_equal(usbip_client_answer(&client, true, &answer), 0);
        assert_int_equal(answer.header.command, VP_USBIP_RET_SUBMIT);
        assert_int_equal(answer.header.seqnum, done);
        assert_int_equal(answer.header.submitted.status, -EPIPE);
        assert_int_equal(usbip_client_answer(&client, true, &answer), 0);
        assert_int_equal(answer.header.command, VP_USBIP_RET_UNLINK);
        assert_int_equal(answer.header.seqnum, early);
        assert_int_equal(answer.header.unlinked.status, -ECONNRESET);
        assert_int_equal(usbip_client_answer(&client, true, &answer), 0);
        assert_int_equal(answer.header.seqnum, late);
        assert_int_equal(answer.header.unlinked.status, 0);
    }
    usbip_client_close(&client);
}

/* ---- Coming and going ----------------------------------------------------------------------- */

static void unplug_with_a_transfer_in_flight(void **state)
{
    struct bench *bench = *state;
    static struct usbip_answer answer;
    struct vp_usbip_device devices[2];
    uint32_t devnum = 0;
    for (unsigned i = 0; i < 200; i++) { /* more often than a bus has addresses */
        struct usbip_client client = import(bench, "1-1");
        assert_int_not_equal(client.device.devnum, devnum);
        assert_in_range(client.device.devnum, 2, 127);
        devnum = client.device.devnum;
        uint32_t pending = usbip_client_submit(&client, 1, true, NULL, NULL, 64);
        answers(&client); /* so the server has got the one before it */
        on_server(bench, detach, NULL);
        assert_int_equal(usbip_client_answer(&client, true, &answer), 0);
        assert_int_equal(answer.header.seqnum, pending);
        assert_int_equal(answer.header.submitted.status, -ESHUTDOWN);
        assert_true(usbip_client_is_closed(&client));
        usbip_client_close(&client);
        assert_int_equal(list(bench->address, devices), 1);
        assert_string_equal(devices[0].busid, "1-2");
        client = connect_to(bench->address);
        assert_int_equal(usbip_client_import(&client, "1-1"), VP_USBIP_ST_NA);
        usbip_client_close(&client);
        on_server(bench, attach, NULL);
    }
}

static void a_client_that_goes_takes_its_transfers_back(void **state)
{
    struct bench *bench = *state;
    struct vp_device device;
    struct usbip_client client = import(bench, "1-1");
    usbip_client_submit(&client, 1, true, NULL, NULL, 64);
    answers(&client);
    usbip_client_close(&client);
    do {
        client = connect_to(bench->address); /* its end may not have been noticed yet */
    } while (usbip_client_import(&client, "1-1") != VP_USBIP_ST_OK);
    on_server(bench, copy_device, &device);
    assert_int_equal(device.cancelled, 1);
    answers(&client);
    usbip_client_close(&client);
    assert_int_equal(counters(bench).dropped, 0);
}

/* ---- Clients that break the rules ----------------------------------------------------------- */

static void nonsense_costs_one_connection(void **state)
{
    struct bench *bench = *state;
    uint8_t header[VP_USBIP_HEADER_SIZE];
    struct usbip_client good = import(bench, "1-2");
    struct usbip_client bad = connect_to(bench->address);
    usbip_client_write(&bad, "GET / HTTP/1.1\r\n\r\n", 18);
    assert_true(usbip_client_is_closed(&bad));
    usbip_client_close(&bad);
    wait_for_drops(bench, 1);
    was_dropped_for(bench, "does not speak USB/IP");
    bad = import(bench, "1-1");
    memset(header, 0xA5, sizeof header);
    usbip_client_write(&bad, header, sizeof header);
    assert_true(usbip_client_is_closed(&bad));
    usbip_client_close(&bad);
    wait_for_drops(bench, 2);
    was_dropped_for(bench, "unknown command");
    bad = import(bench, "1-1");
    usbip_client_make_submit(&bad, header, 0, true, get_status, NULL, 0xFFFFFFFF);
    usbip_client_write(&bad, header, sizeof header);
    assert_true(usbip_client_is_closed(&bad));
    usbip_client_close(&bad);
    wait_for_drops(bench, 3);
    was_dropped_for(bench, "4294967295 bytes");
    answers(&good);
    usbip_client_close(&good);
}

static void truncated_messages_cost_one_connection(void **state)
{
    struct bench *bench = *state;
    static const size_t lengths[] = {1, 47, VP_USBIP_HEADER_SIZE + 100};
    static const uint8_t data[200];
    uint8_t bytes[VP_USBIP_HEADER_SIZE + sizeof data];
    const uint8_t setup[8] = {0x21, FAKE_REQUEST_ECHO, 0, 0, 0, 0, 200, 0};
    struct usbip_client good = import(bench, "1-2");
    for (unsigned i = 0; i < 3; i++) {
        struct usbip_client bad = import(bench, "1-1");
        usbip_client_make_submit(&bad, bytes, 0, false, setup, data, sizeof data);
        usbip_client_write(&bad, bytes, lengths[i]);
        usbip_client_close(&bad);
        wait_for_drops(bench, i + 1);
        was_dropped_for(bench, "middle of a message");
    }
    struct usbip_client bad = connect_to(bench->address);
    usbip_client_write(&bad, "\x01\x11\x80", 3);
    usbip_client_close(&bad);
    wait_for_drops(bench, 4);
    answers(&good);
    usbip_client_close(&good);
}

static void thousands_of_unanswered_transfers_cost_one_connection(void **state)
{
    struct bench *bench = *state;
    static uint8_t bytes[2000 * VP_USBIP_HEADER_SIZE];
    struct usbip_client good = import(bench, "1-2");
    struct usbip_client bad = import(bench, "1-1");
    size_t size = 0;
    while (size < sizeof bytes) {
        size += usbip_client_make_submit(&bad, bytes + size, 1, true, NULL, NULL, 64);
    }
    usbip_client_write(&bad, bytes, size);
    assert_true(usbip_client_is_closed(&bad));
    usbip_client_close(&bad);
    wait_for_drops(bench, 1);
    was_dropped_for(bench, "without an answer");
    answers(&good);
    bad = import(bench, "1-1");
    answers(&bad);
    usbip_client_close(&bad);
    usbip_client_close(&good);
}

/* Back-pressure: the server stops reading, holds little, and loses nothing. */
static void a_client_that_does_not_read_is_made_to_wait(void **state)
{
    struct bench *bench = *state;
    const uint8_t out[8] = {0x21, FAKE_REQUEST_ECHO, 0, 0, 0, 0, 0, 0xF0};
    const uint8_t in[8] = {0xA1, FAKE_REQUEST_ECHO, 0, 0, 0, 0, 0, 0xF0};
    enum { REQUESTS = 1000 }; /* 60 MB: more than all buffers of the kernel */
    static uint8_t data[0xF000];
    static struct usbip_answer answer;
    static struct vp_device device;
    uint8_t bytes[VP_USBIP_HEADER_SIZE];
    struct usbip_client good = import(bench, "1-2");
    struct usbip_client lazy = import(bench, "1-1");
    memset(data, 0x77, sizeof data);
    assert_int_equal(usbip_client_control(&lazy, out, data), sizeof data);
    uint32_t first = lazy.last_seqnum + 1;
    for (unsigned i = 0; i < REQUESTS; i++) {
        usbip_client_make_submit(&lazy, bytes, 0, true, in, NULL, sizeof data);
        assert_true(usbip_client_write(&lazy, bytes, sizeof bytes));
    }
    do { /* until the first of them are done; all of them cannot be */
        on_server(bench, copy_device, &device);
    } while (device.submitted < 10);
    answers(&good);
    on_server(bench, copy_device, &device);
    assert_in_range(device.submitted, 10, REQUESTS / 2);
    for (uint32_t seqnum = first; seqnum < first + REQUESTS; seqnum++) {
        assert_int_equal(usbip_client_answer(&lazy, true, &answer), 0);
        assert_int_equal(answer.header.seqnum, seqnum);
        assert_int_equal(answer.header.submitted.actual, sizeof data);
        assert_memory_equal(answer.data, data, sizeof data);
    }
    assert_int_equal(counters(bench).dropped, 0);
    usbip_client_close(&lazy);
    usbip_client_close(&good);
}

static void idle_connections_keep_nobody_out(void **state)
{
    struct bench *bench = *state;
    enum { IDLE = 100, GUESTS = 64 };
    struct usbip_client idle[IDLE];
    struct vp_usbip_device devices[2];
    struct usbip_client good = import(bench, "1-1");
    for (unsigned i = 0; i < IDLE; i++) {
        idle[i] = connect_to(bench->address);
    }
    assert_int_equal(list(bench->address, devices), 2);
    wait_for_drops(bench, IDLE + 1 - GUESTS);
    was_dropped_for(bench, "oldest");
    assert_true(usbip_client_is_closed(&idle[0]));
    answers(&good);
    for (unsigned i = 0; i < IDLE; i++) {
        usbip_client_close(&idle[i]);
    }
    usbip_client_close(&good);
}

/* ---- Time ----------------------------------------------------------------------------------- */

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* Ask for @p seconds. @return the longest pause between two questions; stops at the first error */
static double keep_asking(struct usbip_client *client, double seconds, bool *alive)
{
    uint8_t data[6];
    double start = now();
    double last = start;
    double pause = 0;
    *alive = true;
    while (*alive && last - start < seconds) {
        *alive = usbip_client_control(client, get_status, data) == 6;
        double this = now();
        pause = this - last > pause ? this - last : pause;
        last = this;
    }
    return pause;
}

static void set_reattach(struct bench *bench, void *argument)
{
    (void)argument;
    bench->devices[0]->reattach_after = 1000;
    bench->devices[0]->advances = 0;
}

static void a_deadline_waits_while_the_host_asks(void **state)
{
    struct bench *bench = *state;
    struct vp_device device;
    struct usbip_client client;
    on_server(bench, set_reattach, NULL);
    for (;;) { /* again if this machine was too busy to ask without a pause */
        bool alive;
        client = import(bench, "1-1");
        assert_int_equal(usbip_client_control(&client, leave, NULL), 0);
        if (keep_asking(&client, 0.2, &alive) < 0.04) {
            assert_true(alive);
            break;
        }
        assert_true(usbip_client_is_closed(&client));
        usbip_client_close(&client);
        on_server(bench, set_reattach, NULL);
    }
    on_server(bench, copy_device, &device);
    assert_int_equal(device.advances, 0);
    double silence = now();
    assert_true(usbip_client_is_closed(&client));
    assert_true(now() - silence >= 0.045);
    usbip_client_close(&client);
    do { /* nobody has it: its start takes no time at all */
        client = connect_to(bench->address);
    } while (usbip_client_import(&client, "1-1") != VP_USBIP_ST_OK);
    on_server(bench, copy_device, &device);
    assert_int_equal(device.advances, 2);
    assert_int_equal(device.deadline, -1);
    usbip_client_close(&client);
}

static void set_deadline(struct bench *bench, void *argument)
{
    (void)argument;
    fake_device_set_deadline(bench->devices[0], 100000);
}

static void a_deadline_without_an_importer_comes_at_once(void **state)
{
    struct bench *bench = *state;
    struct vp_device device;
    on_server(bench, set_deadline, NULL);
    do {
        on_server(bench, copy_device, &device);
    } while (device.advances == 0);
    assert_false(device.attached);
}

static void a_deadline_comes_when_its_importer_goes(void **state)
{
    struct bench *bench = *state;
    struct vp_device device;
    struct usbip_client client = import(bench, "1-1");
    assert_int_equal(usbip_client_control(&client, leave, NULL), 0);
    usbip_client_close(&client);
    do {
        on_server(bench, copy_device, &device);
    } while (device.advances == 0);
    assert_false(device.attached);
}

/* ---- Addresses ------------------------------------------------------------------------------ */

struct attempt {
    const char *address;
    int result;
    char bound[VP_USBIP_ADDRESS_SIZE];
    struct vp_failure failure;
};

static void listen_there(struct bench *bench, void *argument)
{
    struct attempt *attempt = argument;
    attempt->result = vp_server_listen(bench->server, attempt->address, attempt->bound,
                                       sizeof attempt->bound, &attempt->failure);
}

static void a_unix_socket(void **state)
{
    struct bench *bench = *state;
    struct attempt attempt = {.address = bench->unix_address};
    struct vp_usbip_device devices[2];
    on_server(bench, listen_there, &attempt);
    assert_int_equal(attempt.result, 0);
    assert_string_equal(attempt.bound, bench->unix_address);
    assert_true(is_socket(bench->unix_address));
    assert_int_equal(list(bench->unix_address, devices), 2);
    struct usbip_client client = connect_to(bench->unix_address);
    assert_int_equal(usbip_client_import(&client, "1-1"), VP_USBIP_ST_OK);
    for (unsigned i = 0; i < 100; i++) {
        answers(&client);
    }
    usbip_client_close(&client);
    on_server(bench, listen_there, &attempt); /* we listen there ourselves */
    assert_int_equal(attempt.result, VP_ERROR_BUSY);
    assert_non_null(strstr(attempt.failure.text, "another program"));
    assert_int_equal(list(bench->unix_address, devices), 2);
}

static void a_stale_unix_socket_is_replaced(void **state)
{
    struct bench *bench = *state;
    struct attempt attempt = {.address = bench->unix_address};
    struct vp_usbip_device devices[2];
    struct sockaddr_storage address;
    socklen_t length;
    vp_usbip_address_parse(bench->unix_address, &address, &length, NULL);
    int stale = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(stale, (struct sockaddr *)&address, length), 0);
    close(stale);
    assert_true(is_socket(bench->unix_address));
    on_server(bench, listen_there, &attempt);
    assert_int_equal(attempt.result, 0);
    assert_int_equal(list(bench->unix_address, devices), 2);
}

static void a_file_is_no_stale_socket(void **state)
{
    struct bench *bench = *state;
    struct attempt attempt = {.address = bench->unix_address};
    const char *path = bench->unix_address + strlen("unix:");
    close(open(path, O_CREAT | O_WRONLY, 0600));
    on_server(bench, listen_there, &attempt);
    assert_int_equal(attempt.result, VP_ERROR_BUSY);
    assert_int_equal(access(path, F_OK), 0);
    unlink(path);
}

static void a_port_in_use_is_busy(void **state)
{
    struct bench *bench = *state;
    struct attempt attempt = {.address = bench->address};
    on_server(bench, listen_there, &attempt);
    assert_int_equal(attempt.result, VP_ERROR_BUSY);
    assert_non_null(strstr(attempt.failure.text, "port 0"));
}

int main(void)
{
#define with_a_server(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        with_a_server(shows_all_devices_and_serves_them_at_once),
        with_a_server(a_pending_transfer_blocks_nobody),
        with_a_server(a_busy_client_keeps_nobody_out),
        with_a_server(all_answers_to_one_read_leave_in_one_send),
        with_a_server(unlink_races),
        with_a_server(unplug_with_a_transfer_in_flight),
        with_a_server(a_client_that_goes_takes_its_transfers_back),
        with_a_server(nonsense_costs_one_connection),
        with_a_server(truncated_messages_cost_one_connection),
        with_a_server(thousands_of_unanswered_transfers_cost_one_connection),
        with_a_server(a_client_that_does_not_read_is_made_to_wait),
        with_a_server(idle_connections_keep_nobody_out),
        with_a_server(a_deadline_waits_while_the_host_asks),
        with_a_server(a_deadline_without_an_importer_comes_at_once),
        with_a_server(a_deadline_comes_when_its_importer_goes),
        with_a_server(a_unix_socket),
        with_a_server(a_stale_unix_socket_is_replaced),
        with_a_server(a_file_is_no_stale_socket),
        with_a_server(a_port_in_use_is_busy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
