/* The cloud's HTTP front before emulated devices: flashing, calls, variables, and event streams. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/cloud_client.h"
#include "vparticle/application.h"
#include "vparticle/cloud_events.h"
#include "vparticle/forge.h"

#define SPEC  "photon@0.6.3,id=310000000000000000000001"
#define ALICE "alice@example.com"

struct front {
    struct http_room room;
    struct vp_device *device;
    struct vp_application *application;
};

static int open_front(void **state)
{
    static const char json[] = "{\"functions\": {\"led\": 7}, \"variables\": {\"count\": -3, "
                               "\"title\": \"a \\\"b\\\"\", \"on\": true, \"t\": 20.5}}";
    const struct vp_cloud_server_options options = {.heartbeat = 50, .stream_backlog = 20000};
    struct vp_failure failure;
    struct front *front = calloc(1, sizeof *front);
    *state = front;
    http_room_open(&front->room, &options);
    front->device = http_room_attach(&front->room, SPEC, ALICE, "tree");
    assert_int_equal(
        vp_application_parse(&front->application, json, sizeof json - 1, "test", &failure), 0);
    vp_device_set_application(front->device, front->application);
    vp_device_reset(front->device);
    http_room_settle(&front->room);
    return 0;
}

static int close_front(void **state)
{
    struct front *front = *state;
    http_room_close(&front->room);
    vp_device_destroy(front->device);
    vp_application_destroy(front->application);
    free(front);
    return 0;
}

/* ---- What a device says ---------------------------------------------------------------------- */

static void test_details_of_a_connected_device(void **state)
{
    struct front *front = *state;
    json_t *device =
        ask_json(&front->room, "GET", "/v1/devices/tree", front->room.alice, NULL, 200);
    assert_true(json_is_true(json_object_get(device, "connected")));
    assert_string_equal(text_at(device, "system_firmware_version"), "0.6.3");
    assert_string_equal(text_at(device, "status"), "normal");
    assert_string_equal(json_string_value(json_array_get(json_object_get(device, "functions"), 0)),
                        "led");
    const json_t *variables = json_object_get(device, "variables");
    assert_string_equal(text_at(variables, "count"), "int32");
    assert_string_equal(text_at(variables, "title"), "string");
    assert_string_equal(text_at(variables, "on"), "bool");
    assert_string_equal(text_at(variables, "t"), "double");
    json_decref(device);
}

static void test_functions(void **state)
{
    struct front *front = *state;
    static const char *const arguments[] = {"arg=x", "args=x", "", "args=%ff%00"};
    static const unsigned statuses[] = {200, 200, 200, 400};
    for (unsigned i = 0; i < 4; i++) {
        json_t *answer = ask_json(&front->room, "POST", "/v1/devices/tree/led", front->room.alice,
                                  arguments[i], statuses[i]);
        if (statuses[i] == 200) {
            assert_int_equal(json_integer_value(json_object_get(answer, "return_value")), 7);
        }
        json_decref(answer);
    }
    json_t *answer =
        ask_json(&front->room, "POST", "/v1/devices/tree/nothing", front->room.alice, "", 404);
    assert_non_null(strstr(text_at(answer, "error"), "not found"));
    json_decref(answer);
    answer = ask_json(&front->room, "POST", "/v1/devices/lamp/led", front->room.alice, "", 408);
    assert_string_equal(text_at(answer, "error"), "Timed out.");
    json_decref(answer);
}

