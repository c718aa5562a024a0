/*
 * Any image through the running system's door: a forged module with bytes changed, whole or in
 * part. Whatever comes, no module in its place changes, and only what passed the checks is queued.
 *
 * Input: board and release; which module; flags (1: mend the CRC, 2: only announce half of it);
 * length of what comes (2 bytes, in 16 bytes; 0: all); size of a chunk; then changes: offset (2
 * bytes, from the header on) and value. From an offset of 0xFFFF on the rest goes in as it is.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "bytes.h"
#include "fuzz/fuzz_chip.h"
#include "system/update/update.h"
#include "vparticle/forge.h"

enum { HEAD = 6, MEND = 1, HALF = 2, KINDS = 5, RAW = 0xFFFF };

struct image {
    uint8_t *bytes;
    size_t size;
    uint32_t header;
};

/* Small modules: what a check depends on is all in header and CRC. */
static void make(struct image *image, enum vp_platform platform, uint8_t kind)
{
    static const struct {
        uint8_t function, index;
        uint32_t address, header;
    } kinds[KINDS] = {
        {VP_MODULE_USER, 1, 0x080A0000, 0},
        {VP_MODULE_SYSTEM, 1, 0x08020000, VP_MODULE_HEADER_F205},
        {VP_MODULE_SYSTEM, 2, 0x08060000, VP_MODULE_HEADER_F205},
        {VP_MODULE_BOOTLOADER, 0, 0x08000000, VP_MODULE_HEADER_F205},
        {VP_MODULE_MONOLITHIC, 0, 0x08020000, VP_MODULE_HEADER_F205},
    };
    const unsigned which = kind % KINDS;
    const struct vp_module_recipe recipe = {
        .platform = platform,
        .version = 3000,
        .function = kinds[which].function,
        .index = kinds[which].index,
        .address = kinds[which].address,
        .size = 4096,
        .header_offset = kinds[which].header,
    };
    image->header = kinds[which].header;
    if (vp_forge_module(&recipe, &image->bytes, &image->size)) {
        abort();
    }
}

static void change(struct image *image, const uint8_t *data, size_t size)
{
    for (; size >= 3; data += 3, size -= 3) {
        const uint16_t offset = vp_get_le16(data);
        if (offset == RAW) {
            memcpy(image->bytes, data + 2, size - 2 < image->size ? size - 2 : image->size);
            return;
        }
        image->bytes[(image->header + offset) % image->size] = data[2];
    }
}

static void mend(struct image *image)
{
    const uLong crc = crc32(crc32(0, NULL, 0), image->bytes, (uInt)(image->size - 4));
    vp_put_be32(image->bytes + image->size - 4, (uint32_t)crc);
}

static void deliver(struct fuzz_chip *chip, const struct image *image, const uint8_t *head)
{
    const size_t wanted = 16u * vp_get_le16(head + 3);
    const size_t size = wanted && wanted < image->size ? wanted : image->size;
    const uint32_t announced = head[2] & HALF ? (uint32_t)size / 2 : (uint32_t)size;
    const size_t chunk = head[5] + 1u;
    struct vp_update_result result;
    if (vp_update_begin(&chip->system, announced)) {
        abort();
    }
    for (size_t at = 0; at < size; at += chunk) {
        const size_t length = size - at < chunk ? size - at : chunk;
        vp_update_write(&chip->system, (uint32_t)at, image->bytes + at, (uint32_t)length);
    }
    vp_update_validate(&chip->system, &result);
    if (vp_update_finish(&chip->system, &result)) {
        abort();
    }
    const bool applied = result.queued || result.installed;
    if ((applied && result.checked != result.result) || applied != (result.code == 0)) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_chip chip;
    struct image image;
    if (size < HEAD) {
        return 0;
    }
    fuzz_chip_start(&chip, data[0]);
    make(&image, chip.board->platform, data[1]);
    change(&image, data + HEAD, size - HEAD);
    if (data[2] & MEND) {
        mend(&image);
    }
    deliver(&chip, &image, data);
    free(image.bytes);
    fuzz_chip_check(&chip);
    fuzz_chip_free(&chip);
    return 0;
}
