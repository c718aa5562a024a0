#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/device_host.h"

/* What the replayed transcripts do not ask: the corners of endpoint 0, and refused lengths. */

static void vendor_requests_of_the_running_system_stall_in_dfu_mode(void **state)
{
    (void)state;
    static const char *const specs[] = {"photon@erased,bootloader=7", "photon@erased,bootloader=11",
                                        "photon@erased,bootloader=1006"};
    uint8_t data[64];
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        struct vp_device *device = host_device(specs[i]);
        assert_int_equal(host_control(device, 0xC0, 0x50, 0, 30, data, 64), HOST_STALL);
        /* Before 0.6.0 a vendor request 1 is taken for CLEAR_FEATURE, and forgotten. */
        assert_int_equal(host_control(device, 0xC0, 1, 0, 20, data, 64),
                         i == 0 ? HOST_SILENT : HOST_STALL);
        vp_device_destroy(device);
    }
}

static void the_firmware_forgets_some_answers(void **state)
{
    (void)state;
    struct vp_device *device = host_device("photon@erased,bootloader=101");
    uint8_t data[8];
    assert_int_equal(host_control(device, 0x80, 6, 0x0100, 0, NULL, 0), HOST_SILENT);
    assert_int_equal(host_control(device, 0x81, 0, 0, 0, data, 2), HOST_SILENT);
    assert_int_equal(host_control(device, 0xA2, 7, 0, 0, data, 6), HOST_SILENT);
    assert_int_equal(host_control(device, 0xA1, 5, 0, 0, data, 1), 1); /* and lives on */
    vp_device_destroy(device);
}

static void an_overrun_kills_the_firmware_until_it_is_reset(void **state)
{
    (void)state;
    static const uint8_t block[4097];
    uint8_t status[6];
    struct vp_device *device = host_device("photon@erased,bootloader=501");
    assert_int_equal(host_dnload(device, 2, block, sizeof block), HOST_SILENT);
    assert_int_equal(vp_device_mode(device), VP_MODE_DEAD);
    assert_int_equal(host_get_status(device, status), HOST_SILENT);
    struct vp_usb_identity identity;
    assert_int_equal(vp_device_identity(device, &identity), 0); /* it is still on the bus */
    assert_int_equal(vp_device_next_deadline(device), -1);
    vp_device_reset(device);
    assert_int_equal(vp_device_mode(device), VP_MODE_DFU);
    host_enumerate(device);
    assert_int_equal(host_get_status(device, status), 6);
    vp_device_destroy(device);
}

/* Less room than wLength: a host may do so, and gets what fits. */
static void a_host_may_have_no_room(void **state)
{
    (void)state;
    static const char *const specs[] = {"photon@erased,bootloader=11", "photon@1.0.0,mode=dfu"};
    for (size_t i = 0; i < 2; i++) {
        struct vp_device *device = host_device(specs[i]);
        for (uint16_t alternate = 0; alternate < 2; alternate++) {
            assert_int_equal(host_control(device, 0x01, 11, alternate, 0, NULL, 0), 0);
            assert_int_equal(host_upload_into(device, 2, NULL, 64, 0), 0);
            assert_int_equal(host_upload_into(device, 0, NULL, 64, 0), 0);
        }
        assert_int_equal(host_abort(device), 0);
        vp_device_destroy(device);
    }
}

static void a_write_across_the_end_stops_at_the_end(void **state)
{
    (void)state;
    struct vp_device *device = host_device("photon@erased,bootloader=11");
    uint8_t block[64], last[32];
    memset(block, 0x55, sizeof block);
    assert_int_equal(host_command(device, HOST_SET_ADDRESS, 0x080FFFE0), 0);
    assert_int_equal(host_write(device, 2, block, sizeof block), HOST_SILENT);
    assert_int_equal(vp_flash_read(vp_device_flash(device), 0x080FFFE0, last, sizeof last), 0);
    assert_memory_equal(last, block, sizeof last);
    vp_device_destroy(device);
}

/* dfu-util's way through every sector that DFU can write. */
static void every_writable_sector_reads_back(void **state)
{
    (void)state;
    struct vp_device *device = host_device("photon@erased,bootloader=7");
    for (uint32_t address = 0x08020000; address < 0x08100000; address += 0x20000) {
        uint8_t block[4096], back[4096];
        for (size_t i = 0; i < sizeof block; i++) {
            block[i] = (uint8_t)(i * 7 + (address >> 16));
        }
        assert_int_equal(host_command(device, HOST_ERASE, address), 0);
        assert_int_equal(host_command(device, HOST_SET_ADDRESS, address), 0);
        assert_int_equal(host_write(device, 2, block, sizeof block), 0);
        assert_int_equal(host_write(device, 33, block, sizeof block), 0);
        assert_int_equal(host_command(device, HOST_SET_ADDRESS, address), 0);
        assert_int_equal(host_abort(device), 0);
        assert_int_equal(host_upload(device, 2, back, sizeof back), 4096);
        assert_memory_equal(back, block, sizeof back);
        assert_int_equal(host_upload(device, 33, back, sizeof back), 4096);
        assert_memory_equal(back, block, sizeof back);
        assert_int_equal(host_abort(device), 0);
    }
    vp_device_destroy(device);
}

