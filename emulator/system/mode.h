/**
 * @file mode.h
 * The start of the system: which mode it goes into, and what it does to flash and flags before.
 *
 * Source: modules/shared/stm32f2xx/inc/system_part2_loader.c, hal/src/stm32f2xx/
 * core_hal_stm32f2xx.c (HAL_Core_Config, HAL_Core_Setup, HAL_Core_Validate_User_Module,
 * HAL_Core_Validate_Modules), hw_config.c (IWDG_Reset_Enable), system/src/main.cpp
 * (manage_safe_mode, app_setup_and_loop) @ v0.4.6, v0.5.2, v0.6.4, v0.7.0, v1.2.1, v2.2.0.
 */
#ifndef VP_SYSTEM_MODE_H
#define VP_SYSTEM_MODE_H

#include "system/system.h"

/** Find out what is in flash: version, generation, slots. @return false if it can't run */
bool vp_mode_identify(struct vp_system *system);

/** The system flags say that the application must not run. */
bool vp_mode_is_forbidden(const struct vp_system *system);

/** Go through the start. Sets `state`, `safe_mode` and `listening`. */
void vp_mode_decide(struct vp_system *system);

#endif
