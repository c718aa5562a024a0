/**
 * @file dct.h
 * The device configuration table (DCT): settings that bootloader and system share, kept twice in
 * flash, of which one copy is current.
 *
 * Photon and P1: a copy is a header, Wi-Fi settings, then the application's section: what DFU shows
 * as alternate setting 1. The Electron's store is in dcd.h. Layout:
 * hal/src/photon/wiced/platform/include/platform_dct.h and hal/src/photon/dct_hal.h @ v0.6.1
 * (application section at offset 7548), header bytes as measured on bootloaders 3 to 11.
 */
#ifndef VP_DCT_H
#define VP_DCT_H

#include <stddef.h>
#include <stdint.h>

#include "vparticle/board.h"
#include "vparticle/flash.h"

enum {
    /** Bytes from the start of a copy to the application's section. */
    VP_DCT_APPLICATION_OFFSET = 7548,
};

/** Whose code reads or writes. It makes a difference on the Electron alone. */
enum vp_dct_version {
    VP_DCT_CODE_ANY, /**< as whoever wrote last: for those who need not know */
    VP_DCT_CODE_1,   /**< bootloaders before 100, system firmware before 0.7.0 */
    VP_DCT_CODE_2,   /**< those after them: with a CRC */
};

/**
 * What the first access of a bootloader does to a store that was never written: the Electron's
 * gets a header. Elsewhere, and if there is one, this does nothing.
 * @return 0, VP_ERROR_FLASH, VP_ERROR_NO_MEMORY
 */
int vp_dct_prepare(struct vp_flash *flash, const struct vp_board *board, enum vp_dct_version code);

/** vp_dct_read() and vp_dct_write() by the code of a certain version. */
int vp_dct_read_as(const struct vp_flash *flash, const struct vp_board *board,
                   enum vp_dct_version code, uint32_t offset, void *data, size_t length);
int vp_dct_write_as(struct vp_flash *flash, const struct vp_board *board, enum vp_dct_version code,
                    uint32_t offset, const void *data, size_t length);

/**
 * Program zeros over @p length bytes of the current copy, where they stand: without an erase, and
 * without a second copy.
 * @return 0, VP_ERROR_RANGE, VP_ERROR_FLASH, VP_ERROR_NOT_FOUND if there is no current copy,
 *         VP_ERROR_UNSUPPORTED if the board has no DCT
 */
int vp_dct_zero(struct vp_flash *flash, const struct vp_board *board, enum vp_dct_version code,
                uint32_t offset, size_t length);

/**
 * Copy @p length bytes of the application's section into @p data. As on the device, which hands
 * out a pointer into flash, reading past the end of the copy goes on with what follows it. A DCT
 * that was never written reads as erased.
 * @return 0, VP_ERROR_RANGE if the bytes leave the chip, VP_ERROR_UNSUPPORTED if the board has no
 *         DCT
 */
int vp_dct_read(const struct vp_flash *flash, const struct vp_board *board, uint32_t offset,
                void *data, size_t length);

/**
 * Write @p length bytes into the application's section: the other copy is erased, gets the new
 * contents and becomes the current one last, so that a cut at any moment leaves one whole copy.
 * @return 0, VP_ERROR_RANGE if the bytes leave the copy, VP_ERROR_FLASH, VP_ERROR_NO_MEMORY,
 *         VP_ERROR_UNSUPPORTED if the board has no DCT
 */
int vp_dct_write(struct vp_flash *flash, const struct vp_board *board, uint32_t offset,
                 const void *data, size_t length);

#endif
