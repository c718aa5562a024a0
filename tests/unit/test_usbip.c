/* The USB/IP codec and the session, byte by byte, on a device whose behaviour the test decides. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/fake_device.h"
#include "support/usbip_client.h"
#include "usbip/session.h"

/* ---- A session and what it is connected to --------------------------------------------- */

struct desk {
    struct vp_device *devices[2];
    struct usbip_export exports[2];
    struct usbip_export *items[2];
    struct usbip_exports all;
    struct usbip_session session;
    struct usbip_client client; /* only to make requests with */
    unsigned woken, importer_changes;
};

static struct desk *desk_of_export; /* an export has no owner of its own */

static void count_wake(struct usbip_session *session)
{
    ((struct desk *)session->owner)->woken++;
}

static void count_importer(struct usbip_export *export)
{
    (void)export;
    desk_of_export->importer_changes++;
}

static void tell_session(void *context, const struct vp_event *event)
{
    struct usbip_export *export = context;
    if (event->kind == VP_EVENT_DETACHED && export->importer) {
        usbip_session_device_left(export->importer);
    }
}

static void begin(struct desk *desk, struct usbip_session *session)
{
    usbip_session_begin(session, &desk->all);
    session->wake = count_wake;
    session->owner = desk;
}

static int set_up(void **state)
{
    struct desk *desk = calloc(1, sizeof *desk);
    for (unsigned i = 0; i < 2; i++) {
        struct usbip_export *export = &desk->exports[i];
        desk->devices[i] = fake_device_create((uint16_t)(0xD006 + i));
        export->device = desk->devices[i];
        snprintf(export->busid, sizeof export->busid, "1-%u", i + 1);
        export->devnum = 2 + i;
        export->importer_changed = count_importer;
        vp_device_listen(desk->devices[i], tell_session, export);
        desk->items[i] = export;
    }
    desk->all = (struct usbip_exports){desk->items, 2};
    desk_of_export = desk;
    begin(desk, &desk->session);
    *state = desk;
    return 0;
}

static int tear_down(void **state)
{
    struct desk *desk = *state;
    usbip_session_end(&desk->session);
    assert_null(desk->exports[0].importer);
    vp_device_destroy(desk->devices[0]);
    vp_device_destroy(desk->devices[1]);
    free(desk);
    return 0;
}

static size_t output_size(const struct usbip_session *session)
{
    return session->output.end - session->output.start;
}

/* Take bytes from the output, as if they were sent. */
static void take(struct usbip_session *session, void *bytes, size_t count)
{
    assert_true(output_size(session) >= count);
    memcpy(bytes, session->output.bytes + session->output.start, count);
    usbip_session_sent(session, count);
}

static struct vp_usbip_header take_header(struct usbip_session *session)
{
    uint8_t bytes[VP_USBIP_HEADER_SIZE];
    struct vp_usbip_header header;
    take(session, bytes, sizeof bytes);
    vp_usbip_decode_header(&header, bytes);
    return header;
}

static void is_answer(struct usbip_session *session, uint32_t seqnum, int32_t status,
                      uint32_t actual)
{
    struct vp_usbip_header header = take_header(session);
    assert_int_equal(header.command, VP_USBIP_RET_SUBMIT);
    assert_int_equal(header.seqnum, seqnum);
    assert_int_equal(header.submitted.status, status);
    assert_int_equal(header.submitted.actual, actual);
}

static void is_unlink_answer(struct usbip_session *session, uint32_t seqnum, int32_t status)
{
    struct vp_usbip_header header = take_header(session);
    assert_int_equal(header.command, VP_USBIP_RET_UNLINK);
    assert_int_equal(header.seqnum, seqnum);
    assert_int_equal(header.unlinked.status, status);
}

static void feed_op(struct usbip_session *session, uint16_t version, uint16_t code)
{
    uint8_t bytes[VP_USBIP_OP_SIZE];
    vp_usbip_encode_op(bytes, &(struct vp_usbip_op){.version = version, .code = code});
    usbip_session_feed(session, bytes, sizeof bytes);
}

