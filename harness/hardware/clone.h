/**
 * @file clone.h
 * What is in a board's flash, as an image that a device can be started from (flash= and external=
 * of a SPEC, vp_flash_open_image()): the bytes from the first to the last address, nothing else.
 *
 * What can be read is what the board itself says (layout.h), and what the tables of the boards know
 * of its bootloader. The rest is filled with 0xFF, like erased flash, and told.
 */
#ifndef VP_HARDWARE_CLONE_H
#define VP_HARDWARE_CLONE_H

#include "hardware/dfu_client.h"
#include "vparticle/board.h"
#include "vparticle/flash.h"

enum { VP_CLONE_GAPS = VP_LAYOUT_SEGMENTS + 2 };

/** Bytes that an image has, but the board did not give. */
struct vp_clone_gap {
    uint32_t address, size;
    const char *why; /**< static text */
};

/** The image of one flash. */
struct vp_clone {
    uint8_t *bytes; /**< owned; free() */
    uint32_t address, size;
    unsigned alternate; /**< where it was read from */
    char name[VP_LAYOUT_NAME_SIZE];
    struct vp_clone_gap gaps[VP_CLONE_GAPS]; /**< ascending; filled with 0xFF */
    unsigned gap_count;
};

/** A board in DFU mode. */
struct vp_clone_source {
    const struct vp_board *board;
    const struct vp_dfu_pipe *pipe;
    const struct vp_layout *layouts; /**< by alternate setting */
    unsigned layout_count;
    const struct vp_dfu_progress *progress; /**< bytes of the image so far; or NULL */
};

/**
 * Read the processor's own flash: with the bootloader and both copies of the DCT, as all known
 * bootloaders let it be read. The alternate setting for the DCT shows the valid copy of the two
 * once more, and is not read.
 * @param[out] clone  on success its bytes are the caller's
 * @return 0; VP_ERROR_UNSUPPORTED (the board shows nothing of it to be read), VP_ERROR_IO,
 *         VP_ERROR_NOT_FOUND (it went away), VP_ERROR_NO_MEMORY
 */
int vp_clone_internal(const struct vp_clone_source *source, struct vp_clone *clone,
                      struct vp_failure *failure);

/**
 * Read the serial flash of a P1 or a Core.
 * @param internal  the same board's own flash: its bootloader decides what can be reached
 *                  (vp_bootloader_hidden_serial()).
 * @return as vp_clone_internal(); VP_ERROR_UNSUPPORTED also if the board has none
 */
int vp_clone_external(const struct vp_clone_source *source, const struct vp_clone *internal,
                      struct vp_clone *clone, struct vp_failure *failure);

/** True if the board has a serial flash, and shows it. */
bool vp_clone_shows_external(const struct vp_clone_source *source);

/**
 * The version of the bootloader in the image of a flash.
 * @return 0 if there is none to be seen (on the Core, whose bootloader has no header, always)
 */
uint16_t vp_clone_bootloader(const struct vp_clone *internal, const struct vp_board *board);

/**
 * Put an image into a flash in memory.
 * @param[out] flash  owned by the caller: vp_flash_destroy()
 * @return 0 or VP_ERROR_NO_MEMORY
 */
int vp_clone_to_flash(const struct vp_clone *clone, const struct vp_flash_geometry *geometry,
                      struct vp_flash **flash);

#endif