static void test_variables(void **state)
{
    struct front *front = *state;
    json_t *answer =
        ask_json(&front->room, "GET", "/v1/devices/tree/count", front->room.alice, NULL, 200);
    assert_int_equal(json_integer_value(json_object_get(answer, "result")), -3);
    assert_string_equal(text_at(answer, "name"), "count");
    assert_string_equal(text_at(json_object_get(answer, "coreInfo"), "deviceID"),
                        "310000000000000000000001");
    json_decref(answer);
    answer = ask_json(&front->room, "GET", "/v1/devices/tree/title", front->room.alice, NULL, 200);
    assert_string_equal(text_at(answer, "result"), "a \"b\"");
    json_decref(answer);
    answer = ask_json(&front->room, "GET", "/v1/devices/tree/on", front->room.alice, NULL, 200);
    assert_true(json_is_true(json_object_get(answer, "result")));
    json_decref(answer);
    answer = ask_json(&front->room, "GET", "/v1/devices/tree/t", front->room.alice, NULL, 200);
    assert_true(json_real_value(json_object_get(answer, "result")) == 20.5);
    json_decref(answer);
    json_decref(
        ask_json(&front->room, "GET", "/v1/devices/tree/none", front->room.alice, NULL, 404));
    json_decref(
        ask_json(&front->room, "GET", "/v1/devices/lamp/count", front->room.alice, NULL, 408));
}

static void test_ping_and_signal(void **state)
{
    struct front *front = *state;
    json_t *answer =
        ask_json(&front->room, "PUT", "/v1/devices/tree/ping", front->room.alice, NULL, 200);
    assert_true(json_is_true(json_object_get(answer, "online")));
    json_decref(answer);
    answer = ask_json(&front->room, "PUT", "/v1/devices/lamp/ping", front->room.alice, NULL, 200);
    assert_true(json_is_false(json_object_get(answer, "online")));
    json_decref(answer);
    answer = ask_json(&front->room, "PUT", "/v1/devices/tree", front->room.alice, "signal=1", 200);
    assert_true(json_is_true(json_object_get(answer, "signaling")));
    json_decref(answer);
    answer = ask_json(&front->room, "PUT", "/v1/devices/tree", front->room.alice, "signal=0", 200);
    assert_true(json_is_false(json_object_get(answer, "signaling")));
    json_decref(answer);
}

/* ---- Flashing ---------------------------------------------------------------------------------
 */

static json_t *put_file(struct front *front, const char *name, const void *bytes, size_t size,
                        const char *more, unsigned status)
{
    struct answer answer;
    char *body = malloc(size + 2000);
    size_t length = (size_t)sprintf(
        body, "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"%s\"\r\n\r\n",
        name);
    memcpy(body + length, bytes, size);
    length += size;
    length += (size_t)sprintf(body + length, "\r\n%s--b--\r\n", more);
    ask(&front->room, "PUT", "/v1/devices/tree", front->room.alice,
        "multipart/form-data; boundary=b", body, length, &answer);
    free(body);
    if (answer.status != status) {
        fail_msg("%s: %u instead of %u: %s", name, answer.status, status, answer.body);
    }
    json_t *object = json_loads(answer.body, 0, NULL);
    answer_free(&answer);
    return object;
}

static struct vp_cloud_job_facts last_job(struct front *front)
{
    struct vp_cloud_job_facts facts = {0};
    const struct vp_cloud_device *device =
        vp_cloud_find_device(front->room.cloud, "310000000000000000000001");
    http_room_settle(&front->room);
    while (vp_cloud_next_job(device, facts.id, &facts) == 0) {
    }
    return facts;
}

static void test_a_binary_is_flashed(void **state)
{
    struct front *front = *state;
    struct vp_failure failure;
    const struct vp_catalogue_module *row;
    uint8_t *bytes;
    size_t size;
    assert_int_equal(vp_forge_find(VP_PLATFORM_PHOTON, "tinker@0.6.2", &row, &failure), 0);
    assert_int_equal(vp_forge_catalogue_module(row, &bytes, &size), 0);
    static const char *const names[] = {"app.bin", "app", "/tmp/dir/app.bin"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        json_t *answer = put_file(front, names[i], bytes, size, "", 200);
        assert_string_equal(text_at(answer, "status"), "Update started");
        assert_string_equal(text_at(answer, "id"), "310000000000000000000001");
        json_decref(answer);
        const struct vp_cloud_job_facts job = last_job(front);
        assert_int_equal(job.state, VP_CLOUD_JOB_SENT);
        assert_int_equal(job.size, size);
    }
    free(bytes);
    json_decref(put_file(front, "notes.txt", "x", 1, "", 400));
    json_decref(put_file(front, "notes.txt", "some bytes", 10,
                         "--b\r\nContent-Disposition: form-data; name=\"file_type\"\r\n\r\nbinary"
                         "\r\n",
                         200));
}

