/**
 * @file generations.h
 * The system firmware's history as a table: what each generation does differently.
 */
#ifndef VP_SYSTEM_GENERATIONS_H
#define VP_SYSTEM_GENERATIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "dct/system_flags.h"
#include "vparticle/platform.h"

/** A set of boards: what is true of some boards only. */
enum vp_board_set {
    VP_ON_NONE = 0,
    VP_ON_CORE = 1,
    VP_ON_PHOTON = 2,
    VP_ON_P1 = 4,
    VP_ON_ELECTRON = 8,
    VP_ON_WIFI = VP_ON_PHOTON | VP_ON_P1,
    VP_ON_ALL = VP_ON_CORE | VP_ON_WIFI | VP_ON_ELECTRON,
};

/** @return whether @p set holds the board of @p platform */
bool vp_board_set_has(enum vp_board_set set, enum vp_platform platform);

/** A number of which the Electron has its own. */
struct vp_figure {
    uint32_t electron, others;
};

/** @return what holds on the board of @p platform */
uint32_t vp_figure_on(const struct vp_figure *figure, enum vp_platform platform);

enum vp_system_serial {
    VP_SYSTEM_SERIAL_CONSTANT, /**< "00000000050C" on every device */
    VP_SYSTEM_SERIAL_UPPER,
    VP_SYSTEM_SERIAL_LOWER,
};

/** When the bootloader that a system part carries replaces the one in flash. */
enum vp_install_condition {
    VP_INSTALL_OLDER,            /**< that in flash is older */
    VP_INSTALL_OLDER_OR_FUTURE,  /**< older, or of 0.7.0 and later (100) */
    VP_INSTALL_ONLY_OLDER_BOOTS, /**< the same, but never one of 0.7.0 and later */
};

/** system_part2_loader.c, core_hal_stm32f2xx.c, hw_config.c (IWDG_Reset_Enable), main.cpp. */
struct vp_start_rules {
    /** Before the user application runs, bootloader and system part 2 must be valid too, with
     *  their dependencies; elsewhere only the user application is looked at. */
    enum vp_board_set checks_itself;
    bool unwritten_flag_is_safe_mode; /**< a flag of ones has its bit 0 set */
    bool watchdog_flag_in_dct;        /**< also looks for the flag of older bootloaders there */
    bool saves_device_id;             /**< in the DCT, at the first start */
    bool applies_ota_flag;            /**< 0xA5 at DCT offset 1753: finish what DFU wrote */
    /** System parts that must be there; the last one carries the bootloader. */
    struct vp_figure parts;
    struct vp_figure factory; /**< where its application is looked for; 0: in its area */
};

/** hal/src/stm32f2xx/ota_flash_hal_stm32f2xx.cpp, flash_mal.c, system_cloud.h. */
struct vp_update_rules {
    bool full_dependencies;    /**< an incoming part must suit the other parts, too */
    bool frees_slots;          /**< beginning an update forgets those that are pending */
    bool numbers_failures;     /**< by system_error.h; before, a failure is only that */
    struct vp_figure patience; /**< milliseconds of silence before a reset */
};

/** hal/src/stm32f2xx/bootloader.cpp; HAL_Core_Setup() in core_hal_stm32f2xx.c. */
struct vp_install_rules {
    enum vp_board_set on; /**< elsewhere the code is compiled out */
    enum vp_install_condition condition;
    bool resets; /**< and the chip is reset afterwards */
};

/** system_update.cpp, system_info.cpp; fetch_module() in hal/src/stm32/ota_module.cpp. */
struct vp_description_rules {
    bool skips_absent;         /**< places without a known module are left out */
    bool knows_unfit;          /**< a module that does not fit its slot is described all the same */
    bool skips_bad_factory;    /**< so is a factory application without a good CRC */
    unsigned dependencies;     /**< how many of the two are listed */
    bool lists_strange;        /**< also those of a function that nobody knows, as "_" */
    bool ends_with_underscore; /**< "_":"" at the end of each dependency */
    bool suffix_in_place;      /**< the SHA-256 is read where the module lies, not where it runs */
    bool modem_firmware;       /**< "cellfw" after "iccid" */
};

/** Who gets to hear what the serial port says. */
enum vp_port_opening {
    VP_PORT_ALWAYS_OPEN,      /**< nobody asks: what is not fetched in time is lost */
    VP_PORT_OPENS_BY_TRAFFIC, /**< any transfer opens it */
    VP_PORT_OPENS_BY_DTR,
};

struct vp_port_rules {
    enum vp_port_opening opening;
    uint16_t receive_room; /**< bytes that wait for somebody to read them */
    bool whole_packets;    /**< a packet is taken once the one before was read to its end */
};

/** When the receiver of a file learns whether it was any good. */
enum vp_ymodem_verdict {
    VP_VERDICT_NEVER,    /**< everything succeeds; the reset comes with the check */
    VP_VERDICT_IGNORED,  /**< everything succeeds; checked after the success was told */
    VP_VERDICT_AS_FLAGS, /**< before the last ACK; a failure is told as flags */
    VP_VERDICT_AS_ERROR, /**< before the last ACK; a failure is told as a negative number */
};

/** system/src/system_ymodem.cpp. */
struct vp_ymodem_rules {
    uint32_t byte_timeout;      /**< milliseconds to wait for a byte */
    bool counts_before_packets; /**< timeouts and noise count, and get a 'C', from the start on */
    bool space_is_answered;     /**< a space gets an ACK */
    enum vp_ymodem_verdict verdict;
    const char *chunk_failure; /**< what is said when a block can't be written */
};

/** system/src/system_setup.cpp. */
struct vp_console_rules {
    const char *commands;   /**< the letters that it knows ('w' on Wi-Fi boards only) */
    bool starts_by_packet;  /**< the first byte of a YMODEM packet starts the receiver */
    bool identifies_by_key; /**< 'i' lists all that the board knows of itself */
    /** Backup register that remembers 'L' across the reset; 0: it is forgotten. */
    uint8_t safe_listen_register;
    bool diagnostics_end_with_underscore;
};

/** The 'w' dialog. */
struct vp_wifi_rules {
    bool insists_on_ssid; /**< an empty line is asked for again */
    bool enterprise;      /**< choices 4 and 5 */
    bool always_ciphers;  /**< asks for the cipher even where there is none */
    bool checks_keys;     /**< passwords and certificates */
    const char *line_end; /**< of the line that names the device: with a blank before it or not */
};

struct vp_system_generation {
    uint16_t first; /**< first module version of the system parts; the next row ends it */
    bool composite; /**< USB: interface association, control interface, product names */
    enum vp_system_serial serial;
    enum vp_flags_store flags_store;
    bool second_dependency; /**< the second dependency of a module counts */
    const struct vp_start_rules *start;
    const struct vp_install_rules *install;
    const struct vp_update_rules *update;
    const struct vp_description_rules *description;
    const struct vp_port_rules *port;
    bool ymodem_by_speed; /**< 28800 baud starts the receiver, else listening mode */
    const struct vp_ymodem_rules *ymodem;
    const struct vp_console_rules *console;
    const struct vp_wifi_rules *wifi;
    struct vp_figure listening_timeout; /**< milliseconds; 0: none */
};

/** @return the row for a version of the system parts */
const struct vp_system_generation *vp_system_generation_find(uint16_t version);

#endif
