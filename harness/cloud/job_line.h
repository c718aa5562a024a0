/** @file job_line.h What a transfer over the air has cost, in a line. */
#ifndef VP_CLOUD_JOB_LINE_H
#define VP_CLOUD_JOB_LINE_H

#include <stddef.h>

#include "vparticle/cloud_devices.h"

/** "app.bin: sent, 5324 bytes in 11 chunks; data 6820 down, 904 up" */
void vp_job_line(const struct vp_cloud_job_facts *job, char *text, size_t size);

#endif
