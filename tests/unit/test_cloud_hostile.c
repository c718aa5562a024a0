/*
 * Clients that mean no good, or know no better. Each test has a polite client as well, which is
 * served all the while.
 */
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

enum { UPLOAD_LIMIT = 200000, CONNECTIONS = 48 };

static int open_room(void **state)
{
    const struct vp_cloud_server_options options = {
        .upload_limit = UPLOAD_LIMIT,
        .connection_limit = CONNECTIONS,
        .head_timeout = 300,
        .body_timeout = 300,
    };
    struct http_room *room = calloc(1, sizeof *room);
    *state = room;
    http_room_open(room, &options);
    return 0;
}

/** All that has been received is released, at the latest when those who sent it are timed out. */
static void wait_for_release(struct http_room *room)
{
    struct vp_cloud_server_counters counters = {.body_bytes = 1};
    for (unsigned i = 0; i < 10000 && counters.body_bytes > 0; i++) {
        http_room_wait(room, -1, 0);
        vp_cloud_server_get_counters(room->server, &counters);
    }
    assert_int_equal(counters.body_bytes, 0);
}

static int close_room(void **state)
{
    struct http_room *room = *state;
    wait_for_release(room);
    http_room_close(room);
    free(room);
    return 0;
}

/** The polite client. */
static void check_service(struct http_room *room)
{
    json_t *answer = ask_json(room, "GET", "/v1/user", room->alice, NULL, 200);
    assert_string_equal(text_at(answer, "username"), "alice@example.com");
    json_decref(answer);
}

/** Send text as it is, and read one answer. */
static void send_raw(struct http_room *room, const char *text, size_t size, struct answer *answer)
{
    const int client = client_connect(room);
    client_send(room, client, text, size);
    client_read(room, client, false, answer);
    close(client);
}

/* ---- Bodies ---------------------------------------------------------------------------------- */

static void test_large_bodies_are_refused(void **state)
{
    struct http_room *room = *state;
    static const struct {
        const char *method, *path;
        size_t size;
        bool with_token;
        unsigned status;
    } cases[] = {
        {"PUT", "/v1/devices/lamp", UPLOAD_LIMIT + 1, true, 413},
        {"PUT", "/v1/devices/lamp", 8 << 20, true, 413},
        {"POST", "/v1/binaries", 8 << 20, true, 413},
        {"POST", "/v1/binaries", 8 << 20, false, 413},
        {"POST", "/oauth/token", 70000, false, 413},
        {"POST", "/v1/devices", 70000, true, 413},
        {"POST", "/v1/nothing", 1 << 20, false, 404},
        {"PUT", "/v1/devices/lamp", 100000, false, 400},
    };
    char *bytes = calloc(1, 8 << 20);
    memset(bytes, 'x', 8 << 20);
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct answer answer;
        ask(room, cases[i].method, cases[i].path, cases[i].with_token ? room->alice : NULL,
            "multipart/form-data; boundary=b", bytes, cases[i].size, &answer);
        if (answer.status != cases[i].status) {
            fail_msg("%s %s with %zu bytes: %u: %s", cases[i].method, cases[i].path, cases[i].size,
                     answer.status, answer.body);
        }
        assert_non_null(strstr(answer.body, "\"error\""));
        answer_free(&answer);
        check_service(room);
    }
    free(bytes);
}

/** Nobody knows how long it will be: particle-cli 3 sends files so. */
static void test_chunked_bodies_are_bounded(void **state)
{
    struct http_room *room = *state;
    char head[400], chunk[4096 + 16];
    struct answer answer;
    int client = client_connect(room);
    snprintf(head, sizeof head,
             "PUT /v1/devices/lamp HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"
             "Content-Type: multipart/form-data; boundary=b\r\nTransfer-Encoding: chunked\r\n\r\n",
             room->alice);
    client_send(room, client, head, strlen(head));
    int start = snprintf(chunk, sizeof chunk, "1000\r\n");
    memset(chunk + start, 'x', 4096);
    memcpy(chunk + start + 4096, "\r\n", 2);
    for (unsigned sent = 0; sent < 2 * UPLOAD_LIMIT; sent += 4096) {
        assert_true(client_send(room, client, chunk, (size_t)start + 4098));
    }
    wait_for_release(room);
    client_send(room, client, "0\r\n\r\n", 5);
    client_read(room, client, false, &answer);
    assert_int_equal(answer.status, 413);
    answer_free(&answer);
    close(client);

    /* One that does not end at all is cut off. */
    client = client_connect(room);
    client_send(room, client, head, strlen(head));
    unsigned long sent = 0;
    while (client_send(room, client, chunk, (size_t)start + 4098)) {
        sent += 4096;
        assert_true(sent < 100ul << 20);
    }
    close(client);
    check_service(room);
}

