/**
 * @file generations.h
 * The bootloader's history as a table: what each generation does differently.
 */
#ifndef VP_BOOT_GENERATIONS_H
#define VP_BOOT_GENERATIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "dct/system_flags.h"

enum vp_dfu_serial {
    VP_DFU_SERIAL_CONSTANT, /**< "00000000010C" on every device */
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
    VP_DCT_OWN,          /**< the bootloader's */
    VP_DCT_OF_PART2,     /**< system part 2's, found at boot */
    VP_DCT_OF_PART2_ANEW /**< the same, found anew after DFU wrote to a system part */
};

/** A string descriptor index past the table of strings: undefined behaviour of the firmware. */
enum vp_dfu_stray_string {
    VP_DFU_STRAY_LONG, /**< 255 bytes of whatever is in memory */
    VP_DFU_STRAY_NONE, /**< the data stage never comes */
    VP_DFU_STRAY_TWO,  /**< an empty string: 02 03 */
    VP_DFU_STRAY_FOUR, /**< a string of one character: 04 03 4b 00 */
};

enum vp_dfu_leave {
    VP_DFU_LEAVE_AT_ONCE, /**< resets inside the GETSTATUS */
    VP_DFU_LEAVE_LATER,   /**< 499 ms after it */
};

enum vp_dfu_detach {
    VP_DFU_DETACH_RECONNECTS, /**< leaves the bus for some milliseconds: no status stage */
    VP_DFU_DETACH_UNSEEN,     /**< so short that the host sees a plain success */
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
    const struct vp_dfu_rules *rules;
    enum vp_dfu_stray_string stray_string;
    enum vp_dfu_leave leave;
    enum vp_dfu_detach detach;
    enum vp_dct_code dct_code;
    enum vp_flags_store flags_store;
};

/** @return the row for a bootloader version; the oldest one for versions before it */
const struct vp_boot_generation *vp_boot_generation_find(uint16_t version);

#endif
