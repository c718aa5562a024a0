/**
 * @file module.h
 * The module format of Device OS for Gen 2: bootloader, system parts, user applications.
 *
 * An image starts with a vector table or with its header, and ends with a suffix and a CRC:
 *
 *     header   24 bytes at 0x184, 0x10C or 0 (dynalib/inc/module_info.h @ v0.7.0)
 *     suffix   ... reserved u16, SHA-256, suffix size u16 (build/module.mk @ v0.7.0)
 *     CRC-32   u32, big endian, at the header's end address
 *
 * All numbers but the CRC are little endian. Nothing read from an image is trusted: every length
 * is checked against the bytes that are there.
 */
#ifndef VPARTICLE_MODULE_H
#define VPARTICLE_MODULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vparticle/error.h"
#include "vparticle/flash.h"
#include "vparticle/platform.h"

/** dynalib/inc/module_info.h @ v0.7.0, module_function_t. */
enum vp_module_function {
    VP_MODULE_NONE = 0,
    VP_MODULE_RESOURCE = 1,
    VP_MODULE_BOOTLOADER = 2,
    VP_MODULE_MONOLITHIC = 3,
    VP_MODULE_SYSTEM = 4,
    VP_MODULE_USER = 5,
    VP_MODULE_SETTINGS = 6,
};

/** Index of the system part by whose version the system's is told, on all boards. */
enum { VP_MODULE_MAIN_PART = 2 };

enum {
    VP_MODULE_HEADER_SIZE = 24,
    VP_MODULE_CRC_SIZE = 4,
    /** Where the header is: after the vector table of an STM32F2xx (97 words). */
    VP_MODULE_HEADER_F205 = 0x184,
    /** After the vector table of the Core's STM32F103 (67 words). */
    VP_MODULE_HEADER_F103 = 0x10C,
    /** Suffix sizes: the first images (2015) had no product fields. */
    VP_MODULE_SUFFIX_SIZE_2015 = 36,
    VP_MODULE_SUFFIX_SIZE = 40,
};

/** "needs FUNCTION INDEX in at least VERSION"; function VP_MODULE_NONE: no dependency. */
struct vp_module_dependency {
    uint8_t function, index;
    uint16_t version;
};

/** A module as its header and suffix describe it. */
struct vp_module {
    uint32_t header_offset; /**< where the header was found in the image */

    /* The header, offsets 0 to 23. */
    uint32_t start, end; /**< end is exclusive; the CRC is stored there */
    uint8_t reserved, flags;
    uint16_t version, platform;
    uint8_t function, index;
    struct vp_module_dependency dependencies[2]; /**< the second exists since 0.7.0-rc.1 */

    /* The suffix; all 0 if only the header was read. */
    uint16_t suffix_size;                 /**< with SHA-256 and size, without CRC; 36 or 40 */
    uint16_t product_id, product_version; /**< 0xFFFF where suffix_size is 36 */
    uint8_t sha256[32];                   /**< as stored */
    uint32_t crc;                         /**< as stored */
};

/** Bytes of the whole image with its CRC: end - start + 4. Only for a parsed module. */
uint32_t vp_module_size(const struct vp_module *module);

/** "bootloader", "system part", "user part", ... "function 9" has no name: returns NULL. */
const char *vp_module_function_name(uint8_t function);

/** "photon", "p1", "electron", "core", or NULL for any other id. */
const char *vp_platform_name(uint16_t platform);

/**
 * @param[out] platform  set on success
 * @return 0, or VP_ERROR_NOT_FOUND if @p name is none of the four names
 */
int vp_platform_from_name(const char *name, enum vp_platform *platform);

/**
 * True if an image's first word is a stack pointer, so that a vector table precedes its header
 * (FLASH_ModuleInfo, flash_mal.c @ v0.7.0: (word & 0x2FF10000) == 0x20000000).
 */
bool vp_module_has_vector_table(uint32_t first_word);

/**
 * Parse an image file. The header is looked for where the first word says, its addresses must
 * agree with @p length, and the suffix must be one of the two known ones. Nothing else is
 * checked: that is what vp_module_integrity() and vp_module_validate() are for.
 * @return 0, or VP_ERROR_INVALID with @p failure saying what does not fit
 */
int vp_module_parse(const uint8_t *bytes, size_t length, struct vp_module *module,
                    struct vp_failure *failure);

/**
 * Read the header of whatever is in flash at @p address, exactly as the firmware does: with no
 * check at all. Erased flash gives a header of ones. The suffix fields stay 0.
 * @return 0, or VP_ERROR_RANGE if a header there would leave the chip
 */
int vp_module_read_header(const struct vp_flash *flash, uint32_t address, struct vp_module *module);

/**
 * Parse the module in flash at @p address: its header must say that it starts there and it must
 * end within the chip. (A header after the vector table of an STM32F103 is not looked for.)
 * @return 0, VP_ERROR_NOT_FOUND (erased: the header is all ones), VP_ERROR_INVALID,
 *         VP_ERROR_RANGE; each with @p failure saying why
 */
int vp_module_parse_flash(const struct vp_flash *flash, uint32_t address, struct vp_module *module,
                          struct vp_failure *failure);

/* ---- Checks ---------------------------------------------------------------------- */

/**
 * Results of checks; the values are the firmware's (hal/inc/ota_flash_hal.h @ v0.7.0) but for
 * VP_CHECK_SHA256, which no Gen 2 firmware looks at.
 */
