#include "support/cloud_client.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "vparticle/usbip.h"

static const ev_tstamp patience = 10.;

static uint64_t now(void *context)
{
    return ((struct http_room *)context)->time;
}

/* Numerical Recipes' generator: each test sees the same tokens. */
static void randomness(void *context, uint8_t *bytes, size_t count)
{
    struct http_room *room = context;
    while (count-- > 0) {
        room->seed = room->seed * 1664525u + 1013904223u;
        *bytes++ = (uint8_t)(room->seed >> 24);
    }
}

static void keep_line(void *context, const char *line)
{
    struct http_room *room = context;
    snprintf(room->last_log, sizeof room->last_log, "%s", line);
    room->log_lines++;
}

/* ---- The room ------------------------------------------------------------------------------ */

static struct vp_cloud_account *add_account(struct http_room *room, const char *name,
                                            const char *password, char *token)
{
    struct vp_failure failure;
    struct vp_cloud_token issued;
    assert_int_equal(vp_cloud_add_account(room->cloud, name, password, &failure), 0);
    struct vp_cloud_account *account = vp_cloud_find_account(room->cloud, name);
    assert_int_equal(vp_cloud_issue_token(room->cloud, account, "test", 0, &issued), 0);
    strcpy(token, issued.text);
    return account;
}

static struct vp_cloud_device *add_device(struct http_room *room, const char *id,
                                          enum vp_platform platform,
                                          struct vp_cloud_account *account, const char *name)
{
    struct vp_failure failure;
    struct vp_cloud_device *device;
    uint8_t bytes[VP_DEVICE_ID_SIZE];
    for (unsigned i = 0; i < sizeof bytes; i++) {
        unsigned byte;
        assert_int_equal(sscanf(id + 2 * i, "%2x", &byte), 1);
        bytes[i] = (uint8_t)byte;
    }
    assert_int_equal(vp_cloud_enroll(room->cloud, bytes, platform, &device), 0);
    if (account) {
        assert_int_equal(vp_cloud_claim(room->cloud, account, device, name, &failure), 0);
    }
    return device;
}

static void furnish(struct http_room *room)
{
    struct vp_failure failure;
    struct vp_cloud_product *product;
    struct vp_cloud_account *alice = add_account(room, "alice@example.com", "wonder", room->alice);
    struct vp_cloud_account *bob = add_account(room, "bob@example.com", "builder", room->bob);
    add_device(room, ALICE_PHOTON, VP_PLATFORM_PHOTON, alice, "lamp");
    add_device(room, ALICE_ELECTRON, VP_PLATFORM_ELECTRON, alice, "boat");
    struct vp_cloud_device *crane = add_device(room, BOB_PHOTON, VP_PLATFORM_PHOTON, bob, "crane");
    add_device(room, NOBODYS_PHOTON, VP_PLATFORM_PHOTON, NULL, NULL);
    assert_int_equal(
        vp_cloud_add_product(room->cloud, bob, "Site", VP_PLATFORM_PHOTON, &product, &failure), 0);
    assert_int_equal(vp_cloud_set_product(room->cloud, crane, product, &failure), 0);
}

/* ---- The cloud on the loop --------------------------------------------------------------------
 */

static void call_again(struct http_room *room, double seconds)
{
    ev_timer_stop(room->loop, &room->run);
    ev_timer_set(&room->run, seconds, 0.);
    ev_timer_start(room->loop, &room->run);
}

static void on_run(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    struct http_room *room = timer->data;
    const int64_t again = vp_cloud_run(room->cloud);
    if (again >= 0) {
        call_again(room, (double)again / 1000.);
    }
}

static void on_wake(void *context)
{
    call_again(context, 0.);
}

void http_room_settle(struct http_room *room)
{
    call_again(room, 0.);
    do {
        http_room_wait(room, -1, 0);
    } while (vp_cloud_is_busy(room->cloud));
}

