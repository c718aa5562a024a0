/* The control socket: every command, what it refuses, and events over a connection. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>
#include <ev.h>
#include <jansson.h>

#include "vparticle/control.h"
#include "vparticle/fault.h"
#include "vparticle/forge.h"

struct bench {
    struct ev_loop *loop;
    struct vp_device *device;
    struct vp_control_socket *control;
    char folder[64];
};

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    char address[96];
    struct vp_failure failure;
    strcpy(bench->folder, "/tmp/vparticle-control-XXXXXX");
    assert_non_null(mkdtemp(bench->folder));
    snprintf(address, sizeof address, "unix:%s/control", bench->folder);
    bench->loop = ev_loop_new(EVFLAG_NOENV);
    assert_int_equal(vp_device_from_spec(&bench->device, "photon@0.6.3", 0, &failure), 0);
    assert_int_equal(vp_control_socket_create(&bench->control, bench->loop, address, &failure), 0);
    assert_int_equal(vp_control_socket_add(bench->control, bench->device), 0);
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    vp_control_socket_destroy(bench->control);
    vp_device_destroy(bench->device);
    ev_loop_destroy(bench->loop);
    assert_int_equal(rmdir(bench->folder), 0); /* the socket's path is gone */
    free(bench);
    return 0;
}

static json_t *ask(struct bench *bench, const char *request)
{
    char *text = vp_control_socket_request(bench->control, request, strlen(request));
    json_t *answer = json_loads(text, 0, NULL);
    assert_non_null(answer);
    free(text);
    return answer;
}

static void accepts(struct bench *bench, const char *request)
{
    json_t *answer = ask(bench, request);
    if (!json_is_true(json_object_get(answer, "ok"))) {
        fail_msg("%s: %s", request, json_string_value(json_object_get(answer, "error")));
    }
    json_decref(answer);
}

static void refuses(struct bench *bench, const char *request, const char *reason)
{
    json_t *answer = ask(bench, request);
    assert_true(json_is_false(json_object_get(answer, "ok")));
    const char *error = json_string_value(json_object_get(answer, "error"));
    if (!strstr(error, reason)) {
        fail_msg("%s: '%s' does not say '%s'", request, error, reason);
    }
    json_decref(answer);
}

static void mode_is(const struct bench *bench, enum vp_mode mode)
{
    assert_string_equal(vp_mode_name(vp_device_mode(bench->device)), vp_mode_name(mode));
}

static void buttons_work(void **state)
{
    struct bench *bench = *state;
    accepts(bench, "{\"command\": \"reset\", \"ms\": 3500}");
    mode_is(bench, VP_MODE_DFU);
    accepts(bench, "{\"command\": \"reset\", \"device\": 0}");
    mode_is(bench, VP_MODE_NORMAL);
    accepts(bench, "{\"command\": \"button\", \"pressed\": true}");
    accepts(bench, "{\"command\": \"reset\"}");
    mode_is(bench, VP_MODE_BOOT);
    accepts(bench, "{\"command\": \"time\", \"ms\": 1500}");
    accepts(bench, "{\"command\": \"button\", \"pressed\": false}");
    mode_is(bench, VP_MODE_SAFE);
    accepts(bench, "{\"command\": \"press\", \"ms\": 100}");
}

static void power_and_cable_work(void **state)
{
    struct bench *bench = *state;
    struct vp_usb_identity identity;
    accepts(bench, "{\"command\": \"plug\", \"on\": false}");
    assert_int_equal(vp_device_identity(bench->device, &identity), VP_ERROR_NOT_FOUND);
    mode_is(bench, VP_MODE_NORMAL);
    accepts(bench, "{\"command\": \"reset\"}");
    assert_int_equal(vp_device_identity(bench->device, &identity), VP_ERROR_NOT_FOUND);
    accepts(bench, "{\"command\": \"plug\", \"on\": true}");
    assert_int_equal(vp_device_identity(bench->device, &identity), 0);
    accepts(bench, "{\"command\": \"power\", \"on\": false}");
    mode_is(bench, VP_MODE_OFF);
    accepts(bench, "{\"command\": \"power\", \"on\": true}");
    mode_is(bench, VP_MODE_NORMAL);
}

