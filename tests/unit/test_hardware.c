/* Real boards: what they say of their memory, how it is read, and which of them is meant. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "hardware/bus.h"
#include "hardware/clone.h"
#include "hardware/person.h"
#include "support/device_host.h"

/* ---- Layouts -------------------------------------------------------------------------------- */

static void layouts_of_all_boards_are_understood(void **state)
{
    (void)state;
    static const enum vp_platform platforms[] = {VP_PLATFORM_PHOTON, VP_PLATFORM_P1,
                                                 VP_PLATFORM_ELECTRON, VP_PLATFORM_CORE};
    struct vp_layout layout;
    struct vp_failure failure;
    for (unsigned i = 0; i < 4; i++) {
        const struct vp_board *board = vp_board_find(platforms[i]);
        for (unsigned n = 0; n < board->dfu_layout_count; n++) {
            assert_int_equal(vp_layout_parse(board->dfu_layouts[n], &layout, &failure), 0);
        }
    }
    const struct vp_board *photon = vp_board_find(VP_PLATFORM_PHOTON);
    assert_int_equal(vp_layout_parse(photon->dfu_layouts[0], &layout, &failure), 0);
    assert_string_equal(layout.name, "Internal Flash");
    assert_int_equal(layout.count, 4);
    assert_int_equal(layout.segments[0].address, 0x08000000);
    assert_int_equal(layout.segments[0].size, 3 * 16384);
    assert_true(layout.segments[0].readable && !layout.segments[0].erasable &&
                !layout.segments[0].writable);
    assert_int_equal(layout.segments[3].address, 0x08020000);
    assert_int_equal(layout.segments[3].sector, 128 * 1024);
    assert_true(layout.segments[3].readable && layout.segments[3].erasable &&
                layout.segments[3].writable);
    const struct vp_board *core = vp_board_find(VP_PLATFORM_CORE);
    assert_int_equal(vp_layout_parse(core->dfu_layouts[1], &layout, &failure), 0);
    assert_string_equal(layout.name, "SPI Flash : SST25x");
    assert_int_equal(layout.segments[0].size, 2 << 20);
}

static void other_forms_of_layouts_are_understood(void **state)
{
    (void)state;
    struct vp_layout layout;
    struct vp_failure failure;
    assert_int_equal(
        vp_layout_parse("@Two blocks/0x10/2*5 a,1*1Mf/0XF0000000/1*256Me", &layout, &failure), 0);
    assert_int_equal(layout.count, 3);
    assert_int_equal(layout.segments[0].size, 10);
    assert_int_equal(layout.segments[1].address, 0x1A);
    assert_true(!layout.segments[1].readable && layout.segments[1].erasable);
    /* To the very last address, and no further. */
    assert_int_equal(layout.segments[2].size, 0x10000000);
    assert_int_equal(vp_layout_parse("@x/0xF0000001/1*256Me", &layout, &failure), VP_ERROR_INVALID);
}

static void what_is_no_layout_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "Internal Flash/0x08000000/1*1Kg",
        "@Internal Flash",
        "@/",
        "@x/08000000/1*1Kg",
        "@x/0x/1*1Kg",
        "@x/0x0",
        "@x/0x0/",
        "@x/0x0/1",
        "@x/0x0/1*",
        "@x/0x0/1*1K",
        "@x/0x0/1*1Kh",
        "@x/0x0/1*1K@",
        "@x/0x0/1*1Kg,",
        "@x/0x0/1*1Kg;1*1Kg",
        "@x/0x0/0*1Kg",
        "@x/0x0/1*0Kg",
        "@x/0x0/-1*1Kg",
        "@x/0x0/4294967296*1Kg",
        "@x/0x0/4294967295*4294967295Mg",
        "@x/0x100000000/1*1Kg",
    };
    struct vp_layout layout = {.count = 77};
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct vp_failure failure = {""};
        assert_int_equal(vp_layout_parse(wrong[i], &layout, &failure), VP_ERROR_INVALID);
        assert_non_null(strstr(failure.text, "is no DfuSe memory layout"));
        assert_int_equal(layout.count, 77);
    }
    char many[512];
    size_t used = (size_t)snprintf(many, sizeof many, "@x/0x0/1*1g");
    for (unsigned i = 0; i < VP_LAYOUT_SEGMENTS; i++) {
        used += (size_t)snprintf(many + used, sizeof many - used, ",1*1g");
    }
    assert_int_equal(vp_layout_parse(many, &layout, NULL), VP_ERROR_INVALID);
}

