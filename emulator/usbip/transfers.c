/* What a client asks of the device that it has: CMD_SUBMIT and CMD_UNLINK. */
#include "usbip/session_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/** A CMD_SUBMIT and its memory. Reused, so that a transfer costs no allocation. */
struct usbip_urb {
    struct vp_transfer transfer;
    struct usbip_session *session;
    struct usbip_urb *next, **link; /**< in `pending` (or `next` alone, in `spare`) */
    struct vp_usbip_header request;
    bool taken_back; /**< by CMD_UNLINK or the session's end: no RET_SUBMIT */
    uint8_t *data;
    size_t data_size;
};

enum {
    DATA_FIRST_SIZE = 512,
    DATA_KEPT_SIZE = 16 << 10, /**< a larger one is given back with its transfer */
};

/* ---- Answers ------------------------------------------------------------------------- */

static void answer_unlink(struct usbip_session *session, uint32_t seqnum, int32_t status)
{
    uint8_t *to = usbip_session_reserve(session, VP_USBIP_HEADER_SIZE);
    if (to) {
        const struct vp_usbip_header header = {
            .command = VP_USBIP_RET_UNLINK, .seqnum = seqnum, .unlinked = {.status = status}};
        vp_usbip_encode_header(to, &header);
    }
}

static void answer_submit(struct usbip_urb *urb, int32_t status)
{
    const struct vp_transfer *transfer = &urb->transfer;
    const uint32_t actual = transfer->status == VP_TRANSFER_OK ? transfer->actual : 0;
    const uint32_t data = transfer->in ? actual : 0;
    uint8_t *to = usbip_session_reserve(urb->session, VP_USBIP_HEADER_SIZE + data);
    if (to) {
        const struct vp_usbip_header header = {
            .command = VP_USBIP_RET_SUBMIT,
            .seqnum = urb->request.seqnum,
            .submitted = {
                .status = status, .actual = actual, .packets = urb->request.submit.packets}};
        vp_usbip_encode_header(to, &header);
        if (data > 0) {
            memcpy(to + VP_USBIP_HEADER_SIZE, transfer->data, data);
        }
    }
}

/* ---- Memory -------------------------------------------------------------------------- */

/** A transfer with room for @p length bytes (checked already), or NULL without memory. */
static struct usbip_urb *urb_get(struct usbip_session *session, uint32_t length)
{
    struct usbip_urb *urb = session->spare;
    if (urb) {
        session->spare = urb->next;
    } else {
        urb = calloc(1, sizeof *urb);
        if (!urb) {
            return NULL;
        }
        urb->session = session;
        urb->transfer.owner = urb;
    }
    if (urb->data_size < length) {
        size_t size = DATA_FIRST_SIZE;
        while (size < length) {
            size *= 2;
        }
        free(urb->data);
        urb->data = malloc(size);
        urb->data_size = urb->data ? size : 0;
        if (!urb->data) {
            free(urb);
            return NULL;
        }
    }
    urb->taken_back = false;
    return urb;
}

static void urb_put(struct usbip_urb *urb)
{
    if (urb->data_size > DATA_KEPT_SIZE) {
        free(urb->data);
        urb->data = NULL;
        urb->data_size = 0;
    }
    urb->next = urb->session->spare;
    urb->session->spare = urb;
}

static void urb_link(struct usbip_urb *urb)
{
    struct usbip_session *session = urb->session;
    urb->next = session->pending;
    urb->link = &session->pending;
    if (urb->next) {
        urb->next->link = &urb->next;
    }
    session->pending = urb;
    session->pending_count++;
    session->pending_bytes += urb->request.submit.length;
}

static void urb_unlink(struct usbip_urb *urb)
{
    *urb->link = urb->next;
    if (urb->next) {
        urb->next->link = urb->link;
    }
    urb->session->pending_count--;
    urb->session->pending_bytes -= urb->request.submit.length;
}

/* ---- To the device and back ------------------------------------------------------------ */

static int32_t status_of(const struct usbip_urb *urb)
{
    const struct vp_transfer *transfer = &urb->transfer;
    switch (transfer->status) {
    case VP_TRANSFER_OK:
        /* Host controllers report a short packet as an error if they are told to. */
        return (urb->request.submit.flags & VP_USBIP_SHORT_NOT_OK) && transfer->in &&
                       transfer->actual < transfer->length
                   ? -EREMOTEIO
                   : 0;
    case VP_TRANSFER_STALL:
        return -EPIPE;
    case VP_TRANSFER_NO_DEVICE:
        return -ESHUTDOWN;
    case VP_TRANSFER_CANCELLED:
    case VP_TRANSFER_PENDING:
    default:
        return -ECONNRESET;
    }
}

static void complete(struct vp_transfer *transfer)
{
    struct usbip_urb *urb = transfer->owner;
    struct usbip_session *session = urb->session;
    urb_unlink(urb);
    if (!urb->taken_back && session->state != USBIP_SESSION_BROKEN) {
        answer_submit(urb, status_of(urb));
    }
    urb_put(urb);
    usbip_session_wake(session);
}

/**
 * Fill in the transfer. @return false if no host controller could carry it out: a data
 * stage that is not the one the setup packet announces (usb_submit_urb() refuses these too)
 */
