#include "vparticle/module.h"

#include <string.h>

#include "bytes.h"

/* From the end of an image: CRC, suffix size, SHA-256, reserved, product version, product id. */
enum {
    FROM_END_CRC = 4,
    FROM_END_SUFFIX_SIZE = 6,
    FROM_END_SHA256 = 38,
    FROM_END_PRODUCT_VERSION = 42,
    FROM_END_PRODUCT_ID = 44,
    FROM_END_ALL = 44,
};

uint32_t vp_module_size(const struct vp_module *module)
{
    return module->end - module->start + VP_MODULE_CRC_SIZE;
}

bool vp_module_has_vector_table(uint32_t first_word)
{
    return (first_word & 0x2FF10000) == 0x20000000;
}

static struct vp_module_dependency decode_dependency(const uint8_t *at)
{
    return (struct vp_module_dependency){
        .function = at[0], .index = at[1], .version = vp_get_le16(at + 2)};
}

static struct vp_module decode_header(const uint8_t *at, uint32_t offset)
{
    return (struct vp_module){
        .header_offset = offset,
        .start = vp_get_le32(at),
        .end = vp_get_le32(at + 4),
        .reserved = at[8],
        .flags = at[9],
        .version = vp_get_le16(at + 10),
        .platform = vp_get_le16(at + 12),
        .function = at[14],
        .index = at[15],
        .dependencies = {decode_dependency(at + 16), decode_dependency(at + 20)},
    };
}

/* @p tail is the last @p size bytes of the image; both ends of the suffix must lie in it. */
static int decode_suffix(const uint8_t *tail, uint32_t size, struct vp_module *module,
                         struct vp_failure *failure)
{
    const uint8_t *end = tail + size;
    module->suffix_size = vp_get_le16(end - FROM_END_SUFFIX_SIZE);
    if (module->suffix_size != VP_MODULE_SUFFIX_SIZE &&
        module->suffix_size != VP_MODULE_SUFFIX_SIZE_2015) {
        return vp_fail(failure, VP_ERROR_INVALID,
                       "the suffix says that it has %u bytes; modules have 40, or 36 in 2015: this "
                       "is not a module, or it was cut or padded",
                       module->suffix_size);
    }
    const bool has_product = module->suffix_size == VP_MODULE_SUFFIX_SIZE;
    module->product_version = has_product ? vp_get_le16(end - FROM_END_PRODUCT_VERSION) : 0xFFFF;
    module->product_id = has_product ? vp_get_le16(end - FROM_END_PRODUCT_ID) : 0xFFFF;
    memcpy(module->sha256, end - FROM_END_SHA256, sizeof module->sha256);
    module->crc = vp_get_be32(end - FROM_END_CRC);
    return 0;
}

static bool has_room(const struct vp_module *module, uint64_t length)
{
    return length >= (uint64_t)module->header_offset + VP_MODULE_HEADER_SIZE + FROM_END_ALL;
}

/* Does the header at @p offset agree with the length of the image? */
static int parse_at(const uint8_t *bytes, size_t length, uint32_t offset, struct vp_module *module,
                    struct vp_failure *failure)
{
    const struct vp_module asked = {.header_offset = offset};
    if (!has_room(&asked, length)) {
        return vp_fail(failure, VP_ERROR_INVALID,
                       "%zu bytes are too few for a module with its header at 0x%x", length,
                       offset);
    }
    *module = decode_header(bytes + offset, offset);
    if (module->end < module->start ||
        (uint64_t)module->end - module->start + VP_MODULE_CRC_SIZE != length) {
        return vp_fail(failure, VP_ERROR_INVALID,
                       "the header at 0x%x says 0x%08x to 0x%08x and a CRC, but there are %zu "
                       "bytes: this is not a module, or it was cut or padded",
                       offset, module->start, module->end, length);
    }
    return 0;
}

int vp_module_parse(const uint8_t *bytes, size_t length, struct vp_module *module,
                    struct vp_failure *failure)
{
    *module = (struct vp_module){0};
    if (length < 4) {
        return vp_fail(failure, VP_ERROR_INVALID, "%zu bytes are too few for a module", length);
    }
    const bool vectors = vp_module_has_vector_table(vp_get_le32(bytes));
    int error = parse_at(bytes, length, vectors ? VP_MODULE_HEADER_F205 : 0, module, failure);
    if (error && vectors && parse_at(bytes, length, VP_MODULE_HEADER_F103, module, NULL) == 0) {
        error = 0;
    }
    if (error) {
        return error;
    }
    return decode_suffix(bytes, (uint32_t)length, module, failure);
}

int vp_module_read_header(const struct vp_flash *flash, uint32_t address, struct vp_module *module)
{
    uint8_t header[VP_MODULE_HEADER_SIZE];
    *module = (struct vp_module){0};
    if (vp_flash_read(flash, address, header, 4)) {
        return VP_ERROR_RANGE;
    }
    const uint32_t offset =
        vp_module_has_vector_table(vp_get_le32(header)) ? VP_MODULE_HEADER_F205 : 0;
    if (!vp_flash_contains(flash, address, (uint64_t)offset + sizeof header)) {
        return VP_ERROR_RANGE;
    }
    vp_flash_read(flash, address + offset, header, sizeof header);
    *module = decode_header(header, offset);
    return 0;
}

static bool is_erased(const struct vp_module *module)
{
    return module->start == UINT32_MAX && module->end == UINT32_MAX &&
           module->version == UINT16_MAX && module->platform == UINT16_MAX;
}

int vp_module_parse_flash(const struct vp_flash *flash, uint32_t address, struct vp_module *module,
                          struct vp_failure *failure)
{
    if (vp_module_read_header(flash, address, module)) {
        return vp_fail(failure, VP_ERROR_RANGE, "0x%08x: no module fits there in the chip",
                       address);
    }
    if (is_erased(module)) {
        return vp_fail(failure, VP_ERROR_NOT_FOUND, "0x%08x: erased", address);
    }
    if (module->start != address || module->end < module->start) {
        return vp_fail(failure, VP_ERROR_INVALID,
                       "0x%08x: no module, the header there says 0x%08x to 0x%08x", address,
                       module->start, module->end);
    }
    const uint64_t length = (uint64_t)module->end - module->start + VP_MODULE_CRC_SIZE;
    if (!vp_flash_contains(flash, address, length)) {
        return vp_fail(
            failure, VP_ERROR_RANGE,
            "0x%08x: the header says that the module ends at 0x%08x, outside of the chip", address,
            module->end);
    }
    if (!has_room(module, length)) {
        return vp_fail(failure, VP_ERROR_INVALID,
                       "0x%08x: the header says %u bytes, too few for a module", address,
                       (unsigned)length);
    }
    uint8_t tail[FROM_END_ALL];
    vp_flash_read(flash, module->end + VP_MODULE_CRC_SIZE - sizeof tail, tail, sizeof tail);
    return decode_suffix(tail, sizeof tail, module, failure);
}