static void test_a_client_that_asks_first_need_not_send(void **state)
{
    struct http_room *room = *state;
    char text[600];
    struct answer answer;
    snprintf(text, sizeof text,
             "PUT /v1/devices/lamp HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"
             "Expect: 100-continue\r\nContent-Type: multipart/form-data; boundary=b\r\n"
             "Content-Length: %d\r\n\r\n",
             room->alice, UPLOAD_LIMIT + 1);
    send_raw(room, text, strlen(text), &answer);
    assert_int_equal(answer.status, 413);
    answer_free(&answer);

    const int client = client_connect(room);
    snprintf(text, sizeof text,
             "PUT /v1/devices/lamp HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"
             "Expect: 100-continue\r\nContent-Type: application/json\r\n"
             "Content-Length: 15\r\n\r\n",
             room->alice);
    client_send(room, client, text, strlen(text));
    char *got = client_read_until(room, client, "\r\n\r\n");
    assert_non_null(strstr(got, "100 Continue"));
    free(got);
    client_send(room, client, "{\"name\":\"lamp\"}", 15);
    client_read(room, client, false, &answer);
    assert_int_equal(answer.status, 200);
    answer_free(&answer);
    close(client);
}

/** What may be wrong with a body, each in turn. */
static void test_broken_bodies(void **state)
{
    struct http_room *room = *state;
    static const char multipart[] = "multipart/form-data; boundary=b";
    static const struct {
        const char *type, *body;
    } cases[] = {
        {multipart, ""},
        {multipart, "--b"},
        {multipart, "--b\r\n"},
        {multipart, "--b\r\n\r\nx\r\n--b--"},
        {multipart, "--b\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nx"},
        {multipart, "--b\r\nContent-Disposition: form-data; name=\"name\r\n\r\nx\r\n--b--"},
        {multipart, "--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--"},
        {multipart, "--bx\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nx\r\n--b--"},
        {multipart, "--b\r\nContent-Disposition: form-data; name=\"\xff\"\r\n\r\nx\r\n--b--"},
        {multipart, "--b\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\n\xff\r\n--b--"},
        {multipart, "no boundary at all"},
        {"multipart/form-data", "--b--"},
        {"multipart/form-data; boundary=", "--b--"},
        {"multipart/form-data; boundary=\"\"", "--b--"},
        {"application/json", "{"},
        {"application/json", "[]"},
        {"application/json", "{\"name\":\"\\u0000\"}"},
        {"application/json", "{\"name\":\"\xff\"}"},
        {"application/json", "{\"a\":1,\"a\":2}"},
        {"application/x-www-form-urlencoded", "name=%"},
        {"application/x-www-form-urlencoded", "name=%00"},
        {"application/x-www-form-urlencoded", "name=%ff"},
        {"application/x-www-form-urlencoded", "%0a=x"},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct answer answer;
        ask(room, "PUT", "/v1/devices/lamp", room->alice, cases[i].type, cases[i].body,
            strlen(cases[i].body), &answer);
        if (answer.status != 400) {
            fail_msg("%s '%s': %u", cases[i].type, cases[i].body, answer.status);
        }
        answer_free(&answer);
    }
    struct answer answer;
    ask(room, "PUT", "/v1/devices/lamp", room->alice, "text/plain", "x", 1, &answer);
    assert_int_equal(answer.status, 415);
    answer_free(&answer);
    json_t *device = ask_json(room, "GET", "/v1/devices/lamp", room->alice, NULL, 200);
    json_decref(device);
}