/* ---- Reading an emulated board -------------------------------------------------------------- */

/* A board, and what goes wrong on the way to it. */
struct wire {
    struct vp_device *device;
    unsigned uploads;
    unsigned stalls_from, stalls; /* that many uploads stall, the first with this number */
    unsigned short_from;          /* uploads from this number on lack their last byte */
    unsigned gone_from;
    unsigned waited;
};

static int pipe_result(int moved)
{
    return moved == HOST_STALL    ? VP_PIPE_STALL
           : moved == HOST_SILENT ? VP_PIPE_TIMEOUT
           : moved == HOST_GONE   ? VP_PIPE_GONE
                                  : moved;
}

static int control(void *context, uint8_t type, uint8_t request, uint16_t value, uint8_t *data,
                   uint16_t length)
{
    enum { UPLOAD = 2 };
    struct wire *wire = context;
    if (request == UPLOAD) {
        const unsigned number = ++wire->uploads;
        if (wire->gone_from && number >= wire->gone_from) {
            return VP_PIPE_GONE;
        }
        if (wire->stalls && number >= wire->stalls_from) {
            wire->stalls--;
            return VP_PIPE_STALL;
        }
        const int moved =
            pipe_result(host_control(wire->device, type, request, value, 0, data, length));
        return moved > 0 && wire->short_from && number >= wire->short_from ? moved - 1 : moved;
    }
    return pipe_result(host_control(wire->device, type, request, value, 0, data, length));
}

static int set_alternate(void *context, unsigned alternate)
{
    struct wire *wire = context;
    return pipe_result(host_control(wire->device, 0x01, 11, (uint16_t)alternate, 0, NULL, 0));
}

static void wait_some(void *context, unsigned milliseconds)
{
    struct wire *wire = context;
    wire->waited += milliseconds;
    vp_device_advance(wire->device, milliseconds);
}

struct desk {
    struct wire wire;
    struct vp_dfu_pipe pipe;
    struct vp_layout layouts[VP_HARDWARE_ALTERNATES];
    struct vp_clone_source source;
};

static void put_on_desk(struct desk *desk, const char *spec, enum vp_platform platform,
                        unsigned layouts)
{
    const struct vp_board *board = vp_board_find(platform);
    *desk = (struct desk){.wire.device = host_device(spec)};
    assert_int_equal(vp_device_mode(desk->wire.device), VP_MODE_DFU);
    desk->pipe = (struct vp_dfu_pipe){.control = control,
                                      .set_alternate = set_alternate,
                                      .wait = wait_some,
                                      .context = &desk->wire,
                                      .transfer_size = platform == VP_PLATFORM_CORE ? 1024 : 4096};
    for (unsigned i = 0; i < layouts; i++) {
        assert_int_equal(vp_layout_parse(board->dfu_layouts[i], &desk->layouts[i], NULL), 0);
    }
    desk->source = (struct vp_clone_source){
        .board = board, .pipe = &desk->pipe, .layouts = desk->layouts, .layout_count = layouts};
}

static void is_like(const struct vp_clone *clone, const struct vp_flash *flash, uint32_t from)
{
    uint8_t *expected = malloc(clone->size);
    assert_non_null(expected);
    assert_int_equal(vp_flash_read(flash, clone->address, expected, clone->size), 0);
    assert_memory_equal(clone->bytes + from, expected + from, clone->size - from);
    free(expected);
}

static void a_clone_has_every_byte(void **state)
{
    (void)state;
    static const struct {
        const char *spec;
        enum vp_platform platform;
        unsigned layouts;
        uint16_t bootloader;
    } boards[] = {
        {"photon@0.5.2,mode=dfu", VP_PLATFORM_PHOTON, 2, 7},
        {"p1@2.2.0,bootloader=1002,mode=dfu", VP_PLATFORM_P1, 3, 1002},
        {"electron@0.7.0,bootloader=7,mode=dfu", VP_PLATFORM_ELECTRON, 2, 7},
        {"core@0.4.9,mode=dfu", VP_PLATFORM_CORE, 2, 0},
    };
    for (unsigned i = 0; i < sizeof boards / sizeof *boards; i++) {
        struct desk desk;
        struct vp_clone clone;
        struct vp_failure failure = {""};
        put_on_desk(&desk, boards[i].spec, boards[i].platform, boards[i].layouts);
        assert_int_equal(vp_clone_internal(&desk.source, &clone, &failure), 0);
        assert_int_equal(clone.gap_count, 0);
        is_like(&clone, vp_device_flash(desk.wire.device), 0);
        assert_int_equal(vp_clone_bootloader(&clone, desk.source.board), boards[i].bootloader);
        assert_int_equal(vp_device_mode(desk.wire.device), VP_MODE_DFU);
        free(clone.bytes);
        vp_device_destroy(desk.wire.device);
    }
}

