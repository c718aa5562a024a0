/* How a device meets the cloud: when it connects, what it says then, and when it leaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/cloud_end.h"
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

/* ---- Connecting -------------------------------------------------------------------------------
 */

static void stays_alone_without_a_link(void **state)
{
    (void)state;
    struct vp_device *device;
    assert_int_equal(vp_device_from_spec(&device, "photon@0.6.3", 0, NULL), 0);
    assert_int_equal(vp_device_link_deadline(device), -1);
    assert_int_equal(vp_device_link_receive(device, (const uint8_t *)"\x40\x00\x00\x01", 4),
                     VP_ERROR_NOT_FOUND);
    vp_device_link_lost(device);
    vp_device_advance(device, 600000);
    assert_int_equal(vp_device_mode(device), VP_MODE_NORMAL);
    vp_device_destroy(device);
}

static void shows_how_it_connects(void **state)
{
    (void)state;
    cloud_end_start(&end, "photon@0.6.3");
    assert_led(VP_LED_GREEN, VP_LED_BLINK, 200);
    cloud_end_jump(&end);
    assert_led(VP_LED_CYAN, VP_LED_BLINK, 200);
    cloud_end_jump(&end);
    assert_int_equal(end.opened, 1);
    assert_led(VP_LED_CYAN, VP_LED_BLINK, 100);
    cloud_end_greet(&end);
    assert_led(VP_LED_CYAN, VP_LED_BREATHE, 4000);
    assert_int_equal(vp_device_link_deadline(end.device), -1);
    cloud_end_stop(&end);

    cloud_end_start(&end, "photon@0.6.3,mode=safe");
    assert_led(VP_LED_GREEN, VP_LED_BLINK, 200);
    cloud_end_greet(&end);
    assert_led(VP_LED_MAGENTA, VP_LED_BREATHE, 4000);
    cloud_end_stop(&end);
}

static void leaves_in_listening_mode(void **state)
{
    (void)state;
    cloud_end_start(&end, "photon@0.6.3");
    cloud_end_greet(&end);
    vp_device_button(end.device, true);
    vp_device_advance(end.device, 3500);
    vp_device_button(end.device, false);
    assert_int_equal(vp_device_mode(end.device), VP_MODE_LISTENING);
    assert_int_equal(end.closed, 1);
    assert_int_equal(vp_device_link_deadline(end.device), -1);
    cloud_end_stop(&end);
}

static void is_gone_when_it_is_reset(void **state)
{
    (void)state;
    cloud_end_start(&end, "electron@0.6.3");
    cloud_end_greet(&end);
    vp_device_reset(end.device);
    assert_int_equal(end.closed, 1);
    cloud_end_greet(&end);
    assert_int_equal(end.opened, 2);
    vp_device_power(end.device, false);
    assert_int_equal(end.closed, 2);
    assert_int_equal(vp_device_link_deadline(end.device), -1);
    vp_device_power(end.device, true);
    cloud_end_greet(&end);
    vp_device_set_link(end.device, NULL, NULL);
    assert_int_equal(end.closed, 3);
    assert_int_equal(vp_device_link_deadline(end.device), -1);
    cloud_end_stop(&end);
}

static void connects_again_when_it_is_cut_off(void **state)
{
    (void)state;
    cloud_end_start(&end, "photon@0.7.0");
    cloud_end_greet(&end);
    end.open = false; /* the network says nothing to either side but this */
    vp_device_link_lost(end.device);
    assert_int_equal(end.closed, 0);
    cloud_end_greet(&end);
    assert_int_equal(end.opened, 2);
    cloud_end_stop(&end);
}

static void gives_up_a_cloud_that_does_not_answer(void **state)
{
    (void)state;
    static const struct {
        const char *spec;
        uint64_t least, most; /* milliseconds */
        unsigned hellos;
    } boards[] = {
        {"photon@0.6.3", 2000, 2000, 1},
        {"photon@1.5.2", 4000, 4000, 1},
        {"electron@0.6.3", 60000, 90000, 4}, /* 4, 8, 16 and 32 s, and up to half of that more */
    };
    for (size_t i = 0; i < sizeof boards / sizeof *boards; i++) {
        cloud_end_start(&end, boards[i].spec);
        cloud_end_connect(&end);
        const uint64_t before = vp_device_time(end.device);
        while (end.open) {
            assert_true(cloud_end_jump(&end));
        }
        const uint64_t took = vp_device_time(end.device) - before;
        assert_in_range(took, boards[i].least, boards[i].most);
        assert_int_equal(end.count, boards[i].hellos);
        cloud_end_greet(&end);
        cloud_end_stop(&end);
    }
}

