#include "host/client/link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "host/client/import.h"
#include "host/client/stream.h"

/* Connect for a question, which is given up when `timed_out` is called. @return false: it cannot
 * even be started (errno) */
static bool connect_for(struct stream *stream, struct ev_loop *loop,
                        const struct link_address *address, ev_timer *limit,
                        void (*timed_out)(struct ev_loop *loop, ev_timer *timer, int events))
{
    if (stream_open(stream, loop, (const struct sockaddr *)&address->socket, address->length)) {
        return false;
    }
    ev_timer_init(limit, timed_out, LINK_TIME_LIMIT, 0);
    limit->data = stream->owner;
    ev_timer_start(loop, limit);
    return true;
}

/* ---- The device list --------------------------------------------------------------------- */

enum { LIST_DEVICES_MAX = 4096 };

struct link_list {
    struct stream stream;
    ev_timer limit;
    void (*done)(void *context, const struct vp_usbip_device *devices, size_t count,
                 const char *reason);
    void *context;
    bool counted; /**< the head of the answer has come */
    uint32_t expected, count;
    struct vp_usbip_device *devices;
};

static void list_finish(struct link_list *list, const char *reason)
{
    ev_timer_stop(list->stream.loop, &list->limit);
    stream_close(&list->stream);
    list->done(list->context, reason ? NULL : list->devices, reason ? 0 : list->count, reason);
    free(list->devices);
    free(list);
}

static uint32_t big_endian32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static size_t list_head(struct link_list *list, const uint8_t *bytes, size_t count)
{
    if (count < VP_USBIP_OP_SIZE + 4) {
        return 0;
    }
    struct vp_usbip_op op;
    vp_usbip_decode_op(&op, bytes);
    list->expected = big_endian32(bytes + VP_USBIP_OP_SIZE);
    if (op.code != VP_USBIP_OP_REP_DEVLIST || op.status || list->expected > LIST_DEVICES_MAX) {
        list_finish(list, "the server does not answer OP_REQ_DEVLIST in the form of USB/IP");
        return 0;
    }
    list->counted = true;
    list->devices = calloc(list->expected + 1, sizeof *list->devices);
    if (!list->devices) {
        list_finish(list, "no memory");
        return 0;
    }
    return VP_USBIP_OP_SIZE + 4;
}

static size_t list_received(struct stream *stream, const uint8_t *bytes, size_t count)
{
    struct link_list *list = stream->owner;
    size_t used = 0;
    if (!list->counted) {
        used = list_head(list, bytes, count);
        if (used == 0) {
            return 0;
        }
    }
    while (list->count < list->expected && count - used >= VP_USBIP_DEVICE_SIZE) {
        struct vp_usbip_device *device = &list->devices[list->count];
        vp_usbip_decode_device(device, bytes + used);
        size_t size = VP_USBIP_DEVICE_SIZE +
                      (size_t)device->identity.interface_count * VP_USBIP_INTERFACE_SIZE;
        if (count - used < size) {
            break;
        }
        used += size;
        list->count++;
    }
    if (list->count == list->expected) {
        list_finish(list, NULL);
        return 0;
    }
    return used;
}

static void list_ended(struct stream *stream, const char *reason)
{
    list_finish(stream->owner, reason);
}

static void list_timed_out(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    list_finish(timer->data, "the server does not answer");
}

struct link_list *link_list_ask(struct ev_loop *loop, const struct link_address *address,
                                void (*done)(void *context, const struct vp_usbip_device *devices,
                                             size_t count, const char *reason),
                                void *context)
{
    struct link_list *list = calloc(1, sizeof *list);
    if (!list) {
        return NULL;
    }
    list->done = done;
    list->context = context;
    list->stream.received = list_received;
    list->stream.ended = list_ended;
    list->stream.owner = list;
    if (!connect_for(&list->stream, loop, address, &list->limit, list_timed_out)) {
        free(list);
        return NULL;
    }
    uint8_t request[VP_USBIP_OP_SIZE];
    vp_usbip_encode_op(request, &(struct vp_usbip_op){.version = VP_USBIP_VERSION,
                                                      .code = VP_USBIP_OP_REQ_DEVLIST});
    stream_send(&list->stream, request, sizeof request);
    return list;
}