/* Import and take the answer. @return its status */
static uint32_t import(struct usbip_session *session, const char *busid)
{
    uint8_t name[VP_USBIP_BUSID_SIZE] = {0};
    uint8_t bytes[VP_USBIP_DEVICE_SIZE];
    struct vp_usbip_op op;
    memcpy(name, busid, strlen(busid));
    feed_op(session, VP_USBIP_VERSION, VP_USBIP_OP_REQ_IMPORT);
    usbip_session_feed(session, name, sizeof name);
    take(session, bytes, VP_USBIP_OP_SIZE);
    vp_usbip_decode_op(&op, bytes);
    assert_int_equal(op.code, VP_USBIP_OP_REP_IMPORT);
    if (op.status == VP_USBIP_ST_OK) {
        take(session, bytes, sizeof bytes);
    }
    assert_int_equal(output_size(session), 0);
    return op.status;
}

/* Feed a CMD_SUBMIT. @return its seqnum */
static uint32_t submit(struct desk *desk, uint8_t endpoint, bool in, const uint8_t setup[8],
                       const void *out, uint32_t length)
{
    static uint8_t bytes[VP_USBIP_HEADER_SIZE + 70000];
    size_t size = usbip_client_make_submit(&desk->client, bytes, endpoint, in, setup, out, length);
    usbip_session_feed(&desk->session, bytes, size);
    return desk->client.last_seqnum;
}

static uint32_t unlink_request(struct desk *desk, uint32_t seqnum)
{
    uint8_t bytes[VP_USBIP_HEADER_SIZE];
    const struct vp_usbip_header header = {.command = VP_USBIP_CMD_UNLINK,
                                           .seqnum = ++desk->client.last_seqnum,
                                           .unlink = {.seqnum = seqnum}};
    vp_usbip_encode_header(bytes, &header);
    usbip_session_feed(&desk->session, bytes, sizeof bytes);
    return header.seqnum;
}

static const uint8_t get_status[8] = {0xA1, FAKE_REQUEST_STATUS, 0, 0, 0, 0, 6, 0};
static const uint8_t stall_in[8] = {0xA1, FAKE_REQUEST_STALL, 0, 0, 0, 0, 6, 0};
static const uint8_t pending_in[8] = {0xA1, FAKE_REQUEST_PENDING, 0, 0, 0, 0, 6, 0};
static const uint8_t vanish[8] = {0x21, FAKE_REQUEST_VANISH, 0, 0, 0, 0, 0, 0};
static const uint8_t echo_out[8] = {0x21, FAKE_REQUEST_ECHO, 0, 0, 0, 0, 5, 0};
static const uint8_t echo_in[8] = {0xA1, FAKE_REQUEST_ECHO, 0, 0, 0, 0, 8, 0};

/* ---- Codec ----------------------------------------------------------------------------------- */

/* The bytes are written down after the tables of usbip_protocol.rst, not by our encoder. */
static const uint8_t submit_bytes[VP_USBIP_HEADER_SIZE] = {
    0, 0, 0, 1, 0, 0, 0x0D, 0x05, 0, 1, 0, 0x0F, 0, 0, 0, 1, 0,    0, 0, 0, 0, 0, 2, 1,
    0, 0, 0, 6, 0, 0, 0,    0,    0, 0, 0, 0,    0, 0, 0, 4, 0xA1, 3, 0, 0, 0, 0, 6, 0};
static const uint8_t ret_submit_bytes[VP_USBIP_HEADER_SIZE] = {
    0, 0, 0, 3, 0, 0, 0x0D, 0x05, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xE0,
    0, 0, 1, 2, 0, 0, 0,    0,    0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0,    0,    0,    0};
static const uint8_t unlink_bytes[VP_USBIP_HEADER_SIZE] = {0, 0, 0, 2, 0, 0, 0, 9, 0, 1, 0,   2,
                                                           0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xD, 0x05};
static const uint8_t ret_unlink_bytes[VP_USBIP_HEADER_SIZE] = {
    0, 0, 0, 4, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0x98};

