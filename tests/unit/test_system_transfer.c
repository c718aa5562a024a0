/* Modules that come over the air, chunk by chunk, by messages made by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/cloud_end.h"
#include "vparticle/board.h"
#include "vparticle/forge.h"
#include "vparticle/led.h"

enum { CHUNK = 512, VERSION = 4242 };

static struct cloud_end end;
static uint8_t *image;
static size_t size;
static char data[512];

static unsigned chunks(void)
{
    return (unsigned)((size + CHUNK - 1) / CHUNK);
}

static size_t length_of(unsigned index)
{
    return index + 1 < chunks() ? CHUNK : size - (size_t)index * CHUNK;
}

static void send_chunk(int index, unsigned which)
{
    cloud_end_chunk(&end, index, image + (size_t)which * CHUNK, length_of(which));
}

/* An application that needs nothing, so that it suits every release. */
static void make(enum vp_platform platform)
{
    const struct vp_module_recipe recipe = {
        .platform = platform,
        .version = VERSION,
        .function = VP_MODULE_USER,
        .index = 1,
        .address = vp_board_find(platform)->user.start,
        .size = 120000,
    };
    assert_int_equal(vp_forge_module(&recipe, &image, &size), 0);
}

static uint16_t installed(uint8_t function)
{
    unsigned count;
    const struct vp_module_slot *slots = vp_device_slots(end.device, &count);
    for (unsigned i = 0; i < count; i++) {
        struct vp_module module;
        if (slots[i].function == function && slots[i].index == 1 &&
            vp_module_parse_flash(vp_device_flash(end.device), slots[i].start, &module, NULL) ==
                0) {
            return module.version;
        }
    }
    return 0;
}

static void start(const char *spec)
{
    cloud_end_start(&end, spec);
    cloud_end_greet(&end);
    cloud_end_forget(&end);
}

static void stop(void)
{
    cloud_end_stop(&end);
    free(image);
    image = NULL;
}

/* Acknowledge what came since message @p from, and forget it. */
static void go_on(void)
{
    cloud_end_acknowledge(&end);
    cloud_end_forget(&end);
}

static void begin(bool fast)
{
    cloud_end_begin(&end, (uint32_t)size, fast);
    assert_int_equal(end.count, 2);
    const struct vp_coap_message ack = cloud_end_message(&end, 0),
                                 ready = cloud_end_message(&end, 1);
    assert_int_equal(ack.type, VP_COAP_ACK);
    assert_int_equal(ack.code, 0);
    assert_int_equal(ready.code, VP_COAP_CHANGED);
    assert_int_equal(ready.token[0], 0x42);
    assert_int_equal(ready.payload_length, 1);
    assert_int_equal(ready.payload[0], fast);
    assert_int_equal(vp_device_mode(end.device), VP_MODE_UPDATE);
    go_on();
}

/* The device has restarted, with a module of that version. */
static void assert_restarted_with(uint8_t function, uint16_t version)
{
    while (end.closed == 0) {
        assert_true(cloud_end_jump(&end)); /* 0.6.1 waits for a second */
    }
    assert_int_equal(end.closed, 1);
    assert_int_equal(vp_device_mode(end.device), VP_MODE_NORMAL);
    assert_int_equal(installed(function), version);
}

static void assert_restarted(void)
{
    assert_restarted_with(VP_MODULE_USER, VERSION);
}

/* ---- Whole transfers
 * ----------------------------------------------------------------------------- */

