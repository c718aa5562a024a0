/**
 * @file update.h
 * What the bootloader copies: modules that the system queued, and the factory application.
 *
 * Source: FLASH_CheckCopyMemory, FLASH_CopyMemory, FLASH_UpdateModules,
 * FLASH_ApplyFactoryResetImage in platform/MCU/STM32F2xx/SPARK_Firmware_Driver/src/flash_mal.c @
 * v0.4.4 to v2.2.0; FLASH_Backup, FLASH_Restore in STM32F1xx/.../hw_config.c @ v0.7.0 for the Core.
 */
#ifndef VP_BOOT_UPDATE_H
#define VP_BOOT_UPDATE_H

#include "boot/boot.h"

/**
 * FLASH_UpdateModules(): copy what is pending. A module that fails a check is dropped silently.
 * @param busy  called with true before and false after the copying, as the firmware's callback
 */
void vp_boot_update_modules(struct vp_boot *boot,
                            void (*busy)(struct vp_boot *boot, bool updating));

/** FLASH_IsFactoryResetAvailable(): would vp_boot_restore_factory() succeed? */
bool vp_boot_factory_available(struct vp_boot *boot);

/** FLASH_RestoreFromFactoryResetModuleSlot(), on the Core FLASH_Restore(). @return success */
bool vp_boot_restore_factory(struct vp_boot *boot);

/** The Core's serial flash holds three images; see vp_boot_restore_image(). */
enum vp_boot_image { VP_BOOT_IMAGE_FACTORY, VP_BOOT_IMAGE_BACKUP, VP_BOOT_IMAGE_OTA };

/** FLASH_Restore(): the Core's application becomes a copy of an image in the serial flash. */
void vp_boot_restore_image(struct vp_boot *boot, enum vp_boot_image image);

/** FLASH_Backup(): the Core's application is copied to the serial flash. */
void vp_boot_back_up(struct vp_boot *boot);

#endif
