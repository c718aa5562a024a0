/*
 * The transfers of a port, and the control requests among them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "host/userland/core/userland.h"
#include "host/userland/serial/acm_private.h"

/* ---- Transfers --------------------------------------------------------------------------- */

static void on_complete(struct link_transfer *transfer);

struct acm_urb *acm_urb_create(struct acm *acm, const struct usb_endpoint *endpoint,
                               uint32_t length, void (*done)(struct acm_urb *urb))
{
    struct acm_urb *urb = acm->silent ? NULL : malloc(sizeof *urb + length);
    if (urb) {
        *urb = (struct acm_urb){.acm = acm, .done = done};
        urb->transfer.complete = on_complete;
        urb->transfer.owner = urb;
        urb->transfer.endpoint = endpoint->address & 0x0F;
        urb->transfer.in = (endpoint->address & 0x80) != 0;
        urb->transfer.data = urb->data;
        urb->transfer.length = length;
    }
    return urb;
}

void acm_urb_submit(struct acm_urb *urb)
{
    struct acm *acm = urb->acm;
    DL_PREPEND2(acm->flying, urb, previous, next);
    device_submit(acm->device, &urb->transfer);
}

static void urb_land(struct acm_urb *urb)
{
    DL_DELETE2(urb->acm->flying, urb, previous, next);
}

static void on_complete(struct link_transfer *transfer)
{
    struct acm_urb *urb = transfer->owner;
    if (!urb->acm) {
        free(urb);
        return;
    }
    urb_land(urb);
    if (transfer->status == -ESHUTDOWN) {
        urb->acm->silent = true; /* the device goes; its port follows */
    }
    urb->done(urb);
}

/* Kernel: usb_kill_urb(). When its end comes it is freed; what is submitted from here on comes
 * after it at the device, too. */
static void urb_kill(struct acm_urb *urb)
{
    struct acm *acm = urb->acm;
    urb_land(urb);
    urb->acm = NULL;
    device_unlink(acm->device, &urb->transfer);
}

void acm_urb_kill_all(struct acm *acm, void (*of)(struct acm_urb *urb))
{
    for (struct acm_urb *urb = acm->flying, *next; urb; urb = next) {
        next = urb->next;
        if (urb->done == of) {
            urb_kill(urb);
        }
    }
}

/* ---- Control requests: acm_ctrl_msg() ---------------------------------------------------- */

static void next_request(struct acm *acm);

static void request_finish(struct acm *acm, int status)
{
    struct acm_request *request = acm->requests;
    ev_timer_stop(acm->host->base.loop, &acm->request_limit);
    acm->request_urb = NULL;
    acm->requests = request->next;
    if (!acm->requests) {
        acm->requests_end = &acm->requests;
    }
    request->status = status;
    request->done(acm, request);
    free(request);
    next_request(acm);
}

static void request_done(struct acm_urb *urb)
{
    struct acm *acm = urb->acm;
    int status = urb->transfer.status;
    free(urb);
    request_finish(acm, status);
}

static void on_request_limit(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    struct acm *acm = timer->data;
    urb_kill(acm->request_urb);
    request_finish(acm, -ETIMEDOUT);
}

static const struct usb_endpoint control = {.address = 0};

static void next_request(struct acm *acm)
{
    struct acm_request *request = acm->requests;
    if (!request || acm->request_urb) {
        return;
    }
    struct acm_urb *urb =
        acm_urb_create(acm, &control, usb_get16(request->setup + 6), request_done);
    if (!urb) {
        if (!acm->silent) {
            request_finish(acm, -ENOMEM);
        }
        return; /* a port whose device goes ends them itself */
    }
    memcpy(urb->transfer.setup, request->setup, sizeof request->setup);
    memcpy(urb->data, request->data, urb->transfer.length);
    acm->request_urb = urb;
    ev_now_update(acm->host->base.loop);
    ev_timer_set(&acm->request_limit, ACM_REQUEST_LIMIT, 0);
    ev_timer_start(acm->host->base.loop, &acm->request_limit);
    acm_urb_submit(urb);
}

void acm_request_standard(struct acm *acm, const uint8_t setup[8], const uint8_t *data,
                          const struct acm_request *rest)
{
    struct acm_request *request = malloc(sizeof *request);
    if (!request) {
        struct acm_request failed = *rest;
        failed.status = -ENOMEM;
        failed.done(acm, &failed);
        return;
    }
    *request = *rest;
    request->next = NULL;
    memcpy(request->setup, setup, sizeof request->setup);
    if (data) {
        memcpy(request->data, data, usb_get16(setup + 6));
    }
    *acm->requests_end = request;
    acm->requests_end = &request->next;
    next_request(acm);
}

void acm_request(struct acm *acm, unsigned request, unsigned value, const uint8_t *data,
                 const struct acm_request *rest)
{
    const uint8_t setup[8] = {0x21, /* class request to an interface */
                              (uint8_t)request,
                              (uint8_t)value,
                              (uint8_t)(value >> 8),
                              acm->function.control,
                              0,
                              data ? CDC_LINE_CODING_SIZE : 0,
                              0};
    acm_request_standard(acm, setup, data, rest);
}

void acm_request_last(struct acm *acm, unsigned request, unsigned value)
{
    struct acm_urb *urb = acm_urb_create(acm, &control, 0, NULL);
    if (urb) {
        const uint8_t setup[8] = {0x21, (uint8_t)request, (uint8_t)value, (uint8_t)(value >> 8),
                                  acm->function.control};
        memcpy(urb->transfer.setup, setup, sizeof setup);
        urb->acm = NULL;
        device_submit(acm->device, &urb->transfer);
    }
}

void acm_requests_fail(struct acm *acm)
{
    if (acm->request_urb) {
        urb_kill(acm->request_urb);
    }
    while (acm->requests) {
        request_finish(acm, -ENODEV);
    }
}

void acm_requests_init(struct acm *acm)
{
    acm->requests_end = &acm->requests;
    ev_init(&acm->request_limit, on_request_limit);
    acm->request_limit.data = acm;
}
