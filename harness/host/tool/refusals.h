/**
 * @file refusals.h
 * With VP_HOST_ACCESS_NONE it is the kernel that refuses a tool its devices. So that somebody
 * knows whether it did, the tool's calls that open files are looked at, and let pass.
 */
#ifndef VP_HOST_REFUSALS_H
#define VP_HOST_REFUSALS_H

#include <linux/filter.h>
#include <stdbool.h>
#include <sys/types.h>

#include "host/tool/call.h"
#include "vparticle/host.h"

/** The calls to look at. The caller frees `filter`. @return 0 or VP_ERROR_UNSUPPORTED */
int refusals_filter(struct sock_fprog *program, struct vp_failure *failure);

/**
 * Let the call pass; if it will be refused a USB device or its serial port, tell
 * `command->refused`. @param command  NULL: only let it pass
 */
void refusals_look(const struct call *call, const struct vp_host_command *command);

/**
 * Would somebody who neither owns the node nor is in its group be refused?
 * @param wanted  R_OK, W_OK or both
 */
bool refusals_expected(mode_t mode, int wanted);

#endif
