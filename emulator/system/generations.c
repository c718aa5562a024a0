#include "system/generations.h"

#include <stddef.h>

bool vp_board_set_has(enum vp_board_set set, enum vp_platform platform)
{
    switch (platform) {
    case VP_PLATFORM_CORE:
        return set & VP_ON_CORE;
    case VP_PLATFORM_PHOTON:
        return set & VP_ON_PHOTON;
    case VP_PLATFORM_P1:
        return set & VP_ON_P1;
    case VP_PLATFORM_ELECTRON:
        return set & VP_ON_ELECTRON;
    }
    return false;
}

uint32_t vp_figure_on(const struct vp_figure *figure, enum vp_platform platform)
{
    return platform == VP_PLATFORM_ELECTRON ? figure->electron : figure->others;
}

/* ---- What stays the same for several generations ------------------------------------------ */

/* system_update.cpp @ v0.4.6, v0.6.4 */
static const struct vp_description_rules describes_one_dependency = {
    .dependencies = 1,
    .lists_strange = true,
    .ends_with_underscore = true,
};

/* system_update.cpp @ v0.7.0, v1.0.1 */
static const struct vp_description_rules describes_two_dependencies = {
    .dependencies = 2,
    .lists_strange = true,
    .ends_with_underscore = true,
};

/* system_update.cpp @ v1.1.0 (from v1.1.0-rc.1 on), v2.0.0 */
static const struct vp_description_rules describes_what_is_there = {
    .skips_absent = true,
    .dependencies = 2,
    .ends_with_underscore = true,
};

/* The same; electron/ota_flash_hal.cpp @ v2.1.0-rc.1, v3.0.0 */
static const struct vp_description_rules describes_the_modem = {
    .skips_absent = true,
    .dependencies = 2,
    .ends_with_underscore = true,
    .modem_firmware = true,
};

/* system_info.cpp, ota_module.cpp @ v2.2.0 (from v2.2.0-rc.2 on), v3.2.0 */
static const struct vp_description_rules describes_in_place = {
    .skips_absent = true,
    .knows_unfit = true,
    .skips_bad_factory = true,
    .dependencies = 2,
    .suffix_in_place = true,
    .modem_firmware = true,
};

/* hal/src/stm32f2xx/usb_hal.c @ v0.4.6 */
static const struct vp_port_rules port_of_packets = {
    .opening = VP_PORT_ALWAYS_OPEN,
    .receive_room = 64,
    .whole_packets = true,
};

/* usb_hal.c, usbd_cdc_core.c @ v0.5.2 */
static const struct vp_port_rules port_by_traffic = {
    .opening = VP_PORT_OPENS_BY_TRAFFIC,
    .receive_room = 255,
};

/* usb_hal.c @ v0.5.3, v0.6.4 */
static const struct vp_port_rules port_by_dtr = {
    .opening = VP_PORT_OPENS_BY_DTR,
    .receive_room = 256,
};

/*
 * system_ymodem.cpp, system_update.cpp @ v0.4.4, v0.4.6. The timeout is a count of loops,
 * 0x10000000: at some 50 cycles each and 120 MHz about 110 s. Assumption: the cycles.
 */
static const struct vp_ymodem_rules ymodem_at_first = {
    .byte_timeout = 110000,
    .verdict = VP_VERDICT_NEVER,
    .chunk_failure = "Verification failed!",
};

/* The same @ v0.4.7: the check only notes that a reset is due. */
static const struct vp_ymodem_rules ymodem_and_reset = {
    .byte_timeout = 110000,
    .verdict = VP_VERDICT_IGNORED,
    .chunk_failure = "Verification failed!",
};

/* system_ymodem.cpp, system_update.cpp @ v0.4.8-rc.6, v0.4.9, v0.6.0 */
static const struct vp_ymodem_rules ymodem_without_verdict = {
    .byte_timeout = 5000,
    .counts_before_packets = true,
    .space_is_answered = true,
    .verdict = VP_VERDICT_IGNORED,
    .chunk_failure = "Verification failed!",
};

