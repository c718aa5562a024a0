/*
 * What tools ask of an open port: drivers/tty/tty_ioctl.c, and what tty_io.c and cdc-acm.c add. All
 * else is the pty's own: reading, writing, TIOCEXCL, FIONREAD, TCXONC ...
 */
#include <errno.h>
#include <linux/serial.h>
#include <string.h>
#include <sys/ioctl.h>

#include "host/userland/serial/acm.h"
#include "host/userland/serial/acm_private.h"

/* <termios.h> would clash with struct termios2. */
enum { FLUSH_INPUT = 0, FLUSH_OUTPUT = 1, FLUSH_BOTH = 2 };

static const double BREAK_SECONDS = 0.25; /* send_break() */

/* Where the kernel has no way to tell of an error. */
static void answer_done(struct acm *acm, struct acm_request *request)
{
    (void)acm;
    call_return(&request->call, 0);
}

static void answer_status(struct acm *acm, struct acm_request *request)
{
    (void)acm;
    if (request->status < 0) {
        call_fail(&request->call, -request->status);
    } else {
        call_return(&request->call, 0);
    }
}

/* ---- Settings ---------------------------------------------------------------------------- */

/* What the three forms of tcgetattr(3) and tcsetattr(3) carry. */
enum form { FORM_TERMIO, FORM_TERMIOS, FORM_TERMIOS2 };

static const struct form_of_request {
    unsigned request;
    enum form form;
    bool wait, flush;
} forms[] = {
    {TCGETA, FORM_TERMIO, false, false},    {TCGETS, FORM_TERMIOS, false, false},
    {TCGETS2, FORM_TERMIOS2, false, false}, {TCSETA, FORM_TERMIO, false, false},
    {TCSETAW, FORM_TERMIO, true, false},    {TCSETAF, FORM_TERMIO, true, true},
    {TCSETS, FORM_TERMIOS, false, false},   {TCSETSW, FORM_TERMIOS, true, false},
    {TCSETSF, FORM_TERMIOS, true, true},    {TCSETS2, FORM_TERMIOS2, false, false},
    {TCSETSW2, FORM_TERMIOS2, true, false}, {TCSETSF2, FORM_TERMIOS2, true, true},
};

static const struct form_of_request *form_of(const struct call *call)
{
    size_t i = 0;
    while (forms[i].request != (unsigned)call->arguments[1]) {
        i++;
    }
    return &forms[i];
}

static size_t form_size(enum form form)
{
    return form == FORM_TERMIO    ? sizeof(struct termio)
           : form == FORM_TERMIOS ? sizeof(struct termios) /* the kernel's: without speeds */
                                  : sizeof(struct termios2);
}

/* Kernel: user_termio_to_kernel_termios() replaces the lower halves only. */
static void from_termio(struct termios2 *settings, const struct termio *old)
{
    settings->c_iflag = (settings->c_iflag & 0xFFFF0000) | old->c_iflag;
    settings->c_oflag = (settings->c_oflag & 0xFFFF0000) | old->c_oflag;
    settings->c_cflag = (settings->c_cflag & 0xFFFF0000) | old->c_cflag;
    settings->c_lflag = (settings->c_lflag & 0xFFFF0000) | old->c_lflag;
    settings->c_line = old->c_line;
    memcpy(settings->c_cc, old->c_cc, sizeof old->c_cc);
}

static void to_termio(const struct termios2 *settings, struct termio *old)
{
    old->c_iflag = (unsigned short)settings->c_iflag;
    old->c_oflag = (unsigned short)settings->c_oflag;
    old->c_cflag = (unsigned short)settings->c_cflag;
    old->c_lflag = (unsigned short)settings->c_lflag;
    old->c_line = settings->c_line;
    memcpy(old->c_cc, settings->c_cc, sizeof old->c_cc);
}

static void on_get(struct acm *acm, const struct call *call)
{
    const struct form_of_request *form = form_of(call);
    struct termio old = {.c_iflag = 0};
    to_termio(&acm->settings, &old);
    /* struct termios is the beginning of struct termios2. */
    const void *data = form->form == FORM_TERMIO ? (const void *)&old : &acm->settings;
    if (call_write(call, call->arguments[2], data, form_size(form->form))) {
        call_fail(call, EFAULT);
    } else {
        call_return(call, 0);
    }
}

