#include "usbip/session.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
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
    OUTPUT_FIRST_SIZE = 4096,
    OUTPUT_KEPT_SIZE = 256 << 10, /**< a larger one is given back when it is empty */
    DATA_FIRST_SIZE = 512,
    DATA_KEPT_SIZE = 16 << 10, /**< likewise, for a transfer's data */
};

/* ---- End -------------------------------------------------------------------------- */

static bool has_ended(const struct usbip_session *session)
{
    return session->state >= USBIP_SESSION_DONE;
}

static void wake(struct usbip_session *session)
{
    if (!session->feeding && session->wake) {
        session->wake(session);
    }
}

__attribute__((format(printf, 2, 3))) static void broken(struct usbip_session *session,
                                                         const char *format, ...)
{
    if (session->state == USBIP_SESSION_BROKEN) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(session->reason, sizeof session->reason, format, arguments);
    va_end(arguments);
    session->state = USBIP_SESSION_BROKEN;
}

/* ---- Output ------------------------------------------------------------------------ */

size_t usbip_session_waiting(const struct usbip_session *session)
{
    return session->output.end - session->output.start;
}

/** Space for @p count more bytes; NULL, and a broken session, if there is none. */
static uint8_t *reserve(struct usbip_session *session, size_t count)
{
    struct usbip_output *output = &session->output;
    if (output->size - output->end >= count) {
        uint8_t *space = output->bytes + output->end;
        output->end += count;
        return space;
    }
    size_t used = output->end - output->start;
    if (output->start > 0) {
        memmove(output->bytes, output->bytes + output->start, used);
        output->start = 0;
        output->end = used;
    }
    size_t size = output->size ? output->size : OUTPUT_FIRST_SIZE;
    while (size < used + count) {
        size *= 2;
    }
    if (size > output->size) {
        uint8_t *grown = realloc(output->bytes, size);
        if (!grown) {
            broken(session, "out of memory for its answers");
            return NULL;
        }
        output->bytes = grown;
        output->size = size;
    }
    output->end = used + count;
    return output->bytes + used;
}

void usbip_session_sent(struct usbip_session *session, size_t count)
{
    struct usbip_output *output = &session->output;
    output->start += count;
    if (output->start < output->end) {
        return;
    }
    output->start = output->end = 0;
    if (output->size > OUTPUT_KEPT_SIZE) {
        free(output->bytes);
        output->bytes = NULL;
        output->size = 0;
    }
}

static void answer_unlink(struct usbip_session *session, uint32_t seqnum, int32_t status)
{
    uint8_t *to = reserve(session, VP_USBIP_HEADER_SIZE);
    if (to) {
        const struct vp_usbip_header header = {
            .command = VP_USBIP_RET_UNLINK, .seqnum = seqnum, .unlinked = {.status = status}};
        vp_usbip_encode_header(to, &header);
    }
}

static void answer_submit(struct usbip_urb *urb, int32_t status)
{
    const struct vp_transfer *transfer = &urb->transfer;
    bool done = transfer->status == VP_TRANSFER_OK;
    struct vp_usbip_header header = {.command = VP_USBIP_RET_SUBMIT,
                                     .seqnum = urb->request.seqnum,
                                     .submitted = {.status = status,
                                                   .actual = done ? transfer->actual : 0,
                                                   .packets = urb->request.submit.packets}};
    size_t data = transfer->in ? header.submitted.actual : 0;
    uint8_t *to = reserve(urb->session, VP_USBIP_HEADER_SIZE + data);
    if (to) {
        vp_usbip_encode_header(to, &header);
        if (data > 0) {
            memcpy(to + VP_USBIP_HEADER_SIZE, transfer->data, data);
        }
    }
}

/* ---- Transfers ---------------------------------------------------------------------- */

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
    wake(session);
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

