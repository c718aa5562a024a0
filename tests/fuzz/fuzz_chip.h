/** @file fuzz_chip.h Chips with releases in them, made once and forked for each input. */
#ifndef VP_FUZZ_CHIP_H
#define VP_FUZZ_CHIP_H

#include "system/system.h"

struct fuzz_chip {
    const struct vp_board *board;
    struct vp_flash *before, *flash, *external;
    struct vp_backup_registers backup;
    struct vp_networks networks;
    struct vp_system system;
};

/** Start the system of one of the boards and releases that @p choice names. */
void fuzz_chip_start(struct fuzz_chip *chip, uint8_t choice);

/**
 * Stop if a byte changed outside of what the running system may write: OTA area, DCT, and the
 * bootloader's place if there is a whole bootloader afterwards.
 */
void fuzz_chip_check(const struct fuzz_chip *chip);

void fuzz_chip_free(struct fuzz_chip *chip);

#endif