void link_list_cancel(struct link_list *list)
{
    if (list) {
        ev_timer_stop(list->stream.loop, &list->limit);
        stream_close(&list->stream);
        free(list->devices);
        free(list);
    }
}

/* ---- An imported device ------------------------------------------------------------------ */

struct link {
    struct stream stream;
    ev_timer limit; /**< of the import */
    const struct link_events *events;
    void *context;
    bool imported;
    uint32_t devid;
    uint32_t last_seqnum;
    struct link_transfer *pending; /**< oldest first: most answers come in order */
};

static void complete(struct link *link, struct link_transfer *transfer, int status)
{
    DL_DELETE2(link->pending, transfer, previous, next);
    transfer->status = status;
    transfer->complete(transfer);
}

/* The transfers complete one by one, and what they call may submit no more: the stream is closed.
 */
static void drop_transfers(struct link *link)
{
    while (link->pending) {
        link->pending->actual = 0;
        complete(link, link->pending, -ESHUTDOWN);
    }
}

void link_close(struct link *link)
{
    ev_timer_stop(link->stream.loop, &link->limit);
    stream_close(&link->stream);
    drop_transfers(link);
    free(link);
}

static void link_fail(struct link *link, const char *reason)
{
    const struct link_events *events = link->events;
    void *context = link->context;
    link_close(link);
    events->closed(context, reason);
}

static void link_ended(struct stream *stream, const char *reason)
{
    link_fail(stream->owner, reason);
}

static void import_timed_out(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    link_fail(timer->data, "the server does not answer");
}

static size_t take_import(struct link *link, const uint8_t *bytes, size_t count)
{
    struct vp_usbip_device device;
    const char *reason;
    const size_t used = import_answer(bytes, count, &device, &reason);
    if (reason) {
        link_fail(link, reason);
        return 0;
    }
    if (used == 0) {
        return 0;
    }
    link->imported = true;
    ev_timer_stop(link->stream.loop, &link->limit);
    link->devid = device.busnum << 16 | device.devnum;
    link->events->opened(link->context, &device);
    return used;
}

static struct link_transfer *find(struct link *link, uint32_t seqnum)
{
    struct link_transfer *transfer = link->pending;
    while (transfer && transfer->seqnum != seqnum) {
        transfer = transfer->next;
    }
    return transfer;
}

/* What follows takes it for 0 or a negative errno, whatever the server says. */
static int sound_status(int32_t status)
{
    enum { ERRNO_MAX = 4095 }; /* include/linux/err.h of the kernel */
    return status <= 0 && status >= -ERRNO_MAX ? status : -EPROTO;
}

static size_t take_submitted(struct link *link, const struct vp_usbip_header *header,
                             const uint8_t *data, size_t available)
{
    struct link_transfer *transfer = find(link, header->seqnum);
    uint32_t actual = header->submitted.actual;
    if (!transfer || actual > transfer->length) {
        link_fail(link, "the server answered a transfer that does not wait, or with too much data");
        return 0;
    }
    size_t size = transfer->in ? actual : 0;
    if (available < size) {
        return 0;
    }
    if (size) {
        memcpy(transfer->data, data, size);
    }
    transfer->actual = actual;
    complete(link, transfer, sound_status(header->submitted.status));
    return VP_USBIP_HEADER_SIZE + size;
}

/* Status 0 means that the transfer's own answer came first: then there is nothing left to do. */
static void take_unlinked(struct link *link, const struct vp_usbip_header *header)
{
    struct link_transfer *transfer = link->pending;
    while (transfer && transfer->unlink_seqnum != header->seqnum) {
        transfer = transfer->next;
    }
    if (transfer) {
        transfer->actual = 0;
        int status = sound_status(header->unlinked.status);
        complete(link, transfer, status ? status : -ECONNRESET);
    }
}

