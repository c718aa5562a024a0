/**
 * @file generations.h
 * The bootloader's history as a table: what each generation does differently.
 */
#ifndef VP_BOOT_GENERATIONS_H
#define VP_BOOT_GENERATIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "dct/dct.h"
#include "dct/system_flags.h"
#include "vparticle/platform.h"

enum vp_dfu_serial {
    VP_DFU_SERIAL_CONSTANT, /**< "00000000010C" on every device; on the Core, folded from the id */
    VP_DFU_SERIAL_UPPER,    /**< device id, upper-case hexadecimal digits */
    VP_DFU_SERIAL_LOWER,    /**< device id, lower case */
};

/** What a DFU address selects its memory by. */
enum vp_dfu_routing {
    VP_DFU_BY_ADDRESS,   /**< the first memory that knows the address; the alternate is ignored */
    VP_DFU_BY_ALTERNATE, /**< the alternate setting */
};

/** What UPLOAD answers with where no memory can be read. */
enum vp_dfu_unreadable {
    VP_DFU_STALE_BUFFER, /**< whatever is in the request buffer: the last command and data */
    VP_DFU_ZEROS,        /**< zeros, which are left in the buffer too */
};

/** Whose code reads and writes the DCT. */
enum vp_dct_code {
    VP_DCT_OWN,           /**< the bootloader's */
    VP_DCT_OWN_READ_ONLY, /**< the bootloader's, whose writes never work */
    VP_DCT_ABSENT,        /**< there is no DCT */
    VP_DCT_OF_PART2,      /**< system part 2's, found at boot */
    VP_DCT_OF_PART2_ANEW  /**< the same, found anew after DFU wrote to a system part */
};

/** A string descriptor index past the table of strings: undefined behaviour of the firmware. */
enum vp_dfu_stray_string {
    VP_DFU_STRAY_LONG,  /**< 255 bytes of whatever is in memory */
    VP_DFU_STRAY_NONE,  /**< the data stage never comes */
    VP_DFU_STRAY_TWO,   /**< an empty string: 02 03 */
    VP_DFU_STRAY_FOUR,  /**< a string of one character: 04 03 4b 00 */
    VP_DFU_STRAY_FAULT, /**< a pointer to where nothing is: the processor faults */
};

enum vp_dfu_detach {
    VP_DFU_DETACH_RECONNECTS, /**< leaves the bus for some milliseconds: no status stage */
    VP_DFU_DETACH_UNSEEN,     /**< so short that the host sees a plain success */
};

/** How pending modules are copied. */
enum vp_boot_update {
    VP_UPDATE_COPY_THEN_ZERO, /**< one by one; the slot is zeroed when it was copied */
    VP_UPDATE_FREE_THEN_COPY, /**< all slots are freed, then all modules copied */
    VP_UPDATE_COPY_THEN_FREE, /**< one by one; the slot is freed when it was copied */
    VP_UPDATE_SERIAL_IMAGE,   /**< there are no slots: one image in the serial flash (the Core) */
};

/** What holding the button for longer than for DFU mode leads to. */
enum vp_boot_hold {
    VP_HOLD_NO_LOOK,        /**< factory reset, whether there is an application for it or not */
    VP_HOLD_FACTORY_OR_DFU, /**< the same if there is one, else DFU mode at once */
    VP_HOLD_SETTINGS_TOO,   /**< without one, the settings can still be cleared */
};

/** When the watchdog runs since the jump to the application. */
enum vp_boot_watchdog {
    VP_WATCHDOG_BY_FLAG,              /**< if the flag is set */
    VP_WATCHDOG_BY_FLAG_AND_FIRMWARE, /**< if the flag is set and the firmware knows where it is */
    VP_WATCHDOG_ALWAYS,
};

/** How it boots. */
struct vp_boot_rules {
    enum vp_boot_update update;
    enum vp_boot_hold hold;
    enum vp_boot_watchdog watchdog;
    bool safe_request;    /**< safe mode can be asked for in backup register 1 */
    bool fast_while_held; /**< green and white blink fast while the button is still held */
};

/** What DFU mode shows of itself. */
struct vp_dfu_identity {
    uint16_t device_release; /**< bcdDevice */
    const char *manufacturer;
    bool product_of_board; /**< else "Photon DFU Mode" on every board */
    enum vp_dfu_serial serial;
    const char *configuration_string; /**< string 4 */
    const char *interface_string;     /**< string 5 */
    bool microsoft_os;                /**< WCID: string 0xEE and vendor request 0xEE */
    uint8_t interface_limit;          /**< highest interface number that requests may name */
    bool manifest_shown; /**< the Core's leaving GETSTATUS says dfuMANIFEST, as the standard has it
                          */
};

/** How DFU treats memory, and how it tells of it. */
struct vp_dfu_rules {
    enum vp_dfu_routing routing;
    bool failure_stalls;              /**< a failed erase or write stalls the status stage */
    bool verifies;                    /**< a write is read back, and fails if it differs */
    bool poll_sticks;                 /**< bwPollTimeout keeps its last value */
    bool configuration_clears_status; /**< SET_CONFIGURATION sets bStatus to OK */
    uint16_t flash_poll_ms;           /**< bwPollTimeout for internal flash */
    enum vp_dfu_unreadable unreadable;
};

struct vp_boot_generation {
    uint16_t first; /**< the first version that behaves so; the next row ends it */
    const struct vp_dfu_identity *identity;
    const struct vp_dfu_rules *dfu;
    const struct vp_boot_rules *rules;
    enum vp_dfu_stray_string stray_string;
    uint16_t leave_ms; /**< from the leaving GETSTATUS to the reset; 0: inside of it */
    enum vp_dfu_detach detach;
    enum vp_dct_code dct_code;
    enum vp_dct_version dct_version;
    enum vp_flags_store flags_store;
    uint32_t factory; /**< INTERNAL_FLASH_FAC_ADDRESS: where it was built to find the application */
};

/** @return the board's row for a bootloader version; the oldest one for versions before it */
const struct vp_boot_generation *vp_boot_generation_find(enum vp_platform platform,
                                                         uint16_t version);

#endif
