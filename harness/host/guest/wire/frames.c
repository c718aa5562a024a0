#include "host/guest/wire/frames.h"

#include <stdlib.h>
#include <string.h>

#include "vparticle/error.h"

/* Which lengths a type can have. */
static const struct rule {
    char type;
    uint32_t least, most;
} rules[] = {
    {FRAME_WAITING, 0, 0},
    {FRAME_READY, 0, 0},
    {FRAME_OUTPUT, 1, FRAME_PAYLOAD_MAX},
    {FRAME_ERRORS, 1, FRAME_PAYLOAD_MAX},
    {FRAME_TAKEN, 4, 4},
    {FRAME_EXIT, 4, 4},
    {FRAME_FAILED, 0, FRAME_PAYLOAD_MAX},
    {FRAME_ARGUMENT, 0, FRAME_PAYLOAD_MAX},
    {FRAME_VARIABLE, 0, FRAME_PAYLOAD_MAX},
    {FRAME_DIRECTORY, 1, FRAME_PAYLOAD_MAX},
    {FRAME_SHARE, 1, FRAME_PAYLOAD_MAX},
    {FRAME_TEMPORARY, 1, FRAME_PAYLOAD_MAX},
    {FRAME_START, FRAME_START_SIZE, FRAME_START_SIZE},
    {FRAME_INPUT, 1, FRAME_INPUT_WINDOW},
    {FRAME_INPUT_END, 0, 0},
    {FRAME_UNREAD, 1, 1},
    {FRAME_SIGNAL, 2, 2},
};

static bool is_allowed(char type, uint32_t length)
{
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        if (rules[i].type == type) {
            return length >= rules[i].least && length <= rules[i].most;
        }
    }
    return false;
}

static void forget_done(struct frame_reader *reader)
{
    reader->size -= reader->done;
    if (reader->size) {
        memmove(reader->bytes, reader->bytes + reader->done, reader->size);
    }
    reader->done = 0;
}

int frame_reader_add(struct frame_reader *reader, const void *bytes, size_t size)
{
    forget_done(reader);
    if (size > reader->capacity - reader->size) {
        const size_t capacity = (reader->size + size) * 2;
        uint8_t *grown = realloc(reader->bytes, capacity);
        if (!grown) {
            return VP_ERROR_NO_MEMORY;
        }
        reader->bytes = grown;
        reader->capacity = capacity;
    }
    if (size) {
        memcpy(reader->bytes + reader->size, bytes, size);
    }
    reader->size += size;
    return 0;
}

int frame_reader_next(struct frame_reader *reader, struct frame *frame)
{
    const uint8_t *header = reader->bytes + reader->done;
    const size_t left = reader->size - reader->done;
    if (left < FRAME_HEADER) {
        return 0;
    }
    const uint32_t length = frame_read_number(header + 1);
    if (!is_allowed((char)header[0], length)) {
        return VP_ERROR_INVALID;
    }
    if (left - FRAME_HEADER < length) {
        return 0;
    }
    *frame = (struct frame){(char)header[0], length, header + FRAME_HEADER};
    reader->done += FRAME_HEADER + length;
    return 1;
}

void frame_reader_clear(struct frame_reader *reader)
{
    free(reader->bytes);
    *reader = (struct frame_reader){.bytes = NULL};
}

void frame_write_header(uint8_t header[FRAME_HEADER], enum frame_type type, uint32_t length)
{
    header[0] = (uint8_t)type;
    frame_write_number(header + 1, length);
}

uint32_t frame_read_number(const uint8_t *payload)
{
    return (uint32_t)payload[0] << 24 | (uint32_t)payload[1] << 16 | (uint32_t)payload[2] << 8 |
           payload[3];
}

void frame_write_number(uint8_t *payload, uint32_t number)
{
    for (unsigned i = 0; i < 4; i++) {
        payload[i] = (uint8_t)(number >> (24 - 8 * i));
    }
}

void frame_write_start(uint8_t payload[FRAME_START_SIZE], const struct frame_start *start)
{
    frame_write_number(payload, (uint32_t)(start->nanoseconds >> 32));
    frame_write_number(payload + 4, (uint32_t)start->nanoseconds);
    frame_write_number(payload + 8, start->mask);
    payload[12] = start->one_stream;
}

struct frame_start frame_read_start(const uint8_t *payload)
{
    return (struct frame_start){
        .nanoseconds = (uint64_t)frame_read_number(payload) << 32 | frame_read_number(payload + 4),
        .mask = frame_read_number(payload + 8) & 0777,
        .one_stream = payload[12] != 0,
    };
}
