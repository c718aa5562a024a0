/**
 * @file flash.h
 * Virtual NOR flash: sectors are erased to 0xFF, programming only clears bits.
 *
 * Sector contents are shared between forks until one of them writes (copy on write);
 * an erased sector costs no memory. A flash may be backed by an image file instead,
 * see vp_flash_open_image().
 *
 * Behaviour: STM32F205 reference manual RM0033 section 3 ("Embedded Flash memory").
 */
#ifndef VPARTICLE_FLASH_H
#define VPARTICLE_FLASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vparticle/error.h"

struct vp_flash;

/** One erasable sector. */
struct vp_flash_sector {
    uint32_t address; /**< first byte, as the processor sees it */
    uint32_t size;    /**< bytes */
};

/** How long a chip takes, typically, by its data sheet. */
struct vp_flash_timing {
    uint32_t word_us; /**< to program 4 bytes */
    struct {
        uint32_t size, us; /**< to erase a sector of `size` bytes */
    } erase[3];            /**< all sizes that the chip has */
};

/** Constant layout of a flash chip; sectors ascend without gaps. */
struct vp_flash_geometry {
    const char *name;
    const struct vp_flash_sector *sectors;
    unsigned sector_count;
    struct vp_flash_timing timing;
};

/** STM32F205xG: 1 MiB from 0x08000000, 4 x 16K, 64K, 7 x 128K (RM0033 table 2). */
extern const struct vp_flash_geometry vp_flash_stm32f205;

/** STM32F103xB: 128 KiB from 0x08000000, pages of 1K (RM0008 and PM0075, medium density). */
extern const struct vp_flash_geometry vp_flash_stm32f103;

/** The P1's serial flash: 1 MiB from 0, sectors of 4K. */
extern const struct vp_flash_geometry vp_flash_serial_1m;

/** The Core's serial flash: 2 MiB from 0, sectors of 4K. */
extern const struct vp_flash_geometry vp_flash_serial_2m;

enum vp_flash_operation_kind { VP_FLASH_ERASE, VP_FLASH_PROGRAM };

/** An operation as the hook sees it, before it takes effect. */
struct vp_flash_operation {
    uint64_t index; /**< counts erases and programs of this flash from 0 */
    enum vp_flash_operation_kind kind;
    uint32_t address;    /**< first byte affected (start of the sector for an erase) */
    uint32_t length;     /**< bytes affected */
    const uint8_t *data; /**< what is to be programmed; NULL for an erase */
};

/**
 * Called before each operation.
 * @return how many bytes of the operation take effect: operation->length lets it
 *         happen whole, fewer cuts it there and makes it fail with VP_ERROR_FLASH.
 */
typedef uint32_t (*vp_flash_hook)(void *context, const struct vp_flash_operation *operation);

/**
 * Create an erased flash in memory.
 * @param[out] flash  owned by the caller: vp_flash_destroy()
 * @return 0 or VP_ERROR_NO_MEMORY
 */
int vp_flash_create(struct vp_flash **flash, const struct vp_flash_geometry *geometry);

/**
 * Open (or create, erased) an image file that backs the flash. Each operation lands in
 * the file as it happens, so that killing the process at any moment loses nothing that
 * was done. The file holds the bytes from the first to the last address, nothing else.
 * It is locked: a second opener gets VP_ERROR_BUSY.
 * @return 0, VP_ERROR_IO, VP_ERROR_BUSY, VP_ERROR_INVALID (wrong size), VP_ERROR_NO_MEMORY
 */
int vp_flash_open_image(struct vp_flash **flash, const struct vp_flash_geometry *geometry,
                        const char *path, struct vp_failure *failure);

/**
 * Write the contents into a new image file, whole or not at all.
 * @return 0, VP_ERROR_BUSY if @p path exists already, VP_ERROR_IO, VP_ERROR_NO_MEMORY
 */
int vp_flash_save_image(const struct vp_flash *flash, const char *path, struct vp_failure *failure);

/**
 * Copy on write: a second flash with the same contents and without a hook. The fork of
 * a file-backed flash lives in memory.
 * @return 0 or VP_ERROR_NO_MEMORY
 */
int vp_flash_fork(struct vp_flash **fork, const struct vp_flash *flash);