/* system_ymodem.cpp @ v0.6.1-rc.1, v1.5.2 */
static const struct vp_ymodem_rules ymodem_with_flags = {
    .byte_timeout = 5000,
    .counts_before_packets = true,
    .space_is_answered = true,
    .verdict = VP_VERDICT_AS_FLAGS,
    .chunk_failure = "Failed to save chunk!",
};

/* system_ymodem.cpp @ v2.0.0, v3.3.1 */
static const struct vp_ymodem_rules ymodem_with_error = {
    .byte_timeout = 5000,
    .counts_before_packets = true,
    .space_is_answered = true,
    .verdict = VP_VERDICT_AS_ERROR,
    .chunk_failure = "Failed to save chunk!",
};

/* system_setup.cpp @ v0.4.6, v0.4.9 */
static const struct vp_console_rules console_at_first = {.commands = "imfxsvw"};

/* system_setup.cpp @ v0.5.0, v0.5.5 */
static const struct vp_console_rules console_with_packets = {
    .commands = "imfxsvwL",
    .starts_by_packet = true,
    .safe_listen_register = 10,
};

/* system_setup.cpp @ v0.6.0, v0.7.0 */
static const struct vp_console_rules console_with_claims = {
    .commands = "imfxsvwLcC",
    .starts_by_packet = true,
    .safe_listen_register = 10,
};

/* system_setup.cpp @ v0.8.0-rc.1, v1.0.1 */
static const struct vp_console_rules console_with_diagnostics = {
    .commands = "imfxsvwLcCd",
    .starts_by_packet = true,
    .safe_listen_register = 10,
    .diagnostics_end_with_underscore = true,
};

/*
 * system_setup.cpp @ v1.1.0, v2.1.0. What 'L' remembers goes into register 9, which bkpreg_hal.c
 * @ v1.1.0, v2.2.0 does not know: it is lost, and the device starts in safe mode only.
 */
static const struct vp_console_rules console_with_keys = {
    .commands = "imfxsvwLcCd",
    .starts_by_packet = true,
    .identifies_by_key = true,
    .diagnostics_end_with_underscore = true,
};

/* system_setup.cpp, system_info.cpp @ v2.2.0 */
static const struct vp_console_rules console_of_2_2 = {
    .commands = "imfxsvwLcCd",
    .starts_by_packet = true,
    .identifies_by_key = true,
};

/* system_setup.cpp, wlan_hal.cpp @ v0.4.6, v0.6.4 */
static const struct vp_wifi_rules wifi_at_first = {.line_end = "\r\n"};

/* system_setup.cpp, wlan_hal.cpp @ v0.7.0 (from v0.7.0-rc.1 on), v1.4.4 */
static const struct vp_wifi_rules wifi_with_enterprise = {
    .insists_on_ssid = true,
    .enterprise = true,
    .always_ciphers = true,
    .checks_keys = true,
    .line_end = "\r\n",
};

/* system_setup.cpp @ v1.5.0-rc.1, v3.3.1 */
static const struct vp_wifi_rules wifi_since_1_5 = {
    .insists_on_ssid = true,
    .enterprise = true,
    .always_ciphers = true,
    .checks_keys = true,
    .line_end = " \r\n",
};

/* ---- Start ------------------------------------------------------------------------------ */

/* core_hal_stm32f2xx.c, system_part2_loader.c @ v0.4.6, v0.5.2; flash_mal.h @ v0.5.2 */
static const struct vp_start_rules starts_at_first = {
    .unwritten_flag_is_safe_mode = true,
    .parts = {.electron = 2, .others = 2},
    .factory = {.electron = 0x080C0000},
};

/* flash_mal.h @ v0.5.4 */
static const struct vp_start_rules starts_since_0_5_4 = {
    .unwritten_flag_is_safe_mode = true,
    .parts = {.electron = 2, .others = 2},
};

/* core_hal_stm32f2xx.c, system_part2_loader.c @ v0.6.0, v0.6.4 */
static const struct vp_start_rules starts_since_0_6 = {
    .unwritten_flag_is_safe_mode = true,
    .saves_device_id = true,
    .parts = {.electron = 3, .others = 2},
};

