/* What a device answers to requests of the cloud, and to anything else that comes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/cloud_end.h"
#include "vparticle/application.h"
#include "vparticle/led.h"

static struct cloud_end end;
static char data[1100];

static void assert_led(enum vp_led_color color, enum vp_led_pattern pattern, unsigned period)
{
    struct vp_led led;
    vp_device_led(end.device, &led);
    assert_int_equal(led.color, color);
    assert_int_equal(led.pattern, pattern);
    assert_int_equal(led.period, period);
}

static void get_payload(unsigned number)
{
    const struct vp_coap_message message = cloud_end_message(&end, number);
    assert_non_null(message.payload);
    assert_true(message.payload_length < sizeof data);
    memcpy(data, message.payload, message.payload_length);
    data[message.payload_length] = '\0';
}

static void ask_for_description(int flags)
{
    uint8_t bytes[] = {0x41, VP_COAP_GET, 0, 9, 0x77, 0xb1, 'd', 0x41, (uint8_t)flags};
    cloud_end_forget(&end);
    cloud_end_send(&end, bytes, flags < 0 ? 7 : 9);
}

static void assert_begins(const char *beginning)
{
    assert_memory_equal(data, beginning, strlen(beginning));
}

static void describes_itself(void **state)
{
    (void)state;
    cloud_end_start(&end, "photon@0.5.2");
    cloud_end_greet(&end);
    ask_for_description(-1);
    assert_int_equal(end.count, 2); /* always both, and the application in both */
    get_payload(0);
    assert_begins("{\"f\":[],\"v\":{},\"p\":6,\"m\":[{\"s\":16384,");
    assert_string_equal(data + strlen(data) - 4, "]}]}");
    get_payload(1);
    assert_string_equal(data, "{\"f\":[],\"v\":{}}");
    assert_memory_equal(end.messages[0].bytes, "\x61\x45\x00\x09\x77\xff", 6);
    cloud_end_stop(&end);

    cloud_end_start(&end, "photon@0.7.0");
    cloud_end_greet(&end);
    ask_for_description(1);
    assert_int_equal(end.count, 1);
    get_payload(0);
    assert_begins("{\"p\":6,\"m\":[{");
    ask_for_description(2);
    get_payload(0);
    assert_string_equal(data, "{\"f\":[],\"v\":{}}");
    ask_for_description(77);
    get_payload(0);
    assert_begins("{\"f\":[],\"v\":{},\"p\":6,");
    cloud_end_stop(&end);

    cloud_end_start(&end, "electron@2.2.0");
    cloud_end_greet(&end);
    ask_for_description(1);
    assert_int_equal(end.count, 2);
    assert_memory_equal(end.messages[0].bytes, "\x60\x00\x00\x09", 4);
    assert_memory_equal(end.messages[1].bytes, "\x41\x45", 2);
    get_payload(1);
    assert_begins("{\"p\":10,\"imei\":\"");
    cloud_end_stop(&end);
}

static const struct vp_function functions[] = {{"led", 1}, {"minus", -2}};
static const struct vp_variable variables[] = {
    {"count", VP_VARIABLE_INT, {.number = -3}}, {"name", VP_VARIABLE_STRING, {.text = "Anna"}},
    {"on", VP_VARIABLE_BOOL, {.flag = true}},   {"t", VP_VARIABLE_DOUBLE, {.real = 20.5}},
    {"none", VP_VARIABLE_STRING, {.text = ""}},
};
static const struct vp_application application = {functions, 2, variables, 5};

static void ask(const char *path, const char *name, const char *argument)
{
    uint8_t bytes[900];
    struct vp_coap_writer writer;
    vp_coap_begin(&writer, bytes, sizeof bytes, VP_COAP_CONFIRMABLE,
                  *path == 'v' ? VP_COAP_GET : VP_COAP_POST, ++end.id, (const uint8_t *)"\x55", 1);
    vp_coap_add_text(&writer, VP_COAP_URI_PATH, path);
    vp_coap_add_text(&writer, VP_COAP_URI_PATH, name);
    if (argument) {
        vp_coap_add_text(&writer, VP_COAP_URI_QUERY, argument);
    }
    cloud_end_forget(&end);
    cloud_end_send(&end, bytes, vp_coap_finish(&writer));
}

static void answers_for_its_application(void **state)
{
    (void)state;
    static const char *const specs[] = {"photon@0.6.3", "electron@0.7.0", "photon@1.5.2",
                                        "electron@2.2.0"};
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        const bool late = i >= 2;
        cloud_end_start(&end, specs[i]);
        vp_device_set_application(end.device, &application);
        cloud_end_greet(&end);
        ask_for_description(2);
        get_payload(end.count - 1);
        assert_string_equal(data, "{\"f\":[\"led\",\"minus\"],\"v\":{\"count\":2,\"name\":4,"
                                  "\"on\":1,\"t\":9,\"none\":4}}");
        ask("f", "minus", "on");
        assert_int_equal(end.count, 2);
        assert_int_equal(end.messages[0].bytes[1], 0);
        assert_int_equal(end.messages[1].bytes[4], 0x55);
        get_payload(1);
        assert_memory_equal(data, "\xff\xff\xff\xfe", 4);
        ask("f", "plus", "on"); /* nobody answers */
        assert_int_equal(end.count, 1);
        ask("v", "name", NULL);
        assert_int_equal(end.count, late ? 2 : 1);
        get_payload(late);
        assert_string_equal(data, "Anna");
        ask("v", "count", NULL);
        get_payload(late);
        assert_memory_equal(data, "\xff\xff\xff\xfd", 4);
        ask("v", "on", NULL);
        get_payload(late);
        assert_memory_equal(data, "\x01", 2);
        ask("v", "t", NULL);
        get_payload(late);
        assert_memory_equal(data, "\0\0\0\0\0\x80\x34\x40", 8);
        ask("v", "nam", NULL);
        assert_int_equal(cloud_end_message(&end, late).code,
                         late ? VP_COAP_NOT_FOUND : VP_COAP_CONTENT);
        cloud_end_stop(&end);
    }
}

