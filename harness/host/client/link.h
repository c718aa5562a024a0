/**
 * @file link.h
 * The USB/IP client: the server's device list, and one imported device with its transfers.
 * Asynchronous: nothing here waits for the server, which may run on the same loop.
 */
#ifndef VP_HOST_LINK_H
#define VP_HOST_LINK_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "vparticle/usbip.h"

/** Where the server listens. */
struct link_address {
    struct sockaddr_storage socket;
    socklen_t length;
};

/** A server that accepts a connection and then says nothing is given up after so many seconds. */
#define LINK_TIME_LIMIT 5.0

/* ---- The device list --------------------------------------------------------------------- */

struct link_list;

/**
 * Ask for the list once, on a connection of its own.
 * @param done  called once, not from inside this call: the devices, valid during the call, or
 *              NULL with the reason. The list is freed right after it.
 * @return the question, or NULL if it cannot even be asked (errno)
 */
struct link_list *link_list_ask(struct ev_loop *loop, const struct link_address *address,
                                void (*done)(void *context, const struct vp_usbip_device *devices,
                                             size_t count, const char *reason),
                                void *context);

/** Give up; `done` is not called. NULL is allowed. */
void link_list_cancel(struct link_list *list);

/* ---- An imported device ------------------------------------------------------------------ */

struct link;

/** One transfer on the wire. Belongs to the submitter and must live until `complete`. */
struct link_transfer {
    uint8_t endpoint; /**< without direction bit */
    bool in;
    uint8_t setup[8]; /**< endpoint 0 only */
    uint8_t interval; /**< of an interrupt endpoint */
    bool short_not_ok;
    uint8_t *data;
    uint32_t length;
    uint32_t actual; /**< out */
    int status;      /**< out: 0 or a negative errno; -ECONNRESET: taken back */
    /** Called once; -ESHUTDOWN if the link closed. Not from inside link_submit(). */
    void (*complete)(struct link_transfer *transfer);
    void *owner;
    /* The link's own. */
    uint32_t seqnum, unlink_seqnum;
    struct link_transfer *previous, *next;
};

struct link_events {
    /** The import succeeded; transfers may be submitted. */
    void (*opened)(void *context, const struct vp_usbip_device *device);
    /** The import failed or the connection ended; the link is gone, its transfers completed. */
    void (*closed)(void *context, const char *reason);
};

/** Import @p busid. @return the link, or NULL if no connection can even be started (errno) */
struct link *link_open(struct ev_loop *loop, const struct link_address *address, const char *busid,
                       const struct link_events *events, void *context);

/** Submit; in order with all others. */
void link_submit(struct link *link, struct link_transfer *transfer);

/** Take a pending transfer back; it completes later, perhaps with success. Twice is once. */
void link_unlink(struct link *link, struct link_transfer *transfer);

/** Close: pending transfers complete with -ESHUTDOWN inside the call, `closed` isn't called. */
void link_close(struct link *link);

#endif
