/* What the owner of a device may have flashed, and healed. */
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "cloud/core.h"
#include "cloud/healer/plan.h"
#include "cloud/jobs/job.h"

/* HAL_OTA_FlashLength() of what the device runs. */
static uint32_t area_of(const struct cloud_connection *connection)
{
    if (connection->max_binary > 0) {
        return connection->max_binary;
    }
    const struct vp_module_area *area =
        &vp_module_areas(connection->record->platform, connection->system_version, false)->ota;
    return area->limit - area->start;
}

/* Would a user application find the system that it needs? */
static bool lacks_modules(const struct cloud_connection *connection, const uint8_t *bytes,
                          size_t size)
{
    struct vp_module module;
    struct vp_field_report report;
    if (!connection->describe || vp_module_parse(bytes, size, &module, NULL) ||
        module.function != VP_MODULE_USER ||
        vp_field_parse(connection->describe, strlen(connection->describe), &report, NULL)) {
        return false;
    }
    return !heal_is_met(&report, &module.dependencies[0]) ||
           !heal_is_met(&report, &module.dependencies[1]);
}

int vp_cloud_flash(struct vp_cloud *cloud, struct vp_cloud_device *device, const char *file_name,
                   const uint8_t *bytes, size_t size, unsigned *job, struct vp_failure *failure)
{
    struct cloud_connection *connection = device->connection;
    if (!connection || !connection->online) {
        return vp_fail(failure, VP_ERROR_NOT_FOUND, "Device is not connected");
    }
    if (size == 0) {
        return vp_fail(failure, VP_ERROR_INVALID, "Update failed - File was empty!");
    }
    if (size > area_of(connection)) {
        return vp_fail(failure, VP_ERROR_RANGE, "Update failed - File was too big!");
    }
    if (cloud->core->strict && lacks_modules(connection, bytes, size)) {
        return vp_fail(failure, VP_ERROR_UNSUPPORTED,
                       "Flash requires modules not present on device");
    }
    struct cloud_image *image = cloud_image_get(&cloud->core->images, bytes, size);
    if (!image) {
        return vp_fail(failure, VP_ERROR_NO_MEMORY, "out of memory");
    }
    const int error = cloud_jobs_add(connection, file_name ? file_name : "", image, false, job);
    return error ? vp_fail(failure, error, "%s",
                           error == VP_ERROR_BUSY ? "too many updates wait for this device"
                                                  : vp_error_text(error))
                 : 0;
}

/* ---- What became of it ---------------------------------------------------------------------- */

static void fill(const struct cloud_connection *connection, const struct cloud_job *job,
                 struct vp_cloud_job_facts *facts)
{
    const bool runs = connection->jobs.current == job;
    *facts = (struct vp_cloud_job_facts){
        .id = job->id,
        .device = connection->record,
        .state = job->state,
        .by_healer = job->by_healer,
        .size = job->size,
        .chunks = job->chunks,
        .sent = job->sent,
        .repeated = job->repeated,
        .up = runs ? connection->air.meter.up - job->up : job->up,
        .down = runs ? connection->air.meter.down - job->down : job->down,
    };
    memcpy(facts->file_name, job->file_name, sizeof facts->file_name);
    memcpy(facts->why, job->why, sizeof facts->why);
}

int vp_cloud_find_job(const struct vp_cloud *cloud, unsigned id, struct vp_cloud_job_facts *facts)
{
    const struct cloud_connection *connection;
    DL_FOREACH(cloud->core->connections, connection)
    {
        const struct cloud_job *job;
        DL_FOREACH(connection->jobs.first, job)
        {
            if (job->id == id) {
                fill(connection, job, facts);
                return 0;
            }
        }
    }
    return VP_ERROR_NOT_FOUND;
}

int vp_cloud_next_job(const struct vp_cloud_device *device, unsigned after,
                      struct vp_cloud_job_facts *facts)
{
    const struct cloud_job *job;
    DL_FOREACH(device->connection ? device->connection->jobs.first : NULL, job)
    {
        if (job->id > after) {
            fill(device->connection, job, facts);
            return 0;
        }
    }
    return VP_ERROR_NOT_FOUND;
}

void vp_cloud_set_strict(struct vp_cloud *cloud, bool strict)
{
    cloud->core->strict = strict;
}

/* ---- The healer ----------------------------------------------------------------------------- */

static void look_again(struct cloud_connection *connection)
{
    connection->healing.stopped = false;
    connection->healing.taken = connection->healing.lost = 0;
    if (connection->online && connection->safe_mode_told && !connection->healing.sending) {
        heal_look(connection);
    }
}

void vp_cloud_set_healer(struct vp_cloud *cloud, struct vp_cloud_device *device, bool on)
{
    struct cloud_connection *connection;
    if (!device) {
        cloud->core->healer_off = !on;
    }
    DL_FOREACH(cloud->core->connections, connection)
    {
        if (!device || connection->record == device) {
            connection->healing.off = device ? !on : false;
            look_again(connection);
        }
    }
}

bool vp_cloud_healer_is_on(const struct vp_cloud *cloud, const struct vp_cloud_device *device)
{
    return !cloud->core->healer_off && !(device->connection && device->connection->healing.off);
}

void vp_cloud_set_module_source(struct vp_cloud *cloud, vp_cloud_module_source source,
                                void *context)
{
    cloud->core->modules.source = source;
    cloud->core->modules.context = context;
}

int vp_cloud_add_module(struct vp_cloud *cloud, const uint8_t *bytes, size_t size,
                        struct vp_failure *failure)
{
    struct vp_module module;
    int error = vp_module_parse(bytes, size, &module, failure);
    if (error) {
        return error;
    }
    struct cloud_image *image = cloud_image_get(&cloud->core->images, bytes, size);
    error = image ? cloud_modules_add(&cloud->core->modules, &module, image) : VP_ERROR_NO_MEMORY;
    if (error) {
        cloud_image_release(image);
        return vp_fail(failure, error, "out of memory");
    }
    return 0;
}
