#include "dct/dct.h"

#include <stdlib.h>
#include <string.h>

#include "dct/dcd.h"

enum {
    HEADER_SIZE = 388,
    WRITE_INCOMPLETE = 8, /* 0 when the copy is whole */
    IS_CURRENT = 9,       /* 1 in the current copy, 0 in the old one */
    APPLICATION_VALID = 10,
    MAGIC = 12,
};

static const uint8_t magic[4] = {'B', 'R', 'C', 'M'};

static bool is_current(const struct vp_flash *flash, const struct vp_region *copy)
{
    uint8_t header[16];
    return vp_flash_read(flash, copy->start, header, sizeof header) == 0 &&
           header[WRITE_INCOMPLETE] == 0 && header[IS_CURRENT] == 1 &&
           memcmp(header + MAGIC, magic, sizeof magic) == 0;
}

/* The current copy; NULL if the DCT was never written. */
static const struct vp_region *current_copy(const struct vp_flash *flash,
                                            const struct vp_board *board)
{
    for (unsigned i = 0; i < 2; i++) {
        if (is_current(flash, &board->dct[i])) {
            return &board->dct[i];
        }
    }
    return NULL;
}

static int wiced_read(const struct vp_flash *flash, const struct vp_board *board, uint32_t offset,
                      void *data, size_t length)
{
    const struct vp_region *copy = current_copy(flash, board);
    if (!copy) {
        memset(data, 0xFF, length);
        return 0;
    }
    return vp_flash_read(flash, copy->start + VP_DCT_APPLICATION_OFFSET + offset, data, length);
}

/* ---- Photon and P1 -------------------------------------------------------------------- */

/* Program what differs from erased, a word at a time as the processor does; the header comes last.
 */
static int program_copy(struct vp_flash *flash, const struct vp_region *to, const uint8_t *contents,
                        uint32_t size)
{
    static const uint8_t erased[4] = {0xFF, 0xFF, 0xFF, 0xFF};
    for (uint32_t at = HEADER_SIZE; at < size; at += 4) {
        if (memcmp(contents + at, erased, 4) != 0) {
            int error = vp_flash_program(flash, to->start + at, contents + at, 4);
            if (error) {
                return error;
            }
        }
    }
    return vp_flash_program(flash, to->start, contents, HEADER_SIZE);
}

static int replace_copy(struct vp_flash *flash, const struct vp_region *from,
                        const struct vp_region *to, const uint8_t *contents, uint32_t size)
{
    int error = vp_flash_erase(flash, to->start);
    if (!error) {
        error = program_copy(flash, to, contents, size);
    }
    if (!error && from) {
        error = vp_flash_program(flash, from->start + IS_CURRENT, "\0", 1);
    }
    return error;
}

/* Can it be programmed over what is there? */
static bool fits_in_place(const struct vp_flash *flash, uint32_t address, const uint8_t *data,
                          size_t length)
{
    uint8_t there[256];
    for (size_t done = 0; done < length; done += sizeof there) {
        const size_t piece = length - done < sizeof there ? length - done : sizeof there;
        if (vp_flash_read(flash, address + (uint32_t)done, there, piece)) {
            return false;
        }
        for (size_t i = 0; i < piece; i++) {
            if ((there[i] & data[done + i]) != data[done + i]) {
                return false;
            }
        }
    }
    return true;
}

/*
 * The old bootloaders' code erases nothing as long as there are only bits to clear, as counted on
 * 3 to 11: four saves of the flags and a write by DFU take one erase, the very first. The code that
 * came with system 0.7.0 always makes a new copy (three erases for the same).
 */
