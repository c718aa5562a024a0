/* The step `run`: a tool under the userland host, what it writes, and when to kill it. */
#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scenario/text_check.h"

enum {
    READ_AT_ONCE = 1 << 20, /* more than a pipe holds; then the time-out has its turn */
    SHOWN_OUTPUT = 2000,    /* the end of it goes into a result */
};

/* What a tool writes to one of its two streams. */
struct stream {
    ev_io watcher;
    int read_end, write_end;
    char *bytes;
    size_t length;
    bool cut;   /* there was more than VP_TEXT_LIMIT */
    char *text; /* in the end: clean */
};

struct run {
    struct vp_engine *engine;
    const struct vp_step *step;
    struct stream out, err;
    ev_timer timer;
    bool ended, timed_out;
    int status;

    const unsigned *limit; /* of kill_after, or NULL */
    unsigned counted;
    bool killed;

    unsigned refused;       /**< by `access: none` */
    char first_refused[64]; /**< the node */
};

/* ---- Output --------------------------------------------------------------------------------- */

/* A tool that writes without a pause must not keep us here. @return false at the end */
static bool drain(struct stream *stream)
{
    char piece[4096];
    for (size_t total = 0; total < READ_AT_ONCE;) {
        const ssize_t got = read(stream->read_end, piece, sizeof piece);
        if (got <= 0) {
            return got < 0 && (errno == EAGAIN || errno == EINTR);
        }
        total += (size_t)got;
        size_t kept = (size_t)got;
        if (kept > VP_TEXT_LIMIT - stream->length) {
            kept = VP_TEXT_LIMIT - stream->length;
            stream->cut = true;
        }
        memcpy(stream->bytes + stream->length, piece, kept);
        stream->length += kept;
    }
    return true;
}

static void on_output(struct ev_loop *loop, ev_io *watcher, int events)
{
    (void)events;
    if (!drain(watcher->data)) {
        ev_io_stop(loop, watcher);
    }
}

static int open_stream(struct stream *stream, struct ev_loop *loop)
{
    int ends[2];
    *stream = (struct stream){.read_end = -1, .write_end = -1};
    stream->bytes = malloc(VP_TEXT_LIMIT);
    if (!stream->bytes || pipe2(ends, O_CLOEXEC)) {
        return VP_ERROR_IO;
    }
    stream->read_end = ends[0];
    stream->write_end = ends[1];
    fcntl(stream->read_end, F_SETFL, O_NONBLOCK);
    ev_io_init(&stream->watcher, on_output, stream->read_end, EV_READ);
    stream->watcher.data = stream;
    ev_io_start(loop, &stream->watcher);
    return 0;
}

static void close_stream(struct stream *stream, struct ev_loop *loop)
{
    if (stream->read_end >= 0) {
        ev_io_stop(loop, &stream->watcher);
        close(stream->read_end);
    }
    if (stream->write_end >= 0) {
        close(stream->write_end);
    }
    free(stream->bytes);
    free(stream->text);
}

/* ---- Killing -------------------------------------------------------------------------------- */

static void count_one(struct run *run)
{
    if (!run->ended && !run->killed && ++run->counted >= *run->limit) {
        run->killed = true;
        vp_host_signal(run->engine->host, SIGKILL);
    }
}

static bool is_running(const struct run *run)
{
    return vp_host_signal(run->engine->host, 0) > 0; /* signal 0 is none */
}

/* What the host asks of a device before the tool starts is not the tool's. */
static void on_transfer(struct vp_engine *engine)
{
    if (is_running(engine->run)) {
        count_one(engine->run);
    }
}

/* The operation itself happens whole: the tool dies, not the device. */
static uint32_t on_flash(void *context, const struct vp_flash_operation *operation)
{
    struct run *run = context;
    const bool erase = operation->kind == VP_FLASH_ERASE;
    if (erase ? run->step->kill_after->erases : run->step->kill_after->writes) {
        count_one(run);
    }
    return operation->length;
}

static const char *counted_word(const struct vp_kill_after *kill)
{
    return kill->writes ? "writes" : kill->erases ? "erases" : "transfers";
}