static void a_bootloader_before_7_hides_serial_flash_behind_the_dct(void **state)
{
    (void)state;
    struct desk desk;
    struct vp_clone internal, external;
    for (unsigned version = 5; version <= 7; version++) {
        char spec[64];
        snprintf(spec, sizeof spec, "p1@0.4.9,bootloader=%u,mode=dfu", version);
        put_on_desk(&desk, spec, VP_PLATFORM_P1, 3);
        assert_int_equal(vp_clone_internal(&desk.source, &internal, NULL), 0);
        assert_int_equal(vp_clone_external(&desk.source, &internal, &external, NULL), 0);
        assert_int_equal(external.size, 1 << 20);
        assert_int_equal(external.alternate, 2);
        assert_int_equal(external.gap_count, version < 7);
        if (version < 7) {
            assert_int_equal(external.gaps[0].address, 0);
            assert_int_equal(external.gaps[0].size, 0x4000);
            for (unsigned i = 0; i < 0x4000; i++) {
                assert_int_equal(external.bytes[i], 0xFF);
            }
        }
        free(internal.bytes);
        free(external.bytes);
        vp_device_destroy(desk.wire.device);
    }
}

static void what_the_board_does_not_show_is_filled_and_told(void **state)
{
    (void)state;
    struct desk desk;
    struct vp_clone clone;
    put_on_desk(&desk, "photon@0.5.2,mode=dfu", VP_PLATFORM_PHOTON, 2);
    /* Out of order, overlapping, partly outside of the chip, and with a gap that is not readable.
     */
    assert_int_equal(vp_layout_parse("@Internal Flash/0x08060000/1*128Ka/0x08000000/1*64Kf/"
                                     "0x08010000/1*64Ka/0x08018000/1*96Ka/0x080F0000/2*64Kg",
                                     &desk.layouts[0], NULL),
                     0);
    assert_int_equal(vp_clone_internal(&desk.source, &clone, NULL), 0);
    assert_int_equal(clone.gap_count, 3);
    assert_int_equal(clone.gaps[0].address, 0x08000000);
    assert_int_equal(clone.gaps[0].size, 0x10000);
    assert_int_equal(clone.gaps[1].address, 0x08030000);
    assert_int_equal(clone.gaps[1].size, 0x30000);
    assert_int_equal(clone.gaps[2].address, 0x08080000);
    assert_int_equal(clone.gaps[2].size, 0x70000);
    assert_int_equal(clone.bytes[0], 0xFF);
    uint8_t there[16];
    vp_flash_read(vp_device_flash(desk.wire.device), 0x08060000, there, sizeof there);
    assert_memory_equal(clone.bytes + 0x60000, there, sizeof there);
    assert_int_equal(vp_clone_bootloader(&clone, desk.source.board), 0);
    free(clone.bytes);
    /* Nothing at all. */
    assert_int_equal(vp_layout_parse("@Internal Flash/0x20000000/1*64Kg", &desk.layouts[0], NULL),
                     0);
    assert_int_equal(vp_clone_internal(&desk.source, &clone, NULL), VP_ERROR_UNSUPPORTED);
    assert_int_equal(vp_clone_external(&desk.source, &clone, &clone, NULL), VP_ERROR_UNSUPPORTED);
    vp_device_destroy(desk.wire.device);
}

/* ---- What goes wrong ------------------------------------------------------------------------ */

static void a_failed_request_is_repeated(void **state)
{
    (void)state;
    struct desk desk;
    struct vp_clone clone;
    put_on_desk(&desk, "photon@0.5.2,mode=dfu", VP_PLATFORM_PHOTON, 2);
    desk.wire.stalls_from = 17;
    desk.wire.stalls = 2;
    assert_int_equal(vp_clone_internal(&desk.source, &clone, NULL), 0);
    assert_int_equal(desk.wire.stalls, 0);
    assert_int_equal(desk.wire.uploads, 256 + 2);
    is_like(&clone, vp_device_flash(desk.wire.device), 0);
    free(clone.bytes);
    vp_device_destroy(desk.wire.device);
}

