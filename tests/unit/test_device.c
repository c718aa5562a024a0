#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/device_host.h"
#include "vparticle/forge.h"
#include "vparticle/module.h"

/* ---- SPEC ---------------------------------------------------------------------------- */

static void bad_specs_say_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *spec;
        int error;
        const char *says;
    } cases[] = {
        {"", VP_ERROR_NOT_FOUND, "photon"},
        {"fotón", VP_ERROR_NOT_FOUND, "not a platform"},
        {"p1@0.4.8", VP_ERROR_NOT_FOUND, "0.4.9"},
        {"core@2.0.0", VP_ERROR_NOT_FOUND, "core has no release"},
        {"core@0.5.5", VP_ERROR_NOT_FOUND, "0.5.4"},
        {"photon@0.5.2,mode=dfu,mode=safe", VP_ERROR_INVALID, "'mode' was given before"},
        {"photon@0.5.2,mode=dfu,id=30003a000a47343432313031,mode=dfu", VP_ERROR_INVALID, "once"},
        {"photon@0.5.2,external=x", VP_ERROR_INVALID, "no serial flash"},
        {"p1@0.5.2,external=", VP_ERROR_INVALID, "image file"},
        {"p1@0.5.2,firmware=mono", VP_ERROR_INVALID, "modular or monolithic"},
        {"core@0.5.2,firmware=modular", VP_ERROR_INVALID, "always monolithic"},
        {"photon@0.5.9", VP_ERROR_NOT_FOUND, "0.5.5"},
        {"photon@0.5.2,bootlaoder=7", VP_ERROR_INVALID, "did you mean 'bootloader'"},
        {"photon@0.5.2,bootloader", VP_ERROR_INVALID, "key=value"},
        {"photon@0.5.2,bootloader=", VP_ERROR_INVALID, "bootloader version"},
        {"photon@0.5.2,bootloader=70000", VP_ERROR_INVALID, "bootloader version"},
        {"photon@0.5.2,bootloader=12", VP_ERROR_NOT_FOUND, "11"},
        {"photon@0.5.2,mode=DFU", VP_ERROR_INVALID, "dfu, normal or safe"},
        {"photon@erased,mode=normal", VP_ERROR_INVALID, "name a release"},
        {"photon@0.5.2,id=30003a", VP_ERROR_INVALID, "24 hexadecimal digits"},
        {"photon@0.5.2,id=30003a000a4734343231303g", VP_ERROR_INVALID, "24 hexadecimal digits"},
        {"photon@0.5.2,flash=", VP_ERROR_INVALID, "image file"},
        {"photon@0.5.2,flash=/nowhere/at/all", VP_ERROR_IO, "/nowhere/at/all"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct vp_device *device;
        struct vp_failure failure = {""};
        assert_int_equal(vp_device_from_spec(&device, cases[i].spec, 0, &failure), cases[i].error);
        if (!strstr(failure.text, cases[i].says)) {
            fail_msg("'%s' is answered with '%s'", cases[i].spec, failure.text);
        }
    }
}

static void modes_are_as_asked(void **state)
{
    (void)state;
    static const struct {
        const char *spec;
        enum vp_mode mode;
    } cases[] = {
        {"photon", VP_MODE_NORMAL},
        {"photon@erased", VP_MODE_DFU},
        {"photon@erased,bootloader=3", VP_MODE_DFU},
        {"photon@0.4.6", VP_MODE_NORMAL},
        {"photon@0.5.2", VP_MODE_NORMAL},
        {"photon@0.5.2,mode=dfu", VP_MODE_DFU},
        {"photon@0.5.2,mode=safe", VP_MODE_SAFE},
        {"photon@1.5.0,mode=safe", VP_MODE_SAFE},
        {"photon@0.7.0,bootloader=101", VP_MODE_NORMAL},
        {"photon@0.7.0,bootloader=11", VP_MODE_SAFE},  /* needs bootloader 101 */
        {"photon@0.6.3,bootloader=4", VP_MODE_NORMAL}, /* nothing checks it yet */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct vp_device *device = host_device(cases[i].spec);
        if (vp_device_mode(device) != cases[i].mode) {
            fail_msg("%s comes up in mode %s", cases[i].spec, vp_mode_name(vp_device_mode(device)));
        }
        vp_device_destroy(device);
    }
}