/* The same files, and hw_config.c, @ v0.7.0 (from v0.7.0-rc.1 on), v1.1.0 */
static const struct vp_start_rules starts_since_0_7 = {
    .checks_itself = VP_ON_WIFI,
    .watchdog_flag_in_dct = true,
    .saves_device_id = true,
    .parts = {.electron = 3, .others = 2},
};

/* main.cpp @ v1.2.0-beta.1, v1.2.1, v2.2.0 */
static const struct vp_start_rules starts_since_1_2 = {
    .checks_itself = VP_ON_WIFI,
    .watchdog_flag_in_dct = true,
    .saves_device_id = true,
    .applies_ota_flag = true,
    .parts = {.electron = 3, .others = 2},
};

/* ---- Bootloaders that a part carries: bootloader.cpp, HAL_Core_Setup() ---------------------- */

/* @ v0.4.6, v0.6.1, v0.6.2 */
static const struct vp_install_rules older = {VP_ON_WIFI | VP_ON_ELECTRON, VP_INSTALL_OLDER, false};

/* @ v0.5.0 to v0.5.4, v0.6.0 */
static const struct vp_install_rules older_on_wifi = {VP_ON_WIFI, VP_INSTALL_OLDER, false};

/* @ v0.5.5 */
static const struct vp_install_rules future_on_wifi = {VP_ON_WIFI, VP_INSTALL_OLDER_OR_FUTURE,
                                                       true};

/* @ v0.6.3 */
static const struct vp_install_rules future = {VP_ON_WIFI | VP_ON_ELECTRON,
                                               VP_INSTALL_OLDER_OR_FUTURE, true};

/* @ v0.6.4 */
static const struct vp_install_rules future_by_older = {VP_ON_WIFI | VP_ON_ELECTRON,
                                                        VP_INSTALL_ONLY_OLDER_BOOTS, true};

/* @ v0.7.0 */
static const struct vp_install_rules older_on_electron = {VP_ON_ELECTRON, VP_INSTALL_OLDER, false};

/* @ v0.8.0-rc.1, v1.5.2, v2.2.0 */
static const struct vp_install_rules older_and_reset = {VP_ON_ELECTRON, VP_INSTALL_OLDER, true};

/* ---- Updates: ota_flash_hal_stm32f2xx.cpp, flash_mal.c; TIMING_FLASH_UPDATE_TIMEOUT in
 * system_cloud.h, the Electron's first --------------------------------------------------- */

/* @ v0.4.6, v0.5.2 */
static const struct vp_update_rules one_way = {.patience = {90000, 30000}};

/* @ v0.5.3-rc.1, v0.8.0-rc.4 */
static const struct vp_update_rules both_ways = {.full_dependencies = true,
                                                 .patience = {90000, 30000}};

/* @ v0.8.0-rc.14, v1.5.2 */
static const struct vp_update_rules patient = {.full_dependencies = true,
                                               .patience = {300000, 30000}};

/* validityResultToSystemError() @ v2.0.0, v2.1.0 */
static const struct vp_update_rules exact = {
    .full_dependencies = true, .numbers_failures = true, .patience = {300000, 30000}};

/* @ v2.2.0-rc.2, v3.2.0 */
static const struct vp_update_rules forgetful = {.full_dependencies = true,
                                                 .frees_slots = true,
                                                 .numbers_failures = true,
                                                 .patience = {300000, 30000}};

/* ---- The table ------------------------------------------------------------------------------ */

#define CONSTANT  VP_SYSTEM_SERIAL_CONSTANT
#define UPPER     VP_SYSTEM_SERIAL_UPPER
#define LOWER     VP_SYSTEM_SERIAL_LOWER
#define DCT       VP_FLAGS_IN_DCT
#define REGISTERS VP_FLAGS_IN_BACKUP_REGISTERS

/*
 * Each row was read at the tag in its comment. USB: usbd_desc_stm32f2xx.c, usbd_composite.c
 * @ v0.5.2, v0.6.1, v0.7.0; flags: system_flags_impl.c, hw_config.c @ v0.6.4, v0.7.0; second
 * dependency: ota_flash_hal_stm32f2xx.cpp @ v0.7.0-rc.1; speed: system_update.cpp @ v0.4.9, v0.5.0;
 * listening timeout: system_network_internal.h @ v0.6.1-rc.1. Which module version belongs to which
 * release: system/system-versions.md @ v3.0.0.
 */