/** The Web IDE's way: sources with a target version in one request. */
static void test_sources_are_compiled_and_flashed(void **state)
{
    struct front *front = *state;
    json_decref(put_file(front, "app.ino", "void setup() {}", 15,
                         "--b\r\nContent-Disposition: form-data; name=\"build_target_version\""
                         "\r\n\r\n0.6.3\r\n",
                         200));
    assert_int_equal(last_job(front).state, VP_CLOUD_JOB_SENT);
    json_t *answer =
        put_file(front, "app.ino", "void setup() {}", 15,
                 "--b\r\nContent-Disposition: form-data; name=\"build_target_version\"\r\n\r\n9.9"
                 "\r\n",
                 400);
    assert_int_equal(json_array_size(json_object_get(answer, "errors")), 1);
    json_decref(answer);
    json_decref(
        ask_json(&front->room, "PUT", "/v1/devices/tree", front->room.alice, "app=tinker", 200));
    assert_int_equal(last_job(front).state, VP_CLOUD_JOB_SENT);
    json_decref(
        ask_json(&front->room, "PUT", "/v1/devices/tree", front->room.alice, "app=doom", 404));
    json_decref(
        ask_json(&front->room, "PUT", "/v1/devices/lamp", front->room.alice, "app=tinker", 408));
}

/* ---- Event streams ------------------------------------------------------------------------------
 */

/** @param version  with "1.0" the stream comes as it is, with "1.1" in chunks */
static int listen_by(struct front *front, const char *version, const char *path, const char *token)
{
    char request[400];
    const int client = client_connect(&front->room);
    snprintf(request, sizeof request, "GET %s?access_token=%s HTTP/%s\r\nHost: x\r\n\r\n", path,
             token, version);
    client_send(&front->room, client, request, strlen(request));
    char *got = client_read_until(&front->room, client, ":ok\n\n");
    assert_non_null(strstr(got, "text/event-stream"));
    free(got);
    return client;
}

static int listen_to(struct front *front, const char *path, const char *token)
{
    return listen_by(front, "1.0", path, token);
}

static void publish(struct front *front, const char *token, const char *form)
{
    json_decref(ask_json(&front->room, "POST", "/v1/devices/events", token, form, 200));
}

static void test_events_are_streamed(void **state)
{
    struct front *front = *state;
    const int mine = listen_by(front, "1.1", "/v1/devices/events", front->room.alice);
    publish(front, front->room.alice, "name=door&data=open%0Awide&private=true&ttl=60");
    char *got = client_read_until(&front->room, mine, "\n\n");
    const char *data = strstr(got, "data: ");
    assert_non_null(strstr(got, "event: door\n"));
    assert_non_null(data);
    json_t *event = json_loadb(data + 6, strcspn(data + 6, "\n"), 0, NULL);
    assert_string_equal(text_at(event, "data"), "open\nwide");
    assert_int_equal(json_integer_value(json_object_get(event, "ttl")), 60);
    assert_string_equal(text_at(event, "published_at"), "2026-09-21T14:13:20.123Z");
    json_decref(event);
    free(got);
    close(mine);
}

