#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "support/cloud_end.h"

static void note_opened(void *context)
{
    struct cloud_end *end = context;
    assert_false(end->open);
    end->open = true;
    end->opened++;
}

static void note_sent(void *context, const uint8_t *message, size_t length)
{
    struct cloud_end *end = context;
    assert_true(end->open);
    assert_true(length > 0 && length <= sizeof end->messages[0].bytes);
    if (end->count < CLOUD_END_MESSAGES) {
        memcpy(end->messages[end->count].bytes, message, length);
        end->messages[end->count++].length = length;
    }
}

static void note_closed(void *context)
{
    struct cloud_end *end = context;
    assert_true(end->open);
    end->open = false;
    end->closed++;
}

static const struct vp_link_handlers handlers = {note_opened, note_sent, note_closed};

void cloud_end_start(struct cloud_end *end, const char *spec)
{
    struct vp_failure failure = {""};
    *end = (struct cloud_end){.id = 0x100};
    if (vp_device_from_spec(&end->device, spec, 0, &failure)) {
        fail_msg("%s", failure.text);
    }
    vp_device_set_link(end->device, &handlers, end);
}

void cloud_end_stop(struct cloud_end *end)
{
    vp_device_destroy(end->device);
    assert_false(end->open);
}

bool cloud_end_jump(struct cloud_end *end)
{
    const int64_t deadline = vp_device_link_deadline(end->device);
    if (deadline >= 0) {
        vp_device_advance(end->device, deadline > 0 ? (uint32_t)deadline : 1);
    }
    return deadline >= 0;
}

void cloud_end_connect(struct cloud_end *end)
{
    for (unsigned i = 0; i < 10 && !end->open; i++) {
        assert_true(cloud_end_jump(end));
    }
    assert_true(end->open);
    assert_true(end->count > 0);
}

void cloud_end_forget(struct cloud_end *end)
{
    end->count = 0;
}

void cloud_end_send(struct cloud_end *end, const void *bytes, size_t length)
{
    uint8_t *exact = malloc(length + 1);
    assert_non_null(exact);
    memcpy(exact, bytes, length);
    assert_int_equal(vp_device_link_receive(end->device, exact, length), 0);
    free(exact);
}

static void add_path(struct vp_coap_writer *writer, const char *path)
{
    for (const char *from = path;;) {
        const size_t length = strcspn(from, "/");
        vp_coap_add_option(writer, VP_COAP_URI_PATH, from, length);
        if (from[length] == '\0') {
            return;
        }
        from += length + 1;
    }
}

void cloud_end_request(struct cloud_end *end, enum vp_coap_type type, uint8_t code, uint8_t token,
                       const char *path, const void *payload, size_t length)
{
    uint8_t bytes[VP_COAP_MESSAGE_LIMIT];
    struct vp_coap_writer writer;
    vp_coap_begin(&writer, bytes, sizeof bytes, type, code, ++end->id, &token, 1);
    add_path(&writer, path);
    if (payload) {
        vp_coap_add_payload(&writer, payload, length);
    }
    cloud_end_send(end, bytes, vp_coap_finish(&writer));
}

void cloud_end_acknowledge(struct cloud_end *end)
{
    for (unsigned i = 0; i < end->count && end->open; i++) {
        const uint8_t *bytes = end->messages[i].bytes;
        if (end->messages[i].length >= 4 && (bytes[0] & 0x30) == 0) {
            const uint8_t reply[] = {0x60, 0, bytes[2], bytes[3]};
            cloud_end_send(end, reply, sizeof reply);
        }
    }
}

void cloud_end_greet(struct cloud_end *end)
{
    cloud_end_connect(end);
    if (vp_device_link_transport(end->device) == VP_LINK_TCP) {
        cloud_end_send(end, "\x50\x02\x00\x01\xb1h", 6);
    }
    cloud_end_acknowledge(end);
    assert_true(end->open);
}

void cloud_end_begin(struct cloud_end *end, uint32_t size, bool fast)
{
    const uint8_t body[] = {fast,
                            2,
                            0,
                            (uint8_t)(size >> 24),
                            (uint8_t)(size >> 16),
                            (uint8_t)(size >> 8),
                            (uint8_t)size,
                            0,
                            0,
                            0,
                            0,
                            0};
    cloud_end_request(end, VP_COAP_CONFIRMABLE, VP_COAP_POST, 0x42, "u", body, sizeof body);
}

void cloud_end_chunk(struct cloud_end *end, int index, const void *data, size_t length)
{
    uint8_t bytes[VP_COAP_MESSAGE_LIMIT];
    struct vp_coap_writer writer;
    const uint8_t token = 0x43;
    const uLong crc = crc32(crc32(0, NULL, 0), data, (uInt)length);
    const uint8_t sum[] = {(uint8_t)(crc >> 24), (uint8_t)(crc >> 16), (uint8_t)(crc >> 8),
                           (uint8_t)crc};
    const uint8_t number[] = {(uint8_t)(index >> 8), (uint8_t)index};
    /* No token where there is an index: the firmware looks for the options at the 8th byte. */
    vp_coap_begin(&writer, bytes, sizeof bytes,
                  index < 0 ? VP_COAP_CONFIRMABLE : VP_COAP_NON_CONFIRMABLE, VP_COAP_POST,
                  ++end->id, &token, 1);
    vp_coap_add_text(&writer, VP_COAP_URI_PATH, "c");
    vp_coap_add_option(&writer, VP_COAP_URI_QUERY, sum, sizeof sum);
    if (index >= 0) {
        vp_coap_add_option(&writer, VP_COAP_URI_QUERY, number, sizeof number);
    }
    vp_coap_add_payload(&writer, data, length);
    cloud_end_send(end, bytes, vp_coap_finish(&writer));
}

void cloud_end_done(struct cloud_end *end)
{
    cloud_end_request(end, VP_COAP_CONFIRMABLE, VP_COAP_PUT, 0x44, "u", NULL, 0);
}

struct vp_coap_message cloud_end_message(const struct cloud_end *end, unsigned number)
{
    struct vp_coap_message message;
    assert_true(number < end->count);
    assert_int_equal(
        vp_coap_read(&message, end->messages[number].bytes, end->messages[number].length), 0);
    return message;
}

int cloud_end_find(const struct cloud_end *end, uint8_t code, const char *path)
{
    for (unsigned i = 0; i < end->count; i++) {
        char text[256];
        const struct vp_coap_message message = cloud_end_message(end, i);
        vp_coap_path(&message, 0, text, sizeof text);
        if (message.code == code && strcmp(text, path) == 0) {
            return (int)i;
        }
    }
    return -1;
}

int cloud_end_event(const struct cloud_end *end, const char *name, char *data, size_t room)
{
    for (unsigned i = 0; i < end->count; i++) {
        char text[256];
        const struct vp_coap_message message = cloud_end_message(end, i);
        vp_coap_path(&message, 1, text, sizeof text);
        if (message.code == VP_COAP_POST &&
            vp_coap_option_is(vp_coap_option(&message, VP_COAP_URI_PATH, 0), "E") &&
            strcmp(text, name) == 0) {
            const size_t length =
                message.payload_length < room - 1 ? message.payload_length : room - 1;
            memcpy(data, message.payload, length);
            data[length] = '\0';
            return (int)i;
        }
    }
    return -1;
}
