/**
 * @file forge.h
 * Makes modules that are right in every byte that a bootloader, system firmware or tool looks
 * at: header, vector table, suffix, SHA-256, CRC-32. What lies between is filler that depends only
 * on the recipe, not code.
 */
#ifndef VPARTICLE_FORGE_H
#define VPARTICLE_FORGE_H

#include "vparticle/catalogue.h"

enum { VP_MODULE_TEXT_LIMIT = 64 };

/** What to make. */
struct vp_module_recipe {
    enum vp_platform platform;
    uint16_t version;
    uint8_t function, index;
    struct vp_module_dependency dependencies[2];
    uint32_t address;       /**< where it is loaded: the header's start */
    uint32_t size;          /**< bytes with suffix and CRC */
    uint32_t header_offset; /**< 0, or 0x10C, 0x184 with a vector table before it */
    uint16_t product_id, product_version;
    /** A bootloader image that the module carries (at a multiple of 16 after the header), or NULL.
     */
    const uint8_t *embedded;
    size_t embedded_size;
    /** A text that the module holds behind its header, or NULL: a monolithic image before 0.7.0
     *  tells its release by nothing else. At most VP_MODULE_TEXT_LIMIT bytes. */
    const char *text;
};

/**
 * Make the image of a recipe.
 * @param[out] image  owned by the caller: free()
 * @param[out] size   its bytes
 * @return 0, VP_ERROR_INVALID (no room for header, suffix or what is embedded), VP_ERROR_NO_MEMORY
 */
int vp_forge_module(const struct vp_module_recipe *recipe, uint8_t **image, size_t *size);

/**
 * Make the image of a catalogue row, with the bootloader that it embeds. As in real images, user
 * parts carry their platform and version as product, all others 0xFFFF.
 * @return as vp_forge_module()
 */
int vp_forge_catalogue_module(const struct vp_catalogue_module *module, uint8_t **image,
                              size_t *size);

/**
 * The row that a person names by "PART@VERSION", where VERSION is a release or a module version:
 * "system-part1@0.6.3", "system-part1@109", "bootloader@11", "tinker@0.5.2". A bootloader by
 * release is the one that a device updated to that release has.
 * @return 0, or VP_ERROR_NOT_FOUND or VP_ERROR_INVALID with @p failure naming the nearest known
 */
int vp_forge_find(enum vp_platform platform, const char *part_at_version,
                  const struct vp_catalogue_module **module, struct vp_failure *failure);

/* ---- Monolithic firmware ----------------------------------------------------------- */

/**
 * The system version of a release that can be built as one image for the platform: a modular
 * board's releases; for the Core those that the Photon had, up to 1.4.4, except for a few.
 * @return 0 if there is none of that name
 */
uint16_t vp_monolithic_version(enum vp_platform platform, const char *release);

/** The newest of them. Never NULL. */
const char *vp_monolithic_newest(enum vp_platform platform);

/** The known one nearest in spelling to @p release. */
const char *vp_monolithic_nearest(enum vp_platform platform, const char *release);

/**
 * Make a monolithic image: system and user application in one, function 3, no dependencies; module
 * version 0 before 0.7.0, as in main/import.mk.
 * @return 0, VP_ERROR_NOT_FOUND (no such release), VP_ERROR_NO_MEMORY
 */
int vp_forge_monolithic(enum vp_platform platform, const char *release, uint8_t **image,
                        size_t *size);

/* ---- Into flash ------------------------------------------------------------------ */

/**
 * Program what a device has that was updated to @p release: bootloader, system parts, tinker.
 * @param flash       erased where modules go
 * @param bootloader  version, or 0 for the release's own
 * @return 0, VP_ERROR_NOT_FOUND (no such release or bootloader for the platform; @p failure names
 *         the nearest), VP_ERROR_FLASH, VP_ERROR_NO_MEMORY
 */
int vp_module_install_release(struct vp_flash *flash, enum vp_platform platform,
                              const char *release, uint16_t bootloader, struct vp_failure *failure);

/**
 * Program what a device has that runs @p release as one image: bootloader and image, and on the
 * Core the same image as factory application in the serial flash.
 * @param external    the serial flash, or NULL
 * @param bootloader  version, or 0 for the release's own
 * @return as vp_module_install_release()
 */
int vp_module_install_monolithic(struct vp_flash *flash, struct vp_flash *external,
                                 enum vp_platform platform, const char *release,
                                 uint16_t bootloader, struct vp_failure *failure);

/** Program only a bootloader, of any version in the catalogue. Errors as above. */
int vp_module_install_bootloader(struct vp_flash *flash, enum vp_platform platform,
                                 uint16_t version, struct vp_failure *failure);

#endif