static void test_json_bombs(void **state)
{
    struct http_room *room = *state;
    enum { DEPTH = 60000 };
    char *bomb = malloc(DEPTH + 1);
    struct answer answer;
    memset(bomb, '[', DEPTH);
    ask(room, "PUT", "/v1/devices/lamp", room->alice, "application/json", bomb, DEPTH, &answer);
    assert_int_equal(answer.status, 400);
    answer_free(&answer);
    for (unsigned i = 0; i + 5 <= DEPTH; i += 5) {
        memcpy(bomb + i, "{\"a\":", 5);
    }
    ask(room, "PUT", "/v1/devices/lamp", room->alice, "application/json", bomb, DEPTH, &answer);
    assert_int_equal(answer.status, 400);
    answer_free(&answer);
    free(bomb);
    /* More fields than there may be. */
    char *fields = calloc(1, 3 * 1000 + 1);
    for (unsigned i = 0; i < 1000; i++) {
        strcat(fields + 3 * i, "a=&");
    }
    json_decref(ask_json(room, "PUT", "/v1/devices/lamp", room->alice, fields, 400));
    free(fields);
    check_service(room);
}

/** The same request in pieces of every size, and byte by byte. */
static void test_any_split_of_bytes(void **state)
{
    struct http_room *room = *state;
    static const char body[] = "--b\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\n"
                               "split\r\n--b--\r\n";
    char text[700];
    const size_t size = (size_t)snprintf(
        text, sizeof text,
        "PUT /v1/devices/" ALICE_PHOTON " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: %zu\r\n\r\n%s",
        room->alice, sizeof body - 1, body);
    for (size_t step = 1; step < size; step = step * 3 / 2 + 1) {
        const int client = client_connect(room);
        for (size_t at = 0; at < size; at += step) {
            client_send(room, client, text + at, size - at < step ? size - at : step);
            http_room_turn(room);
        }
        struct answer answer;
        client_read(room, client, false, &answer);
        assert_int_equal(answer.status, 200);
        assert_non_null(strstr(answer.body, "split"));
        answer_free(&answer);
        close(client);
    }
}

/* ---- Heads ----------------------------------------------------------------------------------- */

