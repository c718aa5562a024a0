/*
 * Transfers that tools ask for, and requests that are made for them.
 */
#include <errno.h>
#include <linux/usbdevice_fs.h>
#include <stdlib.h>
#include <string.h>

#include "host/userland/usbfs/usbfs_private.h"

/* ---- Control requests that the host makes for the tool ----------------------------------- */

void usbfs_make_setup(uint8_t setup[8], unsigned type, unsigned request, unsigned value,
                      unsigned index, unsigned length)
{
    const uint8_t bytes[8] = {(uint8_t)type,         (uint8_t)request,      (uint8_t)value,
                              (uint8_t)(value >> 8), (uint8_t)index,        (uint8_t)(index >> 8),
                              (uint8_t)length,       (uint8_t)(length >> 8)};
    memcpy(setup, bytes, sizeof bytes);
}

/* What was read of a tool that has just been killed may be another's, so it must still wait. */
static void submit_for(struct urb *urb, double seconds)
{
    if (call_is_waiting(&urb->call)) {
        usbfs_urb_submit(urb, seconds);
    } else {
        usbfs_urb_free(urb);
    }
}

void usbfs_request(struct usbfs_file *file, const struct call *call, const uint8_t setup[8],
                   void (*done)(struct urb *urb, int status), unsigned value)
{
    struct urb *urb = usbfs_urb_create(file, call, usb_get16(setup + 6));
    if (!urb) {
        call_fail(call, ENOMEM);
        return;
    }
    memcpy(urb->transfer.setup, setup, 8);
    urb->transfer.in = (setup[0] & 0x80) != 0;
    urb->done = done;
    urb->value = value;
    submit_for(urb, USBFS_TIME_LIMIT);
}

void usbfs_answer(const struct call *call, int status)
{
    if (status < 0) {
        call_fail(call, -status);
    } else {
        call_return(call, status);
    }
}

void usbfs_answer_status(struct urb *urb, int status)
{
    usbfs_answer(&urb->call, status);
}

bool usbfs_read_number(const struct call *call, unsigned *number)
{
    if (call_read(call, call->arguments[2], number, sizeof *number)) {
        call_fail(call, EFAULT);
        return false;
    }
    return true;
}

/* ---- Synchronous transfers --------------------------------------------------------------- */

static void transfer_done(struct urb *urb, int status)
{
    const struct link_transfer *transfer = &urb->transfer;
    if (status == 0 && transfer->in &&
        call_write(&urb->call, urb->user_buffer, transfer->data, transfer->actual)) {
        status = -EFAULT;
    }
    usbfs_answer(&urb->call, status ? status : (int)transfer->actual);
}

/* What the tool wants to send. @return false if it cannot be read: the call has failed, the
 * transfer is gone */
static bool fetch_output(struct urb *urb)
{
    const struct call call = urb->call;
    if (!urb->transfer.in && call_read(&call, urb->user_buffer, urb->data, urb->transfer.length)) {
        usbfs_urb_free(urb);
        call_fail(&call, EFAULT);
        return false;
    }
    return true;
}

/* One that the tool waits for. */
static void submit_synchronous(struct urb *urb, unsigned milliseconds)
{
    if (fetch_output(urb)) {
        urb->done = transfer_done;
        submit_for(urb, milliseconds / 1000.0);
    }
}

void usbfs_on_control(struct usbfs_file *file, const struct call *call)
{
    struct usbdevfs_ctrltransfer control;
    if (call_read(call, call->arguments[2], &control, sizeof control)) {
        call_fail(call, EFAULT);
        return;
    }
    uint8_t setup[8];
    usbfs_make_setup(setup, control.bRequestType, control.bRequest, control.wValue, control.wIndex,
                     control.wLength);
    int error = usbfs_check_recipient(file, setup);
    if (!error && control.wLength > 4096) {
        error = EINVAL; /* one page, as in the kernel */
    }
    struct urb *urb = error ? NULL : usbfs_urb_create(file, call, control.wLength);
    if (!urb) {
        call_fail(call, error ? error : ENOMEM);
        return;
    }
    memcpy(urb->transfer.setup, setup, sizeof setup);
    urb->transfer.in = (control.bRequestType & 0x80) != 0;
    urb->user_buffer = (uintptr_t)control.data;
    submit_synchronous(urb, control.timeout);
}

void usbfs_on_bulk(struct usbfs_file *file, const struct call *call)
{
    struct usbdevfs_bulktransfer bulk;
    if (call_read(call, call->arguments[2], &bulk, sizeof bulk)) {
        call_fail(call, EFAULT);
        return;
    }
    int error = usbfs_check_endpoint(file, bulk.ep);
    struct urb *urb = error ? NULL : usbfs_urb_create(file, call, bulk.len);
    if (!urb) {
        call_fail(call, error ? error : ENOMEM);
        return;
    }
    urb->transfer.endpoint = bulk.ep & 0x0F;
    urb->transfer.in = (bulk.ep & 0x80) != 0;
    urb->user_buffer = (uintptr_t)bulk.data;
    submit_synchronous(urb, bulk.timeout);
}