static void takes_a_file_quickly(void **state)
{
    (void)state;
    static const struct {
        const char *spec;
        enum vp_platform platform;
        bool answers;
    } cases[] = {
        {"photon@0.4.9", VP_PLATFORM_PHOTON, true},
        {"photon@0.6.3", VP_PLATFORM_PHOTON, true},
        {"p1@0.7.0", VP_PLATFORM_P1, false},
        {"photon@1.5.2", VP_PLATFORM_PHOTON, false},
        {"electron@0.5.2", VP_PLATFORM_ELECTRON, false},
        {"photon@3.3.0", VP_PLATFORM_PHOTON, false},
        {"electron@0.6.3", VP_PLATFORM_ELECTRON, false},
        {"electron@0.7.0", VP_PLATFORM_ELECTRON, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        start(cases[i].spec);
        make(cases[i].platform);
        begin(true);
        for (unsigned k = 0; k < chunks(); k++) {
            send_chunk((int)k, k);
            assert_int_equal(end.count, cases[i].answers ? 2 : 0);
            go_on();
        }
        cloud_end_done(&end);
        assert_true(end.count >= 1);
        assert_int_equal(cloud_end_message(&end, 0).type, VP_COAP_ACK);
        assert_int_equal(cloud_end_message(&end, 0).code, VP_COAP_CHANGED);
        assert_restarted();
        stop();
    }
}

static void takes_a_file_slowly(void **state)
{
    (void)state;
    static const char *const specs[] = {"photon@0.4.6", "photon@0.7.0", "electron@0.6.3",
                                        "photon@2.2.0"};
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        const bool electron = specs[i][0] == 'e';
        start(specs[i]);
        make(electron ? VP_PLATFORM_ELECTRON : VP_PLATFORM_PHOTON);
        begin(false);
        for (unsigned k = 0; k < chunks(); k++) {
            const uint8_t wrong[] = "wrong";
            if (k == 3) { /* its sum is right for something else */
                uint8_t bad[] = {0x41, 2,    0,    7,    0x43, 0xb1, 'c',
                                 0x44, 0xde, 0xad, 0xbe, 0xef, 0xff, wrong[0]};
                cloud_end_send(&end, bad, sizeof bad);
                assert_int_equal(end.count, 2);
                assert_int_equal(cloud_end_message(&end, 1).code, VP_COAP_BAD_REQUEST);
                go_on();
            }
            send_chunk(-1, k);
            assert_int_equal(end.count, 2);
            assert_int_equal(cloud_end_message(&end, 0).type, VP_COAP_ACK);
            assert_int_equal(cloud_end_message(&end, 1).code, VP_COAP_CHANGED);
            assert_int_equal(cloud_end_message(&end, 1).token[0], 0x43);
            go_on();
        }
        cloud_end_done(&end);
        assert_restarted();
        stop();
    }
}

/* ---- Losses
 * --------------------------------------------------------------------------------------- */

/* The indexes that message @p number asks for. @return how many */
static unsigned asked(unsigned number, unsigned *indexes)
{
    const struct vp_coap_message message = cloud_end_message(&end, number);
    assert_int_equal(message.code, VP_COAP_GET);
    assert_true(vp_coap_option_is(vp_coap_option(&message, VP_COAP_URI_PATH, 0), "c"));
    for (size_t i = 0; i + 1 < message.payload_length; i += 2) {
        indexes[i / 2] = (unsigned)(message.payload[i] << 8 | message.payload[i + 1]);
    }
    return (unsigned)message.payload_length / 2;
}

static void lose_many(unsigned every)
{
    for (unsigned k = 0; k < chunks(); k++) {
        if (k % every != 0) {
            send_chunk((int)k, k);
            if (k % 3 == 0) {
                send_chunk((int)k, k); /* twice */
            }
            go_on();
        }
    }
}

/* Up to 0.8 the device asks by itself until it has all, and then says so. */
static void asks_for_what_is_missing(void **state)
{
    (void)state;
    static const char *const specs[] = {"photon@0.5.2", "photon@0.7.0", "electron@0.6.3"};
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        const bool electron = specs[i][0] == 'e';
        unsigned indexes[64], total = 0;
        start(specs[i]);
        make(electron ? VP_PLATFORM_ELECTRON : VP_PLATFORM_PHOTON);
        begin(true);
        lose_many(2);
        cloud_end_done(&end);
        assert_int_equal(cloud_end_message(&end, 0).code, VP_COAP_BAD_REQUEST);
        while (end.closed == 0 && cloud_end_find(&end, VP_COAP_PUT, "u") < 0) {
            const int at = cloud_end_find(&end, VP_COAP_GET, "c");
            assert_true(at >= 0);
            const unsigned count = asked((unsigned)at, indexes);
            assert_in_range(count, 1, 50);
            cloud_end_acknowledge(&end);
            cloud_end_forget(&end);
            for (unsigned k = 0; k < count; k++) {
                if (k != 4 || total % 3 != 0) { /* one is lost again now and then */
                    send_chunk((int)indexes[count - 1 - k], indexes[count - 1 - k]);
                }
            }
            total++;
            while (end.closed == 0 && cloud_end_find(&end, VP_COAP_GET, "c") < 0 &&
                   cloud_end_find(&end, VP_COAP_PUT, "u") < 0) {
                assert_true(cloud_end_jump(&end)); /* 3 s of silence */
            }
        }
        assert_true(total >= 3);
        assert_true(cloud_end_find(&end, VP_COAP_PUT, "u") >= 0);
        assert_restarted();
        stop();
    }
}

