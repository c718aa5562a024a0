/*
 * The asynchronous protocol of particle-usb, since 0.8.0-rc.2: INIT opens a request, SEND brings
 * its payload, CHECK asks how far it is, RECV fetches the reply, RESET cancels.
 *
 * The emulated system is done with a request at once, so CHECK never finds one pending; but the
 * room for a payload that does not fit into the firmware's pool comes a moment later, as there.
 */
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "system/control/control_private.h"

enum { INIT = 1, CHECK = 2, SEND = 3, RECV = 4, RESET = 5 };
enum { OK = 0, PENDING = 2, BUSY = 3, NO_MEMORY = 4, NOT_FOUND = 5 };
enum { HAS_STATUS = 0x01, HAS_ID = 0x02, HAS_SIZE = 0x04, HAS_RESULT = 0x08 };

enum {
    SHORTEST_REPLY = 64, /* MIN_WLENGTH: service replies always get a whole packet */
    POOLED = 64,         /* USB_REQUEST_MAX_POOLED_BUFFER_SIZE */
};

/* A service reply: flags say which fields follow the status. */
struct reply {
    uint32_t flags;
    uint16_t status, id;
    uint32_t size;
    int32_t result;
};

static int32_t encode(const struct reply *reply, const struct vp_vendor_request *request)
{
    uint8_t bytes[16];
    uint32_t size = 6;
    vp_put_le32(bytes, reply->flags | HAS_STATUS);
    vp_put_le16(bytes + 4, reply->status);
    if (reply->flags & HAS_ID) {
        vp_put_le16(bytes + size, reply->id);
        size += 2;
    }
    if (reply->flags & HAS_SIZE) {
        vp_put_le32(bytes + size, reply->size);
        size += 4;
    }
    if (reply->flags & HAS_RESULT) {
        vp_put_le32(bytes + size, (uint32_t)reply->result);
        size += 4;
    }
    const uint32_t sent = size < request->capacity ? size : request->capacity;
    memcpy(request->data, bytes, sent);
    return (int32_t)sent;
}

static int32_t answer(uint16_t status, const struct vp_vendor_request *request)
{
    return encode(&(struct reply){.status = status}, request);
}

/* ---- Requests ---------------------------------------------------------------------------- */

/*
 * The id counts in 16 bits (lastReqId_ @ v0.8.0-rc.2, v3.3.0): after 65535 comes 0, which is a
 * request's id like any other but for RESET, and one that is still in use comes again. The list of
 * active requests begins with the newest, so that is who is found.
 */
static uint16_t id_of(const struct vp_control_request *request)
{
    return (uint16_t)request->number;
}

static struct vp_control_request *find(struct vp_control *control, uint16_t id)
{
    struct vp_control_request *found = NULL;
    for (unsigned i = 0; i < VP_CONTROL_ACTIVE_LIMIT; i++) {
        struct vp_control_request *active = &control->active[i];
        if (active->state != VP_CONTROL_FREE && id_of(active) == id &&
            (!found || active->number > found->number)) {
            found = active;
        }
    }
    return found;
}

static void release(struct vp_control_request *request)
{
    free(request->payload);
    free(request->reply);
    *request = (struct vp_control_request){0};
}

void vp_control_cancel_all(struct vp_control *control)
{
    for (unsigned i = 0; i < VP_CONTROL_ACTIVE_LIMIT; i++) {
        release(&control->active[i]);
    }
}

static void carry_out(struct vp_system *system, struct vp_control_request *request)
{
    const control_handler handler = control_find_handler(system, request->type);
    request->state = VP_CONTROL_DONE;
    request->result = handler ? handler(system, request) : VP_SYSTEM_ERROR_NOT_SUPPORTED;
    if (request->result != VP_SYSTEM_ERROR_NONE) {
        control_reply_bytes(request, NULL, 0);
        request->consequence = VP_CONTROL_NOTHING;
    }
    free(request->payload);
    request->payload = NULL;
    request->payload_size = 0;
    request->offset = 0;
}

/* The host has collected everything there is. */
static void collected(struct vp_system *system, struct vp_control_request *request)
{
    const enum vp_control_consequence consequence = request->consequence;
    release(request);
    control_consequence(system, consequence);
}

/* ---- The five service requests -------------------------------------------------------------- */