static void headers_are_the_bytes_of_the_protocol(void **state)
{
    (void)state;
    const uint8_t *const all[] = {submit_bytes, ret_submit_bytes, unlink_bytes, ret_unlink_bytes};
    struct vp_usbip_header header;
    for (size_t i = 0; i < 4; i++) {
        uint8_t again[VP_USBIP_HEADER_SIZE];
        vp_usbip_decode_header(&header, all[i]);
        vp_usbip_encode_header(again, &header);
        assert_memory_equal(again, all[i], sizeof again);
    }
    vp_usbip_decode_header(&header, submit_bytes);
    assert_int_equal(header.command, VP_USBIP_CMD_SUBMIT);
    assert_int_equal(header.seqnum, 0xD05);
    assert_int_equal(header.devid, 0x1000F);
    assert_int_equal(header.direction, VP_USBIP_DIR_IN);
    assert_int_equal(header.submit.flags, 0x201);
    assert_int_equal(header.submit.length, 6);
    assert_int_equal(header.submit.interval, 4);
    assert_memory_equal(header.submit.setup, get_status, 8);
    vp_usbip_decode_header(&header, ret_submit_bytes);
    assert_int_equal(header.submitted.status, -EPIPE);
    assert_int_equal(header.submitted.actual, 0x102);
    assert_int_equal(header.submitted.errors, 1);
    vp_usbip_decode_header(&header, unlink_bytes);
    assert_int_equal(header.unlink.seqnum, 0xD05);
    vp_usbip_decode_header(&header, ret_unlink_bytes);
    assert_int_equal(header.unlinked.status, -ECONNRESET);
}

static void a_device_has_312_bytes(void **state)
{
    (void)state;
    struct vp_usbip_device device = {.path = "/sys/devices/x",
                                     .busid = "1-1",
                                     .busnum = 1,
                                     .devnum = 0x1234,
                                     .speed = 2,
                                     .identity = {0x2B04, 0xD006, 0x0200, 1, 2, 3, 4, 5, 6, {{0}}}};
    struct vp_usbip_device again;
    uint8_t bytes[VP_USBIP_DEVICE_SIZE];
    assert_int_equal(sizeof bytes, 312);
    vp_usbip_encode_device(bytes, &device);
    assert_string_equal((char *)bytes, "/sys/devices/x");
    assert_string_equal((char *)bytes + 256, "1-1");
    const uint8_t numbers[24] = {0,    0,    0,    1,    0, 0, 0x12, 0x34, 0, 0, 0, 2,
                                 0x2B, 0x04, 0xD0, 0x06, 2, 0, 1,    2,    3, 4, 5, 6};
    assert_memory_equal(bytes + 288, numbers, 24);
    vp_usbip_decode_device(&again, bytes);
    assert_memory_equal(&again, &device, sizeof device);
    memset(bytes, 'x', 288);
    vp_usbip_decode_device(&again, bytes);
    assert_int_equal(strlen(again.path), 255);
    assert_int_equal(strlen(again.busid), 31);
}

static void addresses(void **state)
{
    (void)state;
    static const char *const good[][2] = {{"127.0.0.1:3240", "127.0.0.1:3240"},
                                          {"localhost:0", "127.0.0.1:0"},
                                          {"[::1]:65535", "[::1]:65535"},
                                          {"unix:/tmp/a socket", "unix:/tmp/a socket"},
                                          {"unix:here", "unix:here"}};
    static const char *const bad[] = {
        "",       ":1",         "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:99999",
        "::1:80", "[::1]",      "[]:1",      "[::1:1",     "127.0.0.1:8x",    "127.0.0.1:-1",
        "unix:",  "example:80", "1.2.3:+1",  "[::1]x:1",   "127.0.0.1:123456"};
    struct sockaddr_storage address;
    socklen_t length;
    struct vp_failure failure;
    char text[VP_USBIP_ADDRESS_SIZE];
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(vp_usbip_address_parse(good[i][0], &address, &length, &failure), 0);
        vp_usbip_address_text(text, sizeof text, &address, length);
        assert_string_equal(text, good[i][1]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        failure.text[0] = '\0';
        assert_int_equal(vp_usbip_address_parse(bad[i], &address, &length, &failure),
                         VP_ERROR_INVALID);
        assert_non_null(strstr(failure.text, "write")); /* says what to do */
    }
    char longest[200] = "unix:";
    memset(longest + 5, 'p', 150);
    assert_int_equal(vp_usbip_address_parse(longest, &address, &length, &failure),
                     VP_ERROR_INVALID);
}

/* ---- Before the import ---------------------------------------------------------------------- */

