/* Devices come and go, and what can be said of them. */
#include <stdlib.h>
#include <string.h>
#include <utlist.h>
#include <zlib.h>

#include "cloud/core.h"

/* ---- What the device's link says; it only notes --------------------------------------------- */

static void on_opened(void *context)
{
    struct cloud_connection *connection = context;
    cloud_air_mark(&connection->air, CLOUD_AIR_OPENED, vp_device_time(connection->device));
    connection->restless++;
    cloud_activate(connection);
}

static void on_sent(void *context, const uint8_t *message, size_t length)
{
    struct cloud_connection *connection = context;
    cloud_air_put(&connection->air, CLOUD_UP, message, length, vp_device_time(connection->device));
    cloud_activate(connection);
}

static void on_closed(void *context)
{
    struct cloud_connection *connection = context;
    cloud_air_mark(&connection->air, CLOUD_AIR_CLOSED, vp_device_time(connection->device));
    cloud_activate(connection);
}

static const struct vp_link_handlers handlers = {on_opened, on_sent, on_closed};

/* It may connect now, or later: look when it would. */
static void on_event(void *context, const struct vp_event *event)
{
    if (event->kind == VP_EVENT_MODE || event->kind == VP_EVENT_DEADLINE) {
        cloud_activate(context);
    }
}

/* ---- Coming --------------------------------------------------------------------------------- */

static uint64_t device_seed(const struct vp_cloud_device *record)
{
    return crc32(0, (const uint8_t *)record->id, VP_CLOUD_ID_SIZE);
}

struct cloud_connection *cloud_connection_create(struct vp_cloud *cloud,
                                                 struct vp_cloud_device *record,
                                                 enum vp_link_transport transport)
{
    struct cloud_connection *made = calloc(1, sizeof *made);
    if (made) {
        made->cloud = cloud;
        made->record = record;
        made->random = made->random_seed = device_seed(record);
        cloud_air_init(&made->air, transport, made->random);
        cloud_air_set(&made->air, &cloud->core->air, made->random);
        DL_APPEND(cloud->core->connections, made);
        record->connection = made;
    }
    return made;
}

static void set_link(struct cloud_connection *connection)
{
    if (connection->air.config.unreachable) {
        vp_device_set_link(connection->device, NULL, NULL);
    } else {
        vp_device_set_link(connection->device, &handlers, connection);
    }
    cloud_rouse(connection);
}

int vp_cloud_attach(struct vp_cloud *cloud, struct vp_device *device, struct vp_cloud_device **out,
                    struct vp_failure *failure)
{
    uint8_t id[VP_DEVICE_ID_SIZE];
    struct vp_cloud_device *record;
    vp_device_id(device, id);
    int error = vp_cloud_enroll(cloud, id, vp_device_platform(device), &record);
    if (error) {
        return vp_fail(failure, error, "the device cannot be enrolled: %s", vp_error_text(error));
    }
    if (record->connection && record->connection->device) {
        return vp_fail(failure, VP_ERROR_BUSY,
                       "a device with the id %s is at the cloud already; give each one of its own "
                       "(id=...)",
                       record->id);
    }
    struct cloud_connection *connection =
        record->connection
            ? record->connection
            : cloud_connection_create(cloud, record, vp_device_link_transport(device));
    if (!connection || vp_device_listen(device, on_event, connection)) {
        return vp_fail(failure, VP_ERROR_NO_MEMORY, "out of memory");
    }
    connection->device = device;
    vp_flash_share(cloud->core->pool, vp_device_flash(device));
    set_link(connection);
    if (out) {
        *out = record;
    }
    return 0;
}

/* ---- Going ---------------------------------------------------------------------------------- */

static void detach(struct cloud_connection *connection)
{
    vp_device_set_link(connection->device, NULL, NULL);
    vp_device_unlisten(connection->device, on_event, connection);
    cloud_air_clear(&connection->air, CLOUD_UP);
    cloud_air_clear(&connection->air, CLOUD_DOWN);
    connection->air.broken = false;
    cloud_connection_end(connection);
    cloud_jobs_fail_all(connection, "the device was taken away");
    connection->healing.sending = connection->expects_restart = false;
    cloud_deactivate(connection);
    connection->device = NULL;
}

void vp_cloud_detach(struct vp_cloud *cloud, struct vp_device *device)
{
    struct cloud_connection *connection;
    DL_FOREACH(cloud->core->connections, connection)
    {
        if (connection->device == device) {
            detach(connection);
            return;
        }
    }
}

