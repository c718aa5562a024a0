/**
 * @file system_flags.h
 * The system flags: 32 bytes by which bootloader and system talk to each other across a reset.
 *
 * They are at offset 0 of the DCT's application section up to bootloader 11 and system 0.6.x,
 * and in backup registers DR4 to DR9 from bootloader 100 and system 0.7.0 on
 * (system_flags_impl.c @ v0.7.0). That the two sides can disagree is the device's own trouble.
 */
#ifndef VP_SYSTEM_FLAGS_H
#define VP_SYSTEM_FLAGS_H

#include <stdbool.h>
#include <stdint.h>

#include "vparticle/board.h"
#include "vparticle/flash.h"

enum vp_flags_store {
    VP_FLAGS_IN_DCT,
    VP_FLAGS_IN_BACKUP_REGISTERS,
    VP_FLAGS_IN_PAGE, /**< the Core: a page of internal flash, laid out otherwise */
};

/** Backup registers of the RTC domain (RM0033 section 24.6.10); they survive a reset. */
struct vp_backup_registers {
    uint32_t dr[20];
};

/** The fields that the emulated firmware reads or writes; the others keep what they had. */
struct vp_system_flags {
    uint16_t bootloader_version;
    uint16_t nvmem_reset; /**< 1: the system is to forget its Wi-Fi networks */
    /** 0x0005: an image waits in the serial flash; 0x5555: it never came whole; 0x5000: an update
     *  was finished (FLASH_OTA_Update_SysFlag) */
    uint16_t ota_update;
    uint16_t ota_flashed;       /**< 0x0001: the bootloader copied an image (OTA_FLASHED_Status) */
    uint16_t factory_reset;     /**< 0xAAAA: do one at the next start */
    uint16_t iwdg_enable;       /**< 0xD001: start the watchdog before the next jump */
    uint8_t factory_reset_done; /**< 0x5A: the bootloader has done one */
    uint8_t startup_mode;       /**< bit 0: safe mode */
    uint32_t reset_cause;       /**< RCC_CSR as found after the reset (RM0033 section 5.3.21) */
    uint8_t raw[32];            /**< as stored, all ones if never written */
};

/** Load the flags; @return false if they were never written (then all fields are ones) */
bool vp_system_flags_load(struct vp_system_flags *flags, enum vp_flags_store store,
                          const struct vp_flash *flash, const struct vp_board *board,
                          const struct vp_backup_registers *backup);

/** Store them with their magic. @return 0 or the error of vp_dct_write() */
int vp_system_flags_save(struct vp_system_flags *flags, enum vp_flags_store store,
                         struct vp_flash *flash, const struct vp_board *board,
                         struct vp_backup_registers *backup);

#endif