static void take_settings(struct acm *acm, const struct acm_waiter *waiter)
{
    struct termios2 settings = waiter->settings;
    tcflag_t before = acm->settings.c_cflag;
    if (acm->state != ACM_OPEN) {
        call_fail(&waiter->call, EIO);
        return;
    }
    int error = pty_set(&acm->pty, &settings, waiter->flush);
    if (error) {
        call_fail(&waiter->call, error);
        return;
    }
    acm->settings = settings;
    /* Kernel: acm_tty_set_termios() cannot fail. */
    acm_apply(acm, &before, &waiter->call, answer_done);
}

/* Kernel: set_termios(). */
static void on_set(struct acm *acm, const struct call *call)
{
    const struct form_of_request *form = form_of(call);
    struct acm_waiter waiter = {.event = WAIT_SENT,
                                .call = *call,
                                .resume = take_settings,
                                .settings = acm->settings,
                                .flush = form->flush};
    struct termio old = {.c_iflag = 0};
    void *data = form->form == FORM_TERMIO ? (void *)&old : &waiter.settings;
    if (call_read(call, call->arguments[2], data, form_size(form->form))) {
        call_fail(call, EFAULT);
        return;
    }
    if (form->form == FORM_TERMIO) {
        from_termio(&waiter.settings, &old);
    }
    if (!form->wait) {
        take_settings(acm, &waiter);
    } else if (acm_wait(acm, &waiter)) {
        acm_pump(acm);
    }
}

/* ---- Output ------------------------------------------------------------------------------ */

static void on_flush(struct acm *acm, const struct call *call)
{
    if (call->arguments[2] == FLUSH_OUTPUT || call->arguments[2] == FLUSH_BOTH) {
        acm_drop_output(acm);
    }
    call_continue(call); /* the rest is the line discipline's */
}

/* Kernel: acm_tty_chars_in_buffer() counts whole transfers, however little is in them. What still
 * waits in the pty has no room in the kernel's at all. */
static void on_waiting_output(struct acm *acm, const struct call *call)
{
    acm_pump(acm);
    int count = (int)(acm_write_size(acm) * acm->writes + pty_waiting(&acm->pty));
    if (call_write(call, call->arguments[2], &count, sizeof count)) {
        call_fail(call, EFAULT);
    } else {
        call_return(call, 0);
    }
}

static void drained(struct acm *acm, const struct acm_waiter *waiter)
{
    (void)acm;
    call_return(&waiter->call, 0);
}

static bool can_break(const struct acm *acm)
{
    return (acm->function.capabilities & CDC_CAPABLE_OF_BREAK) != 0;
}

static void break_request(struct acm *acm, bool on, const struct acm_request *rest)
{
    acm_request(acm, CDC_SEND_BREAK, on ? 0xFFFF : 0, NULL, rest);
}

static void break_over(struct acm *acm, struct acm_request *request)
{
    (void)request;
    acm_resume(acm, WAIT_BREAK);
}

/* tcsendbreak(3) ends: what waits for that is the last request of this kind. */
static void on_break_end(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    struct acm *acm = timer->data;
    if (acm->state == ACM_OPEN) {
        break_request(acm, false, &(struct acm_request){.done = break_over, .slave = -1});
    }
}

static void break_begun(struct acm *acm, struct acm_request *request)
{
    if (request->status < 0) {
        call_fail(&request->call, -request->status);
        return;
    }
    struct acm_waiter waiter = {.event = WAIT_BREAK, .call = request->call, .resume = drained};
    if (acm->state != ACM_OPEN) {
        call_fail(&request->call, EIO); /* hung up meanwhile: nothing will end this break */
    } else if (acm_wait(acm, &waiter)) {
        ev_timer_start(acm->host->base.loop, &acm->break_end);
    }
}

/* Kernel: send_break(); no error for a driver that cannot. */
static void send_break(struct acm *acm, const struct acm_waiter *waiter)
{
    if (acm->state != ACM_OPEN || !can_break(acm)) {
        call_return(&waiter->call, 0);
        return;
    }
    if (!ev_is_active(&acm->break_end)) {
        ev_now_update(acm->host->base.loop);
        ev_timer_init(&acm->break_end, on_break_end,
                      waiter->value ? waiter->value / 10.0 : BREAK_SECONDS, 0);
        acm->break_end.data = acm;
    }
    break_request(acm, true,
                  &(struct acm_request){.done = break_begun, .call = waiter->call, .slave = -1});
}

