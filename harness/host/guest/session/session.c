/*
 * vp_guest_run(): restore the guest, give it the job, and carry its streams.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "files/remove_folder.h"
#include "host/guest/cache/cache.h"
#include "host/guest/guest.h"
#include "host/guest/machine/machine.h"
#include "host/guest/session/send_job.h"

enum {
    READ_SIZE = 16 * 1024,
    SUM_PIECE = 1 << 20,
    /* As much of the job's output waits for whoever reads ours before the job has to wait, too. */
    OUTPUT_WAITING_MAX = 256 * 1024,
};

/* The guest answers in half a second, and starts the job in another two; on a machine that is very
 * busy, in many times of that. */
static const double PATIENCE = 120;

/* timeout(1) sends its signal to us and then to our process group, which we are in: milliseconds.
 */
static const double TWICE_IS_ONCE = 500;

struct session {
    const struct vp_guest_job *job;
    struct vp_failure *failure;
    struct ev_loop *loop;
    struct cache_entry entry;
    char share[PATH_MAX]; /**< "": none */
    struct machine machine;
    double began;
    int state;          /**< the file */
    off_t summed;       /**< so much of it was read */
    uint32_t sum;       /**< of that */
    ev_idle summing;    /**< while QEMU loads it, there is nothing else to do */
    bool loaded, whole; /**< both: go */
    bool damaged;       /**< it is of no use to anybody */
    bool answered;      /**< it is awake */
    bool started;       /**< the job was told to start */
    ev_timer patience;
    ev_io input, signals;
    size_t input_window; /**< bytes of input that the guest can take */
    struct outflow output, errors;
    uint32_t signal;  /**< that came last, or 0 */
    double signalled; /**< when */
    bool over;
    int wait_status;
    int error;
};

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec * 1e-6;
}

static void reached(const struct session *session, const char *what)
{
    if (session->job->reached) {
        session->job->reached(session->job->context, what, now() - session->began);
    }
}

/* What was said until now is still written; then it is over. */
static void break_if_written(struct session *session)
{
    if (session->over && !outflow_pending(&session->output) && !outflow_pending(&session->errors)) {
        ev_break(session->loop, EVBREAK_ALL);
    }
}

static void end(struct session *session, int error)
{
    if (!session->over) {
        session->over = true;
        session->error = error;
        ev_io_stop(session->loop, &session->input);
        machine_listen(&session->machine, false);
    }
    break_if_written(session);
}

/* ---- Standard input ------------------------------------------------------------------------- */

static void on_input(struct ev_loop *loop, ev_io *io, int events)
{
    (void)events;
    struct session *session = io->data;
    uint8_t bytes[READ_SIZE];
    const size_t most = session->input_window < sizeof bytes ? session->input_window : sizeof bytes;
    const ssize_t count = read(io->fd, bytes, most);
    if (count > 0) {
        machine_send(&session->machine, FRAME_INPUT, bytes, (size_t)count);
        session->input_window -= (size_t)count;
        if (session->input_window == 0) {
            ev_io_stop(loop, io);
        }
    } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
        machine_send(&session->machine, FRAME_INPUT_END, NULL, 0);
        ev_io_stop(loop, io);
        session->input_window = FRAME_INPUT_WINDOW + 1; /* closed: never opened again */
    }
}

static void on_taken(struct session *session, uint32_t count)
{
    if (session->input_window <= FRAME_INPUT_WINDOW &&
        count <= FRAME_INPUT_WINDOW - session->input_window) {
        session->input_window += count;
        ev_io_start(session->loop, &session->input);
    }
}

/* ---- What the guest says -------------------------------------------------------------------- */

static void on_output(struct session *session, struct outflow *flow, const struct frame *frame)
{
    if (outflow_add(flow, frame->payload, frame->length)) {
        vp_fail(session->failure, VP_ERROR_NO_MEMORY, "no memory for the job's output");
        end(session, VP_ERROR_NO_MEMORY);
    } else if (outflow_pending(flow) > OUTPUT_WAITING_MAX) {
        machine_listen(&session->machine, false);
    }
}

/* Its pipe is closed there, too, so that the job finds out as it would here. */
static void tell_unread(struct session *session, uint8_t which)
{
    if (!session->over) {
        machine_send(&session->machine, FRAME_UNREAD, &which, sizeof which);
    }
}

static void on_written(struct session *session)
{
    if (!session->over && outflow_pending(&session->output) <= OUTPUT_WAITING_MAX &&
        outflow_pending(&session->errors) <= OUTPUT_WAITING_MAX) {
        machine_listen(&session->machine, true);
    }
    break_if_written(session);
}

/* Where nobody reads any more, the job is to find out; a full disk is nothing that it could. */
static void on_unwritten(struct session *session, uint8_t which)
{
    const int error = errno;
    if (error == EPIPE) {
        tell_unread(session, which);
    } else {
        vp_fail(session->failure, VP_ERROR_IO, "what the job says cannot be written: %s",
                strerror(error));
        end(session, VP_ERROR_IO);
    }
}

