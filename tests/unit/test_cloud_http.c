/* The cloud's HTTP front: who is let in, addresses, bodies, and what does not fit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/cloud_client.h"

static int open_room(void **state)
{
    struct cloud_room *room = calloc(1, sizeof *room);
    *state = room;
    cloud_room_open(room, NULL);
    return 0;
}

static int close_room(void **state)
{
    cloud_room_close(*state);
    free(*state);
    return 0;
}

/* ---- Addresses to listen on ---------------------------------------------------------------- */

static void test_only_loopback_unless_told(void **state)
{
    struct cloud_room *room = *state;
    struct vp_cloud_server *server = NULL;
    struct vp_failure failure;
    static const char *const beyond[] = {"0.0.0.0:0", "[::]:0"};
    const struct vp_cloud_server_options allowed = {.beyond_loopback = true};
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(
            vp_cloud_server_create(&server, room->cloud, room->loop, beyond[i], NULL, &failure),
            VP_ERROR_INVALID);
        assert_non_null(strstr(failure.text, "127.0.0.1"));
    }
    assert_int_equal(
        vp_cloud_server_create(&server, room->cloud, room->loop, "unix:/tmp/x", NULL, &failure),
        VP_ERROR_INVALID);
    assert_int_equal(
        vp_cloud_server_create(&server, room->cloud, room->loop, room->address, NULL, &failure),
        VP_ERROR_BUSY);
    assert_int_equal(
        vp_cloud_server_create(&server, room->cloud, room->loop, "0.0.0.0:0", &allowed, &failure),
        0);
    vp_cloud_server_destroy(server);
}

/* ---- Tokens ------------------------------------------------------------------------------------
 */

static void test_login_and_logout(void **state)
{
    struct cloud_room *room = *state;
    json_t *answer = ask_json(room, "POST", "/oauth/token", NULL,
                              "username=alice%40example.com&password=wonder&grant_type=password"
                              "&client_id=CLI2&client_secret=client_secret_here",
                              200);
    char token[64];
    snprintf(token, sizeof token, "%s", text_at(answer, "access_token"));
    assert_int_equal(strlen(token), VP_CLOUD_TOKEN_SIZE);
    assert_string_equal(text_at(answer, "token_type"), "bearer");
    assert_int_equal(json_integer_value(json_object_get(answer, "expires_in")), 7776000);
    json_decref(answer);

    answer = ask_json(room, "GET", "/v1/user", token, NULL, 200);
    assert_string_equal(text_at(answer, "username"), "alice@example.com");
    json_decref(answer);
    answer = ask_json(room, "GET", "/v1/access_tokens/current", token, NULL, 200);
    assert_string_equal(text_at(answer, "client"), "CLI2");
    json_decref(answer);

    json_decref(ask_json(room, "DELETE", "/v1/access_tokens/current", token, NULL, 200));
    answer = ask_json(room, "GET", "/v1/user", token, NULL, 401);
    assert_string_equal(text_at(answer, "error"), "invalid_token");
    json_decref(answer);
}

static void test_wrong_password(void **state)
{
    static const char *const forms[] = {
        "username=alice%40example.com&password=wander&grant_type=password",
        "username=nobody&password=wonder&grant_type=password",
        "username=&password=&grant_type=password",
    };
    for (unsigned i = 0; i < sizeof forms / sizeof *forms; i++) {
        json_t *answer = ask_json(*state, "POST", "/oauth/token", NULL, forms[i], 400);
        assert_string_equal(text_at(answer, "error"), "invalid_grant");
        assert_string_equal(text_at(answer, "error_description"), "User credentials are invalid");
        json_decref(answer);
    }
    static const char *const incomplete[] = {
        "",
        "grant_type=client_credentials",
        "grant_type=password&username=alice%40example.com",
        "username=alice%40example.com&password=wonder&grant_type=password&expires_in=-1",
    };
    for (unsigned i = 0; i < sizeof incomplete / sizeof *incomplete; i++) {
        json_t *answer = ask_json(*state, "POST", "/oauth/token", NULL, incomplete[i], 400);
        assert_string_equal(text_at(answer, "error"), "invalid_request");
        json_decref(answer);
    }
}

static void test_tokens_expire(void **state)
{
    struct cloud_room *room = *state;
    json_t *answer = ask_json(room, "POST", "/oauth/token", NULL,
                              "username=bob%40example.com&password=builder&grant_type=password"
                              "&expires_in=60",
                              200);
    const char *token = text_at(answer, "access_token");
    json_decref(ask_json(room, "GET", "/v1/user", token, NULL, 200));
    room->time += 61 * 1000;
    json_decref(ask_json(room, "GET", "/v1/user", token, NULL, 401));
    json_decref(answer);
}

