#include "dct/dct.h"

#include <stdlib.h>
#include <string.h>

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

int vp_dct_read(const struct vp_flash *flash, const struct vp_board *board, uint32_t offset,
                void *data, size_t length)
{
    const struct vp_region *copy = current_copy(flash, board);
    if (!copy) {
        memset(data, 0xFF, length);
        return 0;
    }
    return vp_flash_read(flash, copy->start + VP_DCT_APPLICATION_OFFSET + offset, data, length);
}

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

int vp_dct_write(struct vp_flash *flash, const struct vp_board *board, uint32_t offset,
                 const void *data, size_t length)
{
    const uint32_t size = board->dct[0].end - board->dct[0].start;
    const uint32_t room = size - VP_DCT_APPLICATION_OFFSET;
    if (offset > room || length > room - offset) {
        return VP_ERROR_RANGE;
    }
    uint8_t *contents = malloc(size);
    if (!contents) {
        return VP_ERROR_NO_MEMORY;
    }
    const struct vp_region *from = current_copy(flash, board);
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
