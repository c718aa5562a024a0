/* Any bytes as a message: what can be read, and is then written again, reads the same. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "coap/coap.h"

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

static size_t write_again(const struct vp_coap_message *message, uint8_t *bytes, size_t room)
{
    struct vp_coap_writer writer;
    vp_coap_begin(&writer, bytes, room, message->type, message->code, message->id, message->token,
                  message->token_length);
    for (unsigned i = 0; i < message->option_count; i++) {
        const struct vp_coap_option *option = &message->options[i];
        vp_coap_add_option(&writer, option->number, option->value, option->length);
    }
    if (message->payload) {
        vp_coap_add_payload(&writer, message->payload, message->payload_length);
    }
    return vp_coap_finish(&writer);
}

static bool same(const void *a, size_t a_length, const void *b, size_t b_length)
{
    return a_length == b_length && (a_length == 0 || memcmp(a, b, a_length) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t bytes[VP_COAP_MESSAGE_LIMIT];
    char path[32];
    struct vp_coap_message first, second;
    if (vp_coap_read(&first, data, size)) {
        return 0;
    }
    check(vp_coap_path(&first, 0, path, sizeof path) == strnlen(path, sizeof path) ||
          memchr(data, 0, size));
    const size_t length = write_again(&first, bytes, sizeof bytes);
    check(length > 0 && length <= size); /* the shortest form of each number */
    check(vp_coap_read(&second, bytes, length) == 0);
    check(first.type == second.type && first.code == second.code && first.id == second.id &&
          first.option_count == second.option_count && !first.payload == !second.payload);
    check(same(first.token, first.token_length, second.token, second.token_length));
    check(same(first.payload, first.payload_length, second.payload, second.payload_length));
    for (unsigned i = 0; i < first.option_count; i++) {
        const struct vp_coap_option *a = &first.options[i], *b = &second.options[i];
        check(a->number == b->number && same(a->value, a->length, b->value, b->length));
    }
    return 0;
}