static void a_list_fed_byte_by_byte(void **state)
{
    struct desk *desk = *state;
    const uint8_t request[8] = {0x01, 0x11, 0x80, 0x05, 0, 0, 0, 0};
    uint8_t reply[12];
    uint8_t device[VP_USBIP_DEVICE_SIZE];
    uint8_t interfaces[8];
    for (size_t i = 0; i < sizeof request; i++) {
        assert_int_equal(output_size(&desk->session), 0);
        usbip_session_feed(&desk->session, request + i, 1);
    }
    take(&desk->session, reply, sizeof reply);
    const uint8_t expected[12] = {0x01, 0x11, 0x00, 0x05, 0, 0, 0, 0, 0, 0, 0, 2};
    assert_memory_equal(reply, expected, sizeof expected);
    for (unsigned i = 0; i < 2; i++) {
        const uint8_t dfu[8] = {0xFE, 1, 2, 0, 0xFE, 1, 2, 0};
        take(&desk->session, device, sizeof device);
        assert_string_equal((char *)device, i == 0 ? "/sys/devices/platform/vparticle/usb1/1-1"
                                                   : "/sys/devices/platform/vparticle/usb1/1-2");
        take(&desk->session, interfaces, sizeof interfaces);
        assert_memory_equal(interfaces, dfu, sizeof dfu);
    }
    assert_int_equal(output_size(&desk->session), 0);
    assert_int_equal(desk->session.state, USBIP_SESSION_DONE);
}

static void a_device_off_the_bus_is_not_listed(void **state)
{
    struct desk *desk = *state;
    uint8_t reply[12];
    fake_device_detach(desk->devices[0]);
    fake_device_detach(desk->devices[1]);
    feed_op(&desk->session, VP_USBIP_VERSION, VP_USBIP_OP_REQ_DEVLIST);
    take(&desk->session, reply, sizeof reply);
    assert_int_equal(reply[11], 0);
    assert_int_equal(output_size(&desk->session), 0);
}

static void import_resets_the_device_and_is_exclusive(void **state)
{
    struct desk *desk = *state;
    struct usbip_session second;
    assert_int_equal(import(&desk->session, "1-1"), VP_USBIP_ST_OK);
    assert_int_equal(desk->devices[0]->resets, 1);
    assert_int_equal(desk->importer_changes, 1);
    begin(desk, &second);
    assert_int_equal(import(&second, "1-1"), VP_USBIP_ST_DEV_BUSY);
    assert_int_equal(second.state, USBIP_SESSION_DONE);
    assert_int_equal(desk->devices[0]->resets, 1);
    usbip_session_end(&second);
    begin(desk, &second);
    assert_int_equal(import(&second, "1-2"), VP_USBIP_ST_OK);
    usbip_session_end(&second);
    assert_null(desk->exports[1].importer);
    assert_ptr_equal(desk->exports[0].importer, &desk->session);
}

static void import_of_what_is_not_there(void **state)
{
    struct desk *desk = *state;
    struct usbip_session second;
    begin(desk, &second);
    assert_int_equal(import(&second, "1-3"), VP_USBIP_ST_NODEV);
    usbip_session_end(&second);
    fake_device_detach(desk->devices[0]);
    assert_int_equal(import(&desk->session, "1-1"), VP_USBIP_ST_NA);
}

static void a_bus_id_without_end_breaks(void **state)
{
    struct desk *desk = *state;
    uint8_t name[VP_USBIP_BUSID_SIZE];
    memset(name, '1', sizeof name);
    feed_op(&desk->session, VP_USBIP_VERSION, VP_USBIP_OP_REQ_IMPORT);
    assert_true(usbip_session_is_mid_message(&desk->session));
    usbip_session_feed(&desk->session, name, sizeof name);
    assert_int_equal(desk->session.state, USBIP_SESSION_BROKEN);
    assert_int_equal(output_size(&desk->session), 0);
}

static void another_version_is_told_so(void **state)
{
    struct desk *desk = *state;
    const uint8_t error[8] = {0x01, 0x11, 0x00, 0x05, 0, 0, 0, VP_USBIP_ST_ERROR};
    uint8_t reply[8];
    feed_op(&desk->session, 0x0106, VP_USBIP_OP_REQ_DEVLIST);
    take(&desk->session, reply, sizeof reply);
    assert_memory_equal(reply, error, sizeof error);
    assert_int_equal(desk->session.state, USBIP_SESSION_BROKEN);
    assert_non_null(strstr(desk->session.reason, "1.0.6"));
}

static void something_else_breaks_and_gets_nothing(void **state)
{
    struct desk *desk = *state;
    usbip_session_feed(&desk->session, (const uint8_t *)"GET / HTTP/1.1\r\n\r\n", 18);
    assert_int_equal(desk->session.state, USBIP_SESSION_BROKEN);
    assert_int_equal(output_size(&desk->session), 0);
}