int cloud_core_create(struct vp_cloud *cloud)
{
    cloud->core = calloc(1, sizeof *cloud->core);
    if (!cloud->core) {
        return VP_ERROR_NO_MEMORY;
    }
    cloud->core->modules.images = &cloud->core->images;
    return vp_flash_pool_create(&cloud->core->pool);
}

void cloud_core_destroy(struct vp_cloud *cloud)
{
    struct cloud_connection *connection, *next;
    if (!cloud->core) {
        return;
    }
    cloud_events_free(&cloud->core->events); /* nobody hears the end */
    DL_FOREACH_SAFE(cloud->core->connections, connection, next)
    {
        if (connection->device) {
            detach(connection);
        }
        cloud_jobs_free(&connection->jobs);
        connection->record->connection = NULL;
        free(connection->describe);
        free(connection);
    }
    cloud_modules_free(&cloud->core->modules);
    vp_flash_pool_destroy(cloud->core->pool);
    free(cloud->core);
    cloud->core = NULL;
}

/* ---- The air -------------------------------------------------------------------------------- */

static void set_air(struct cloud_connection *connection, const struct vp_cloud_air *air)
{
    const bool changes = connection->air.config.unreachable != air->unreachable;
    cloud_air_set(&connection->air, air, connection->random_seed);
    if (changes && connection->device) {
        set_link(connection);
    } else {
        cloud_rouse(connection);
    }
}

int vp_cloud_set_air(struct vp_cloud *cloud, struct vp_cloud_device *device,
                     const struct vp_cloud_air *air)
{
    if (air->loss_permille > 1000 || air->duplicate_permille > 1000) {
        return VP_ERROR_INVALID;
    }
    if (device) {
        if (!device->connection) {
            return VP_ERROR_INVALID;
        }
        set_air(device->connection, air);
        return 0;
    }
    struct cloud_connection *connection;
    cloud->core->air = *air;
    DL_FOREACH(cloud->core->connections, connection)
    {
        set_air(connection, air);
    }
    return 0;
}

static void add_counters(struct vp_cloud_air_counters *sum, const struct cloud_connection *of)
{
    const struct vp_cloud_air_counters *counters = &of->air.counters;
    sum->messages += counters->messages;
    sum->lost += counters->lost;
    sum->duplicated += counters->duplicated;
    sum->delayed += counters->delayed;
    sum->reordered += counters->reordered;
    sum->dropped += counters->dropped;
    sum->overflowed += counters->overflowed;
}

static void add_meter(struct vp_cloud_meter *sum, const struct cloud_connection *of)
{
    sum->up += of->air.meter.up;
    sum->down += of->air.meter.down;
    sum->messages += of->air.meter.messages;
    sum->handshakes += of->air.meter.handshakes;
}

void vp_cloud_air_counters(const struct vp_cloud *cloud, const struct vp_cloud_device *device,
                           struct vp_cloud_air_counters *counters)
{
    const struct cloud_connection *connection;
    *counters = (struct vp_cloud_air_counters){0};
    DL_FOREACH(cloud->core->connections, connection)
    {
        if (!device || connection->record == device) {
            add_counters(counters, connection);
        }
    }
}

void vp_cloud_meter(const struct vp_cloud *cloud, const struct vp_cloud_device *device,
                    struct vp_cloud_meter *meter)
{
    const struct cloud_connection *connection;
    *meter = (struct vp_cloud_meter){0};
    DL_FOREACH(cloud->core->connections, connection)
    {
        if (!device || connection->record == device) {
            add_meter(meter, connection);
        }
    }
}

/* ---- What is known -------------------------------------------------------------------------- */

void vp_cloud_connection_facts(const struct vp_cloud_device *device,
                               struct vp_cloud_connection_facts *facts)
{
    const struct cloud_connection *connection = device->connection;
    *facts = (struct vp_cloud_connection_facts){.app_hash = device->app_hash};
    if (connection) {
        *facts = (struct vp_cloud_connection_facts){
            .attached = connection->device != NULL,
            .online = connection->online,
            .safe_mode = connection->safe_mode,
            .busy = cloud_jobs_are_open(&connection->jobs),
            .product_id = connection->product_id,
            .product_version = connection->product_version,
            .system_version = connection->system_version,
            .describe = connection->describe,
            .app_hash = device->app_hash,
        };
    }
}

void vp_cloud_set_wake(struct vp_cloud *cloud, void (*wake)(void *context), void *context)
{
    cloud->core->wake = wake;
    cloud->core->wake_context = context;
}

void vp_cloud_set_clock(struct vp_cloud *cloud,
                        void (*pass)(void *context, struct vp_device *device), void *context)
{
    cloud->core->pass = pass;
    cloud->core->pass_context = context;
}