/**
 * Take over the contents of a fork, also into an image file. It is no operation: neither hook nor
 * counters see it. It cannot fail, so that several flashes can change together or not at all.
 * @param fork  of a flash of the same geometry, without an image file; it is released
 */
void vp_flash_take(struct vp_flash *to, struct vp_flash *fork);

/** Release the flash; NULL is allowed. A file keeps its contents. */
void vp_flash_destroy(struct vp_flash *flash);

const struct vp_flash_geometry *vp_flash_geometry(const struct vp_flash *flash);

/** Install (or with NULL remove) the operation hook. @p context is passed back to it. */
void vp_flash_set_hook(struct vp_flash *flash, vp_flash_hook hook, void *context);

/** The sector that contains @p address, or NULL outside of the chip. */
const struct vp_flash_sector *vp_flash_sector_at(const struct vp_flash *flash, uint32_t address);

/** True if @p length bytes from @p address lie within the chip (any 64-bit sum is safe). */
bool vp_flash_contains(const struct vp_flash *flash, uint32_t address, uint64_t length);

/**
 * Copy @p length bytes from @p address into @p data.
 * @return 0, or VP_ERROR_RANGE with nothing copied
 */
int vp_flash_read(const struct vp_flash *flash, uint32_t address, void *data, size_t length);

/**
 * Erase the sector that contains @p address to 0xFF.
 * @return 0, VP_ERROR_RANGE, VP_ERROR_FLASH (cut by the hook)
 */
int vp_flash_erase(struct vp_flash *flash, uint32_t address);

/**
 * Erase all sectors that hold any of @p length bytes from @p address on, one after the other.
 * @return as vp_flash_erase(), of the first that failed; those before it are erased
 */
int vp_flash_erase_range(struct vp_flash *flash, uint32_t address, uint32_t length);

/**
 * Program @p length bytes: each byte becomes (old & new). The call succeeds even where
 * bits that are 0 ought to become 1: as on the chip, only reading back shows it.
 * @return 0, VP_ERROR_RANGE (nothing programmed), VP_ERROR_FLASH (cut by the hook),
 *         VP_ERROR_NO_MEMORY
 */
int vp_flash_program(struct vp_flash *flash, uint32_t address, const void *data, size_t length);

/**
 * Program as the chip does it, word by word (RM0033 section 3.7.4): each word of 4 bytes is
 * an operation of its own, for the hook and in vp_flash_operations().
 * @param length  bytes; it and @p address are multiples of 4
 * @return 0, VP_ERROR_INVALID (not multiples of 4), VP_ERROR_RANGE (the words before the
 *         chip's end are programmed), VP_ERROR_FLASH (cut by the hook), VP_ERROR_NO_MEMORY
 */
int vp_flash_program_words(struct vp_flash *flash, uint32_t address, const void *data,
                           size_t length);

/** Erases and programs so far; the index of the next operation. A fork goes on counting. */
uint64_t vp_flash_operations(const struct vp_flash *flash);

/** Microseconds that the chip was busy with its operations so far, as data sheets have it. */
uint64_t vp_flash_busy_us(const struct vp_flash *flash);

/* ---- Many flashes with the same contents ------------------------------------------------------
 */

/** Sectors that flashes have in common. It and its flashes belong to one thread. */
struct vp_flash_pool;

/** @param[out] pool  owned by the caller: vp_flash_pool_destroy(). @return 0 or VP_ERROR_NO_MEMORY
 */
int vp_flash_pool_create(struct vp_flash_pool **pool);

/** NULL is allowed. What is shared stays so. */
void vp_flash_pool_destroy(struct vp_flash_pool *pool);

/**
 * Look for sectors of this flash that the pool has from others with the same contents, and keep
 * them once, copy on write; the others are added to the pool. Sectors that were written full of
 * ones are released. Nobody can tell, but for vp_flash_private_bytes(). Only sectors that have
 * changed since the last time are looked at. A flash in an image file stays as it is.
 */
void vp_flash_share(struct vp_flash_pool *pool, struct vp_flash *flash);

/** Bytes of memory that this flash alone holds (sectors not shared with a fork or a pool). */
size_t vp_flash_private_bytes(const struct vp_flash *flash);

#endif
