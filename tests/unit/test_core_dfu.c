/* The Core in DFU mode, by the source: no image of its bootloader was ever published. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/device_host.h"
#include "vparticle/forge.h"

static struct vp_device *core(const char *spec)
{
    struct vp_device *device = host_device(spec);
    assert_int_equal(vp_device_mode(device), VP_MODE_DFU);
    return device;
}

static int clear_status(struct vp_device *device)
{
    return host_control(device, 0x21, 4, 0, 0, NULL, 0);
}

/* usb_desc.c @ v0.7.0 */
static void descriptors_are_those_of_the_source(void **state)
{
    (void)state;
    static const uint8_t expected[] = {18,   1,    0,    1, 0, 0, 0, 64, 0x50,
                                       0x1D, 0x7F, 0x60, 0, 2, 1, 2, 3,  1};
    static const uint8_t configuration[] = {9, 2, 36, 0, 1, 1, 0, 0xC0, 0x32};
    static const uint8_t functional[] = {9, 0x21, 0x0B, 0xFF, 0, 0, 4, 0x1A, 1};
    uint8_t got[255];
    struct vp_device *device = core("core@0.5.2,bootloader=7,mode=dfu");
    assert_int_equal(host_control(device, 0x80, 6, 0x0100, 0, got, 64), 18);
    assert_memory_equal(got, expected, sizeof expected);
    assert_int_equal(host_control(device, 0x80, 6, 0x0200, 0, got, 255), 36);
    assert_memory_equal(got, configuration, sizeof configuration);
    assert_int_equal(got[17], 4); /* iInterface of the first alternate */
    assert_memory_equal(got + 27, functional, sizeof functional);
    assert_int_equal(host_control(device, 0x80, 6, 0x0304, 0x0409, got, 255), 98);
    assert_int_equal(got[0], 98);
    assert_int_equal(got[2], '@');
    assert_int_equal(got[96], 0); /* one character more than the layout has */
    assert_int_equal(host_control(device, 0x80, 6, 0x0309, 0x0409, got, 255), HOST_STALL);
    assert_int_equal(host_control(device, 0x80, 6, 0x0600, 0, got, 10), HOST_STALL);
    vp_device_destroy(device);
}

static void serial_numbers_grew(void **state)
{
    (void)state;
    uint8_t got[255];
    struct vp_device *device = core("core@0.5.2,bootloader=7,mode=dfu");
    assert_int_equal(host_control(device, 0x80, 6, 0x0303, 0x0409, got, 255), 26);
    vp_device_destroy(device);
    device = core("core@0.7.0,bootloader=101,mode=dfu,id=25003a000f47343336373433");
    assert_int_equal(host_control(device, 0x80, 6, 0x0303, 0x0409, got, 255), 52);
    assert_int_equal(got[2], '2');
    assert_int_equal(got[2 + 2 * 5], 'A');
    vp_device_destroy(device);
}

/* HAL_DFU_USB_Init */
static void it_starts_in_error(void **state)
{
    (void)state;
    uint8_t status[6];
    struct vp_device *device = core("core@0.5.2,mode=dfu");
    assert_int_equal(host_get_status(device, status), 6);
    assert_memory_equal(status, "\x0A\0\0\0\x0A\0", 6);
    assert_int_equal(host_dnload(device, 0, "\x21", 1), HOST_STALL);
    assert_int_equal(clear_status(device), 0);
    assert_int_equal(host_get_status(device, status), 6);
    assert_memory_equal(status, "\0\0\0\0\2\0", 6);
    assert_int_equal(clear_status(device), 0); /* and into it again */
    assert_int_equal(host_get_status(device, status), 6);
    assert_memory_equal(status, "\x0E\0\0\0\x0A\0", 6);
    assert_int_equal(host_control(device, 0x21, 0, 1000, 0, NULL, 0), HOST_STALL); /* DETACH */
    vp_device_destroy(device);
}

