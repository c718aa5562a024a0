#include "cloud/jobs/image.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static struct cloud_image *make(struct cloud_images *images, uint64_t key, const uint8_t *bytes,
                                size_t size)
{
    struct cloud_image *image = malloc(sizeof *image + size);
    if (!image) {
        return NULL;
    }
    memset(image, 0, sizeof *image);
    image->images = images;
    image->key = key;
    image->size = size;
    memcpy(image->bytes, bytes, size);
    HASH_ADD(hh, images->first, key, sizeof image->key, image);
    if (!image->hh.tbl) {
        free(image);
        return NULL;
    }
    return image;
}

struct cloud_image *cloud_image_get(struct cloud_images *images, const uint8_t *bytes, size_t size)
{
    const uint64_t key = crc32(0, bytes, (uInt)size) | (uint64_t)size << 32;
    struct cloud_image *image;
    HASH_FIND(hh, images->first, &key, sizeof key, image);
    if (!image || memcmp(image->bytes, bytes, size) != 0) {
        image = make(images, key, bytes, size);
    }
    return image ? cloud_image_share(image) : NULL;
}

struct cloud_image *cloud_image_share(struct cloud_image *image)
{
    image->references++;
    return image;
}

void cloud_image_release(struct cloud_image *image)
{
    if (image && --image->references == 0) {
        HASH_DEL(image->images->first, image);
        free(image->sums);
        free(image);
    }
}

static uint32_t sum_of(const struct cloud_image *image, uint32_t chunk_size, uint32_t index)
{
    const size_t start = (size_t)index * chunk_size;
    const size_t left = image->size - start;
    return (uint32_t)crc32(0, image->bytes + start, (uInt)(left < chunk_size ? left : chunk_size));
}

static void know_sums(struct cloud_image *image, uint32_t chunk_size)
{
    const uint32_t chunks = (uint32_t)((image->size + chunk_size - 1) / chunk_size);
    free(image->sums);
    image->sums = malloc(chunks * sizeof *image->sums);
    image->chunk_size = chunk_size;
    for (uint32_t i = 0; i < chunks && image->sums; i++) {
        image->sums[i] = sum_of(image, chunk_size, i);
    }
}

uint32_t cloud_image_sum(struct cloud_image *image, uint32_t chunk_size, uint32_t index)
{
    if (!image->sums || image->chunk_size != chunk_size) {
        know_sums(image, chunk_size);
    }
    return image->sums ? image->sums[index] : sum_of(image, chunk_size, index);
}