static void wait_sent(struct acm *acm, const struct call *call,
                      void (*resume)(struct acm *acm, const struct acm_waiter *waiter),
                      unsigned value)
{
    if (acm_wait(acm, &(struct acm_waiter){
                          .event = WAIT_SENT, .call = *call, .resume = resume, .value = value})) {
        acm_pump(acm);
    }
}

/* tcdrain(3) is TCSBRK with an argument. */
static void on_drain(struct acm *acm, const struct call *call)
{
    wait_sent(acm, call, call->arguments[2] ? drained : send_break, 0);
}

static void on_break(struct acm *acm, const struct call *call)
{
    unsigned tenths = (unsigned)call->arguments[2];
    wait_sent(acm, call, send_break, tenths < 600 ? tenths : 600);
}

/* Kernel: acm_tty_break_ctl(). */
static void switch_break(struct acm *acm, const struct acm_waiter *waiter)
{
    if (acm->state != ACM_OPEN || !can_break(acm)) {
        call_fail(&waiter->call, acm->state == ACM_OPEN ? EOPNOTSUPP : EIO);
        return;
    }
    break_request(acm, waiter->value != 0,
                  &(struct acm_request){.done = answer_status, .call = waiter->call, .slave = -1});
}

static void on_break_on(struct acm *acm, const struct call *call)
{
    wait_sent(acm, call, switch_break, 1);
}

static void on_break_off(struct acm *acm, const struct call *call)
{
    switch_break(acm, &(struct acm_waiter){.call = *call});
}

/* ---- Lines ------------------------------------------------------------------------------- */

/* Kernel: acm_tty_tiocmget(). */
static void on_get_lines(struct acm *acm, const struct call *call)
{
    int lines =
        TIOCM_CTS | (acm->control_out & CDC_DTR ? TIOCM_DTR : 0) |
        (acm->control_out & CDC_RTS ? TIOCM_RTS : 0) | (acm->control_in & CDC_DSR ? TIOCM_DSR : 0) |
        (acm->control_in & CDC_RING ? TIOCM_RI : 0) | (acm->control_in & CDC_DCD ? TIOCM_CD : 0);
    if (call_write(call, call->arguments[2], &lines, sizeof lines)) {
        call_fail(call, EFAULT);
    } else {
        call_return(call, 0);
    }
}

/* Kernel: tty_tiocmset() and acm_tty_tiocmset(). */
static void on_set_lines(struct acm *acm, const struct call *call)
{
    int lines;
    if (call_read(call, call->arguments[2], &lines, sizeof lines)) {
        call_fail(call, EFAULT);
        return;
    }
    unsigned bits = (lines & TIOCM_DTR ? CDC_DTR : 0u) | (lines & TIOCM_RTS ? CDC_RTS : 0u);
    unsigned control = acm->control_out;
    switch ((unsigned)call->arguments[1]) {
    case TIOCMBIS:
        control |= bits;
        break;
    case TIOCMBIC:
        control &= ~bits;
        break;
    default:
        control = bits;
    }
    if (control == acm->control_out) {
        call_return(call, 0);
        return;
    }
    acm->control_out = control;
    acm_request(acm, CDC_SET_CONTROL_LINE_STATE, control, NULL,
                &(struct acm_request){.done = answer_status, .call = *call, .slave = -1});
}

static bool has_changed(const struct acm *acm, const struct acm_waiter *waiter)
{
    const struct acm_counts *before = &waiter->before;
    return (waiter->value & TIOCM_DSR && before->dsr != acm->counts.dsr) ||
           (waiter->value & TIOCM_CD && before->dcd != acm->counts.dcd) ||
           (waiter->value & TIOCM_RI && before->ring != acm->counts.ring);
}

static void lines_changed(struct acm *acm, const struct acm_waiter *waiter)
{
    if (has_changed(acm, waiter)) {
        call_return(&waiter->call, 0);
    } else if (acm->state == ACM_GONE) {
        call_fail(&waiter->call, ENODEV);
    } else {
        acm_wait(acm, waiter);
    }
}

