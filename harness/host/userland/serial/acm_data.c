/*
 * What goes over the endpoints of a port: notifications and data in both directions.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/userland/serial/acm_private.h"

static const double LOOK_SECONDS = 0.05;

static uint32_t packet_size(const struct usb_endpoint *endpoint)
{
    uint32_t size = endpoint->max_packet & 0x7FF;
    return size ? size : 8; /* a device that says 0 gets on with the least there is */
}

static void pause_after_error(struct acm *acm)
{
    ev_timer_set(&acm->pause, ACM_ERROR_PAUSE, 0);
    ev_timer_start(acm->host->base.loop, &acm->pause);
}

/* The endpoint is alive, but this transfer has failed. */
static bool is_over(int status)
{
    return status == -ESHUTDOWN || status == -ENOENT || status == -ECONNRESET;
}

/* ---- Notifications: acm_ctrl_irq() and acm_process_notification() ------------------------ */

static void lines_changed(struct acm *acm, unsigned state)
{
    unsigned difference = acm->control_in ^ state;
    bool lost = (acm->control_in & ~state & CDC_DCD) != 0;
    acm->control_in = state;
    acm->counts.dsr += (difference & CDC_DSR) != 0;
    acm->counts.dcd += (difference & CDC_DCD) != 0;
    acm->counts.brk += (state & CDC_BREAK) != 0;
    acm->counts.ring += (state & CDC_RING) != 0;
    acm->counts.frame += (state & CDC_FRAMING) != 0;
    acm->counts.parity += (state & CDC_PARITY) != 0;
    acm->counts.overrun += (state & CDC_OVERRUN) != 0;
    if (lost && !(acm->settings.c_cflag & CLOCAL)) {
        acm_hang_up(acm);
    }
    if (difference) {
        acm_resume(acm, WAIT_LINES);
    }
}

static void lines_done(struct acm_urb *urb)
{
    struct acm *acm = urb->acm;
    unsigned state;
    int status = urb->transfer.status;
    if (status == 0 && cdc_notified(&acm->notification, urb->data, urb->transfer.actual, &state)) {
        lines_changed(acm, state);
    }
    if (status == 0 && !acm->silent && (acm->state == ACM_OPEN || acm->state == ACM_CLOSING)) {
        acm_urb_submit(urb);
        return;
    }
    free(urb);
    acm->listening = false;
    acm->notification.size = 0;
    if (!is_over(status)) {
        pause_after_error(acm);
    }
}

void acm_start_lines(struct acm *acm)
{
    const struct usb_endpoint *endpoint = &acm->function.notify;
    struct acm_urb *urb =
        acm->listening ? NULL : acm_urb_create(acm, endpoint, packet_size(endpoint), lines_done);
    if (urb) {
        urb->transfer.interval = endpoint->interval ? endpoint->interval : 16;
        acm->listening = true;
        acm_urb_submit(urb);
    }
}

/* ---- From the device to the tool: acm_read_bulk_callback() ------------------------------- */

static void read_again(struct acm_urb *urb)
{
    struct acm *acm = urb->acm;
    if (acm->silent || acm->clearing || (acm->state != ACM_OPEN && acm->state != ACM_CLOSING)) {
        free(urb);
        return;
    }
    urb->used = 0;
    acm->reads++;
    acm_urb_submit(urb);
}

/* What the tool does not take stays with its transfer, and the device waits: acm_tty_throttle(). */
static void flush_input(struct acm *acm)
{
    ev_io_stop(acm->host->base.loop, &acm->writable);
    while (acm->input) {
        struct acm_urb *urb = acm->input;
        ssize_t taken =
            write(acm->pty.master, urb->data + urb->used, urb->transfer.actual - urb->used);
        if (taken < 0) {
            if (errno == EAGAIN) {
                ev_io_start(acm->host->base.loop, &acm->writable);
            }
            return;
        }
        urb->used += (uint32_t)taken;
        if (urb->used == urb->transfer.actual) {
            acm->input = urb->next;
            if (!acm->input) {
                acm->input_end = &acm->input;
            }
            acm->inputs--;
            read_again(urb);
        }
    }
}

static void on_writable(struct ev_loop *loop, ev_io *io, int events)
{
    (void)loop;
    (void)events;
    flush_input(io->data);
}

void acm_drop_input(struct acm *acm)
{
    ev_io_stop(acm->host->base.loop, &acm->writable);
    while (acm->input) {
        struct acm_urb *urb = acm->input;
        acm->input = urb->next;
        free(urb);
    }
    acm->input_end = &acm->input;
    acm->inputs = 0;
}

static void halt_cleared(struct acm *acm, struct acm_request *request)
{
    acm->clearing = false;
    if (request->status == 0) {
        acm_start_reading(acm);
    } else if (request->status != -ENODEV) {
        pause_after_error(acm);
    }
}

static void read_done(struct acm_urb *urb);

/* Kernel: acm_softint(), EVENT_RX_STALL. */
static void clear_halt(struct acm *acm)
{
    const uint8_t setup[8] = {0x02, 1, 0, 0, acm->function.in.address, 0, 0, 0};
    if (acm->clearing) {
        return;
    }
    acm->clearing = true;
    acm_urb_kill_all(acm, read_done);
    acm->reads = 0;
    acm_request_standard(acm, setup, NULL,
                         &(struct acm_request){.done = halt_cleared, .slave = -1});
}

