#include "boot/generations.h"

#include <stddef.h>

/*
 * Sources: bootloader/src/stm32f2xx/usbd_desc.c, usbd_dfu_core.c, usbd_dfu_mal.c, usbd_flash_if.c,
 * usbd_dct_if.c at v0.4.5 (bootloader 4), v0.5.2 (7), v0.6.1 (11), v0.7.0 (101), v1.5.2 (502), and
 * bootloader/src/photon/bootloader_dct.c. All rows were confirmed by running real images: 3, 4, 7,
 * 9, 11, 100, 101 and those after it; there never was an 8.
 */

/* ---- What it shows --------------------------------------------------------------------- */

static const struct vp_dfu_identity spark = {
    .device_release = 0x0200,
    .manufacturer = "Spark Devices",
    .serial = VP_DFU_SERIAL_CONSTANT,
    .configuration_string = "DFU Config",
    .interface_string = "DFU Interface",
    .interface_limit = 2,
};

static const struct vp_dfu_identity particle = {
    .device_release = 0x0200,
    .manufacturer = "Particle",
    .serial = VP_DFU_SERIAL_CONSTANT,
    .configuration_string = "DFU Config",
    .interface_string = "DFU Interface",
    .interface_limit = 2,
};

/* The source has lower case from v0.7.0-rc.5 on; the real image of bootloader 101 answers in upper.
 */
static const struct vp_dfu_identity upper_case_id = {
    .device_release = 0x0250,
    .manufacturer = "Particle",
    .product_of_board = true,
    .serial = VP_DFU_SERIAL_UPPER,
    .configuration_string = "DFU",
    .interface_string = "DFU",
    .microsoft_os = true,
    .interface_limit = 10,
};

static const struct vp_dfu_identity lower_case_id = {
    .device_release = 0x0250,
    .manufacturer = "Particle",
    .product_of_board = true,
    .serial = VP_DFU_SERIAL_LOWER,
    .configuration_string = "DFU",
    .interface_string = "DFU",
    .microsoft_os = true,
    .interface_limit = 10,
};

/* ---- What it does ---------------------------------------------------------------------- */

static const struct vp_dfu_rules swallows_failures = {
    .routing = VP_DFU_BY_ADDRESS,
    .configuration_clears_status = true,
    .flash_poll_ms = 50,
};

static const struct vp_dfu_rules tells_failures = {
    .routing = VP_DFU_BY_ALTERNATE,
    .failure_stalls = true,
    .configuration_clears_status = true,
    .flash_poll_ms = 50,
};

static const struct vp_dfu_rules verifies = {
    .routing = VP_DFU_BY_ALTERNATE,
    .failure_stalls = true,
    .verifies = true,
    .poll_sticks = true,
    .flash_poll_ms = 50,
};

static const struct vp_dfu_rules does_not_wait = {
    .routing = VP_DFU_BY_ALTERNATE,
    .failure_stalls = true,
    .verifies = true,
    .poll_sticks = true,
    .unreadable = VP_DFU_ZEROS,
};

/* ---- The history ------------------------------------------------------------------------ */

/*
 * Stray strings are what the firmware happens to find behind its table on a chip without
 * system firmware, depending on the linker's whim. Assumption: so on a chip with it, too.
 * From 1003 on, link-time optimisation compiled the delays away.
 */
// clang-format off
static const struct vp_boot_generation generations[] = {
/* first  identity        rules               stray string        leave                  detach                     DCT code              flags */
{     0, &spark,         &swallows_failures, VP_DFU_STRAY_LONG, VP_DFU_LEAVE_AT_ONCE, VP_DFU_DETACH_RECONNECTS, VP_DCT_OWN,           VP_FLAGS_IN_DCT},
{     4, &particle,      &swallows_failures, VP_DFU_STRAY_NONE, VP_DFU_LEAVE_LATER,   VP_DFU_DETACH_RECONNECTS, VP_DCT_OWN,           VP_FLAGS_IN_DCT},
{     7, &particle,      &tells_failures,    VP_DFU_STRAY_LONG, VP_DFU_LEAVE_LATER,   VP_DFU_DETACH_RECONNECTS, VP_DCT_OWN,           VP_FLAGS_IN_DCT},
{     9, &upper_case_id, &verifies,          VP_DFU_STRAY_TWO,  VP_DFU_LEAVE_LATER,   VP_DFU_DETACH_RECONNECTS, VP_DCT_OWN,           VP_FLAGS_IN_DCT},
{   100, &upper_case_id, &does_not_wait,     VP_DFU_STRAY_TWO,  VP_DFU_LEAVE_LATER,   VP_DFU_DETACH_RECONNECTS, VP_DCT_OF_PART2,      VP_FLAGS_IN_BACKUP_REGISTERS},
{   201, &lower_case_id, &does_not_wait,     VP_DFU_STRAY_TWO,  VP_DFU_LEAVE_LATER,   VP_DFU_DETACH_RECONNECTS, VP_DCT_OF_PART2,      VP_FLAGS_IN_BACKUP_REGISTERS},
{   400, &lower_case_id, &does_not_wait,     VP_DFU_STRAY_TWO,  VP_DFU_LEAVE_LATER,   VP_DFU_DETACH_RECONNECTS, VP_DCT_OF_PART2_ANEW, VP_FLAGS_IN_BACKUP_REGISTERS},
{  1003, &lower_case_id, &does_not_wait,     VP_DFU_STRAY_FOUR, VP_DFU_LEAVE_LATER,   VP_DFU_DETACH_UNSEEN,     VP_DCT_OF_PART2_ANEW, VP_FLAGS_IN_BACKUP_REGISTERS},
};
// clang-format on

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
