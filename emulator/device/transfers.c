/* Transfers: endpoint 0, and the serial port's two. */
#include "device/device_private.h"

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

/* ---- Lists of transfers ---------------------------------------------------------------- */

static void append(struct vp_transfer_list *list, struct vp_transfer *transfer)
{
    transfer->status = VP_TRANSFER_PENDING;
    transfer->actual = 0;
    transfer->next = NULL;
    transfer->link = list->end;
    *list->end = transfer;
    list->end = &transfer->next;
}

static void keep_pending(struct vp_device *device, struct vp_transfer *transfer)
{
    append(&device->pending, transfer);
}

/* Out of whichever list it is in. */
static void unlink_pending(struct vp_device *device, struct vp_transfer *transfer)
{
    *transfer->link = transfer->next;
    if (transfer->next) {
        transfer->next->link = transfer->link;
    } else if (device->pending.end == &transfer->next) {
        device->pending.end = transfer->link;
    } else {
        device->queue.end = transfer->link;
    }
}

/* Those that are there now: a completion may submit others. */
static void drop(struct vp_device *device, struct vp_transfer_list *list)
{
    unsigned count = 0;
    for (const struct vp_transfer *transfer = list->first; transfer; transfer = transfer->next) {
        count++;
    }
    for (; count > 0 && list->first; count--) {
        struct vp_transfer *transfer = list->first;
        unlink_pending(device, transfer);
        complete(device, transfer, VP_TRANSFER_NO_DEVICE, 0);
    }
}

void vp_device_drop_pending(struct vp_device *device)
{
    struct vp_transfer *held = device->held;
    device->held = NULL;
    if (held) {
        complete(device, held, VP_TRANSFER_NO_DEVICE, 0);
    }
    drop(device, &device->pending);
    drop(device, &device->queue);
}

void vp_device_cancel(struct vp_device *device, struct vp_transfer *transfer)
{
    if (transfer == device->held) {
        device->held = NULL;
    } else {
        unlink_pending(device, transfer);
    }
    complete(device, transfer, VP_TRANSFER_CANCELLED, 0);
}

/* ---- The serial port -------------------------------------------------------------------- */

static struct vp_transfer *first_pending(const struct vp_device *device, bool in)
{
    struct vp_transfer *transfer = device->pending.first;
    while (transfer &&
           (transfer->in != in || !vp_cdc_is_data(&device->cdc, transfer->endpoint, in))) {
        transfer = transfer->next;
    }
    return transfer;
}

/* Hand what the host sent to the system, as far as it takes it. @return true if it took anything */
static bool pump_out(struct vp_device *device)
{
    struct vp_transfer *transfer = first_pending(device, false);
    if (!transfer) {
        return false;
    }
    const uint32_t left = transfer->length - transfer->actual;
    const uint32_t taken =
        left > 0 ? vp_system_receive(&device->system, transfer->data + transfer->actual, left) : 0;
    transfer->actual += taken;
    if (transfer->actual < transfer->length) {
        return taken > 0;
    }
    unlink_pending(device, transfer);
    complete(device, transfer, VP_TRANSFER_OK, transfer->length);
    return true;
}

static bool pump_in(struct vp_device *device)
{
    struct vp_transfer *transfer = first_pending(device, true);
    if (!transfer || transfer->length == 0) {
        return false;
    }
    const uint32_t count =
        device->faults ? vp_faults_transmit(device, transfer->data, transfer->length)
                       : vp_system_transmit(&device->system, transfer->data, transfer->length);
    if (count == 0) {
        return false;
    }
    unlink_pending(device, transfer);
    complete(device, transfer, VP_TRANSFER_OK, count);
    return true;
}

static bool port_is_open(const struct vp_device *device)
{
    return device->attached && device->busy_us == 0 && vp_device_runs_system(device) &&
           device->system.state != VP_SYSTEM_RESETTING &&
           device->control.state == VP_USB_CONFIGURED;
}

void vp_device_pump(struct vp_device *device)
{
    bool moved = true;
    while (moved && port_is_open(device)) {
        moved = pump_out(device);
        vp_device_spend(device);
        if (port_is_open(device)) {
            moved = pump_in(device) || moved;
        }
    }
}

static void submit_data(struct vp_device *device, struct vp_transfer *transfer)
{
    if (!vp_device_runs_system(device) || device->control.state != VP_USB_CONFIGURED ||
        !vp_cdc_has_endpoint(&device->cdc, transfer->endpoint, transfer->in)) {
        complete(device, transfer, VP_TRANSFER_STALL, 0);
        return;
    }
    keep_pending(device, transfer);
    vp_device_look(device);
}

/* ---- The control endpoint -------------------------------------------------------------- */

/* An answer that never comes, and what the firmware does instead. */
static void leave_unanswered(struct vp_device *device, struct vp_transfer *transfer,
                             enum vp_usb_answer answer)
{
    keep_pending(device, transfer);
    switch (answer) {
    case VP_USB_DETACH:
        vp_device_detach(device);
        device->control.state = VP_USB_DEFAULT;
        vp_device_attach(device);
        break;
    case VP_USB_RESET:
        vp_device_leave_dfu(device);
        break;
    case VP_USB_FAULT:
        vp_device_set_reset_in(device, -1);
        vp_device_set_mode(device, VP_MODE_DEAD);
        break;
    default:
        break;
    }
}

/* The answer comes once the flash operations that the request caused are over. */
static void answer(struct vp_device *device, struct vp_transfer *transfer,
                   enum vp_transfer_status status, uint32_t actual)
{
    vp_device_spend(device);
    if (device->busy_us == 0) {
        complete(device, transfer, status, actual);
        return;
    }
    transfer->status = VP_TRANSFER_PENDING;
    device->held = transfer;
    device->held_status = status;
    device->held_actual = actual;
}

static void take_up(struct vp_device *device, struct vp_transfer *transfer);

void vp_device_answer_late(struct vp_device *device)
{
    struct vp_transfer *held = device->held;
    device->held = NULL;
    if (held) {
        complete(device, held, device->held_status, device->held_actual);
    }
    while (device->queue.first && device->busy_us == 0) {
        struct vp_transfer *transfer = device->queue.first;
        unlink_pending(device, transfer);
        take_up(device, transfer);
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
            vp_device_set_reset_in(device, device->boot.generation->leave_ms);
        }
        answer(device, transfer, VP_TRANSFER_OK, in ? reply.size : request.capacity);
        break;
    case VP_USB_STALL:
        answer(device, transfer, VP_TRANSFER_STALL, 0);
        break;
    default:
        leave_unanswered(device, transfer, reply.answer);
        break;
    }
    vp_device_look(device);
}

static void take_up(struct vp_device *device, struct vp_transfer *transfer)
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

void vp_device_submit(struct vp_device *device, struct vp_transfer *transfer)
{
    const bool waits = device->busy_us > 0 || device->queue.first;
    if (waits && device->attached && device->mode != VP_MODE_DEAD) {
        append(&device->queue, transfer);
    } else {
        take_up(device, transfer);
    }
}
