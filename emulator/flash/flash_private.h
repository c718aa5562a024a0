/** @file flash_private.h What the files of this room share. */
#ifndef VP_FLASH_PRIVATE_H
#define VP_FLASH_PRIVATE_H

#include "vparticle/flash.h"

/** Contents of one sector, shared by forks, and by whom vp_flash_share() found to have the same,
 *  until one of them writes. */
struct vp_flash_block {
    unsigned references;
    bool pooled; /**< one of the references is a pool's */
    uint8_t bytes[];
};

struct vp_flash {
    const struct vp_flash_geometry *geometry;
    uint64_t operations;
    uint64_t busy_us;
    vp_flash_hook hook;
    void *hook_context;
    uint8_t *image; /**< mapped file with all sectors, or NULL: contents are in `blocks` */
    int image_descriptor;
    struct vp_flash_block *blocks[]; /**< a sector each; NULL is an erased one */
};

/** Bytes from the first to the last address of the chip. */
uint32_t vp_flash_size(const struct vp_flash_geometry *geometry);

/** One reference less; NULL is allowed. */
void vp_flash_release_block(struct vp_flash_block *block);

/** Release the mapping and the lock of an image file, if there is one. */
void vp_flash_close_image(struct vp_flash *flash);

#endif