/* Since then the cloud has to say UpdateDone again. */
static void leaves_asking_to_the_cloud(void **state)
{
    (void)state;
    static const char *const specs[] = {"electron@1.0.1", "photon@1.5.2", "electron@2.2.0"};
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        const bool electron = specs[i][0] == 'e';
        unsigned indexes[64], rounds = 0;
        start(specs[i]);
        make(electron ? VP_PLATFORM_ELECTRON : VP_PLATFORM_PHOTON);
        begin(true);
        lose_many(5);
        for (cloud_end_done(&end);
             cloud_end_message(&end, 0).code == VP_COAP_BAD_REQUEST && rounds < 50;
             cloud_end_done(&end), rounds++) {
            const unsigned count = asked(1, indexes);
            assert_in_range(count, 1, 40);
            go_on();
            assert_int_equal(vp_device_link_deadline(end.device) > 3001, true); /* patience */
            for (unsigned k = 0; k < count; k++) {
                send_chunk((int)indexes[k], indexes[k]);
            }
            assert_int_equal(end.count, 0);
        }
        assert_in_range(rounds, 2, 49);
        assert_restarted();
        stop();
    }
}

static void bears_a_link_that_drops(void **state)
{
    (void)state;
    start("photon@0.6.3");
    make(VP_PLATFORM_PHOTON);
    begin(true);
    send_chunk(0, 0);
    end.open = false;
    vp_device_link_lost(end.device);
    assert_int_equal(vp_device_mode(end.device), VP_MODE_NORMAL);
    cloud_end_greet(&end);
    cloud_end_forget(&end);
    begin(true);
    for (unsigned k = chunks(); k-- > 0;) { /* backwards */
        send_chunk((int)k, k);
        go_on();
    }
    cloud_end_done(&end);
    assert_restarted();
    stop();
}

static void loses_patience(void **state)
{
    (void)state;
    start("electron@0.6.3");
    make(VP_PLATFORM_ELECTRON);
    begin(true);
    send_chunk(0, 0);
    assert_in_range(vp_device_link_deadline(end.device), 89000, 90000);
    cloud_end_jump(&end);
    assert_int_equal(end.closed, 1);
    cloud_end_greet(&end);
    assert_true(cloud_end_event(&end, "spark/device/last_reset", data, sizeof data) >= 0);
    assert_string_equal(data, "update_timeout");
    stop();
}

/* ---- Verdicts
 * ------------------------------------------------------------------------------------- */

static void send_all(void)
{
    begin(true);
    for (unsigned k = 0; k < chunks(); k++) {
        send_chunk((int)k, k);
        go_on();
    }
    cloud_end_done(&end);
}

static void get_payload(unsigned number)
{
    const struct vp_coap_message message = cloud_end_message(&end, number);
    memcpy(data, message.payload, message.payload_length);
    data[message.payload_length] = '\0';
}

static void restarts_with_what_it_had(const char *spec, enum vp_platform platform,
                                      const char *verdict)
{
    start(spec);
    const uint16_t before = installed(VP_MODULE_USER);
    make(platform);
    image[size / 2] ^= 1;
    send_all();
    assert_int_equal(cloud_end_message(&end, 0).code, VP_COAP_CHANGED);
    if (verdict) {
        get_payload(0);
        assert_memory_equal(data, verdict, strlen(verdict));
    } else {
        assert_null(cloud_end_message(&end, 0).payload);
    }
    assert_restarted_with(VP_MODULE_USER, before);
    stop();
}