/* Emulated boards alone can be watched so closely; for others such a scenario does not begin. */
static void watch_faults(struct run *run, bool on)
{
    const struct vp_kill_after *kill = run->step->kill_after;
    struct vp_engine *engine = run->engine;
    if (!kill) {
        return;
    }
    run->limit = kill->writes ? kill->writes : kill->erases ? kill->erases : kill->transfers;
    engine->on_transfer = on && kill->transfers ? on_transfer : NULL;
    for (unsigned i = 0; i < engine->device_count; i++) {
        const bool hook = on && !kill->transfers;
        vp_flash_set_hook(vp_device_flash(engine->devices[i].device), hook ? on_flash : NULL,
                          hook ? run : NULL);
    }
}

/* ---- Running -------------------------------------------------------------------------------- */

static void on_ended(void *context, int status)
{
    struct run *run = context;
    run->ended = true;
    run->status = status;
    ev_break(run->engine->loop, EVBREAK_ONE);
}

static void on_refused(void *context, const char *node)
{
    struct run *run = context;
    if (run->refused++ == 0) {
        snprintf(run->first_refused, sizeof run->first_refused, "%s", node);
    }
}

static void on_timeout(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    struct run *run = timer->data;
    run->timed_out = true;
    vp_host_signal(run->engine->host, SIGKILL);
}

static unsigned timeout_of(const struct run *run)
{
    return vp_step_timeout(run->step, run->engine->surroundings->patience);
}

static enum vp_host_access access_of(const struct vp_step *step)
{
    return step->access ? *step->access : VP_HOST_ACCESS_FULL;
}

static int run_loop(struct run *run, char *const *words)
{
    struct vp_engine *engine = run->engine;
    struct vp_failure failure;
    const struct vp_host_command command = {
        .argv = words,
        .directory = engine->surroundings->work,
        .standard_output = run->out.write_end,
        .standard_error = run->err.write_end,
        .access = access_of(run->step),
        .refused = on_refused,
        .ended = on_ended,
        .context = run,
    };
    vp_host_rescan(engine->host);
    const int error = vp_host_spawn(engine->host, &command, &failure);
    if (error == VP_ERROR_NOT_FOUND || error == VP_ERROR_INVALID) {
        return vp_engine_fail(engine, run->step, vp_text("%s can be started", words[0]),
                              vp_text("%s", failure.text));
    }
    if (error) {
        return vp_engine_stop(engine, VP_ABORTED, vp_text("%s: %s", words[0], failure.text));
    }
    ev_now_update(engine->loop);
    /* Again each second: when it is up, the tool may still be waiting for the devices. */
    ev_timer_init(&run->timer, on_timeout, timeout_of(run), 1.);
    run->timer.data = run;
    ev_timer_start(engine->loop, &run->timer);
    while (!run->ended) {
        ev_run(engine->loop, 0);
    }
    ev_timer_stop(engine->loop, &run->timer);
    return 0;
}

/* ---- Judging -------------------------------------------------------------------------------- */

