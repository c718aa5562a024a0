#include "usb/dfu.h"

#include <linux/usb/ch9.h>
#include <string.h>

#include "usb/dfu_memory.h"
#include "vparticle/dfu.h"

/* A status value that the firmware stores as state. */
enum { STALLED_PACKET = 15 };

/* bStatus, DFU 1.1 section 6.1.2. */
enum { STATUS_OK = 0, STATUS_UNKNOWN_ERROR = 0x0E };

enum { DFU_DESCRIPTOR = 0x21, MANIFEST_POLL_V3 = 1 };

static void set_state(struct vp_dfu *dfu, uint8_t state)
{
    dfu->state = state;
    dfu->status[4] = state;
}

/* The states from which ABORT and DETACH lead back to dfuIDLE. */
static bool can_abort(const struct vp_dfu *dfu)
{
    return dfu->state == VP_DFU_IDLE || dfu->state == VP_DFU_DNLOAD_SYNC ||
           dfu->state == VP_DFU_DNLOAD_IDLE || dfu->state == VP_DFU_MANIFEST_SYNC ||
           dfu->state == VP_DFU_UPLOAD_IDLE;
}

static void return_to_idle(struct vp_dfu *dfu)
{
    set_state(dfu, VP_DFU_IDLE);
    dfu->block = 0;
    dfu->length = 0;
}

/* ---- Requests ------------------------------------------------------------------- */

static struct vp_usb_reply detach(struct vp_dfu *dfu)
{
    if (can_abort(dfu)) {
        return_to_idle(dfu);
    }
    return dfu->boot->generation->detach == VP_DFU_DETACH_UNSEEN ? vp_usb_acknowledge()
                                                                 : vp_usb_reply_of(VP_USB_DETACH);
}

/* The USB core hands out words: a last one that is not full comes with zeros (measured). */
static void receive(struct vp_dfu *dfu, const struct vp_usb_request *request)
{
    const uint32_t whole = (request->capacity + 3) & ~3u;
    memcpy(dfu->buffer, request->data, request->capacity);
    memset(dfu->buffer + request->capacity, 0, whole - request->capacity);
}

static struct vp_usb_reply download(struct vp_dfu *dfu, const struct vp_usb_request *request)
{
    if (dfu->state != VP_DFU_IDLE && dfu->state != VP_DFU_DNLOAD_IDLE) {
        return vp_usb_reply_of(VP_USB_STALL);
    }
    if (request->length == 0) {
        set_state(dfu, VP_DFU_MANIFEST_SYNC);
        return vp_usb_acknowledge();
    }
    if (request->length > sizeof dfu->buffer) {
        return vp_usb_reply_of(VP_USB_FAULT); /* the firmware overruns its buffer */
    }
    dfu->block = request->value;
    dfu->length = request->length;
    set_state(dfu, VP_DFU_DNLOAD_SYNC);
    receive(dfu, request);
    return vp_usb_acknowledge();
}

static struct vp_usb_reply upload_commands(struct vp_dfu *dfu, const struct vp_usb_request *request)
{
    static const uint8_t commands[] = {VP_DFUSE_GET_COMMANDS, VP_DFUSE_SET_ADDRESS_POINTER,
                                       VP_DFUSE_ERASE};
    set_state(dfu, request->length > sizeof commands ? VP_DFU_IDLE : VP_DFU_UPLOAD_IDLE);
    memcpy(dfu->buffer, commands, sizeof commands);
    return vp_usb_send(request, commands, sizeof commands);
}

static struct vp_usb_reply upload(struct vp_dfu *dfu, const struct vp_usb_request *request)
{
    if (request->length == 0) {
        set_state(dfu, VP_DFU_IDLE);
        return vp_usb_acknowledge();
    }
    if (dfu->state != VP_DFU_IDLE && dfu->state != VP_DFU_UPLOAD_IDLE) {
        dfu->length = 0;
        dfu->block = 0;
        return vp_usb_reply_of(VP_USB_STALL);
    }
    dfu->block = request->value;
    dfu->length = request->length;
    if (dfu->block == 0) {
        return upload_commands(dfu, request);
    }
    if (dfu->block == 1) {
        set_state(dfu, STALLED_PACKET);
        return vp_usb_reply_of(VP_USB_STALL);
    }
    set_state(dfu, VP_DFU_UPLOAD_IDLE);
    const uint32_t address = (dfu->block - 2) * VP_DFU_TRANSFER_SIZE + dfu->pointer;
    if (vp_dfu_read(dfu, address, request->data, request->capacity) == VP_DFU_FAULTED) {
        return vp_usb_reply_of(VP_USB_FAULT);
    }
    return (struct vp_usb_reply){.answer = VP_USB_DATA, .size = request->capacity};
}