static int wiced_write(struct vp_flash *flash, const struct vp_board *board,
                       enum vp_dct_version code, uint32_t offset, const void *data, size_t length)
{
    const uint32_t size = board->dct[0].end - board->dct[0].start;
    const uint32_t room = size - VP_DCT_APPLICATION_OFFSET;
    if (offset > room || length > room - offset) {
        return VP_ERROR_RANGE;
    }
    const struct vp_region *from = current_copy(flash, board);
    const uint32_t in_place = from ? from->start + VP_DCT_APPLICATION_OFFSET + offset : 0;
    if (code == VP_DCT_CODE_1 && from && fits_in_place(flash, in_place, data, length)) {
        return vp_flash_program(flash, in_place, data, length);
    }
    uint8_t *contents = malloc(size);
    if (!contents) {
        return VP_ERROR_NO_MEMORY;
    }
    const struct vp_region *to = from == &board->dct[0] ? &board->dct[1] : &board->dct[0];
    memset(contents, 0xFF, size);
    if (from) {
        vp_flash_read(flash, from->start, contents, size);
    }
    memset(contents, 0, HEADER_SIZE);
    contents[IS_CURRENT] = 1;
    contents[APPLICATION_VALID] = 1;
    memcpy(contents + MAGIC, magic, sizeof magic);
    memcpy(contents + VP_DCT_APPLICATION_OFFSET + offset, data, length);
    int error = replace_copy(flash, from, to, contents, size);
    free(contents);
    return error;
}

/* ---- By board ---------------------------------------------------------------------- */

static enum vp_dct_version actual(const struct vp_flash *flash, const struct vp_board *board,
                                  enum vp_dct_version code)
{
    return code == VP_DCT_CODE_ANY ? vp_dcd_last_writer(flash, board) : code;
}

int vp_dct_read_as(const struct vp_flash *flash, const struct vp_board *board,
                   enum vp_dct_version code, uint32_t offset, void *data, size_t length)
{
    switch (board->dct_format) {
    case VP_DCT_WICED:
        return wiced_read(flash, board, offset, data, length);
    case VP_DCT_DCD:
        return vp_dcd_read(flash, board, actual(flash, board, code), offset, data, length);
    default:
        return VP_ERROR_UNSUPPORTED;
    }
}

int vp_dct_write_as(struct vp_flash *flash, const struct vp_board *board, enum vp_dct_version code,
                    uint32_t offset, const void *data, size_t length)
{
    switch (board->dct_format) {
    case VP_DCT_WICED:
        return wiced_write(flash, board, code, offset, data, length);
    case VP_DCT_DCD:
        return vp_dcd_write(flash, board, actual(flash, board, code), offset, data, length);
    default:
        return VP_ERROR_UNSUPPORTED;
    }
}

int vp_dct_zero(struct vp_flash *flash, const struct vp_board *board, enum vp_dct_version code,
                uint32_t offset, size_t length)
{
    static const uint8_t zeros[64];
    const struct vp_region *copy = NULL;
    uint32_t start = 0;
    switch (board->dct_format) {
    case VP_DCT_WICED:
        copy = current_copy(flash, board);
        start = copy ? copy->start + VP_DCT_APPLICATION_OFFSET : 0;
        break;
    case VP_DCT_DCD:
        start = vp_dcd_address(flash, board, actual(flash, board, code));
        break;
    default:
        return VP_ERROR_UNSUPPORTED;
    }
    int error = start ? 0 : VP_ERROR_NOT_FOUND;
    for (size_t done = 0; !error && done < length; done += sizeof zeros) {
        const size_t piece = length - done < sizeof zeros ? length - done : sizeof zeros;
        error = vp_flash_program(flash, start + offset + (uint32_t)done, zeros, piece);
    }
    return error;
}

int vp_dct_prepare(struct vp_flash *flash, const struct vp_board *board, enum vp_dct_version code)
{
    return board->dct_format == VP_DCT_DCD
               ? vp_dcd_prepare(flash, board, actual(flash, board, code))
               : 0;
}

int vp_dct_read(const struct vp_flash *flash, const struct vp_board *board, uint32_t offset,
                void *data, size_t length)
{
    return vp_dct_read_as(flash, board, VP_DCT_CODE_ANY, offset, data, length);
}

int vp_dct_write(struct vp_flash *flash, const struct vp_board *board, uint32_t offset,
                 const void *data, size_t length)
{
    return vp_dct_write_as(flash, board, VP_DCT_CODE_ANY, offset, data, length);
}