static char *describe_status(int status)
{
    return WIFSIGNALED(status)
               ? vp_text("killed by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)))
               : vp_text("exit status %d", WEXITSTATUS(status));
}

static int judge_kill(struct run *run)
{
    struct vp_engine *engine = run->engine;
    const struct vp_kill_after *kill = run->step->kill_after;
    if (!run->killed || !WIFSIGNALED(run->status)) {
        char *how = describe_status(run->status);
        char *found = vp_text("the tool ended by itself after %u %s: %s", run->counted,
                              counted_word(kill), how ? how : "");
        free(how);
        return vp_engine_fail(engine, run->step,
                              vp_text("killed after %u %s", *run->limit, counted_word(kill)),
                              found);
    }
    vp_engine_note(engine, vp_text("line %u: the tool was killed after %u %s", run->step->line,
                                   run->counted, counted_word(kill)));
    return 0;
}

/* Taking access away has shown nothing if the tool never tried to use a device. */
static int judge_access(struct run *run)
{
    if (access_of(run->step) == VP_HOST_ACCESS_FULL) {
        return 0;
    }
    if (!run->refused) {
        char *how = describe_status(run->status);
        char *found = vp_text("the tool tried to use none: %s", how ? how : "");
        free(how);
        return vp_engine_fail(run->engine, run->step,
                              vp_text("access: none refuses the tool a device"), found);
    }
    vp_engine_note(run->engine,
                   vp_text("line %u: access: none refused the tool %u time%s, first %s",
                           run->step->line, run->refused, run->refused == 1 ? "" : "s",
                           run->first_refused));
    return 0;
}

static int judge_status(struct run *run)
{
    const struct vp_step *step = run->step;
    if (run->timed_out) {
        return vp_engine_fail(run->engine, step,
                              vp_text("the tool ends within %u s", timeout_of(run)),
                              vp_text("it was still running and was killed"));
    }
    int error = judge_access(run);
    if (error || step->kill_after) {
        return error ? error : judge_kill(run);
    }
    const int wanted = step->exit_status ? *step->exit_status : 0;
    if (!WIFEXITED(run->status) || WEXITSTATUS(run->status) != wanted) {
        return vp_engine_fail(run->engine, step, vp_text("exit status %d", wanted),
                              describe_status(run->status));
    }
    return 0;
}

static int judge_text(struct run *run, const char *name, const struct vp_text_check *check,
                      const struct stream *stream)
{
    return vp_engine_judge_text(
        run->engine, run->step, check,
        &(struct vp_checked_text){.name = name, .text = stream->text, .cut = stream->cut});
}

/* The end of both streams, for a person to look at. */
static void keep_output(struct run *run)
{
    const struct stream *streams[] = {&run->out, &run->err};
    const char *ends[2];
    for (unsigned i = 0; i < 2; i++) {
        const size_t length = strlen(streams[i]->text);
        ends[i] = streams[i]->text + (length > SHOWN_OUTPUT ? length - SHOWN_OUTPUT : 0);
        /* Not from the middle of a character. */
        while ((*ends[i] & 0xC0) == 0x80) {
            ends[i]++;
        }
    }
    const bool gap = *ends[0] && ends[0][strlen(ends[0]) - 1] != '\n' && *ends[1];
    run->engine->result->output = vp_text("%s%s%s", ends[0], gap ? "\n" : "", ends[1]);
}

static int judge(struct run *run)
{
    drain(&run->out);
    drain(&run->err);
    run->out.text = vp_clean_text(run->out.bytes, run->out.length);
    run->err.text = vp_clean_text(run->err.bytes, run->err.length);
    if (!run->out.text || !run->err.text) {
        return vp_engine_stop(run->engine, VP_ABORTED, vp_text("out of memory"));
    }
    run->engine->checked++;
    int error = judge_status(run);
    if (!error) {
        error = judge_text(run, "stdout", run->step->standard_output, &run->out);
    }
    if (!error) {
        error = judge_text(run, "stderr", run->step->standard_error, &run->err);
    }
    if (error) {
        keep_output(run);
    }
    return error;
}

int vp_engine_run_tool(struct vp_engine *engine, const struct vp_step *step)
{
    struct run run = {.engine = engine, .step = step};
    struct vp_failure failure;
    char **words = NULL;
    engine->bench->settle(engine);
    if (vp_split(step->run, engine->variables, &words, &failure)) {
        return vp_engine_stop(engine, VP_BROKEN, vp_text("%s", failure.text));
    }
    engine->run = &run;
    int error = open_stream(&run.out, engine->loop) || open_stream(&run.err, engine->loop)
                    ? vp_engine_stop(engine, VP_ABORTED, vp_text("pipe: %s", strerror(errno)))
                    : 0;
    if (!error) {
        watch_faults(&run, true);
        error = run_loop(&run, words);
        watch_faults(&run, false);
    }
    if (!error) {
        error = judge(&run);
    }
    close_stream(&run.out, engine->loop);
    close_stream(&run.err, engine->loop);
    vp_free_words(words);
    engine->run = NULL;
    return error;
}
