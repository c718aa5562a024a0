/* Sectors with equal contents, kept once. */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "flash/flash_private.h"

enum { ERASED = 0xFF, FIRST_SWEEP = 64 };

struct entry {
    uint64_t key; /* CRC-32 and size */
    struct vp_flash_block *block;
    UT_hash_handle hh;
};

struct vp_flash_pool {
    struct entry *entries;
    unsigned sweep_at; /* entries: then it is looked which of them nobody uses any more */
};

int vp_flash_pool_create(struct vp_flash_pool **pool)
{
    *pool = calloc(1, sizeof **pool);
    if (!*pool) {
        return VP_ERROR_NO_MEMORY;
    }
    (*pool)->sweep_at = FIRST_SWEEP;
    return 0;
}

static void drop(struct vp_flash_pool *pool, struct entry *entry)
{
    HASH_DEL(pool->entries, entry);
    entry->block->pooled = false;
    vp_flash_release_block(entry->block);
    free(entry);
}

void vp_flash_pool_destroy(struct vp_flash_pool *pool)
{
    struct entry *entry, *next;
    if (pool) {
        HASH_ITER(hh, pool->entries, entry, next)
        {
            drop(pool, entry);
        }
        free(pool);
    }
}

static void sweep(struct vp_flash_pool *pool)
{
    struct entry *entry, *next;
    HASH_ITER(hh, pool->entries, entry, next)
    {
        if (entry->block->references == 1) {
            drop(pool, entry);
        }
    }
    const unsigned left = HASH_COUNT(pool->entries);
    pool->sweep_at = left < FIRST_SWEEP / 2 ? FIRST_SWEEP : 2 * left;
}

static void add(struct vp_flash_pool *pool, uint64_t key, struct vp_flash_block *block)
{
    struct entry *entry = malloc(sizeof *entry);
    if (!entry) {
        return; /* it stays alone */
    }
    entry->key = key;
    entry->block = block;
    HASH_ADD(hh, pool->entries, key, sizeof key, entry);
    if (!entry->hh.tbl) {
        free(entry);
        return;
    }
    block->pooled = true;
    block->references++;
}

static bool is_erased(const struct vp_flash_block *block, uint32_t size)
{
    return block->bytes[0] == ERASED && !memcmp(block->bytes, block->bytes + 1, size - 1);
}

static void share_sector(struct vp_flash_pool *pool, struct vp_flash_block **slot, uint32_t size)
{
    struct vp_flash_block *block = *slot;
    struct entry *entry;
    if (!block || block->pooled) {
        return;
    }
    if (is_erased(block, size)) {
        vp_flash_release_block(block);
        *slot = NULL;
        return;
    }
    const uint64_t key = crc32(0, block->bytes, size) | (uint64_t)size << 32;
    HASH_FIND(hh, pool->entries, &key, sizeof key, entry);
    if (!entry) {
        add(pool, key, block);
    } else if (!memcmp(entry->block->bytes, block->bytes, size)) {
        *slot = entry->block;
        entry->block->references++;
        vp_flash_release_block(block);
    }
}

void vp_flash_share(struct vp_flash_pool *pool, struct vp_flash *flash)
{
    for (unsigned i = 0; i < flash->geometry->sector_count; i++) {
        share_sector(pool, &flash->blocks[i], flash->geometry->sectors[i].size);
    }
    if (HASH_COUNT(pool->entries) >= pool->sweep_at) {
        sweep(pool);
    }
}
