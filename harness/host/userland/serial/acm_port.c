/*
 * Opening and closing a port, as drivers/tty/tty_port.c does it with the functions of cdc-acm.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/userland/serial/acm_private.h"
#include "host/userland/supervisor/session.h"

enum { CLOSING_WAIT_NONE = 65535, CLOSING_WAIT_FOREVER = 0 }; /* ASYNC_CLOSING_WAIT_* */

static const struct call nobody = {.session = NULL};

/* ---- Who waits --------------------------------------------------------------------------- */

/* Those that were killed meanwhile make room. */
static unsigned count_waiters(struct acm *acm)
{
    unsigned count = 0;
    for (struct acm_waiter **link = &acm->waiters; *link;) {
        struct acm_waiter *waiter = *link;
        if (call_is_waiting(&waiter->call)) {
            count++;
            link = &waiter->next;
        } else {
            *link = waiter->next;
            free(waiter);
        }
    }
    return count;
}

bool acm_wait(struct acm *acm, const struct acm_waiter *waiter)
{
    struct acm_waiter *copy = count_waiters(acm) < ACM_WAITERS_MAX ? malloc(sizeof *copy) : NULL;
    if (!copy) {
        call_fail(&waiter->call, ENOMEM);
        return false;
    }
    *copy = *waiter;
    copy->next = NULL;
    struct acm_waiter **end = &acm->waiters;
    while (*end) {
        end = &(*end)->next;
    }
    *end = copy;
    return true;
}

/* Resuming one may make others wait: they are not of this round. */
void acm_resume(struct acm *acm, int event)
{
    struct acm_waiter *round = acm->waiters;
    acm->waiters = NULL;
    struct acm_waiter **kept = &acm->waiters;
    struct acm_waiter *due = NULL;
    struct acm_waiter **due_end = &due;
    while (round) {
        struct acm_waiter *waiter = round;
        round = waiter->next;
        waiter->next = NULL;
        if ((int)waiter->event == event) {
            *due_end = waiter;
            due_end = &waiter->next;
        } else {
            *kept = waiter;
            kept = &waiter->next;
        }
    }
    while (due) {
        struct acm_waiter *waiter = due;
        due = waiter->next;
        waiter->resume(acm, waiter);
        free(waiter);
    }
}

/* ---- Settings ---------------------------------------------------------------------------- */

static void applied(struct acm *acm, struct acm_request *request)
{
    (void)acm;
    (void)request;
}

/* Kernel: acm_tty_set_termios(). */
void acm_apply(struct acm *acm, const tcflag_t *before, const struct call *call,
               void (*done)(struct acm *acm, struct acm_request *request))
{
    struct acm_request last = {.done = done, .call = *call, .slave = -1};
    struct acm_request other = {.done = applied, .slave = -1};
    uint8_t line[CDC_LINE_CODING_SIZE];
    cdc_line_coding(&acm->settings, cdc_line_rate(acm->line), line);
    bool other_line = memcmp(line, acm->line, sizeof line) != 0;
    unsigned control = acm->control_out;
    if ((acm->settings.c_cflag & CBAUD) == B0) {
        control &= ~(unsigned)CDC_DTR;
    } else if (before && (*before & CBAUD) == B0) {
        control |= CDC_DTR;
    }
    bool other_control = control != acm->control_out;
    acm->control_out = control;
    memcpy(acm->line, line, sizeof line);
    if (other_control) {
        acm_request(acm, CDC_SET_CONTROL_LINE_STATE, control, NULL, other_line ? &other : &last);
    }
    if (other_line) {
        acm_request(acm, CDC_SET_LINE_CODING, 0, line, &last);
    }
    if (!other_control && !other_line) {
        done(acm, &last);
    }
}

/* ---- open(2): tty_port_open() ------------------------------------------------------------ */

static int create_pty(struct acm *acm)
{
    struct termios2 fresh;
    int error = pty_create(&acm->pty, &fresh);
    if (error) {
        return error;
    }
    if (!acm->has_settings) {
        /* Kernel: tty_std_termios with acm_init()'s c_cflag. */
        acm->settings = fresh;
        acm->settings.c_cflag = B9600 | CS8 | CREAD | HUPCL | CLOCAL;
        acm->has_settings = true;
    }
    error = pty_set(&acm->pty, &acm->settings, false);
    if (error) {
        pty_close(&acm->pty);
    }
    return error;
}

static void line_is_set(struct acm *acm, struct acm_request *request)
{
    (void)request;
    acm_start_reading(acm);
}

/* Kernel: acm_port_activate(). */
static void activate(struct acm *acm)
{
    acm->state = ACM_OPEN;
    acm_start_writing(acm);
    acm_start_lines(acm);
    acm_apply(acm, NULL, &nobody, line_is_set);
}

static void opened(struct acm *acm, struct acm_request *request)
{
    if (acm->state == ACM_GONE) {
        call_fail(&request->call, ENODEV);
    } else {
        call_return_fd(&request->call, request->slave, request->close_on_exec);
    }
    close(request->slave);
}