struct vp_device *http_room_attach(struct http_room *room, const char *spec, const char *name,
                                   const char *device_name)
{
    struct vp_failure failure;
    struct vp_device *device;
    struct vp_cloud_device *record;
    assert_int_equal(vp_device_from_spec(&device, spec, 0, &failure), 0);
    assert_int_equal(vp_cloud_attach(room->cloud, device, &record, &failure), 0);
    assert_int_equal(vp_cloud_claim(room->cloud, vp_cloud_find_account(room->cloud, name), record,
                                    device_name, &failure),
                     0);
    http_room_settle(room);
    return device;
}

void http_room_open(struct http_room *room, const struct vp_cloud_server_options *options)
{
    struct vp_failure failure;
    struct vp_cloud_server_options with_log =
        options ? *options : (struct vp_cloud_server_options){0};
    *room = (struct http_room){.time = UINT64_C(1790000000123)};
    room->loop = ev_loop_new(EVFLAG_AUTO);
    const struct vp_cloud_options cloud = {.now = now, .random = randomness, .context = room};
    assert_int_equal(vp_cloud_create(&room->cloud, &cloud, &failure), 0);
    furnish(room);
    ev_timer_init(&room->run, on_run, 0., 0.);
    room->run.data = room;
    vp_cloud_set_wake(room->cloud, on_wake, room);
    with_log.log = keep_line;
    with_log.context = room;
    assert_int_equal(vp_cloud_server_create(&room->server, room->cloud, room->loop, "127.0.0.1:0",
                                            &with_log, &failure),
                     0);
    vp_cloud_server_address(room->server, room->address, sizeof room->address);
}

void http_room_close(struct http_room *room)
{
    vp_cloud_server_destroy(room->server);
    ev_timer_stop(room->loop, &room->run);
    vp_cloud_destroy(room->cloud);
    ev_loop_destroy(room->loop);
}

/* ---- Waiting --------------------------------------------------------------------------------- */

static void on_io(struct ev_loop *loop, ev_io *io, int events)
{
    (void)loop;
    (void)io;
    (void)events;
}

static void on_patience(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    *(bool *)timer->data = true;
}

void http_room_turn(struct http_room *room)
{
    for (int i = 0; i < 4; i++) {
        ev_run(room->loop, EVRUN_NOWAIT);
    }
}

void http_room_wait(struct http_room *room, int descriptor, int events)
{
    bool expired = false;
    ev_timer timer;
    ev_io io;
    ev_timer_init(&timer, on_patience, patience, 0.);
    timer.data = &expired;
    ev_timer_start(room->loop, &timer);
    ev_io_init(&io, on_io, descriptor, events);
    if (descriptor >= 0) {
        ev_io_start(room->loop, &io);
    }
    ev_run(room->loop, EVRUN_ONCE);
    if (descriptor >= 0) {
        ev_io_stop(room->loop, &io);
    }
    ev_timer_stop(room->loop, &timer);
    assert_false(expired);
}

/* ---- Clients -----------------------------------------------------------------------------------
 */

int client_connect(struct http_room *room)
{
    struct vp_failure failure;
    struct sockaddr_storage address;
    socklen_t length;
    assert_int_equal(vp_usbip_address_parse(room->address, &address, &length, &failure), 0);
    const int client = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(client >= 0);
    assert_int_equal(connect(client, (struct sockaddr *)&address, length), 0);
    assert_int_equal(fcntl(client, F_SETFL, O_NONBLOCK), 0);
    return client;
}

bool client_send(struct http_room *room, int client, const void *bytes, size_t size)
{
    const char *at = bytes;
    while (size > 0) {
        const ssize_t sent = send(client, at, size, MSG_NOSIGNAL);
        if (sent > 0) {
            at += sent;
            size -= (size_t)sent;
        } else if (errno == EAGAIN) {
            http_room_wait(room, client, EV_WRITE);
        } else {
            return false;
        }
    }
    return true;
}

struct text {
    char *bytes;
    size_t size;
};

/** @return false at the end of the stream */
static bool read_more(struct http_room *room, int client, struct text *text, size_t most)
{
    char part[16384];
    for (;;) {
        const ssize_t got = recv(client, part, most < sizeof part ? most : sizeof part, 0);
        if (got < 0 && errno == EAGAIN) {
            http_room_wait(room, client, EV_READ);
            continue;
        }
        if (got <= 0) {
            return false;
        }
        text->bytes = realloc(text->bytes, text->size + (size_t)got + 1);
        memcpy(text->bytes + text->size, part, (size_t)got);
        text->size += (size_t)got;
        text->bytes[text->size] = '\0';
        return true;
    }
}