static int32_t init(struct vp_system *system, const struct vp_vendor_request *request)
{
    struct vp_control *control = &system->control;
    struct vp_control_request *made = NULL;
    for (unsigned i = 0; i < VP_CONTROL_ACTIVE_LIMIT && !made; i++) {
        made = control->active[i].state == VP_CONTROL_FREE ? &control->active[i] : NULL;
    }
    if (!made) {
        return answer(BUSY, request);
    }
    made->number = ++control->opened;
    made->type = request->index;
    made->payload_size = request->value;
    made->state = request->value > POOLED ? VP_CONTROL_ALLOCATING : VP_CONTROL_RECEIVING;
    if (made->payload_size > 0) {
        made->payload = malloc(made->payload_size);
        if (!made->payload) {
            *made = (struct vp_control_request){0};
            return answer(NO_MEMORY, request);
        }
    }
    const struct reply reply = {
        .flags = HAS_ID,
        .id = id_of(made),
        .status = made->state == VP_CONTROL_ALLOCATING ? PENDING : OK,
    };
    if (made->payload_size == 0) {
        carry_out(system, made);
    }
    return encode(&reply, request);
}

static int32_t check(struct vp_system *system, const struct vp_vendor_request *request)
{
    struct vp_control_request *active = find(&system->control, request->index);
    if (!active) {
        return answer(NOT_FOUND, request);
    }
    if (active->state != VP_CONTROL_DONE) {
        active->state = VP_CONTROL_RECEIVING;
        return answer(OK, request);
    }
    struct reply reply = {.flags = HAS_RESULT, .status = OK, .result = active->result};
    if (active->reply_size > 0) {
        reply.flags |= HAS_SIZE;
        reply.size = active->reply_size;
        return encode(&reply, request);
    }
    const int32_t size = encode(&reply, request);
    collected(system, active);
    return size;
}

/* The whole payload at once or, in later releases, in pieces that fit. */
static bool fits(const struct vp_system *system, uint32_t whole, uint32_t offset, uint32_t length)
{
    return control_generation(system)->in_pieces ? length <= whole - offset : length == whole;
}

static int32_t receive_payload(struct vp_system *system, const struct vp_vendor_request *request)
{
    struct vp_control_request *active = find(&system->control, request->index);
    if (!active || active->state != VP_CONTROL_RECEIVING || request->capacity != request->length ||
        !fits(system, active->payload_size, active->offset, request->length)) {
        return VP_VENDOR_STALL;
    }
    if (request->length > 0) {
        memcpy(active->payload + active->offset, request->data, request->length);
    }
    active->offset += request->length;
    if (active->offset == active->payload_size) {
        carry_out(system, active);
    }
    return 0;
}

static int32_t send_reply(struct vp_system *system, const struct vp_vendor_request *request)
{
    struct vp_control_request *active = find(&system->control, request->index);
    if (!active || active->state != VP_CONTROL_DONE || request->length == 0 ||
        !fits(system, active->reply_size, active->offset, request->length)) {
        return VP_VENDOR_STALL;
    }
    const uint32_t sent = request->length < request->capacity ? request->length : request->capacity;
    memcpy(request->data, active->reply + active->offset, sent);
    active->offset += request->length;
    if (active->offset == active->reply_size) {
        collected(system, active);
    }
    return (int32_t)sent;
}

static int32_t cancel(struct vp_system *system, const struct vp_vendor_request *request)
{
    if (request->index == 0) { /* USB_REQUEST_INVALID_ID: all of them */
        vp_control_cancel_all(&system->control);
        return answer(OK, request);
    }
    struct vp_control_request *active = find(&system->control, request->index);
    if (!active) {
        return answer(NOT_FOUND, request);
    }
    release(active);
    return answer(OK, request);
}

/* SEND and RECV move bodies; the others have a reply that must be given a whole packet of room. */
int32_t control_channel_request(struct vp_system *system, const struct vp_vendor_request *request)
{
    switch (request->request) {
    case SEND:
        return request->in ? VP_VENDOR_STALL : receive_payload(system, request);
    case RECV:
        return request->in ? send_reply(system, request) : VP_VENDOR_STALL;
    default:
        break;
    }
    if (!request->in || request->length != SHORTEST_REPLY) {
        return VP_VENDOR_STALL; /* less than a packet, or more: then the HAL gives no buffer */
    }
    switch (request->request) {
    case INIT:
        return init(system, request);
    case CHECK:
        return check(system, request);
    case RESET:
        return cancel(system, request);
    default:
        return VP_VENDOR_STALL;
    }
}