static void pings_and_wants_an_answer(void **state)
{
    (void)state;
    cloud_end_start(&end, "photon@0.6.3");
    cloud_end_greet(&end);
    cloud_end_forget(&end);
    vp_device_advance(end.device, 15000);
    assert_int_equal(end.count, 0);
    vp_device_advance(end.device, 2);
    assert_int_equal(end.count, 1);
    assert_int_equal(end.messages[0].length, 4);
    cloud_end_acknowledge(&end);
    vp_device_advance(end.device, 14000);
    assert_int_equal(end.count, 1);
    vp_device_advance(end.device, 1100);
    assert_int_equal(end.count, 2);
    vp_device_advance(end.device, 9000);
    assert_true(end.open);
    vp_device_advance(end.device, 1100);
    assert_false(end.open);
    cloud_end_stop(&end);
}

/* ---- What it says first ------------------------------------------------------------------------
 */

static void says_hello(void **state)
{
    (void)state;
    static const struct {
        const char *spec;
        const char *bytes; /* behind the id */
        size_t length;
    } boards[] = {
        {"photon@0.4.6", "\xb1h\xff\0\6\xff\xff\0\0\0\6", 11},
        {"p1@0.7.0", "\xb1h\xff\0\x8\xff\xff\0\0\0\x8", 11},
        {"photon@1.5.2", "\xb1h\xff\0\6\xff\xff\0\6\0\6", 11},
        {"photon@2.2.0", "\xb1h\xff\0\6\xff\xff\0\x36\0\6", 11},
        {"electron@0.5.2",
         "\xb1h\xff\0\xa\xff\xff\0\0\0\xa\0\xc\x30\0\x3a\0\x0a\x47\x34\x34\x32\x31\x30\x31", 25},
        {"photon@3.2.0", "\xb1h\xff\0\6\xff\xff\0\x36\0\6\0\0\x0c\x81\x03\xc0\0\4\0\0\2\0", 23},
    };
    for (size_t i = 0; i < sizeof boards / sizeof *boards; i++) {
        char spec[80];
        snprintf(spec, sizeof spec, "%s,id=30003a000a47343432313031", boards[i].spec);
        cloud_end_start(&end, spec);
        cloud_end_connect(&end);
        assert_int_equal(end.messages[0].length, 4 + boards[i].length);
        assert_memory_equal(end.messages[0].bytes + 4, boards[i].bytes, boards[i].length);
        cloud_end_stop(&end);
    }
}

/* The names of the events, each behind a blank. */
static void list_events(char *text, size_t room)
{
    text[0] = '\0';
    for (unsigned i = 0; i < end.count; i++) {
        char name[256];
        const struct vp_coap_message message = cloud_end_message(&end, i);
        vp_coap_path(&message, 0, name, sizeof name);
        const size_t used = strlen(text);
        if (message.code == VP_COAP_POST && name[0] == 'E') {
            snprintf(text + used, room - used, " %s", name + 2);
        } else if (message.code == VP_COAP_GET || message.code == VP_COAP_POST) {
            snprintf(text + used, room - used, " %s:%s",
                     message.code == VP_COAP_GET ? "get" : "post", name);
        }
    }
}

static void greets_in_the_order_of_its_release(void **state)
{
    (void)state;
    static const struct {
        const char *spec, *events;
    } boards[] = {
        {"photon@0.4.6", " post:h spark/device/claim/code spark/hardware/max_binary"
                         " spark/hardware/ota_chunk_size spark/ get:e/spark get:t"},
        {"photon@0.5.2,mode=safe", " post:h spark/device/claim/code spark/hardware/max_binary"
                                   " spark/hardware/ota_chunk_size spark/device/safemode"
                                   " get:e/spark get:t"},
        {"photon@0.6.3", " post:h spark/device/claim/code spark/hardware/max_binary"
                         " spark/hardware/ota_chunk_size spark/device/last_reset get:e/spark"
                         " get:t"},
        {"electron@0.6.3", " post:h spark/device/claim/code spark/hardware/max_binary"
                           " spark/device/last_reset get:e/spark get:t"},
        {"electron@0.7.0,mode=safe", " post:h spark/device/claim/code spark/device/safemode"
                                     " spark/device/last_reset get:e/spark get:t"},
        {"photon@1.5.2", " post:h spark/hardware/max_binary spark/hardware/ota_chunk_size"
                         " spark/device/last_reset particle/device/updates/enabled"
                         " particle/device/updates/forced get:e/spark get:e/particle get:t"},
        {"photon@2.2.0", " post:h post:d spark/hardware/max_binary"
                         " spark/hardware/ota_chunk_size spark/device/last_reset"
                         " particle/device/updates/enabled particle/device/updates/forced get:t"
                         " post:d get:e/particle get:e/spark"},
        {"electron@3.2.0", " post:h post:d spark/device/last_reset"
                           " particle/device/updates/enabled particle/device/updates/forced get:t"
                           " post:d get:e/particle get:e/spark"},
    };
    for (size_t i = 0; i < sizeof boards / sizeof *boards; i++) {
        char events[2048];
        cloud_end_start(&end, boards[i].spec);
        cloud_end_greet(&end);
        list_events(events, sizeof events);
        assert_string_equal(events, boards[i].events);
        cloud_end_stop(&end);
    }
}