/* ---- Transfers ------------------------------------------------------------------------------ */

static void control_transfers(void **state)
{
    struct desk *desk = *state;
    uint8_t data[8];
    import(&desk->session, "1-1");
    uint32_t seqnum = submit(desk, 0, true, get_status, NULL, 6);
    is_answer(&desk->session, seqnum, 0, 6);
    take(&desk->session, data, 6);
    assert_int_equal(data[5], 5);
    seqnum = submit(desk, 0, false, echo_out, "hello", 5);
    is_answer(&desk->session, seqnum, 0, 5);
    seqnum = submit(desk, 0, true, echo_in, NULL, 8);
    is_answer(&desk->session, seqnum, 0, 5);
    take(&desk->session, data, 5);
    assert_memory_equal(data, "hello", 5);
    seqnum = submit(desk, 0, true, stall_in, NULL, 6);
    is_answer(&desk->session, seqnum, -EPIPE, 0);
    assert_int_equal(output_size(&desk->session), 0);
}

static void a_short_packet_is_an_error_if_asked_for(void **state)
{
    struct desk *desk = *state;
    uint8_t bytes[VP_USBIP_HEADER_SIZE];
    import(&desk->session, "1-1");
    usbip_client_make_submit(&desk->client, bytes, 0, true, echo_in, NULL, 8);
    bytes[23] = VP_USBIP_SHORT_NOT_OK;
    usbip_session_feed(&desk->session, bytes, sizeof bytes);
    is_answer(&desk->session, desk->client.last_seqnum, -EREMOTEIO, 0);
}

static void transfers_without_data_may_name_either_direction(void **state)
{
    struct desk *desk = *state;
    const uint8_t in[8] = {0xA1, FAKE_REQUEST_ECHO, 0, 0, 0, 0, 0, 0};
    const uint8_t out[8] = {0x21, FAKE_REQUEST_ECHO, 0, 0, 0, 0, 0, 0};
    import(&desk->session, "1-1");
    for (unsigned i = 0; i < 4; i++) {
        uint32_t seqnum = submit(desk, 0, i & 1, i & 2 ? in : out, NULL, 0);
        is_answer(&desk->session, seqnum, 0, 0);
    }
    assert_int_equal(desk->devices[0]->submitted, 4);
}

/* What no host controller could do is refused, and the conversation goes on. */
static void data_stages_that_do_not_fit_the_setup_packet(void **state)
{
    struct desk *desk = *state;
    const uint8_t none[8] = {0x21, FAKE_REQUEST_ECHO, 0, 0, 0, 0, 0, 0};
    import(&desk->session, "1-1");
    is_answer(&desk->session, submit(desk, 0, false, get_status, "abcdef", 6), -EINVAL, 0);
    is_answer(&desk->session, submit(desk, 0, true, echo_out, NULL, 5), -EINVAL, 0);
    is_answer(&desk->session, submit(desk, 0, false, echo_out, "abcdef", 6), -EINVAL, 0);
    is_answer(&desk->session, submit(desk, 0, false, echo_out, "abcd", 4), -EINVAL, 0);
    is_answer(&desk->session, submit(desk, 0, false, none, "abcd", 4), -EINVAL, 0);
    assert_int_equal(desk->devices[0]->submitted, 0);
    uint8_t data[6];
    is_answer(&desk->session, submit(desk, 0, true, get_status, NULL, 4096), 0, 6);
    take(&desk->session, data, 6);
    assert_int_equal(desk->session.state, USBIP_SESSION_IMPORTED);
}