/* MAL_MASK: not the alternate setting but the address chooses the memory. */
static void addresses_choose_the_memory(void **state)
{
    (void)state;
    uint8_t status[6], got[16];
    struct vp_device *device = core("core@0.5.2,mode=dfu");
    assert_int_equal(clear_status(device), 0);
    const uint8_t erase[] = {HOST_ERASE, 0, 0x40, 0, 0};
    assert_int_equal(host_dnload(device, 0, erase, sizeof erase), sizeof erase);
    assert_int_equal(host_get_status(device, status), 6);
    assert_memory_equal(status, "\0\x32\0\0\4\0", 6); /* looked up for the address before */
    assert_int_equal(host_get_status(device, status), 6);
    assert_memory_equal(status, "\0\0\0\0\5\0", 6);
    assert_int_equal(host_write(device, 2, "serial flash", 12), 0);
    assert_int_equal(host_abort(device), 0);
    assert_int_equal(host_upload(device, 2, got, 12), 12);
    assert_memory_equal(got, "serial flash", 12);
    assert_int_equal(host_abort(device), 0);
    assert_int_equal(host_command(device, HOST_ERASE, 0x0801F000), 0);
    assert_int_equal(host_command(device, HOST_SET_ADDRESS, 0x0801F000), 0);
    assert_int_equal(host_write(device, 3, "internal", 8), 0); /* 1024 bytes a block */
    vp_flash_read(vp_device_flash(device), 0x0801F400, got, 8);
    assert_memory_equal(got, "internal", 8);
    vp_device_destroy(device);
}

/* PM0075: a half-word that is not erased is left alone, unless it is to become 0. */
static void what_is_programmed_is_programmed_once(void **state)
{
    (void)state;
    uint8_t got[12];
    struct vp_device *device = core("core@0.5.2,mode=dfu");
    assert_int_equal(clear_status(device), 0);
    assert_int_equal(host_command(device, HOST_ERASE, 0x0801F000), 0);
    assert_int_equal(host_command(device, HOST_SET_ADDRESS, 0x0801F000), 0);
    assert_int_equal(host_write(device, 2, "abcd", 4), 0);
    assert_int_equal(host_write(device, 2, "\0\0ABCDEFGHIJ", 12), 0); /* nobody is told */
    vp_flash_read(vp_device_flash(device), 0x0801F000, got, sizeof got);
    assert_memory_equal(got, "\0\0cd\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", sizeof got);
    vp_device_destroy(device);
}

static void only_the_option_bytes_protect_the_bootloader(void **state)
{
    (void)state;
    uint8_t before[4], after[4];
    struct vp_device *device = core("core@0.5.2,mode=dfu");
    assert_int_equal(clear_status(device), 0);
    vp_flash_read(vp_device_flash(device), 0x08003C00, before, 4);
    assert_int_equal(host_command(device, HOST_ERASE, 0x08003C00), 0);
    vp_flash_read(vp_device_flash(device), 0x08003C00, after, 4);
    assert_memory_equal(before, after, 4);
    vp_flash_read(vp_device_flash(device), 0x08004C00, before, 4);
    assert_int_equal(before[0], 7); /* the flags: the bootloader's version first */
    assert_int_equal(host_command(device, HOST_ERASE, 0x08004C00), 0);
    vp_flash_read(vp_device_flash(device), 0x08004C00, after, 4);
    assert_memory_equal(after, "\xFF\xFF\xFF\xFF", 4);
    vp_device_destroy(device);
}

static void behind_the_flash_the_processor_faults(void **state)
{
    (void)state;
    uint8_t status[6];
    struct vp_device *device = core("core@0.5.2,mode=dfu");
    assert_int_equal(clear_status(device), 0);
    assert_int_equal(host_command(device, HOST_SET_ADDRESS, 0x08020000), 0);
    assert_int_equal(host_dnload(device, 2, "abcd", 4), 4);
    assert_int_equal(host_get_status(device, status), 6); /* the work comes after the answer */
    assert_int_equal(host_get_status(device, status), HOST_SILENT);
    vp_device_reset(device);
    assert_int_equal(vp_device_mode(device), VP_MODE_NORMAL);
    vp_device_destroy(device);
}