static void says_why_it_was_reset(void **state)
{
    (void)state;
    cloud_end_start(&end, "photon@0.6.3");
    cloud_end_greet(&end);
    assert_true(cloud_end_event(&end, "spark/device/last_reset", data, sizeof data) >= 0);
    assert_string_equal(data, "power_down");
    assert_true(cloud_end_event(&end, "spark/hardware/max_binary", data, sizeof data) >= 0);
    assert_string_equal(data, "262144");
    cloud_end_forget(&end);
    cloud_end_request(&end, VP_COAP_NON_CONFIRMABLE, VP_COAP_POST, 0, "e", NULL, 0);
    end.open = false;
    vp_device_link_lost(end.device);
    cloud_end_greet(&end); /* only once a start */
    assert_int_equal(cloud_end_event(&end, "spark/device/last_reset", data, sizeof data), -1);
    cloud_end_forget(&end);
    vp_device_reset(end.device);
    cloud_end_greet(&end);
    assert_true(cloud_end_event(&end, "spark/device/last_reset", data, sizeof data) >= 0);
    assert_string_equal(data, "pin_reset");
    cloud_end_stop(&end);
}

/* An event of the cloud's, without a token as it sends them. */
static void send_event(const char *path, const char *text)
{
    uint8_t bytes[300];
    struct vp_coap_writer writer;
    vp_coap_begin(&writer, bytes, sizeof bytes, VP_COAP_CONFIRMABLE, VP_COAP_POST, ++end.id, NULL,
                  0);
    vp_coap_add_text(&writer, VP_COAP_URI_PATH, "E");
    vp_coap_add_text(&writer, VP_COAP_URI_PATH, path);
    vp_coap_add_option(&writer, VP_COAP_MAX_AGE, "\x3c", 1);
    vp_coap_add_payload(&writer, text, strlen(text));
    cloud_end_send(&end, bytes, vp_coap_finish(&writer));
}

static void is_reset_by_an_event(void **state)
{
    (void)state;
    static const struct {
        const char *spec, *text;
        enum vp_mode mode;
        const char *reason;
    } resets[] = {
        {"photon@0.6.3", "reboot", VP_MODE_NORMAL, "user"},
        {"photon@0.6.3", "safe mode", VP_MODE_SAFE, "safe_mode"},
        {"electron@2.2.0", "safe mode", VP_MODE_SAFE, "safe_mode"},
        {"photon@0.6.3", "dfu", VP_MODE_DFU, NULL},
    };
    for (size_t i = 0; i < sizeof resets / sizeof *resets; i++) {
        cloud_end_start(&end, resets[i].spec);
        cloud_end_greet(&end);
        cloud_end_forget(&end);
        send_event("spark/device/reset", "maybe");
        assert_int_equal(end.closed, 0);
        send_event("spark/device/reset", resets[i].text);
        assert_int_equal(end.closed, 1);
        assert_int_equal(vp_device_mode(end.device), resets[i].mode);
        if (resets[i].reason) {
            cloud_end_forget(&end);
            cloud_end_greet(&end);
            assert_true(cloud_end_event(&end, "spark/device/last_reset", data, sizeof data) >= 0);
            assert_string_equal(data, resets[i].reason);
        }
        cloud_end_stop(&end);
    }
}

static void forgets_its_claim_code(void **state)
{
    (void)state;
    cloud_end_start(&end, "photon@0.5.2");
    cloud_end_greet(&end);
    assert_true(cloud_end_event(&end, "spark/device/claim/code", data, sizeof data) >= 0);
    assert_int_equal(strlen(data), 63); /* ones: nobody has written one */
    send_event("spark/device/claim/code", "");
    vp_device_reset(end.device);
    cloud_end_forget(&end);
    cloud_end_greet(&end);
    assert_int_equal(cloud_end_event(&end, "spark/device/claim/code", data, sizeof data), -1);
    cloud_end_stop(&end);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stays_alone_without_a_link),
        cmocka_unit_test(shows_how_it_connects),
        cmocka_unit_test(leaves_in_listening_mode),
        cmocka_unit_test(is_gone_when_it_is_reset),
        cmocka_unit_test(connects_again_when_it_is_cut_off),
        cmocka_unit_test(gives_up_a_cloud_that_does_not_answer),
        cmocka_unit_test(pings_and_wants_an_answer),
        cmocka_unit_test(says_hello),
        cmocka_unit_test(greets_in_the_order_of_its_release),
        cmocka_unit_test(says_why_it_was_reset),
        cmocka_unit_test(is_reset_by_an_event),
        cmocka_unit_test(forgets_its_claim_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
