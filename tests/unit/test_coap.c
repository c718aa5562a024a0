/* CoAP messages, against those that RFC 7252 and the firmware's sources spell out byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "coap/coap.h"
#include "vparticle/error.h"

static struct vp_coap_writer writer;
static uint8_t bytes[VP_COAP_MESSAGE_LIMIT];
static struct vp_coap_message message;

static void begin(enum vp_coap_type type, uint8_t code, const char *token)
{
    vp_coap_begin(&writer, bytes, sizeof bytes, type, code, 0x1234, (const uint8_t *)token,
                  strlen(token));
}

static void assert_written(const void *expected, size_t length)
{
    assert_int_equal(vp_coap_finish(&writer), length);
    assert_memory_equal(bytes, expected, length);
}

/* Messages::hello() @ v0.7.0 */
static void writes_a_hello(void **state)
{
    (void)state;
    static const uint8_t product[] = {0, 6, 0xFF, 0xFF, 0, 1, 0, 6};
    begin(VP_COAP_NON_CONFIRMABLE, VP_COAP_POST, "");
    vp_coap_add_text(&writer, VP_COAP_URI_PATH, "h");
    vp_coap_add_payload(&writer, product, sizeof product);
    assert_written("\x50\x02\x12\x34\xb1h\xff\x00\x06\xff\xff\x00\x01\x00\x06", 15);
}

/* Messages::event() @ v0.7.0: a name of 13 bytes and more, a time to live */
static void writes_an_event(void **state)
{
    (void)state;
    begin(VP_COAP_CONFIRMABLE, VP_COAP_POST, "");
    vp_coap_add_text(&writer, VP_COAP_URI_PATH, "E");
    vp_coap_add_text(&writer, VP_COAP_URI_PATH, "spark/device/safemode");
    vp_coap_add_option(&writer, VP_COAP_MAX_AGE, "\x00\x0e\x10", 3);
    vp_coap_add_payload(&writer, "", 0);
    assert_written("\x40\x02\x12\x34\xb1"
                   "E\x0d\x08spark/device/safemode\x33\x00\x0e\x10\xff",
                   34);
}

/* What a cloud sends for a chunk: bare options behind the path. */
static void writes_a_chunk(void **state)
{
    (void)state;
    begin(VP_COAP_NON_CONFIRMABLE, VP_COAP_POST, "");
    vp_coap_add_text(&writer, VP_COAP_URI_PATH, "c");
    vp_coap_add_option(&writer, VP_COAP_URI_QUERY, "\x01\x02\x03\x04", 4);
    vp_coap_add_option(&writer, VP_COAP_URI_QUERY, "\x00\x07", 2);
    vp_coap_add_payload(&writer, "data", 4);
    assert_written("\x50\x02\x12\x34\xb1"
                   "c\x44\x01\x02\x03\x04\x02\x00\x07\xff"
                   "data",
                   19);
}

static void writes_long_options(void **state)
{
    (void)state;
    char value[600];
    memset(value, 'x', sizeof value);
    begin(VP_COAP_CONFIRMABLE, VP_COAP_GET, "t");
    vp_coap_add_option(&writer, 300, value, 600);
    assert_memory_equal(bytes + 5, "\xee\x00\x1f\x01\x4b", 5);
    vp_coap_add_option(&writer, 313, value, 13);
    assert_memory_equal(bytes + 610, "\xdd\x00\x00", 3);
    const size_t length = vp_coap_finish(&writer);
    assert_int_equal(vp_coap_read(&message, bytes, length), 0);
    assert_int_equal(message.option_count, 2);
    assert_int_equal(message.options[0].number, 300);
    assert_int_equal(message.options[0].length, 600);
    assert_int_equal(message.options[1].number, 313);
    assert_int_equal(message.options[1].length, 13);
}

static void says_what_does_not_fit(void **state)
{
    (void)state;
    uint8_t few[6];
    vp_coap_begin(&writer, few, sizeof few, VP_COAP_ACK, VP_COAP_EMPTY, 1, NULL, 0);
    assert_int_equal(vp_coap_finish(&writer), 4);
    vp_coap_add_text(&writer, VP_COAP_URI_PATH, "c");
    assert_int_equal(vp_coap_finish(&writer), 6);
    vp_coap_add_payload(&writer, "x", 1);
    assert_int_equal(vp_coap_finish(&writer), 0);
    begin(VP_COAP_CONFIRMABLE, VP_COAP_GET, "");
    vp_coap_add_text(&writer, VP_COAP_URI_QUERY, "u");
    vp_coap_add_text(&writer, VP_COAP_URI_PATH, "e");
    assert_int_equal(vp_coap_finish(&writer), 0);
    begin(VP_COAP_CONFIRMABLE, VP_COAP_GET, "");
    vp_coap_add_payload(&writer, "x", 1);
    vp_coap_add_text(&writer, VP_COAP_URI_PATH, "e");
    assert_int_equal(vp_coap_finish(&writer), 0);
    begin(VP_COAP_CONFIRMABLE, VP_COAP_GET, "123456789");
    assert_int_equal(vp_coap_finish(&writer), 0);
}