static void open_later(struct acm *acm, const struct acm_waiter *waiter)
{
    if (acm->state == ACM_GONE) {
        call_fail(&waiter->call, ENODEV);
    } else {
        acm_port_open(acm, &waiter->call, (int)waiter->value);
    }
}

/* As in tty_port_block_til_ready(), each open(2) raises the lines, not only the first. */
void acm_port_open(struct acm *acm, const struct call *call, int flags)
{
    acm_look(acm);
    if (acm->state == ACM_CLOSING) {
        acm_wait(acm, &(struct acm_waiter){.event = WAIT_CLOSED,
                                           .call = *call,
                                           .resume = open_later,
                                           .value = (unsigned)flags});
        return;
    }
    bool is_first = acm->state == ACM_CLOSED;
    int error = is_first ? create_pty(acm) : 0;
    int slave = error ? -1 : pty_open_slave(&acm->pty, flags);
    if (slave < 0) {
        error = error ? error : errno; /* EBUSY: TIOCEXCL */
        if (is_first) {
            pty_close(&acm->pty);
        }
        /* ENOSPC: no pty is left; the host's descriptors are not the tool's */
        call_fail(call, error == ENOSPC || error == EMFILE ? ENFILE : error);
        return;
    }
    struct acm_request request = {
        .done = opened, .call = *call, .slave = slave, .close_on_exec = (flags & O_CLOEXEC) != 0};
    if (is_first) {
        activate(acm);
    }
    if ((acm->settings.c_cflag & CBAUD) == B0) {
        opened(acm, &request);
        return;
    }
    acm->control_out = CDC_DTR | CDC_RTS;
    acm_request(acm, CDC_SET_CONTROL_LINE_STATE, acm->control_out, NULL, &request);
}

/* ---- The last close(2): tty_port_close() ------------------------------------------------- */

/* Kernel: acm_port_shutdown(). */
static void shut_down(struct acm *acm, struct acm_request *request)
{
    (void)request;
    if (acm->state != ACM_CLOSING) {
        return;
    }
    acm_stop_transfers(acm);
    acm->state = ACM_CLOSED;
    acm_resume(acm, WAIT_CLOSED);
    session_check(acm->host);
}

static void stop_pty(struct acm *acm)
{
    struct ev_loop *loop = acm->host->base.loop;
    ev_io_stop(loop, &acm->readable);
    ev_io_stop(loop, &acm->writable);
    ev_timer_stop(loop, &acm->look);
    ev_timer_stop(loop, &acm->limit);
}

/* Kernel: tty_port_shutdown(). What the tool has not read goes with the pty. */
static void shut(struct acm *acm)
{
    struct acm_request request = {.done = shut_down, .slave = -1};
    stop_pty(acm);
    pty_close(&acm->pty);
    acm_drop_input(acm);
    acm_resume(acm, WAIT_SENT);
    if (acm->settings.c_cflag & HUPCL) {
        acm->control_out = 0;
        acm_request(acm, CDC_SET_CONTROL_LINE_STATE, 0, NULL, &request);
    } else {
        shut_down(acm, &request);
    }
}

static void on_limit(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    shut(timer->data);
}

/* Kernel: tty_port_close_start(). close(2) has returned already, but the next open(2) waits, and so
 * does the end of the tool. */
static void start_closing(struct acm *acm)
{
    acm->state = ACM_CLOSING;
    if (acm->closing_wait == CLOSING_WAIT_NONE) {
        shut(acm);
        return;
    }
    ev_timer_init(&acm->limit, on_limit, acm->closing_wait / 1000.0, 0);
    acm->limit.data = acm;
    if (acm->closing_wait != CLOSING_WAIT_FOREVER) {
        ev_now_update(acm->host->base.loop);
        ev_timer_start(acm->host->base.loop, &acm->limit);
    }
    acm_pump(acm);
}

void acm_look(struct acm *acm)
{
    if (acm->state == ACM_OPEN && pty_is_closed(&acm->pty)) {
        start_closing(acm);
    }
}

void acm_sent(struct acm *acm, bool is_closed)
{
    if (is_closed && acm->state == ACM_OPEN) {
        acm->state = ACM_CLOSING;
    }
    if (is_closed) {
        shut(acm);
    } else {
        acm_resume(acm, WAIT_SENT);
    }
}

void acm_hang_up(struct acm *acm)
{
    if (acm->state == ACM_OPEN) {
        acm->state = ACM_CLOSING;
        shut(acm);
    }
}

void acm_abandon(struct acm *acm)
{
    stop_pty(acm);
    acm_drop_input(acm);
    ev_timer_stop(acm->host->base.loop, &acm->break_end);
    acm_resume(acm, WAIT_CLOSED);
    acm_resume(acm, WAIT_SENT);
    acm_resume(acm, WAIT_LINES);
    acm_resume(acm, WAIT_BREAK);
    session_check(acm->host);
}
