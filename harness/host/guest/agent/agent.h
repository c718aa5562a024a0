/**
 * @file agent.h
 * Parts of the guest's first process, after image/init.sh.
 */
#ifndef VP_GUEST_AGENT_H
#define VP_GUEST_AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "vparticle/error.h"

/** What image/init.sh leaves open: the port, and the file system that took all changes. */
enum { AGENT_PORT = 3, AGENT_CHANGES = 4 };

/* ---- system.c: what a booting system does --------------------------------------------------- */

/** Mount /proc, /sys, /dev, /run and the like, and bring up the loopback. */
int system_start(struct vp_failure *failure);

/** Mount the share where it is on the host, and let everybody come to it. */
int system_mount_share(const char *path, struct vp_failure *failure);

/**
 * Start udevd if there is one, and tell it of the USB buses.
 * @return a child that ends when udevd listens: what is plugged in before is lost on it; 0: there
 * is no udevd
 */
pid_t system_start_udev(void);

/** Write everything, and end the guest. */
_Noreturn void system_power_off(void);

/* ---- job.c ---------------------------------------------------------------------------------- */

/** A job as it is named, piece by piece. Begin with zeros. */
struct job {
    char **arguments, **variables; /**< with NULL at the end */
    unsigned argument_count, variable_count;
    char *directory, *share, *temporary; /**< or NULL */
};

/** @param text  of @p length bytes, not trusted. @return 0, VP_ERROR_INVALID, VP_ERROR_NO_MEMORY */
int job_add_argument(struct job *job, const void *text, size_t length);
int job_add_variable(struct job *job, const void *text, size_t length);
int job_set(char **path, const void *text, size_t length);
void job_clear(struct job *job);

/** The job's process, and our ends of its streams. */
struct job_process {
    pid_t pid;
    int input, output, errors; /**< non-blocking; errors is -1 if both go to output */
};

/**
 * Start it in a session of its own.
 * @return 0; VP_ERROR_NOT_FOUND or VP_ERROR_INVALID: the program is not there, or can't be
 * executed; VP_ERROR_IO
 */
int job_start(const struct job *job, mode_t mask, bool one_stream, struct job_process *process,
              struct vp_failure *failure);

/* ---- lost.c --------------------------------------------------------------------------------- */

enum { LOST_SHOWN = 3, LOST_TEXT_SIZE = 1024 };

/**
 * Which files the job wrote that nobody will find again: in the layer over the host's files, but
 * for /tmp, /run, /var, /dev and @p temporary (which may be NULL).
 * @param[out] text  a sentence with the first few, or "" if there are none
 */
void lost_describe(int changes, const char *temporary, char text[LOST_TEXT_SIZE]);

#endif
