#include "device/device_private.h"

#include <stdlib.h>
#include <string.h>

/* ---- Events ---------------------------------------------------------------------- */

static void tell(struct vp_device *device, enum vp_event_kind kind)
{
    vp_listeners_tell(&device->listeners, &(struct vp_event){.kind = kind, .mode = device->mode});
}

static void set_mode(struct vp_device *device, enum vp_mode mode)
{
    if (device->mode != mode) {
        device->mode = mode;
        tell(device, VP_EVENT_MODE);
    }
}

static void set_reset_in(struct vp_device *device, int64_t milliseconds)
{
    if (device->reset_in != milliseconds) {
        device->reset_in = milliseconds;
        tell(device, VP_EVENT_DEADLINE);
    }
}

/* ---- Transfers ------------------------------------------------------------------- */

static void complete(struct vp_device *device, struct vp_transfer *transfer,
                     enum vp_transfer_status status, uint32_t actual)
{
    transfer->status = status;
    transfer->actual = actual;
    vp_listeners_tell(
        &device->listeners,
        &(struct vp_event){.kind = VP_EVENT_TRANSFER, .mode = device->mode, .transfer = transfer});
    transfer->complete(transfer);
}

static void keep_pending(struct vp_device *device, struct vp_transfer *transfer)
{
    transfer->status = VP_TRANSFER_PENDING;
    transfer->link = &device->pending;
    transfer->next = device->pending;
    if (transfer->next) {
        transfer->next->link = &transfer->next;
    }
    device->pending = transfer;
}

static void unlink_pending(struct vp_transfer *transfer)
{
    *transfer->link = transfer->next;
    if (transfer->next) {
        transfer->next->link = transfer->link;
    }
}

static void drop_pending(struct vp_device *device)
{
    while (device->pending) {
        struct vp_transfer *transfer = device->pending;
        unlink_pending(transfer);
        complete(device, transfer, VP_TRANSFER_NO_DEVICE, 0);
    }
}

void vp_device_cancel(struct vp_device *device, struct vp_transfer *transfer)
{
    unlink_pending(transfer);
    complete(device, transfer, VP_TRANSFER_CANCELLED, 0);
}

/* ---- On and off the bus ------------------------------------------------------------ */

static void attach(struct vp_device *device)
{
    device->attached = true;
    tell(device, VP_EVENT_ATTACHED);
}

static void detach(struct vp_device *device)
{
    if (device->attached) {
        device->attached = false;
        drop_pending(device);
        tell(device, VP_EVENT_DETACHED);
    }
}

int vp_device_bus_reset(struct vp_device *device)
{
    if (!device->attached) {
        return VP_ERROR_NOT_FOUND;
    }
    drop_pending(device);
    vp_usb_control_bus_reset(&device->control);
    return 0;
}

/* ---- Running firmware ---------------------------------------------------------------- */

static void enter_dfu(struct vp_device *device)
{
    vp_dfu_start(&device->dfu, &device->boot, device->id, &device->function);
    vp_usb_control_start(&device->control, &device->function, &device->dfu);
    set_mode(device, VP_MODE_DFU);
    attach(device);
}

static void enter_application(struct vp_device *device)
{
    vp_system_start(&device->system, device->flash, device->board, &device->backup);
    if (device->system.outcome == VP_SYSTEM_CRASHED) {
        set_mode(device, VP_MODE_DEAD);
        return;
    }
    vp_cdc_start(&device->cdc, device->board, device->system.generation, device->id,
                 &device->function);
    vp_usb_control_start(&device->control, &device->function, &device->cdc);
    set_mode(device, device->system.outcome == VP_SYSTEM_NORMAL ? VP_MODE_NORMAL : VP_MODE_SAFE);
    attach(device);
}

static void decide(struct vp_device *device)
{
    if (vp_boot_decide(&device->boot, device->held_ms) == VP_BOOT_DFU) {
        enter_dfu(device);
    } else {
        enter_application(device);
    }
}

