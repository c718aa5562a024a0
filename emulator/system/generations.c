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
 * system_ymodem.cpp @ v0.4.4, v0.4.7. The timeout is a count of loops, 0x10000000: at some 50
 * cycles each and 120 MHz about 110 s. Assumption: the cycles.
 */
static const struct vp_ymodem_rules ymodem_at_first = {
    .byte_timeout = 110000,
    .verdict = VP_VERDICT_NEVER,
    .chunk_failure = "Verification failed!",
};

/* system_ymodem.cpp, system_update.cpp @ v0.4.9 (from v0.4.8-rc.6 on) */
static const struct vp_ymodem_rules ymodem_with_timeout = {
    .byte_timeout = 5000,
    .counts_before_packets = true,
    .space_is_answered = true,
    .verdict = VP_VERDICT_NEVER,
    .chunk_failure = "Verification failed!",
};

/* system_ymodem.cpp, system_update.cpp @ v0.5.0, v0.6.0 */
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

/* system_setup.cpp @ v0.4.6, v0.6.4 */
static const struct vp_wifi_rules wifi_at_first = {0};

/* system_setup.cpp @ v0.7.0 (from v0.7.0-rc.1 on), v2.2.0 */
static const struct vp_wifi_rules wifi_with_enterprise = {
    .insists_on_ssid = true,
    .enterprise = true,
    .always_ciphers = true,
};

/* HAL_Core_Setup() and bootloader.cpp at the tags of the rows below */
#define INSTALLS_OLDER                                                                             \
    {                                                                                              \
        VP_ON_WIFI | VP_ON_ELECTRON, VP_INSTALL_OLDER, false                                       \
    }
#define INSTALLS_OLDER_ON_WIFI                                                                     \
    {                                                                                              \
        VP_ON_WIFI, VP_INSTALL_OLDER, false                                                        \
    }
#define INSTALLS_OLDER_AND_RESETS                                                                  \
    {                                                                                              \
        VP_ON_ELECTRON, VP_INSTALL_OLDER, true                                                     \
    }

enum { FIVE_MINUTES = 300000 };

/*
 * Sources: each row was read at the tag in its comment. USB: usbd_desc_stm32f2xx.c,
 * usbd_composite.c @ v0.5.2, v0.6.1, v0.7.0; start: system_part2_loader.c,
 * core_hal_stm32f2xx.c @ v0.4.6, v0.5.2, v0.6.4, v0.7.0, v1.5.2, v2.2.0; flags:
 * system_flags_impl.c, hw_config.c @ v0.6.4, v0.7.0; checks: ota_flash_hal_stm32f2xx.cpp @ v0.4.6,
 * v0.5.3-rc.1, v0.7.0; A5: main.cpp @ v1.2.1; listening timeout: system_network_internal.h
 * @ v0.6.1-rc.1. Which module version belongs to which release: system/system-versions.md @ v3.0.0.
 */
