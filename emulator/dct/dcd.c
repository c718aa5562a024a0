#include "dct/dcd.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "bytes.h"

enum {
    HEADER_SIZE = 8,
    SEAL_AT = 4,
    FOOTER_SIZE = 32,
    CRC_SIZE = 4,
    /* In the footer. */
    COUNTER_AT = 16,
    FOOTER_LENGTH_AT = 22,
    FOOTER_WATERMARK_AT = 24,
    FOOTER_CRC_AT = 28,
    FOOTER_LENGTH = 4, /* sizeof(this): of a pointer, by mistake */
    COUNTER_MASK = 3,
};

static const uint32_t watermark = 0x1E1C279A, seal_valid = 0xEDA15E00, seal_cleared = 0,
                      seal_invalid_2 = 0x69A00C00;

/* A copy of both sectors' state, which is all that decides. */
struct sector {
    const struct vp_region *region;
    bool marked; /* has the watermark */
    uint32_t seal;
    uint8_t footer[FOOTER_SIZE];
};

static uint32_t sector_size(const struct vp_board *board)
{
    return board->dct[0].end - board->dct[0].start;
}

static void look(const struct vp_flash *flash, const struct vp_board *board, unsigned which,
                 struct sector *sector)
{
    uint8_t header[HEADER_SIZE];
    sector->region = &board->dct[which];
    vp_flash_read(flash, sector->region->start, header, sizeof header);
    vp_flash_read(flash, sector->region->end - FOOTER_SIZE, sector->footer, FOOTER_SIZE);
    sector->marked = vp_get_le32(header) == watermark;
    sector->seal = vp_get_le32(header + SEAL_AT);
}

static bool valid(const struct sector *sector)
{
    return sector->marked && sector->seal == seal_valid;
}

/* CRC-32 of all between header and CRC. */
static uint32_t crc_of(const struct vp_flash *flash, const struct vp_region *region)
{
    uint8_t piece[1024];
    uLong crc = crc32(0, NULL, 0);
    const uint32_t end = region->end - CRC_SIZE;
    for (uint32_t at = region->start + HEADER_SIZE; at < end;) {
        const uint32_t length = end - at < sizeof piece ? end - at : (uint32_t)sizeof piece;
        vp_flash_read(flash, at, piece, length);
        crc = crc32(crc, piece, length);
        at += length;
    }
    return (uint32_t)crc;
}

static bool whole(const struct vp_flash *flash, const struct sector *sector)
{
    return vp_get_le32(sector->footer + FOOTER_WATERMARK_AT) == watermark &&
           vp_get_le32(sector->footer + FOOTER_CRC_AT) == crc_of(flash, sector->region);
}

static unsigned counter(const struct sector *sector)
{
    return sector->footer[COUNTER_AT] & COUNTER_MASK;
}

/* evaluateSectors: @return 0 or 1, of two of which @p first is valid */
static int choose(const struct vp_flash *flash, const struct sector sectors[2], int first)
{
    const int second = 1 - first;
    if (sectors[second].seal == seal_valid) {
        const bool whole1 = whole(flash, &sectors[first]), whole2 = whole(flash, &sectors[second]);
        if (whole1 != whole2) {
            return whole1 ? first : second;
        }
        if (!whole1) {
            return 1;
        }
        return ((counter(&sectors[first]) + 1) & COUNTER_MASK) == counter(&sectors[second]) ? second
                                                                                            : first;
    }
    if (sectors[second].seal == seal_invalid_2) {
        return whole(flash, &sectors[first]) ? first : second;
    }
    return first; /* the first version wrote it: nothing to go by */
}

/* @return the current sector, or -1 if there is none */
static int current(const struct vp_flash *flash, const struct vp_board *board,
                   enum vp_dct_version code)
{
    struct sector sectors[2];
    look(flash, board, 0, &sectors[0]);
    look(flash, board, 1, &sectors[1]);
    if (code == VP_DCT_CODE_1) {
        return valid(&sectors[1]) ? 1 : valid(&sectors[0]) ? 0 : -1;
    }
    return valid(&sectors[0])   ? choose(flash, sectors, 0)
           : valid(&sectors[1]) ? choose(flash, sectors, 1)
                                : -1;
}

int vp_dcd_read(const struct vp_flash *flash, const struct vp_board *board,
                enum vp_dct_version code, uint32_t offset, void *data, size_t length)
{
    const int sector = current(flash, board, code);
    if (sector < 0) {
        memset(data, 0xFF, length);
        return 0;
    }
    return vp_flash_read(flash, board->dct[sector].start + HEADER_SIZE + offset, data, length);
}

uint32_t vp_dcd_address(const struct vp_flash *flash, const struct vp_board *board,
                        enum vp_dct_version code)
{
    const int sector = current(flash, board, code);
    return sector < 0 ? 0 : board->dct[sector].start + HEADER_SIZE;
}

/* Word by word, ones too: store.write. */
static int program_sector(struct vp_flash *flash, const struct vp_region *to,
                          const uint8_t *contents, uint32_t size)
{
    int error = vp_flash_program_words(flash, to->start + HEADER_SIZE, contents + HEADER_SIZE,
                                       size - HEADER_SIZE);
    return error ? error : vp_flash_program_words(flash, to->start, contents, HEADER_SIZE);
}