static void on_output_written(void *context, size_t size)
{
    if (size == 0) {
        on_unwritten(context, 0);
    }
    on_written(context);
}

static void on_errors_written(void *context, size_t size)
{
    if (size == 0) {
        on_unwritten(context, 1);
    }
    on_written(context);
}

static void on_failure(struct session *session, const struct frame *frame)
{
    vp_fail(session->failure, VP_ERROR_IO, "%.*s", (int)frame->length, frame->payload);
    end(session, VP_ERROR_IO);
}

static void on_frame(void *context, const struct frame *frame)
{
    struct session *session = context;
    switch (frame->type) {
    case FRAME_READY:
        session->answered = true;
        ev_timer_again(session->loop, &session->patience);
        reached(session, "the guest answers");
        break;
    case FRAME_AGENT:
        ev_timer_stop(session->loop, &session->patience);
        send_start(&session->machine);
        session->started = true;
        ev_io_start(session->loop, &session->input);
        break;
    case FRAME_OUTPUT:
        on_output(session, &session->output, frame);
        break;
    case FRAME_ERRORS:
        on_output(session, &session->errors, frame);
        break;
    case FRAME_TAKEN:
        on_taken(session, frame_read_number(frame->payload));
        break;
    case FRAME_EXIT:
        session->wait_status = (int)frame_read_number(frame->payload);
        reached(session, "the job has ended");
        end(session, 0);
        break;
    case FRAME_FAILED:
        on_failure(session, frame);
        break;
    default:
        break;
    }
}

/* @return false at the end of the state */
static bool sum_piece(struct session *session)
{
    static uint8_t piece[SUM_PIECE];
    const ssize_t count = pread(session->state, piece, sizeof piece, session->summed);
    if (count > 0) {
        session->sum = cache_sum(session->sum, piece, (size_t)count);
        session->summed += count;
        return true;
    }
    session->whole = (uint64_t)session->summed == session->entry.state_size &&
                     session->sum == session->entry.state_sum;
    session->damaged = !session->whole;
    return false;
}

static void on_failed(void *context, const char *reason)
{
    struct session *session = context;
    char words[160];
    machine_last_words(&session->machine, words, sizeof words);
    while (!session->loaded && sum_piece(session)) { /* is that the reason? */
    }
    session->damaged = session->damaged || session->machine.refused;
    if (!session->over) {
        vp_fail(session->failure, VP_ERROR_IO, "%s%s%s%s",
                session->damaged   ? "the guest cannot be restored: "
                : !session->loaded ? "the guest was not restored: "
                                   : "the guest ended without saying how the job did: ",
                reason, *words ? "; it printed at last: " : "", words);
        end(session, session->damaged ? VP_ERROR_NOT_FOUND : VP_ERROR_IO);
    }
}

static void on_patience(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    const struct session *session = timer->data;
    on_failed(timer->data, session->answered ? "it has not begun the job within two minutes"
                                             : "it has not answered within two minutes");
}

/* ---- Starting ------------------------------------------------------------------------------- */

static void go_if_whole(struct session *session)
{
    if (session->loaded && session->whole && !session->over) {
        reached(session, "its state is restored");
        machine_go(&session->machine);
    }
}

static void on_summing(struct ev_loop *loop, ev_idle *idle, int events)
{
    (void)events;
    struct session *session = idle->data;
    if (sum_piece(session)) {
        return;
    }
    ev_idle_stop(loop, idle);
    if (session->damaged) {
        on_failed(session, "its saved state is damaged");
    }
    go_if_whole(session);
}

static void on_connected(void *context)
{
    struct session *session = context;
    reached(session, "QEMU runs");
    machine_load(&session->machine, session->state);
}

static void on_loaded(void *context)
{
    struct session *session = context;
    session->loaded = true;
    go_if_whole(session);
}

static void on_running(void *context)
{
    struct session *session = context;
    const int error = send_job(&session->machine, session->job, session->share, session->failure);
    if (error) {
        end(session, error);
    }
}

/* ---- Signals -------------------------------------------------------------------------------- */

static void on_signal(struct ev_loop *loop, ev_io *io, int events)
{
    (void)loop;
    (void)events;
    struct session *session = io->data;
    struct signalfd_siginfo info;
    if (read(io->fd, &info, sizeof info) != (ssize_t)sizeof info) {
        return;
    }
    const double time = now();
    if (info.ssi_signo == session->signal && time - session->signalled < TWICE_IS_ONCE) {
        return;
    }
    const bool first = session->signal == 0;
    session->signal = info.ssi_signo;
    session->signalled = time;
    if (session->started && first) {
        const uint8_t payload[] = {(uint8_t)info.ssi_signo,
                                   session->job->signal_group && info.ssi_code == SI_KERNEL};
        machine_send(&session->machine, FRAME_SIGNAL, payload, sizeof payload);
    } else {
        session->wait_status = (int)info.ssi_signo;
        vp_fail(session->failure, VP_ERROR_BUSY, "the guest was ended by signal %u (%s)",
                info.ssi_signo, strsignal((int)info.ssi_signo));
        end(session, VP_ERROR_BUSY);
    }
}

