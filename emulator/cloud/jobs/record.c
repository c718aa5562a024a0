#include "cloud/jobs/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

#include "cloud/jobs/job.h"

int cloud_job_record(struct cloud_connection *connection, const struct cloud_job *job)
{
    return store_put_job(connection->cloud->store, &(struct store_job){
                                                       .id = job->id,
                                                       .device = connection->record->id,
                                                       .file_name = job->file_name,
                                                       .size = job->size,
                                                       .by_healer = job->by_healer,
                                                       .state = job->state,
                                                       .why = job->why,
                                                   });
}

/* If it can't be forgotten now, it will be when it is loaded the next time, and is one too many. */
void cloud_job_forget(struct cloud_connection *connection, unsigned id)
{
    store_remove_job(connection->cloud->store, id);
}

static bool has_ended(unsigned state)
{
    return state == VP_CLOUD_JOB_SENT || state == VP_CLOUD_JOB_FAILED;
}

static struct cloud_connection *connection_of(struct vp_cloud *cloud, const char *id)
{
    struct vp_cloud_device *record = vp_cloud_find_device(cloud, id);
    if (!record || record->connection) {
        return record ? record->connection : NULL;
    }
    return cloud_connection_create(
        cloud, record, record->platform == VP_PLATFORM_ELECTRON ? VP_LINK_UDP : VP_LINK_TCP);
}

int cloud_load_job(struct vp_cloud *cloud, const struct store_job *row)
{
    struct cloud_connection *connection = connection_of(cloud, row->device);
    if (!connection) {
        return vp_cloud_find_device(cloud, row->device) ? VP_ERROR_NO_MEMORY : VP_ERROR_INVALID;
    }
    struct cloud_job *job = calloc(1, sizeof *job);
    if (!job) {
        return VP_ERROR_NO_MEMORY;
    }
    job->id = row->id;
    job->size = row->size;
    job->by_healer = row->by_healer;
    job->state = has_ended(row->state) ? row->state : VP_CLOUD_JOB_FAILED;
    snprintf(job->file_name, sizeof job->file_name, "%s", row->file_name);
    snprintf(job->why, sizeof job->why, "%s", row->why);
    if (!has_ended(row->state)) {
        job->unfinished = cloud->core->unfinished = true;
        snprintf(job->why, sizeof job->why, "the cloud ended before it was done");
    }
    DL_APPEND(connection->jobs.first, job);
    connection->jobs.ended++;
    if (job->id > cloud->core->last_job) {
        cloud->core->last_job = job->id;
    }
    return 0;
}

void cloud_report_unfinished(struct vp_cloud *cloud)
{
    struct cloud_connection *connection;
    cloud->core->unfinished = false;
    DL_FOREACH(cloud->core->connections, connection)
    {
        struct cloud_job *job;
        DL_FOREACH(connection->jobs.first, job)
        {
            if (job->unfinished) {
                job->unfinished = false;
                cloud_job_record(connection, job);
                cloud_publish_of(connection, "spark/flash/status", "failed ", NULL);
            }
        }
    }
}