static void restart(struct vp_device *device, enum vp_reset_cause cause)
{
    detach(device);
    set_reset_in(device, -1);
    device->held_ms = 0;
    device->boot =
        (struct vp_boot){.board = device->board, .flash = device->flash, .backup = &device->backup};
    if (vp_boot_begin(&device->boot, cause) == VP_ERROR_NOT_FOUND) {
        set_mode(device, VP_MODE_DEAD);
    } else if (device->button) {
        set_mode(device, VP_MODE_BOOT);
    } else {
        decide(device);
    }
}

static void leave_dfu(struct vp_device *device)
{
    vp_boot_finish_update(&device->boot);
    restart(device, VP_RESET_SOFTWARE);
}

/* ---- The control endpoint -------------------------------------------------------------- */

/* An answer that never comes, and what the firmware does instead. */
static void leave_unanswered(struct vp_device *device, struct vp_transfer *transfer,
                             enum vp_usb_answer answer)
{
    keep_pending(device, transfer);
    switch (answer) {
    case VP_USB_DETACH:
        detach(device);
        device->control.state = VP_USB_DEFAULT;
        attach(device);
        break;
    case VP_USB_RESET:
        leave_dfu(device);
        break;
    case VP_USB_FAULT:
        set_reset_in(device, -1);
        set_mode(device, VP_MODE_DEAD);
        break;
    default:
        break;
    }
}

static void submit_control(struct vp_device *device, struct vp_transfer *transfer)
{
    const uint8_t *setup = transfer->setup;
    uint8_t nothing; /* so that copying 0 bytes has somewhere to go */
    struct vp_usb_request request = {
        .type = setup[0],
        .request = setup[1],
        .value = (uint16_t)(setup[2] | setup[3] << 8),
        .index = (uint16_t)(setup[4] | setup[5] << 8),
        .length = (uint16_t)(setup[6] | setup[7] << 8),
        .data = transfer->length > 0 ? transfer->data : &nothing,
    };
    request.capacity = transfer->length < request.length ? transfer->length : request.length;
    const struct vp_usb_reply reply = vp_usb_control_request(&device->control, &request);
    const bool in = (request.type & 0x80) != 0;
    switch (reply.answer) {
    case VP_USB_DATA:
        if (device->mode == VP_MODE_DFU && device->dfu.leaving && device->reset_in < 0) {
            set_reset_in(device, VP_DFU_RESET_DELAY);
        }
        complete(device, transfer, VP_TRANSFER_OK, in ? reply.size : request.capacity);
        break;
    case VP_USB_STALL:
        complete(device, transfer, VP_TRANSFER_STALL, 0);
        break;
    default:
        leave_unanswered(device, transfer, reply.answer);
        break;
    }
}

/* Endpoints other than 0: the serial port takes everything and has nothing to say. */
static void submit_data(struct vp_device *device, struct vp_transfer *transfer)
{
    const bool running = device->mode == VP_MODE_NORMAL || device->mode == VP_MODE_SAFE;
    if (!running || device->control.state != VP_USB_CONFIGURED ||
        !vp_cdc_has_endpoint(&device->cdc, transfer->endpoint, transfer->in)) {
        complete(device, transfer, VP_TRANSFER_STALL, 0);
    } else if (transfer->in) {
        keep_pending(device, transfer);
    } else {
        complete(device, transfer, VP_TRANSFER_OK, transfer->length);
    }
}

void vp_device_submit(struct vp_device *device, struct vp_transfer *transfer)
{
    if (!device->attached) {
        complete(device, transfer, VP_TRANSFER_NO_DEVICE, 0);
    } else if (device->mode == VP_MODE_DEAD) {
        keep_pending(device, transfer);
    } else if (transfer->endpoint == 0) {
        submit_control(device, transfer);
    } else {
        submit_data(device, transfer);
    }
}

/* ---- Buttons, power, time ---------------------------------------------------------------- */