/* A broken image is told as such, if at all, and the device restarts all the same. */
static void restarts_with_a_broken_image(void **state)
{
    (void)state;
    restarts_with_what_it_had("photon@0.5.2", VP_PLATFORM_PHOTON, NULL);
    restarts_with_what_it_had("photon@0.7.0", VP_PLATFORM_PHOTON,
                              "{\"r\":\"error\",\"u\":{\"s\":262144,\"l\":\"t\",\"vc\":");
    restarts_with_what_it_had("electron@2.2.0", VP_PLATFORM_ELECTRON, "{\"r\":-1330}");
}

static void tells_the_result_as_an_event(void **state)
{
    (void)state;
    start("photon@0.6.3");
    make(VP_PLATFORM_PHOTON);
    send_all();
    assert_true(cloud_end_event(&end, "spark/device/ota_result", data, sizeof data) >= 0);
    static const char verdict[] =
        "{\"r\":\"ok\",\"u\":{\"s\":262144,\"l\":\"t\",\"vc\":94,\"vv\":94,\"u\":\"";
    assert_memory_equal(data, verdict, strlen(verdict));
    assert_int_equal(end.closed, 0);
    assert_int_equal(vp_device_link_deadline(end.device), 1000);
    assert_restarted();
    stop();
}

static void refuses_what_is_too_much(void **state)
{
    (void)state;
    static const uint8_t many[] = {1, 0, 1, 0, 1, 0xff, 0xff, 0, 0, 0, 0, 0};
    static const struct {
        const char *spec;
        uint8_t code;
        size_t length;
    } cases[] = {
        {"photon@0.4.6", 0x01, 4}, /* a slip of the firmware */
        {"photon@0.6.3", 0x80, 4},
        {"electron@0.7.0", 0x80, 4},
        {"photon@1.5.2", 0xa3, 5},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        start(cases[i].spec);
        cloud_end_request(&end, VP_COAP_CONFIRMABLE, VP_COAP_POST, 0x42, "u", many, sizeof many);
        assert_int_equal(end.count, 1);
        assert_int_equal(end.messages[0].bytes[1], cases[i].code);
        assert_int_equal(end.messages[0].length, cases[i].length);
        assert_int_equal(vp_device_mode(end.device), VP_MODE_NORMAL);
        stop();
    }
}

