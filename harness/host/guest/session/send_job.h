/**
 * @file send_job.h
 * What a job is, told to the guest.
 */
#ifndef VP_GUEST_SEND_JOB_H
#define VP_GUEST_SEND_JOB_H

#include "host/guest/guest.h"
#include "host/guest/machine/machine.h"

/**
 * Program, arguments, this process's environment and working directory, and folders.
 * @param share  the real path, vp_guest_find_share()
 * @return 0; VP_ERROR_INVALID: an argument or variable is too long; VP_ERROR_IO: there is no
 *         working directory
 */
int send_job(struct machine *machine, const struct vp_guest_job *job, const char *share,
             struct vp_failure *failure);

/** That it is to start, with this process's umask, and at what time. */
void send_start(struct machine *machine);

#endif
