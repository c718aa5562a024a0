#include "cloud/job_line.h"

#include <inttypes.h>
#include <stdio.h>

void vp_job_line(const struct vp_cloud_job_facts *job, char *text, size_t size)
{
    static const char *const states[] = {
        [VP_CLOUD_JOB_WAITING] = "waits",
        [VP_CLOUD_JOB_SENDING] = "is being sent",
        [VP_CLOUD_JOB_SENT] = "sent",
        [VP_CLOUD_JOB_FAILED] = "failed",
    };
    char again[48] = "";
    if (job->repeated) {
        snprintf(again, sizeof again, ", %" PRIu32 " of them again", job->repeated);
    }
    snprintf(text, size,
             "%s%s: %s, %" PRIu32 " bytes in %" PRIu32 " chunks%s; data %" PRIu64 " down, %" PRIu64
             " up%s%s",
             job->file_name, job->by_healer ? " (healer)" : "", states[job->state], job->size,
             job->chunks, again, job->down, job->up, *job->why ? "; " : "", job->why);
}