/** Byte by byte: what follows is the next answer's. */
static bool read_head(struct http_room *room, int client, struct text *head)
{
    while (head->size < 4 || strcmp(head->bytes + head->size - 4, "\r\n\r\n") != 0) {
        if (!read_more(room, client, head, 1)) {
            return false;
        }
    }
    return true;
}

static bool read_count(struct http_room *room, int client, struct text *to, size_t count)
{
    const size_t end = to->size + count;
    while (to->size < end) {
        if (!read_more(room, client, to, end - to->size)) {
            return false;
        }
    }
    return true;
}

static void read_chunks(struct http_room *room, int client, struct text *body)
{
    for (;;) {
        struct text line = {0};
        while (line.size < 2 || strcmp(line.bytes + line.size - 2, "\r\n") != 0) {
            assert_true(read_more(room, client, &line, 1));
        }
        const size_t size = strtoul(line.bytes, NULL, 16);
        struct text end = {0};
        free(line.bytes);
        assert_true(read_count(room, client, body, size));
        assert_true(read_count(room, client, &end, 2));
        free(end.bytes);
        if (size == 0) {
            return;
        }
    }
}

void client_read(struct http_room *room, int client, bool head_only, struct answer *answer)
{
    struct text head = {0}, body = {0};
    *answer = (struct answer){0};
    do {
        free(head.bytes);
        head = (struct text){0};
        if (!read_head(room, client, &head)) {
            free(head.bytes);
            return;
        }
        assert_int_equal(sscanf(head.bytes, "HTTP/1.%*u %u", &answer->status), 1);
    } while (answer->status == 100);
    const char *length = strcasestr(head.bytes, "\r\nContent-Length:");
    if (head_only) {
        ;
    } else if (strcasestr(head.bytes, "\r\nTransfer-Encoding: chunked")) {
        read_chunks(room, client, &body);
    } else if (length) {
        assert_true(read_count(room, client, &body, strtoul(length + 17, NULL, 10)));
    }
    answer->closes = strcasestr(head.bytes, "\r\nConnection: close") != NULL;
    answer->head = head.bytes;
    answer->body = body.bytes;
    answer->size = body.size;
}

void answer_free(struct answer *answer)
{
    free(answer->head);
    free(answer->body);
}

char *client_read_until(struct http_room *room, int client, const char *text)
{
    struct text got = {.bytes = calloc(1, 1)};
    while (!strstr(got.bytes, text) && read_more(room, client, &got, 4096)) {
    }
    return got.bytes;
}

void ask(struct http_room *room, const char *method, const char *path, const char *token,
         const char *type, const void *body, size_t size, struct answer *answer)
{
    char head[12000];
    int length =
        snprintf(head, sizeof head, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, path, room->address);
    if (token) {
        length += snprintf(head + length, sizeof head - (size_t)length,
                           "Authorization: Bearer %s\r\n", token);
    }
    if (type) {
        length += snprintf(head + length, sizeof head - (size_t)length,
                           "Content-Type: %s\r\nContent-Length: %zu\r\n", type, size);
    }
    length += snprintf(head + length, sizeof head - (size_t)length, "\r\n");
    const int client = client_connect(room);
    client_send(room, client, head, (size_t)length);
    client_send(room, client, body, size);
    client_read(room, client, strcmp(method, "HEAD") == 0, answer);
    close(client);
}

json_t *ask_json(struct http_room *room, const char *method, const char *path, const char *token,
                 const char *form, unsigned status)
{
    struct answer answer;
    ask(room, method, path, token, form ? "application/x-www-form-urlencoded" : NULL, form,
        form ? strlen(form) : 0, &answer);
    if (answer.status != status) {
        fail_msg("%s %s: %u instead of %u: %s", method, path, answer.status, status,
                 answer.body ? answer.body : "");
    }
    json_t *object = json_loads(answer.body ? answer.body : "", 0, NULL);
    assert_non_null(object);
    answer_free(&answer);
    return object;
}

const char *text_at(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}
