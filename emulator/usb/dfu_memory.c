#include "usb/dfu_memory.h"

#include <string.h>

#include "boot/dct_code.h"

enum {
    DCT_LIMIT = 0x4000, /* DCT_If_CheckAdd */
    WRITE_TRIES = 3,    /* MAL_Write since 0.5.3 */
};

/* One memory; a row of the firmware's tMALTab. */
struct memory {
    bool (*knows)(const struct vp_dfu *dfu, uint32_t address);
    enum vp_dfu_result (*erase)(struct vp_dfu *dfu, uint32_t address);
    enum vp_dfu_result (*write)(struct vp_dfu *dfu, uint32_t address, uint32_t length);
    bool (*differs)(const struct vp_dfu *dfu, uint32_t address, uint32_t length);
    enum vp_dfu_result (*read)(struct vp_dfu *dfu, uint32_t address, uint8_t *data,
                               uint32_t length);
    /* bwPollTimeout; the firmware uses its erase time for writes and the other way round. */
    uint16_t (*poll_ms)(const struct vp_dfu *dfu, bool erase);
};

/* ---- Internal flash ------------------------------------------------------------- */

static bool flash_knows(const struct vp_dfu *dfu, uint32_t address)
{
    return vp_flash_contains(dfu->boot->flash, address, 1);
}

static enum vp_dfu_result flash_erase(struct vp_dfu *dfu, uint32_t address)
{
    return vp_flash_erase(dfu->boot->flash, address) ? VP_DFU_FAILED : VP_DFU_DONE;
}

/* FLASH_If_Write: words, the last one filled up with ones. */
static enum vp_dfu_result flash_write(struct vp_dfu *dfu, uint32_t address, uint32_t length)
{
    const uint32_t whole = (length + 3) & ~3u;
    memset(dfu->buffer + length, 0xFF, whole - length);
    if (address % 4 != 0) {
        return VP_DFU_FAILED; /* PGPERR, RM0033 section 3.7.4 */
    }
    const int error = vp_flash_program_words(dfu->boot->flash, address, dfu->buffer, whole);
    vp_boot_flash_written(dfu->boot, address + whole);
    if (error == VP_ERROR_RANGE) {
        return VP_DFU_FAULTED;
    }
    return error ? VP_DFU_FAILED : VP_DFU_DONE;
}

static bool flash_differs(const struct vp_dfu *dfu, uint32_t address, uint32_t length)
{
    uint8_t written[VP_DFU_TRANSFER_SIZE];
    const uint32_t whole = (length + 3) & ~3u;
    return vp_flash_read(dfu->boot->flash, address, written, whole) ||
           memcmp(written, dfu->buffer, whole) != 0;
}

static enum vp_dfu_result flash_read(struct vp_dfu *dfu, uint32_t address, uint8_t *data,
                                     uint32_t length)
{
    return vp_flash_read(dfu->boot->flash, address, data, length) ? VP_DFU_FAULTED : VP_DFU_DONE;
}

static uint16_t flash_poll_ms(const struct vp_dfu *dfu, bool erase)
{
    (void)erase;
    return dfu->boot->generation->dfu->flash_poll_ms;
}

/* ---- DCT --------------------------------------------------------------------------- */

/* Code that is gone makes the processor fault; code that is missing, the request fail. */
static enum vp_dfu_result dct_result(int error)
{
    return error == VP_ERROR_UNSUPPORTED ? VP_DFU_FAULTED : error ? VP_DFU_FAILED : VP_DFU_DONE;
}

static bool dct_knows(const struct vp_dfu *dfu, uint32_t address)
{
    (void)dfu;
    return address < DCT_LIMIT;
}

static enum vp_dfu_result dct_erase(struct vp_dfu *dfu, uint32_t address)
{
    (void)dfu;
    (void)address;
    return VP_DFU_DONE;
}

static enum vp_dfu_result dct_write(struct vp_dfu *dfu, uint32_t address, uint32_t length)
{
    return dct_result(vp_boot_dct_write(dfu->boot, address, dfu->buffer, length));
}

/* DCT_If_Verify, sFLASH_If_Verify: "unimplemented". */
static bool never_differs(const struct vp_dfu *dfu, uint32_t address, uint32_t length)
{
    (void)dfu;
    (void)address;
    (void)length;
    return false;
}

static enum vp_dfu_result dct_read(struct vp_dfu *dfu, uint32_t address, uint8_t *data,
                                   uint32_t length)
{
    const int error = vp_boot_dct_read(dfu->boot, address, data, length);
    return error == VP_ERROR_RANGE ? VP_DFU_FAULTED : dct_result(error);
}

static uint16_t dct_poll_ms(const struct vp_dfu *dfu, bool erase)
{
    (void)dfu;
    return erase ? 500 : 1;
}

/* ---- Serial flash --------------------------------------------------------------------- */

static bool serial_knows(const struct vp_dfu *dfu, uint32_t address)
{
    return dfu->boot->external && vp_flash_contains(dfu->boot->external, address, 1);
}

static enum vp_dfu_result serial_erase(struct vp_dfu *dfu, uint32_t address)
{
    vp_flash_erase(dfu->boot->external, address);
    return VP_DFU_DONE; /* nobody asks the chip whether it did */
}