/* ---- Asynchronous transfers -------------------------------------------------------------- */

static uint8_t interval_of(const struct usb_device *usb, unsigned address)
{
    const struct usb_alternate *owner = usb_device_endpoint_owner(usb, address);
    for (unsigned i = 0; owner && i < owner->endpoint_count; i++) {
        if (owner->endpoints[i].address == address) {
            return owner->endpoints[i].interval;
        }
    }
    return 0;
}

/* Kernel: proc_do_submiturb(). Finds out what to transfer; @return 0 or an errno */
static int prepare_urb(struct usbfs_file *file, const struct call *call,
                       const struct usbdevfs_urb *user, struct link_transfer *transfer,
                       uint32_t *skip)
{
    const unsigned known = USBDEVFS_URB_SHORT_NOT_OK | USBDEVFS_URB_ISO_ASAP |
                           USBDEVFS_URB_BULK_CONTINUATION | USBDEVFS_URB_NO_FSBR |
                           USBDEVFS_URB_ZERO_PACKET | USBDEVFS_URB_NO_INTERRUPT;
    memset(transfer, 0, sizeof *transfer);
    *skip = 0;
    if (user->flags & ~known || user->buffer_length < 0 ||
        (user->buffer_length > 0 && !user->buffer)) {
        return EINVAL;
    }
    transfer->length = (uint32_t)user->buffer_length;
    transfer->endpoint = user->endpoint & 0x0F;
    transfer->in = (user->endpoint & 0x80) != 0;
    if (user->type == USBDEVFS_URB_TYPE_CONTROL) {
        if (transfer->endpoint != 0) {
            const int error = usbfs_check_endpoint(file, user->endpoint);
            return error ? error : EINVAL;
        }
        if (user->buffer_length < 8) {
            return EINVAL;
        }
        if (call_read(call, (uintptr_t)user->buffer, transfer->setup, 8)) {
            return EFAULT;
        }
        *skip = 8;
        transfer->length = usb_get16(transfer->setup + 6);
        transfer->in = (transfer->setup[0] & 0x80) != 0;
        return transfer->length + 8 > (uint32_t)user->buffer_length
                   ? EINVAL
                   : usbfs_check_recipient(file, transfer->setup);
    }
    const int error = usbfs_check_endpoint(file, user->endpoint);
    if (error) {
        return error;
    }
    if (user->type != USBDEVFS_URB_TYPE_BULK && user->type != USBDEVFS_URB_TYPE_INTERRUPT) {
        return EINVAL; /* isochronous: no device here has that */
    }
    transfer->short_not_ok = transfer->in && (user->flags & USBDEVFS_URB_SHORT_NOT_OK);
    transfer->interval = interval_of(&file->device->usb, user->endpoint);
    return 0;
}

void usbfs_on_submit(struct usbfs_file *file, const struct call *call)
{
    struct usbdevfs_urb user;
    struct link_transfer transfer;
    uint32_t skip;
    if (call_read(call, call->arguments[2], &user, sizeof user)) {
        call_fail(call, EFAULT);
        return;
    }
    int error = prepare_urb(file, call, &user, &transfer, &skip);
    struct urb *urb = error ? NULL : usbfs_urb_create(file, call, transfer.length);
    if (!urb) {
        call_fail(call, error ? error : ENOMEM);
        return;
    }
    transfer.data = urb->data;
    urb->transfer = transfer;
    urb->user_urb = call->arguments[2];
    urb->user_buffer = (uintptr_t)user.buffer + skip;
    if (!fetch_output(urb)) {
        return;
    }
    urb->call.session = NULL;
    /* If a signal took the call away from us, the tool makes it again: it must not run twice. */
    if (!call_return(call, 0)) {
        usbfs_urb_free(urb);
        return;
    }
    usbfs_urb_submit(urb, 0);
}

void usbfs_on_reap_now(struct usbfs_file *file, const struct call *call)
{
    if (file->completed) {
        usbfs_reap(file, call);
    } else {
        call_fail(call, file->device ? EAGAIN : ENODEV);
    }
}

void usbfs_on_reap(struct usbfs_file *file, const struct call *call)
{
    if (file->completed || !file->device) {
        usbfs_on_reap_now(file, call);
    } else {
        call_queue_add(&file->reapers, call);
    }
}

/* The kernel returns when the URB is ready to be reaped, so the answer waits for the server's. */
void usbfs_on_discard(struct usbfs_file *file, const struct call *call)
{
    struct urb *urb = usbfs_find_pending(file, call->arguments[2]);
    if (!urb || urb->call.session) {
        call_fail(call, EINVAL);
        return;
    }
    urb->call = *call;
    device_unlink(file->device, &urb->transfer);
}
