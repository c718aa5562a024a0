/**
 * @file usbfs_private.h
 * What the files of usbfs share.
 *
 *   usbfs.c            open files and their transfers in flight
 *   usbfs_ioctl.c      which request is meant; requests to the device as a whole
 *   usbfs_interface.c  interfaces: claims, settings, drivers
 *   usbfs_transfer.c   transfers
 *
 * Semantics: drivers/usb/core/devio.c of the Linux kernel.
 */
#ifndef VP_HOST_USBFS_PRIVATE_H
#define VP_HOST_USBFS_PRIVATE_H

#include <ev.h>
#include <uthash.h>

#include "host/tool/call.h"
#include "host/userland/core/userland.h"
#include "host/userland/supervisor/call_queue.h"
#include "host/userland/usb/bus.h"
#include "host/userland/usbfs/usbfs.h"

enum {
    USBFS_TRANSFER_MAX = 1 << 20,     /* what the server takes */
    USBFS_MEMORY_MAX = 16 << 20,      /* usbfs_memory_mb of the kernel */
    USBFS_TRANSFERS_PER_DEVICE = 200, /* in flight; the server drops who has more than 256 */
};

/** How long requests wait that have no limit of their own (USB_CTRL_SET_TIMEOUT), in seconds. */
#define USBFS_TIME_LIMIT 5.0

/**
 * An open device node. The tool has the writing end of a pipe with room for one byte. While the
 * byte is inside, poll(2) does not say POLLOUT, which for usbfs means "nothing to reap"; without
 * it, it does; and when we close the reading end it says POLLERR, which means "unplugged".
 */
struct usbfs_file {
    uint64_t pipe; /**< inode: how the tool's descriptor is recognised, however it was passed on */
    struct userland *host;
    struct host_device *device;         /**< NULL once it was unplugged */
    unsigned bus_number, device_number; /**< still asked for afterwards */
    int read_end;                       /**< -1 once it was unplugged */
    ev_io released;                     /**< the last holder has closed it */
    bool full;                          /**< the byte is inside */
    struct urb *pending, *completed, **completed_end;
    unsigned pending_count;
    struct call_queue reapers; /**< blocked in USBDEVFS_REAPURB */
    struct usbfs_file *next_of_device;
    UT_hash_handle hh;
};

/** A transfer for a tool, whether it waits for it or reaps it later. */
struct urb {
    struct link_transfer transfer;
    struct userland *host;
    struct usbfs_file *file; /**< NULL: nobody wants the result any more */
    struct call call;        /**< who waits for the end: of the request, or of DISCARDURB */
    ev_timer timer;
    bool timed_out, released; /**< why it was taken back: by neither, its tool wanted that */
    /** Called at the end of a request's transfer; NULL for one that is reaped. */
    void (*done)(struct urb *urb, int status);
    uint64_t user_urb;    /**< address of the tool's struct usbdevfs_urb: its name */
    uint64_t user_buffer; /**< where IN data goes */
    unsigned value;       /**< of the request, for `done` */
    struct urb *next, *previous;
    uint8_t data[];
};

/** @return a transfer with room for @p length bytes, or NULL if that is too much */
struct urb *usbfs_urb_create(struct usbfs_file *file, const struct call *call, uint32_t length);
/** Drop one that was never submitted. */
void usbfs_urb_free(struct urb *urb);
/** Submit; it belongs to the file from here on. @p seconds 0: no limit. */
void usbfs_urb_submit(struct urb *urb, double seconds);

/** Hand the oldest completed transfer to the tool. @p reap_address gets its user_urb. */
void usbfs_reap(struct usbfs_file *file, const struct call *call);

/** The open file behind a pipe, or NULL. */
struct usbfs_file *usbfs_find(const struct userland *host, uint64_t pipe);

struct urb *usbfs_find_pending(struct usbfs_file *file, uint64_t user_urb);

/* ---- usbfs_interface.c ------------------------------------------------------------------- */

/* May the file use this endpoint (with direction bit), or what this request is for? A tool that
 * forgot to claim the interface gets it all the same. @return 0 or an errno */
int usbfs_check_endpoint(struct usbfs_file *file, unsigned address);
int usbfs_check_recipient(struct usbfs_file *file, const uint8_t setup[8]);

void usbfs_on_claim(struct usbfs_file *file, const struct call *call);
void usbfs_on_release(struct usbfs_file *file, const struct call *call);
void usbfs_on_set_interface(struct usbfs_file *file, const struct call *call);
void usbfs_on_set_configuration(struct usbfs_file *file, const struct call *call);
void usbfs_on_get_driver(struct usbfs_file *file, const struct call *call);
void usbfs_on_driver_request(struct usbfs_file *file, const struct call *call);
void usbfs_on_disconnect_claim(struct usbfs_file *file, const struct call *call);

/* ---- usbfs_reset.c ----------------------------------------------------------------------- */

void usbfs_on_reset(struct usbfs_file *file, const struct call *call);

/* ---- usbfs_transfer.c -------------------------------------------------------------------- */

/** The number that the ioctl's argument points to; false if there is none: the call has failed. */
bool usbfs_read_number(const struct call *call, unsigned *number);

/** @p status: what the call returns, or a negative errno. */
void usbfs_answer(const struct call *call, int status);

void usbfs_make_setup(uint8_t setup[8], unsigned type, unsigned request, unsigned value,
                      unsigned index, unsigned length);

/**
 * A control request that the host makes for the tool.
 * @param done   gets 0 or a negative errno, and answers the call
 * @param value  kept for `done`
 */
void usbfs_request(struct usbfs_file *file, const struct call *call, const uint8_t setup[8],
                   void (*done)(struct urb *urb, int status), unsigned value);
/** A `done` that only answers. */
void usbfs_answer_status(struct urb *urb, int status);

void usbfs_on_control(struct usbfs_file *file, const struct call *call);
void usbfs_on_bulk(struct usbfs_file *file, const struct call *call);
void usbfs_on_submit(struct usbfs_file *file, const struct call *call);
void usbfs_on_reap(struct usbfs_file *file, const struct call *call);
void usbfs_on_reap_now(struct usbfs_file *file, const struct call *call);
void usbfs_on_discard(struct usbfs_file *file, const struct call *call);

#endif
