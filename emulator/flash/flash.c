#include "flash/flash_private.h"

#include <stdlib.h>
#include <string.h>

enum { ERASED = 0xFF, WORD = 4 };

uint32_t vp_flash_size(const struct vp_flash_geometry *geometry)
{
    const struct vp_flash_sector *last = &geometry->sectors[geometry->sector_count - 1];
    return last->address + last->size - geometry->sectors[0].address;
}

int vp_flash_create(struct vp_flash **flash, const struct vp_flash_geometry *geometry)
{
    struct vp_flash *made =
        calloc(1, sizeof *made + geometry->sector_count * sizeof(struct vp_flash_block *));
    if (!made) {
        return VP_ERROR_NO_MEMORY;
    }
    made->geometry = geometry;
    made->image_descriptor = -1;
    *flash = made;
    return 0;
}

void vp_flash_release_block(struct vp_flash_block *block)
{
    if (block && --block->references == 0) {
        free(block);
    }
}

void vp_flash_destroy(struct vp_flash *flash)
{
    if (!flash) {
        return;
    }
    for (unsigned i = 0; i < flash->geometry->sector_count; i++) {
        vp_flash_release_block(flash->blocks[i]);
    }
    vp_flash_close_image(flash);
    free(flash);
}

const struct vp_flash_geometry *vp_flash_geometry(const struct vp_flash *flash)
{
    return flash->geometry;
}

void vp_flash_set_hook(struct vp_flash *flash, vp_flash_hook hook, void *context)
{
    flash->hook = hook;
    flash->hook_context = context;
}

const struct vp_flash_sector *vp_flash_sector_at(const struct vp_flash *flash, uint32_t address)
{
    const struct vp_flash_sector *low = flash->geometry->sectors;
    const struct vp_flash_sector *high = low + flash->geometry->sector_count;
    while (high - low > 1) {
        const struct vp_flash_sector *middle = low + (high - low) / 2;
        if (address < middle->address) {
            high = middle;
        } else {
            low = middle;
        }
    }
    return address >= low->address && address - low->address < low->size ? low : NULL;
}

bool vp_flash_contains(const struct vp_flash *flash, uint32_t address, uint64_t length)
{
    const uint32_t base = flash->geometry->sectors[0].address;
    const uint32_t size = vp_flash_size(flash->geometry);
    return address >= base && address - base <= size && length <= size - (address - base);
}

/* The bytes of a sector to read; NULL if it is erased and takes no memory. */
static const uint8_t *sector_bytes(const struct vp_flash *flash,
                                   const struct vp_flash_sector *sector)
{
    if (flash->image) {
        return flash->image + (sector->address - flash->geometry->sectors[0].address);
    }
    const struct vp_flash_block *block = flash->blocks[sector - flash->geometry->sectors];
    return block ? block->bytes : NULL;
}

static struct vp_flash_block *new_block(uint32_t size, const uint8_t *contents)
{
    struct vp_flash_block *block = malloc(sizeof *block + size);
    if (block) {
        block->references = 1;
        block->pooled = false;
        if (contents) {
            memcpy(block->bytes, contents, size);
        } else {
            memset(block->bytes, ERASED, size);
        }
    }
    return block;
}

/* The bytes of a sector to write: this flash's own copy of them. */
static uint8_t *writable_bytes(struct vp_flash *flash, const struct vp_flash_sector *sector)
{
    if (flash->image) {
        return flash->image + (sector->address - flash->geometry->sectors[0].address);
    }
    struct vp_flash_block **slot = &flash->blocks[sector - flash->geometry->sectors];
    if (!*slot || (*slot)->references > 1) {
        struct vp_flash_block *own = new_block(sector->size, *slot ? (*slot)->bytes : NULL);
        if (!own) {
            return NULL;
        }
        vp_flash_release_block(*slot);
        *slot = own;
    }
    return (*slot)->bytes;
}