static void requests_fed_in_pieces_of_any_size(void **state)
{
    struct desk *desk = *state;
    static uint8_t bytes[2 * VP_USBIP_HEADER_SIZE + 3000 + VP_USBIP_HEADER_SIZE];
    static uint8_t out[3000];
    const uint8_t setup[8] = {0x21, FAKE_REQUEST_ECHO, 0, 0, 0, 0, 3000 & 0xFF, 3000 >> 8};
    memset(out, 0x5A, sizeof out);
    import(&desk->session, "1-1");
    for (size_t piece = 1; piece < sizeof bytes; piece += 37) {
        size_t size = usbip_client_make_submit(&desk->client, bytes, 0, true, get_status, NULL, 6);
        size += usbip_client_make_submit(&desk->client, bytes + size, 0, false, setup, out, 3000);
        size += usbip_client_make_submit(&desk->client, bytes + size, 0, true, stall_in, NULL, 6);
        for (size_t done = 0; done < size; done += piece) {
            size_t count = size - done < piece ? size - done : piece;
            usbip_session_feed(&desk->session, bytes + done, count);
        }
        uint8_t data[6];
        is_answer(&desk->session, desk->client.last_seqnum - 2, 0, 6);
        take(&desk->session, data, sizeof data);
        is_answer(&desk->session, desk->client.last_seqnum - 1, 0, 3000);
        is_answer(&desk->session, desk->client.last_seqnum, -EPIPE, 0);
        assert_false(usbip_session_is_mid_message(&desk->session));
        assert_memory_equal(desk->devices[0]->echo, out, sizeof out);
        memset(desk->devices[0]->echo, 0, sizeof out);
    }
}

static void pending_transfers_answer_later_and_in_their_own_order(void **state)
{
    struct desk *desk = *state;
    uint8_t data[6];
    import(&desk->session, "1-1");
    uint32_t first = submit(desk, 1, true, NULL, NULL, 64);
    uint32_t second = submit(desk, 2, true, NULL, NULL, 64);
    uint32_t third = submit(desk, 2, false, NULL, "out", 3);
    is_answer(&desk->session, submit(desk, 0, true, get_status, NULL, 6), 0, 6);
    take(&desk->session, data, 6);
    assert_int_equal(output_size(&desk->session), 0);
    assert_int_equal(desk->woken, 0);
    assert_true(fake_device_complete(desk->devices[0], 2, true, "two", 3));
    assert_int_equal(desk->woken, 1);
    is_answer(&desk->session, second, 0, 3);
    take(&desk->session, data, 3);
    assert_memory_equal(data, "two", 3);
    assert_true(fake_device_complete(desk->devices[0], 2, false, NULL, 3));
    is_answer(&desk->session, third, 0, 3);
    assert_true(fake_device_complete(desk->devices[0], 1, true, NULL, 0));
    is_answer(&desk->session, first, 0, 0);
}

/* ---- Unlink --------------------------------------------------------------------------------- */

static void unlink_of_a_pending_transfer(void **state)
{
    struct desk *desk = *state;
    import(&desk->session, "1-1");
    uint32_t other = submit(desk, 1, true, NULL, NULL, 64);
    uint32_t victim = submit(desk, 0, true, pending_in, NULL, 6);
    uint32_t seqnum = unlink_request(desk, victim);
    is_unlink_answer(&desk->session, seqnum, -ECONNRESET);
    assert_int_equal(output_size(&desk->session), 0); /* and no RET_SUBMIT */
    assert_int_equal(desk->devices[0]->cancelled, 1);
    assert_int_equal(fake_device_pending(desk->devices[0]), 1);
    seqnum = unlink_request(desk, victim); /* once more: it is unknown now */
    is_unlink_answer(&desk->session, seqnum, 0);
    fake_device_complete(desk->devices[0], 1, true, NULL, 0);
    is_answer(&desk->session, other, 0, 0);
}

static void unlink_that_comes_too_late(void **state)
{
    struct desk *desk = *state;
    uint8_t data[6];
    import(&desk->session, "1-1");
    uint32_t done = submit(desk, 0, true, get_status, NULL, 6);
    uint32_t late = unlink_request(desk, done);
    uint32_t unknown = unlink_request(desk, 4711);
    is_answer(&desk->session, done, 0, 6);
    take(&desk->session, data, 6);
    is_unlink_answer(&desk->session, late, 0);
    is_unlink_answer(&desk->session, unknown, 0);
}

/* ---- The device leaves ---------------------------------------------------------------------- */

static void unplug_answers_what_is_pending_and_ends_the_session(void **state)
{
    struct desk *desk = *state;
    struct usbip_session second;
    import(&desk->session, "1-1");
    uint32_t pending = submit(desk, 1, true, NULL, NULL, 64);
    fake_device_detach(desk->devices[0]);
    is_answer(&desk->session, pending, -ESHUTDOWN, 0);
    assert_int_equal(output_size(&desk->session), 0);
    assert_int_equal(desk->session.state, USBIP_SESSION_DONE);
    assert_true(desk->woken > 0);
    fake_device_attach(desk->devices[0]);
    begin(desk, &second); /* the first one has not even been closed yet */
    assert_int_equal(import(&second, "1-1"), VP_USBIP_ST_OK);
    usbip_session_end(&desk->session);
    assert_ptr_equal(desk->exports[0].importer, &second);
    usbip_session_end(&second);
    begin(desk, &desk->session);
}

