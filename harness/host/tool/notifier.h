/**
 * @file notifier.h
 * seccomp filters that hand system calls of a tool to us, seccomp_unotify(2).
 */
#ifndef VP_HOST_NOTIFIER_H
#define VP_HOST_NOTIFIER_H

#include <linux/filter.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>

#include "vparticle/error.h"

/**
 * Begin a filter that allows all calls but these, which are handed to us.
 * @param calls  of libseccomp; those that this architecture does not have are skipped
 * @param other_architecture  what happens to a program of one, SCMP_ACT_*
 * @return NULL without memory
 */
scmp_filter_ctx notifier_start(const int *calls, size_t count, uint32_t other_architecture);

/**
 * Make a program of it.
 * @param filter  freed; NULL is allowed
 * @param error  of what was added to it, a negative errno, or 0
 * @param[out] program  the caller frees its `filter`
 * @return 0 or VP_ERROR_UNSUPPORTED
 */
int notifier_finish(scmp_filter_ctx filter, int error, struct sock_fprog *program,
                    struct vp_failure *failure);

#endif