int vp_flash_fork(struct vp_flash **fork, const struct vp_flash *flash)
{
    struct vp_flash *made;
    int error = vp_flash_create(&made, flash->geometry);
    if (error) {
        return error;
    }
    made->operations = flash->operations;
    made->busy_us = flash->busy_us;
    for (unsigned i = 0; i < flash->geometry->sector_count; i++) {
        if (flash->image) {
            const struct vp_flash_sector *sector = &flash->geometry->sectors[i];
            made->blocks[i] = new_block(sector->size, sector_bytes(flash, sector));
            if (!made->blocks[i]) {
                vp_flash_destroy(made);
                return VP_ERROR_NO_MEMORY;
            }
        } else if (flash->blocks[i]) {
            made->blocks[i] = flash->blocks[i];
            made->blocks[i]->references++;
        }
    }
    *fork = made;
    return 0;
}

static void copy_into_image(struct vp_flash *to, const struct vp_flash *from)
{
    for (unsigned i = 0; i < to->geometry->sector_count; i++) {
        const struct vp_flash_sector *sector = &to->geometry->sectors[i];
        const uint8_t *bytes = sector_bytes(from, sector);
        uint8_t *place = to->image + (sector->address - to->geometry->sectors[0].address);
        if (bytes) {
            memcpy(place, bytes, sector->size);
        } else {
            memset(place, ERASED, sector->size);
        }
    }
}

void vp_flash_take(struct vp_flash *to, struct vp_flash *fork)
{
    if (to->image) {
        copy_into_image(to, fork);
    } else {
        for (unsigned i = 0; i < to->geometry->sector_count; i++) {
            struct vp_flash_block *old = to->blocks[i];
            to->blocks[i] = fork->blocks[i];
            fork->blocks[i] = old;
        }
    }
    vp_flash_destroy(fork);
}

int vp_flash_read(const struct vp_flash *flash, uint32_t address, void *data, size_t length)
{
    if (!vp_flash_contains(flash, address, length)) {
        return VP_ERROR_RANGE;
    }
    uint8_t *to = data;
    while (length > 0) {
        const struct vp_flash_sector *sector = vp_flash_sector_at(flash, address);
        const uint32_t offset = address - sector->address;
        const size_t room = sector->size - offset;
        const size_t piece = length < room ? length : room;
        const uint8_t *bytes = sector_bytes(flash, sector);
        if (bytes) {
            memcpy(to, bytes + offset, piece);
        } else {
            memset(to, ERASED, piece);
        }
        to += piece;
        address += (uint32_t)piece;
        length -= piece;
    }
    return 0;
}

/* The time that the chip takes, whatever comes of it. */
static uint64_t duration_us(const struct vp_flash *flash,
                            const struct vp_flash_operation *operation)
{
    const struct vp_flash_timing *timing = &flash->geometry->timing;
    if (operation->kind == VP_FLASH_PROGRAM) {
        return (uint64_t)(operation->length + WORD - 1) / WORD * timing->word_us;
    }
    for (size_t i = 0; i < sizeof timing->erase / sizeof *timing->erase; i++) {
        if (timing->erase[i].size == operation->length) {
            return timing->erase[i].us;
        }
    }
    return 0;
}

/* Ask the hook how much of the operation happens. */
static uint32_t permitted(struct vp_flash *flash, struct vp_flash_operation operation)
{
    operation.index = flash->operations++;
    flash->busy_us += duration_us(flash, &operation);
    if (!flash->hook) {
        return operation.length;
    }
    const uint32_t granted = flash->hook(flash->hook_context, &operation);
    return granted < operation.length ? granted : operation.length;
}

int vp_flash_erase(struct vp_flash *flash, uint32_t address)
{
    const struct vp_flash_sector *sector = vp_flash_sector_at(flash, address);
    if (!sector) {
        return VP_ERROR_RANGE;
    }
    const uint32_t granted = permitted(flash, (struct vp_flash_operation){
                                                  .kind = VP_FLASH_ERASE,
                                                  .address = sector->address,
                                                  .length = sector->size,
                                              });
    const bool whole = granted == sector->size;
    if (whole && !flash->image) {
        struct vp_flash_block **slot = &flash->blocks[sector - flash->geometry->sectors];
        vp_flash_release_block(*slot);
        *slot = NULL;
    } else if (granted > 0 && sector_bytes(flash, sector)) {
        uint8_t *bytes = writable_bytes(flash, sector);
        if (!bytes) {
            return VP_ERROR_NO_MEMORY;
        }
        memset(bytes, ERASED, granted);
    }
    return whole ? 0 : VP_ERROR_FLASH;
}