enum vp_module_check {
    VP_CHECK_INTEGRITY = 0x02,         /**< the CRC-32 */
    VP_CHECK_DEPENDENCIES = 0x04,      /**< what the module needs is installed */
    VP_CHECK_RANGE = 0x08,             /**< its function and index have a slot and it ends in it */
    VP_CHECK_PLATFORM = 0x10,          /**< it was built for this board */
    VP_CHECK_PRODUCT = 0x20,           /**< never set on Gen 2 */
    VP_CHECK_DEPENDENCIES_FULL = 0x40, /**< what is installed does not need another version of it */
    VP_CHECK_SHA256 = 0x100,           /**< the SHA-256 in the suffix */
};

/**
 * Compare CRC-32 and SHA-256 of an image with what it stores.
 * @param module  parsed from these @p bytes
 * @return VP_CHECK_INTEGRITY and VP_CHECK_SHA256, each if right; 0 if @p length is too short
 */
unsigned vp_module_integrity(const uint8_t *bytes, size_t length, const struct vp_module *module);

/** The same for the module in flash at @p address; 0 if it leaves the chip. */
unsigned vp_module_integrity_flash(const struct vp_flash *flash, uint32_t address,
                                   const struct vp_module *module);

/** Read CRC-32 and SHA-256 of the module in flash at @p address from where the header of @p module
 *  says its end is, whatever the suffix says of itself. @return 0, or VP_ERROR_RANGE */
int vp_module_read_sums(const struct vp_flash *flash, uint32_t address, struct vp_module *module);

/**
 * Only the CRC-32 over end - start bytes from @p address, as the firmware checks it. Needs no
 * suffix, so a module from vp_module_read_header() will do.
 */
bool vp_module_crc_matches(const struct vp_flash *flash, uint32_t address,
                           const struct vp_module *module);

/** Where a module of this function and index belongs. */
struct vp_module_slot {
    const char *name; /**< "bootloader", "user", or the part's file name: "system-part1" */
    uint8_t function, index;
    uint32_t start, limit; /**< limit is exclusive */
};

/**
 * The slots of a platform under the modular system firmware with module version
 * @p system_version (0: the newest), in order of address. Scratch and factory areas are not slots.
 * Sources: hal/src/photon/ota_flash_hal.cpp @ v0.4.6 to v0.6.4, hal/src/electron/ota_flash_hal.cpp,
 * ota_module_bounds.c @ v0.7.0.
 * @param[out] count  number of slots
 * @return static table, NULL for a platform without modules (the Core)
 */
const struct vp_module_slot *vp_module_slots(enum vp_platform platform, uint16_t system_version,
                                             unsigned *count);

/** The slots of a device with one monolithic firmware (also the Core). Never NULL. */
const struct vp_module_slot *vp_module_monolithic_slots(enum vp_platform platform, unsigned *count);

/**
 * The platform that the modules in a flash of 1 MiB were built for, from the bootloader on.
 * @return 0, or VP_ERROR_NOT_FOUND if there is no module at any place where a board keeps one
 */
int vp_module_flash_platform(const struct vp_flash *flash, enum vp_platform *platform);

/** The slots that the firmware in this flash has: monolithic ones, or those of its version. */
const struct vp_module_slot *vp_module_flash_slots(const struct vp_flash *flash,
                                                   enum vp_platform platform, unsigned *count);

/** A place for a module that does not run from it. */
struct vp_module_area {
    uint32_t start, limit; /**< limit is exclusive */
    bool external;         /**< in the serial flash, whose addresses begin at 0 */
};

/** Where a system firmware keeps modules besides those in its slots. */
struct vp_module_areas {
    struct vp_module_area ota;     /**< what is being received */
    struct vp_module_area factory; /**< the application that a factory reset restores */
};

/**
 * The areas of a platform under the system firmware with module version @p system_version (0: the
 * newest). They may overlap each other: on Photon and P1 the factory application lies in the OTA
 * area's upper half.
 * @param monolithic  the firmware is one image; always so on the Core
 * @return static table, never NULL
 */
const struct vp_module_areas *vp_module_areas(enum vp_platform platform, uint16_t system_version,
                                              bool monolithic);

/** What a firmware's check of a module depends on. */
struct vp_module_rules {
    enum vp_platform platform;
    const struct vp_module_slot *slots;
    unsigned slot_count;
    const struct vp_module *installed; /**< modules that are in flash */
    unsigned installed_count;
    bool dependency2; /**< the second dependency counts: system 0.7.0-rc.1 (200) and later */
    /** Over the air or by YMODEM: a bootloader named by the second dependency, and all
     *  dependencies of a user part, are not looked at. */
    bool incoming;
    bool full; /**< also VP_CHECK_DEPENDENCIES_FULL: 0.5.3-rc.1 and later, incoming only */
};

/**
 * Is @p dependency met by @p installed? The header's version must be at least the one named;
 * neither its CRC nor its own dependencies count. VP_MODULE_NONE is always met.
 */
bool vp_module_dependency_met(const struct vp_module_dependency *dependency,
                              const struct vp_module *installed, unsigned installed_count);

/**
 * What the firmware's fetch_module() finds (hal/src/stm32/ota_module.cpp @ v0.7.0).
 * @param integrity  VP_CHECK_INTEGRITY or 0, plus others which are ignored
 * @return flags of enum vp_module_check; 0 if there is no slot for the module or it does not end in
 *         its slot: then the firmware drops it and looks no further
 */
unsigned vp_module_validate(const struct vp_module *module, unsigned integrity,
                            const struct vp_module_rules *rules);

/** The checks that make up a pass under @p rules: a module passes if it has them all. */
unsigned vp_module_checks_needed(const struct vp_module_rules *rules);

#endif