static void faults_are_set_listed_and_cleared(void **state)
{
    struct bench *bench = *state;
    accepts(bench, "{\"command\": \"fault\", \"kind\": \"serial-drop\", \"every\": 2}");
    accepts(bench,
            "{\"command\": \"fault\", \"kind\": \"serial-split\", \"bytes\": 1, \"ms\": 20}");
    accepts(bench, "{\"command\": \"fault\", \"kind\": \"serial-insert\", \"text\": \"x\\n\"}");
    json_t *answer = ask(bench, "{\"command\": \"faults\"}");
    json_t *wanted =
        json_loads("[{\"kind\": \"serial-drop\", \"every\": 2, \"fired\": 0},"
                   " {\"kind\": \"serial-split\", \"bytes\": 1, \"ms\": 20, \"fired\": 0},"
                   " {\"kind\": \"serial-insert\", \"text\": \"x\\n\", \"fired\": 0}]",
                   0, NULL);
    assert_non_null(wanted);
    assert_true(json_equal(json_object_get(answer, "faults"), wanted));
    json_decref(wanted);
    json_decref(answer);
    accepts(bench, "{\"command\": \"clear-faults\"}");
    assert_int_equal(vp_device_fault_count(bench->device), 0);
    refuses(bench, "{\"command\": \"fault\"}", "'kind' is missing");
    refuses(bench, "{\"command\": \"fault\", \"kind\": \"serial-dorp\"}", "'serial-drop'");
    refuses(bench, "{\"command\": \"fault\", \"kind\": \"serial-drop\", \"evry\": 2}",
            "nearest is 'every'");
    refuses(bench, "{\"command\": \"fault\", \"kind\": \"serial-drop\", \"at\": 0}", "from 1 to");
    refuses(bench, "{\"command\": \"fault\", \"kind\": \"serial-delay\", \"ms\": 4294967296}",
            "from 1 to");
    refuses(bench, "{\"command\": \"fault\", \"kind\": \"serial-insert\", \"text\": \"\"}",
            "1 to 256 bytes");
    refuses(bench, "{\"command\": \"fault\", \"kind\": \"serial-insert\", \"text\": 5}",
            "1 to 256 bytes");
    refuses(bench, "{\"command\": \"fault\", \"kind\": \"serial-delay\"}", "needs a time");
    assert_int_equal(vp_device_fault_count(bench->device), 0);
}

static void what_it_shows_is_told(void **state)
{
    struct bench *bench = *state;
    json_t *answer = ask(bench, "{\"command\": \"status\", \"id\": [1, \"two\"]}");
    assert_string_equal(json_string_value(json_object_get(answer, "platform")), "photon");
    assert_string_equal(json_string_value(json_object_get(answer, "mode")), "normal");
    assert_string_equal(json_string_value(json_object_get(answer, "usb")), "2b04:c006");
    assert_string_equal(json_string_value(json_object_get(answer, "device_id")),
                        "30003a000a47343432313031");
    assert_int_equal(json_array_size(json_object_get(answer, "id")), 2);
    json_decref(answer);
    answer = ask(bench, "{\"command\": \"modules\"}");
    const json_t *part = json_array_get(json_object_get(answer, "modules"), 2);
    assert_int_equal(json_integer_value(json_object_get(part, "version")), 109);
    assert_string_equal(json_string_value(json_object_get(part, "release")), "0.6.3");
    assert_true(json_is_true(json_object_get(part, "crc")));
    json_decref(answer);
}

static void a_card_is_copied(void **state)
{
    struct bench *bench = *state;
    const struct vp_catalogue_module *module;
    struct vp_failure failure;
    char path[96], request[160];
    uint8_t *bytes;
    size_t size;
    snprintf(request, sizeof request, "{\"command\": \"sd\", \"folder\": \"%s\"}", bench->folder);
    refuses(bench, request, "has none of the files");
    refuses(bench, "{\"command\": \"sd\"}", "'folder' must be");
    assert_int_equal(vp_forge_find(VP_PLATFORM_PHOTON, "system-part1@0.6.3", &module, &failure), 0);
    assert_int_equal(vp_forge_catalogue_module(module, &bytes, &size), 0);
    snprintf(path, sizeof path, "%s/system1.bin", bench->folder);
    FILE *to = fopen(path, "wb");
    assert_non_null(to);
    assert_int_equal(fwrite(bytes, 1, size, to), size);
    assert_int_equal(fclose(to), 0);
    free(bytes);
    json_t *answer = ask(bench, request);
    json_t *file = json_array_get(json_object_get(answer, "files"), 0);
    assert_int_equal(json_array_size(json_object_get(answer, "files")), 1);
    assert_string_equal(json_string_value(json_object_get(file, "file")), "system1.bin");
    assert_true(json_is_true(json_object_get(file, "accepted")));
    assert_string_equal(json_string_value(json_object_get(answer, "mode")), "normal");
    json_decref(answer);

    accepts(bench, "{\"command\": \"press\", \"ms\": 3200}"); /* listening */
    refuses(bench, request, "no application runs in mode listening");
    assert_int_equal(unlink(path), 0);
}