static const struct vp_system_generation generations[] = {
    /* 0.4.x */
    {
        .first = 0,
        .serial = VP_SYSTEM_SERIAL_CONSTANT,
        .flags_store = VP_FLAGS_IN_DCT,
        .unwritten_flag_is_safe_mode = true,
        .parts_on_electron = 2,
        .electron_factory = 0x080C0000,
        .electron_update_timeout = 90000,
        .install = INSTALLS_OLDER,
        .description = &describes_one_dependency,
        .port = &port_of_packets,
        .ymodem_by_speed = true,
        .ymodem = &ymodem_at_first,
        .console = &console_at_first,
        .wifi = &wifi_at_first,
    },
    /* 0.4.8-rc.6 */
    {
        .first = 10,
        .serial = VP_SYSTEM_SERIAL_CONSTANT,
        .flags_store = VP_FLAGS_IN_DCT,
        .unwritten_flag_is_safe_mode = true,
        .parts_on_electron = 2,
        .electron_factory = 0x080C0000,
        .electron_update_timeout = 90000,
        .install = INSTALLS_OLDER,
        .description = &describes_one_dependency,
        .port = &port_of_packets,
        .ymodem_by_speed = true,
        .ymodem = &ymodem_with_timeout,
        .console = &console_at_first,
        .wifi = &wifi_at_first,
    },
    /* 0.5.0-rc.1 */
    {
        .first = 12,
        .serial = VP_SYSTEM_SERIAL_CONSTANT,
        .flags_store = VP_FLAGS_IN_DCT,
        .unwritten_flag_is_safe_mode = true,
        .parts_on_electron = 2,
        .electron_factory = 0x080C0000,
        .electron_update_timeout = 90000,
        .install = INSTALLS_OLDER_ON_WIFI,
        .description = &describes_one_dependency,
        .port = &port_by_traffic,
        .ymodem = &ymodem_without_verdict,
        .console = &console_with_packets,
        .wifi = &wifi_at_first,
    },
    /* 0.5.3-rc.1 */
    {
        .first = 18,
        .serial = VP_SYSTEM_SERIAL_CONSTANT,
        .full_dependencies = true,
        .flags_store = VP_FLAGS_IN_DCT,
        .unwritten_flag_is_safe_mode = true,
        .parts_on_electron = 2,
        .electron_factory = 0x080C0000,
        .electron_update_timeout = 90000,
        .install = INSTALLS_OLDER_ON_WIFI,
        .description = &describes_one_dependency,
        .port = &port_by_dtr,
        .ymodem = &ymodem_without_verdict,
        .console = &console_with_packets,
        .wifi = &wifi_at_first,
    },
    /* 0.5.4 */
    {
        .first = 22,
        .serial = VP_SYSTEM_SERIAL_CONSTANT,
        .full_dependencies = true,
        .flags_store = VP_FLAGS_IN_DCT,
        .unwritten_flag_is_safe_mode = true,
        .parts_on_electron = 2,
        .electron_update_timeout = 90000,
        .install = INSTALLS_OLDER_ON_WIFI,
        .description = &describes_one_dependency,
        .port = &port_by_dtr,
        .ymodem = &ymodem_without_verdict,
        .console = &console_with_packets,
        .wifi = &wifi_at_first,
    },
    /* 0.5.5 */
    {
        .first = 23,
        .serial = VP_SYSTEM_SERIAL_CONSTANT,
        .full_dependencies = true,
        .flags_store = VP_FLAGS_IN_DCT,
        .unwritten_flag_is_safe_mode = true,
        .parts_on_electron = 2,
        .electron_update_timeout = 90000,
        .install = {VP_ON_WIFI, VP_INSTALL_OLDER_OR_FUTURE, true},
        .description = &describes_one_dependency,
        .port = &port_by_dtr,
        .ymodem = &ymodem_without_verdict,
        .console = &console_with_packets,
        .wifi = &wifi_at_first,
    },
    /* 0.6.0-rc.1 */
    {
        .first = 100,
        .composite = true,
        .serial = VP_SYSTEM_SERIAL_UPPER,
        .full_dependencies = true,
        .flags_store = VP_FLAGS_IN_DCT,
        .unwritten_flag_is_safe_mode = true,
        .saves_device_id = true,
        .parts_on_electron = 3,
        .electron_update_timeout = 90000,
        .install = INSTALLS_OLDER_ON_WIFI,
        .description = &describes_one_dependency,
        .port = &port_by_dtr,
        .ymodem = &ymodem_without_verdict,
        .console = &console_with_claims,
        .wifi = &wifi_at_first,
    },
    /* 0.6.1-rc.1 */
    {
        .first = 103,
        .composite = true,
        .serial = VP_SYSTEM_SERIAL_UPPER,
        .full_dependencies = true,
        .flags_store = VP_FLAGS_IN_DCT,
        .unwritten_flag_is_safe_mode = true,
        .saves_device_id = true,
        .parts_on_electron = 3,
        .electron_update_timeout = 90000,
        .install = INSTALLS_OLDER,
        .description = &describes_one_dependency,
        .port = &port_by_dtr,
        .ymodem = &ymodem_with_flags,
        .console = &console_with_claims,
        .wifi = &wifi_at_first,
        .listening_timeout = FIVE_MINUTES,
    },
    /* 0.6.3 */
    {
        .first = 109,
        .composite = true,
        .serial = VP_SYSTEM_SERIAL_UPPER,
        .full_dependencies = true,
        .flags_store = VP_FLAGS_IN_DCT,
        .unwritten_flag_is_safe_mode = true,
        .saves_device_id = true,
        .parts_on_electron = 3,
        .electron_update_timeout = 90000,
        .install = {VP_ON_WIFI | VP_ON_ELECTRON, VP_INSTALL_OLDER_OR_FUTURE, true},
        .description = &describes_one_dependency,
        .port = &port_by_dtr,
        .ymodem = &ymodem_with_flags,
        .console = &console_with_claims,
        .wifi = &wifi_at_first,
        .listening_timeout = FIVE_MINUTES,
    },
    /* 0.6.4 */
    {
        .first = 110,
        .composite = true,
        .serial = VP_SYSTEM_SERIAL_UPPER,
        .full_dependencies = true,
        .flags_store = VP_FLAGS_IN_DCT,
        .unwritten_flag_is_safe_mode = true,
        .saves_device_id = true,
        .parts_on_electron = 3,
        .electron_update_timeout = 90000,
        .install = {VP_ON_WIFI | VP_ON_ELECTRON, VP_INSTALL_ONLY_OLDER_BOOTS, true},
        .description = &describes_one_dependency,
        .port = &port_by_dtr,
        .ymodem = &ymodem_with_flags,
        .console = &console_with_claims,
        .wifi = &wifi_at_first,
        .listening_timeout = FIVE_MINUTES,
    },
    /* 0.7.0-rc.1 */
    {
        .first = 200,
        .composite = true,
        .serial = VP_SYSTEM_SERIAL_UPPER,
        .checks_itself = VP_ON_WIFI,
        .second_dependency = true,
        .full_dependencies = true,
        .flags_store = VP_FLAGS_IN_BACKUP_REGISTERS,
        .watchdog_flag_in_dct = true,
        .saves_device_id = true,
        .parts_on_electron = 3,
        .electron_update_timeout = 90000,
        .install = {VP_ON_ELECTRON, VP_INSTALL_OLDER, false},
        .description = &describes_two_dependencies,
        .port = &port_by_dtr,
        .ymodem = &ymodem_with_flags,
        .console = &console_with_claims,
        .wifi = &wifi_with_enterprise,
        .listening_timeout = FIVE_MINUTES,
    },
    /* 0.7.0-rc.5 */
    {
        .first = 204,
        .composite = true,
        .serial = VP_SYSTEM_SERIAL_LOWER,
        .checks_itself = VP_ON_WIFI,
        .second_dependency = true,
        .full_dependencies = true,
        .flags_store = VP_FLAGS_IN_BACKUP_REGISTERS,
        .watchdog_flag_in_dct = true,
        .saves_device_id = true,
        .parts_on_electron = 3,
        .electron_update_timeout = 90000,
        .install = {VP_ON_ELECTRON, VP_INSTALL_OLDER, false},
        .description = &describes_two_dependencies,
        .port = &port_by_dtr,
        .ymodem = &ymodem_with_flags,
        .console = &console_with_claims,
        .wifi = &wifi_with_enterprise,
        .listening_timeout = FIVE_MINUTES,
    },
    /* 0.8.0-rc.1 */
    {
        .first = 300,
        .composite = true,
        .serial = VP_SYSTEM_SERIAL_LOWER,
        .checks_itself = VP_ON_WIFI,
        .second_dependency = true,
        .full_dependencies = true,
        .flags_store = VP_FLAGS_IN_BACKUP_REGISTERS,
        .watchdog_flag_in_dct = true,
        .saves_device_id = true,
        .parts_on_electron = 3,
        .electron_update_timeout = 90000,
        .install = INSTALLS_OLDER_AND_RESETS,
        .description = &describes_two_dependencies,
        .port = &port_by_dtr,
        .ymodem = &ymodem_with_flags,
        .console = &console_with_diagnostics,
        .wifi = &wifi_with_enterprise,
        .listening_timeout = FIVE_MINUTES,
    },
    /* 0.8.0-rc.14 */
    {
        .first = 312,
        .composite = true,
        .serial = VP_SYSTEM_SERIAL_LOWER,
        .checks_itself = VP_ON_WIFI,
        .second_dependency = true,
        .full_dependencies = true,
        .flags_store = VP_FLAGS_IN_BACKUP_REGISTERS,
        .watchdog_flag_in_dct = true,
        .saves_device_id = true,
        .parts_on_electron = 3,
        .electron_update_timeout = FIVE_MINUTES,
        .install = INSTALLS_OLDER_AND_RESETS,
        .description = &describes_two_dependencies,
        .port = &port_by_dtr,
        .ymodem = &ymodem_with_flags,
        .console = &console_with_diagnostics,
        .wifi = &wifi_with_enterprise,
        .listening_timeout = FIVE_MINUTES,
    },
    /* 1.1.0-rc.1 */
    {
        .first = 1100,
        .composite = true,
        .serial = VP_SYSTEM_SERIAL_LOWER,
        .checks_itself = VP_ON_WIFI,
        .second_dependency = true,
        .full_dependencies = true,
        .flags_store = VP_FLAGS_IN_BACKUP_REGISTERS,
        .watchdog_flag_in_dct = true,
        .saves_device_id = true,
        .parts_on_electron = 3,
        .electron_update_timeout = FIVE_MINUTES,
        .install = INSTALLS_OLDER_AND_RESETS,
        .description = &describes_what_is_there,
        .port = &port_by_dtr,
        .ymodem = &ymodem_with_flags,
        .console = &console_with_keys,
        .wifi = &wifi_with_enterprise,
        .listening_timeout = FIVE_MINUTES,
    },
    /* 1.2.0-beta.1 */
    {
        .first = 1201,
        .composite = true,
        .serial = VP_SYSTEM_SERIAL_LOWER,
        .checks_itself = VP_ON_WIFI,
        .second_dependency = true,
        .full_dependencies = true,
        .flags_store = VP_FLAGS_IN_BACKUP_REGISTERS,
        .watchdog_flag_in_dct = true,
        .saves_device_id = true,
        .applies_ota_flag = true,
        .parts_on_electron = 3,
        .electron_update_timeout = FIVE_MINUTES,
        .install = INSTALLS_OLDER_AND_RESETS,
        .description = &describes_what_is_there,
        .port = &port_by_dtr,
        .ymodem = &ymodem_with_flags,
        .console = &console_with_keys,
        .wifi = &wifi_with_enterprise,
        .listening_timeout = FIVE_MINUTES,
    },
    /* 2.0.0 */
    {
        .first = 2000,
        .composite = true,
        .serial = VP_SYSTEM_SERIAL_LOWER,
        .checks_itself = VP_ON_WIFI,
        .second_dependency = true,
        .full_dependencies = true,
        .flags_store = VP_FLAGS_IN_BACKUP_REGISTERS,
        .watchdog_flag_in_dct = true,
        .saves_device_id = true,
        .applies_ota_flag = true,
        .parts_on_electron = 3,
        .electron_update_timeout = FIVE_MINUTES,
        .install = INSTALLS_OLDER_AND_RESETS,
        .description = &describes_what_is_there,
        .port = &port_by_dtr,
        .ymodem = &ymodem_with_error,
        .console = &console_with_keys,
        .wifi = &wifi_with_enterprise,
        .listening_timeout = FIVE_MINUTES,
    },
    /* 2.1.0-rc.1 */
    {
        .first = 2100,
        .composite = true,
        .serial = VP_SYSTEM_SERIAL_LOWER,
        .checks_itself = VP_ON_WIFI,
        .second_dependency = true,
        .full_dependencies = true,
        .flags_store = VP_FLAGS_IN_BACKUP_REGISTERS,
        .watchdog_flag_in_dct = true,
        .saves_device_id = true,
        .applies_ota_flag = true,
        .parts_on_electron = 3,
        .electron_update_timeout = FIVE_MINUTES,
        .install = INSTALLS_OLDER_AND_RESETS,
        .description = &describes_the_modem,
        .port = &port_by_dtr,
        .ymodem = &ymodem_with_error,
        .console = &console_with_keys,
        .wifi = &wifi_with_enterprise,
        .listening_timeout = FIVE_MINUTES,
    },
    /* 2.2.0-rc.2 */
    {
        .first = 2201,
        .composite = true,
        .serial = VP_SYSTEM_SERIAL_LOWER,
        .checks_itself = VP_ON_WIFI,
        .second_dependency = true,
        .full_dependencies = true,
        .flags_store = VP_FLAGS_IN_BACKUP_REGISTERS,
        .watchdog_flag_in_dct = true,
        .saves_device_id = true,
        .applies_ota_flag = true,
        .frees_slots = true,
        .parts_on_electron = 3,
        .electron_update_timeout = FIVE_MINUTES,
        .install = INSTALLS_OLDER_AND_RESETS,
        .description = &describes_in_place,
        .port = &port_by_dtr,
        .ymodem = &ymodem_with_error,
        .console = &console_of_2_2,
        .wifi = &wifi_with_enterprise,
        .listening_timeout = FIVE_MINUTES,
    },
    /* 3.0.0 does not have what 2.2.0 brought */
    {
        .first = 3000,
        .composite = true,
        .serial = VP_SYSTEM_SERIAL_LOWER,
        .checks_itself = VP_ON_WIFI,
        .second_dependency = true,
        .full_dependencies = true,
        .flags_store = VP_FLAGS_IN_BACKUP_REGISTERS,
        .watchdog_flag_in_dct = true,
        .saves_device_id = true,
        .applies_ota_flag = true,
        .parts_on_electron = 3,
        .electron_update_timeout = FIVE_MINUTES,
        .install = INSTALLS_OLDER_AND_RESETS,
        .description = &describes_the_modem,
        .port = &port_by_dtr,
        .ymodem = &ymodem_with_error,
        .console = &console_with_keys,
        .wifi = &wifi_with_enterprise,
        .listening_timeout = FIVE_MINUTES,
    },
    /* 3.2.0 has it again */
    {
        .first = 3200,
        .composite = true,
        .serial = VP_SYSTEM_SERIAL_LOWER,
        .checks_itself = VP_ON_WIFI,
        .second_dependency = true,
        .full_dependencies = true,
        .flags_store = VP_FLAGS_IN_BACKUP_REGISTERS,
        .watchdog_flag_in_dct = true,
        .saves_device_id = true,
        .applies_ota_flag = true,
        .frees_slots = true,
        .parts_on_electron = 3,
        .electron_update_timeout = FIVE_MINUTES,
        .install = INSTALLS_OLDER_AND_RESETS,
        .description = &describes_in_place,
        .port = &port_by_dtr,
        .ymodem = &ymodem_with_error,
        .console = &console_of_2_2,
        .wifi = &wifi_with_enterprise,
        .listening_timeout = FIVE_MINUTES,
    },
};

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
