/**
 * @file image.h
 * Files that are flashed. Jobs that send the same bytes share them, whoever brought them: a fleet
 * is flashed with one file.
 */
#ifndef CLOUD_IMAGE_H
#define CLOUD_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct cloud_image {
    unsigned references;
    struct cloud_images *images;
    uint32_t *sums; /**< CRC-32 of each chunk of `chunk_size` bytes; NULL: not known yet */
    uint32_t chunk_size;
    uint64_t key; /**< CRC-32 and size */
    UT_hash_handle hh;
    size_t size;
    uint8_t bytes[];
};

/** All that there are. All zero: none. */
struct cloud_images {
    struct cloud_image *first;
};

/** @return an image with these bytes, and one more reference; NULL: no memory */
struct cloud_image *cloud_image_get(struct cloud_images *images, const uint8_t *bytes, size_t size);

/** One more reference. */
struct cloud_image *cloud_image_share(struct cloud_image *image);

/** One reference less. NULL is allowed. */
void cloud_image_release(struct cloud_image *image);

/** @return CRC-32 of the chunk of that index */
uint32_t cloud_image_sum(struct cloud_image *image, uint32_t chunk_size, uint32_t index);

#endif
