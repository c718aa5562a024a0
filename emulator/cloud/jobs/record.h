/**
 * @file record.h
 * Jobs as the store keeps them, so that none that was begun is forgotten: one that had not ended
 * when the cloud did has failed.
 */
#ifndef CLOUD_JOB_RECORD_H
#define CLOUD_JOB_RECORD_H

#include "cloud/store/store.h"

struct cloud_connection;
struct cloud_job;

/** Write down how a job stands. @return 0 or VP_ERROR_IO */
int cloud_job_record(struct cloud_connection *connection, const struct cloud_job *job);

/** It is not remembered any longer. */
void cloud_job_forget(struct cloud_connection *connection, unsigned id);

/** Take over what the store has. @return 0, VP_ERROR_NO_MEMORY, VP_ERROR_INVALID (of a device that
 *  nobody knows) */
int cloud_load_job(struct vp_cloud *cloud, const struct store_job *row);

/** Write down and publish those that were not finished. */
void cloud_report_unfinished(struct vp_cloud *cloud);

#endif
