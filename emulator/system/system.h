/**
 * @file system.h
 * The running system firmware: what it decides when the bootloader jumps to it.
 *
 * Source: modules/shared/stm32f2xx/inc/system_part2_loader.c,
 * hal/src/stm32f2xx/core_hal_stm32f2xx.c
 * @ v0.5.2, v0.6.4, v0.7.0.
 */
#ifndef VP_SYSTEM_H
#define VP_SYSTEM_H

#include "board/board.h"
#include "dct/system_flags.h"
#include "system/generations.h"
#include "vparticle/flash.h"

enum vp_system_outcome {
    VP_SYSTEM_NORMAL,  /**< the user application runs */
    VP_SYSTEM_SAFE,    /**< safe mode: the system runs, the user application does not */
    VP_SYSTEM_CRASHED, /**< a system part is missing or broken: the processor faults (deduced) */
};

struct vp_system {
    enum vp_system_outcome outcome;
    uint16_t version; /**< module version of system part 2 */
    const struct vp_system_generation *generation;
};

/** Start the system whose parts are in @p flash, with the flags that the bootloader left. */
void vp_system_start(struct vp_system *system, struct vp_flash *flash, const struct vp_board *board,
                     struct vp_backup_registers *backup);

#endif