static void read_done(struct acm_urb *urb)
{
    struct acm *acm = urb->acm;
    int status = urb->transfer.status;
    acm->reads--;
    if (status == 0 && urb->transfer.actual > 0 && acm->state == ACM_OPEN) {
        urb->next = NULL;
        *acm->input_end = urb;
        acm->input_end = &urb->next;
        acm->inputs++;
        flush_input(acm);
    } else if (status == 0) {
        read_again(urb); /* nothing came, or nobody is left to read it */
    } else {
        free(urb);
        if (status == -EPIPE) {
            clear_halt(acm);
        } else if (!is_over(status)) {
            pause_after_error(acm);
        }
    }
}

void acm_start_reading(struct acm *acm)
{
    const struct usb_endpoint *endpoint = &acm->function.in;
    while (acm->state == ACM_OPEN && !acm->clearing && acm->reads + acm->inputs < ACM_READS) {
        struct acm_urb *urb = acm_urb_create(acm, endpoint, packet_size(endpoint) * 2, read_done);
        if (!urb) {
            return;
        }
        acm->reads++;
        acm_urb_submit(urb);
    }
}

static void on_pause_over(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    struct acm *acm = timer->data;
    if (acm->state == ACM_OPEN) {
        acm_start_lines(acm);
        acm_start_reading(acm);
    }
}

/* ---- From the tool to the device: acm_tty_write(), acm_write_bulk() ---------------------- */

static void write_done(struct acm_urb *urb)
{
    struct acm *acm = urb->acm;
    acm->writes--;
    free(urb); /* as in the kernel, nobody is told that a transfer has failed */
    acm_pump(acm);
}

/** What reading from the tool has come to. */
enum supply { SUPPLY_MORE, SUPPLY_EMPTY, SUPPLY_CLOSED, SUPPLY_STUCK };

uint32_t acm_write_size(const struct acm *acm)
{
    return packet_size(&acm->function.out) * ACM_WRITE_PACKETS;
}

static enum supply take_output(struct acm *acm)
{
    const struct usb_endpoint *endpoint = &acm->function.out;
    uint32_t room = acm_write_size(acm);
    struct acm_urb *urb =
        acm->writes < ACM_WRITES ? acm_urb_create(acm, endpoint, room, write_done) : NULL;
    if (!urb) {
        return SUPPLY_STUCK;
    }
    /* It waits for what is on its way through the kernel's buffers before it says EAGAIN
     * (n_tty_read()), so "empty" is reliable. */
    ssize_t size = read(acm->pty.master, urb->data, room);
    if (size <= 0) {
        bool closed = size == 0 || errno != EAGAIN;
        free(urb);
        return closed ? SUPPLY_CLOSED : SUPPLY_EMPTY;
    }
    urb->transfer.length = (uint32_t)size;
    acm->writes++;
    acm_urb_submit(urb);
    return SUPPLY_MORE;
}

void acm_pump(struct acm *acm)
{
    struct ev_loop *loop = acm->host->base.loop;
    enum supply supply = SUPPLY_MORE;
    if (acm->pty.master < 0) {
        return;
    }
    while (supply == SUPPLY_MORE) {
        supply = take_output(acm);
    }
    if (supply == SUPPLY_EMPTY) {
        ev_io_start(loop, &acm->readable);
    } else {
        ev_io_stop(loop, &acm->readable);
    }
    if (supply == SUPPLY_STUCK) {
        ev_timer_again(loop, &acm->look); /* or a last close would not be seen */
    } else {
        ev_timer_stop(loop, &acm->look);
    }
    if (supply != SUPPLY_STUCK && acm->writes == 0) {
        acm_sent(acm, supply == SUPPLY_CLOSED);
    } else if (supply == SUPPLY_CLOSED) {
        acm_look(acm);
    }
}

static void on_readable(struct ev_loop *loop, ev_io *io, int events)
{
    (void)loop;
    (void)events;
    acm_pump(io->data);
}

static void on_look(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    struct acm *acm = timer->data;
    acm_look(acm);
    acm_pump(acm);
}

void acm_start_writing(struct acm *acm)
{
    ev_io_set(&acm->readable, acm->pty.master, EV_READ);
    ev_io_set(&acm->writable, acm->pty.master, EV_WRITE);
    ev_io_start(acm->host->base.loop, &acm->readable);
}

/* Kernel: acm_tty_flush_buffer(). */
void acm_drop_output(struct acm *acm)
{
    char bytes[4096];
    while (acm->pty.master >= 0 && read(acm->pty.master, bytes, sizeof bytes) > 0) {
    }
    acm_urb_kill_all(acm, write_done);
    acm->writes = 0;
    acm_pump(acm);
}

/* ---- The end ----------------------------------------------------------------------------- */

void acm_stop_transfers(struct acm *acm)
{
    struct ev_loop *loop = acm->host->base.loop;
    ev_timer_stop(loop, &acm->pause);
    acm_urb_kill_all(acm, lines_done);
    acm_urb_kill_all(acm, read_done);
    acm_urb_kill_all(acm, write_done);
    acm_drop_input(acm);
    acm->listening = false;
    acm->notification.size = 0;
    acm->reads = acm->writes = 0;
}

void acm_data_init(struct acm *acm)
{
    acm->input_end = &acm->input;
    ev_init(&acm->readable, on_readable);
    ev_init(&acm->writable, on_writable);
    ev_init(&acm->pause, on_pause_over);
    ev_timer_init(&acm->look, on_look, LOOK_SECONDS, LOOK_SECONDS);
    acm->readable.data = acm->writable.data = acm;
    acm->pause.data = acm->look.data = acm;
}
