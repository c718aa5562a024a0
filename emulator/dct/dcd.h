/**
 * @file dcd.h
 * The Electron's settings: a store in two sectors, of which one is current.
 *
 * A sector is a watermark and a seal of 4 bytes each, then the settings. The second version of the
 * code puts a footer with a counter and a CRC-32 at the sector's end. Each version reads what the
 * other one wrote. Source: services/inc/dcd.h @ v0.5.2 (first version), v0.7.0 and v1.5.2 (second),
 * platform/MCU/STM32F2xx/SPARK_Firmware_Driver/inc/flash_storage_impl.h; states of sectors as
 * measured on Electron bootloaders 4, 6, 11 and 1004.
 */
#ifndef VP_DCT_DCD_H
#define VP_DCT_DCD_H

#include "dct/dct.h"

/** See vp_dct_read(). @p code must not be VP_DCT_CODE_ANY in any of these. */
int vp_dcd_read(const struct vp_flash *flash, const struct vp_board *board,
                enum vp_dct_version code, uint32_t offset, void *data, size_t length);

/** See vp_dct_write(). */
int vp_dcd_write(struct vp_flash *flash, const struct vp_board *board, enum vp_dct_version code,
                 uint32_t offset, const void *data, size_t length);

/** The first byte of the current sector's settings; 0 if there is no current one. */
uint32_t vp_dcd_address(const struct vp_flash *flash, const struct vp_board *board,
                        enum vp_dct_version code);

/** See vp_dct_prepare(). */
int vp_dcd_prepare(struct vp_flash *flash, const struct vp_board *board, enum vp_dct_version code);

/** The version whose code wrote last. A store that was never written counts as the second's. */
enum vp_dct_version vp_dcd_last_writer(const struct vp_flash *flash, const struct vp_board *board);

#endif
