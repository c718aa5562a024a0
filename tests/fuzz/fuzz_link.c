/*
 * Any messages from the cloud to a connected device: it must stay sane, and what it says must be
 * CoAP, unless it is a single byte.
 *
 * Input: the board and release, then records: kind (0: a message as it is; 1: one that is put in
 * shape, with a token of one byte and the path of the firmware's own; 2: time passes, in units of
 * 100 ms; 3: the connection is lost; 4: acknowledge what came last; 5: jump to the next deadline),
 * length, bytes.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "coap/coap.h"
#include "vparticle/application.h"
#include "vparticle/link.h"

struct cloud {
    bool open;
    uint8_t last[2]; /* id */
};

static void note_opened(void *context)
{
    struct cloud *cloud = context;
    if (cloud->open) {
        abort();
    }
    cloud->open = true;
}

static void note_sent(void *context, const uint8_t *message, size_t length)
{
    struct cloud *cloud = context;
    struct vp_coap_message read;
    if (!cloud->open || (length != 1 && vp_coap_read(&read, message, length))) {
        abort();
    }
    if (length >= 4) {
        memcpy(cloud->last, message + 2, 2);
    }
}

static void note_closed(void *context)
{
    struct cloud *cloud = context;
    if (!cloud->open) {
        abort();
    }
    cloud->open = false;
}

static const struct vp_link_handlers handlers = {note_opened, note_sent, note_closed};
static const struct vp_function function = {"f", 1};
static const struct vp_variable variable = {"v", VP_VARIABLE_STRING, {.text = "text"}};
static const struct vp_application application = {&function, 1, &variable, 1};

/* Made once; each input gets the device back as it was. */
static struct {
    const char *spec;
    struct vp_device *device;
    struct vp_snapshot *snapshot;
} devices[] = {
    {"photon@0.4.6", NULL, NULL},   {"photon@0.6.3", NULL, NULL},   {"photon@0.7.0", NULL, NULL},
    {"photon@1.5.2", NULL, NULL},   {"electron@0.5.2", NULL, NULL}, {"electron@0.7.0", NULL, NULL},
    {"electron@2.2.0", NULL, NULL}, {"core", NULL, NULL},
};

enum { DEVICES = sizeof devices / sizeof *devices };

static void jump(struct vp_device *device)
{
    const int64_t deadline = vp_device_link_deadline(device);
    if (deadline >= 0) {
        vp_device_advance(device, deadline > 0 ? (uint32_t)deadline : 1);
    }
}

static struct vp_device *start(uint8_t choice, struct cloud *cloud)
{
    const unsigned which = choice % DEVICES;
    if (!devices[which].device) {
        if (vp_device_from_spec(&devices[which].device, devices[which].spec, which, NULL) ||
            vp_device_take_snapshot(devices[which].device, &devices[which].snapshot)) {
            abort();
        }
        vp_device_set_application(devices[which].device, &application);
    }
    struct vp_device *device = devices[which].device;
    vp_device_set_link(device, NULL, NULL);
    if (vp_device_restore(device, devices[which].snapshot)) {
        abort();
    }
    vp_device_set_link(device, &handlers, cloud);
    for (unsigned i = 0; i < 4 && !cloud->open; i++) {
        jump(device);
    }
    return device;
}

/* A message whose beginning the firmware knows: confirmable, a token, one of its paths. */
static void send_shaped(struct vp_device *device, const uint8_t *from, size_t length)
{
    static const struct {
        uint8_t code;
        char path;
    } shapes[] = {{1, 'v'}, {1, 'd'}, {2, 'e'}, {2, 'h'}, {2, 'f'}, {2, 's'},
                  {2, 'u'}, {2, 'c'}, {3, 'k'}, {3, 'u'}, {3, 's'}, {0, 0}};
    uint8_t bytes[300] = {0};
    const unsigned which = length > 0 ? from[0] % (sizeof shapes / sizeof *shapes) : 0;
    const size_t rest = length > 1 ? length - 1 : 0;
    bytes[0] = length > 0 && from[0] & 0x80 ? 0x51 : 0x41;
    bytes[1] = shapes[which].code;
    bytes[2] = length > 1 ? from[1] : 0;
    bytes[4] = 0x33;
    bytes[5] = 0xb1;
    bytes[6] = (uint8_t)shapes[which].path;
    if (rest > 0) {
        memcpy(bytes + 7, from + 1, rest);
    }
    vp_device_link_receive(device, bytes, 7 + rest);
}

static void send_exactly(struct vp_device *device, const uint8_t *from, size_t length)
{
    uint8_t *copy = malloc(length ? length : 1);
    if (copy) {
        if (length) {
            memcpy(copy, from, length);
        }
        vp_device_link_receive(device, copy, length);
    }
    free(copy);
}

static void play(struct vp_device *device, struct cloud *cloud, uint8_t kind, const uint8_t *from,
                 size_t length)
{
    switch (kind % 6) {
    case 0:
        send_exactly(device, from, length);
        break;
    case 1:
        send_shaped(device, from, length);
        break;
    case 2:
        vp_device_advance(device, 100u * (length > 0 ? from[0] : 1));
        break;
    case 3:
        cloud->open = false;
        vp_device_link_lost(device);
        break;
    case 4: {
        const uint8_t reply[] = {0x60, 0, cloud->last[0], cloud->last[1]};
        send_exactly(device, reply, sizeof reply);
        break;
    }
    default:
        jump(device);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cloud cloud = {0};
    if (size < 1) {
        return 0;
    }
    struct vp_device *device = start(data[0], &cloud);
    for (size_t at = 1, records = 0; at + 2 <= size && records < 100; records++) {
        const size_t length = data[at + 1] < size - at - 2 ? data[at + 1] : size - at - 2;
        play(device, &cloud, data[at], data + at + 2, length);
        at += 2 + length;
    }
    vp_device_set_link(device, NULL, NULL);
    if (cloud.open) {
        abort();
    }
    return 0;
}