/* A DfuSe command in block 0. */
static enum vp_dfu_result run_command(struct vp_dfu *dfu)
{
    const uint8_t *command = dfu->buffer;
    if (command[0] == VP_DFUSE_GET_COMMANDS && dfu->length == 1) {
        return VP_DFU_DONE;
    }
    if ((command[0] == VP_DFUSE_SET_ADDRESS_POINTER || command[0] == VP_DFUSE_ERASE) &&
        dfu->length == 5) {
        dfu->pointer = (uint32_t)command[1] | (uint32_t)command[2] << 8 |
                       (uint32_t)command[3] << 16 | (uint32_t)command[4] << 24;
        return command[0] == VP_DFUSE_ERASE ? vp_dfu_erase(dfu, dfu->pointer) : VP_DFU_DONE;
    }
    return VP_DFU_FAILED;
}

/*
 * EP0_TxSent in dfuDNBUSY: the work of a command or a block, between the data stage of
 * GETSTATUS and its status stage, which is stalled to tell of a failure.
 */
static struct vp_usb_reply do_work(struct vp_dfu *dfu, struct vp_usb_reply reply)
{
    const bool command = dfu->block == 0;
    enum vp_dfu_result result = VP_DFU_DONE;
    if (command) {
        result = run_command(dfu);
    } else if (dfu->block > 1) {
        result =
            vp_dfu_write(dfu, (dfu->block - 2) * VP_DFU_TRANSFER_SIZE + dfu->pointer, dfu->length);
    }
    /* An unknown command always stalls; only the memories' failures were swallowed once. */
    const bool unknown = command && result == VP_DFU_FAILED &&
                         !(dfu->buffer[0] == VP_DFUSE_ERASE && dfu->length == 5);
    dfu->block = 0;
    dfu->length = 0;
    set_state(dfu, VP_DFU_DNLOAD_SYNC);
    if (!dfu->boot->generation->dfu->poll_sticks) {
        memset(dfu->status + 1, 0, 3);
    }
    if (result == VP_DFU_FAULTED) {
        return vp_usb_reply_of(VP_USB_FAULT);
    }
    if (result == VP_DFU_FAILED && (unknown || dfu->boot->generation->dfu->failure_stalls)) {
        return vp_usb_reply_of(VP_USB_STALL);
    }
    return reply;
}

static struct vp_usb_reply leave(struct vp_dfu *dfu, const struct vp_usb_request *request)
{
    if (dfu->boot->generation->leave_ms == 0) {
        dfu->status[1] = MANIFEST_POLL_V3;
        set_state(dfu, VP_DFU_MANIFEST);
        return vp_usb_reply_of(VP_USB_RESET);
    }
    dfu->status[4] = VP_DFU_DNLOAD_IDLE; /* so that dfu-util ends on a friendly word */
    const struct vp_usb_reply reply = vp_usb_send(request, dfu->status, sizeof dfu->status);
    set_state(dfu, VP_DFU_MANIFEST_WAIT_RESET);
    dfu->leaving = true;
    return reply;
}

static struct vp_usb_reply get_status(struct vp_dfu *dfu, const struct vp_usb_request *request)
{
    if (dfu->state == VP_DFU_DNLOAD_SYNC && dfu->length != 0) {
        const bool erase = dfu->block == 0 && dfu->buffer[0] == VP_DFUSE_ERASE;
        set_state(dfu, VP_DFU_DNBUSY);
        vp_dfu_set_poll_timeout(dfu, dfu->pointer, erase);
        return do_work(dfu, vp_usb_send(request, dfu->status, sizeof dfu->status));
    }
    if (dfu->state == VP_DFU_DNLOAD_SYNC) {
        set_state(dfu, VP_DFU_DNLOAD_IDLE);
    } else if (dfu->state == VP_DFU_MANIFEST_SYNC) {
        return leave(dfu, request);
    }
    return vp_usb_send(request, dfu->status, sizeof dfu->status);
}