static void has_no_application_in_safe_mode(void **state)
{
    (void)state;
    cloud_end_start(&end, "photon@0.7.0,mode=safe");
    vp_device_set_application(end.device, &application);
    cloud_end_greet(&end);
    ask_for_description(2);
    get_payload(0);
    assert_string_equal(data, "{\"f\":[],\"v\":{}}");
    ask("f", "led", "");
    assert_int_equal(end.count, 1);
    cloud_end_stop(&end);
}

static void signals_and_answers_pings(void **state)
{
    (void)state;
    cloud_end_start(&end, "photon@0.6.3");
    cloud_end_greet(&end);
    cloud_end_forget(&end);
    cloud_end_send(&end, "\x41\x03\x12\x34\x55\xb1s\xff\x01", 9);
    assert_led(VP_LED_RAINBOW, VP_LED_BLINK, 100);
    assert_memory_equal(end.messages[0].bytes, "\x61\x44\x12\x34\x55", 5);
    cloud_end_send(&end, "\x41\x03\x12\x35\x55\xb1s\xff\x00", 9);
    assert_led(VP_LED_CYAN, VP_LED_BREATHE, 4000);
    cloud_end_send(&end, "\x40\x00\x12\x36", 4);
    assert_int_equal(end.messages[2].length, 4);
    assert_memory_equal(end.messages[2].bytes, "\x60\x00\x12\x36", 4);
    cloud_end_stop(&end);
}

static void knows_messages_that_come_twice_on_udp(void **state)
{
    (void)state;
    cloud_end_start(&end, "electron@0.7.0");
    vp_device_set_application(end.device, &application);
    cloud_end_greet(&end);
    ask("f", "led", "");
    assert_int_equal(end.count, 2);
    uint8_t again[] = {
        0x41, VP_COAP_POST, (uint8_t)(end.id >> 8), (uint8_t)end.id, 0x55, 0xb1, 'f', 3, 'l', 'e',
        'd',  0x40};
    cloud_end_send(&end, again, sizeof again);
    assert_int_equal(end.count, 3); /* the acknowledgement again, and no second call */
    assert_memory_equal(end.messages[2].bytes, end.messages[0].bytes, 4);
    vp_device_advance(end.device, 46000); /* by then it has been forgotten */
    if (end.open) {
        cloud_end_acknowledge(&end);
        cloud_end_forget(&end);
        cloud_end_send(&end, again, sizeof again);
        assert_int_equal(end.count, 2);
    }
    cloud_end_stop(&end);
}

/* Confirmable events are sent again until they are acknowledged, and then the device gives up. */
static void sends_again_on_udp(void **state)
{
    (void)state;
    cloud_end_start(&end, "electron@0.7.0");
    cloud_end_connect(&end);
    const uint8_t reply[] = {0x60, 0, end.messages[0].bytes[2], end.messages[0].bytes[3]};
    cloud_end_send(&end, reply, sizeof reply);
    const unsigned once = end.count;
    assert_int_equal(once, 5); /* Hello, claim code, last reset, subscription, time */
    while (end.open) {
        assert_true(cloud_end_jump(&end));
    }
    assert_int_equal(end.count, once + 3 * (once - 1));
    cloud_end_stop(&end);
}

static void bears_anything(void **state)
{
    (void)state;
    static const char *const specs[] = {"photon@0.4.6",   "photon@0.6.3", "electron@0.5.2",
                                        "electron@2.2.0", "core",         "photon@3.3.0"};
    static const uint8_t long_one[VP_COAP_MESSAGE_LIMIT + 100] = {0x40, 2, 0, 1, 0xb1, 'c'};
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        cloud_end_start(&end, specs[i]);
        for (unsigned length = 0; length < 40; length++) {
            uint8_t bytes[40];
            memset(bytes, 0x41 + (int)length * 7, sizeof bytes);
            cloud_end_connect(&end);
            cloud_end_greet(&end);
            cloud_end_send(&end, bytes, length);
            end.count = 1;
        }
        cloud_end_greet(&end);
        cloud_end_send(&end, long_one, sizeof long_one);
        cloud_end_stop(&end);
    }
}

static void counts_bytes_on_the_wire(void **state)
{
    (void)state;
    assert_int_equal(vp_link_wire_size(VP_LINK_TCP, 15), 40 + 2 + 16);
    assert_int_equal(vp_link_wire_size(VP_LINK_TCP, 16), 40 + 2 + 32);
    assert_int_equal(vp_link_wire_size(VP_LINK_UDP, 1), 28 + 1);
    assert_int_equal(vp_link_wire_size(VP_LINK_UDP, 4), 28 + 29 + 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(describes_itself),
        cmocka_unit_test(answers_for_its_application),
        cmocka_unit_test(has_no_application_in_safe_mode),
        cmocka_unit_test(signals_and_answers_pings),
        cmocka_unit_test(knows_messages_that_come_twice_on_udp),
        cmocka_unit_test(sends_again_on_udp),
        cmocka_unit_test(bears_anything),
        cmocka_unit_test(counts_bytes_on_the_wire),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