/** @return whether the request keeps to the rules; else the session is broken */
static bool check_submit(struct usbip_session *session, const struct vp_usbip_header *request)
{
    uint32_t length = request->submit.length;
    if (request->direction > VP_USBIP_DIR_IN) {
        broken(session, "direction %u is neither in nor out", request->direction);
    } else if (request->endpoint > 15) {
        broken(session, "endpoint %u is above 15", request->endpoint);
    } else if (length > USBIP_TRANSFER_LIMIT) {
        broken(session, "a transfer of %u bytes, above the limit of %d", length,
               USBIP_TRANSFER_LIMIT);
    } else if (request->submit.packets != 0 && request->submit.packets != UINT32_MAX) {
        broken(session, "an isochronous transfer: no such endpoint exists here");
    } else if (session->pending_count >= USBIP_PENDING_LIMIT) {
        broken(session, "more than %d transfers without an answer", USBIP_PENDING_LIMIT);
    } else if (session->pending_bytes + length > USBIP_PENDING_BYTES_LIMIT) {
        broken(session, "transfers of more than %d bytes without an answer",
               USBIP_PENDING_BYTES_LIMIT);
    }
    return !has_ended(session);
}

static void on_submit(struct usbip_session *session, const struct vp_usbip_header *request)
{
    if (!check_submit(session, request)) {
        return;
    }
    struct usbip_urb *urb = urb_get(session, request->submit.length);
    if (!urb) {
        broken(session, "out of memory for a transfer of %u bytes", request->submit.length);
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

/**
 * As usbip-host does it (stub_rx.c): a transfer that has no answer yet is taken back and has
 * none but this one; if it has its answer already, that went out first, and this one says 0.
 */
static void on_unlink(struct usbip_session *session, const struct vp_usbip_header *request)
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

/* ---- Before the import ----------------------------------------------------------------- */

bool usbip_export_describe(const struct usbip_export *export, struct vp_usbip_device *device)
{
    memset(device, 0, sizeof *device);
    if (vp_device_identity(export->device, &device->identity) != 0) {
        return false;
    }
    snprintf(device->path, sizeof device->path, "/sys/devices/platform/vparticle/usb%d/%s",
             USBIP_BUSNUM, export->busid);
    memcpy(device->busid, export->busid, sizeof device->busid);
    device->busnum = USBIP_BUSNUM;
    device->devnum = export->devnum;
    device->speed = USBIP_SPEED_FULL;
    return true;
}

static void answer_op(struct usbip_session *session, uint16_t code, enum vp_usbip_op_status status)
{
    uint8_t *to = reserve(session, VP_USBIP_OP_SIZE);
    if (to) {
        const struct vp_usbip_op op = {.version = VP_USBIP_VERSION, .code = code, .status = status};
        vp_usbip_encode_op(to, &op);
    }
}

static void put_interfaces(uint8_t *to, const struct vp_usb_identity *identity)
{
    for (uint8_t i = 0; i < identity->interface_count; i++, to += VP_USBIP_INTERFACE_SIZE) {
        to[0] = identity->interfaces[i].interface_class;
        to[1] = identity->interfaces[i].interface_subclass;
        to[2] = identity->interfaces[i].interface_protocol;
        to[3] = 0;
    }
}

static void on_devlist(struct usbip_session *session)
{
    answer_op(session, VP_USBIP_OP_REP_DEVLIST, VP_USBIP_ST_OK);
    uint8_t *count = reserve(session, 4);
    if (!count) {
        return;
    }
    size_t count_offset = (size_t)(count - session->output.bytes) - session->output.start;
    uint32_t shown = 0;
    for (size_t i = 0; i < session->exports->count; i++) {
        struct vp_usbip_device device;
        if (!usbip_export_describe(session->exports->items[i], &device)) {
            continue;
        }
        size_t interfaces = (size_t)device.identity.interface_count * VP_USBIP_INTERFACE_SIZE;
        uint8_t *to = reserve(session, VP_USBIP_DEVICE_SIZE + interfaces);
        if (!to) {
            return;
        }
        vp_usbip_encode_device(to, &device);
        put_interfaces(to + VP_USBIP_DEVICE_SIZE, &device.identity);
        shown++;
    }
    count = session->output.bytes + session->output.start + count_offset;
    memset(count, 0, 4);
    count[2] = (uint8_t)(shown >> 8);
    count[3] = (uint8_t)shown;
    session->state = USBIP_SESSION_DONE; /* as usbipd does: one list for each connection */
}

static struct usbip_export *find_export(const struct usbip_session *session, const char *busid)
{
    for (size_t i = 0; i < session->exports->count; i++) {
        if (strcmp(session->exports->items[i]->busid, busid) == 0) {
            return session->exports->items[i];
        }
    }
    return NULL;
}

/** Change who has the device, if that is @p from now. */
static void set_importer(struct usbip_export *export, struct usbip_session *from,
                         struct usbip_session *to)
{
    if (export->importer != from) {
        return;
    }
    export->importer = to;
    if (export->importer_changed) {
        export->importer_changed(export);
    }
}

/** Take the device for this session. @return the status to answer */
static enum vp_usbip_op_status take(struct usbip_session *session, struct usbip_export *export,
                                    struct vp_usbip_device *device)
{
    if (!export) {
        return VP_USBIP_ST_NODEV;
    }
    if (export->importer) {
        return VP_USBIP_ST_DEV_BUSY;
    }
    if (vp_device_bus_reset(export->device) != 0 || !usbip_export_describe(export, device)) {
        return VP_USBIP_ST_NA;
    }
    session->export = export;
    session->state = USBIP_SESSION_IMPORTED;
    set_importer(export, NULL, session);
    return VP_USBIP_ST_OK;
}

static void on_import(struct usbip_session *session, const uint8_t *busid_bytes)
{
    char busid[VP_USBIP_BUSID_SIZE];
    struct vp_usbip_device device;
    memcpy(busid, busid_bytes, sizeof busid);
    if (busid[sizeof busid - 1] != '\0') {
        broken(session, "a bus id that does not end");
        return;
    }
    enum vp_usbip_op_status status = take(session, find_export(session, busid), &device);
    answer_op(session, VP_USBIP_OP_REP_IMPORT, status);
    if (status != VP_USBIP_ST_OK) {
        session->state = USBIP_SESSION_DONE;
        return;
    }
    uint8_t *to = reserve(session, VP_USBIP_DEVICE_SIZE);
    if (to) {
        vp_usbip_encode_device(to, &device);
    }
}

/** @return bytes that the whole message has, or 0 if the session is over */
static size_t check_op(struct usbip_session *session)
{
    struct vp_usbip_op op;
    vp_usbip_decode_op(&op, session->head);
    if (op.code != VP_USBIP_OP_REQ_DEVLIST && op.code != VP_USBIP_OP_REQ_IMPORT) {
        broken(session, "does not speak USB/IP: starts with %02x %02x %02x %02x", session->head[0],
               session->head[1], session->head[2], session->head[3]);
        return 0;
    }
    if (op.version != VP_USBIP_VERSION) {
        answer_op(session, op.code & 0x7FFF, VP_USBIP_ST_ERROR);
        broken(session, "speaks USB/IP version %x.%x.%x, and this is 1.1.1", op.version >> 8,
               op.version >> 4 & 15, op.version & 15);
        return 0;
    }
    return op.code == VP_USBIP_OP_REQ_IMPORT ? VP_USBIP_IMPORT_REQUEST_SIZE : VP_USBIP_OP_SIZE;
}

/* ---- Input ------------------------------------------------------------------------------- */

/** Add to `head` until it has @p want bytes. @return bytes used */
static size_t fill_head(struct usbip_session *session, const uint8_t *bytes, size_t count,
                        size_t want)
{
    size_t missing = want - session->head_filled;
    size_t used = count < missing ? count : missing;
    memcpy(session->head + session->head_filled, bytes, used);
    session->head_filled += used;
    return used;
}

static size_t feed_op(struct usbip_session *session, const uint8_t *bytes, size_t count)
{
    size_t used = 0;
    if (session->head_filled < VP_USBIP_OP_SIZE) {
        used = fill_head(session, bytes, count, VP_USBIP_OP_SIZE);
        if (session->head_filled < VP_USBIP_OP_SIZE) {
            return used;
        }
    }
    size_t want = check_op(session);
    if (want == 0) {
        return used;
    }
    used += fill_head(session, bytes + used, count - used, want);
    if (session->head_filled < want) {
        return used;
    }
    session->head_filled = 0;
    if (want == VP_USBIP_OP_SIZE) {
        on_devlist(session);
    } else {
        on_import(session, session->head + VP_USBIP_OP_SIZE);
    }
    return used;
}

static size_t feed_header(struct usbip_session *session, const uint8_t *bytes, size_t count)
{
    size_t used = VP_USBIP_HEADER_SIZE;
    if (session->head_filled > 0 || count < VP_USBIP_HEADER_SIZE) {
        used = fill_head(session, bytes, count, VP_USBIP_HEADER_SIZE);
        if (session->head_filled < VP_USBIP_HEADER_SIZE) {
            return used;
        }
        session->head_filled = 0;
        bytes = session->head;
    }
    struct vp_usbip_header request;
    vp_usbip_decode_header(&request, bytes);
    if (request.command == VP_USBIP_CMD_SUBMIT) {
        on_submit(session, &request);
    } else if (request.command == VP_USBIP_CMD_UNLINK) {
        on_unlink(session, &request);
    } else {
        broken(session, "unknown command 0x%x", request.command);
    }
    return used;
}

static size_t feed_data(struct usbip_session *session, const uint8_t *bytes, size_t count)
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

static size_t feed_one(struct usbip_session *session, const uint8_t *bytes, size_t count)
{
    if (session->receiving) {
        return feed_data(session, bytes, count);
    }
    if (session->state == USBIP_SESSION_IMPORTED) {
        return feed_header(session, bytes, count);
    }
    return feed_op(session, bytes, count);
}

size_t usbip_session_feed(struct usbip_session *session, const uint8_t *bytes, size_t count)
{
    size_t used = 0;
    session->feeding = true;
    while (used < count && !has_ended(session) &&
           usbip_session_waiting(session) <= USBIP_OUTPUT_PAUSE) {
        used += feed_one(session, bytes + used, count - used);
    }
    session->feeding = false;
    return has_ended(session) ? count : used;
}

bool usbip_session_is_mid_message(const struct usbip_session *session)
{
    return session->head_filled > 0 || session->receiving;
}

/* ---- Life ---------------------------------------------------------------------------------- */

void usbip_session_begin(struct usbip_session *session, const struct usbip_exports *exports)
{
    memset(session, 0, sizeof *session);
    session->exports = exports;
}

static void let_go(struct usbip_session *session)
{
    struct usbip_export *export = session->export;
    if (!export) {
        return;
    }
    while (session->pending) {
        session->pending->taken_back = true;
        vp_device_cancel(export->device, &session->pending->transfer);
    }
    session->export = NULL;
    set_importer(export, session, NULL);
}

void usbip_session_device_left(struct usbip_session *session)
{
    if (!has_ended(session)) {
        session->state = USBIP_SESSION_DONE;
    }
    /* `export` stays: the device may complete what is pending only after this event. */
    set_importer(session->export, session, NULL);
    wake(session);
}

void usbip_session_end(struct usbip_session *session)
{
    session->state = USBIP_SESSION_BROKEN;
    session->wake = NULL;
    let_go(session);
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
    free(session->output.bytes);
    memset(&session->output, 0, sizeof session->output);
}