/* ---- Real speed ------------------------------------------------------------------------ */

static void note_completion(struct vp_transfer *transfer)
{
    *(bool *)transfer->owner = true;
}

/* GETSTATUS after an erase answers when a sector of 128 KiB is erased: 1 s by the data sheet. */
static void real_speed_takes_the_time_of_the_data_sheet(void **state)
{
    (void)state;
    struct vp_device *device = host_device("photon@erased,bootloader=101");
    const uint8_t erase[] = {HOST_ERASE, 0, 0, 0x0A, 0x08};
    uint8_t block[sizeof erase], status[6];
    bool done = false, queued_done = false;
    vp_device_set_speed(device, VP_SPEED_REAL);
    memcpy(block, erase, sizeof erase);
    assert_int_equal(host_dnload(device, 0, block, sizeof block), sizeof block);
    struct vp_transfer transfer = {
        .in = true,
        .setup = {0xA1, 3, 0, 0, 0, 0, 6, 0},
        .data = status,
        .length = sizeof status,
        .complete = note_completion,
        .owner = &done,
    };
    struct vp_transfer queued = transfer;
    queued.owner = &queued_done;
    vp_device_submit(device, &transfer);
    vp_device_submit(device, &queued);
    assert_int_equal(vp_device_next_deadline(device), 1000);
    vp_device_advance(device, 999);
    assert_false(done);
    vp_device_advance(device, 1);
    assert_true(done);
    assert_int_equal(transfer.status, VP_TRANSFER_OK);
    assert_int_equal(transfer.actual, 6);
    assert_true(queued_done);
    assert_int_equal(status[4], 5); /* the queued one came after it: dfuDNLOAD-IDLE */
    vp_device_destroy(device);
}

static void at_real_speed_a_start_takes_time(void **state)
{
    (void)state;
    struct vp_device *device = host_device("photon@0.6.3");
    struct vp_usb_identity identity;
    vp_device_set_speed(device, VP_SPEED_REAL);
    vp_device_reset(device);
    assert_int_equal(vp_device_identity(device, &identity), VP_ERROR_NOT_FOUND);
    const int64_t start = vp_device_next_deadline(device);
    assert_true(start > 0);
    vp_device_reset(device);
    assert_true(vp_device_next_deadline(device) <= start); /* it starts anew, from the beginning */
    vp_device_settle(device);
    assert_int_equal(vp_device_identity(device, &identity), 0);
    vp_device_destroy(device);
}

/* Whatever waits when the device goes is told. */
static void what_waits_at_real_speed_can_be_taken_back(void **state)
{
    (void)state;
    struct vp_device *device = host_device("photon@erased,bootloader=101");
    uint8_t erase[] = {HOST_ERASE, 0, 0, 0x0A, 0x08}, status[6];
    bool done[3] = {false};
    vp_device_set_speed(device, VP_SPEED_REAL);
    assert_int_equal(host_dnload(device, 0, erase, sizeof erase), sizeof erase);
    struct vp_transfer transfers[3];
    for (unsigned i = 0; i < 3; i++) {
        transfers[i] = (struct vp_transfer){
            .in = true,
            .setup = {0xA1, 3, 0, 0, 0, 0, 6, 0},
            .data = status,
            .length = sizeof status,
            .complete = note_completion,
            .owner = &done[i],
        };
        vp_device_submit(device, &transfers[i]);
    }
    vp_device_cancel(device, &transfers[2]);
    assert_int_equal(transfers[2].status, VP_TRANSFER_CANCELLED);
    vp_device_cancel(device, &transfers[0]);
    assert_int_equal(transfers[0].status, VP_TRANSFER_CANCELLED);
    assert_false(done[1]);
    vp_device_power(device, false);
    assert_int_equal(transfers[1].status, VP_TRANSFER_NO_DEVICE);
    vp_device_destroy(device);
}

