/**
 * @file catalogue.h
 * The release catalogue: which modules a release of Device OS has, and what is known of each.
 *
 * Generated at build time from emulator/module/releases.tsv and bootloaders.tsv, which name their
 * sources row by row. All that is returned is constant and lives as long as the program.
 */
#ifndef VPARTICLE_CATALOGUE_H
#define VPARTICLE_CATALOGUE_H

#include "vparticle/module.h"

/** How well a row is known; see the head of releases.tsv. */
enum vp_catalogue_status { VP_KNOWN_VERIFIED, VP_KNOWN_SOURCE, VP_KNOWN_DERIVED };

enum {
    VP_EMBEDDED_NONE = 0,         /**< known to carry no bootloader */
    VP_EMBEDDED_UNKNOWN = 0xFFFF, /**< nothing is known about it */
};

/** One build of one module. */
struct vp_catalogue_module {
    enum vp_platform platform;
    const char *release; /**< "0.5.2", "1.0.0-no-boot-dep", "1.1.0+debug", "app" or "image" */
    const char *part;    /**< by file name: "system-part1", "bootloader", "tinker", "doctor", ... */
    uint16_t version;    /**< module version */
    uint8_t function, index;
    struct vp_module_dependency dependencies[2];
    uint32_t size;                /**< bytes of the file; 0 if no binary was seen */
    uint32_t address;             /**< where it is loaded */
    uint32_t header_offset;       /**< 0, 0x10C or 0x184 */
    uint16_t embedded_bootloader; /**< version, or VP_EMBEDDED_NONE, VP_EMBEDDED_UNKNOWN */
    enum vp_catalogue_status status;
    const char *source;
};

/** How a device comes by the bootloader of a release. */
enum vp_bootloader_origin {
    VP_BOOTLOADER_EMBEDDED, /**< the system firmware installs it */
    VP_BOOTLOADER_SHIPPED,  /**< published beside the parts */
    VP_BOOTLOADER_KEPT,     /**< the release has none: that of the last one that did stays */
};

/** A release that has system parts for a platform. */
struct vp_catalogue_release {
    enum vp_platform platform;
    const char *name;
    uint16_t version;    /**< module version of all its system parts */
    uint16_t bootloader; /**< version that a device updated to this release has */
    enum vp_bootloader_origin bootloader_origin;
    enum vp_catalogue_status bootloader_status;
    const struct vp_catalogue_module *modules; /**< its own rows, in a row */
    unsigned module_count;
};

/**
 * The releases of a platform, oldest first, pre-releases before their release.
 * @param[out] count  0 for a platform without modular releases (the Core)
 */
const struct vp_catalogue_release *vp_catalogue_releases(enum vp_platform platform,
                                                         unsigned *count);

/** Release by name ("0.5.2"; a "+lto" at the end is ignored), or NULL. */
const struct vp_catalogue_release *vp_catalogue_find_release(enum vp_platform platform,
                                                             const char *name);

/**
 * Release by the module version of its system parts, or NULL. Where several share it, the one
 * whose name has no suffix, else the newest.
 */
const struct vp_catalogue_release *vp_catalogue_release_by_version(enum vp_platform platform,
                                                                   uint16_t version);

/** The known release nearest in spelling to @p name, for error messages; NULL if there is none. */
const char *vp_catalogue_nearest_release(enum vp_platform platform, const char *name);

/** All rows of a platform, "app" and "image" last. */
const struct vp_catalogue_module *vp_catalogue_modules(enum vp_platform platform, unsigned *count);

/** The row of @p release for a file name part ("system-part2", "tinker"), or NULL. */
const struct vp_catalogue_module *vp_catalogue_part(const struct vp_catalogue_release *release,
                                                    const char *part);

/**
 * Bootloader of a version: a row read from a real binary if there is one. NULL if the platform
 * never had that version.
 */
const struct vp_catalogue_module *vp_catalogue_bootloader(enum vp_platform platform,
                                                          uint16_t version);

/**
 * The user application that a device with @p release runs in this emulator: the release's own
 * tinker, else that of the release it is a build of, else the platform's oldest tinker.
 */
const struct vp_catalogue_module *vp_catalogue_tinker(const struct vp_catalogue_release *release);

/**
 * Bytes of the file, or if no binary was seen those of the nearest row of the same part and
 * platform that has a size. Never 0.
 */
uint32_t vp_catalogue_nominal_size(const struct vp_catalogue_module *module);

#endif