int vp_flash_erase_range(struct vp_flash *flash, uint32_t address, uint32_t length)
{
    const uint64_t end = (uint64_t)address + length;
    for (uint64_t at = address; at < end;) {
        const struct vp_flash_sector *sector = vp_flash_sector_at(flash, (uint32_t)at);
        const int error = vp_flash_erase(flash, (uint32_t)at);
        if (error) {
            return error;
        }
        at = (uint64_t)sector->address + sector->size;
    }
    return 0;
}

/* Eight bytes at a time: a download spends most of the device's time here. */
static void clear_bits(uint8_t *to, const uint8_t *from, uint32_t length)
{
    uint32_t done = 0;
    for (; length - done >= sizeof(uint64_t); done += sizeof(uint64_t)) {
        uint64_t old, new;
        memcpy(&old, to + done, sizeof old);
        memcpy(&new, from + done, sizeof new);
        old &= new;
        memcpy(to + done, &old, sizeof old);
    }
    for (; done < length; done++) {
        to[done] &= from[done];
    }
}

/* Program within one sector. */
static int program_piece(struct vp_flash *flash, const struct vp_flash_sector *sector,
                         uint32_t address, const uint8_t *data, uint32_t length)
{
    const uint32_t granted = permitted(flash, (struct vp_flash_operation){
                                                  .kind = VP_FLASH_PROGRAM,
                                                  .address = address,
                                                  .length = length,
                                                  .data = data,
                                              });
    uint8_t *bytes = writable_bytes(flash, sector);
    if (!bytes) {
        return VP_ERROR_NO_MEMORY;
    }
    clear_bits(bytes + (address - sector->address), data, granted);
    return granted == length ? 0 : VP_ERROR_FLASH;
}

/* Words within one sector. Without a hook nobody can tell them from one operation but by count. */
static int program_words(struct vp_flash *flash, const struct vp_flash_sector *sector,
                         uint32_t address, const uint8_t *data, uint32_t length)
{
    if (!flash->hook) {
        flash->operations += length / WORD - 1;
        return program_piece(flash, sector, address, data, length);
    }
    for (uint32_t done = 0; done < length; done += WORD) {
        int error = program_piece(flash, sector, address + done, data + done, WORD);
        if (error) {
            return error;
        }
    }
    return 0;
}

typedef int (*program_function)(struct vp_flash *flash, const struct vp_flash_sector *sector,
                                uint32_t address, const uint8_t *data, uint32_t length);

/* Sector by sector, up to the end of the chip. */
static int program_sectors(struct vp_flash *flash, uint32_t address, const uint8_t *data,
                           size_t length, program_function program)
{
    while (length > 0) {
        const struct vp_flash_sector *sector = vp_flash_sector_at(flash, address);
        if (!sector) {
            return VP_ERROR_RANGE;
        }
        const size_t room = sector->size - (address - sector->address);
        const uint32_t piece = (uint32_t)(length < room ? length : room);
        int error = program(flash, sector, address, data, piece);
        if (error) {
            return error;
        }
        data += piece;
        address += piece;
        length -= piece;
    }
    return 0;
}

int vp_flash_program(struct vp_flash *flash, uint32_t address, const void *data, size_t length)
{
    if (!vp_flash_contains(flash, address, length)) {
        return VP_ERROR_RANGE;
    }
    return program_sectors(flash, address, data, length, program_piece);
}

int vp_flash_program_words(struct vp_flash *flash, uint32_t address, const void *data,
                           size_t length)
{
    if (address % WORD != 0 || length % WORD != 0) {
        return VP_ERROR_INVALID;
    }
    return program_sectors(flash, address, data, length, program_words);
}

uint64_t vp_flash_operations(const struct vp_flash *flash)
{
    return flash->operations;
}

uint64_t vp_flash_busy_us(const struct vp_flash *flash)
{
    return flash->busy_us;
}

size_t vp_flash_private_bytes(const struct vp_flash *flash)
{
    size_t total = 0;
    for (unsigned i = 0; i < flash->geometry->sector_count; i++) {
        if (flash->blocks[i] && flash->blocks[i]->references == 1) {
            total += flash->geometry->sectors[i].size;
        }
    }
    return total;
}
