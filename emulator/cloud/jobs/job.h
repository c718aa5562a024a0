/** @file job.h One job, for the files of this folder. */
#ifndef CLOUD_JOB_H
#define CLOUD_JOB_H

#include "cloud/core.h"

/** How far the transfer of a job that runs is. */
enum job_stage {
    JOB_BEGIN,  /**< UpdateBegin was sent; UpdateReady is to come */
    JOB_CHUNKS, /**< fast: one after the other, without waiting */
    JOB_CHUNK,  /**< slow: the device answers each */
    JOB_DONE,   /**< UpdateDone was sent */
    JOB_RESEND, /**< fast: what the device misses */
    JOB_WAIT,   /**< all that it missed was sent again; its word is to come */
    JOB_UNSURE, /**< the connection was lost before the answer to UpdateDone came */
};

struct cloud_job {
    struct cloud_job *prev, *next;
    unsigned id;
    enum vp_cloud_job_state state;
    bool by_healer;
    bool unfinished; /**< it had not ended when the cloud did */
    char file_name[VP_CLOUD_FILE_NAME_LIMIT];
    char why[160];
    struct cloud_image *image; /**< NULL once it has ended */
    uint32_t size, chunk_size, chunks, sent, repeated;
    uint64_t up, down; /**< bytes; while it runs the meter's values at its begin */

    enum job_stage stage;
    uint32_t at;        /**< chunk that is next */
    uint32_t burst;     /**< chunks that may still be sent before the next pause */
    uint64_t due;       /**< when something has to be done; device's time */
    uint64_t heard;     /**< when the device was heard last */
    unsigned rounds;    /**< of asking for the same chunks, or bad answers to a chunk */
    uint32_t missing;   /**< chunks that are to be sent again */
    uint32_t lowest;    /**< the first chunk that the device asked for last */
    uint8_t *requested; /**< a bit each */
};

/* ---- transfer.c ---------------------------------------------------------------------------------
 */

/** Send UpdateBegin. */
void job_begin(struct cloud_connection *connection, struct cloud_job *job);

/** Do what is due. @return true: something was done */
bool job_tick(struct cloud_connection *connection, struct cloud_job *job, uint64_t now);

int64_t job_deadline(const struct cloud_job *job, uint64_t now);

/** The device misses chunks. */
void job_missed(struct cloud_connection *connection, struct cloud_job *job, const uint8_t *indexes,
                size_t length);

/** The device says that it has all. */
void job_done(struct cloud_connection *connection, struct cloud_job *job, const uint8_t *result,
              size_t length);

/* ---- jobs.c --------------------------------------------------------------------------------- */

/** It has ended. @param why  or NULL */
void job_end(struct cloud_connection *connection, struct cloud_job *job,
             enum vp_cloud_job_state state, const char *why);

#endif
