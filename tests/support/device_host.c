#include "support/device_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct vp_device *host_device(const char *spec)
{
    struct vp_device *device;
    struct vp_failure failure;
    if (vp_device_from_spec(&device, spec, 0, &failure)) {
        fail_msg("%s: %s", spec, failure.text);
    }
    if (vp_device_mode(device) != VP_MODE_DEAD) {
        host_enumerate(device);
    }
    return device;
}

void host_enumerate(struct vp_device *device)
{
    assert_int_equal(vp_device_bus_reset(device), 0);
    assert_int_equal(host_control(device, 0x00, 9, 1, 0, NULL, 0), 0);
}

static void note_completion(struct vp_transfer *transfer)
{
    bool *done = transfer->owner;
    *done = true;
}

/* A control transfer with room for @p room bytes of data, however much wLength says. */
static int control(struct vp_device *device, uint8_t type, uint8_t request, uint16_t value,
                   uint16_t index, void *data, uint16_t length, uint16_t room)
{
    bool done = false;
    struct vp_transfer transfer = {
        .in = (type & 0x80) != 0,
        .setup = {type, request, (uint8_t)value, (uint8_t)(value >> 8), (uint8_t)index,
                  (uint8_t)(index >> 8), (uint8_t)length, (uint8_t)(length >> 8)},
        .data = data,
        .length = room,
        .complete = note_completion,
        .owner = &done,
    };
    vp_device_submit(device, &transfer);
    if (!done) {
        vp_device_cancel(device, &transfer);
        assert_true(done);
        return HOST_SILENT;
    }
    switch (transfer.status) {
    case VP_TRANSFER_OK:
        return (int)transfer.actual;
    case VP_TRANSFER_STALL:
        return HOST_STALL;
    default:
        return HOST_GONE;
    }
}

int host_control(struct vp_device *device, uint8_t type, uint8_t request, uint16_t value,
                 uint16_t index, void *data, uint16_t length)
{
    return control(device, type, request, value, index, data, length, length);
}

int host_upload_into(struct vp_device *device, uint16_t block, void *data, uint16_t length,
                     uint16_t room)
{
    return control(device, 0xA1, 2, block, 0, data, length, room);
}

int host_dnload(struct vp_device *device, uint16_t block, const void *data, uint16_t length)
{
    uint8_t copy[65536];
    if (length) {
        memcpy(copy, data, length);
    }
    return host_control(device, 0x21, 1, block, 0, copy, length);
}

int host_upload(struct vp_device *device, uint16_t block, void *data, uint16_t length)
{
    return host_control(device, 0xA1, 2, block, 0, data, length);
}

int host_get_status(struct vp_device *device, uint8_t status[6])
{
    return host_control(device, 0xA1, 3, 0, 0, status, 6);
}

int host_abort(struct vp_device *device)
{
    return host_control(device, 0x21, 6, 0, 0, NULL, 0);
}

/* The two GETSTATUS after a DNLOAD: the first does the work. */
static int wait_for_work(struct vp_device *device)
{
    uint8_t status[6];
    const int first = host_get_status(device, status);
    if (first < 0) {
        return first;
    }
    assert_int_equal(status[4], 4);
    const int second = host_get_status(device, status);
    if (second < 0) {
        return second;
    }
    assert_int_equal(status[4], 5);
    return 0;
}

int host_command(struct vp_device *device, uint8_t command, uint32_t address)
{
    const uint8_t bytes[5] = {command, (uint8_t)address, (uint8_t)(address >> 8),
                              (uint8_t)(address >> 16), (uint8_t)(address >> 24)};
    const int sent = host_dnload(device, 0, bytes, sizeof bytes);
    return sent < 0 ? sent : wait_for_work(device);
}

int host_write(struct vp_device *device, uint16_t block, const void *data, uint16_t length)
{
    const int sent = host_dnload(device, block, data, length);
    return sent < 0 ? sent : wait_for_work(device);
}