// clang-format off
static const struct vp_system_generation generations[] = {
/* first  composite  serial    flags      second  start                install             update      description                  port              by speed  ymodem                   console                    wifi                   listening */
{ 0,     false,     CONSTANT, DCT,       false,  &starts_at_first,    &older,             &one_way,   &describes_one_dependency,   &port_of_packets, true,     &ymodem_at_first,        &console_at_first,         &wifi_at_first,        {0, 0}      }, /* 0.4.x */
{ 8,     false,     CONSTANT, DCT,       false,  &starts_at_first,    &older,             &one_way,   &describes_one_dependency,   &port_of_packets, true,     &ymodem_and_reset,       &console_at_first,         &wifi_at_first,        {0, 0}      }, /* 0.4.7 */
{ 10,    false,     CONSTANT, DCT,       false,  &starts_at_first,    &older,             &one_way,   &describes_one_dependency,   &port_of_packets, true,     &ymodem_without_verdict, &console_at_first,         &wifi_at_first,        {0, 0}      }, /* 0.4.8-rc.6 */
{ 12,    false,     CONSTANT, DCT,       false,  &starts_at_first,    &older_on_wifi,     &one_way,   &describes_one_dependency,   &port_by_traffic, false,    &ymodem_without_verdict, &console_with_packets,     &wifi_at_first,        {0, 0}      }, /* 0.5.0-rc.1 */
{ 18,    false,     CONSTANT, DCT,       false,  &starts_at_first,    &older_on_wifi,     &both_ways, &describes_one_dependency,   &port_by_dtr,     false,    &ymodem_without_verdict, &console_with_packets,     &wifi_at_first,        {0, 0}      }, /* 0.5.3-rc.1 */
{ 22,    false,     CONSTANT, DCT,       false,  &starts_since_0_5_4, &older_on_wifi,     &both_ways, &describes_one_dependency,   &port_by_dtr,     false,    &ymodem_without_verdict, &console_with_packets,     &wifi_at_first,        {0, 0}      }, /* 0.5.4 */
{ 23,    false,     CONSTANT, DCT,       false,  &starts_since_0_5_4, &future_on_wifi,    &both_ways, &describes_one_dependency,   &port_by_dtr,     false,    &ymodem_without_verdict, &console_with_packets,     &wifi_at_first,        {0, 0}      }, /* 0.5.5 */
{ 100,   true,      UPPER,    DCT,       false,  &starts_since_0_6,   &older_on_wifi,     &both_ways, &describes_one_dependency,   &port_by_dtr,     false,    &ymodem_without_verdict, &console_with_claims,      &wifi_at_first,        {0, 0}      }, /* 0.6.0-rc.1 */
{ 103,   true,      UPPER,    DCT,       false,  &starts_since_0_6,   &older,             &both_ways, &describes_one_dependency,   &port_by_dtr,     false,    &ymodem_with_flags,      &console_with_claims,      &wifi_at_first,        {300000, 0} }, /* 0.6.1-rc.1 */
{ 109,   true,      UPPER,    DCT,       false,  &starts_since_0_6,   &future,            &both_ways, &describes_one_dependency,   &port_by_dtr,     false,    &ymodem_with_flags,      &console_with_claims,      &wifi_at_first,        {300000, 0} }, /* 0.6.3 */
{ 110,   true,      UPPER,    DCT,       false,  &starts_since_0_6,   &future_by_older,   &both_ways, &describes_one_dependency,   &port_by_dtr,     false,    &ymodem_with_flags,      &console_with_claims,      &wifi_at_first,        {300000, 0} }, /* 0.6.4 */
{ 200,   true,      UPPER,    REGISTERS, true,   &starts_since_0_7,   &older_on_electron, &both_ways, &describes_two_dependencies, &port_by_dtr,     false,    &ymodem_with_flags,      &console_with_claims,      &wifi_with_enterprise, {300000, 0} }, /* 0.7.0-rc.1 */
{ 204,   true,      LOWER,    REGISTERS, true,   &starts_since_0_7,   &older_on_electron, &both_ways, &describes_two_dependencies, &port_by_dtr,     false,    &ymodem_with_flags,      &console_with_claims,      &wifi_with_enterprise, {300000, 0} }, /* 0.7.0-rc.5 */
{ 300,   true,      LOWER,    REGISTERS, true,   &starts_since_0_7,   &older_and_reset,   &both_ways, &describes_two_dependencies, &port_by_dtr,     false,    &ymodem_with_flags,      &console_with_diagnostics, &wifi_with_enterprise, {300000, 0} }, /* 0.8.0-rc.1 */
{ 312,   true,      LOWER,    REGISTERS, true,   &starts_since_0_7,   &older_and_reset,   &patient,   &describes_two_dependencies, &port_by_dtr,     false,    &ymodem_with_flags,      &console_with_diagnostics, &wifi_with_enterprise, {300000, 0} }, /* 0.8.0-rc.14 */
{ 1100,  true,      LOWER,    REGISTERS, true,   &starts_since_0_7,   &older_and_reset,   &patient,   &describes_what_is_there,    &port_by_dtr,     false,    &ymodem_with_flags,      &console_with_keys,        &wifi_with_enterprise, {300000, 0} }, /* 1.1.0-rc.1 */
{ 1201,  true,      LOWER,    REGISTERS, true,   &starts_since_1_2,   &older_and_reset,   &patient,   &describes_what_is_there,    &port_by_dtr,     false,    &ymodem_with_flags,      &console_with_keys,        &wifi_with_enterprise, {300000, 0} }, /* 1.2.0-beta.1 */
{ 1500,  true,      LOWER,    REGISTERS, true,   &starts_since_1_2,   &older_and_reset,   &patient,   &describes_what_is_there,    &port_by_dtr,     false,    &ymodem_with_flags,      &console_with_keys,        &wifi_since_1_5,       {300000, 0} }, /* 1.5.0-rc.1 */
{ 2000,  true,      LOWER,    REGISTERS, true,   &starts_since_1_2,   &older_and_reset,   &exact,     &describes_what_is_there,    &port_by_dtr,     false,    &ymodem_with_error,      &console_with_keys,        &wifi_since_1_5,       {300000, 0} }, /* 2.0.0 */
{ 2100,  true,      LOWER,    REGISTERS, true,   &starts_since_1_2,   &older_and_reset,   &exact,     &describes_the_modem,        &port_by_dtr,     false,    &ymodem_with_error,      &console_with_keys,        &wifi_since_1_5,       {300000, 0} }, /* 2.1.0-rc.1 */
{ 2201,  true,      LOWER,    REGISTERS, true,   &starts_since_1_2,   &older_and_reset,   &forgetful, &describes_in_place,         &port_by_dtr,     false,    &ymodem_with_error,      &console_of_2_2,           &wifi_since_1_5,       {300000, 0} }, /* 2.2.0-rc.2 */
{ 3000,  true,      LOWER,    REGISTERS, true,   &starts_since_1_2,   &older_and_reset,   &exact,     &describes_the_modem,        &port_by_dtr,     false,    &ymodem_with_error,      &console_with_keys,        &wifi_since_1_5,       {300000, 0} }, /* 3.0.0 does not have what 2.2.0 brought */
{ 3200,  true,      LOWER,    REGISTERS, true,   &starts_since_1_2,   &older_and_reset,   &forgetful, &describes_in_place,         &port_by_dtr,     false,    &ymodem_with_error,      &console_of_2_2,           &wifi_since_1_5,       {300000, 0} }, /* 3.2.0 has it again */
};
// clang-format on

const struct vp_system_generation *vp_system_generation_find(uint16_t version)
{
    const struct vp_system_generation *found = &generations[0];
    for (size_t i = 1; i < sizeof generations / sizeof *generations; i++) {
        if (generations[i].first <= version) {
            found = &generations[i];
        }
    }
    return found;
}
