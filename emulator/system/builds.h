/**
 * @file builds.h
 * What the system firmware is built with for a board, in all releases: the `#if`s of its source as
 * a table. What changes from release to release is in generations.h.
 */
#ifndef VP_SYSTEM_BUILDS_H
#define VP_SYSTEM_BUILDS_H

#include <stdbool.h>
#include <stdint.h>

#include "vparticle/platform.h"

/** The 'w' dialog of a board with Wi-Fi. */
struct vp_wifi_build {
    bool enterprise;         /**< WPA Enterprise, in generations that have it */
    bool asks_cipher;        /**< of WPA and WPA2 */
    bool checks_keys;        /**< passwords and certificates, in generations that do */
    const char *wep_warning; /**< or NULL */
    const char *saving, *look_for;
};

struct vp_system_build {
    enum vp_platform platform;
    /** A modem: its numbers are keys of the description, its credentials are in the SIM card, and
     *  the cloud is spoken to over UDP. */
    bool cellular;
    bool receives_files;              /**< YMODEM */
    const char *your_id_is;           /**< 'i', where there are no keys */
    const struct vp_wifi_build *wifi; /**< NULL: none */
};

/** @return the board's row */
const struct vp_system_build *vp_system_build_find(enum vp_platform platform);

#endif
