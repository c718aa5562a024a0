/**
 * @file acm_private.h
 * What the files of the serial driver share.
 *
 *   acm.c           binding to devices, the ports and their numbers
 *   acm_port.c      opening and closing
 *   acm_data.c      data in both directions, and notifications
 *   acm_transfer.c  transfers, and control requests
 *   acm_ioctl.c     what tools ask of an open port
 *
 * It does what drivers/usb/class/cdc-acm.c and drivers/tty/{tty_io,tty_ioctl,tty_port}.c of the
 * Linux kernel (6.x) do; comments name their functions. The line discipline (echo, line editing,
 * VMIN ...) is the kernel's own, that of the pty's slave.
 */
#ifndef VP_HOST_ACM_PRIVATE_H
#define VP_HOST_ACM_PRIVATE_H

#include "host/tool/call.h"
#include "host/userland/core/userland.h"
#include "host/userland/serial/cdc.h"
#include "host/userland/serial/pty.h"
#include "host/userland/usb/bus.h"

enum {
    ACM_READS = 16,         /* ACM_NR */
    ACM_WRITES = 16,        /* ACM_NW */
    ACM_WRITE_PACKETS = 20, /* of the endpoint's size, in one transfer */
    ACM_MINORS = 256,       /* ACM_TTY_MINORS */
    ACM_WAITERS_MAX = 256,  /* calls that one port keeps waiting */
};

/** usb_control_msg() in acm_ctrl_msg(), in seconds. */
#define ACM_REQUEST_LIMIT 5.0
/** After a transfer that failed, in seconds; the kernel waits this long after several. */
#define ACM_ERROR_PAUSE 0.5

enum acm_state {
    ACM_PROBING, /**< the device is being asked; tools don't see the port yet */
    ACM_CLOSED,
    ACM_OPEN,
    ACM_CLOSING, /**< nobody has it open; what was written last is still being sent */
    ACM_GONE,    /**< unplugged, and somebody still has it open */
};

/** A transfer of a port. Lives until the link has completed it, even without its port. */
struct acm_urb {
    struct link_transfer transfer;
    struct acm *acm; /**< NULL: nobody wants the result any more */
    void (*done)(struct acm_urb *urb);
    struct acm_urb *next, *previous; /**< of the port's transfers in flight, or of its input */
    uint32_t used;                   /**< of the input that came with it */
    uint8_t data[];
};

/** A control request; one after the other. */
struct acm_request {
    struct acm_request *next;
    uint8_t setup[8];
    uint8_t data[CDC_LINE_CODING_SIZE];
    /** Called once, with 0 or a negative errno. */
    void (*done)(struct acm *acm, struct acm_request *request);
    int status;
    struct call call; /**< who waits for it, or nobody */
    int slave;        /**< the descriptor that open(2) is to return, or -1 */
    bool close_on_exec;
};

struct acm_counts {
    int dsr, ring, dcd, brk, frame, parity, overrun;
};

/** A call that waits for something to happen. */
struct acm_waiter {
    struct acm_waiter *next;
    enum {
        WAIT_CLOSED, /**< open(2) while the last user's data is still being sent */
        WAIT_SENT,   /**< tcdrain(3) and what includes it */
        WAIT_LINES,  /**< TIOCMIWAIT */
        WAIT_BREAK,  /**< tcsendbreak(3) */
    } event;
    struct call call;
    /** Called once; the waiter is freed afterwards. The port may be ACM_GONE. */
    void (*resume)(struct acm *acm, const struct acm_waiter *waiter);
    struct termios2 settings; /**< that are set then */
    bool flush;
    struct acm_counts before; /**< what had happened when the call came */
    unsigned value;           /**< of the request */
};

struct acm {
    struct acm *next;
    struct userland *host;
    struct host_device *device; /**< NULL if ACM_GONE */
    enum acm_state state;
    unsigned minor;
    struct cdc_function function;
    struct call binder;      /**< the call that had the driver bound, if one had */
    bool registered, silent; /**< shown to tools; the device takes no more transfers */

    uint8_t line[CDC_LINE_CODING_SIZE];
    unsigned control_out, control_in;
    struct acm_counts counts;
    struct cdc_notification notification;
    bool has_settings;
    struct termios2 settings;
    unsigned close_delay, closing_wait; /**< of TIOCGSERIAL, in ms */