static void minds_chunks_out_of_place(void **state)
{
    (void)state;
    static const struct {
        const char *spec;
        bool closes;
    } cases[] = {{"photon@0.6.3", false},
                 {"electron@0.6.3", true},
                 {"electron@0.7.0", true},
                 {"electron@1.0.1", false},
                 {"photon@2.2.0", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        start(cases[i].spec);
        cloud_end_chunk(&end, 0, "data", 4);
        assert_int_equal(end.closed, cases[i].closes);
        stop();
    }
}

/* The firmware of the boards on TCP does not ask whether an update is going on. */
static void ends_what_was_never_begun(void **state)
{
    (void)state;
    static const struct {
        const char *spec;
        bool restarts, closes;
    } cases[] = {{"photon@0.6.3", true, true},
                 {"photon@0.7.0", true, true},
                 {"electron@0.7.0", false, true},
                 {"electron@1.0.1", false, false},
                 {"photon@2.2.0", false, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        start(cases[i].spec);
        cloud_end_done(&end);
        assert_int_equal(cloud_end_message(&end, 0).code, VP_COAP_CHANGED);
        if (cases[i].restarts && end.closed == 0) {
            cloud_end_jump(&end);
        }
        assert_int_equal(end.closed, cases[i].closes);
        struct vp_led led;
        vp_device_led(end.device, &led); /* a restart begins with the network */
        assert_int_equal(led.color == VP_LED_GREEN, cases[i].restarts);
        stop();
    }
}

/* On UDP nothing goes on before UpdateReady is acknowledged. */
static void waits_for_an_acknowledgement(void **state)
{
    (void)state;
    start("electron@0.6.3");
    make(VP_PLATFORM_ELECTRON);
    cloud_end_begin(&end, (uint32_t)size, true);
    const unsigned before = end.count;
    cloud_end_send(&end, "\x40\x00\x77\x77", 4); /* a ping */
    assert_int_equal(end.count, before);
    cloud_end_acknowledge(&end);
    cloud_end_send(&end, "\x40\x00\x77\x77", 4);
    assert_int_equal(end.count, before + 1);
    stop();
}

static void takes_its_time_at_real_speed(void **state)
{
    (void)state;
    start("photon@0.6.3");
    vp_device_set_speed(end.device, VP_SPEED_REAL);
    make(VP_PLATFORM_PHOTON);
    cloud_end_begin(&end, (uint32_t)size, true);
    cloud_end_forget(&end);
    send_chunk(0, 0); /* while it erases */
    assert_int_equal(end.count, 0);
    const uint64_t before = vp_device_time(end.device);
    while (end.count == 0) {
        assert_true(cloud_end_jump(&end));
    }
    assert_true(vp_device_time(end.device) - before > 200);
    stop();
}

/* The Core checks nothing; its bootloader copies what came, and Hello tells of that once. */
static void tells_of_an_update_on_a_core(void **state)
{
    (void)state;
    enum { FLAGS_AT = 12, PROGRAM = 0x08005000, PROGRAM_SIZE = 100000 };
    start("core");
    size = PROGRAM_SIZE;
    image = malloc(size);
    assert_non_null(image);
    assert_int_equal(vp_flash_read(vp_device_flash(end.device), PROGRAM, image, size), 0);
    begin(true);
    for (unsigned k = 0; k < chunks(); k++) {
        send_chunk((int)k, k);
        go_on();
    }
    cloud_end_done(&end);
    assert_int_equal(cloud_end_message(&end, 0).code, VP_COAP_CHANGED);
    while (end.closed == 0) {
        assert_true(cloud_end_jump(&end));
    }
    cloud_end_forget(&end);
    cloud_end_greet(&end);
    assert_int_equal(end.messages[0].bytes[FLAGS_AT], 1);
    vp_device_reset(end.device);
    cloud_end_forget(&end);
    cloud_end_greet(&end);
    assert_int_equal(end.messages[0].bytes[FLAGS_AT], 0);
    stop();
}

/* ---- Real firmware
 * --------------------------------------------------------------------------------- */

static bool read_image(const char *release, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s/%s", VP_FIRMWARE_FOLDER, release, name);
    FILE *file = fopen(path, "rb");
    if (!file) {
        return false;
    }
    image = malloc(1 << 20);
    assert_non_null(image);
    size = fread(image, 1, 1 << 20, file);
    fclose(file);
    return true;
}

static void takes_a_real_part(void **state)
{
    (void)state;
    if (!read_image("0.5.2", "photon-system-part1-0.5.2.bin")) {
        skip();
    }
    start("photon@0.4.9");
    lose_many(chunks() + 1); /* nothing was begun: no more than acknowledged */
    cloud_end_forget(&end);
    begin(true);
    lose_many(7);
    cloud_end_done(&end);
    while (end.closed == 0) {
        unsigned indexes[64];
        const int at = cloud_end_find(&end, VP_COAP_GET, "c");
        if (at < 0) {
            assert_true(cloud_end_jump(&end));
            continue;
        }
        const unsigned count = asked((unsigned)at, indexes);
        cloud_end_forget(&end);
        for (unsigned k = 0; k < count && end.closed == 0; k++) {
            send_chunk((int)indexes[k], indexes[k]);
        }
    }
    assert_restarted_with(VP_MODULE_SYSTEM, 17);
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_a_file_quickly),
        cmocka_unit_test(takes_a_file_slowly),
        cmocka_unit_test(asks_for_what_is_missing),
        cmocka_unit_test(leaves_asking_to_the_cloud),
        cmocka_unit_test(bears_a_link_that_drops),
        cmocka_unit_test(loses_patience),
        cmocka_unit_test(restarts_with_a_broken_image),
        cmocka_unit_test(tells_the_result_as_an_event),
        cmocka_unit_test(refuses_what_is_too_much),
        cmocka_unit_test(minds_chunks_out_of_place),
        cmocka_unit_test(ends_what_was_never_begun),
        cmocka_unit_test(waits_for_an_acknowledgement),
        cmocka_unit_test(takes_its_time_at_real_speed),
        cmocka_unit_test(tells_of_an_update_on_a_core),
        cmocka_unit_test(takes_a_real_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