static void serial_of(struct vp_device *device, char text[25])
{
    uint8_t descriptor[64];
    assert_int_equal(host_control(device, 0x80, 6, 0x0303, 0x0409, descriptor, 64), 50);
    for (size_t i = 0; i < 24; i++) {
        text[i] = (char)descriptor[2 + 2 * i];
    }
    text[24] = '\0';
}

static void ids_are_the_given_ones_or_differ(void **state)
{
    (void)state;
    char first[25], second[25];
    struct vp_device *device = host_device("photon@erased,bootloader=201,"
                                           "id=ABCDEF012345678901234567");
    serial_of(device, first);
    assert_string_equal(first, "abcdef012345678901234567");
    vp_device_destroy(device);
    assert_int_equal(vp_device_from_spec(&device, "photon@erased", 0, NULL), 0);
    host_enumerate(device);
    serial_of(device, first);
    vp_device_destroy(device);
    assert_int_equal(vp_device_from_spec(&device, "photon@erased", 1, NULL), 0);
    host_enumerate(device);
    serial_of(device, second);
    vp_device_destroy(device);
    assert_string_not_equal(first, second);
}

static void a_flash_image_is_made_once_and_kept(void **state)
{
    (void)state;
    char folder[] = "/tmp/vparticle-device-XXXXXX", spec[128], path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/photon.img", folder);
    snprintf(spec, sizeof spec, "photon@0.5.2,mode=dfu,flash=%s", path);
    struct vp_device *device = host_device(spec), *second;
    struct vp_failure failure;
    assert_int_equal(vp_device_from_spec(&second, spec, 1, &failure), VP_ERROR_BUSY);
    assert_int_equal(host_command(device, HOST_ERASE, 0x080A0000), 0);
    vp_device_destroy(device);
    snprintf(spec, sizeof spec, "photon@0.6.3,flash=%s", path); /* what is there wins */
    device = host_device(spec);
    assert_int_equal(vp_device_mode(device), VP_MODE_SAFE); /* no user application any more */
    struct vp_module module;
    assert_int_equal(vp_module_parse_flash(vp_device_flash(device), 0x08020000, &module, NULL), 0);
    assert_int_equal(module.version, 17);
    vp_device_destroy(device);
    unlink(path);
    rmdir(folder);
}

/* ---- Time --------------------------------------------------------------------------------- */

struct history {
    char text[256];
};

static void note_event(void *context, const struct vp_event *event)
{
    struct history *history = context;
    const char *word = event->kind == VP_EVENT_ATTACHED   ? "+ "
                       : event->kind == VP_EVENT_DETACHED ? "- "
                       : event->kind == VP_EVENT_MODE     ? vp_mode_name(event->mode)
                                                          : NULL;
    if (word) {
        const size_t length = strlen(history->text);
        snprintf(history->text + length, sizeof history->text - length, "%s%s", word,
                 event->kind == VP_EVENT_MODE ? " " : "");
    }
}

static void leave(struct vp_device *device)
{
    uint8_t status[6];
    assert_int_equal(host_dnload(device, 0, NULL, 0), 0);
    assert_int_equal(vp_device_next_deadline(device), -1); /* it takes a GETSTATUS */
    assert_int_equal(host_get_status(device, status), 6);
    assert_int_equal(status[4], 5);
}

static void leave_resets_half_a_second_later(void **state)
{
    (void)state;
    struct history history = {""};
    uint8_t status[6], dfu_state;
    struct vp_device *device = host_device("photon@0.5.2,mode=dfu");
    assert_int_equal(vp_device_listen(device, note_event, &history), 0);
    leave(device);
    assert_int_equal(vp_device_next_deadline(device), 499);
    assert_int_equal(host_control(device, 0xA1, 5, 0, 0, &dfu_state, 1), 1);
    assert_int_equal(dfu_state, 8);
    vp_device_advance(device, 498);
    assert_int_equal(host_get_status(device, status), 6);
    assert_string_equal(history.text, "");
    vp_device_advance(device, 1);
    assert_string_equal(history.text, "- normal + ");
    assert_int_equal(vp_device_next_deadline(device), -1);
    vp_device_unlisten(device, note_event, &history);
    vp_device_reset(device);
    assert_string_equal(history.text, "- normal + ");
    vp_device_destroy(device);
    device = host_device("photon@0.5.2,mode=dfu");
    leave(device);
    vp_device_settle(device);
    assert_int_equal(vp_device_mode(device), VP_MODE_NORMAL);
    vp_device_settle(device); /* nothing left to wait for */
    vp_device_destroy(device);
}

