/**
 * @file command.h
 * Other programs' help: apt-cache and apt-get.
 */
#ifndef VP_GUEST_COMMAND_H
#define VP_GUEST_COMMAND_H

#include <stddef.h>

#include "host/guest/guest.h"

struct command {
    const char *const *argv; /**< found on $PATH; with a NULL at the end */
    const char *folder;      /**< where it runs; NULL: here */
    const struct vp_guest_progress *progress;
    char *output; /**< standard output and error, with an end; what is too long is dropped */
    size_t output_size;
};

/**
 * Run it until it ends; it does not outlive this process.
 * @return its exit status; 127 if it can't be started; 128 + N if signal N ended it; VP_ERROR_IO
 */
int command_run(const struct command *command);

/** Where a program is on $PATH, or in the folders of the system's. @return false: nowhere */
bool command_find(const char *name, char *path, size_t size);

#endif
