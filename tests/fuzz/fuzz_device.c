/*
 * Any sequence of control transfers, resets and pauses on a device in DFU mode. Whatever the host
 * does, the bootloader's sector stays as it is and every transfer completes exactly once.
 *
 * Input: a byte that chooses the bootloader, then steps. Step: 8 bytes of setup (0xFF first: let
 * (second byte) * 16 ms pass; 0xFE: reset), then for an OUT transfer wLength bytes, as far as
 * they are there.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vparticle/device.h"

enum { SETUP_SIZE = 8, BOOTLOADER_SIZE = 0x4000, PASS_TIME = 0xFF, RESET = 0xFE };

static void count(struct vp_transfer *transfer)
{
    ++*(unsigned *)transfer->owner;
}

static void transfer(struct vp_device *device, const uint8_t *setup, const uint8_t *data,
                     size_t size)
{
    static uint8_t buffer[65536];
    unsigned completions = 0;
    const uint32_t length = (uint32_t)(setup[6] | setup[7] << 8);
    memcpy(buffer, data, size);
    memset(buffer + size, 0, length - size);
    struct vp_transfer submitted = {
        .in = setup[0] >> 7,
        .data = buffer,
        .length = length,
        .complete = count,
        .owner = &completions,
    };
    memcpy(submitted.setup, setup, SETUP_SIZE);
    vp_device_submit(device, &submitted);
    if (completions == 0) {
        vp_device_cancel(device, &submitted);
    }
    if (completions != 1 || submitted.actual > length) {
        abort();
    }
}

/* @return bytes used */
static size_t step(struct vp_device *device, const uint8_t *data, size_t size)
{
    if (data[0] == PASS_TIME) {
        vp_device_advance(device, data[1] * 16u);
        return SETUP_SIZE;
    }
    if (data[0] == RESET) {
        vp_device_reset(device);
        vp_device_bus_reset(device);
        return SETUP_SIZE;
    }
    const bool in = data[0] >> 7;
    const size_t length = in ? 0 : (size_t)(data[6] | data[7] << 8);
    const size_t there = size - SETUP_SIZE < length ? size - SETUP_SIZE : length;
    transfer(device, data, data + SETUP_SIZE, there);
    return SETUP_SIZE + there;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const unsigned bootloaders[] = {3, 4, 7, 11, 101, 501, 1006};
    static uint8_t before[BOOTLOADER_SIZE], after[BOOTLOADER_SIZE];
    if (size == 0) {
        return 0;
    }
    char spec[64];
    snprintf(spec, sizeof spec, "photon@erased,bootloader=%u",
             bootloaders[data[0] % (sizeof bootloaders / sizeof *bootloaders)]);
    struct vp_device *device;
    if (vp_device_from_spec(&device, spec, 0, NULL)) {
        abort();
    }
    vp_device_bus_reset(device);
    vp_flash_read(vp_device_flash(device), 0x08000000, before, sizeof before);
    size_t at = 1;
    while (size - at >= SETUP_SIZE) {
        at += step(device, data + at, size - at);
    }
    vp_flash_read(vp_device_flash(device), 0x08000000, after, sizeof after);
    if (memcmp(before, after, sizeof before) != 0) {
        abort();
    }
    vp_device_destroy(device);
    return 0;
}
