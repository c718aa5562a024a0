/**
 * @file boot.h
 * What the bootloader does after a reset: its decision between DFU mode and the application.
 *
 * Source: bootloader/src/main.c @ v0.5.2 and v0.7.0. Not here yet: pending modules and factory
 * reset, so a button held longer than for DFU mode stays at DFU mode, as it does on a device
 * without a factory image.
 */
#ifndef VP_BOOT_H
#define VP_BOOT_H

#include <stdbool.h>
#include <stdint.h>

#include "board/board.h"
#include "boot/generations.h"
#include "dct/system_flags.h"
#include "vparticle/flash.h"

/** Backup register 1: what the running firmware asks of the bootloader. */
enum {
    VP_BOOT_REQUEST_DFU = 0xEDFA,
    VP_BOOT_REQUEST_SAFE_MODE = 0x5AFE,
    VP_BOOT_REQUEST_NONE = 0xFFFF,
};

/** RCC_CSR after each kind of reset (RM0033 section 5.3.21); the first as measured. */
enum vp_reset_cause {
    VP_RESET_POWER = 0x0E000000,    /**< power-on, brown-out and pin */
    VP_RESET_PIN = 0x04000000,      /**< the reset pin */
    VP_RESET_SOFTWARE = 0x14000000, /**< software, which pulls the pin too */
};

/** Milliseconds that the SETUP/MODE button is held from reset on. */
enum {
    VP_BOOT_HOLD_SAFE_MODE = 1000,
    VP_BOOT_HOLD_DFU = 3000,
};

enum vp_boot_decision { VP_BOOT_APPLICATION, VP_BOOT_DFU };

/** What the bootloader works on; everything belongs to the caller. */
struct vp_boot {
    const struct vp_board *board;
    struct vp_flash *flash;
    struct vp_backup_registers *backup;
    const struct vp_boot_generation *generation; /**< out: of the bootloader in flash */
    uint16_t version;                            /**< out: its version; 0 if there is none */
};

/**
 * First things after a reset: find out which bootloader is in flash, load the system flags,
 * note version and reset cause in them, clear the safe-mode flag.
 * @return 0, VP_ERROR_NOT_FOUND if there is no bootloader (the processor hangs), or an error of
 *         vp_dct_write()
 */
int vp_boot_begin(struct vp_boot *boot, enum vp_reset_cause cause);

/**
 * Decide, after the button was held for @p held_ms milliseconds (0: not pressed).
 * Consumes the request in backup register 1 and sets the safe-mode flag if that is the outcome.
 */
enum vp_boot_decision vp_boot_decide(struct vp_boot *boot, uint32_t held_ms);

/**
 * Finish_Update(): what leaving DFU mode writes before it resets the chip (hw_config.c @ v0.5.2):
 * watchdog on before the next jump, update finished.
 */
int vp_boot_finish_update(struct vp_boot *boot);

/**
 * The check before the jump (FLASH_isUserModuleInfoValid, flash_mal.c @ v0.7.0): the header's
 * start address, end address and platform. No CRC.
 */
bool vp_boot_application_valid(const struct vp_flash *flash, const struct vp_board *board);

#endif