static void a_request_that_fails_for_good_names_its_address(void **state)
{
    (void)state;
    struct desk desk;
    struct vp_clone clone;
    struct vp_failure failure;
    put_on_desk(&desk, "photon@0.5.2,mode=dfu", VP_PLATFORM_PHOTON, 2);
    desk.wire.stalls_from = 17;
    desk.wire.stalls = 1000;
    assert_int_equal(vp_clone_internal(&desk.source, &clone, &failure), VP_ERROR_IO);
    assert_int_equal(desk.wire.uploads, 16 + 3);
    assert_non_null(strstr(failure.text, "0x08010000"));
    assert_non_null(strstr(failure.text, "tried 3 times"));
    assert_null(clone.bytes);
    desk.wire = (struct wire){.device = desk.wire.device, .short_from = 2};
    assert_int_equal(vp_clone_internal(&desk.source, &clone, &failure), VP_ERROR_IO);
    assert_non_null(strstr(failure.text, "1 bytes too few at 0x08001000"));
    desk.wire = (struct wire){.device = desk.wire.device, .gone_from = 3};
    assert_int_equal(vp_clone_internal(&desk.source, &clone, &failure), VP_ERROR_NOT_FOUND);
    assert_int_equal(desk.wire.uploads, 3);
    assert_non_null(strstr(failure.text, "0x08002000"));
    vp_device_destroy(desk.wire.device);
}

static void a_device_that_never_becomes_idle_is_given_up(void **state)
{
    (void)state;
    struct desk desk;
    struct vp_clone clone;
    struct vp_failure failure;
    put_on_desk(&desk, "photon@0.5.2,mode=dfu", VP_PLATFORM_PHOTON, 2);
    vp_device_power(desk.wire.device, false);
    assert_int_equal(vp_clone_internal(&desk.source, &clone, &failure), VP_ERROR_NOT_FOUND);
    vp_device_destroy(desk.wire.device);
}

/* ---- Which one ------------------------------------------------------------------------------ */

static struct vp_hardware_board on_bus(enum vp_platform platform, bool dfu, const char *path,
                                       const char *serial)
{
    const struct vp_board *board = vp_board_find(platform);
    struct vp_hardware_board made = {
        .board = board,
        .dfu = dfu,
        .vendor = board->usb_vendor,
        .product = dfu ? board->usb_dfu_product : board->usb_normal_product,
        .node = "/dev/bus/usb/001/004",
    };
    snprintf(made.path, sizeof made.path, "%s", path);
    snprintf(made.serial, sizeof made.serial, "%s", serial);
    return made;
}

static void the_board_that_is_meant_is_chosen(void **state)
{
    (void)state;
    const struct vp_hardware_board boards[] = {
        on_bus(VP_PLATFORM_PHOTON, true, "1-1", "00000000010C"),
        on_bus(VP_PLATFORM_PHOTON, true, "1-2", "00000000010C"),
        on_bus(VP_PLATFORM_ELECTRON, true, "2-1.4", "30003A000A47343432313031"),
        on_bus(VP_PLATFORM_CORE, false, "2-2", "48FF6C065067555026311387"),
    };
    static const struct {
        struct vp_hardware_wish wish;
        unsigned chosen;
    } wishes[] = {
        {{.serial = "30003a000a47343432313031"}, 2},
        {{.path = "1-2"}, 1},
        {{.vendor = 0x2B04, .product = 0xD00A}, 2},
    };
    unsigned chosen = 99;
    for (unsigned i = 0; i < sizeof wishes / sizeof *wishes; i++) {
        assert_int_equal(vp_hardware_choose(boards, 4, &wishes[i].wish, true, &chosen, NULL), 0);
        assert_int_equal(chosen, wishes[i].chosen);
    }
    /* Alone it needs no name; nor does the only one that is ready. */
    const struct vp_hardware_wish any = {.serial = NULL};
    assert_int_equal(vp_hardware_choose(boards + 2, 2, &any, true, &chosen, NULL), 0);
    assert_int_equal(chosen, 0);
}

