/**
 * @file command.h
 * What is to be run, for every engine: a copy of it, and a look at whether it can be.
 */
#ifndef VP_HOST_COMMAND_H
#define VP_HOST_COMMAND_H

#include <stdbool.h>

#include "vparticle/host.h"

/** As a shell does: exit statuses of a tool that could not be started after all. */
enum { EXIT_NOT_EXECUTABLE = 126, EXIT_NOT_FOUND = 127 };

/** Look for `argv[0]` as execvp(3) does. @return 0, VP_ERROR_NOT_FOUND or VP_ERROR_INVALID */
int command_check(const struct vp_host_command *command, struct vp_failure *failure);

/** Copy all that @p command points to. @return false without memory or descriptors */
bool command_copy(struct vp_host_command *copy, const struct vp_host_command *command);
void command_clear(struct vp_host_command *copy);

/** Write to the tool's standard error, before the tool is there to do so itself. */
void command_complain(const struct vp_host_command *command, const char *step, int error,
                      const char *hint);

/** It cannot be started: command_complain(), then call `ended` and `left` as for one that ended at
 * once with EXIT_NOT_EXECUTABLE. @param error  an errno */
void command_fail(const struct vp_host_command *command, int error);

/** The child: no signal blocked, its streams and its folder. @return 0, or an errno for the folder
 */
int command_enter(const struct vp_host_command *command);

#endif