static void unplug_by_a_request(void **state)
{
    struct desk *desk = *state;
    import(&desk->session, "1-1");
    uint32_t seqnum = submit(desk, 0, false, vanish, NULL, 0);
    is_answer(&desk->session, seqnum, -ESHUTDOWN, 0);
    assert_int_equal(desk->session.state, USBIP_SESSION_DONE);
    submit(desk, 0, true, get_status, NULL, 6);
    assert_int_equal(output_size(&desk->session), 0);
}

static void the_end_of_a_session_takes_everything_back(void **state)
{
    struct desk *desk = *state;
    import(&desk->session, "1-1");
    for (unsigned i = 0; i < 10; i++) {
        submit(desk, 1, true, NULL, NULL, 64);
    }
    uint8_t half[VP_USBIP_HEADER_SIZE + 3];
    uint8_t whole[VP_USBIP_HEADER_SIZE + 5];
    usbip_client_make_submit(&desk->client, whole, 0, false, echo_out, "hello", 5);
    memcpy(half, whole, sizeof half);
    usbip_session_feed(&desk->session, half, sizeof half);
    assert_true(usbip_session_is_mid_message(&desk->session));
    usbip_session_end(&desk->session);
    assert_int_equal(desk->devices[0]->cancelled, 10);
    assert_int_equal(fake_device_pending(desk->devices[0]), 0);
    assert_null(desk->exports[0].importer);
    assert_int_equal(desk->importer_changes, 2);
}

/* ---- Clients that break the rules ----------------------------------------------------------- */

static void headers_that_break_a_session(void **state)
{
    struct desk *desk = *state;
    static const struct {
        size_t offset;
        uint8_t bytes[4];
        const char *reason;
    } changes[] = {
        {0, {0, 0, 0, 0}, "command"},
        {0, {0, 0, 0, 3}, "command"},
        {0, {0xFF, 0xFF, 0xFF, 0xFF}, "command"},
        {12, {0, 0, 0, 2}, "direction"},
        {16, {0, 0, 0, 16}, "endpoint"},
        {16, {0x80, 0, 0, 1}, "endpoint"},
        {24, {0, 0x10, 0, 1}, "limit"},
        {24, {0x80, 0, 0, 0}, "limit"},
        {24, {0xFF, 0xFF, 0xFF, 0xFF}, "limit"},
        {32, {0, 0, 0, 1}, "isochronous"},
        {32, {0x7F, 0xFF, 0xFF, 0xFF}, "isochronous"},
    };
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        uint8_t bytes[VP_USBIP_HEADER_SIZE];
        import(&desk->session, "1-1");
        usbip_client_make_submit(&desk->client, bytes, 0, true, get_status, NULL, 6);
        memcpy(bytes + changes[i].offset, changes[i].bytes, 4);
        usbip_session_feed(&desk->session, bytes, sizeof bytes);
        assert_int_equal(desk->session.state, USBIP_SESSION_BROKEN);
        assert_non_null(strstr(desk->session.reason, changes[i].reason));
        assert_int_equal(desk->devices[0]->submitted, 0);
        usbip_session_end(&desk->session);
        begin(desk, &desk->session);
    }
}

static void packets_of_minus_one_are_not_isochronous(void **state)
{
    struct desk *desk = *state;
    uint8_t bytes[VP_USBIP_HEADER_SIZE];
    import(&desk->session, "1-1");
    usbip_client_make_submit(&desk->client, bytes, 0, true, stall_in, NULL, 6);
    memset(bytes + 32, 0xFF, 4);
    usbip_session_feed(&desk->session, bytes, sizeof bytes);
    struct vp_usbip_header header = take_header(&desk->session);
    assert_int_equal(header.submitted.status, -EPIPE);
    assert_int_equal(header.submitted.packets, UINT32_MAX);
}

