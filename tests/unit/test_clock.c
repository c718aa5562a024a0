/* A device's time follows ours while somebody must wait for it, whatever else is asked meanwhile.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <ev.h>

#include "support/usbip_client.h"
#include "vparticle/fault.h"
#include "vparticle/server.h"

enum { IN = 1, OUT = 1, DELAY = 300, TIME_LIMIT = 20 };

static const uint8_t set_configuration[8] = {0x00, 9, 1, 0, 0, 0, 0, 0};
static const uint8_t set_dtr[8] = {0x21, 0x22, 1, 0, 0, 0, 0, 0};
static const uint8_t get_status[8] = {0x80, 0, 0, 0, 0, 0, 2, 0};

struct bench {
    struct ev_loop *loop;
    ev_async stop;
    struct vp_server *server;
    struct vp_device *device;
    char folder[64], address[80];
    pthread_t thread;
};

static void on_stop(struct ev_loop *loop, ev_async *stop, int events)
{
    (void)stop;
    (void)events;
    ev_break(loop, EVBREAK_ALL);
}

static void *run_loop(void *argument)
{
    ev_run(((struct bench *)argument)->loop, 0);
    return NULL;
}

static void make_device(struct bench *bench)
{
    const struct vp_fault late = {.kind = VP_FAULT_SERIAL_DELAY, .milliseconds = DELAY};
    assert_int_equal(vp_device_from_spec(&bench->device, "photon@0.6.3", 0, NULL), 0);
    vp_device_button(bench->device, true);
    vp_device_advance(bench->device, 4000);
    vp_device_button(bench->device, false);
    assert_int_equal(vp_device_mode(bench->device), VP_MODE_LISTENING);
    assert_int_equal(vp_device_add_fault(bench->device, &late, NULL), 0);
}

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    struct vp_failure failure;
    make_device(bench);
    bench->loop = ev_loop_new(EVFLAG_NOENV);
    ev_async_init(&bench->stop, on_stop);
    ev_async_start(bench->loop, &bench->stop);
    strcpy(bench->folder, "/tmp/vparticle-clock-XXXXXX");
    assert_non_null(mkdtemp(bench->folder));
    snprintf(bench->address, sizeof bench->address, "unix:%s/s", bench->folder);
    assert_int_equal(vp_server_create(&bench->server, bench->loop), 0);
    vp_server_set_dedicated(bench->server, true);
    assert_int_equal(vp_server_add_device(bench->server, bench->device), 0);
    assert_int_equal(vp_server_listen(bench->server, bench->address, NULL, 0, &failure), 0);
    assert_int_equal(pthread_create(&bench->thread, NULL, run_loop, bench), 0);
    alarm(TIME_LIMIT);
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    ev_async_send(bench->loop, &bench->stop);
    pthread_join(bench->thread, NULL);
    vp_server_destroy(bench->server);
    vp_device_destroy(bench->device);
    ev_loop_destroy(bench->loop);
    rmdir(bench->folder);
    free(bench);
    return 0;
}

/* Were its delay to begin anew with each request, the reply would never come. */
static void a_late_reply_comes_while_other_things_are_asked(void **state)
{
    const struct bench *bench = *state;
    static struct usbip_answer answer;
    struct usbip_client client;
    assert_int_equal(usbip_client_connect(&client, bench->address), 0);
    assert_int_equal(usbip_client_import(&client, "1-1"), 0);
    assert_int_equal(usbip_client_control(&client, set_configuration, NULL), 0);
    assert_int_equal(usbip_client_control(&client, set_dtr, NULL), 0);
    const uint32_t reply = usbip_client_submit(&client, IN, true, NULL, NULL, 64);
    usbip_client_submit(&client, OUT, false, NULL, "v", 1);
    assert_int_equal(usbip_client_answer(&client, false, &answer), 0);
    assert_int_equal(answer.header.submitted.status, 0);
    unsigned asked = 0;
    do {
        usbip_client_submit(&client, 0, true, get_status, NULL, 2);
        assert_int_equal(usbip_client_answer(&client, true, &answer), 0);
        asked++;
    } while (answer.header.seqnum != reply);
    assert_true(asked > 1);
    assert_memory_equal(answer.data, "system firmware version: ", 25);
    usbip_client_close(&client);
}

/* Without any client, and with a device that waits for nothing: from when it is asked for on, its
 * time goes by as ours does. */
static void time_follows_for_somebody_else(void **state)
{
    (void)state;
    struct ev_loop *loop = ev_loop_new(EVFLAG_NOENV);
    struct vp_server *server;
    struct vp_device *device, *other;
    assert_int_equal(vp_server_create(&server, loop), 0);
    assert_int_equal(vp_device_from_spec(&device, "photon@0.6.3", 0, NULL), 0);
    assert_int_equal(vp_device_from_spec(&other, "photon@0.6.3", 1, NULL), 0);
    assert_int_equal(vp_server_add_device(server, device), 0);
    const uint64_t before = vp_device_time(device);
    const ev_tstamp begin = ev_time();
    do {
        vp_server_pass_time(server, device);
        vp_server_pass_time(server, other); /* which it does not have */
        assert_true(vp_device_time(device) - before <= (ev_time() - begin) * 1000. + 1.);
    } while (vp_device_time(device) < before + 20);
    assert_true((ev_time() - begin) * 1000. < 10000.);
    assert_int_equal(vp_device_time(other), 0);
    vp_server_destroy(server);
    vp_device_destroy(device);
    vp_device_destroy(other);
    ev_loop_destroy(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_late_reply_comes_while_other_things_are_asked, set_up,
                                        tear_down),
        cmocka_unit_test(time_follows_for_somebody_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
