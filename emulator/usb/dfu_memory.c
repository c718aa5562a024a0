#include "usb/dfu_memory.h"

#include <string.h>

#include "dct/dct.h"
#include "vparticle/module.h"

enum {
    DCT_LIMIT = 0x4000,         /* DCT_If_CheckAdd */
    WRITE_TRIES = 3,            /* MAL_Write since 0.5.3 */
    SYSTEM_WITH_DCT_CODE = 200, /* MIN_MODULE_VERSION_SYSTEM_PART2, bootloader_dct.c @ v0.7.0 */
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
    return dfu->boot->generation->rules->flash_poll_ms;
}

/* ---- DCT --------------------------------------------------------------------------- */

static bool part_valid(const struct vp_dfu *dfu, const struct vp_module *part, uint8_t index)
{
    return part->platform == dfu->boot->board->platform && part->function == VP_MODULE_SYSTEM &&
           part->index == index && vp_module_crc_matches(dfu->boot->flash, part->start, part);
}

/* init_dct_functions: both parts whole, part 1 as new as part 2 asks for. */
static uint32_t find_dct_code(const struct vp_dfu *dfu)
{
    const struct vp_board *board = dfu->boot->board;
    unsigned count;
    const struct vp_module_slot *slots = vp_module_slots(board->platform, 0, &count);
    struct vp_module parts[2] = {{0}};
    for (unsigned i = 0; i < count; i++) {
        if (slots[i].function == VP_MODULE_SYSTEM && slots[i].index <= 2) {
            struct vp_module *part = &parts[slots[i].index - 1];
            if (vp_module_parse_flash(dfu->boot->flash, slots[i].start, part, NULL) ||
                !part_valid(dfu, part, slots[i].index)) {
                return 0;
            }
        }
    }
    const bool usable = parts[1].version >= SYSTEM_WITH_DCT_CODE &&
                        parts[0].version >= parts[1].dependencies[0].version;
    return usable ? parts[1].crc : 0;
}

void vp_dfu_find_dct_code(struct vp_dfu *dfu)
{
    dfu->dct_code_crc = dfu->boot->generation->dct_code == VP_DCT_OWN ? 0 : find_dct_code(dfu);
}

/*
 * Before a call of the DCT code. Bootloaders before 400 hold on to the functions that they found
 * at boot: once DFU has replaced the system part, they call into whatever is there now.
 */
static enum vp_dfu_result dct_code_ready(struct vp_dfu *dfu)
{
    switch (dfu->boot->generation->dct_code) {
    case VP_DCT_OWN:
        return VP_DFU_DONE;
    case VP_DCT_OF_PART2_ANEW:
        vp_dfu_find_dct_code(dfu);
        break;
    case VP_DCT_OF_PART2:
        if (dfu->dct_code_crc && find_dct_code(dfu) != dfu->dct_code_crc) {
            return VP_DFU_FAULTED;
        }
        break;
    }
    return dfu->dct_code_crc ? VP_DFU_DONE : VP_DFU_FAILED;
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
    const enum vp_dfu_result ready = dct_code_ready(dfu);
    if (ready != VP_DFU_DONE) {
        return ready;
    }
    return vp_dct_write(dfu->boot->flash, dfu->boot->board, address, dfu->buffer, length)
               ? VP_DFU_FAILED
               : VP_DFU_DONE;
}

static bool dct_differs(const struct vp_dfu *dfu, uint32_t address, uint32_t length)
{
    (void)dfu;
    (void)address;
    (void)length;
    return false;
}

static enum vp_dfu_result dct_read(struct vp_dfu *dfu, uint32_t address, uint8_t *data,
                                   uint32_t length)
{
    const enum vp_dfu_result ready = dct_code_ready(dfu);
    if (ready != VP_DFU_DONE) {
        return ready;
    }
    return vp_dct_read(dfu->boot->flash, dfu->boot->board, address, data, length) ? VP_DFU_FAULTED
                                                                                  : VP_DFU_DONE;
}

static uint16_t dct_poll_ms(const struct vp_dfu *dfu, bool erase)
{
    (void)dfu;
    return erase ? 500 : 1;
}

/* ---- The table and its users ------------------------------------------------------ */

/* In order of alternate settings. */
static const struct memory memories[] = {
    {flash_knows, flash_erase, flash_write, flash_differs, flash_read, flash_poll_ms},
    {dct_knows, dct_erase, dct_write, dct_differs, dct_read, dct_poll_ms},
};

/* MAL_CheckAdd: the memory for an address, or NULL. */
static const struct memory *memory_at(const struct vp_dfu *dfu, uint32_t address)
{
    if (dfu->boot->generation->rules->routing == VP_DFU_BY_ALTERNATE) {
        const struct memory *memory = &memories[dfu->alternate];
        return memory->knows(dfu, address) ? memory : NULL;
    }
    for (size_t i = 0; i < sizeof memories / sizeof *memories; i++) {
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
    if (!dfu->boot->generation->rules->verifies) {
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
    if (dfu->boot->generation->rules->unreadable == VP_DFU_ZEROS) {
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