static void without_getstatus_nothing_ever_happens(void **state)
{
    (void)state;
    uint8_t dfu_state;
    struct vp_device *device = host_device("photon@0.5.2,mode=dfu");
    assert_int_equal(host_dnload(device, 0, NULL, 0), 0);
    vp_device_advance(device, 3600 * 1000);
    assert_int_equal(host_control(device, 0xA1, 5, 0, 0, &dfu_state, 1), 1);
    assert_int_equal(dfu_state, 6);
    vp_device_destroy(device);
}

static void the_oldest_bootloader_leaves_at_once(void **state)
{
    (void)state;
    struct history history = {""};
    uint8_t status[6];
    struct vp_device *device = host_device("photon@0.4.3,bootloader=3,mode=dfu");
    assert_int_equal(vp_device_listen(device, note_event, &history), 0);
    assert_int_equal(host_dnload(device, 0, NULL, 0), 0);
    assert_int_equal(host_get_status(device, status), HOST_GONE);
    assert_string_equal(history.text, "- normal + ");
    vp_device_destroy(device);
}

static void the_button_is_watched_while_time_passes(void **state)
{
    (void)state;
    static const struct {
        uint32_t held;
        enum vp_mode mode;
    } cases[] = {{0, VP_MODE_NORMAL},  {999, VP_MODE_NORMAL}, {1000, VP_MODE_SAFE},
                 {2999, VP_MODE_SAFE}, {3000, VP_MODE_DFU},   {60000, VP_MODE_DFU}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct vp_device *device = host_device("photon@0.6.3");
        vp_device_button(device, true);
        vp_device_reset(device);
        assert_int_equal(vp_device_mode(device), VP_MODE_BOOT);
        vp_device_advance(device, cases[i].held);
        vp_device_button(device, false);
        assert_int_equal(vp_device_mode(device), cases[i].mode);
        vp_device_destroy(device);
    }
}

struct clock {
    const struct vp_device *device;
    char text[128];
};

static void note_time(void *context, const struct vp_event *event)
{
    struct clock *clock = context;
    const size_t length = strlen(clock->text);
    if (event->kind == VP_EVENT_LED) {
        snprintf(clock->text + length, sizeof clock->text - length, "%u ",
                 (unsigned)vp_device_time(clock->device));
    }
}

static void events_come_at_their_time(void **state)
{
    (void)state;
    struct vp_device *device = host_device("photon@0.6.3");
    struct clock clock = {.device = device};
    vp_device_button(device, true);
    vp_device_reset(device);
    assert_int_equal(vp_device_listen(device, note_time, &clock), 0);
    vp_device_advance(device, 20000);
    assert_string_equal(clock.text, "1000 3000 ");
    assert_int_equal(vp_device_time(device), 20000);
    vp_device_power(device, false);
    vp_device_advance(device, 5);
    assert_int_equal(vp_device_time(device), 20005);
    vp_device_destroy(device);
}

/* ---- Firmware, one image or in parts --------------------------------------------------------- */