static void a_snapshot_brings_everything_back(void **state)
{
    struct bench *bench = *state;
    struct vp_flash *flash = vp_device_flash(bench->device);
    uint8_t before, after;
    accepts(bench, "{\"command\": \"snapshot\", \"name\": \"good\"}");
    assert_int_equal(vp_flash_read(flash, 0x08020200, &before, 1), 0);
    assert_int_equal(vp_flash_erase(flash, 0x08020000), 0);
    accepts(bench, "{\"command\": \"reset\"}");
    mode_is(bench, VP_MODE_DFU);
    accepts(bench, "{\"command\": \"restore\", \"name\": \"good\"}");
    mode_is(bench, VP_MODE_NORMAL);
    assert_int_equal(vp_flash_read(flash, 0x08020200, &after, 1), 0);
    assert_int_equal(before, after);
    refuses(bench, "{\"command\": \"restore\", \"name\": \"bad\"}", "no snapshot 'bad'");
}

static void bad_requests_get_a_reason(void **state)
{
    struct bench *bench = *state;
    static const struct {
        const char *request, *reason;
    } cases[] = {
        {"", "no JSON"},
        {"{\"command\": \"status\"", "no JSON"},
        {"[]", "a request is an object"},
        {"{}", "'command' is missing"},
        {"{\"command\": 7}", "'command' is missing"},
        {"{\"command\": \"pres\", \"ms\": 1}", "the nearest is 'press'"},
        {"{\"command\": \"press\"}", "'ms' must be"},
        {"{\"command\": \"press\", \"ms\": -1}", "'ms' must be"},
        {"{\"command\": \"press\", \"ms\": 99999999999}", "'ms' must be"},
        {"{\"command\": \"press\", \"ms\": \"1\"}", "'ms' must be"},
        {"{\"command\": \"power\"}", "'on' must be"},
        {"{\"command\": \"status\", \"device\": 1}", "no device 1"},
        {"{\"command\": \"status\", \"device\": -1}", "no device -1"},
        {"{\"command\": \"status\", \"device\": \"a\"}", "'device' must be"},
        {"{\"command\": \"speed\", \"speed\": \"slow\"}", "'speed' must be"},
        {"{\"command\": \"snapshot\", \"name\": \"\"}", "'name' must be"},
        {"{\"command\": \"subscribe\"}", "need a connection"},
        {"{\"command\": \"subscribe\", \"events\": [\"sun\"]}", "'events' must be"},
        {"{\"command\": \"a\", \"command\": \"b\"}", "no JSON"},
        {"{\"command\": \"0123456789012345678901234567890123456789"
         "012345678901234567890123456789012345678\u00e4\"}",
         "there is no command '0123"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        refuses(bench, cases[i].request, cases[i].reason);
    }
    mode_is(bench, VP_MODE_NORMAL);
}

/* ---- Over a connection ------------------------------------------------------------------ */

static int connect_to(const struct bench *bench)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s/control", bench->folder);
    const int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(descriptor, (struct sockaddr *)&address, sizeof address), 0);
    return descriptor;
}

/* Let the loop run until a line has come, or the connection has ended: then an empty one. */
static void read_line(const struct bench *bench, int descriptor, char *line, size_t size)
{
    size_t filled = 0;
    for (;;) {
        const ssize_t got = recv(descriptor, line + filled, 1, MSG_DONTWAIT);
        if (got == 0 || (got > 0 && line[filled] == '\n')) {
            line[filled] = '\0';
            return;
        }
        if (got > 0) {
            assert_true(++filled < size);
        } else {
            ev_run(bench->loop, EVRUN_NOWAIT);
        }
    }
}

