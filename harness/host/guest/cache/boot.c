#include "host/guest/cache/boot.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "host/guest/machine/machine.h"

/* It takes 4 to 8 seconds; on a machine that is very busy, many times of that. */
static const double PATIENCE = 300, TICK = 0.2;

struct booting {
    const struct boot *boot;
    struct ev_loop *loop;
    struct machine machine;
    ev_timer patience, tick;
    int state;
    bool saved;
    char reason[256];
};

static void end(struct booting *booting, const char *reason)
{
    strncpy(booting->reason, reason, sizeof booting->reason - 1);
    ev_break(booting->loop, EVBREAK_ALL);
}

static void on_connected(void *context)
{
    (void)context; /* it boots by itself */
}

static void on_frame(void *context, const struct frame *frame)
{
    struct booting *booting = context;
    if (frame->type == FRAME_WAITING) {
        machine_save(&booting->machine, booting->state);
    }
}

static void on_saved(void *context)
{
    struct booting *booting = context;
    booting->saved = true;
    ev_break(booting->loop, EVBREAK_ALL);
}

static void on_failed(void *context, const char *reason)
{
    end(context, reason);
}

static void on_patience(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    end(timer->data, "it was not ready within 5 minutes");
}

static void on_tick(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    const struct vp_guest_progress *progress = timer->data;
    progress->tick(progress->context);
}

static void start_timers(struct booting *booting)
{
    ev_timer_init(&booting->patience, on_patience, PATIENCE, 0);
    booting->patience.data = booting;
    ev_timer_start(booting->loop, &booting->patience);
    if (booting->boot->progress && booting->boot->progress->tick) {
        ev_timer_init(&booting->tick, on_tick, TICK, TICK);
        booting->tick.data = (void *)booting->boot->progress;
        ev_timer_start(booting->loop, &booting->tick);
    }
}

static int run(struct booting *booting, struct vp_failure *failure)
{
    const struct machine_events events = {
        .connected = on_connected,
        .saved = on_saved,
        .frame = on_frame,
        .failed = on_failed,
        .context = booting,
    };
    struct machine_options options = booting->boot->options;
    options.state = -1;
    int error = machine_start(&booting->machine, booting->loop, &options, &events, failure);
    if (!error) {
        start_timers(booting);
        ev_run(booting->loop, 0);
        if (!booting->saved) {
            char words[200];
            machine_last_words(&booting->machine, words, sizeof words);
            error = vp_fail(failure, VP_ERROR_IO, "the guest did not boot: %s%s%s", booting->reason,
                            *words ? "; it printed at last: " : "", words);
        }
    }
    machine_stop(&booting->machine);
    return error;
}

int boot_and_save(const struct boot *boot, struct vp_failure *failure)
{
    struct booting booting = {.boot = boot};
    booting.state = open(boot->state, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (booting.state < 0) {
        return vp_fail(failure, VP_ERROR_IO, "cannot write %s: %s", boot->state, strerror(errno));
    }
    booting.loop = ev_loop_new(EVFLAG_AUTO);
    const int error = booting.loop ? run(&booting, failure)
                                   : vp_fail(failure, VP_ERROR_NO_MEMORY, "no memory for a loop");
    if (booting.loop) {
        ev_loop_destroy(booting.loop);
    }
    close(booting.state);
    return error;
}