static void reads_what_it_writes(void **state)
{
    (void)state;
    begin(VP_COAP_CONFIRMABLE, VP_COAP_POST, "token");
    vp_coap_add_text(&writer, VP_COAP_URI_PATH, "e");
    vp_coap_add_text(&writer, VP_COAP_URI_PATH, "spark");
    vp_coap_add_text(&writer, VP_COAP_URI_PATH, "device");
    vp_coap_add_option(&writer, VP_COAP_MAX_AGE, "\x3c", 1);
    vp_coap_add_text(&writer, VP_COAP_URI_QUERY, "u");
    vp_coap_add_payload(&writer, "data", 4);
    assert_int_equal(vp_coap_read(&message, bytes, vp_coap_finish(&writer)), 0);
    assert_int_equal(message.type, VP_COAP_CONFIRMABLE);
    assert_int_equal(message.code, VP_COAP_POST);
    assert_int_equal(message.id, 0x1234);
    assert_int_equal(message.token_length, 5);
    assert_memory_equal(message.token, "token", 5);
    char path[64];
    assert_int_equal(vp_coap_path(&message, 1, path, sizeof path), 12);
    assert_string_equal(path, "spark/device");
    assert_int_equal(vp_coap_path(&message, 0, path, 4), 3);
    assert_string_equal(path, "e/s");
    assert_int_equal(vp_coap_option_number(vp_coap_option(&message, VP_COAP_MAX_AGE, 0)), 60);
    assert_true(vp_coap_option_is(vp_coap_option(&message, VP_COAP_URI_QUERY, 0), "u"));
    assert_false(vp_coap_option_is(vp_coap_option(&message, VP_COAP_URI_QUERY, 1), "u"));
    assert_null(vp_coap_option(&message, VP_COAP_URI_PATH, 3));
    assert_int_equal(message.payload_length, 4);
    assert_memory_equal(message.payload, "data", 4);
}

static void tells_an_empty_payload_from_none(void **state)
{
    (void)state;
    assert_int_equal(vp_coap_read(&message, (const uint8_t *)"\x61\x45\x00\x01\x07\xff", 6), 0);
    assert_non_null(message.payload);
    assert_int_equal(message.payload_length, 0);
    assert_int_equal(vp_coap_read(&message, (const uint8_t *)"\x61\x45\x00\x01\x07", 5), 0);
    assert_null(message.payload);
}

static void refuses_what_breaks_the_format(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t length;
    } broken[] = {
        {"", 0},
        {"\x00", 1},                                      /* the keep-alive on UDP */
        {"\x40\x01\x00", 3},                              /* too short */
        {"\x80\x01\x00\x01", 4},                          /* version 2 */
        {"\x49\x01\x00\x01zzzzzzzzz", 13},                /* a token of 9 bytes */
        {"\x42\x01\x00\x01z", 5},                         /* a token that is cut */
        {"\x40\x01\x00\x01\xb2z", 6},                     /* an option that is cut */
        {"\x40\x01\x00\x01\xbd", 5},                      /* its length is cut */
        {"\x40\x01\x00\x01\xbe\x00", 6},                  /* likewise */
        {"\x40\x01\x00\x01\xf1z", 6},                     /* a reserved delta */
        {"\x40\x01\x00\x01\xbfz", 6},                     /* a reserved length */
        {"\x40\x01\x00\x01\xe0\xff\xff\xe0\xff\xff", 10}, /* a number beyond 65535 */
    };
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        uint8_t *exact = malloc(broken[i].length + 1);
        assert_non_null(exact);
        memcpy(exact + 1, broken[i].bytes, broken[i].length);
        assert_int_equal(vp_coap_read(&message, exact + 1, broken[i].length), VP_ERROR_INVALID);
        free(exact);
    }
    memset(bytes, 0, sizeof bytes);
    bytes[0] = 0x40;
    assert_int_equal(vp_coap_read(&message, bytes, 4 + VP_COAP_OPTION_LIMIT), 0);
    assert_int_equal(vp_coap_read(&message, bytes, 5 + VP_COAP_OPTION_LIMIT), VP_ERROR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_a_hello),
        cmocka_unit_test(writes_an_event),
        cmocka_unit_test(writes_a_chunk),
        cmocka_unit_test(writes_long_options),
        cmocka_unit_test(says_what_does_not_fit),
        cmocka_unit_test(reads_what_it_writes),
        cmocka_unit_test(tells_an_empty_payload_from_none),
        cmocka_unit_test(refuses_what_breaks_the_format),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