/* @return the descriptor, or -1 */
static int catch_signals(void)
{
    static const int caught[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof caught / sizeof *caught; i++) {
        struct sigaction before;
        sigaction(caught[i], NULL, &before);
        if (before.sa_handler != SIG_IGN) { /* nohup(1) and the like */
            sigaddset(&set, caught[i]);
        }
    }
    signal(SIGPIPE, SIG_IGN);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* ---- All together --------------------------------------------------------------------------- */

static void prepare_watchers(struct session *session, int signals)
{
    ev_io_init(&session->input, on_input, STDIN_FILENO, EV_READ);
    session->input.data = session;
    session->input_window = FRAME_INPUT_WINDOW;
    outflow_start(&session->output, session->loop, STDOUT_FILENO, OUTFLOW_SMALL_PIECES);
    outflow_start(&session->errors, session->loop, STDERR_FILENO, OUTFLOW_SMALL_PIECES);
    session->output.written = on_output_written;
    session->errors.written = on_errors_written;
    session->output.context = session->errors.context = session;
    ev_io_init(&session->signals, on_signal, signals, EV_READ);
    session->signals.data = session;
    ev_io_start(session->loop, &session->signals);
    ev_idle_init(&session->summing, on_summing);
    session->summing.data = session;
    session->sum = cache_sum(0, NULL, 0);
    ev_idle_start(session->loop, &session->summing);
    ev_timer_init(&session->patience, on_patience, PATIENCE, PATIENCE);
    session->patience.data = session;
    ev_timer_start(session->loop, &session->patience);
}

static void stop_watchers(struct session *session)
{
    ev_io_stop(session->loop, &session->input);
    ev_io_stop(session->loop, &session->signals);
    ev_idle_stop(session->loop, &session->summing);
    ev_timer_stop(session->loop, &session->patience);
    outflow_stop(&session->output);
    outflow_stop(&session->errors);
}

static int run(struct session *session, int signals)
{
    char nothing[PATH_MAX + 64];
    cache_nothing_path(session->entry.folder, nothing, sizeof nothing);
    const struct machine_options options = {
        .program = session->entry.qemu,
        .share = *session->share ? session->share : nothing,
        .state = session->state,
    };
    const struct machine_events events = {
        .connected = on_connected,
        .loaded = on_loaded,
        .running = on_running,
        .frame = on_frame,
        .failed = on_failed,
        .context = session,
    };
    session->began = now();
    prepare_watchers(session, signals);
    session->error =
        machine_start(&session->machine, session->loop, &options, &events, session->failure);
    if (!session->error && !session->over) {
        ev_run(session->loop, 0);
    }
    machine_stop(&session->machine);
    stop_watchers(session);
    return session->error;
}

static int open_state(struct session *session)
{
    char cache[PATH_MAX], path[PATH_MAX + 64];
    int error = cache_folder(session->job->cache, cache, session->failure);
    if (error) {
        return error;
    }
    if (cache_find(cache, &session->entry) == 0) {
        cache_state_path(session->entry.folder, path, sizeof path);
        session->state = open(path, O_RDONLY | O_CLOEXEC);
    }
    return session->state >= 0
               ? 0
               : vp_fail(session->failure, VP_ERROR_NOT_FOUND,
                         "the guest is not prepared; run 'vparticle guest prepare'");
}

static int open_and_run(struct session *session)
{
    int error = vp_guest_find_share(session->job->share, session->share, session->failure);
    if (!error) {
        error = open_state(session);
    }
    const int signals = error ? -1 : catch_signals();
    if (!error && signals < 0) {
        error = vp_fail(session->failure, VP_ERROR_IO, "cannot catch signals: %s", strerror(errno));
    }
    if (!error) {
        error = run(session, signals);
    }
    if (session->damaged) {
        vp_remove_folder(session->entry.folder);
    }
    if (signals >= 0) {
        close(signals);
    }
    return error;
}

int vp_guest_run(const struct vp_guest_job *job, int *wait_status, struct vp_failure *failure)
{
    struct session *session = calloc(1, sizeof *session);
    struct ev_loop *loop = session ? ev_loop_new(EVFLAG_AUTO) : NULL;
    int error = VP_ERROR_NO_MEMORY;
    if (loop) {
        session->job = job;
        session->failure = failure;
        session->loop = loop;
        session->state = -1;
        error = open_and_run(session);
        *wait_status = session->wait_status;
        if (session->state >= 0) {
            close(session->state);
        }
        ev_loop_destroy(loop);
    } else {
        vp_fail(failure, error, "no memory to run the guest");
    }
    free(session);
    return error;
}