static struct vp_usb_reply clear_status(struct vp_dfu *dfu)
{
    const bool error = dfu->state == VP_DFU_ERROR;
    dfu->status[0] = error ? STATUS_OK : STATUS_UNKNOWN_ERROR;
    set_state(dfu, error ? VP_DFU_IDLE : VP_DFU_ERROR);
    return vp_usb_acknowledge();
}

static struct vp_usb_reply abort_transfer(struct vp_dfu *dfu)
{
    if (can_abort(dfu)) {
        return_to_idle(dfu);
        dfu->status[0] = STATUS_OK;
    }
    return vp_usb_acknowledge();
}

static struct vp_usb_reply class_request(struct vp_dfu *dfu, const struct vp_usb_request *request)
{
    switch (request->request) {
    case VP_DFU_DETACH:
        return detach(dfu);
    case VP_DFU_DNLOAD:
        return download(dfu, request);
    case VP_DFU_UPLOAD:
        return upload(dfu, request);
    case VP_DFU_GETSTATUS:
        return get_status(dfu, request);
    case VP_DFU_CLRSTATUS:
        return clear_status(dfu);
    case VP_DFU_GETSTATE:
        return vp_usb_send(request, &dfu->state, 1);
    case VP_DFU_ABORT:
        return abort_transfer(dfu);
    default:
        return vp_usb_reply_of(VP_USB_STALL);
    }
}

static struct vp_usb_reply standard_request(struct vp_dfu *dfu,
                                            const struct vp_usb_request *request)
{
    switch (request->request) {
    case USB_REQ_GET_DESCRIPTOR:
        return vp_usb_send(
            request, vp_dfu_functional_descriptor,
            request->value >> 8 == DFU_DESCRIPTOR ? sizeof vp_dfu_functional_descriptor : 0);
    case USB_REQ_GET_INTERFACE:
        return vp_usb_send(request, &dfu->alternate, 1);
    case USB_REQ_SET_INTERFACE:
        if ((uint8_t)request->value >= vp_dfu_alternates(dfu)) {
            return vp_usb_reply_of(VP_USB_STALL);
        }
        dfu->alternate = (uint8_t)request->value;
        return vp_usb_acknowledge();
    default:
        return request->length == 0 ? vp_usb_acknowledge() : vp_usb_reply_of(VP_USB_SILENT);
    }
}

static struct vp_usb_reply interface_request(void *context, const struct vp_usb_request *request)
{
    struct vp_dfu *dfu = context;
    switch (request->type & USB_TYPE_MASK) {
    case USB_TYPE_CLASS:
        return class_request(dfu, request);
    case USB_TYPE_STANDARD:
        return standard_request(dfu, request);
    default:
        if (dfu->boot->generation->identity->microsoft_os) {
            return vp_dfu_microsoft_request(request);
        }
        return request->length == 0 ? vp_usb_acknowledge() : vp_usb_reply_of(VP_USB_SILENT);
    }
}

static struct vp_usb_reply vendor_request(void *context, const struct vp_usb_request *request)
{
    (void)context;
    return vp_dfu_microsoft_request(request);
}

/* usbd_dfu_Init and usbd_dfu_DeInit. */
static void configure(void *context, bool configured)
{
    struct vp_dfu *dfu = context;
    set_state(dfu, VP_DFU_IDLE);
    if (!configured) {
        dfu->block = 0;
        dfu->length = 0;
    }
    if (dfu->boot->generation->dfu->configuration_clears_status) {
        dfu->status[0] = STATUS_OK;
    }
}

void vp_dfu_start(struct vp_dfu *dfu, struct vp_boot *boot, const uint8_t *device_id,
                  struct vp_usb_function *function)
{
    *dfu = (struct vp_dfu){
        .boot = boot,
        .state = VP_DFU_IDLE,
        .status[4] = VP_DFU_IDLE,
        .pointer = boot->board->application,
    };
    memcpy(dfu->device_id, device_id, sizeof dfu->device_id);
    *function = (struct vp_usb_function){
        .descriptor = vp_dfu_descriptor,
        .interface_request = interface_request,
        .vendor_request = vendor_request,
        .configure = configure,
        .interface_limit = boot->generation->identity->interface_limit,
        .knows_vendor_requests = boot->generation->identity->microsoft_os,
        .self_powered = true,
    };
}
