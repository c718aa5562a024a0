#include "dct/module_slots.h"

#include <string.h>

#include "bytes.h"
#include "dct/dct.h"

/* Offsets: application_dct_t, dct.h, and platform_flash_modules_t @ v0.7.0. */
enum {
    FIRST = 2852,
    MAGIC = 0,
    SOURCE_DEVICE = 2,
    DESTINATION_DEVICE = 3,
    SOURCE = 4,
    DESTINATION = 8,
    LENGTH = 12,
    FLAGS = 16,
    FUNCTION = 17,
    RESERVED = 18,
};

uint32_t vp_pending_offset(unsigned slot)
{
    return FIRST + slot * VP_PENDING_SLOT_SIZE;
}

void vp_pending_unpack(const uint8_t bytes[VP_PENDING_SLOT_SIZE], struct vp_pending_module *module)
{
    *module = (struct vp_pending_module){
        .magic = vp_get_le16(bytes + MAGIC),
        .source_device = bytes[SOURCE_DEVICE],
        .destination_device = bytes[DESTINATION_DEVICE],
        .source = vp_get_le32(bytes + SOURCE),
        .destination = vp_get_le32(bytes + DESTINATION),
        .length = vp_get_le32(bytes + LENGTH),
        .flags = bytes[FLAGS],
        .function = bytes[FUNCTION],
    };
}

int vp_pending_read(const struct vp_flash *flash, const struct vp_board *board, unsigned slot,
                    struct vp_pending_module *module)
{
    uint8_t bytes[VP_PENDING_SLOT_SIZE];
    const int error = vp_dct_read(flash, board, vp_pending_offset(slot), bytes, sizeof bytes);
    if (!error) {
        vp_pending_unpack(bytes, module);
    }
    return error;
}

/* The two reserved bytes keep what they had. */
int vp_pending_write(struct vp_flash *flash, const struct vp_board *board, unsigned slot,
                     const struct vp_pending_module *module)
{
    uint8_t bytes[RESERVED];
    vp_put_le16(bytes + MAGIC, module->magic);
    bytes[SOURCE_DEVICE] = module->source_device;
    bytes[DESTINATION_DEVICE] = module->destination_device;
    vp_put_le32(bytes + SOURCE, module->source);
    vp_put_le32(bytes + DESTINATION, module->destination);
    vp_put_le32(bytes + LENGTH, module->length);
    bytes[FLAGS] = module->flags;
    bytes[FUNCTION] = module->function;
    return vp_dct_write(flash, board, vp_pending_offset(slot), bytes, sizeof bytes);
}

int vp_pending_add(struct vp_flash *flash, const struct vp_board *board,
                   const struct vp_pending_module *module)
{
    for (unsigned slot = VP_PENDING_FIRST_SLOT; slot < VP_PENDING_SLOTS; slot++) {
        struct vp_pending_module there;
        const int error = vp_pending_read(flash, board, slot, &there);
        if (error) {
            return error;
        }
        if (there.magic != VP_PENDING_MODULE) {
            struct vp_pending_module marked = *module;
            marked.magic = VP_PENDING_MODULE;
            const int written = vp_pending_write(flash, board, slot, &marked);
            return written ? written : (int)slot;
        }
    }
    return VP_ERROR_BUSY;
}

int vp_pending_free(struct vp_flash *flash, const struct vp_board *board, unsigned slot)
{
    uint8_t magic[2];
    vp_put_le16(magic, VP_PENDING_FREE);
    return vp_dct_write(flash, board, vp_pending_offset(slot) + MAGIC, magic, sizeof magic);
}
