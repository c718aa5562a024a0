/*
 * Any sequence of control transfers, resets, pauses and held buttons on a device in DFU mode.
 * Whatever the host does, the bootloader's sector stays as it is and every transfer completes
 * exactly once.
 *
 * Input: a byte that chooses board and bootloader, then steps. Step: 8 bytes of setup (0xFF first:
 * let (second byte) * 16 ms pass; 0xFE: reset; 0xFD: press the button, or with an even second byte
 * let go of it; 0xFC: power off and on), then for an OUT transfer wLength bytes, as far as they are
 * there.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "vparticle/device.h"

enum {
    SETUP_SIZE = 8,
    BOOTLOADER_SIZE = 0x4000,
    PASS_TIME = 0xFF,
    RESET = 0xFE,
    BUTTON = 0xFD,
    POWER = 0xFC
};

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
    if (data[0] == BUTTON) {
        vp_device_button(device, data[1] & 1);
        return SETUP_SIZE;
    }
    if (data[0] == POWER) {
        vp_device_power(device, false);
        vp_device_power(device, true);
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
    static const char *const specs[] = {
        "photon@erased,bootloader=3",
        "photon@erased,bootloader=4",
        "photon@erased,bootloader=7",
        "photon@erased,bootloader=11",
        "photon@erased,bootloader=101",
        "photon@erased,bootloader=501",
        "photon@erased,bootloader=1006",
        "p1@erased,bootloader=3",
        "p1@erased,bootloader=5",
        "p1@erased,bootloader=7",
        "p1@erased,bootloader=11",
        "p1@erased,bootloader=501",
        "p1@erased,bootloader=1006",
        "electron@erased,bootloader=4",
        "electron@erased,bootloader=6",
        "electron@erased,bootloader=11",
        "electron@erased,bootloader=301",
        "electron@erased,bootloader=1004",
        "core@erased,bootloader=3,mode=dfu",
        "core@erased,bootloader=7,mode=dfu",
        "core@erased,bootloader=101,mode=dfu",
    };
    static uint8_t before[BOOTLOADER_SIZE], after[BOOTLOADER_SIZE];
    if (size == 0) {
        return 0;
    }
    const char *spec = specs[data[0] % (sizeof specs / sizeof *specs)];
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