void vp_device_button(struct vp_device *device, bool pressed)
{
    device->button = pressed;
    if (!pressed && device->mode == VP_MODE_BOOT) {
        decide(device);
    }
}

void vp_device_reset(struct vp_device *device)
{
    if (device->mode != VP_MODE_OFF) {
        restart(device, VP_RESET_PIN);
    }
}

void vp_device_power(struct vp_device *device, bool on)
{
    if (!on) {
        detach(device);
        set_reset_in(device, -1);
        device->backup = (struct vp_backup_registers){{0}};
        set_mode(device, VP_MODE_OFF);
    } else if (device->mode == VP_MODE_OFF) {
        restart(device, VP_RESET_POWER);
    }
}

/* The bootloader watches the button; DFU mode comes as soon as 3 s are over. */
static uint32_t watch_button(struct vp_device *device, uint32_t milliseconds)
{
    const uint32_t wanted = VP_BOOT_HOLD_DFU - device->held_ms;
    const uint32_t step = milliseconds < wanted ? milliseconds : wanted;
    device->held_ms += step;
    if (device->held_ms == VP_BOOT_HOLD_DFU) {
        decide(device);
    }
    return step;
}

static uint32_t count_down(struct vp_device *device, uint32_t milliseconds)
{
    const uint32_t step =
        milliseconds < device->reset_in ? milliseconds : (uint32_t)device->reset_in;
    device->reset_in -= step;
    if (device->reset_in == 0) {
        leave_dfu(device);
    }
    return step;
}

void vp_device_advance(struct vp_device *device, uint32_t milliseconds)
{
    while (milliseconds > 0) {
        if (device->mode == VP_MODE_BOOT) {
            milliseconds -= watch_button(device, milliseconds);
        } else if (device->reset_in > 0) {
            milliseconds -= count_down(device, milliseconds);
        } else {
            return;
        }
    }
}

int64_t vp_device_next_deadline(const struct vp_device *device)
{
    return device->reset_in;
}

void vp_device_settle(struct vp_device *device)
{
    while (device->reset_in >= 0) {
        vp_device_advance(device, (uint32_t)device->reset_in);
    }
}

/* ---- What can be seen ------------------------------------------------------------------- */

enum vp_mode vp_device_mode(const struct vp_device *device)
{
    return device->mode;
}

const char *vp_mode_name(enum vp_mode mode)
{
    static const char *const names[] = {
        [VP_MODE_OFF] = "off",       [VP_MODE_BOOT] = "boot", [VP_MODE_DFU] = "dfu",
        [VP_MODE_NORMAL] = "normal", [VP_MODE_SAFE] = "safe", [VP_MODE_DEAD] = "dead",
    };
    return names[mode];
}

int vp_device_listen(struct vp_device *device, vp_event_listener listener, void *context)
{
    return vp_listeners_add(&device->listeners, listener, context);
}

void vp_device_unlisten(struct vp_device *device, vp_event_listener listener, void *context)
{
    vp_listeners_remove(&device->listeners, listener, context);
}

struct vp_flash *vp_device_flash(struct vp_device *device)
{
    return device->flash;
}

/* ---- From first to last -------------------------------------------------------------------- */

int vp_device_create(struct vp_device **device, const struct vp_device_parts *parts)
{
    struct vp_device *made = calloc(1, sizeof *made);
    if (!made) {
        return VP_ERROR_NO_MEMORY;
    }
    made->board = parts->board;
    made->flash = parts->flash;
    memcpy(made->id, parts->id, sizeof made->id);
    made->reset_in = -1;
    made->backup.dr[1] = parts->request;
    restart(made, VP_RESET_POWER);
    *device = made;
    return 0;
}

void vp_device_destroy(struct vp_device *device)
{
    if (device) {
        detach(device);
        vp_listeners_free(&device->listeners);
        vp_flash_destroy(device->flash);
        free(device);
    }
}