static void boards_come_up_as_asked(void **state)
{
    (void)state;
    static const struct {
        const char *spec;
        enum vp_mode mode;
    } cases[] = {
        {"p1", VP_MODE_NORMAL},
        {"p1@0.4.6,mode=dfu", VP_MODE_DFU},
        {"p1@erased", VP_MODE_DFU},
        {"electron", VP_MODE_NORMAL},
        {"electron@0.5.2", VP_MODE_NORMAL},
        {"electron@0.6.4,mode=safe", VP_MODE_SAFE},
        {"electron@erased,bootloader=4", VP_MODE_DFU},
        {"core", VP_MODE_NORMAL},
        {"core@0.5.2,mode=dfu", VP_MODE_DFU},
        {"core@erased,mode=dfu", VP_MODE_DFU},
        {"photon@1.5.0,firmware=modular", VP_MODE_NORMAL},
        {"photon@0.5.2,firmware=monolithic", VP_MODE_NORMAL},
        {"photon@1.5.0,firmware=monolithic", VP_MODE_NORMAL},
        {"p1@0.7.0,firmware=monolithic,mode=dfu", VP_MODE_DFU},
        {"electron@0.5.2,firmware=monolithic", VP_MODE_NORMAL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct vp_device *device = host_device(cases[i].spec);
        if (vp_device_mode(device) != cases[i].mode) {
            fail_msg("%s comes up in mode %s", cases[i].spec, vp_mode_name(vp_device_mode(device)));
        }
        vp_device_destroy(device);
    }
}

/* Without an image in the serial flash a factory reset restores nothing, and again and again. */
static void a_core_without_any_firmware_loops(void **state)
{
    (void)state;
    struct vp_device *device;
    assert_int_equal(vp_device_from_spec(&device, "core@erased", 0, NULL), 0);
    assert_int_equal(vp_device_mode(device), VP_MODE_LOOP);
    vp_device_destroy(device);
}

static void serial_flash_may_be_a_file(void **state)
{
    (void)state;
    char folder[] = "/tmp/vparticle-device-XXXXXX", spec[128], path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/serial.img", folder);
    snprintf(spec, sizeof spec, "p1@erased,external=%s", path);
    struct vp_device *device = host_device(spec);
    assert_int_equal(host_control(device, 0x01, 11, 2, 0, NULL, 0), 0);
    assert_int_equal(host_command(device, HOST_SET_ADDRESS, 0x000FF000), 0);
    assert_int_equal(host_write(device, 2, "kept", 4), 0);
    vp_device_destroy(device);
    device = host_device(spec);
    char kept[4];
    assert_int_equal(host_control(device, 0x01, 11, 2, 0, NULL, 0), 0);
    assert_int_equal(host_command(device, HOST_SET_ADDRESS, 0x000FF000), 0);
    assert_int_equal(host_abort(device), 0);
    assert_int_equal(host_upload(device, 2, kept, sizeof kept), sizeof kept);
    assert_memory_equal(kept, "kept", sizeof kept);
    vp_device_destroy(device);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    assert_int_equal(ftell(file), 1024 * 1024);
    fclose(file);
    unlink(path);
    rmdir(folder);
}

/* Erase the sectors that a module needs and write it, as dfu-util does. */
static void flash_module(struct vp_device *device, const char *part_at_version)
{
    const struct vp_catalogue_module *module;
    uint8_t *image;
    size_t size;
    assert_int_equal(vp_forge_find(VP_PLATFORM_PHOTON, part_at_version, &module, NULL), 0);
    assert_int_equal(vp_forge_catalogue_module(module, &image, &size), 0);
    for (uint32_t at = 0; at < size; at += 0x20000) {
        assert_int_equal(host_command(device, HOST_ERASE, module->address + at), 0);
    }
    assert_int_equal(host_command(device, HOST_SET_ADDRESS, module->address), 0);
    for (uint32_t at = 0; at < size; at += 4096) {
        const uint16_t piece = (uint16_t)(size - at < 4096 ? size - at : 4096);
        assert_int_equal(host_write(device, (uint16_t)(2 + at / 4096), image + at, piece), 0);
    }
    free(image);
}

static void from_one_image_back_to_parts_by_dfu_alone(void **state)
{
    (void)state;
    uint8_t status[6];
    struct vp_device *device = host_device("photon@0.6.3,firmware=monolithic,mode=dfu");
    flash_module(device, "system-part1@0.6.3");
    flash_module(device, "system-part2@0.6.3");
    flash_module(device, "tinker@0.6.3");
    assert_int_equal(host_dnload(device, 0, NULL, 0), 0);
    assert_int_equal(host_get_status(device, status), 6);
    vp_device_settle(device);
    assert_int_equal(vp_device_mode(device), VP_MODE_NORMAL);
    struct vp_module module;
    assert_int_equal(vp_module_parse_flash(vp_device_flash(device), 0x08020000, &module, NULL), 0);
    assert_int_equal(module.function, VP_MODULE_SYSTEM);
    vp_device_destroy(device);
}

/* DFU left with a broken part 2: the watchdog that leaving turned on brings DFU mode back. */
static void a_crash_after_leaving_dfu_ends_in_dfu_again(void **state)
{
    (void)state;
    uint8_t status[6];
    struct vp_device *device = host_device("photon@0.7.0,mode=dfu");
    assert_int_equal(host_command(device, HOST_ERASE, 0x08060000), 0);
    assert_int_equal(host_dnload(device, 0, NULL, 0), 0);
    assert_int_equal(host_get_status(device, status), 6);
    vp_device_advance(device, 500);
    assert_int_equal(vp_device_mode(device), VP_MODE_DEAD);
    assert_in_range(vp_device_next_deadline(device), 4990, 5000);
    vp_device_settle(device);
    assert_int_equal(vp_device_mode(device), VP_MODE_DFU);
    vp_device_destroy(device);
}

static void power_takes_the_device_off_the_bus(void **state)
{
    (void)state;
    struct history history = {""};
    struct vp_usb_identity identity;
    struct vp_device *device = host_device("photon@0.6.3");
    assert_int_equal(vp_device_listen(device, note_event, &history), 0);
    vp_device_power(device, false);
    assert_int_equal(vp_device_identity(device, &identity), VP_ERROR_NOT_FOUND);
    assert_int_equal(vp_device_bus_reset(device), VP_ERROR_NOT_FOUND);
    vp_device_reset(device); /* has no effect without power */
    vp_device_power(device, true);
    assert_string_equal(history.text, "- off normal + ");
    vp_device_destroy(device);
}

/* ---- Pending transfers ------------------------------------------------------------------ */

static void count_completion(struct vp_transfer *transfer)
{
    ++*(unsigned *)transfer->owner;
}

static void pending_transfers_end_with_the_device(void **state)
{
    (void)state;
    unsigned completions = 0;
    uint8_t data[3][64];
    struct vp_transfer transfers[3];
    struct vp_device *device = host_device("photon@0.6.3");
    for (size_t i = 0; i < 3; i++) {
        transfers[i] = (struct vp_transfer){.endpoint = 1,
                                            .in = true,
                                            .data = data[i],
                                            .length = 64,
                                            .complete = count_completion,
                                            .owner = &completions};
        vp_device_submit(device, &transfers[i]);
    }
    assert_int_equal(completions, 0);
    vp_device_cancel(device, &transfers[1]);
    assert_int_equal(transfers[1].status, VP_TRANSFER_CANCELLED);
    assert_int_equal(completions, 1);
    vp_device_power(device, false);
    assert_int_equal(completions, 3);
    assert_int_equal(transfers[0].status, VP_TRANSFER_NO_DEVICE);
    assert_int_equal(transfers[2].status, VP_TRANSFER_NO_DEVICE);
    vp_device_submit(device, &transfers[0]);
    assert_int_equal(transfers[0].status, VP_TRANSFER_NO_DEVICE);
    assert_int_equal(completions, 4);
    vp_device_destroy(device);
}

static void ask_for_dfu_mode(struct vp_transfer *transfer)
{
    assert_int_equal(host_control(transfer->owner, 0x40, 0x50, 0, 50, NULL, 0), 0);
}

static void who_gets_an_answer_may_reset_the_device_at_once(void **state)
{
    (void)state;
    uint8_t line[] = {0x80, 0x70, 0, 0, 0, 0, 8}, answer[64], letter = 'i';
    unsigned count = 0;
    struct vp_device *device = host_device("photon@0.6.3");
    assert_int_equal(host_control(device, 0x21, 0x20, 0, 0, line, sizeof line), sizeof line);
    assert_int_equal(host_control(device, 0x21, 0x22, 1, 0, NULL, 0), 0);
    assert_int_equal(vp_device_mode(device), VP_MODE_LISTENING);
    struct vp_transfer in = {.endpoint = 1,
                             .in = true,
                             .data = answer,
                             .length = sizeof answer,
                             .complete = ask_for_dfu_mode,
                             .owner = device};
    struct vp_transfer out = {
        .endpoint = 1, .data = &letter, .length = 1, .complete = count_completion, .owner = &count};
    vp_device_submit(device, &in);
    vp_device_submit(device, &out);
    assert_int_equal(in.status, VP_TRANSFER_OK);
    assert_int_equal(vp_device_mode(device), VP_MODE_DFU);
    vp_device_destroy(device);
}

/* Cleared in listening mode, or by the bootloader; kept by snapshots. */
static void networks_stay_forgotten(void **state)
{
    (void)state;
    static const char *const specs[] = {"photon@0.4.9", "p1@0.6.2", "photon@1.5.2", "photon@2.3.1"};
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        struct vp_device *device = host_device(specs[i]);
        struct vp_snapshot *before;
        assert_int_equal(vp_device_take_snapshot(device, &before), 0);
        for (unsigned ms = 3200; ms <= 11000; ms += 7800) {
            vp_device_button(device, true);
            vp_device_advance(device, ms);
            vp_device_button(device, false);
            vp_device_settle(device);
        }
        vp_device_power(device, false);
        vp_device_power(device, true);
        vp_device_settle(device);
        assert_int_equal(vp_device_mode(device), VP_MODE_LISTENING);
        assert_int_equal(vp_device_restore(device, before), 0);
        vp_device_settle(device);
        assert_int_equal(vp_device_mode(device), VP_MODE_NORMAL);
        vp_snapshot_destroy(before);
        vp_device_destroy(device);
    }
}