static size_t link_received(struct stream *stream, const uint8_t *bytes, size_t count)
{
    struct link *link = stream->owner;
    if (!link->imported) {
        return take_import(link, bytes, count);
    }
    if (count < VP_USBIP_HEADER_SIZE) {
        return 0;
    }
    struct vp_usbip_header header;
    vp_usbip_decode_header(&header, bytes);
    switch (header.command) {
    case VP_USBIP_RET_SUBMIT:
        return take_submitted(link, &header, bytes + VP_USBIP_HEADER_SIZE,
                              count - VP_USBIP_HEADER_SIZE);
    case VP_USBIP_RET_UNLINK:
        take_unlinked(link, &header);
        return VP_USBIP_HEADER_SIZE;
    default:
        link_fail(link, "the server sent something that is no answer of USB/IP");
        return 0;
    }
}

struct link *link_open(struct ev_loop *loop, const struct link_address *address, const char *busid,
                       const struct link_events *events, void *context)
{
    struct link *link = calloc(1, sizeof *link);
    if (!link) {
        return NULL;
    }
    link->events = events;
    link->context = context;
    link->stream.received = link_received;
    link->stream.ended = link_ended;
    link->stream.owner = link;
    if (!connect_for(&link->stream, loop, address, &link->limit, import_timed_out)) {
        free(link);
        return NULL;
    }
    uint8_t request[VP_USBIP_IMPORT_REQUEST_SIZE];
    import_request(request, busid);
    stream_send(&link->stream, request, sizeof request);
    return link;
}

/* Sequence number 0 marks "none". */
static uint32_t next_seqnum(struct link *link)
{
    link->last_seqnum += link->last_seqnum == UINT32_MAX ? 2 : 1;
    return link->last_seqnum;
}

void link_submit(struct link *link, struct link_transfer *transfer)
{
    transfer->seqnum = next_seqnum(link);
    transfer->unlink_seqnum = 0;
    transfer->actual = 0;
    DL_APPEND2(link->pending, transfer, previous, next);

    struct vp_usbip_header header = {
        .command = VP_USBIP_CMD_SUBMIT,
        .seqnum = transfer->seqnum,
        .devid = link->devid,
        .direction = transfer->in ? VP_USBIP_DIR_IN : VP_USBIP_DIR_OUT,
        .endpoint = transfer->endpoint,
    };
    header.submit.flags = transfer->short_not_ok ? VP_USBIP_SHORT_NOT_OK : 0;
    header.submit.length = transfer->length;
    header.submit.packets = UINT32_MAX; /* not isochronous, usbip_protocol.rst */
    header.submit.interval = transfer->interval;
    memcpy(header.submit.setup, transfer->setup, sizeof header.submit.setup);
    size_t size = transfer->in ? 0 : transfer->length;
    uint8_t small[VP_USBIP_HEADER_SIZE + 4096];
    if (size <= sizeof small - VP_USBIP_HEADER_SIZE) {
        vp_usbip_encode_header(small, &header);
        if (size) {
            memcpy(small + VP_USBIP_HEADER_SIZE, transfer->data, size);
        }
        stream_send(&link->stream, small, VP_USBIP_HEADER_SIZE + size);
        return;
    }
    vp_usbip_encode_header(small, &header);
    stream_send(&link->stream, small, VP_USBIP_HEADER_SIZE);
    stream_send(&link->stream, transfer->data, size);
}

void link_unlink(struct link *link, struct link_transfer *transfer)
{
    if (transfer->unlink_seqnum) {
        return;
    }
    transfer->unlink_seqnum = next_seqnum(link);
    struct vp_usbip_header header = {
        .command = VP_USBIP_CMD_UNLINK,
        .seqnum = transfer->unlink_seqnum,
        .devid = link->devid,
        .direction = transfer->in ? VP_USBIP_DIR_IN : VP_USBIP_DIR_OUT,
        .endpoint = transfer->endpoint,
    };
    header.unlink.seqnum = transfer->seqnum;
    uint8_t bytes[VP_USBIP_HEADER_SIZE];
    vp_usbip_encode_header(bytes, &header);
    stream_send(&link->stream, bytes, sizeof bytes);
}
