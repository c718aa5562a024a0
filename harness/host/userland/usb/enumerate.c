/*
 * Enumeration: what the kernel's hub_port_connect() and usb_set_configuration() ask of a device
 * that comes over USB/IP, in the same order. SET_ADDRESS is missing because vhci_hcd answers that
 * itself.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/userland/core/userland.h"
#include "host/userland/usb/bus.h"
#include "host/userland/usb/enumerate.h"

enum step {
    STEP_DEVICE_64, /* only to learn bMaxPacketSize0 */
    STEP_DEVICE,
    STEP_QUALIFIER, /* a full speed device of USB 2.0 may be able to do more; asked three times */
    STEP_CONFIGURATION_HEAD,
    STEP_CONFIGURATION,
    STEP_LANGUAGES,
    STEP_PRODUCT,
    STEP_MANUFACTURER,
    STEP_SERIAL,
    STEP_CONFIGURE,
    STEP_CONFIGURATION_TEXT,
    STEP_INTERFACE_TEXT,
    STEP_DONE,
};

enum {
    TEXT_SIZE = 255,
    QUALIFIER_TRIES = 3,
    CONFIGURATIONS_MAX = 8, /* USB_MAXCONFIG */
};

static const double TIME_LIMIT = 5.0; /* USB_CTRL_GET_TIMEOUT */

struct enumeration {
    struct host_device *device;
    void (*done)(struct host_device *device, bool success);
    struct link_transfer transfer;
    ev_timer timer;
    enum step step;
    unsigned index; /**< which configuration, interface, or try */
    bool given_up;  /**< `done` was called; only the transfer is still out */
    bool lost;      /**< the device has left, says the server */
    uint8_t *data;
};

static void ask(struct enumeration *e);

static void finish(struct enumeration *e, bool success)
{
    struct host_device *device = e->device;
    void (*done)(struct host_device *, bool) = e->done;
    enumeration_free(e);
    done(device, success);
}

static void get_descriptor(uint8_t setup[8], unsigned type, unsigned index, unsigned language,
                           unsigned length)
{
    const uint8_t bytes[8] = {0x80,
                              6,
                              (uint8_t)index,
                              (uint8_t)type,
                              (uint8_t)language,
                              (uint8_t)(language >> 8),
                              (uint8_t)length,
                              (uint8_t)(length >> 8)};
    memcpy(setup, bytes, sizeof bytes);
}

/* The text that a step reads: its index in the device, or 0 if there is none to read. */
static unsigned text_index(const struct enumeration *e)
{
    const struct usb_device *usb = &e->device->usb;
    if (usb->language == 0) {
        return 0;
    }
    switch (e->step) {
    case STEP_PRODUCT:
        return usb->descriptor[15];
    case STEP_MANUFACTURER:
        return usb->descriptor[14];
    case STEP_SERIAL:
        return usb->descriptor[16];
    case STEP_CONFIGURATION_TEXT:
        return usb->active ? usb->active->text_index : 0;
    case STEP_INTERFACE_TEXT: {
        const struct usb_alternate *alternate = usb_device_current(usb, e->index);
        return alternate ? alternate->text_index : 0;
    }
    default:
        return 0;
    }
}

static char **text_place(struct enumeration *e)
{
    struct usb_device *usb = &e->device->usb;
    switch (e->step) {
    case STEP_PRODUCT:
        return &usb->product;
    case STEP_MANUFACTURER:
        return &usb->manufacturer;
    case STEP_SERIAL:
        return &usb->serial;
    default:
        return &usb->configuration_text;
    }
}

/** The request of the current step; false if the step does not apply to this device. */
static bool make_request(const struct enumeration *e, uint8_t setup[8])
{
    const struct usb_device *usb = &e->device->usb;
    switch (e->step) {
    case STEP_DEVICE_64:
        get_descriptor(setup, 1, 0, 0, 64);
        return true;
    case STEP_DEVICE:
        get_descriptor(setup, 1, 0, 0, USB_DEVICE_DESCRIPTOR_SIZE);
        return true;
    case STEP_QUALIFIER:
        get_descriptor(setup, 6, 0, 0, 10);
        return usb->speed == USB_SPEED_FULL && usb_get16(usb->descriptor + 2) >= 0x0200;
    case STEP_CONFIGURATION_HEAD:
        get_descriptor(setup, 2, e->index, 0, 9);
        return true;
    case STEP_CONFIGURATION:
        get_descriptor(setup, 2, e->index, 0, usb_get16(e->data + 2));
        return true;
    case STEP_LANGUAGES:
        get_descriptor(setup, 3, 0, 0, TEXT_SIZE);
        return usb->descriptor[14] || usb->descriptor[15] || usb->descriptor[16];
    case STEP_CONFIGURE:
        memcpy(setup, (uint8_t[8]){0, 9, usb->configurations[0].value}, 8);
        return true;
    default:
        get_descriptor(setup, 3, text_index(e), usb->language, TEXT_SIZE);
        return text_index(e) != 0;
    }
}