static void the_bootloader_can_have_networks_forgotten(void **state)
{
    (void)state;
    static const struct {
        const char *spec;
        enum vp_mode mode;
    } cases[] = {
        {"photon@1.5.2", VP_MODE_LISTENING},
        {"photon@2.3.1", VP_MODE_LISTENING},
        {"electron@1.5.2", VP_MODE_NORMAL},
        {"photon@0.6.2,bootloader=400", VP_MODE_SAFE}, /* each looks for the flags elsewhere */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct vp_device *device = host_device(cases[i].spec);
        for (unsigned again = 0; again < 2; again++) {
            if (!again) {
                vp_device_button(device, true);
            }
            vp_device_reset(device);
            vp_device_advance(device, again ? 0 : 10500);
            vp_device_button(device, false);
            vp_device_settle(device);
            assert_int_equal(vp_device_mode(device), cases[i].mode);
        }
        vp_device_destroy(device);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_speed_takes_the_time_of_the_data_sheet),
        cmocka_unit_test(at_real_speed_a_start_takes_time),
        cmocka_unit_test(what_waits_at_real_speed_can_be_taken_back),
        cmocka_unit_test(bad_specs_say_what_is_wrong),
        cmocka_unit_test(modes_are_as_asked),
        cmocka_unit_test(ids_are_the_given_ones_or_differ),
        cmocka_unit_test(a_flash_image_is_made_once_and_kept),
        cmocka_unit_test(leave_resets_half_a_second_later),
        cmocka_unit_test(without_getstatus_nothing_ever_happens),
        cmocka_unit_test(the_oldest_bootloader_leaves_at_once),
        cmocka_unit_test(the_button_is_watched_while_time_passes),
        cmocka_unit_test(events_come_at_their_time),
        cmocka_unit_test(boards_come_up_as_asked),
        cmocka_unit_test(a_core_without_any_firmware_loops),
        cmocka_unit_test(networks_stay_forgotten),
        cmocka_unit_test(the_bootloader_can_have_networks_forgotten),
        cmocka_unit_test(serial_flash_may_be_a_file),
        cmocka_unit_test(from_one_image_back_to_parts_by_dfu_alone),
        cmocka_unit_test(a_crash_after_leaving_dfu_ends_in_dfu_again),
        cmocka_unit_test(power_takes_the_device_off_the_bus),
        cmocka_unit_test(pending_transfers_end_with_the_device),
        cmocka_unit_test(who_gets_an_answer_may_reset_the_device_at_once),
    };
    return cmocka_run_group_tests_name("device", tests, NULL, NULL);
}
