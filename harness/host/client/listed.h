/**
 * @file listed.h
 * What the server's list says of a device that was imported. The list may be read before the end of
 * the device's connection is, and what is on that connection still counts; but a tool that starts
 * in between would find a device that leaves under its hands.
 */
#ifndef VP_HOST_LISTED_H
#define VP_HOST_LISTED_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vparticle/usbip.h"

struct listed {
    uint32_t number;           /**< the server's devnum: another one each time it attaches */
    unsigned long imported_at; /**< how many lists had been asked for then */
    bool in_use; /**< it was listed since; usbipd(8) lists only what nobody has imported */
    bool leaves; /**< by the list; its connection is about to end */
    ev_tstamp leaves_since;
};

/** @return the device of that bus id in a list, or NULL */
const struct vp_usbip_device *listed_find(const struct vp_usbip_device *shown, size_t count,
                                          const char *busid);

/** It was imported. @param lists_asked  until now */
void listed_import(struct listed *listed, uint32_t number, unsigned long lists_asked);

/**
 * A list was answered.
 * @param shown  the device in that list, or NULL
 * @param lists  how many had been asked for with this one
 * @return whether its connection ought to have ended long since: it is to be given up
 */
bool listed_look(struct listed *listed, const struct vp_usbip_device *shown, unsigned long lists,
                 ev_tstamp now);

#endif
