/** @file system_chip.h A chip with a release in it, and the system that runs on it, for tests. */
#ifndef VP_SYSTEM_CHIP_H
#define VP_SYSTEM_CHIP_H

#include "system/system.h"
#include "system/update/update.h"
#include "vparticle/forge.h"

struct chip {
    const struct vp_board *board;
    struct vp_flash *flash, *external;
    struct vp_backup_registers backup;
    struct vp_networks networks;
    struct vp_system system;
};

/** Erased but for a release and (0: its own) a bootloader, whose flags are written. */
void chip_make(struct chip *chip, enum vp_platform platform, const char *release,
               uint16_t bootloader);

/** Erased, with serial flash where the board has one. */
void chip_make_erased(struct chip *chip, enum vp_platform platform);

void chip_free(struct chip *chip);

/** What each bootloader does at every start: it writes the flags where it keeps them. */
void chip_write_flags(struct chip *chip, uint8_t startup_mode);

uint16_t chip_bootloader(const struct chip *chip);

/** Start the system. @return its state */
enum vp_system_state chip_start(struct chip *chip);

/** Start it, and enter listening mode with the port open. */
void chip_listen(struct chip *chip);

/** Erase its sectors and program an image. */
void chip_program(struct chip *chip, uint32_t address, const uint8_t *image, size_t size);

/** Forge "system-part2@0.6.3" and program it where it belongs. */
void chip_install(struct chip *chip, const char *part_at_version);

/** Forge a module. @return image, to be freed */
uint8_t *chip_forge(enum vp_platform platform, const char *part_at_version, size_t *size);

/** Make the CRC of an image right again after a change. */
void chip_mend_crc(uint8_t *image, size_t size);

/** Say something to the serial port; all of it must be taken. */
void chip_say(struct chip *chip, const char *text);
void chip_send(struct chip *chip, const void *bytes, size_t count);

/** All that it says, as a text; valid until the next call. */
const char *chip_hear(struct chip *chip);

/** Let time pass until it only waits for others. */
void chip_settle(struct chip *chip);

#endif
