/*
 * What a device may say to the cloud: anything, at any moment of a job, of a healing or of a
 * question. The device that is there goes on saying what it says, too.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "cloud/core.h"
#include "vparticle/cloud.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RUNS = 400 /* calls in one input: a job may wait for long, but not for ever */ };

static struct vp_flash *models[2];

static uint64_t now(void *context)
{
    (void)context;
    return 1500000000000;
}

static void randomness(void *context, uint8_t *bytes, size_t count)
{
    (void)context;
    while (count-- > 0) {
        *bytes++ = 7;
    }
}

static void on_answer(void *context, int error, const struct vp_cloud_reply *reply)
{
    (void)context;
    if (error > 0 || (!error && !reply)) {
        abort();
    }
}

static struct vp_device *make_device(unsigned which)
{
    static const char *const specs[] = {"photon@0.6.3", "electron@0.6.3"};
    static const enum vp_platform platforms[] = {VP_PLATFORM_PHOTON, VP_PLATFORM_ELECTRON};
    struct vp_failure failure;
    struct vp_device *device;
    struct vp_flash *flash;
    if (!models[which]) {
        if (vp_device_from_spec(&device, specs[which], 0, &failure) ||
            vp_flash_fork(&models[which], vp_device_flash(device))) {
            abort();
        }
        vp_device_destroy(device);
    }
    if (vp_flash_fork(&flash, models[which]) ||
        vp_device_from_flash(&device, platforms[which], flash)) {
        abort();
    }
    return device;
}

static void act(struct vp_cloud *cloud, struct vp_cloud_device *record, uint8_t what,
                const uint8_t *bytes, size_t length)
{
    struct cloud_connection *connection = record->connection;
    struct vp_failure failure;
    switch (what % 8) {
    case 0:
        vp_cloud_run(cloud);
        break;
    case 1:
        vp_cloud_flash(cloud, record, "x", bytes, length, NULL, &failure);
        break;
    case 2:
        vp_cloud_ping(cloud, record, on_answer, NULL);
        break;
    case 3:
        vp_cloud_describe(cloud, record, on_answer, NULL);
        break;
    case 4:
        vp_device_reset(connection->device);
        break;
    default:
        cloud_air_put(&connection->air, CLOUD_UP, bytes, length,
                      vp_device_time(connection->device));
        cloud_activate(connection);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vp_cloud *cloud;
    struct vp_cloud_device *record;
    struct vp_failure failure;
    const struct vp_cloud_options options = {.now = now, .random = randomness};
    if (size == 0) {
        return 0;
    }
    struct vp_device *device = make_device(*data & 1);
    if (vp_cloud_create(&cloud, &options, &failure) ||
        vp_cloud_attach(cloud, device, &record, &failure)) {
        abort();
    }
    for (unsigned i = 0; i < RUNS && *data & 2 && vp_cloud_run(cloud) == 0; i++) {
    }
    for (const uint8_t *at = data + 1, *end = data + size; end - at >= 2;) {
        const size_t left = (size_t)(end - at - 2);
        const size_t length = at[1] < left ? at[1] : left;
        act(cloud, record, at[0], at + 2, length);
        at += 2 + length;
    }
    for (unsigned i = 0; i < RUNS && vp_cloud_run(cloud) == 0; i++) {
    }
    vp_cloud_destroy(cloud);
    vp_device_destroy(device);
    return 0;
}
