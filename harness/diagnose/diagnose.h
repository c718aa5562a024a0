/**
 * @file diagnose.h
 * Why does a device not run its application, and what would cure it? Every cure that is named was
 * tried on an emulated device.
 */
#ifndef VP_DIAGNOSE_H
#define VP_DIAGNOSE_H

#include <stddef.h>

#include "vparticle/catalogue.h"
#include "vparticle/device.h"

enum { VP_FINDINGS = 32, VP_CURES = 2, VP_CURE_STEPS = 8 };

/** What was found, in plain words; a line each. */
struct vp_findings {
    char lines[VP_FINDINGS][256];
    unsigned count;
};

/**
 * What to flash, in this order: first all that goes by DFU, then what goes over serial, for which
 * the system has to run.
 */
struct vp_cure {
    const struct vp_catalogue_module *steps[VP_CURE_STEPS];
    unsigned count;
    char words[256]; /**< what it is, in a sentence */
};

/** The mode that a device must be in for a step. DFU cannot write a bootloader: VP_MODE_LISTENING;
 *  all else: VP_MODE_DFU. */
enum vp_mode vp_step_mode(const struct vp_catalogue_module *step);

struct vp_diagnosis {
    enum vp_platform platform;
    enum vp_mode mode; /**< that the device comes up in */
    struct vp_findings findings;
    /** Each by itself was tried: with it the device comes up in mode normal. The smallest comes
     *  first; there is a second where a person may well prefer it. */
    struct vp_cure cures[VP_CURES];
    unsigned cure_count;
};

/**
 * Look at a device by what is in its flash.
 * @param flash  is not changed
 * @return 0 or VP_ERROR_NO_MEMORY
 */
int vp_diagnose(const struct vp_flash *flash, enum vp_platform platform,
                struct vp_diagnosis *diagnosis);

/* ---- For the files of this room ----------------------------------------------------------- */

/** The modules that are in the slots of a flash. */
struct vp_contents {
    enum vp_platform platform;
    const struct vp_flash *flash;
    const struct vp_module_slot *slots;
    unsigned slot_count;
    struct vp_module modules[8]; /**< of those slots that hold one */
    bool present[8];
    bool safe_for_good; /**< vp_device_is_safe_for_good() of a device with this flash */
};

void vp_contents_read(struct vp_contents *contents, const struct vp_flash *flash,
                      enum vp_platform platform);

/** @return the installed module, or NULL */
const struct vp_module *vp_contents_find(const struct vp_contents *contents, uint8_t function,
                                         uint8_t index);

/** @return the system part that decides what the system is, or NULL */
const struct vp_module *vp_contents_system(const struct vp_contents *contents);

/** All that is wrong with the modules themselves, and between system and bootloader. */
void vp_findings_of(struct vp_findings *findings, const struct vp_contents *contents);

/** "system part 2", "the bootloader", "the application". */
void vp_module_words(char *text, size_t size, uint8_t function, uint8_t index);

/** "108 (0.6.2)" for system parts, else "11". */
void vp_version_words(char *text, size_t size, enum vp_platform platform, uint8_t function,
                      uint16_t version);

/** Which mode a device with this flash comes up in. @return 0 or VP_ERROR_NO_MEMORY */
int vp_mode_with(const struct vp_flash *flash, enum vp_platform platform, enum vp_mode *mode);

/**
 * Would holding the button bring a device with this flash into DFU mode (together with a reset) or
 * into listening mode?
 * @return 0 or VP_ERROR_NO_MEMORY
 */
int vp_button_reaches(const struct vp_flash *flash, enum vp_platform platform, enum vp_mode mode,
                      bool *reached);

/** Look for the smallest thing to flash that brings the application back. @return as above */
int vp_find_cures(const struct vp_contents *contents, struct vp_diagnosis *diagnosis);

#endif