/* The chip counts addresses modulo its size: what leaves it comes back at the start. */
static uint32_t serial_room(const struct vp_dfu *dfu, uint32_t address, uint32_t length)
{
    const struct vp_flash_geometry *geometry = dfu->boot->board->external;
    const struct vp_flash_sector *last = &geometry->sectors[geometry->sector_count - 1];
    const uint32_t room = last->address + last->size - address;
    return length < room ? length : room;
}

static enum vp_dfu_result serial_write(struct vp_dfu *dfu, uint32_t address, uint32_t length)
{
    const uint32_t first = serial_room(dfu, address, length);
    vp_flash_program(dfu->boot->external, address, dfu->buffer, first);
    vp_flash_program(dfu->boot->external, 0, dfu->buffer + first, length - first);
    return VP_DFU_DONE;
}

/* sFLASH_If_Read goes through the request buffer, which has room for 4096 bytes. */
static enum vp_dfu_result serial_read(struct vp_dfu *dfu, uint32_t address, uint8_t *data,
                                      uint32_t length)
{
    const uint32_t held = length < sizeof dfu->buffer ? length : (uint32_t)sizeof dfu->buffer;
    const uint32_t first = serial_room(dfu, address, held);
    vp_flash_read(dfu->boot->external, address, dfu->buffer, first);
    vp_flash_read(dfu->boot->external, 0, dfu->buffer + first, held - first);
    memcpy(data, dfu->buffer, held);
    if (length > held) {
        return VP_DFU_FAULTED; /* Assumption: what lies behind the buffer does not survive */
    }
    return VP_DFU_DONE;
}

/* ---- The table and its users ------------------------------------------------------ */

/* In order of alternate settings. */
static const struct memory memories[] = {
    {flash_knows, flash_erase, flash_write, flash_differs, flash_read, flash_poll_ms},
    {dct_knows, dct_erase, dct_write, never_differs, dct_read, dct_poll_ms},
    {serial_knows, serial_erase, serial_write, never_differs, serial_read, flash_poll_ms},
};

/* MAL_CheckAdd: the memory for an address, or NULL. */
static const struct memory *memory_at(const struct vp_dfu *dfu, uint32_t address)
{
    if (dfu->boot->generation->dfu->routing == VP_DFU_BY_ALTERNATE) {
        const struct memory *memory = &memories[dfu->alternate];
        return memory->knows(dfu, address) ? memory : NULL;
    }
    for (size_t i = 0; i < vp_dfu_alternates(dfu); i++) {
        if (memories[i].knows(dfu, address)) {
            return &memories[i];
        }
    }
    return NULL;
}

static bool protected_from_dfu(const struct vp_dfu *dfu, uint32_t address)
{
    const struct vp_region *region = &dfu->boot->board->dfu_protected;
    return address >= region->start && address < region->end;
}

enum vp_dfu_result vp_dfu_erase(struct vp_dfu *dfu, uint32_t address)
{
    const struct memory *memory = memory_at(dfu, address);
    if (!memory || protected_from_dfu(dfu, address)) {
        return VP_DFU_FAILED;
    }
    return memory->erase(dfu, address);
}

enum vp_dfu_result vp_dfu_write(struct vp_dfu *dfu, uint32_t address, uint32_t length)
{
    const struct memory *memory = memory_at(dfu, address);
    if (!memory || protected_from_dfu(dfu, address)) {
        return VP_DFU_FAILED;
    }
    if (!dfu->boot->generation->dfu->verifies) {
        return memory->write(dfu, address, length);
    }
    for (unsigned tries = 0; tries < WRITE_TRIES; tries++) {
        enum vp_dfu_result result = memory->write(dfu, address, length);
        if (result == VP_DFU_FAILED) {
            result = memory->write(dfu, address, length);
        }
        if (result != VP_DFU_DONE) {
            return result;
        }
        if (!memory->differs(dfu, address, length)) {
            return VP_DFU_DONE;
        }
    }
    return VP_DFU_FAILED;
}

/* The request buffer stands in for what can't be read. What follows it in memory is not known:
 * assumed to be zeros. */
static void read_buffer(struct vp_dfu *dfu, uint8_t *data, uint32_t length)
{
    if (dfu->boot->generation->dfu->unreadable == VP_DFU_ZEROS) {
        memset(dfu->buffer, 0, sizeof dfu->buffer);
    }
    const uint32_t held = length < sizeof dfu->buffer ? length : (uint32_t)sizeof dfu->buffer;
    memcpy(data, dfu->buffer, held);
    memset(data + held, 0, length - held);
}

enum vp_dfu_result vp_dfu_read(struct vp_dfu *dfu, uint32_t address, uint8_t *data, uint32_t length)
{
    const struct memory *memory = memory_at(dfu, address);
    const enum vp_dfu_result result =
        memory ? memory->read(dfu, address, data, length) : VP_DFU_FAILED;
    if (result == VP_DFU_FAILED) {
        read_buffer(dfu, data, length);
        return VP_DFU_DONE;
    }
    return result;
}

void vp_dfu_set_poll_timeout(struct vp_dfu *dfu, uint32_t address, bool erase)
{
    const struct memory *memory = memory_at(dfu, address);
    if (memory) {
        const uint16_t poll = memory->poll_ms(dfu, erase);
        dfu->status[1] = (uint8_t)poll;
        dfu->status[2] = (uint8_t)(poll >> 8);
        dfu->status[3] = 0;
    }
}
