/**
 * @file boot.h
 * What the bootloader does after a reset: its decision between DFU mode, the application and
 * another reset, the modules that it copies, and its light.
 *
 * Source: bootloader/src/main.c, platform/MCU/STM32F2xx/SPARK_Firmware_Driver/src/{hw_config,
 * flash_mal}.c @ v0.4.4 to v2.2.0; on the Core the same main.c with STM32F1xx/.../hw_config.c.
 * Comments name the firmware's functions and variables.
 */
#ifndef VP_BOOT_H
#define VP_BOOT_H

#include <stdbool.h>
#include <stdint.h>

#include "boot/generations.h"
#include "dct/system_flags.h"
#include "vparticle/board.h"
#include "vparticle/flash.h"
#include "vparticle/led.h"

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
    VP_RESET_WATCHDOG = 0x24000000, /**< the independent watchdog, likewise */
};

/** Milliseconds that the SETUP/MODE button is held from reset on. */
enum {
    VP_BOOT_HOLD_SAFE_MODE = 1000,
    VP_BOOT_HOLD_DFU = 3000,
    VP_BOOT_HOLD_FACTORY_RESET = 6500,
    VP_BOOT_HOLD_CLEAR_SETTINGS = 10000,
    VP_BOOT_HOLD_LIMIT = 12000, /**< the bootloader goes on by itself */
};

/** Milliseconds until the watchdog that the bootloader started resets the chip. */
enum { VP_BOOT_WATCHDOG = 5000 };

enum vp_boot_decision {
    VP_BOOT_APPLICATION,
    VP_BOOT_DFU,
    VP_BOOT_RESET, /**< the bootloader resets the chip */
};

/** What the bootloader works on and with. The first members are set by the caller, who owns what
 *  they point to; the others may be read. */
struct vp_boot {
    const struct vp_board *board;
    struct vp_flash *flash;
    struct vp_flash *external; /**< serial flash, or NULL */
    struct vp_backup_registers *backup;
    /** Called, unless NULL, when vp_boot_led() changes while vp_boot_decide() works. */
    void (*light_changed)(void *context);
    void *context;

    const struct vp_boot_generation *generation; /**< of the bootloader in flash */
    uint16_t version;                            /**< its version; 0 if it has none or is none */
    bool dct_code_known;   /**< it was looked for, and need not be until further notice */
    uint32_t dct_code_crc; /**< of the system part 2 whose DCT code was found; 0: none */
    bool watchdog;         /**< it runs since the jump: the system has VP_BOOT_WATCHDOG ms */
    uint32_t entry, stack; /**< where the jump went, without the Thumb bit, and the stack pointer */

    /* Variables of main(). */
    struct vp_system_flags flags;
    bool ota_flash_available, reflash_from_backup, factory_reset, usb_dfu, safe_mode,
        reset_settings;
    bool factory_available; /**< there is an application to restore */
    bool watching;          /**< the button is held, and it matters how long */
    uint32_t held_ms;
    enum vp_led_color color;
};

/**
 * First things after a reset: find out which bootloader is in flash, load the system flags, note
 * version and reset cause in them, clear the safe-mode flag, take the request in backup register 1
 * or count a reset by the watchdog.
 * @return 0, VP_ERROR_NOT_FOUND if there is no bootloader (the processor hangs), or the error of a
 *         failed write of the flags, after which the bootloader goes on all the same
 */
int vp_boot_begin(struct vp_boot *boot, enum vp_reset_cause cause);

/* ---- The button ---------------------------------------------------------------------- */

/** The button is down: watch it. Not called: it is not. */
void vp_boot_press(struct vp_boot *boot);

/** @return milliseconds until a longer hold means something else, or -1: not watching */
int64_t vp_boot_next_step(const struct vp_boot *boot);

/**
 * The button is held for @p milliseconds more, not going past vp_boot_next_step().
 * @return true while it matters; false: the bootloader goes on, decide
 */
bool vp_boot_hold(struct vp_boot *boot, uint32_t milliseconds);

/* ---- The decision ---------------------------------------------------------------------- */

/** Do what is to be done (pending modules, factory reset) and decide. Call once. */
enum vp_boot_decision vp_boot_decide(struct vp_boot *boot);

/**
 * Finish_Update(): what leaving DFU mode writes before it resets the chip (hw_config.c @ v0.5.2):
 * watchdog on before the next jump, update finished.
 */
int vp_boot_finish_update(struct vp_boot *boot);

/** The light while the bootloader runs, DFU mode included. */
void vp_boot_led(const struct vp_boot *boot, struct vp_led *led);

/**
 * The check before the jump (FLASH_isUserModuleInfoValid, flash_mal.c @ v0.7.0): the header's
 * start address, end address and platform. No CRC. On the Core: a stack pointer in RAM.
 */
bool vp_boot_application_valid(const struct vp_flash *flash, const struct vp_board *board);

#endif