/** Who hears what; the last event is one that all of them hear. */
static void test_who_hears_what(void **state)
{
    struct front *front = *state;
    static const struct {
        const char *path;
        bool prefixed, device;
    } streams[] = {
        {"/v1/devices/events", true, true},
        {"/v1/devices/events/spark", false, true},
        {"/v1/devices/events/spark/status", false, true},
        {"/v1/devices/events/spark%2Fstatus", false, true},
        {"/v1/devices/tree/events", false, true},
        {"/v1/devices/lamp/events", false, false},
    };
    enum { COUNT = sizeof streams / sizeof *streams };
    int clients[COUNT];
    for (unsigned i = 0; i < COUNT; i++) {
        clients[i] = listen_to(front, streams[i].path, front->room.alice);
    }
    const int bobs = listen_to(front, "/v1/devices/events", front->room.bob);
    publish(front, front->room.alice, "name=door&data=1&private=true");
    vp_device_reset(front->device);
    http_room_settle(&front->room);
    for (unsigned i = 0; i < COUNT; i++) {
        char *got =
            client_read_until(&front->room, clients[i], streams[i].device ? "online" : "\n");
        assert_int_equal(strstr(got, "event: door") != NULL, streams[i].prefixed);
        assert_int_equal(strstr(got, "310000000000000000000001") != NULL, streams[i].device);
        free(got);
        close(clients[i]);
    }
    publish(front, front->room.bob, "name=bobs&private=true");
    char *got = client_read_until(&front->room, bobs, "event: bobs");
    assert_null(strstr(got, "door"));
    assert_null(strstr(got, "310000000000000000000001"));
    free(got);
    close(bobs);
}

static void test_heartbeats(void **state)
{
    struct front *front = *state;
    const int client = listen_to(front, "/v1/events", front->room.alice);
    for (unsigned i = 0; i < 3; i++) {
        free(client_read_until(&front->room, client, "\n"));
    }
    close(client);
}

/** One who does not read is dropped with a reason, and another hears all the while. */
static void test_a_slow_reader_is_dropped(void **state)
{
    struct front *front = *state;
    struct vp_cloud_server_counters counters = {0};
    struct vp_failure failure;
    const int slow = listen_to(front, "/v1/devices/events", front->room.alice);
    const int quick = listen_to(front, "/v1/devices/events", front->room.alice);
    char data[900];
    memset(data, 'x', sizeof data - 1);
    data[sizeof data - 1] = '\0';
    const struct vp_cloud_account *alice = vp_cloud_find_account(front->room.cloud, ALICE);
    unsigned long sent = 0;
    while (counters.dropped == 0) {
        for (unsigned i = 0; i < 10; i++) {
            assert_int_equal(
                vp_cloud_publish(front->room.cloud, alice, "flood", data, 60, false, &failure), 0);
        }
        char name[32], form[64];
        snprintf(name, sizeof name, "event: mark%lu\n", sent);
        snprintf(form, sizeof form, "name=mark%lu&private=true", sent);
        publish(front, front->room.alice, form);
        free(client_read_until(&front->room, quick, name));
        vp_cloud_server_get_counters(front->room.server, &counters);
        assert_true(sent++ < 20000);
    }
    assert_int_equal(counters.dropped, 1);
    assert_non_null(strstr(front->room.last_log, "event stream"));
    char *got = client_read_until(&front->room, slow, ":dropped");
    assert_non_null(strstr(got, ":dropped"));
    free(got);
    do {
        vp_cloud_server_get_counters(front->room.server, &counters);
        http_room_turn(&front->room);
    } while (counters.streams > 1);
    publish(front, front->room.alice, "name=after");
    free(client_read_until(&front->room, quick, "event: after"));
    close(slow);
    close(quick);
}

static void test_a_stream_ends_with_its_token(void **state)
{
    struct front *front = *state;
    const int alices = listen_to(front, "/v1/events", front->room.alice);
    const int bobs = listen_to(front, "/v1/events", front->room.bob);
    json_decref(ask_json(&front->room, "DELETE", "/v1/access_tokens/current", front->room.alice,
                         NULL, 200));
    char *got = client_read_until(&front->room, alices, "this is never sent");
    assert_non_null(strstr(got, ":dropped: the access token"));
    free(got);
    publish(front, front->room.bob, "name=still");
    free(client_read_until(&front->room, bobs, "event: still"));
    close(alices);
    close(bobs);
}