/* A configuration has been read: on to the next one, or to the texts. */
static bool next_configuration(struct enumeration *e, unsigned actual)
{
    struct usb_device *usb = &e->device->usb;
    unsigned total = usb_get16(e->transfer.setup + 6);
    if (usb_device_add_configuration(usb, e->data, actual < total ? actual : total)) {
        return false;
    }
    e->index++;
    if (e->index < usb->descriptor[17] && e->index < CONFIGURATIONS_MAX) {
        e->step = STEP_CONFIGURATION_HEAD;
    } else {
        e->index = 0;
        e->step++;
    }
    return true;
}

static bool take_device(struct enumeration *e, int status, unsigned actual)
{
    if (status || actual < USB_DEVICE_DESCRIPTOR_SIZE || e->data[1] != 1 || e->data[17] == 0) {
        return false;
    }
    memcpy(e->device->usb.descriptor, e->data, USB_DEVICE_DESCRIPTOR_SIZE);
    return true;
}

static void take_text(struct enumeration *e, int status, unsigned actual)
{
    char *text = status == 0 ? usb_text_decode(e->data, actual) : NULL;
    if (text && e->step == STEP_INTERFACE_TEXT) {
        usb_device_set_text(&e->device->usb, e->index, 0, text);
    } else if (text) {
        *text_place(e) = text;
    }
}

/* Some steps are taken several times. */
static void count_to(struct enumeration *e, unsigned count)
{
    if (++e->index >= count) {
        e->index = 0;
        e->step++;
    }
}

/* The step is over, with an answer, a refusal (status < 0) or because it doesn't apply. */
static bool advance(struct enumeration *e, int status, unsigned actual)
{
    struct usb_device *usb = &e->device->usb;
    bool is_good = true;
    switch (e->step) {
    case STEP_DEVICE_64:
        break;
    case STEP_DEVICE:
        is_good = take_device(e, status, actual);
        break;
    case STEP_QUALIFIER:
        count_to(e, status == 0 ? 0 : QUALIFIER_TRIES);
        return true;
    case STEP_CONFIGURATION_HEAD:
        is_good = status == 0 && actual >= 9 && usb_get16(e->data + 2) >= 9;
        break;
    case STEP_CONFIGURATION:
        return status == 0 && next_configuration(e, actual);
    case STEP_LANGUAGES:
        if (status == 0) {
            usb->language = actual >= 4 ? usb_get16(e->data + 2) : 0x0409;
        }
        break;
    case STEP_CONFIGURE:
        usb_device_select(usb, status == 0 ? usb->configurations[0].value : 0);
        break;
    case STEP_INTERFACE_TEXT:
        take_text(e, status, actual);
        count_to(e, USB_INTERFACES_MAX);
        return true;
    default:
        take_text(e, status, actual);
        break;
    }
    e->step++;
    return is_good;
}

static void start_timer(struct enumeration *e)
{
    ev_timer_set(&e->timer, TIME_LIMIT, 0);
    ev_timer_start(e->device->host->base.loop, &e->timer);
}

static void on_answer(struct link_transfer *transfer)
{
    struct enumeration *e = transfer->owner;
    ev_timer_stop(e->device->host->base.loop, &e->timer);
    if (e->given_up) {
        enumeration_free(e);
    } else if (transfer->status == -ESHUTDOWN) {
        /* The connection ends, and with it the device and this; a server that leaves it open has
         * no more to say. */
        e->lost = true;
        start_timer(e);
    } else if (advance(e, transfer->status, transfer->actual)) {
        ask(e);
    } else {
        finish(e, false);
    }
}

/* Whether the server ever answers the unlink does not matter to those who wait for the device. */
static void on_timeout(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    struct enumeration *e = timer->data;
    if (e->lost) {
        finish(e, false);
        return;
    }
    e->given_up = true;
    device_unlink(e->device, &e->transfer);
    e->done(e->device, false);
}

static void ask(struct enumeration *e)
{
    uint8_t setup[8];
    while (e->step != STEP_DONE && !make_request(e, setup)) {
        /* A step that doesn't apply is one without a good answer. */
        if (e->step == STEP_QUALIFIER) {
            e->index = QUALIFIER_TRIES - 1;
        }
        advance(e, -ENODATA, 0);
    }
    if (e->step == STEP_DONE) {
        finish(e, true);
        return;
    }
    memcpy(e->transfer.setup, setup, sizeof setup);
    e->transfer.in = (setup[0] & 0x80) != 0;
    e->transfer.length = usb_get16(setup + 6);
    e->transfer.data = e->data;
    start_timer(e);
    device_submit(e->device, &e->transfer);
}

int enumeration_start(struct host_device *device,
                      void (*done)(struct host_device *device, bool success))
{
    struct enumeration *e = calloc(1, sizeof *e);
    uint8_t *data = malloc(UINT16_MAX);
    if (!e || !data) {
        free(e);
        free(data);
        return VP_ERROR_NO_MEMORY;
    }
    e->device = device;
    e->done = done;
    e->data = data;
    e->transfer.complete = on_answer;
    e->transfer.owner = e;
    ev_timer_init(&e->timer, on_timeout, TIME_LIMIT, 0);
    e->timer.data = e;
    device->enumeration = e;
    ask(e);
    return 0;
}

void enumeration_free(struct enumeration *e)
{
    if (e) {
        ev_timer_stop(e->device->host->base.loop, &e->timer);
        e->device->enumeration = NULL;
        free(e->data);
        free(e);
    }
}
