#include "support/fleet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vparticle/cloud.h"
#include "vparticle/cloud_devices.h"
#include "vparticle/cloud_events.h"
#include "vparticle/forge.h"

enum {
    NEW_SYSTEM = 207,
    NEW_BOOTLOADER = 101,
    APP_SIZE = 9000,
    PROGRESS_EVERY = 16, /* runs */
};

struct fleet {
    struct vp_cloud *cloud;
    struct vp_device **devices;
    struct vp_cloud_device **records;
    unsigned count, healed;
    uint8_t *app;
    size_t app_size;
    void (*progress)(unsigned healed, unsigned devices);
    struct fleet_result *result;
};

static uint64_t now(void *context)
{
    (void)context;
    return 1500000000000;
}

static void randomness(void *context, uint8_t *bytes, size_t count)
{
    static uint8_t next;
    (void)context;
    while (count-- > 0) {
        *bytes++ = next++;
    }
}

static bool wrong(struct fleet *fleet, const char *what)
{
    snprintf(fleet->result->wrong, sizeof fleet->result->wrong, "%s", what);
    return false;
}

/* ---- Before --------------------------------------------------------------------------------- */

static bool make_app(struct fleet *fleet)
{
    const struct vp_module_recipe recipe = {
        .platform = VP_PLATFORM_PHOTON,
        .version = 5,
        .function = VP_MODULE_USER,
        .index = 1,
        .dependencies = {{VP_MODULE_SYSTEM, VP_MODULE_MAIN_PART, NEW_SYSTEM}},
        .address = vp_board_find(VP_PLATFORM_PHOTON)->user.start,
        .size = APP_SIZE,
        .product_id = VP_PLATFORM_PHOTON,
        .product_version = 1,
    };
    return !vp_forge_module(&recipe, &fleet->app, &fleet->app_size) ||
           wrong(fleet, "the application could not be made");
}

static bool add_device(struct fleet *fleet, unsigned number)
{
    struct vp_failure failure = {""};
    char spec[64];
    snprintf(spec, sizeof spec, "photon@0.6.3,id=%024x", number + 1);
    if (vp_device_from_spec(&fleet->devices[number], spec, 0, &failure) ||
        vp_cloud_attach(fleet->cloud, fleet->devices[number], &fleet->records[number], &failure)) {
        return wrong(fleet, failure.text);
    }
    return true;
}

static bool create(struct fleet *fleet)
{
    struct vp_failure failure = {""};
    const struct vp_cloud_options options = {.now = now, .random = randomness};
    fleet->devices = calloc(fleet->count, sizeof(struct vp_device *));
    fleet->records = calloc(fleet->count, sizeof(struct vp_cloud_device *));
    if (!fleet->devices || !fleet->records) {
        return wrong(fleet, "out of memory");
    }
    if (vp_cloud_create(&fleet->cloud, &options, &failure)) {
        return wrong(fleet, failure.text);
    }
    for (unsigned i = 0; i < fleet->count; i++) {
        if (!add_device(fleet, i)) {
            return false;
        }
    }
    return make_app(fleet);
}

/* ---- The upgrade ---------------------------------------------------------------------------- */

static void on_event(void *context, const struct vp_cloud_event *event)
{
    struct fleet *fleet = context;
    /* The bootloader comes last. */
    fleet->healed +=
        !strcmp(event->name, "spark/safe-mode-updater/updating") && !strcmp(event->data, "0");
}

static void run(struct fleet *fleet)
{
    for (unsigned i = 0; vp_cloud_run(fleet->cloud) == 0; i++) {
        if (fleet->progress && i % PROGRESS_EVERY == 0) {
            fleet->progress(fleet->healed, fleet->count);
        }
    }
}

static bool flash_all(struct fleet *fleet)
{
    struct vp_failure failure = {""};
    for (unsigned i = 0; i < fleet->count; i++) {
        if (vp_cloud_flash(fleet->cloud, fleet->records[i], "app.bin", fleet->app, fleet->app_size,
                           NULL, &failure)) {
            return wrong(fleet, failure.text);
        }
    }
    return true;
}

/* ---- After ---------------------------------------------------------------------------------- */

static uint16_t version_in(const struct vp_device *device, const struct vp_flash *flash,
                           const char *slot)
{
    unsigned count;
    const struct vp_module_slot *slots = vp_device_slots(device, &count);
    for (unsigned i = 0; i < count; i++) {
        struct vp_module module;
        if (!strcmp(slots[i].name, slot) &&
            !vp_module_parse_flash(flash, slots[i].start, &module, NULL) &&
            vp_module_crc_matches(flash, slots[i].start, &module)) {
            return module.version;
        }
    }
    return 0;
}

static bool is_app(const struct fleet *fleet, const struct vp_flash *flash)
{
    uint8_t bytes[APP_SIZE];
    return !vp_flash_read(flash, vp_board_find(VP_PLATFORM_PHOTON)->user.start, bytes,
                          sizeof bytes) &&
           !memcmp(bytes, fleet->app, sizeof bytes);
}

static bool is_right(struct fleet *fleet, unsigned number)
{
    static const struct {
        const char *slot;
        uint16_t version;
    } modules[] = {
        {"bootloader", NEW_BOOTLOADER}, {"system-part1", NEW_SYSTEM}, {"system-part2", NEW_SYSTEM}};
    struct vp_device *device = fleet->devices[number];
    const struct vp_flash *flash = vp_device_flash(device);
    char text[200];
    for (size_t i = 0; i < sizeof modules / sizeof *modules; i++) {
        const uint16_t version = version_in(device, flash, modules[i].slot);
        if (version != modules[i].version) {
            snprintf(text, sizeof text, "device %u: %s has version %u, and not %u", number,
                     modules[i].slot, version, modules[i].version);
            return wrong(fleet, text);
        }
    }
    if (!is_app(fleet, flash) || vp_device_mode(device) != VP_MODE_NORMAL) {
        snprintf(text, sizeof text, "device %u: mode %s, application %s", number,
                 vp_mode_name(vp_device_mode(device)),
                 is_app(fleet, flash) ? "there" : "not there");
        return wrong(fleet, text);
    }
    return true;
}

static void look(struct fleet *fleet)
{
    for (unsigned i = 0; i < fleet->count; i++) {
        struct vp_cloud_job_facts job;
        fleet->result->right += is_right(fleet, i);
        for (unsigned after = 0; !vp_cloud_next_job(fleet->records[i], after, &job);
             after = job.id) {
            fleet->result->chunks += job.sent + job.repeated;
        }
    }
}

static void destroy(struct fleet *fleet)
{
    vp_cloud_destroy(fleet->cloud);
    for (unsigned i = 0; i < fleet->count && fleet->devices; i++) {
        vp_device_destroy(fleet->devices[i]);
    }
    free(fleet->devices);
    free(fleet->records);
    free(fleet->app);
}

bool fleet_upgrade(unsigned devices, void (*progress)(unsigned healed, unsigned devices),
                   struct fleet_result *result)
{
    struct fleet fleet = {.count = devices, .progress = progress, .result = result};
    struct vp_cloud_subscription *subscription;
    *result = (struct fleet_result){.devices = devices};
    bool done = create(&fleet);
    if (done) {
        vp_cloud_subscribe(fleet.cloud, &(struct vp_cloud_filter){0}, on_event, &fleet,
                           &subscription);
        run(&fleet); /* all connect */
        done = flash_all(&fleet);
    }
    if (done) {
        run(&fleet);
        look(&fleet);
    }
    destroy(&fleet);
    return done;
}