/** 1.16 to 3.26 end a token with name and password, and 3.51 with nothing but the token. */
static void test_a_token_is_ended_by_its_owner(void **state)
{
    struct cloud_room *room = *state;
    char path[128], request[600];
    snprintf(path, sizeof path, "/v1/access_tokens/%s", room->alice);
    /* bob@example.com:builder */
    snprintf(request, sizeof request,
             "DELETE %s HTTP/1.1\r\nHost: x\r\nAuthorization: Basic "
             "Ym9iQGV4YW1wbGUuY29tOmJ1aWxkZXI=\r\n\r\n",
             path);
    struct answer answer;
    const int client = client_connect(room);
    client_send(room, client, request, strlen(request));
    client_read(room, client, false, &answer);
    assert_int_equal(answer.status, 401);
    answer_free(&answer);
    close(client);
    json_decref(ask_json(room, "GET", "/v1/user", room->alice, NULL, 200));
    json_decref(ask_json(room, "DELETE", path, NULL, NULL, 200));
    json_decref(ask_json(room, "GET", "/v1/user", room->alice, NULL, 401));
    json_decref(ask_json(room, "DELETE", path, NULL, NULL, 404));
}

static void test_where_a_token_may_be(void **state)
{
    struct cloud_room *room = *state;
    char path[160], form[160];
    snprintf(path, sizeof path, "/v1/user?access_token=%s", room->alice);
    json_decref(ask_json(room, "GET", path, NULL, NULL, 200));
    snprintf(form, sizeof form, "access_token=%s", room->alice);
    json_decref(ask_json(room, "DELETE", "/v1/access_tokens/current", NULL, form, 200));
    json_decref(ask_json(room, "DELETE", "/v1/access_tokens/current", NULL, form, 401));
    json_t *answer = ask_json(room, "GET", "/v1/user", NULL, NULL, 401);
    assert_string_equal(text_at(answer, "error"), "invalid_request");
    json_decref(answer);
}

/* ---- Addresses ----------------------------------------------------------------------------------
 */

static void test_paths(void **state)
{
    struct cloud_room *room = *state;
    char segments[9000];
    memset(segments, 'a', sizeof segments);
    memcpy(segments, "/v1/", 4);
    segments[sizeof segments - 1] = '\0';
    const struct {
        const char *path;
        unsigned status;
    } cases[] = {
        {"/v1/user", 200},
        {"/v1/user/", 200},
        {"/%76%31/us%65r", 200},
        {"/v1/user?x=%zz", 400},
        {"/v1//user", 400},
        {"//v1/user", 400},
        {"/v1/./user", 400},
        {"/v1/../v1/user", 400},
        {"/v1/%2e%2e/user", 400},
        {"/v1/user%00", 400},
        {"/v1/user%0d%0aX-Evil:%201", 400},
        {"/v1/%ff%fe", 400},
        {"/v1/%", 400},
        {"/v1/us%2fer", 404},
        {"/etc/passwd", 404},
        {"/", 404},
        {"/v1", 404},
        {"/v1/user/x", 404},
        {"/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q", 400},
        {segments, 400},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_decref(ask_json(room, "GET", cases[i].path, room->alice, NULL, cases[i].status));
    }
}

static void test_what_there_is_not(void **state)
{
    struct cloud_room *room = *state;
    json_t *answer = ask_json(room, "GET", "/v1/nothing", room->alice, NULL, 404);
    bool named = false;
    size_t i;
    json_t *route;
    json_array_foreach(json_object_get(answer, "routes"), i, route)
    {
        named = named || strcmp(json_string_value(route), "GET /v1/user") == 0;
    }
    assert_true(named);
    json_decref(answer);
    json_decref(ask_json(room, "DELETE", "/v1/user", room->alice, NULL, 405));
    json_decref(ask_json(room, "BREW", "/v1/user", room->alice, NULL, 405));
    json_decref(ask_json(room, "OPTIONS", "/v1/user", NULL, NULL, 200));
    struct answer head;
    ask(room, "HEAD", "/v1/user", room->alice, NULL, NULL, 0, &head);
    assert_int_equal(head.status, 200);
    answer_free(&head);
}

int main(void)
{
#define IN_ROOM(test) cmocka_unit_test_setup_teardown(test, open_room, close_room)
    const struct CMUnitTest tests[] = {
        IN_ROOM(test_only_loopback_unless_told),
        IN_ROOM(test_login_and_logout),
        IN_ROOM(test_wrong_password),
        IN_ROOM(test_tokens_expire),
        IN_ROOM(test_a_token_is_ended_by_its_owner),
        IN_ROOM(test_where_a_token_may_be),
        IN_ROOM(test_paths),
        IN_ROOM(test_what_there_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