static bool urb_prepare(struct usbip_urb *urb)
{
    const struct vp_usbip_header *request = &urb->request;
    struct vp_transfer *transfer = &urb->transfer;
    transfer->endpoint = (uint8_t)request->endpoint;
    transfer->in = request->direction == VP_USBIP_DIR_IN;
    transfer->length = request->submit.length;
    transfer->actual = 0;
    transfer->status = VP_TRANSFER_PENDING;
    transfer->complete = complete;
    memcpy(transfer->setup, request->submit.setup, sizeof transfer->setup);
    if (request->endpoint == 0) {
        const uint8_t *setup = request->submit.setup;
        uint32_t data_stage = (uint32_t)(setup[6] | setup[7] << 8);
        if (data_stage > 0 && transfer->in != ((setup[0] & 0x80) != 0)) {
            return false;
        }
        if (!transfer->in && transfer->length != data_stage) {
            return false;
        }
        if (transfer->length > data_stage) {
            transfer->length = data_stage;
        }
        transfer->in = transfer->in && data_stage > 0;
    }
    transfer->data = transfer->length > 0 ? urb->data : NULL;
    return true;
}

/**
 * A host gives an address only after it has reset the bus (USB 2.0 section 9.1.2), and USB/IP has
 * no message for that. The kernel's own client never sends one.
 */
static bool is_set_address(const struct vp_transfer *transfer)
{
    static const uint8_t set_address[] = {0x00, 0x05};
    return transfer->endpoint == 0 && memcmp(transfer->setup, set_address, 2) == 0;
}

static void urb_submit(struct usbip_urb *urb)
{
    struct usbip_session *session = urb->session;
    struct usbip_export *export = session->export;
    if (export->watched) {
        export->asked(export);
    }
    if (!urb_prepare(urb)) {
        answer_submit(urb, -EINVAL);
        urb_put(urb);
        return;
    }
    if (is_set_address(&urb->transfer)) {
        vp_device_bus_reset(export->device);
    }
    urb_link(urb);
    vp_device_submit(export->device, &urb->transfer);
}

/* ---- Commands ---------------------------------------------------------------------------- */

/** @return whether the request keeps to the rules; else the session is broken */
static bool check_submit(struct usbip_session *session, const struct vp_usbip_header *request)
{
    uint32_t length = request->submit.length;
    if (request->direction > VP_USBIP_DIR_IN) {
        usbip_session_break(session, "direction %u is neither in nor out", request->direction);
    } else if (request->endpoint > 15) {
        usbip_session_break(session, "endpoint %u is above 15", request->endpoint);
    } else if (length > USBIP_TRANSFER_LIMIT) {
        usbip_session_break(session, "a transfer of %u bytes, above the limit of %d", length,
                            USBIP_TRANSFER_LIMIT);
    } else if (request->submit.packets != 0 && request->submit.packets != UINT32_MAX) {
        usbip_session_break(session, "an isochronous transfer: no such endpoint exists here");
    } else if (session->pending_count >= USBIP_PENDING_LIMIT) {
        usbip_session_break(session, "more than %d transfers without an answer",
                            USBIP_PENDING_LIMIT);
    } else if (session->pending_bytes + length > USBIP_PENDING_BYTES_LIMIT) {
        usbip_session_break(session, "transfers of more than %d bytes without an answer",
                            USBIP_PENDING_BYTES_LIMIT);
    }
    return !usbip_session_has_ended(session);
}

void usbip_transfer_submit(struct usbip_session *session, const struct vp_usbip_header *request)
{
    if (!check_submit(session, request)) {
        return;
    }
    struct usbip_urb *urb = urb_get(session, request->submit.length);
    if (!urb) {
        usbip_session_break(session, "out of memory for a transfer of %u bytes",
                            request->submit.length);
        return;
    }
    urb->request = *request;
    if (request->direction == VP_USBIP_DIR_OUT && request->submit.length > 0) {
        session->receiving = urb;
        session->received = 0;
    } else {
        urb_submit(urb);
    }
}

void usbip_transfer_unlink(struct usbip_session *session, const struct vp_usbip_header *request)
{
    int32_t status = 0;
    for (struct usbip_urb *urb = session->pending; urb; urb = urb->next) {
        if (urb->request.seqnum == request->unlink.seqnum) {
            urb->taken_back = true;
            vp_device_cancel(session->export->device, &urb->transfer);
            status = -ECONNRESET;
            break;
        }
    }
    answer_unlink(session, request->seqnum, status);
}

size_t usbip_transfer_feed(struct usbip_session *session, const uint8_t *bytes, size_t count)
{
    struct usbip_urb *urb = session->receiving;
    size_t missing = urb->request.submit.length - session->received;
    size_t used = count < missing ? count : missing;
    memcpy(urb->data + session->received, bytes, used);
    session->received += (uint32_t)used;
    if (used == missing) {
        session->receiving = NULL;
        urb_submit(urb);
    }
    return used;
}

/* ---- The end ------------------------------------------------------------------------------ */

void usbip_transfer_cancel_all(struct usbip_session *session)
{
    while (session->pending) {
        session->pending->taken_back = true;
        vp_device_cancel(session->export->device, &session->pending->transfer);
    }
}

void usbip_transfer_free_all(struct usbip_session *session)
{
    if (session->receiving) {
        urb_put(session->receiving);
        session->receiving = NULL;
    }
    while (session->spare) {
        struct usbip_urb *urb = session->spare;
        session->spare = urb->next;
        free(urb->data);
        free(urb);
    }
}