static uint8_t alternate1_byte(struct vp_device *device, uint32_t offset)
{
    uint8_t byte;
    assert_int_equal(host_command(device, HOST_SET_ADDRESS, offset), 0);
    assert_int_equal(host_abort(device), 0);
    assert_int_equal(host_upload(device, 2, &byte, 1), 1);
    assert_int_equal(host_abort(device), 0);
    return byte;
}

/* Bootloader 101 keeps the functions that it found at boot; 501 looks for them anew after a write
 * to a system part, but not after an erase alone. */
static void dct_code_goes_with_the_system_part(void **state)
{
    (void)state;
    struct vp_device *device = host_device("photon@1.5.0,bootloader=501,mode=dfu");
    assert_int_equal(host_control(device, 0x01, 11, 1, 0, NULL, 0), 0);
    assert_int_equal(host_command(device, HOST_SET_ADDRESS, 1753), 0);
    assert_int_equal(host_write(device, 2, "\xA5", 1), 0);
    assert_int_equal(alternate1_byte(device, 1753), 0xA5);
    assert_int_equal(host_control(device, 0x01, 11, 0, 0, NULL, 0), 0);
    assert_int_equal(host_command(device, HOST_ERASE, 0x08060000), 0);
    assert_int_equal(host_command(device, HOST_SET_ADDRESS, 0x08060000), 0);
    assert_int_equal(host_write(device, 2, "abcd", 4), 0);
    assert_int_equal(host_control(device, 0x01, 11, 1, 0, NULL, 0), 0);
    assert_int_equal(alternate1_byte(device, 1753), 0);
    vp_device_destroy(device);

    device = host_device("photon@1.5.0,bootloader=501,mode=dfu");
    assert_int_equal(host_command(device, HOST_ERASE, 0x08060000), 0);
    assert_int_equal(host_control(device, 0x01, 11, 1, 0, NULL, 0), 0);
    assert_int_equal(host_command(device, HOST_SET_ADDRESS, 0), 0);
    assert_int_equal(host_write(device, 2, "\xA5", 1), HOST_SILENT);
    vp_device_destroy(device);

    device = host_device("photon@1.0.0,bootloader=101,mode=dfu");
    assert_int_equal(host_command(device, HOST_ERASE, 0x08060000), 0);
    assert_int_equal(host_control(device, 0x01, 11, 1, 0, NULL, 0), 0);
    assert_int_equal(host_command(device, HOST_SET_ADDRESS, 0), 0);
    assert_int_equal(host_write(device, 2, "\xA5", 1), HOST_SILENT);
    assert_int_equal(vp_device_mode(device), VP_MODE_DEAD);
    vp_device_destroy(device);
}

static void old_systems_are_plain_and_new_ones_composite(void **state)
{
    (void)state;
    uint8_t descriptor[256];
    struct vp_usb_identity identity;
    struct vp_device *device = host_device("photon@0.5.2");
    assert_int_equal(vp_device_identity(device, &identity), 0);
    assert_int_equal(identity.product_id, 0xC006);
    assert_int_equal(identity.interface_count, 2);
    assert_int_equal(host_control(device, 0x80, 6, 0x0200, 0, descriptor, 255), 67);
    assert_int_equal(host_control(device, 0x80, 6, 0x0302, 0x0409, descriptor, 255), 34);
    vp_device_destroy(device);
    device = host_device("photon@0.7.0");
    assert_int_equal(vp_device_identity(device, &identity), 0);
    assert_int_equal(identity.device_class, 0xEF);
    assert_int_equal(identity.interfaces[2].interface_class, 0xFF);
    assert_int_equal(host_control(device, 0x80, 6, 0x0200, 0, descriptor, 255), 84);
    vp_device_destroy(device);
}

static void the_serial_port_keeps_its_settings(void **state)
{
    (void)state;
    uint8_t coding[7] = {0x00, 0xC2, 0x01, 0, 0, 0, 8}, back[7]; /* 115200 8N1 */
    struct vp_device *device = host_device("photon@0.6.3");
    assert_int_equal(host_control(device, 0x21, 0x20, 0, 0, coding, 7), 7);
    assert_int_equal(host_control(device, 0xA1, 0x21, 0, 0, back, 7), 7);
    assert_memory_equal(back, coding, 7);
    assert_int_equal(host_control(device, 0x21, 0x20, 0, 0, coding, 6), HOST_STALL);
    assert_int_equal(host_control(device, 0x21, 0x22, 3, 0, NULL, 0), 0);
    vp_device_destroy(device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vendor_requests_of_the_running_system_stall_in_dfu_mode),
        cmocka_unit_test(the_firmware_forgets_some_answers),
        cmocka_unit_test(an_overrun_kills_the_firmware_until_it_is_reset),
        cmocka_unit_test(a_host_may_have_no_room),
        cmocka_unit_test(a_write_across_the_end_stops_at_the_end),
        cmocka_unit_test(every_writable_sector_reads_back),
        cmocka_unit_test(dct_code_goes_with_the_system_part),
        cmocka_unit_test(old_systems_are_plain_and_new_ones_composite),
        cmocka_unit_test(the_serial_port_keeps_its_settings),
    };
    return cmocka_run_group_tests_name("usb", tests, NULL, NULL);
}
