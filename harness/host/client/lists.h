/**
 * @file lists.h
 * The server's list, asked for over and over. USB/IP has no message for "a device was plugged in",
 * so the list is asked for every 100 ms, and at once when somebody knows better (vp_host_rescan()).
 */
#ifndef VP_HOST_LISTS_H
#define VP_HOST_LISTS_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>

#include "host/engine.h"

struct lists {
    const struct vp_host *host;
    /** Bring the devices in line with what the server shows. Valid during the call. */
    void (*compare)(void *context, const struct vp_usbip_device *shown, size_t count);
    /** Some time has passed, or a list was answered: look who waits for what. */
    void (*look)(void *context);
    void *context;

    unsigned long asked, answered; /**< how many lists */

    /* Its own. */
    ev_timer poll;
    struct link_list *question; /**< that is being asked */
    bool again;                 /**< somebody wanted another meanwhile */
    bool failed;                /**< the last one; somebody was told */
};

/** Ask for the first list, and then now and then. All but the first group is zero. */
void lists_start(struct lists *lists);

/** Some that were never started (all zeros) are allowed. */
void lists_stop(struct lists *lists);

/** Ask at once. */
void lists_ask(struct lists *lists);

/** @return the number of the first list whose answer will know what is so now: that of a question
 *          that is under way may be older */
unsigned long lists_next(const struct lists *lists);

#endif
