#include "boot/generations.h"

#include <stddef.h>

/*
 * Sources, column by column: bootloader/src/stm32f2xx/usbd_desc.c, usbd_dfu_core.c,
 * usbd_dfu_mal.c, usbd_flash_if.c, usbd_dct_if.c at v0.4.5 (bootloader 4), v0.5.2 (7), v0.6.1 (11),
 * v0.7.0 (101), v1.5.2 (502), and bootloader/src/photon/bootloader_dct.c; each row but those
 * marked (source) was confirmed by running real images of its versions.
 *
 * Upper or lower case of the serial number: the source has lower case from v0.7.0-rc.5 on, the real
 * image of bootloader 101 answers in upper case.
 *
 * Stray strings are what the firmware happens to find behind its table on a chip without
 * system firmware: 255 bytes or nothing, depending on the linker's whim. Assumption: so on a chip
 * with system firmware too.
 */
static const struct vp_boot_generation generations[] = {
    {
        .first = 0,
        .device_release = 0x0200,
        .manufacturer = "Spark Devices",
        .serial = VP_DFU_SERIAL_CONSTANT,
        .configuration_string = "DFU Config",
        .interface_string = "DFU Interface",
        .interface_limit = 2,
        .stray_string = VP_DFU_STRAY_LONG,
        .routing = VP_DFU_BY_ADDRESS,
        .configuration_clears_status = true,
        .flash_poll_ms = 50,
        .leave = VP_DFU_LEAVE_AT_ONCE,
    },
    {
        .first = 4,
        .device_release = 0x0200,
        .manufacturer = "Particle",
        .serial = VP_DFU_SERIAL_CONSTANT,
        .configuration_string = "DFU Config",
        .interface_string = "DFU Interface",
        .interface_limit = 2,
        .stray_string = VP_DFU_STRAY_NONE,
        .routing = VP_DFU_BY_ADDRESS,
        .configuration_clears_status = true,
        .flash_poll_ms = 50,
        .leave = VP_DFU_LEAVE_LATER,
    },
    {
        .first = 7,
        .device_release = 0x0200,
        .manufacturer = "Particle",
        .serial = VP_DFU_SERIAL_CONSTANT,
        .configuration_string = "DFU Config",
        .interface_string = "DFU Interface",
        .interface_limit = 2,
        .stray_string = VP_DFU_STRAY_LONG,
        .routing = VP_DFU_BY_ALTERNATE,
        .failure_stalls = true,
        .configuration_clears_status = true,
        .flash_poll_ms = 50,
        .leave = VP_DFU_LEAVE_LATER,
    },
    {
        .first = 8, /* (source) 8 was never released; 9 and 11 were run */
        .device_release = 0x0250,
        .manufacturer = "Particle",
        .product_of_board = true,
        .serial = VP_DFU_SERIAL_UPPER,
        .configuration_string = "DFU",
        .interface_string = "DFU",
        .microsoft_os = true,
        .interface_limit = 10,
        .stray_string = VP_DFU_STRAY_TWO,
        .routing = VP_DFU_BY_ALTERNATE,
        .failure_stalls = true,
        .verifies = true,
        .poll_sticks = true,
        .flash_poll_ms = 50,
        .leave = VP_DFU_LEAVE_LATER,
    },
    {
        .first = 100,
        .device_release = 0x0250,
        .manufacturer = "Particle",
        .product_of_board = true,
        .serial = VP_DFU_SERIAL_UPPER,
        .configuration_string = "DFU",
        .interface_string = "DFU",
        .microsoft_os = true,
        .interface_limit = 10,
        .stray_string = VP_DFU_STRAY_TWO,
        .routing = VP_DFU_BY_ALTERNATE,
        .failure_stalls = true,
        .verifies = true,
        .poll_sticks = true,
        .unreadable = VP_DFU_ZEROS,
        .leave = VP_DFU_LEAVE_LATER,
        .dct_code = VP_DCT_OF_PART2,
        .flags_store = VP_FLAGS_IN_BACKUP_REGISTERS,
    },
    {
        .first = 200,
        .device_release = 0x0250,
        .manufacturer = "Particle",
        .product_of_board = true,
        .serial = VP_DFU_SERIAL_LOWER,
        .configuration_string = "DFU",
        .interface_string = "DFU",
        .microsoft_os = true,
        .interface_limit = 10,
        .stray_string = VP_DFU_STRAY_TWO,
        .routing = VP_DFU_BY_ALTERNATE,
        .failure_stalls = true,
        .verifies = true,
        .poll_sticks = true,
        .unreadable = VP_DFU_ZEROS,
        .leave = VP_DFU_LEAVE_LATER,
        .dct_code = VP_DCT_OF_PART2,
        .flags_store = VP_FLAGS_IN_BACKUP_REGISTERS,
    },
    {
        .first = 400,
        .device_release = 0x0250,
        .manufacturer = "Particle",
        .product_of_board = true,
        .serial = VP_DFU_SERIAL_LOWER,
        .configuration_string = "DFU",
        .interface_string = "DFU",
        .microsoft_os = true,
        .interface_limit = 10,
        .stray_string = VP_DFU_STRAY_TWO,
        .routing = VP_DFU_BY_ALTERNATE,
        .failure_stalls = true,
        .verifies = true,
        .poll_sticks = true,
        .unreadable = VP_DFU_ZEROS,
        .leave = VP_DFU_LEAVE_LATER,
        .dct_code = VP_DCT_OF_PART2_ANEW,
        .flags_store = VP_FLAGS_IN_BACKUP_REGISTERS,
    },
    {
        .first = 1003, /* built with link-time optimisation: the delays were compiled away */
        .device_release = 0x0250,
        .manufacturer = "Particle",
        .product_of_board = true,
        .serial = VP_DFU_SERIAL_LOWER,
        .configuration_string = "DFU",
        .interface_string = "DFU",
        .microsoft_os = true,
        .interface_limit = 10,
        .stray_string = VP_DFU_STRAY_FOUR,
        .routing = VP_DFU_BY_ALTERNATE,
        .failure_stalls = true,
        .verifies = true,
        .poll_sticks = true,
        .unreadable = VP_DFU_ZEROS,
        .leave = VP_DFU_LEAVE_LATER,
        .detach = VP_DFU_DETACH_UNSEEN,
        .dct_code = VP_DCT_OF_PART2_ANEW,
        .flags_store = VP_FLAGS_IN_BACKUP_REGISTERS,
    },
};

const struct vp_boot_generation *vp_boot_generation_find(uint16_t version)
{
    const struct vp_boot_generation *found = &generations[0];
    for (size_t i = 1; i < sizeof generations / sizeof *generations; i++) {
        if (generations[i].first <= version) {
            found = &generations[i];
        }
    }
    return found;
}
