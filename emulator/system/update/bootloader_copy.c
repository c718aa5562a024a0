#include "system/update/bootloader_copy.h"

#include "bytes.h"

/* Header and CRC as the firmware reads them, which asks for no suffix. */
static bool read_header(const uint8_t *image, size_t size, struct vp_module *module)
{
    if (size < VP_MODULE_HEADER_F205 + VP_MODULE_HEADER_SIZE + VP_MODULE_CRC_SIZE) {
        return false;
    }
    const bool vectors = vp_module_has_vector_table(vp_get_le32(image));
    const uint8_t *header = image + (vectors ? VP_MODULE_HEADER_F205 : 0);
    *module = (struct vp_module){
        .start = vp_get_le32(header),
        .end = vp_get_le32(header + 4),
        .platform = vp_get_le16(header + 12),
        .function = header[14],
        .crc = vp_get_be32(image + size - VP_MODULE_CRC_SIZE),
    };
    return module->end >= module->start && module->end - module->start == size - VP_MODULE_CRC_SIZE;
}

/* FLASH_CheckCopyMemory() with all of its checks. */
static bool may_be_copied(const struct vp_system *system, const uint8_t *image, size_t size)
{
    const struct vp_region *place = &system->machine.board->bootloader;
    struct vp_module module;
    return size <= place->end - place->start && read_header(image, size, &module) &&
           module.platform == system->machine.board->platform && module.start == place->start &&
           module.function == VP_MODULE_BOOTLOADER &&
           (vp_module_integrity(image, size, &module) & VP_CHECK_INTEGRITY);
}

bool vp_bootloader_copy(struct vp_system *system, const uint8_t *image, size_t size)
{
    struct vp_flash *flash = system->machine.flash;
    const uint32_t start = system->machine.board->bootloader.start;
    if (!may_be_copied(system, image, size) || vp_flash_erase(flash, start)) {
        return false;
    }
    const size_t words = size & ~(size_t)3;
    uint8_t rest[4] = {0xFF, 0xFF, 0xFF, 0xFF};
    for (size_t i = words; i < size; i++) {
        rest[i - words] = image[i];
    }
    return vp_flash_program(flash, start, image, words) == 0 &&
           (words == size ||
            vp_flash_program(flash, start + (uint32_t)words, rest, sizeof rest) == 0);
}
