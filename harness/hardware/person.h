/**
 * @file person.h
 * Whoever has hands: a person at a terminal, who is asked to press a button, or a command that does
 * it (a robot's arm; a test).
 */
#ifndef VP_HARDWARE_PERSON_H
#define VP_HARDWARE_PERSON_H

#include <stdbool.h>
#include <stdio.h>

#include "vparticle/error.h"

struct vp_person {
    /**
     * Run by a shell with the words of the request behind it, which are those of `vparticle ctl`:
     * "press 3200", "reset", "reset 4000", "power off", "power on", "power cycle", "plug",
     * "unplug". It ends when it is done; any exit status but 0 means that it could not. NULL: ask
     * at the terminal.
     */
    const char *command;
    int terminal; /**< descriptor to read Enter from */
    FILE *to;     /**< where a person reads what to do */
};

struct vp_request {
    const char *words; /**< for a command */
    const char *text;  /**< for a person: a sentence without a full stop */
    /** Has it been done, by what can be seen? May be NULL: only they know. */
    bool (*done)(void *context);
    void *context;
};

/**
 * Ask, and wait until it is done: the command has ended; the person has pressed Enter, or what they
 * did can be seen; at most for two minutes.
 * @return 0, or VP_ERROR_IO with @p failure saying why it was not done
 */
int vp_person_ask(const struct vp_person *person, const struct vp_request *request,
                  struct vp_failure *failure);

#endif
