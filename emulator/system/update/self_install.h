/**
 * @file self_install.h
 * The bootloader that a system part carries, and when the system puts it into its place.
 *
 * Source: bootloader_update_if_needed() in hal/src/stm32f2xx/bootloader.cpp, HAL_Core_Setup() in
 * core_hal_stm32f2xx.c @ v0.4.6, v0.5.0, v0.5.5, v0.6.0, v0.6.1, v0.6.3, v0.6.4, v0.7.0,
 * v0.8.0-rc.1, v1.5.2.
 */
#ifndef VP_SELF_INSTALL_H
#define VP_SELF_INSTALL_H

#include "system/system.h"

/**
 * Install the bootloader that a system part carries, if this generation does on this board. It is
 * cut out of the part; only if it is not in there is it made up after the catalogue.
 * @return true if the firmware resets the chip now
 */
bool vp_self_install(struct vp_system *system);

#endif
