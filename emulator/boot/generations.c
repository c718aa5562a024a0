#include "boot/generations.h"

#include <stddef.h>

#include "vparticle/bootloader.h"

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

static const struct vp_dfu_identity core_spark = {
    .manufacturer = "Spark Devices     ",
    .serial = VP_DFU_SERIAL_CONSTANT,
    .manifest_shown = true,
};

static const struct vp_dfu_identity core_particle = {
    .manufacturer = "Particle          ",
    .serial = VP_DFU_SERIAL_CONSTANT,
};

static const struct vp_dfu_identity core_with_id = {
    .manufacturer = "Particle          ",
    .serial = VP_DFU_SERIAL_UPPER,
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

/* ---- How it boots ------------------------------------------------------------------------ */

/* main.c, flash_mal.c @ v0.4.4 */
static const struct vp_boot_rules boots_3 = {.hold = VP_HOLD_NO_LOOK};

/* @ v0.4.5 to v0.6.0 */
static const struct vp_boot_rules boots_4 = {.hold = VP_HOLD_FACTORY_OR_DFU, .safe_request = true};

/* @ v0.6.1-rc.1 to v0.6.4 */
static const struct vp_boot_rules boots_9 = {
    .hold = VP_HOLD_FACTORY_OR_DFU,
    .safe_request = true,
    .fast_while_held = true,
};

/* @ v0.7.0-rc.1 to v1.0.1 */
static const struct vp_boot_rules boots_100 = {
    .update = VP_UPDATE_FREE_THEN_COPY,
    .hold = VP_HOLD_FACTORY_OR_DFU,
    .watchdog = VP_WATCHDOG_BY_FLAG_AND_FIRMWARE,
    .safe_request = true,
    .fast_while_held = true,
};

/* @ v1.1.0-rc.1 to v1.5.2 */
static const struct vp_boot_rules boots_300 = {
    .update = VP_UPDATE_FREE_THEN_COPY,
    .hold = VP_HOLD_SETTINGS_TOO,
    .watchdog = VP_WATCHDOG_BY_FLAG_AND_FIRMWARE,
    .safe_request = true,
    .fast_while_held = true,
};

/* @ v2.0.0 to v3.3.1 */
static const struct vp_boot_rules boots_1002 = {
    .update = VP_UPDATE_COPY_THEN_FREE,
    .hold = VP_HOLD_SETTINGS_TOO,
    .watchdog = VP_WATCHDOG_BY_FLAG_AND_FIRMWARE,
    .safe_request = true,
    .fast_while_held = true,
};

/* The same main.c for the Core @ v0.4.4 */
static const struct vp_boot_rules boots_core_3 = {
    .update = VP_UPDATE_SERIAL_IMAGE,
    .hold = VP_HOLD_NO_LOOK,
    .watchdog = VP_WATCHDOG_ALWAYS,
};

/* @ v0.4.9, v0.7.0 */
static const struct vp_boot_rules boots_core = {
    .update = VP_UPDATE_SERIAL_IMAGE,
    .hold = VP_HOLD_FACTORY_OR_DFU,
    .watchdog = VP_WATCHDOG_ALWAYS,
    .safe_request = true,
    .fast_while_held = true,
};

/* ---- The history ------------------------------------------------------------------------ */

/*
 * Stray strings are what the firmware happens to find behind its table (from 9 on), or what a
 * variable that nobody set happens to hold (before), on a chip without system firmware. Assumption:
 * so on a chip with it, too.
 * From 2.0.0 on, link-time optimisation compiled the delays away.
 */
enum { LEAVES_AT_ONCE = 0, LEAVES_LATER = 499, LEAVES_LATE = 819 };

// clang-format off
static const struct vp_boot_generation photon[] = {
/* first  shows           DFU                 boots            stray string       leave ms        detach                    DCT code              its version    flags                         factory */
{     0, &spark,         &swallows_failures, &boots_3,        VP_DFU_STRAY_LONG, LEAVES_AT_ONCE, VP_DFU_DETACH_RECONNECTS, VP_DCT_OWN,           VP_DCT_CODE_1, VP_FLAGS_IN_DCT,              0x080E0000},
{     4, &particle,      &swallows_failures, &boots_4,        VP_DFU_STRAY_NONE, LEAVES_LATER,   VP_DFU_DETACH_RECONNECTS, VP_DCT_OWN,           VP_DCT_CODE_1, VP_FLAGS_IN_DCT,              0x080E0000},
{     7, &particle,      &tells_failures,    &boots_4,        VP_DFU_STRAY_LONG, LEAVES_LATER,   VP_DFU_DETACH_RECONNECTS, VP_DCT_OWN,           VP_DCT_CODE_1, VP_FLAGS_IN_DCT,              0x080E0000},
{     9, &upper_case_id, &verifies,          &boots_9,        VP_DFU_STRAY_TWO,  LEAVES_LATER,   VP_DFU_DETACH_RECONNECTS, VP_DCT_OWN,           VP_DCT_CODE_1, VP_FLAGS_IN_DCT,              0x080E0000},
{   100, &upper_case_id, &does_not_wait,     &boots_100,      VP_DFU_STRAY_TWO,  LEAVES_LATER,   VP_DFU_DETACH_RECONNECTS, VP_DCT_OF_PART2,      VP_DCT_CODE_2, VP_FLAGS_IN_BACKUP_REGISTERS, 0x080E0000},
{   201, &lower_case_id, &does_not_wait,     &boots_100,      VP_DFU_STRAY_TWO,  LEAVES_LATER,   VP_DFU_DETACH_RECONNECTS, VP_DCT_OF_PART2,      VP_DCT_CODE_2, VP_FLAGS_IN_BACKUP_REGISTERS, 0x080E0000},
{   300, &lower_case_id, &does_not_wait,     &boots_300,      VP_DFU_STRAY_TWO,  LEAVES_LATER,   VP_DFU_DETACH_RECONNECTS, VP_DCT_OF_PART2,      VP_DCT_CODE_2, VP_FLAGS_IN_BACKUP_REGISTERS, 0x080E0000},
{   400, &lower_case_id, &does_not_wait,     &boots_300,      VP_DFU_STRAY_TWO,  LEAVES_LATER,   VP_DFU_DETACH_RECONNECTS, VP_DCT_OF_PART2_ANEW, VP_DCT_CODE_2, VP_FLAGS_IN_BACKUP_REGISTERS, 0x080E0000},
{  1002, &lower_case_id, &does_not_wait,     &boots_1002,     VP_DFU_STRAY_FOUR, LEAVES_LATER,   VP_DFU_DETACH_UNSEEN,     VP_DCT_OF_PART2_ANEW, VP_DCT_CODE_2, VP_FLAGS_IN_BACKUP_REGISTERS, 0x080E0000},
};

/* What lies behind the P1's strings changed earlier; in all else it is the Photon. */
static const struct vp_boot_generation p1_alone[] = {
/* first  shows           DFU                 boots            stray string       leave ms        detach                    DCT code              its version    flags                         factory */
{     5, &particle,      &swallows_failures, &boots_4,        VP_DFU_STRAY_LONG, LEAVES_LATER,   VP_DFU_DETACH_RECONNECTS, VP_DCT_OWN,           VP_DCT_CODE_1, VP_FLAGS_IN_DCT,              0x080E0000},
};

/*
 * The Electron's first one runs no constructors: its store thinks that it has no room. Those from 201
 * to 400 have other constants behind the table of strings (hal/src/stm32f2xx/
 * bootloader_platform_10.c @ v0.8.0-rc.10 to v1.5.2).
 */
static const struct vp_boot_generation electron[] = {
{     0, &particle,      &swallows_failures, &boots_4,        VP_DFU_STRAY_NONE, LEAVES_LATER,   VP_DFU_DETACH_RECONNECTS, VP_DCT_OWN_READ_ONLY, VP_DCT_CODE_1, VP_FLAGS_IN_DCT,              0x080C0000},
{     6, &particle,      &swallows_failures, &boots_4,        VP_DFU_STRAY_LONG, LEAVES_LATE,    VP_DFU_DETACH_RECONNECTS, VP_DCT_OWN,           VP_DCT_CODE_1, VP_FLAGS_IN_DCT,              0x080C0000},
{     7, &particle,      &tells_failures,    &boots_4,        VP_DFU_STRAY_LONG, LEAVES_LATE,    VP_DFU_DETACH_RECONNECTS, VP_DCT_OWN,           VP_DCT_CODE_1, VP_FLAGS_IN_DCT,              0x080C0000},
{     9, &upper_case_id, &verifies,          &boots_9,        VP_DFU_STRAY_TWO,  LEAVES_LATE,    VP_DFU_DETACH_RECONNECTS, VP_DCT_OWN,           VP_DCT_CODE_1, VP_FLAGS_IN_DCT,              0x080A0000},
{   100, &upper_case_id, &does_not_wait,     &boots_100,      VP_DFU_STRAY_TWO,  LEAVES_LATER,   VP_DFU_DETACH_RECONNECTS, VP_DCT_OWN,           VP_DCT_CODE_2, VP_FLAGS_IN_BACKUP_REGISTERS, 0x080A0000},
{   201, &lower_case_id, &does_not_wait,     &boots_100,      VP_DFU_STRAY_FAULT,LEAVES_LATER,   VP_DFU_DETACH_RECONNECTS, VP_DCT_OWN,           VP_DCT_CODE_2, VP_FLAGS_IN_BACKUP_REGISTERS, 0x080A0000},
{   300, &lower_case_id, &does_not_wait,     &boots_300,      VP_DFU_STRAY_FAULT,LEAVES_LATER,   VP_DFU_DETACH_RECONNECTS, VP_DCT_OWN,           VP_DCT_CODE_2, VP_FLAGS_IN_BACKUP_REGISTERS, 0x080A0000},
{  1002, &lower_case_id, &does_not_wait,     &boots_1002,     VP_DFU_STRAY_FOUR, LEAVES_LATER,   VP_DFU_DETACH_UNSEEN,     VP_DCT_OWN,           VP_DCT_CODE_2, VP_FLAGS_IN_BACKUP_REGISTERS, 0x080A0000},
};

/* bootloader/src/core @ v0.4.4, v0.4.9, v0.7.0-rc.7; what its DFU does is in usb/core_dfu.c. */
static const struct vp_boot_generation core[] = {
{     0, &core_spark,    NULL,               &boots_core_3,   VP_DFU_STRAY_NONE, 1,              VP_DFU_DETACH_UNSEEN,     VP_DCT_ABSENT,        VP_DCT_CODE_ANY, VP_FLAGS_IN_PAGE,           0},
{     4, &core_particle, NULL,               &boots_core,     VP_DFU_STRAY_NONE, LEAVES_LATER,   VP_DFU_DETACH_UNSEEN,     VP_DCT_ABSENT,        VP_DCT_CODE_ANY, VP_FLAGS_IN_PAGE,           0},
{   101, &core_with_id,  NULL,               &boots_core,     VP_DFU_STRAY_NONE, LEAVES_LATER,   VP_DFU_DETACH_UNSEEN,     VP_DCT_ABSENT,        VP_DCT_CODE_ANY, VP_FLAGS_IN_PAGE,           0},
};
// clang-format on

#define ROWS(table) (table), sizeof(table) / sizeof *(table)

/* A board may have several tables: the row that begins last is the one in force. */
static const struct {
    enum vp_platform platform;
    const struct vp_boot_generation *rows;
    size_t count;
} histories[] = {
    {VP_PLATFORM_PHOTON, ROWS(photon)}, {VP_PLATFORM_P1, ROWS(photon)},
    {VP_PLATFORM_P1, ROWS(p1_alone)},   {VP_PLATFORM_ELECTRON, ROWS(electron)},
    {VP_PLATFORM_CORE, ROWS(core)},
};

/* The later of @p found and what a table says. */
static const struct vp_boot_generation *later(const struct vp_boot_generation *found,
                                              const struct vp_boot_generation *rows, size_t count,
                                              uint16_t version)
{
    for (size_t row = 0; row < count; row++) {
        if (rows[row].first <= version && (!found || rows[row].first > found->first)) {
            found = &rows[row];
        }
    }
    return found;
}

const struct vp_boot_generation *vp_boot_generation_find(enum vp_platform platform,
                                                         uint16_t version)
{
    const struct vp_boot_generation *found = NULL;
    for (size_t i = 0; i < sizeof histories / sizeof *histories; i++) {
        if (histories[i].platform == platform) {
            found = later(found, histories[i].rows, histories[i].count, version);
        }
    }
    return found;
}

uint32_t vp_bootloader_hidden_serial(enum vp_platform platform, uint16_t version)
{
    enum { DCT_LIMIT = 0x4000 }; /* DCT_If_CheckAdd, usbd_dct_if.c @ v0.4.9 */
    const struct vp_board *board = vp_board_find(platform);
    const bool by_address =
        vp_boot_generation_find(platform, version)->dfu->routing == VP_DFU_BY_ADDRESS;
    return board->external && board->dct_format != VP_DCT_NONE && by_address ? DCT_LIMIT : 0;
}