static void events_come_to_those_who_asked(void **state)
{
    struct bench *bench = *state;
    char line[512];
    const int watcher = connect_to(bench), other = connect_to(bench);
    static const char subscribe[] = "{\"command\": \"subscribe\", \"events\": [\"mode\"]}\n";
    assert_int_equal(send(watcher, subscribe, strlen(subscribe), 0), strlen(subscribe));
    read_line(bench, watcher, line, sizeof line);
    assert_string_equal(line, "{\"ok\":true}");
    static const char reset[] = "{\"command\": \"reset\", \"ms\": 3000}\n";
    assert_int_equal(send(other, reset, strlen(reset), 0), strlen(reset));
    read_line(bench, other, line, sizeof line);
    assert_string_equal(line, "{\"mode\":\"dfu\",\"ok\":true}");
    read_line(bench, watcher, line, sizeof line);
    assert_string_equal(line, "{\"event\":\"mode\",\"device\":0,\"time\":0,\"mode\":\"boot\"}");
    read_line(bench, watcher, line, sizeof line);
    assert_non_null(strstr(line, "\"mode\":\"dfu\""));
    close(watcher);
    close(other);
}

/* Plugging a device in and out is what it hears of; each event comes once, up to some point. */
static void who_does_not_read_is_left_behind(void **state)
{
    struct bench *bench = *state;
    char line[256];
    bool attached = true;
    const int client = connect_to(bench);
    static const char subscribe[] =
        "{\"command\": \"subscribe\", \"events\": [\"attached\", \"detached\"]}\n";
    assert_int_equal(send(client, subscribe, strlen(subscribe), 0), strlen(subscribe));
    read_line(bench, client, line, sizeof line);
    unsigned told = 0, heard = 0;
    for (; told < 30000; told++) {
        vp_device_plug(bench->device, told % 2 == 1);
        ev_run(bench->loop, EVRUN_NOWAIT);
    }
    for (;;) {
        read_line(bench, client, line, sizeof line);
        if (!line[0]) {
            break;
        }
        assert_non_null(strstr(line, attached ? "\"detached\"" : "\"attached\""));
        attached = !attached;
        heard++;
        vp_device_plug(bench->device, told++ % 2 == 1);
    }
    assert_true(heard < told);
    close(client);
}

static void a_client_waits_while_there_are_no_descriptors(void **state)
{
    struct bench *bench = *state;
    char line[256];
    struct rlimit before, none;
    const int client = connect_to(bench);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    for (unsigned i = 0; i < 3; i++) {
        ev_run(bench->loop, EVRUN_NOWAIT);
    }
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    static const char mode[] = "{\"command\": \"mode\"}\n";
    assert_int_equal(send(client, mode, strlen(mode), 0), strlen(mode));
    read_line(bench, client, line, sizeof line);
    assert_string_equal(line, "{\"mode\":\"normal\",\"ok\":true}");
    close(client);
}

static void a_line_without_end_ends_the_connection(void **state)
{
    struct bench *bench = *state;
    const int client = connect_to(bench);
    static char much[1000];
    char line[256];
    memset(much, 'x', sizeof much);
    for (size_t sent = 0; sent <= VP_CONTROL_LINE_LIMIT; sent += sizeof much) {
        while (send(client, much, sizeof much, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
            ev_run(bench->loop, EVRUN_NOWAIT);
        }
        ev_run(bench->loop, EVRUN_NOWAIT);
    }
    read_line(bench, client, line, sizeof line);
    assert_non_null(strstr(line, "a request is too long"));
    read_line(bench, client, line, sizeof line);
    assert_string_equal(line, "");
    close(client);
    accepts(bench, "{\"command\": \"status\"}");
}

int main(void)
{
    alarm(60);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(buttons_work, set_up, tear_down),
        cmocka_unit_test_setup_teardown(power_and_cable_work, set_up, tear_down),
        cmocka_unit_test_setup_teardown(faults_are_set_listed_and_cleared, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_it_shows_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_card_is_copied, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_snapshot_brings_everything_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bad_requests_get_a_reason, set_up, tear_down),
        cmocka_unit_test_setup_teardown(events_come_to_those_who_asked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_does_not_read_is_left_behind, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_client_waits_while_there_are_no_descriptors, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_line_without_end_ends_the_connection, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("control", tests, NULL, NULL);
}
