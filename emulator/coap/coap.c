#include "coap/coap.h"

#include <string.h>

#include "vparticle/error.h"

enum {
    VERSION = 1,
    ONE_BYTE = 13, /* nibbles that say that the number follows */
    TWO_BYTES = 14,
    RESERVED = 15,
    ONE_BYTE_BASE = 13, /* what is added to it */
    TWO_BYTES_BASE = 269,
    PAYLOAD_MARKER = 0xFF,
};

/* ---- Reading -------------------------------------------------------------------------------- */

struct reader {
    const uint8_t *at, *end;
};

static size_t left(const struct reader *reader)
{
    return (size_t)(reader->end - reader->at);
}

/* The rest of a number that began as a nibble (section 3.1). @return false: it isn't there */
static bool read_number(struct reader *reader, unsigned nibble, uint32_t *number)
{
    *number = nibble;
    if (nibble == RESERVED || (nibble == ONE_BYTE && left(reader) < 1) ||
        (nibble == TWO_BYTES && left(reader) < 2)) {
        return false;
    }
    if (nibble == ONE_BYTE) {
        *number = ONE_BYTE_BASE + *reader->at++;
    } else if (nibble == TWO_BYTES) {
        *number = TWO_BYTES_BASE + ((uint32_t)reader->at[0] << 8 | reader->at[1]);
        reader->at += 2;
    }
    return true;
}

static bool read_option(struct reader *reader, uint32_t *last, struct vp_coap_message *message)
{
    const unsigned first = *reader->at++;
    uint32_t delta, length;
    if (message->option_count == VP_COAP_OPTION_LIMIT || !read_number(reader, first >> 4, &delta) ||
        !read_number(reader, first & 0xF, &length) || length > left(reader) ||
        *last + delta > UINT16_MAX) {
        return false;
    }
    *last += delta;
    message->options[message->option_count++] = (struct vp_coap_option){
        .number = (uint16_t)*last,
        .value = reader->at,
        .length = length,
    };
    reader->at += length;
    return true;
}

int vp_coap_read(struct vp_coap_message *message, const uint8_t *bytes, size_t length)
{
    struct reader reader = {bytes + VP_COAP_HEADER_SIZE, bytes + length};
    if (length < VP_COAP_HEADER_SIZE || length > VP_COAP_MESSAGE_LIMIT ||
        bytes[0] >> 6 != VERSION || (bytes[0] & 0xF) > VP_COAP_TOKEN_LIMIT ||
        (bytes[0] & 0xFu) > left(&reader)) {
        return VP_ERROR_INVALID;
    }
    *message = (struct vp_coap_message){
        .type = (enum vp_coap_type)(bytes[0] >> 4 & 3),
        .code = bytes[1],
        .id = (uint16_t)(bytes[2] << 8 | bytes[3]),
        .token = reader.at,
        .token_length = bytes[0] & 0xF,
    };
    reader.at += message->token_length;
    for (uint32_t last = 0; left(&reader) > 0 && *reader.at != PAYLOAD_MARKER;) {
        if (!read_option(&reader, &last, message)) {
            return VP_ERROR_INVALID;
        }
    }
    if (left(&reader) > 0) {
        message->payload = reader.at + 1;
        message->payload_length = left(&reader) - 1;
    }
    return 0;
}

const struct vp_coap_option *vp_coap_option(const struct vp_coap_message *message, uint16_t number,
                                            unsigned nth)
{
    for (unsigned i = 0; i < message->option_count; i++) {
        if (message->options[i].number == number && nth-- == 0) {
            return &message->options[i];
        }
    }
    return NULL;
}

bool vp_coap_option_is(const struct vp_coap_option *option, const char *text)
{
    return option && option->length == strlen(text) &&
           memcmp(option->value, text, option->length) == 0;
}

uint32_t vp_coap_option_number(const struct vp_coap_option *option)
{
    uint32_t number = 0;
    for (size_t i = 0; i < option->length; i++) {
        number = number << 8 | option->value[i];
    }
    return number;
}

size_t vp_coap_path(const struct vp_coap_message *message, unsigned first, char *text, size_t room)
{
    const struct vp_coap_option *option;
    size_t length = 0;
    for (unsigned i = first; (option = vp_coap_option(message, VP_COAP_URI_PATH, i)); i++) {
        if (i > first && length + 1 < room) {
            text[length++] = '/';
        }
        for (size_t k = 0; k < option->length && length + 1 < room; k++) {
            text[length++] = (char)option->value[k];
        }
    }
    if (room > 0) {
        text[length] = '\0';
    }
    return length;
}

/* ---- Writing -------------------------------------------------------------------------------- */

static void put(struct vp_coap_writer *writer, const void *bytes, size_t length)
{
    if (writer->failed || length > writer->room - writer->length) {
        writer->failed = true;
        return;
    }
    if (length > 0) {
        memcpy(writer->bytes + writer->length, bytes, length);
    }
    writer->length += length;
}

static void put_byte(struct vp_coap_writer *writer, unsigned byte)
{
    const uint8_t value = (uint8_t)byte;
    put(writer, &value, 1);
}

void vp_coap_begin(struct vp_coap_writer *writer, uint8_t *bytes, size_t room,
                   enum vp_coap_type type, uint8_t code, uint16_t id, const uint8_t *token,
                   size_t token_length)
{
    *writer = (struct vp_coap_writer){
        .bytes = bytes,
        .room = room,
        .failed = token_length > VP_COAP_TOKEN_LIMIT,
    };
    put_byte(writer, VERSION << 6 | (unsigned)type << 4 | (unsigned)(token_length & 0xF));
    put_byte(writer, code);
    put_byte(writer, id >> 8);
    put_byte(writer, id & 0xFF);
    put(writer, token, token_length);
}

static unsigned nibble_of(size_t number)
{
    return number >= TWO_BYTES_BASE  ? TWO_BYTES
           : number >= ONE_BYTE_BASE ? ONE_BYTE
                                     : (unsigned)number;
}

static void put_rest(struct vp_coap_writer *writer, size_t number)
{
    if (number >= TWO_BYTES_BASE) {
        put_byte(writer, (unsigned)(number - TWO_BYTES_BASE) >> 8);
        put_byte(writer, (unsigned)(number - TWO_BYTES_BASE) & 0xFF);
    } else if (number >= ONE_BYTE_BASE) {
        put_byte(writer, (unsigned)number - ONE_BYTE_BASE);
    }
}

void vp_coap_add_option(struct vp_coap_writer *writer, uint16_t number, const void *value,
                        size_t length)
{
    if (number < writer->last || writer->payload || length > UINT16_MAX) {
        writer->failed = true;
        return;
    }
    const size_t delta = (size_t)(number - writer->last);
    put_byte(writer, nibble_of(delta) << 4 | nibble_of(length));
    put_rest(writer, delta);
    put_rest(writer, length);
    put(writer, value, length);
    writer->last = number;
}

void vp_coap_add_text(struct vp_coap_writer *writer, uint16_t number, const char *text)
{
    vp_coap_add_option(writer, number, text, strlen(text));
}

void vp_coap_add_payload(struct vp_coap_writer *writer, const void *bytes, size_t length)
{
    if (!writer->payload) {
        put_byte(writer, PAYLOAD_MARKER);
        writer->payload = true;
    }
    put(writer, bytes, length);
}

size_t vp_coap_finish(const struct vp_coap_writer *writer)
{
    return writer->failed ? 0 : writer->length;
}
