#include "hardware/layout.h"

#include <ctype.h>
#include <string.h>

/* What is still to be read, and for messages all of it. */
struct reader {
    const char *text, *at;
    struct vp_failure *failure;
};

static int wrong(const struct reader *reader, const char *what)
{
    return vp_fail(reader->failure, VP_ERROR_INVALID,
                   "'%.200s' is no DfuSe memory layout: %s at character %zu", reader->text, what,
                   (size_t)(reader->at - reader->text) + 1);
}

/* Without sign, blanks or more digits than a 32-bit number has. */
static int read_number(struct reader *reader, unsigned base, uint64_t *number)
{
    unsigned digits = 0;
    *number = 0;
    for (;; reader->at++, digits++) {
        const char digit = (char)tolower((unsigned char)*reader->at);
        const bool decimal = digit >= '0' && digit <= '9';
        const bool hexadecimal = base == 16 && digit >= 'a' && digit <= 'f';
        if (!decimal && !hexadecimal) {
            break;
        }
        *number = *number * base + (unsigned)(decimal ? digit - '0' : digit - 'a' + 10);
        if (*number > UINT32_MAX) {
            return wrong(reader, "a number that is too large");
        }
    }
    return digits ? 0 : wrong(reader, "a number is missing");
}

static int expect_character(struct reader *reader, char wanted, const char *otherwise)
{
    if (*reader->at != wanted) {
        return wrong(reader, otherwise);
    }
    reader->at++;
    return 0;
}

/* The multiplier may be missing; what comes instead is the kind. */
static unsigned read_shift(struct reader *reader)
{
    const char multiplier = *reader->at;
    if (multiplier != '\0' && strchr(" BKM", multiplier)) {
        reader->at++;
    }
    return multiplier == 'K' ? 10 : multiplier == 'M' ? 20 : 0;
}

/* COUNT*SIZE MULTIPLIER KIND from @p address on. */
static int read_segment(struct reader *reader, uint64_t address, struct vp_layout_segment *segment)
{
    uint64_t count, size;
    int error = read_number(reader, 10, &count);
    if (!error) {
        error = expect_character(reader, '*', "'*' is missing");
    }
    if (!error) {
        error = read_number(reader, 10, &size);
    }
    if (error) {
        return error;
    }
    size <<= read_shift(reader);
    const char kind = *reader->at;
    if (kind < 'a' || kind > 'g') {
        return wrong(reader, "what can be done is no letter from 'a' to 'g'");
    }
    reader->at++;
    /* Checked one after the other: the product alone could be too large for 64 bits. */
    if (size == 0 || count == 0 || size > UINT32_MAX || count > UINT32_MAX / size ||
        address + count * size > (uint64_t)UINT32_MAX + 1) {
        return wrong(reader, "sectors of no size or beyond the address space");
    }
    *segment = (struct vp_layout_segment){
        .address = (uint32_t)address,
        .size = (uint32_t)(count * size),
        .sector = (uint32_t)size,
        .readable = (kind & 1) != 0,
        .erasable = (kind & 2) != 0,
        .writable = (kind & 4) != 0,
    };
    return 0;
}

/* 0xADDRESS/SEGMENT,SEGMENT... */
static int read_block(struct reader *reader, struct vp_layout *layout)
{
    uint64_t address;
    if (reader->at[0] != '0' || tolower((unsigned char)reader->at[1]) != 'x') {
        return wrong(reader, "an address (0x...) is missing");
    }
    reader->at += 2;
    int error = read_number(reader, 16, &address);
    if (!error) {
        error = expect_character(reader, '/', "'/' is missing");
    }
    for (bool more = true; !error && more;) {
        if (layout->count == VP_LAYOUT_SEGMENTS) {
            return wrong(reader, "more kinds of sectors than any chip has");
        }
        struct vp_layout_segment *segment = &layout->segments[layout->count];
        error = read_segment(reader, address, segment);
        if (!error) {
            layout->count++;
            address += segment->size;
            more = *reader->at == ',';
            reader->at += more;
        }
    }
    return error;
}

static int read_name(struct reader *reader, struct vp_layout *layout)
{
    reader->at += strspn(reader->at, " ");
    size_t length = strcspn(reader->at, "/");
    const char *start = reader->at;
    reader->at += length;
    while (length > 0 && start[length - 1] == ' ') {
        length--;
    }
    if (length >= sizeof layout->name) {
        return wrong(reader, "a name that is too long");
    }
    for (size_t i = 0; i < length; i++) {
        layout->name[i] = isprint((unsigned char)start[i]) ? start[i] : '?';
    }
    layout->name[length] = '\0';
    return 0;
}

int vp_layout_parse(const char *text, struct vp_layout *layout, struct vp_failure *failure)
{
    struct reader reader = {.text = text, .at = text, .failure = failure};
    struct vp_layout read = {.count = 0};
    int error = expect_character(&reader, '@', "'@' is missing");
    if (!error) {
        error = read_name(&reader, &read);
    }
    if (!error && *reader.at == '\0') {
        error = wrong(&reader, "there are no sectors");
    }
    while (!error && *reader.at != '\0') {
        error = expect_character(&reader, '/', "'/' or ',' is missing");
        error = error ? error : read_block(&reader, &read);
    }
    if (!error) {
        *layout = read;
    }
    return error;
}
