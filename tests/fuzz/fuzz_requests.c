/*
 * Control requests to a running system: whole ones with any type and body, and any vendor request
 * at all. Every transfer completes, bootloader and parts stay as they are.
 *
 * Input: a byte that chooses the system, then steps. Step: a byte that says what, a type (2 bytes),
 * a length (2 bytes), then so many bytes of body, as far as they are there.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "vparticle/device.h"

enum { INIT = 1, CHECK = 2, SEND = 3, RECV = 4, TO_HOST = 0xC0, TO_DEVICE = 0x40, ROOM = 64 };
enum { WHOLE_REQUEST, ANY_REQUEST, PASS_TIME, STEPS };
enum { HEADER = 5, KEPT_START = 0x08020000, KEPT_SIZE = 0x80000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct vp_device *device;
static uint8_t buffer[65536];

static void count(struct vp_transfer *transfer)
{
    ++*(unsigned *)transfer->owner;
}

/* @return bytes moved, or -1 */
static int control(uint8_t type, uint8_t request, uint16_t value, uint16_t index, uint16_t length)
{
    unsigned completions = 0;
    struct vp_transfer transfer = {
        .in = type >> 7,
        .setup = {type, request, (uint8_t)value, (uint8_t)(value >> 8), (uint8_t)index,
                  (uint8_t)(index >> 8), (uint8_t)length, (uint8_t)(length >> 8)},
        .data = buffer,
        .length = length,
        .complete = count,
        .owner = &completions,
    };
    vp_device_submit(device, &transfer);
    if (completions == 0) {
        vp_device_cancel(device, &transfer);
    }
    if (completions != 1 || transfer.actual > length) {
        abort();
    }
    return transfer.status == VP_TRANSFER_OK ? (int)transfer.actual : -1;
}

/* As particle-usb does it. */
static void whole_request(uint16_t type, const uint8_t *body, uint16_t length)
{
    if (control(TO_HOST, INIT, length, type, ROOM) < 8) {
        return;
    }
    const uint16_t id = (uint16_t)(buffer[6] | buffer[7] << 8);
    control(TO_HOST, CHECK, 0, id, ROOM);
    if (length > 0) {
        memcpy(buffer, body, length);
        control(TO_DEVICE, SEND, 0, id, length);
    }
    if (control(TO_HOST, CHECK, 0, id, ROOM) >= 10 && (buffer[0] & 4)) {
        control(TO_HOST, RECV, 0, id, (uint16_t)(buffer[6] | buffer[7] << 8));
    }
}

static size_t step(const uint8_t *data, size_t size)
{
    const uint16_t type = (uint16_t)(data[1] | data[2] << 8);
    uint16_t length = (uint16_t)(data[3] | data[4] << 8);
    length = length < size - HEADER ? length : (uint16_t)(size - HEADER);
    switch (data[0] % STEPS) {
    case WHOLE_REQUEST:
        whole_request(type, data + HEADER, length);
        break;
    case ANY_REQUEST:
        memcpy(buffer, data + HEADER, length);
        control(data[0] & 0x80 ? TO_HOST : TO_DEVICE, length > 0 ? data[HEADER] : data[0], type,
                length > 1 ? data[HEADER + 1] : type, length);
        break;
    default:
        vp_device_advance(device, length);
        break;
    }
    if ((data[0] & 0x20) && vp_device_bus_reset(device) == 0) {
        control(0x00, 9, 1, 0, 0); /* SET_CONFIGURATION */
    }
    return HEADER + length;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const specs[] = {"photon@2.2.0", "photon@1.5.0",   "photon@1.0.1",
                                        "p1@0.7.0",     "electron@1.5.0", "photon@0.5.2"};
    enum { SPECS = sizeof specs / sizeof *specs };
    static struct vp_snapshot *fresh[SPECS];
    static struct vp_device *devices[SPECS];
    static uint8_t before[KEPT_SIZE], after[KEPT_SIZE];
    if (size == 0) {
        return 0;
    }
    const unsigned which = data[0] % SPECS;
    if (!devices[which] && (vp_device_from_spec(&devices[which], specs[which], 0, NULL) ||
                            vp_device_take_snapshot(devices[which], &fresh[which]))) {
        abort();
    }
    device = devices[which];
    if (vp_device_restore(device, fresh[which])) {
        abort();
    }
    vp_device_bus_reset(device);
    control(0x00, 9, 1, 0, 0);
    vp_flash_read(vp_device_flash(device), KEPT_START, before, sizeof before);
    for (size_t at = 1; size - at >= HEADER;) {
        at += step(data + at, size - at);
    }
    vp_flash_read(vp_device_flash(device), KEPT_START, after, sizeof after);
    if (memcmp(before, after, sizeof before) != 0) {
        abort(); /* only a module that passes all checks may change them */
    }
    return 0;
}