static void test_odd_heads(void **state)
{
    struct http_room *room = *state;
    static const char zero[] = "GET /v1/user\0/../ HTTP/1.1\r\nHost: x\r\n\r\n";
    static const char *const heads[] = {
        "\r\n\r\n",
        "GET\r\n\r\n",
        "GET /v1/user\r\n\r\n",
        "GET /v1/user HTTP/9.9\r\nHost: x\r\n\r\n",
        "GET /v1/user HTTP/1.1\r\n\r\n",
        "GET http://elsewhere/v1/user HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET * HTTP/1.1\r\nHost: x\r\n\r\n",
        "CONNECT elsewhere:80 HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /v1/user HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer\r\n\r\n",
        "GET /v1/user HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \r\n\r\n",
        "GET /v1/user HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        "POST /oauth/token HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "POST /oauth/token HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    };
    for (unsigned i = 0; i < sizeof heads / sizeof *heads; i++) {
        struct answer answer;
        send_raw(room, heads[i], strlen(heads[i]), &answer);
        assert_true(answer.status == 0 || answer.status >= 400);
        answer_free(&answer);
    }
    struct answer answer;
    send_raw(room, zero, sizeof zero - 1, &answer);
    assert_true(answer.status == 0 || answer.status >= 400);
    answer_free(&answer);
    check_service(room);
}

static void test_floods_of_headers(void **state)
{
    struct http_room *room = *state;
    const int client = client_connect(room);
    static const char start[] = "GET /v1/user HTTP/1.1\r\nHost: x\r\n";
    client_send(room, client, start, sizeof start - 1);
    unsigned sent = 0;
    char line[64];
    while (sent < 1000000) {
        const int length = snprintf(line, sizeof line, "X-Flood-%u: %u\r\n", sent, sent);
        if (!client_send(room, client, line, (size_t)length)) {
            break;
        }
        sent += (unsigned)length;
        http_room_turn(room);
    }
    assert_true(sent < 200000);
    close(client);
    check_service(room);
}

static void test_pipelined_requests(void **state)
{
    struct http_room *room = *state;
    char one[256], all[16 * 256] = "";
    snprintf(one, sizeof one,
             "GET /v1/user HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", room->alice);
    for (unsigned i = 0; i < 16; i++) {
        strcat(all, one);
    }
    const int client = client_connect(room);
    client_send(room, client, all, strlen(all));
    for (unsigned i = 0; i < 16; i++) {
        struct answer answer;
        client_read(room, client, false, &answer);
        assert_int_equal(answer.status, 200);
        answer_free(&answer);
    }
    close(client);
}

/* ---- Time and places ---------------------------------------------------------------------------
 */

/** @return what the connection still got */
static char *wait_for_end(struct http_room *room, int client)
{
    char *got = client_read_until(room, client, "this is never sent");
    close(client);
    return got;
}

static void test_slow_clients_are_closed(void **state)
{
    struct http_room *room = *state;
    struct vp_cloud_server_counters counters;
    const int silent = client_connect(room);
    const int head = client_connect(room);
    const int body = client_connect(room);
    client_send(room, head, "GET /v1/us", 10);
    static const char part[] = "POST /oauth/token HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n"
                               "Content-Type: application/x-www-form-urlencoded\r\n\r\nuser";
    client_send(room, body, part, sizeof part - 1);
    check_service(room);
    free(wait_for_end(room, silent));
    free(wait_for_end(room, head));
    free(wait_for_end(room, body));
    vp_cloud_server_get_counters(room->server, &counters);
    assert_int_equal(counters.timed_out, 3);
    assert_non_null(strstr(room->last_log, "took more than"));
    check_service(room);
}

/** Many more connections than there are places: whoever comes is served, and the idle ones go. */
static void test_more_connections_than_places(void **state)
{
    struct http_room *room = *state;
    enum { CROWD = 400 };
    int crowd[CROWD];
    struct vp_cloud_server_counters counters;
    for (unsigned i = 0; i < CROWD; i++) {
        crowd[i] = client_connect(room);
        client_send(room, crowd[i], "GET /v1/us", i % 2 ? 10 : 0);
        http_room_turn(room);
        if (i % 40 == 39) {
            check_service(room);
        }
        vp_cloud_server_get_counters(room->server, &counters);
        assert_true(counters.connections <= CONNECTIONS);
    }
    vp_cloud_server_get_counters(room->server, &counters);
    assert_true(counters.evicted + counters.timed_out >= CROWD - CONNECTIONS);
    for (unsigned i = 0; i < CROWD; i++) {
        close(crowd[i]);
    }
    check_service(room);
}

/** The same by those who have a token, and those who do not read what they asked for. */
static void test_busy_connections_go_too(void **state)
{
    struct http_room *room = *state;
    enum { CROWD = 120 };
    int crowd[CROWD];
    char upload[400];
    static const char file[] =
        "GET /device-os/0.6.3/photon/photon-system-part1@0.6.3.bin HTTP/1.1\r\nHost: x\r\n\r\n";
    snprintf(upload, sizeof upload,
             "PUT /v1/devices/lamp HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"
             "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 100000\r\n\r\nx",
             room->alice);
    for (unsigned i = 0; i < CROWD; i++) {
        crowd[i] = client_connect(room);
        for (unsigned times = 0; times < (i % 2 ? 40 : 1); times++) {
            client_send(room, crowd[i], i % 2 ? file : upload, strlen(i % 2 ? file : upload));
        }
        http_room_turn(room);
        if (i % 20 == 19) {
            check_service(room);
        }
    }
    struct vp_cloud_server_counters counters;
    vp_cloud_server_get_counters(room->server, &counters);
    assert_true(counters.connections <= CONNECTIONS);
    assert_true(counters.evicted > 0);
    for (unsigned i = 0; i < CROWD; i++) {
        close(crowd[i]);
    }
    check_service(room);
}

/** Bodies of those who have not said who they are share one pool. */
static void test_anonymous_bodies_are_bounded(void **state)
{
    struct http_room *room = *state;
    enum { CROWD = 30, PART = 190000 };
    int crowd[CROWD];
    char *bytes = calloc(1, PART);
    struct vp_cloud_server_counters counters;
    static const char head[] = "PUT /v1/devices/lamp HTTP/1.1\r\nHost: x\r\nContent-Type: "
                               "multipart/form-data; boundary=b\r\nContent-Length: 199999\r\n\r\n";
    for (unsigned i = 0; i < CROWD; i++) {
        crowd[i] = client_connect(room);
        client_send(room, crowd[i], head, sizeof head - 1);
        client_send(room, crowd[i], bytes, PART);
        http_room_turn(room);
        check_service(room);
    }
    vp_cloud_server_get_counters(room->server, &counters);
    assert_true(counters.body_bytes > 0);
    assert_true(counters.body_bytes <= CROWD * (256u << 10));
    for (unsigned i = 0; i < CROWD; i++) {
        close(crowd[i]);
    }
    http_room_turn(room);
    free(bytes);
}

/** Whoever tries passwords in numbers delays others who log in, and nobody else. */
static void test_many_passwords(void **state)
{
    struct http_room *room = *state;
    enum { CROWD = 30 };
    int crowd[CROWD];
    static const char text[] =
        "POST /oauth/token HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\nContent-Type: "
        "application/x-www-form-urlencoded\r\n\r\n"
        "grant_type=password&username=alice&password=guess0";
    for (unsigned i = 0; i < CROWD; i++) {
        crowd[i] = client_connect(room);
        client_send(room, crowd[i], text, sizeof text - 1);
    }
    check_service(room);
    unsigned waiting = 0;
    for (unsigned i = 0; i < CROWD; i++) {
        char byte;
        waiting += recv(crowd[i], &byte, 1, MSG_PEEK) < 0;
    }
    assert_true(waiting > CROWD / 2);
    close(crowd[CROWD - 1]); /* this one does not wait for its answer */
    for (unsigned i = 0; i < CROWD - 1; i++) {
        struct answer answer;
        client_read(room, crowd[i], false, &answer);
        assert_int_equal(answer.status, 400);
        answer_free(&answer);
        close(crowd[i]);
    }
}

/** The server ends while passwords wait: no test does more than be clean under the sanitizers. */
static void test_end_with_passwords_waiting(void **state)
{
    struct http_room *room = *state;
    static const char text[] =
        "POST /oauth/token HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\nContent-Type: "
        "application/x-www-form-urlencoded\r\n\r\n"
        "grant_type=password&username=alice&password=guess0";
    struct vp_cloud_server_counters counters = {0};
    struct vp_failure failure;
    int crowd[8];
    for (unsigned i = 0; i < 8; i++) {
        crowd[i] = client_connect(room);
        client_send(room, crowd[i], text, sizeof text - 1);
    }
    while (counters.requests < 8) {
        http_room_wait(room, -1, 0);
        vp_cloud_server_get_counters(room->server, &counters);
    }
    vp_cloud_server_destroy(room->server);
    for (unsigned i = 0; i < 8; i++) {
        close(crowd[i]);
    }
    assert_int_equal(vp_cloud_server_create(&room->server, room->cloud, room->loop, "127.0.0.1:0",
                                            NULL, &failure),
                     0);
}

int main(void)
{
#define IN_ROOM(test) cmocka_unit_test_setup_teardown(test, open_room, close_room)
    const struct CMUnitTest tests[] = {
        IN_ROOM(test_large_bodies_are_refused),
        IN_ROOM(test_chunked_bodies_are_bounded),
        IN_ROOM(test_a_client_that_asks_first_need_not_send),
        IN_ROOM(test_broken_bodies),
        IN_ROOM(test_json_bombs),
        IN_ROOM(test_any_split_of_bytes),
        IN_ROOM(test_odd_heads),
        IN_ROOM(test_floods_of_headers),
        IN_ROOM(test_pipelined_requests),
        IN_ROOM(test_slow_clients_are_closed),
        IN_ROOM(test_more_connections_than_places),
        IN_ROOM(test_busy_connections_go_too),
        IN_ROOM(test_anonymous_bodies_are_bounded),
        IN_ROOM(test_many_passwords),
        IN_ROOM(test_end_with_passwords_waiting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