static void what_to_do_is_told(void **state)
{
    (void)state;
    struct vp_hardware_board boards[] = {
        on_bus(VP_PLATFORM_PHOTON, true, "1-1", "00000000010C"),
        on_bus(VP_PLATFORM_PHOTON, true, "1-2", "00000000010C"),
        on_bus(VP_PLATFORM_CORE, false, "2-2", "48FF6C065067555026311387"),
    };
    const struct vp_hardware_wish any = {.serial = NULL}, core = {.path = "2-2"},
                                  other = {.serial = "abc"};
    struct vp_failure failure;
    unsigned chosen;
    assert_int_equal(vp_hardware_choose(boards, 0, &any, true, &chosen, &failure),
                     VP_ERROR_NOT_FOUND);
    assert_non_null(strstr(failure.text, "there is no board on USB"));
    assert_int_equal(vp_hardware_choose(boards, 3, &any, true, &chosen, &failure),
                     VP_ERROR_INVALID);
    assert_non_null(strstr(failure.text, "--serial SERIAL or --path PATH: photon at 1-1"));
    assert_non_null(strstr(failure.text, "photon at 1-2"));
    assert_int_equal(vp_hardware_choose(boards, 3, &other, true, &chosen, &failure),
                     VP_ERROR_NOT_FOUND);
    assert_non_null(strstr(failure.text, "none of the boards"));
    assert_int_equal(vp_hardware_choose(boards, 3, &core, true, &chosen, &failure),
                     VP_ERROR_NOT_FOUND);
    assert_non_null(strstr(failure.text, "hold MODE, tap RESET"));
    /* As it is, it will do for a tool. */
    assert_int_equal(vp_hardware_choose(boards, 3, &core, false, &chosen, &failure), 0);
    assert_int_equal(chosen, 2);
    boards[0].no_access = true;
    assert_int_equal(vp_hardware_choose(boards, 1, &any, true, &chosen, &failure), VP_ERROR_IO);
    assert_non_null(strstr(failure.text, "may not open /dev/bus/usb/001/004"));
    assert_non_null(strstr(failure.text, "udevadm trigger"));
}

/* ---- Whoever has hands ---------------------------------------------------------------------- */

static bool after_three_looks(void *context)
{
    unsigned *looks = context;
    return ++*looks == 3;
}

static void a_command_does_what_is_asked(void **state)
{
    (void)state;
    struct vp_failure failure;
    const struct vp_request request = {"press 3200", "Hold SETUP", NULL, NULL};
    const struct vp_person wrong = {.command = "false"};
    const struct vp_person robot = {.command = "f() { test \"$1 $2\" = 'press 3200'; }; f"};
    assert_int_equal(vp_person_ask(&robot, &request, &failure), 0);
    assert_int_equal(vp_person_ask(&wrong, &request, &failure), VP_ERROR_IO);
    assert_non_null(strstr(failure.text, "'false press 3200' failed (exit status 1"));
}

static void a_person_presses_enter_or_is_seen_to_have_done_it(void **state)
{
    (void)state;
    int ends[2];
    char *text = NULL;
    size_t size = 0;
    unsigned looks = 0;
    struct vp_failure failure;
    assert_int_equal(pipe(ends), 0);
    FILE *to = open_memstream(&text, &size);
    const struct vp_person person = {.terminal = ends[0], .to = to};
    const struct vp_request press = {"press 3200", "Hold SETUP for 3.2 s", NULL, NULL};
    const struct vp_request unplug = {"unplug", "Pull the cable", after_three_looks, &looks};
    assert_int_equal(write(ends[1], "\n", 1), 1);
    assert_int_equal(vp_person_ask(&person, &press, &failure), 0);
    assert_int_equal(vp_person_ask(&person, &unplug, &failure), 0);
    assert_int_equal(looks, 3);
    close(ends[1]);
    assert_int_equal(vp_person_ask(&person, &press, &failure), VP_ERROR_IO);
    assert_non_null(strstr(failure.text, "nobody is at the terminal"));
    fclose(to);
    assert_string_equal(text, "==> Hold SETUP for 3.2 s, then press Enter\n==> Pull the cable\n"
                              "==> Hold SETUP for 3.2 s, then press Enter\n");
    free(text);
    close(ends[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layouts_of_all_boards_are_understood),
        cmocka_unit_test(other_forms_of_layouts_are_understood),
        cmocka_unit_test(what_is_no_layout_is_refused),
        cmocka_unit_test(a_clone_has_every_byte),
        cmocka_unit_test(a_bootloader_before_7_hides_serial_flash_behind_the_dct),
        cmocka_unit_test(what_the_board_does_not_show_is_filled_and_told),
        cmocka_unit_test(a_failed_request_is_repeated),
        cmocka_unit_test(a_request_that_fails_for_good_names_its_address),
        cmocka_unit_test(a_device_that_never_becomes_idle_is_given_up),
        cmocka_unit_test(the_board_that_is_meant_is_chosen),
        cmocka_unit_test(what_to_do_is_told),
        cmocka_unit_test(a_command_does_what_is_asked),
        cmocka_unit_test(a_person_presses_enter_or_is_seen_to_have_done_it),
    };
    return cmocka_run_group_tests_name("hardware", tests, NULL, NULL);
}
