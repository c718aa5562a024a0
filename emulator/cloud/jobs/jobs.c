#include "cloud/jobs/jobs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "cloud/jobs/job.h"
#include "cloud/jobs/record.h"

enum {
    KEPT = 16,             /* jobs that have ended and are still known */
    BACK_TIMEOUT = 300000, /* ms until a job that is unsure has failed. Assumption */
    CHUNKS_LIMIT = 65535,  /* chunked_transfer.h @ v0.7.0: MAX_CHUNKS */
};

/* ---- The queue ------------------------------------------------------------------------------ */

static void free_job(struct cloud_job *job)
{
    cloud_image_release(job->image);
    free(job->requested);
    free(job);
}

static void forget_oldest(struct cloud_connection *connection)
{
    struct cloud_jobs *jobs = &connection->jobs;
    struct cloud_job *job;
    DL_FOREACH(jobs->first, job)
    {
        if (job->state == VP_CLOUD_JOB_SENT || job->state == VP_CLOUD_JOB_FAILED) {
            DL_DELETE(jobs->first, job);
            jobs->ended--;
            cloud_job_forget(connection, job->id);
            free_job(job);
            return;
        }
    }
}

int cloud_jobs_add(struct cloud_connection *connection, const char *file_name,
                   struct cloud_image *image, bool by_healer, unsigned *id)
{
    struct cloud_jobs *jobs = &connection->jobs;
    const uint32_t chunk_size =
        connection->chunk_size > 0 ? connection->chunk_size : CLOUD_CHUNK_SIZE;
    const uint32_t chunks = (uint32_t)((image->size + chunk_size - 1) / chunk_size);
    struct cloud_job *job =
        jobs->waiting < VP_CLOUD_JOB_QUEUE && chunks < CHUNKS_LIMIT ? calloc(1, sizeof *job) : NULL;
    if (!job) {
        cloud_image_release(image);
        return jobs->waiting < VP_CLOUD_JOB_QUEUE ? VP_ERROR_NO_MEMORY : VP_ERROR_BUSY;
    }
    job->id = ++connection->cloud->core->last_job;
    job->by_healer = by_healer;
    job->image = image;
    job->size = (uint32_t)image->size;
    job->chunk_size = chunk_size;
    job->chunks = chunks;
    snprintf(job->file_name, sizeof job->file_name, "%s", file_name);
    const int error = cloud_job_record(connection, job);
    if (error) {
        free_job(job);
        return error;
    }
    DL_APPEND(jobs->first, job);
    jobs->waiting++;
    if (id) {
        *id = job->id;
    }
    cloud_rouse(connection);
    return 0;
}

bool cloud_jobs_are_open(const struct cloud_jobs *jobs)
{
    return jobs->current || jobs->waiting > 0;
}

void job_end(struct cloud_connection *connection, struct cloud_job *job,
             enum vp_cloud_job_state state, const char *why)
{
    struct cloud_jobs *jobs = &connection->jobs;
    const bool ran = jobs->current == job;
    cloud_exchange_forget(&connection->exchange, NULL, job);
    if (state == VP_CLOUD_JOB_SENT) {
        connection->restless = 0;
    }
    job->state = state;
    snprintf(job->why, sizeof job->why, "%s", why ? why : "");
    if (ran) {
        jobs->current = NULL;
        job->up = connection->air.meter.up - job->up;
        job->down = connection->air.meter.down - job->down;
    } else {
        jobs->waiting--;
    }
    cloud_image_release(job->image);
    free(job->requested);
    job->image = NULL;
    job->requested = NULL;
    cloud_job_record(connection, job);
    if (++jobs->ended > KEPT) {
        forget_oldest(connection);
    }
    cloud_publish_of(connection, "spark/flash/status",
                     state == VP_CLOUD_JOB_SENT ? "success " : "failed ", NULL);
    if (job->by_healer) {
        heal_sent(connection, state == VP_CLOUD_JOB_SENT);
    }
}

