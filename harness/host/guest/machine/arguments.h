/**
 * @file arguments.h
 * How QEMU is called. A saved state fits only the machine that it was saved from: all of this but
 * the paths and descriptors is part of the cache's key.
 */
#ifndef VP_GUEST_ARGUMENTS_H
#define VP_GUEST_ARGUMENTS_H

#include <stddef.h>

enum { ARGUMENTS_MAX = 64, ARGUMENT_SIZE = 2 * 4096 + 256 };

struct machine_options {
    const char *program; /**< of QEMU */
    /** What is booted; NULL if a saved state is restored, which has it all. */
    const char *kernel, *initrd;
    const char *share; /**< a folder that the guest may write to */
    /** Connected sockets, and a saved state's file, or -1: what QEMU inherits. What the guest
     * prints goes to QEMU's standard error. */
    int port, monitor, state;
};

/** A command line. Free it by arguments_clear(). */
struct arguments {
    char *list[ARGUMENTS_MAX + 1]; /**< with a NULL after the last, for execv(3) */
    unsigned count;
};

/** @return 0 or VP_ERROR_NO_MEMORY */
int arguments_make(struct arguments *arguments, const struct machine_options *options);

void arguments_clear(struct arguments *arguments);

#endif