/* Kernel: wait_serial_change(), as Debian's 6.1.192 has it: what counts is what changes from now
 * on. Before, it might be what had changed since the last notification or call. */
static void on_wait_lines(struct acm *acm, const struct call *call)
{
    if (acm->state != ACM_OPEN) {
        call_continue(call); /* hung up: the pty says so */
        return;
    }
    acm_wait(acm, &(struct acm_waiter){.event = WAIT_LINES,
                                       .call = *call,
                                       .resume = lines_changed,
                                       .before = acm->counts,
                                       .value = (unsigned)call->arguments[2]});
}

static void on_get_counts(struct acm *acm, const struct call *call)
{
    const struct serial_icounter_struct counts = {.dsr = acm->counts.dsr,
                                                  .rng = acm->counts.ring,
                                                  .dcd = acm->counts.dcd,
                                                  .frame = acm->counts.frame,
                                                  .overrun = acm->counts.overrun,
                                                  .parity = acm->counts.parity,
                                                  .brk = acm->counts.brk};
    if (call_write(call, call->arguments[2], &counts, sizeof counts)) {
        call_fail(call, EFAULT);
    } else {
        call_return(call, 0);
    }
}

/* ---- TIOCGSERIAL: get_serial_info() and set_serial_info() -------------------------------- */

static void on_get_serial(struct acm *acm, const struct call *call)
{
    const struct serial_struct info = {
        .line = (int)acm->minor,
        .close_delay = (unsigned short)(acm->close_delay / 10),
        .closing_wait =
            (unsigned short)(acm->closing_wait == ASYNC_CLOSING_WAIT_NONE ? ASYNC_CLOSING_WAIT_NONE
                                                                          : acm->closing_wait / 10),
    };
    if (call_write(call, call->arguments[2], &info, sizeof info)) {
        call_fail(call, EFAULT);
    } else {
        call_return(call, 0);
    }
}

/* A real one lets only root change these; here each tool is alone with its port. */
static void on_set_serial(struct acm *acm, const struct call *call)
{
    struct serial_struct info;
    if (call_read(call, call->arguments[2], &info, sizeof info)) {
        call_fail(call, EFAULT);
        return;
    }
    acm->close_delay = info.close_delay * 10u;
    acm->closing_wait = info.closing_wait == ASYNC_CLOSING_WAIT_NONE ? ASYNC_CLOSING_WAIT_NONE
                                                                     : info.closing_wait * 10u;
    call_return(call, 0);
}

/* ---- Dispatch ---------------------------------------------------------------------------- */

static const struct {
    unsigned request;
    void (*handle)(struct acm *acm, const struct call *call);
} requests[] = {
    {TCGETS, on_get},
    {TCGETS2, on_get},
    {TCGETA, on_get},
    {TCSETS, on_set},
    {TCSETSW, on_set},
    {TCSETSF, on_set},
    {TCSETS2, on_set},
    {TCSETSW2, on_set},
    {TCSETSF2, on_set},
    {TCSETA, on_set},
    {TCSETAW, on_set},
    {TCSETAF, on_set},
    {TCFLSH, on_flush},
    {TIOCOUTQ, on_waiting_output},
    {TCSBRK, on_drain},
    {TCSBRKP, on_break},
    {TIOCSBRK, on_break_on},
    {TIOCCBRK, on_break_off},
    {TIOCMGET, on_get_lines},
    {TIOCMSET, on_set_lines},
    {TIOCMBIS, on_set_lines},
    {TIOCMBIC, on_set_lines},
    {TIOCMIWAIT, on_wait_lines},
    {TIOCGICOUNT, on_get_counts},
    {TIOCGSERIAL, on_get_serial},
    {TIOCSSERIAL, on_set_serial},
};

unsigned acm_ioctl_number(unsigned index)
{
    return index < sizeof requests / sizeof *requests ? requests[index].request : 0;
}

void acm_ioctl(struct userland *host, const struct call *call)
{
    struct acm *acm = host->ports ? acm_of_fd(host, call, (int)call->arguments[0]) : NULL;
    for (size_t i = 0; acm && i < sizeof requests / sizeof *requests; i++) {
        if (requests[i].request == (unsigned)call->arguments[1]) {
            requests[i].handle(acm, call);
            return;
        }
    }
    call_continue(call);
}
