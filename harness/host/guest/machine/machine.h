/**
 * @file machine.h
 * A running QEMU: its monitor, its port, what it prints, and its end. It never outlives this
 * process.
 */
#ifndef VP_GUEST_MACHINE_H
#define VP_GUEST_MACHINE_H

#include <ev.h>
#include <stdbool.h>
#include <sys/types.h>

#include "host/guest/machine/arguments.h"
#include "host/guest/machine/monitor.h"
#include "host/guest/wire/frames.h"
#include "host/guest/wire/outflow.h"
#include "vparticle/error.h"

/** What becomes of a machine. A function may call all of machine_*() but machine_stop(). */
struct machine_events {
    void (*connected)(void *context); /**< the monitor takes commands */
    void (*loaded)(void *context);    /**< machine_load() is done; the machine stands still */
    void (*running)(void *context);   /**< after machine_go() */
    void (*saved)(void *context);     /**< machine_save() is done; the machine stands still */
    void (*frame)(void *context, const struct frame *frame);
    void (*flowed)(void *context); /**< the port took some of what machine_send() was given */
    /** It has ended, or is of no use any more, and why. Told once; nothing follows. */
    void (*failed)(void *context, const char *reason);
    void *context;
};

struct machine {
    struct ev_loop *loop;
    struct machine_events events;
    pid_t pid;
    ev_io death; /**< of a pidfd */
    struct monitor monitor;
    enum {
        MACHINE_GREETED,
        MACHINE_CAPABLE,
        MACHINE_CONNECTED,
        MACHINE_LOADING,
        MACHINE_SAVING
    } stage;
    int port;
    ev_io port_readable;
    struct outflow port_writes;
    struct frame_reader reader;
    bool refused; /**< QEMU can do nothing with the state that it was given */
    int log;      /**< what QEMU and the guest's console print */
    bool over;
};

/**
 * Start QEMU.
 * @param options  its port and monitor are made here
 * @return 0, VP_ERROR_NOT_FOUND (there is no such program) or VP_ERROR_IO. Call machine_stop() in
 * any case.
 */
int machine_start(struct machine *machine, struct ev_loop *loop,
                  const struct machine_options *options, const struct machine_events *events,
                  struct vp_failure *failure);

/** Read a saved state. @param file  descriptor; must stay open until it is loaded */
void machine_load(struct machine *machine, int file);

/** Save the state, after which the machine stands still. @param file  as above */
void machine_save(struct machine *machine, int file);

void machine_go(struct machine *machine);

/** Send bytes as they are, or a frame. What can't be sent fails the machine. */
void machine_send_bytes(struct machine *machine, const void *bytes, size_t size);
void machine_send(struct machine *machine, enum frame_type type, const void *payload,
                  size_t length);

/** Take frames from the port, or let them wait there. */
void machine_listen(struct machine *machine, bool listen);

/** The last lines of what was printed, as one text with line ends; "" if there is nothing. */
void machine_last_words(const struct machine *machine, char *text, size_t size);

/** End QEMU at once, and free what belongs to the machine. */
void machine_stop(struct machine *machine);

#endif
