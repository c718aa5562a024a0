/**
 * @file jobs.h
 * Flashing over the air: one module after the other to each device, chunk by chunk.
 *
 * Source: chunked_transfer.cpp @ v0.4.6, v0.7.0, v1.5.2; Brewskey/spark-protocol, Flasher.js, for
 * what a cloud does. The device's part ends with the transfer: what comes of the module is decided
 * afterwards, and no "success" tells it.
 *
 * A connection that is lost ends the transfer: the firmware forgets what it has (begin(),
 * protocol.cpp @ v0.7.0), so it cannot go on, and the job has failed. There is one exception: all
 * was sent, and only the answer to UpdateDone is missing. The device's next Hello tells, then.
 */
#ifndef CLOUD_JOBS_H
#define CLOUD_JOBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cloud/jobs/image.h"
#include "vparticle/cloud_devices.h"

struct cloud_connection;
struct cloud_job;

struct cloud_jobs {
    struct cloud_job *first; /**< oldest first */
    struct cloud_job *current;
    unsigned ended, waiting; /**< how many of them */
};

/**
 * Put a job into the device's queue.
 * @param image  takes over one reference, whatever comes of it
 * @return 0, VP_ERROR_BUSY, VP_ERROR_NO_MEMORY, VP_ERROR_IO
 */
int cloud_jobs_add(struct cloud_connection *connection, const char *file_name,
                   struct cloud_image *image, bool by_healer, unsigned *job);

/** Is a job waiting or running? */
bool cloud_jobs_are_open(const struct cloud_jobs *jobs);

/** Begin the next one, or send what it is time for. @return true: something was done */
bool cloud_jobs_tick(struct cloud_connection *connection, uint64_t now);

/** @return ms until cloud_jobs_tick() has something to do, or -1 */
int64_t cloud_jobs_deadline(const struct cloud_connection *connection, uint64_t now);

/** All jobs end. */
void cloud_jobs_fail_all(struct cloud_connection *connection, const char *why);

void cloud_jobs_free(struct cloud_jobs *jobs);

/* ---- What the device says ----------------------------------------------------------------------
 */

/** It said anything at all. */
void cloud_jobs_heard(struct cloud_connection *connection);
/** It misses chunks: 16-bit indexes, most significant byte first. */
void cloud_jobs_missed(struct cloud_connection *connection, const uint8_t *indexes, size_t length);
/** It has all, by its own word. @param result  what it says of it, or NULL */
void cloud_jobs_done(struct cloud_connection *connection, const uint8_t *result, size_t length);
/** Its connection was lost. */
void cloud_jobs_lost(struct cloud_connection *connection);
/** It is back. @param updated  its Hello says that an update came before */
void cloud_jobs_back(struct cloud_connection *connection, bool updated);

#endif