static void test_number_of_streams_is_bounded(void **state)
{
    struct front *front = *state;
    enum { MOST = 100 };
    int clients[MOST];
    for (unsigned i = 0; i < MOST; i++) {
        clients[i] = listen_to(front, "/v1/events", front->room.alice);
    }
    json_decref(ask_json(&front->room, "GET", "/v1/events", front->room.alice, NULL, 429));
    const int bobs = listen_to(front, "/v1/events", front->room.bob);
    close(bobs);
    for (unsigned i = 0; i < MOST; i++) {
        close(clients[i]);
    }
    /* Their places become free when the next sign of life finds them gone. */
    struct vp_cloud_server_counters counters = {.streams = 1};
    while (counters.streams > 0) {
        http_room_wait(&front->room, -1, 0);
        vp_cloud_server_get_counters(front->room.server, &counters);
    }
}

static void test_publishing(void **state)
{
    struct front *front = *state;
    static const char *const wrong[] = {
        "",
        "name=",
        "name=x&ttl=-1",
        "name=x&ttl=99999999",
        "name=0123456789012345678901234567890123456789012345678901234567890123456789",
    };
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        json_decref(
            ask_json(&front->room, "POST", "/v1/devices/events", front->room.alice, wrong[i], 400));
    }
}

static void pass_time(void *context, struct vp_device *device)
{
    (void)context;
    vp_device_advance(device, 1000);
}

/** The server goes while a device is asked: the answer that comes later is nobody's. */
static void test_end_while_a_device_is_asked(void **state)
{
    struct front *front = *state;
    struct http_room *room = &front->room;
    const struct vp_cloud_air slow = {.delay_ms = 2000};
    struct vp_cloud_server_counters counters = {0};
    struct vp_failure failure;
    char request[300];
    vp_device_set_speed(front->device, VP_SPEED_REAL);
    assert_int_equal(vp_cloud_set_air(room->cloud, NULL, &slow), 0);
    snprintf(request, sizeof request,
             "POST /v1/devices/tree/led HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n"
             "Authorization: Bearer %s\r\n\r\n",
             room->alice);
    const int client = client_connect(room);
    client_send(room, client, request, strlen(request));
    while (counters.requests == 0 || !vp_cloud_is_busy(room->cloud)) {
        http_room_turn(room);
        vp_cloud_server_get_counters(room->server, &counters);
    }
    vp_cloud_server_destroy(room->server);
    vp_cloud_set_clock(room->cloud, pass_time, NULL);
    http_room_settle(room);
    assert_int_equal(vp_cloud_server_create(&room->server, room->cloud, room->loop, "127.0.0.1:0",
                                            NULL, &failure),
                     0);
    close(client);
}

/** The server goes while events are streamed. */
static void test_end_while_streaming(void **state)
{
    struct front *front = *state;
    struct http_room *room = &front->room;
    struct vp_failure failure;
    const int client = listen_to(front, "/v1/devices/events", room->alice);
    vp_cloud_server_destroy(room->server);
    vp_device_reset(front->device);
    http_room_settle(room);
    assert_int_equal(vp_cloud_server_create(&room->server, room->cloud, room->loop, "127.0.0.1:0",
                                            NULL, &failure),
                     0);
    close(client);
}

int main(void)
{
#define AT_FRONT(test) cmocka_unit_test_setup_teardown(test, open_front, close_front)
    const struct CMUnitTest tests[] = {
        AT_FRONT(test_details_of_a_connected_device),
        AT_FRONT(test_functions),
        AT_FRONT(test_variables),
        AT_FRONT(test_ping_and_signal),
        AT_FRONT(test_a_binary_is_flashed),
        AT_FRONT(test_sources_are_compiled_and_flashed),
        AT_FRONT(test_events_are_streamed),
        AT_FRONT(test_who_hears_what),
        AT_FRONT(test_heartbeats),
        AT_FRONT(test_a_slow_reader_is_dropped),
        AT_FRONT(test_a_stream_ends_with_its_token),
        AT_FRONT(test_number_of_streams_is_bounded),
        AT_FRONT(test_publishing),
        AT_FRONT(test_end_while_a_device_is_asked),
        AT_FRONT(test_end_while_streaming),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
