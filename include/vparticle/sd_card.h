/**
 * @file sd_card.h
 * An SD card with modules, and an application on the device that copies them into the OTA area one
 * after the other: after each the device restarts, and the application goes on with the next.
 *
 * The application is that of rickkas7/sdfirmwareflash (sdfirmwareflash.cpp), which calls the
 * system's own Spark_Prepare_, Spark_Save_ and Spark_Finish_Firmware_Update(): what is checked, and
 * what comes of it, is as with an update over the air. It is taken for granted that whatever
 * application runs on the device does this; none runs in safe mode.
 */
#ifndef VPARTICLE_SD_CARD_H
#define VPARTICLE_SD_CARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vparticle/device.h"

enum { VP_SD_FILES = 4 };

/** system1.bin, system2.bin, system3.bin, firmware.bin: the files that the application looks for,
 *  in its order. Those that are not there are passed over. */
extern const char *const vp_sd_file_names[VP_SD_FILES];

struct vp_sd_card;

/**
 * Put a card into the slot: the files in a folder are its contents.
 * @param[out] card  owned by the caller: vp_sd_card_remove()
 * @return 0, VP_ERROR_NOT_FOUND (the folder has none of the files), VP_ERROR_RANGE (a file is
 *         larger than any flash), VP_ERROR_IO, VP_ERROR_NO_MEMORY; with @p failure
 */
int vp_sd_card_insert(struct vp_sd_card **card, const char *folder, struct vp_failure *failure);

/** NULL is allowed. A card that is inserted again is copied from its first file on. */
void vp_sd_card_remove(struct vp_sd_card *card);

/** What came of a file. */
struct vp_sd_copy {
    const char *file;         /**< one of vp_sd_file_names */
    unsigned checked, result; /**< enum vp_module_check: it passed if they are equal */
    bool accepted;            /**< the bootloader copied it, or it was a bootloader */
};

/**
 * The application looks at the card (every 30 s of the device's time, which is not waited for) and
 * copies the next file. Then the device restarts, whatever the file was worth, as after every
 * update.
 * @return 1: a file was copied; 0: nothing is left; VP_ERROR_BUSY: no application runs;
 *         VP_ERROR_RANGE: the next file is larger than the OTA area, and stays the next one;
 *         VP_ERROR_FLASH
 */
int vp_sd_card_copy(struct vp_sd_card *card, struct vp_device *device, struct vp_sd_copy *copy);

#endif
