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

#include "cloud/http/route.h"
#include "support/cloud_client.h"
#include "vparticle/module.h"

static int open_room(void **state)
{
    struct http_room *room = calloc(1, sizeof *room);
    *state = room;
    http_room_open(room, NULL);
    return 0;
}

static int close_room(void **state)
{
    http_room_close(*state);
    free(*state);
    return 0;
}

/* ---- Addresses to listen on ---------------------------------------------------------------- */

static void test_only_loopback_unless_told(void **state)
{
    struct http_room *room = *state;
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
    struct http_room *room = *state;
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
    struct http_room *room = *state;
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

static unsigned delete_by_password(struct http_room *room, const char *token, const char *basic)
{
    char request[600];
    snprintf(request, sizeof request,
             "DELETE /v1/access_tokens/%s HTTP/1.1\r\nHost: x\r\nAuthorization: Basic %s\r\n\r\n",
             token, basic);
    struct answer answer;
    const int client = client_connect(room);
    client_send(room, client, request, strlen(request));
    client_read(room, client, false, &answer);
    const unsigned status = answer.status;
    answer_free(&answer);
    close(client);
    return status;
}

/** 1.16 to 3.26 end a token with name and password, and 3.51 with nothing but the token. */
static void test_a_token_is_ended_by_its_owner(void **state)
{
    struct http_room *room = *state;
    static const char bobs[] = "Ym9iQGV4YW1wbGUuY29tOmJ1aWxkZXI=";  /* bob@example.com:builder */
    static const char wrong[] = "Ym9iQGV4YW1wbGUuY29tOmJyZWFrZXI="; /* bob@example.com:breaker */
    char path[128];
    assert_int_equal(delete_by_password(room, room->alice, bobs), 401);
    assert_int_equal(delete_by_password(room, room->bob, wrong), 401);
    assert_int_equal(delete_by_password(room, room->bob, "x"), 401);
    json_decref(ask_json(room, "GET", "/v1/user", room->alice, NULL, 200));
    json_decref(ask_json(room, "GET", "/v1/user", room->bob, NULL, 200));
    assert_int_equal(delete_by_password(room, room->bob, bobs), 200);
    assert_int_equal(delete_by_password(room, room->bob, bobs), 404);
    json_decref(ask_json(room, "GET", "/v1/user", room->bob, NULL, 401));

    snprintf(path, sizeof path, "/v1/access_tokens/%s", room->alice);
    json_decref(ask_json(room, "DELETE", path, NULL, NULL, 200));
    json_decref(ask_json(room, "GET", "/v1/user", room->alice, NULL, 401));
    json_decref(ask_json(room, "DELETE", path, NULL, NULL, 404));
}

static void test_where_a_token_may_be(void **state)
{
    struct http_room *room = *state;
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
    struct http_room *room = *state;
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
    struct http_room *room = *state;
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

/* ---- Devices
 * ------------------------------------------------------------------------------------- */

static void test_devices_are_listed_and_described(void **state)
{
    struct http_room *room = *state;
    json_t *list = ask_json(room, "GET", "/v1/devices", room->alice, NULL, 200);
    assert_int_equal(json_array_size(list), 2);
    const json_t *lamp = json_array_get(list, 0);
    assert_string_equal(text_at(lamp, "id"), ALICE_PHOTON);
    assert_string_equal(text_at(lamp, "name"), "lamp");
    assert_int_equal(json_integer_value(json_object_get(lamp, "platform_id")), 6);
    assert_int_equal(json_integer_value(json_object_get(lamp, "product_id")), 6);
    assert_true(json_is_false(json_object_get(lamp, "cellular")));
    assert_true(json_is_true(json_object_get(json_array_get(list, 1), "cellular")));
    json_decref(list);
    static const char *const names[] = {ALICE_PHOTON, "lamp", "LAMP"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        char path[64];
        snprintf(path, sizeof path, "/v1/devices/%s", names[i]);
        json_t *device = ask_json(room, "GET", path, room->alice, NULL, 200);
        assert_string_equal(text_at(device, "id"), ALICE_PHOTON);
        json_decref(device);
    }
    json_t *answer = ask_json(room, "GET", "/v1/devices/nothing", room->alice, NULL, 403);
    assert_string_equal(text_at(answer, "error"), "Permission Denied");
    assert_string_equal(text_at(answer, "info"), "I didn't recognize that device name or ID");
    json_decref(answer);
}

static void test_devices_are_claimed_renamed_and_removed(void **state)
{
    struct http_room *room = *state;
    json_t *answer = ask_json(room, "POST", "/v1/devices", room->alice, "id=" NOBODYS_PHOTON, 200);
    assert_true(json_is_true(json_object_get(answer, "ok")));
    json_decref(answer);
    answer = ask_json(room, "PUT", "/v1/devices/" NOBODYS_PHOTON, room->alice, "name=bell", 200);
    assert_string_equal(text_at(answer, "name"), "bell");
    json_decref(answer);
    json_decref(ask_json(room, "PUT", "/v1/devices/bell", room->alice, "name=lamp", 409));
    json_decref(ask_json(room, "PUT", "/v1/devices/bell", room->alice, "name=a/b", 400));
    json_decref(ask_json(room, "PUT", "/v1/devices/bell", room->alice, "x=y", 400));
    json_decref(ask_json(room, "DELETE", "/v1/devices/bell", room->alice, NULL, 200));
    json_decref(ask_json(room, "GET", "/v1/devices/bell", room->alice, NULL, 403));

    answer = ask_json(room, "POST", "/v1/devices", room->alice, "id=" BOB_PHOTON, 403);
    assert_string_equal(json_string_value(json_array_get(json_object_get(answer, "errors"), 0)),
                        "That belongs to someone else.");
    json_decref(answer);
    json_decref(ask_json(room, "POST", "/v1/devices", room->alice,
                         "request_transfer=true&id=" BOB_PHOTON, 403));
    json_decref(ask_json(room, "POST", "/v1/devices", room->alice, "id=012345", 404));
    json_decref(ask_json(room, "POST", "/v1/devices", room->alice, "", 400));
}

static json_int_t bobs_product(struct http_room *room)
{
    json_t *answer = ask_json(room, "GET", "/v1/products", room->bob, NULL, 200);
    const json_t *product = json_array_get(json_object_get(answer, "products"), 0);
    const json_int_t id = json_integer_value(json_object_get(product, "id"));
    assert_int_equal(json_integer_value(json_object_get(product, "platform_id")), 6);
    json_decref(answer);
    return id;
}

static void test_products(void **state)
{
    struct http_room *room = *state;
    char path[128];
    const long long product = bobs_product(room);
    snprintf(path, sizeof path, "/v1/products/%lld", product);
    json_t *answer = ask_json(room, "GET", path, room->bob, NULL, 200);
    assert_string_equal(text_at(json_object_get(answer, "product"), "name"), "Site");
    json_decref(answer);
    snprintf(path, sizeof path, "/v1/products/%lld/devices", product);
    answer = ask_json(room, "GET", path, room->bob, NULL, 200);
    assert_int_equal(json_array_size(json_object_get(answer, "devices")), 1);
    json_decref(answer);
    json_decref(ask_json(room, "POST", path, room->bob, "id=" NOBODYS_PHOTON, 200));
    json_decref(ask_json(room, "POST", path, room->bob, "id=" ALICE_PHOTON, 400));
    struct answer added;
    static const char list[] =
        "--b\r\nContent-Disposition: form-data; name=\"file\"; "
        "filename=\"ids.txt\"\r\n\r\n" NOBODYS_PHOTON "\n" ALICE_PHOTON "\n\r\n--b--\r\n";
    ask(room, "POST", path, room->bob, "multipart/form-data; boundary=b", list, sizeof list - 1,
        &added);
    assert_int_equal(added.status, 200);
    answer = json_loads(added.body, 0, NULL);
    assert_int_equal(json_array_size(json_object_get(answer, "updatedDeviceIds")), 1);
    assert_int_equal(json_array_size(json_object_get(answer, "invalidDeviceIds")), 1);
    json_decref(answer);
    answer_free(&added);
    snprintf(path, sizeof path, "/v1/products/%lld/devices/" NOBODYS_PHOTON, product);
    answer = ask_json(room, "GET", path, room->bob, NULL, 200);
    assert_int_equal(json_integer_value(json_object_get(answer, "product_id")), product);
    json_decref(answer);
    answer = ask_json(room, "PUT", path, room->bob, "development=true", 200);
    assert_true(json_is_true(json_object_get(answer, "development")));
    json_decref(answer);
    json_decref(ask_json(room, "DELETE", path, room->bob, NULL, 200));
    json_decref(ask_json(room, "GET", path, room->bob, NULL, 403));
}

static void test_products_are_created(void **state)
{
    struct http_room *room = *state;
    struct answer answer;
    static const char json[] = "{\"product\":{\"name\":\"My Lamp\",\"platform_id\":6,"
                               "\"settings\":{\"location\":{\"opt_in\":false}}}}";
    ask(room, "POST", "/v1/user/products", room->alice, "application/json", json, sizeof json - 1,
        &answer);
    assert_int_equal(answer.status, 200);
    json_t *created = json_loads(answer.body, 0, NULL);
    const json_t *product = json_object_get(created, "product");
    char path[128];
    snprintf(path, sizeof path, "/v1/products/%s", text_at(product, "slug"));
    json_decref(ask_json(room, "GET", path, room->alice, NULL, 200));
    json_decref(ask_json(room, "GET", path, room->bob, NULL, 404));
    json_decref(created);
    answer_free(&answer);
    json_decref(ask_json(room, "POST", "/v1/products", room->alice, "name=x&platform_id=7", 400));
    json_decref(ask_json(room, "POST", "/v1/products", room->alice, "platform_id=6", 400));
}

/* ---- One account and another's
 * --------------------------------------------------------------------- */

/** The path of a route with each {word} replaced. */
static void fill_in(const char *pattern, long long product, const char *device, const char *binary,
                    char *path, size_t size)
{
    size_t used = 0;
    while (*pattern && *pattern != '*' && used + 1 < size) {
        if (*pattern != '{') {
            path[used++] = *pattern++;
            continue;
        }
        const char *value = strncmp(pattern, "{device}", 8) == 0   ? device
                            : strncmp(pattern, "{binary}", 8) == 0 ? binary
                                                                   : "x";
        if (strncmp(pattern, "{product}", 9) == 0) {
            used += (size_t)snprintf(path + used, size - used, "%lld", product);
        } else {
            used += (size_t)snprintf(path + used, size - used, "%s", value);
        }
        pattern = strchr(pattern, '}') + 1;
    }
    path[used] = '\0';
}

static void compile_for(struct http_room *room, const char *token, char *binary, size_t size)
{
    static const char body[] = "--b\r\nContent-Disposition: form-data; name=\"file\"; "
                               "filename=\"app.ino\"\r\n\r\nvoid setup(){}\r\n"
                               "--b\r\nContent-Disposition: form-data; name=\"platform_id\""
                               "\r\n\r\n6\r\n--b--\r\n";
    struct answer answer;
    ask(room, "POST", "/v1/binaries", token, "multipart/form-data; boundary=b", body,
        sizeof body - 1, &answer);
    assert_int_equal(answer.status, 200);
    json_t *built = json_loads(answer.body, 0, NULL);
    snprintf(binary, size, "%s", text_at(built, "binary_id"));
    json_decref(built);
    answer_free(&answer);
}

/** Only the head is looked at where an answer does not end. */
static unsigned status_of(struct http_room *room, const char *method, const char *path,
                          const char *token, char *text, size_t size)
{
    char request[1024];
    snprintf(request, sizeof request,
             "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: "
             "application/x-www-form-urlencoded\r\nContent-Length: 27\r\n%s%s%s\r\n"
             "id=" BOB_PHOTON,
             method, path, token ? "Authorization: Bearer " : "", token ? token : "",
             token ? "\r\n" : "");
    const int client = client_connect(room);
    client_send(room, client, request, strlen(request));
    char *got = client_read_until(room, client, ":ok\n");
    unsigned status = 0;
    sscanf(got, "HTTP/1.1 %u", &status);
    snprintf(text, size, "%s", got);
    free(got);
    close(client);
    return status;
}

static void check_bobs_things(struct http_room *room)
{
    struct vp_cloud_device_facts facts;
    vp_cloud_device_facts(vp_cloud_find_device(room->cloud, BOB_PHOTON), &facts);
    assert_ptr_equal(facts.owner, vp_cloud_find_account(room->cloud, "bob@example.com"));
    assert_string_equal(facts.name, "crane");
    assert_non_null(facts.product);
}

/** Each route that there is, so that none can be forgotten. */
static void test_one_account_does_not_see_anothers(void **state)
{
    struct http_room *room = *state;
    char binary[64], path[256], text[20000];
    const long long product = bobs_product(room);
    compile_for(room, room->bob, binary, sizeof binary);
    unsigned refused = 0;
    for (unsigned i = 0; i < http_route_count; i++) {
        const struct http_route *route = &http_routes[i];
        const char *method = http_method_name(route->method);
        if (route->flags & HTTP_OPEN) {
            continue;
        }
        fill_in(route->pattern, product, BOB_PHOTON, binary, path, sizeof path);
        assert_int_equal(status_of(room, method, path, NULL, text, sizeof text), 401);
        assert_int_equal(status_of(room, method, path, "0123456789abcdef", text, sizeof text), 401);
        if (route->handle == http_token_delete_all || route->handle == http_token_delete_current) {
            continue; /* it is alice's own that it deletes: test_where_a_token_may_be() */
        }
        const unsigned status = status_of(room, method, path, room->alice, text, sizeof text);
        if (strchr(route->pattern, '{') && !strstr(route->pattern, "{version}")) {
            if (status != 403 && status != 404) {
                fail_msg("%s %s: %u: %s", method, path, status, text);
            }
            refused++;
        }
        const char *body = strstr(text, "\r\n\r\n");
        assert_non_null(body);
        static const char *const secrets[] = {BOB_PHOTON, "crane", "Site", "bob@"};
        for (unsigned k = 0; k < sizeof secrets / sizeof *secrets; k++) {
            if (strstr(body, secrets[k])) {
                fail_msg("%s %s shows '%s': %s", method, path, secrets[k], body);
            }
        }
        fill_in(route->pattern, product, "crane", binary, path, sizeof path);
        if (strstr(route->pattern, "{device}")) {
            const unsigned by_name = status_of(room, method, path, room->alice, text, sizeof text);
            assert_true(by_name == 403 || by_name == 404);
        }
        check_bobs_things(room);
    }
    assert_true(refused >= 8);
}

/* ---- Device OS and compiling
 * ---------------------------------------------------------------------- */

static void test_device_os(void **state)
{
    struct http_room *room = *state;
    json_t *answer =
        ask_json(room, "GET", "/v1/device-os/versions/0.7.0?platform_id=6", room->alice, NULL, 200);
    assert_string_equal(text_at(answer, "version"), "0.7.0");
    assert_int_equal(json_integer_value(json_object_get(answer, "internal_version")), 207);
    const char *base = text_at(answer, "base_url");
    char expected[128];
    snprintf(expected, sizeof expected, "http://%s/device-os/0.7.0/photon", room->address);
    assert_string_equal(base, expected);
    size_t i;
    unsigned parts = 0;
    json_t *module;
    json_array_foreach(json_object_get(answer, "modules"), i, module)
    {
        char path[256];
        struct answer file;
        struct vp_module parsed;
        struct vp_failure failure;
        snprintf(path, sizeof path, "/device-os/0.7.0/photon/%s", text_at(module, "filename"));
        ask(room, "GET", path, NULL, NULL, NULL, 0, &file);
        assert_int_equal(file.status, 200);
        assert_int_equal(vp_module_parse((const uint8_t *)file.body, file.size, &parsed, &failure),
                         0);
        snprintf(expected, sizeof expected, "%08x", parsed.crc);
        assert_string_equal(text_at(json_object_get(module, "crc"), "storedCrc"), expected);
        parts += strcmp(text_at(json_object_get(module, "prefixInfo"), "moduleFunction"),
                        "system_part") == 0;
        answer_free(&file);
    }
    assert_int_equal(parts, 2);
    json_decref(answer);
    answer =
        ask_json(room, "GET", "/v1/device-os/versions/207?platform_id=8", room->alice, NULL, 200);
    assert_string_equal(text_at(answer, "version"), "0.7.0");
    json_decref(answer);
    answer = ask_json(room, "GET", "/v1/device-os/versions?platform_id=10", room->alice, NULL, 200);
    assert_true(json_array_size(json_object_get(answer, "versions")) > 50);
    json_decref(answer);
    json_decref(
        ask_json(room, "GET", "/v1/device-os/versions/9.9?platform_id=6", room->alice, NULL, 404));
    json_decref(ask_json(room, "GET", "/v1/device-os/versions/0.7.0", room->alice, NULL, 400));
    json_decref(ask_json(room, "GET", "/device-os/0.7.0/photon/passwd", NULL, NULL, 404));
}

static json_t *compile_with(struct http_room *room, const char *file, const char *target,
                            unsigned status)
{
    char body[1024];
    struct answer answer;
    snprintf(body, sizeof body,
             "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"%s\"\r\n"
             "Content-Type: application/octet-stream\r\n\r\nvoid setup(){}\r\n"
             "--b\r\nContent-Disposition: form-data; name=\"platform_id\"\r\n\r\n10\r\n"
             "--b\r\nContent-Disposition: form-data; name=\"build_target_version\"\r\n\r\n%s"
             "\r\n--b--\r\n",
             file, target);
    ask(room, "POST", "/v1/binaries", room->alice, "multipart/form-data; boundary=b", body,
        strlen(body), &answer);
    assert_int_equal(answer.status, status);
    json_t *object = json_loads(answer.body, 0, NULL);
    answer_free(&answer);
    return object;
}

static void test_compiling(void **state)
{
    struct http_room *room = *state;
    json_t *answer = compile_with(room, "dir/app.ino", "0.6.3", 200);
    unsigned text, data, bss;
    assert_int_equal(sscanf(text_at(answer, "sizeInfo"), " text data bss dec hex filename %u %u %u",
                            &text, &data, &bss),
                     3);
    struct answer file;
    ask(room, "GET", text_at(answer, "binary_url"), room->alice, NULL, NULL, 0, &file);
    assert_int_equal(file.status, 200);
    assert_int_equal(text + data, file.size);
    struct vp_module module;
    struct vp_failure failure;
    const uint8_t *bytes = (const uint8_t *)file.body;
    assert_int_equal(vp_module_parse(bytes, file.size, &module, &failure), 0);
    assert_true(vp_module_integrity(bytes, file.size, &module) & VP_CHECK_INTEGRITY);
    assert_int_equal(module.platform, 10);
    assert_int_equal(module.function, VP_MODULE_USER);
    assert_int_equal(module.dependencies[0].function, VP_MODULE_SYSTEM);
    assert_int_equal(module.dependencies[0].index, 2);
    assert_int_equal(module.dependencies[0].version, 109);
    answer_free(&file);
    json_decref(answer);

    answer = compile_with(room, "readme.txt", "0.6.3", 400);
    assert_string_equal(text_at(answer, "output"), "Compiler timed out or encountered an error");
    assert_int_equal(json_array_size(json_object_get(answer, "errors")), 1);
    json_decref(answer);
    answer = compile_with(room, "app.ino", "0.6.9", 400);
    assert_non_null(strstr(text_at(answer, "error"), "0.6.9"));
    json_decref(answer);

    answer = ask_json(room, "GET", "/v1/build_targets?featured=true", room->alice, NULL, 200);
    assert_string_not_equal(text_at(json_object_get(answer, "default_versions"), "6"), "");
    json_decref(answer);
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
        IN_ROOM(test_devices_are_listed_and_described),
        IN_ROOM(test_devices_are_claimed_renamed_and_removed),
        IN_ROOM(test_products),
        IN_ROOM(test_products_are_created),
        IN_ROOM(test_one_account_does_not_see_anothers),
        IN_ROOM(test_device_os),
        IN_ROOM(test_compiling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