static int erase_if_needed(struct vp_flash *flash, const struct vp_region *region)
{
    uint8_t piece[1024];
    for (uint32_t at = region->start; at < region->end; at += sizeof piece) {
        vp_flash_read(flash, at, piece, sizeof piece);
        for (size_t i = 0; i < sizeof piece; i++) {
            if (piece[i] != 0xFF) {
                return vp_flash_erase(flash, region->start);
            }
        }
    }
    return 0;
}

static void put_header(uint8_t *contents, uint32_t seal)
{
    vp_put_le32(contents, watermark);
    vp_put_le32(contents + SEAL_AT, seal);
}

/*
 * _write_v2_footer. What the firmware leaves in the rest of a new footer is whatever was on its
 * stack; ones here, as its comment promises (Assumption).
 */
static void put_footer(uint8_t *contents, uint32_t size)
{
    uint8_t *footer = contents + size - FOOTER_SIZE;
    unsigned count = 0;
    if (vp_get_le32(footer + FOOTER_WATERMARK_AT) == watermark) {
        count = (footer[COUNTER_AT] + 1u) & COUNTER_MASK;
    } else {
        memset(footer, 0xFF, FOOTER_SIZE);
        vp_put_le16(footer + FOOTER_LENGTH_AT, FOOTER_LENGTH);
        vp_put_le32(footer + FOOTER_WATERMARK_AT, watermark);
    }
    footer[COUNTER_AT] = (uint8_t)((footer[COUNTER_AT] & ~COUNTER_MASK) | count);
    const uint32_t covered = size - HEADER_SIZE - CRC_SIZE;
    vp_put_le32(footer + FOOTER_CRC_AT, (uint32_t)crc32(0, contents + HEADER_SIZE, covered));
}

/* initialize(): the first version writes nothing but the header, into the first sector. */
int vp_dcd_prepare(struct vp_flash *flash, const struct vp_board *board, enum vp_dct_version code)
{
    if (current(flash, board, code) >= 0) {
        return 0;
    }
    const struct vp_region *to = &board->dct[code == VP_DCT_CODE_1 ? 0 : 1];
    const uint32_t size = sector_size(board);
    int error = erase_if_needed(flash, to);
    uint8_t *contents = malloc(size);
    if (!contents) {
        return VP_ERROR_NO_MEMORY;
    }
    memset(contents, 0xFF, size);
    put_header(contents, seal_valid);
    if (!error && code == VP_DCT_CODE_1) {
        error = vp_flash_program_words(flash, to->start, contents, HEADER_SIZE);
    } else if (!error) {
        put_footer(contents, size);
        error = vp_flash_program_words(flash, to->end - FOOTER_SIZE, contents + size - FOOTER_SIZE,
                                       FOOTER_SIZE);
        error = error ? error : vp_flash_program_words(flash, to->start, contents, HEADER_SIZE);
    }
    free(contents);
    return error;
}

/* The other sector gets all that this one has, and the change; then this one is given up. */
static int replace(struct vp_flash *flash, const struct vp_board *board, enum vp_dct_version code,
                   uint8_t *contents, int from)
{
    const uint32_t size = sector_size(board);
    if (code != VP_DCT_CODE_1) {
        put_footer(contents, size);
    }
    put_header(contents, seal_valid);
    int error = erase_if_needed(flash, &board->dct[1 - from]);
    if (!error) {
        error = program_sector(flash, &board->dct[1 - from], contents, size);
    }
    if (!error) {
        uint8_t given_up[HEADER_SIZE];
        put_header(given_up, code == VP_DCT_CODE_1 ? seal_cleared : seal_invalid_2);
        error = vp_flash_program_words(flash, board->dct[from].start, given_up, HEADER_SIZE);
    }
    return error;
}

int vp_dcd_write(struct vp_flash *flash, const struct vp_board *board, enum vp_dct_version code,
                 uint32_t offset, const void *data, size_t length)
{
    const uint32_t size = sector_size(board);
    const uint32_t room = size - HEADER_SIZE - (code == VP_DCT_CODE_1 ? 0 : FOOTER_SIZE);
    if (offset >= room || length > room - offset) {
        return VP_ERROR_RANGE;
    }
    if (length == 0) {
        return 0;
    }
    int error = vp_dcd_prepare(flash, board, code);
    const int from = current(flash, board, code);
    if (error || from < 0) {
        return error ? error : VP_ERROR_FLASH;
    }
    uint8_t *contents = malloc(size);
    if (!contents) {
        return VP_ERROR_NO_MEMORY;
    }
    vp_flash_read(flash, board->dct[from].start, contents, size);
    memcpy(contents + HEADER_SIZE + offset, data, length);
    error = replace(flash, board, code, contents, from);
    free(contents);
    return error;
}

enum vp_dct_version vp_dcd_last_writer(const struct vp_flash *flash, const struct vp_board *board)
{
    struct sector sectors[2];
    look(flash, board, 0, &sectors[0]);
    look(flash, board, 1, &sectors[1]);
    for (unsigned i = 0; i < 2; i++) {
        const struct sector *here = &sectors[i], *other = &sectors[1 - i];
        if (valid(here) && !(other->marked && other->seal == seal_invalid_2) &&
            !whole(flash, here)) {
            return VP_DCT_CODE_1;
        }
    }
    return VP_DCT_CODE_2;
}