static void too_many_unanswered_transfers_break(void **state)
{
    struct desk *desk = *state;
    import(&desk->session, "1-1");
    for (unsigned i = 0; i < USBIP_PENDING_LIMIT; i++) {
        submit(desk, 1, true, NULL, NULL, 64);
        assert_int_equal(desk->session.state, USBIP_SESSION_IMPORTED);
    }
    submit(desk, 1, true, NULL, NULL, 64);
    assert_int_equal(desk->session.state, USBIP_SESSION_BROKEN);
    assert_int_equal(fake_device_pending(desk->devices[0]), USBIP_PENDING_LIMIT);
}

static void too_many_unanswered_bytes_break(void **state)
{
    struct desk *desk = *state;
    import(&desk->session, "1-1");
    for (unsigned i = 0; i < USBIP_PENDING_BYTES_LIMIT / USBIP_TRANSFER_LIMIT; i++) {
        submit(desk, 1, true, NULL, NULL, USBIP_TRANSFER_LIMIT);
        assert_int_equal(desk->session.state, USBIP_SESSION_IMPORTED);
    }
    submit(desk, 1, true, NULL, NULL, 1);
    assert_int_equal(desk->session.state, USBIP_SESSION_BROKEN);
}

/* Requests that are not taken in now are not lost, and what waits stays small. */
static void answers_that_nobody_reads_stop_the_intake(void **state)
{
    struct desk *desk = *state;
    enum { REQUESTS = 100 };
    const uint8_t out[8] = {0x21, FAKE_REQUEST_ECHO, 0, 0, 0, 0, 0xFF, 0xFF};
    const uint8_t in[8] = {0xA1, FAKE_REQUEST_ECHO, 0, 0, 0, 0, 0xFF, 0xFF};
    static uint8_t data[65535];
    static uint8_t requests[REQUESTS * VP_USBIP_HEADER_SIZE];
    unsigned pauses = 0;
    import(&desk->session, "1-1");
    is_answer(&desk->session, submit(desk, 0, false, out, data, sizeof data), 0, sizeof data);
    for (size_t size = 0; size < sizeof requests;) {
        size += usbip_client_make_submit(&desk->client, requests + size, 0, true, in, NULL,
                                         sizeof data);
    }
    uint32_t seqnum = 2;
    for (size_t taken = 0; taken < sizeof requests; pauses++) {
        taken += usbip_session_feed(&desk->session, requests + taken, sizeof requests - taken);
        assert_true(output_size(&desk->session) <= USBIP_OUTPUT_PAUSE + sizeof data + 48);
        while (output_size(&desk->session) > 0) {
            is_answer(&desk->session, seqnum++, 0, sizeof data);
            take(&desk->session, data, sizeof data);
        }
    }
    assert_int_equal(seqnum, REQUESTS + 2);
    assert_in_range(pauses, 5, 10);
}

int main(void)
{
#define on_a_desk(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_are_the_bytes_of_the_protocol),
        cmocka_unit_test(a_device_has_312_bytes),
        cmocka_unit_test(addresses),
        on_a_desk(a_list_fed_byte_by_byte),
        on_a_desk(a_device_off_the_bus_is_not_listed),
        on_a_desk(import_resets_the_device_and_is_exclusive),
        on_a_desk(import_of_what_is_not_there),
        on_a_desk(a_bus_id_without_end_breaks),
        on_a_desk(another_version_is_told_so),
        on_a_desk(something_else_breaks_and_gets_nothing),
        on_a_desk(control_transfers),
        on_a_desk(a_short_packet_is_an_error_if_asked_for),
        on_a_desk(transfers_without_data_may_name_either_direction),
        on_a_desk(data_stages_that_do_not_fit_the_setup_packet),
        on_a_desk(requests_fed_in_pieces_of_any_size),
        on_a_desk(pending_transfers_answer_later_and_in_their_own_order),
        on_a_desk(unlink_of_a_pending_transfer),
        on_a_desk(unlink_that_comes_too_late),
        on_a_desk(unplug_answers_what_is_pending_and_ends_the_session),
        on_a_desk(unplug_by_a_request),
        on_a_desk(the_end_of_a_session_takes_everything_back),
        on_a_desk(headers_that_break_a_session),
        on_a_desk(packets_of_minus_one_are_not_isochronous),
        on_a_desk(too_many_unanswered_transfers_break),
        on_a_desk(too_many_unanswered_bytes_break),
        on_a_desk(answers_that_nobody_reads_stop_the_intake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