static struct cloud_job *first_waiting(const struct cloud_jobs *jobs)
{
    struct cloud_job *job;
    DL_FOREACH(jobs->first, job)
    {
        if (job->state == VP_CLOUD_JOB_WAITING) {
            return job;
        }
    }
    return NULL;
}

/* A device is flashed when it has said what it is; one that takes a module and restarts is not
 * given the next one before. */
static bool may_begin(const struct cloud_connection *connection)
{
    return connection->online && connection->described && !connection->expects_restart &&
           !connection->jobs.current && connection->jobs.waiting > 0;
}

static void begin(struct cloud_connection *connection)
{
    struct cloud_jobs *jobs = &connection->jobs;
    struct cloud_job *job = first_waiting(jobs);
    job->requested = calloc(1, job->chunks / 8 + 1);
    if (!job->requested) {
        job_end(connection, job, VP_CLOUD_JOB_FAILED, "out of memory");
        return;
    }
    jobs->current = job;
    jobs->waiting--;
    job->state = VP_CLOUD_JOB_SENDING;
    job->up = connection->air.meter.up;
    job->down = connection->air.meter.down;
    cloud_publish_of(connection, "spark/flash/status", "started ", NULL);
    job_begin(connection, job);
}

bool cloud_jobs_tick(struct cloud_connection *connection, uint64_t now)
{
    if (may_begin(connection)) {
        begin(connection);
        return true;
    }
    return connection->jobs.current && job_tick(connection, connection->jobs.current, now);
}

int64_t cloud_jobs_deadline(const struct cloud_connection *connection, uint64_t now)
{
    if (may_begin(connection)) {
        return 0;
    }
    return connection->jobs.current ? job_deadline(connection->jobs.current, now) : -1;
}

void cloud_jobs_fail_all(struct cloud_connection *connection, const char *why)
{
    struct cloud_job *job;
    if (connection->jobs.current) {
        job_end(connection, connection->jobs.current, VP_CLOUD_JOB_FAILED, why);
    }
    while ((job = first_waiting(&connection->jobs))) {
        job_end(connection, job, VP_CLOUD_JOB_FAILED, why);
    }
}

void cloud_jobs_free(struct cloud_jobs *jobs)
{
    struct cloud_job *job, *next;
    DL_FOREACH_SAFE(jobs->first, job, next)
    {
        DL_DELETE(jobs->first, job);
        free_job(job);
    }
    *jobs = (struct cloud_jobs){0};
}

/* ---- What the device says ------------------------------------------------------------------- */

void cloud_jobs_heard(struct cloud_connection *connection)
{
    if (connection->jobs.current) {
        connection->jobs.current->heard = vp_device_time(connection->device);
    }
}

void cloud_jobs_missed(struct cloud_connection *connection, const uint8_t *indexes, size_t length)
{
    if (connection->jobs.current) {
        job_missed(connection, connection->jobs.current, indexes, length);
    }
}

void cloud_jobs_done(struct cloud_connection *connection, const uint8_t *result, size_t length)
{
    struct cloud_job *job = connection->jobs.current;
    if (job && job->stage != JOB_BEGIN) {
        job_done(connection, job, result, length);
    }
}

void cloud_jobs_lost(struct cloud_connection *connection)
{
    struct cloud_job *job = connection->jobs.current;
    if (!job || job->stage == JOB_UNSURE) {
        return;
    }
    if (job->stage == JOB_DONE || job->stage == JOB_RESEND || job->stage == JOB_WAIT) {
        job->stage = JOB_UNSURE;
        job->due = connection->device ? vp_device_time(connection->device) + BACK_TIMEOUT : 0;
        connection->expects_restart = true;
        return;
    }
    job_end(connection, job, VP_CLOUD_JOB_FAILED, "the connection was lost");
}

void cloud_jobs_back(struct cloud_connection *connection, bool updated)
{
    struct cloud_job *job = connection->jobs.current;
    if (job && job->stage == JOB_UNSURE) {
        job_end(connection, job, updated ? VP_CLOUD_JOB_SENT : VP_CLOUD_JOB_FAILED,
                updated ? NULL : "the connection was lost before the device said that it has all");
    }
}