    struct pty pty;
    ev_io readable, writable; /**< the pty's master */
    ev_timer limit;           /**< of ACM_CLOSING */
    ev_timer look;            /**< for a last close, while the master is not read */
    ev_timer pause;           /**< after an error */
    ev_timer request_limit;
    ev_timer break_end;

    struct acm_urb *flying;             /**< all transfers that are out */
    struct acm_urb *input, **input_end; /**< received, oldest first, not yet in the pty */
    unsigned reads, writes;             /**< transfers that are out */
    bool listening;                     /**< for notifications */
    bool clearing;                      /**< a halt of the IN endpoint */
    unsigned inputs;                    /**< transfers in `input` */
    struct acm_urb *request_urb;
    struct acm_request *requests, **requests_end;
    struct acm_waiter *waiters; /**< oldest first */
    int watch; /**< for the end of the last user of a port that has gone; -1 for none */
};

/* ---- acm.c ------------------------------------------------------------------------------- */

struct uevent_subject acm_subject(const struct acm *acm);
/** The open port behind a tool's descriptor, or NULL. */
struct acm *acm_of_fd(const struct userland *host, const struct call *call, int fd);

/* ---- acm_port.c -------------------------------------------------------------------------- */

void acm_port_open(struct acm *acm, const struct call *call, int flags);

/**
 * Take over `settings`: control requests as acm_tty_set_termios() makes them.
 * @param before  c_cflag until now, or NULL at open
 * @param done    called when the device has answered all of them
 */
void acm_apply(struct acm *acm, const tcflag_t *before, const struct call *call,
               void (*done)(struct acm *acm, struct acm_request *request));
/** See if the last user has gone. */
void acm_look(struct acm *acm);
/** All that was written has been read from the pty and sent. */
void acm_sent(struct acm *acm, bool is_closed);
/** The line went down: whoever has the port open has it no more (tty_port_tty_hangup()). */
void acm_hang_up(struct acm *acm);
/** End everything that waits; the port is ACM_GONE. */
void acm_abandon(struct acm *acm);
/** @return false if there is no memory for it, or there are too many; the call has failed then */
bool acm_wait(struct acm *acm, const struct acm_waiter *waiter);
/** Resume who waits for the event. */
void acm_resume(struct acm *acm, int event);

/* ---- acm_transfer.c ---------------------------------------------------------------------- */

/** A transfer with room for @p length bytes, or NULL: no memory, or the device has gone. */
struct acm_urb *acm_urb_create(struct acm *acm, const struct usb_endpoint *endpoint,
                               uint32_t length, void (*done)(struct acm_urb *urb));
void acm_urb_submit(struct acm_urb *urb);
/** Take the transfers back that end in `of`; their results don't matter any more. */
void acm_urb_kill_all(struct acm *acm, void (*of)(struct acm_urb *urb));

/** Queue a control request of the class; without memory `done` is called at once. */
void acm_request(struct acm *acm, unsigned request, unsigned value, const uint8_t *data,
                 const struct acm_request *rest);
/** ... or any other, with its setup packet. */
void acm_request_standard(struct acm *acm, const uint8_t setup[8], const uint8_t *data,
                          const struct acm_request *rest);
/** Send one that nobody waits for, from a port that goes. */
void acm_request_last(struct acm *acm, unsigned request, unsigned value);
void acm_requests_fail(struct acm *acm);
void acm_requests_init(struct acm *acm);

/* ---- acm_data.c -------------------------------------------------------------------------- */

/** Notifications and data in both directions. */
void acm_start_lines(struct acm *acm);
void acm_start_reading(struct acm *acm);
void acm_start_writing(struct acm *acm);
/** Take all transfers back but the control request; their results don't matter any more. */
void acm_stop_transfers(struct acm *acm);
/** What a transfer to the device has room for. */
uint32_t acm_write_size(const struct acm *acm);
/** Drop what the tool has written and the device has not taken. */
void acm_drop_output(struct acm *acm);
/** Forget what the device has sent and no tool will read. */
void acm_drop_input(struct acm *acm);
/** Try to get rid of everything that was written; calls acm_sent() once that is done. */
void acm_pump(struct acm *acm);
void acm_data_init(struct acm *acm);

#endif