static void leaving_starts_the_application(void **state)
{
    (void)state;
    static const struct {
        const char *spec;
        const char *status;
        int64_t delay;
    } cases[] = {{"core@0.5.2,bootloader=3,mode=dfu", "\0\1\0\0\7\0", 1},
                 {"core@0.5.2,bootloader=7,mode=dfu", "\0\0\0\0\5\0", 499}};
    for (size_t i = 0; i < 2; i++) {
        uint8_t status[6];
        struct vp_device *device = core(cases[i].spec);
        assert_int_equal(clear_status(device), 0);
        assert_int_equal(host_dnload(device, 0, NULL, 0), 0);
        assert_int_equal(host_get_status(device, status), 6);
        assert_memory_equal(status, cases[i].status, 6);
        assert_int_equal(vp_device_next_deadline(device), cases[i].delay);
        vp_device_settle(device);
        assert_int_equal(vp_device_mode(device), VP_MODE_NORMAL);
        vp_device_destroy(device);
    }
}

/* An image of 2014: a vector table and code, no module header, no CRC. */
static void an_image_without_header_runs(void **state)
{
    (void)state;
    uint8_t image[1024], status[6];
    memset(image, 0x5A, sizeof image);
    memcpy(image, "\x00\x50\x00\x20\x41\x51\x00\x08", 8);
    struct vp_device *device = core("core@0.5.2,mode=dfu");
    assert_int_equal(clear_status(device), 0);
    assert_int_equal(host_command(device, HOST_ERASE, 0x08005000), 0);
    assert_int_equal(host_command(device, HOST_SET_ADDRESS, 0x08005000), 0);
    assert_int_equal(host_write(device, 2, image, sizeof image), 0);
    assert_int_equal(host_dnload(device, 0, NULL, 0), 0);
    assert_int_equal(host_get_status(device, status), 6);
    vp_device_settle(device);
    assert_int_equal(vp_device_mode(device), VP_MODE_NORMAL);
    vp_device_destroy(device);
}

/* FACTORY_Flash_Reset: the image in the serial flash, with no check at all. */
static void a_long_press_restores_the_factory_image(void **state)
{
    (void)state;
    struct vp_device *device = core("core@0.7.0,mode=dfu");
    uint8_t header[24];
    vp_flash_read(vp_device_flash(device), 0x0800510C, header, sizeof header);
    assert_int_equal(header[10], 207);
    assert_int_equal(clear_status(device), 0);
    assert_int_equal(host_command(device, HOST_ERASE, 0x08005000), 0);
    vp_device_button(device, true);
    vp_device_reset(device);
    assert_int_equal(vp_device_mode(device), VP_MODE_BOOT);
    vp_device_advance(device, 7000);
    vp_device_button(device, false);
    assert_int_equal(vp_device_mode(device), VP_MODE_NORMAL);
    vp_flash_read(vp_device_flash(device), 0x0800510C, header, sizeof header);
    assert_int_equal(header[10], 207);
    vp_device_destroy(device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(descriptors_are_those_of_the_source),
        cmocka_unit_test(serial_numbers_grew),
        cmocka_unit_test(it_starts_in_error),
        cmocka_unit_test(addresses_choose_the_memory),
        cmocka_unit_test(what_is_programmed_is_programmed_once),
        cmocka_unit_test(only_the_option_bytes_protect_the_bootloader),
        cmocka_unit_test(behind_the_flash_the_processor_faults),
        cmocka_unit_test(leaving_starts_the_application),
        cmocka_unit_test(an_image_without_header_runs),
        cmocka_unit_test(a_long_press_restores_the_factory_image),
    };
    return cmocka_run_group_tests_name("core_dfu", tests, NULL, NULL);
}
