/*
 * vp_guest_agent(): the guest's first process. It takes the job from the port and gives back what
 * comes of it.
 */
#include "host/guest/agent/agent.h"

#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "host/guest/guest.h"
#include "host/guest/wire/frames.h"
#include "host/guest/wire/outflow.h"
#include "host/tool/command.h"

enum {
    READ_SIZE = 32 * 1024,
    OUTPUT_WAITING_MAX = 256 * 1024,
};

struct agent {
    struct ev_loop *loop;
    ev_io port;
    struct frame_reader reader;
    struct outflow answers; /**< to the port */
    struct job job;
    struct frame_start start;
    bool complete;              /**< all is said about the job, it can be started */
    pid_t udev;                 /**< when this child has ended; 0: it has */
    struct job_process process; /**< pid 0: not started */
    ev_child children;
    ev_io output, errors;
    struct outflow input; /**< to the job */
    bool input_ends;
    bool over; /**< the last frame was said; when it is written, off */
};

/* ---- Answers -------------------------------------------------------------------------------- */

static void say(struct agent *agent, enum frame_type type, const void *payload, size_t length)
{
    uint8_t header[FRAME_HEADER];
    frame_write_header(header, type, (uint32_t)length);
    if (outflow_add(&agent->answers, header, sizeof header) ||
        outflow_add(&agent->answers, payload, length)) {
        system_power_off(); /* the host sees that there was no last frame */
    }
}

static void say_last(struct agent *agent, enum frame_type type, const void *payload, size_t length)
{
    say(agent, type, payload, length);
    agent->over = true;
    ev_io_stop(agent->loop, &agent->port);
}

static void fail(struct agent *agent, const struct vp_failure *failure)
{
    if (!agent->over) {
        say_last(agent, FRAME_FAILED, failure->text, strlen(failure->text));
    }
}

static void complain(struct agent *agent, const char *text)
{
    char line[LOST_TEXT_SIZE + 16];
    const int length = snprintf(line, sizeof line, "vparticle: %s\n", text);
    say(agent, FRAME_ERRORS, line, (size_t)length);
}

static void say_exit(struct agent *agent, int wait_status)
{
    char lost[LOST_TEXT_SIZE];
    uint8_t payload[4];
    lost_describe(AGENT_CHANGES, agent->job.temporary, lost);
    if (*lost) {
        complain(agent, lost);
    }
    sync(); /* what the job mapped from the share */
    frame_write_number(payload, (uint32_t)wait_status);
    say_last(agent, FRAME_EXIT, payload, sizeof payload);
}

static void on_answered(void *context, size_t size)
{
    struct agent *agent = context;
    if (size == 0 || (agent->over && !outflow_pending(&agent->answers))) {
        system_power_off();
    }
    if (agent->process.pid && outflow_pending(&agent->answers) <= OUTPUT_WAITING_MAX) {
        if (agent->output.fd >= 0) {
            ev_io_start(agent->loop, &agent->output);
        }
        if (agent->errors.fd >= 0) {
            ev_io_start(agent->loop, &agent->errors);
        }
    }
}

/* ---- The job's streams ---------------------------------------------------------------------- */

static void close_stream(struct agent *agent, ev_io *io)
{
    ev_io_stop(agent->loop, io);
    if (io->fd >= 0) {
        close(io->fd);
    }
    ev_io_set(io, -1, EV_READ);
}

/* @return false if there is nothing at the moment, or no more */
static bool pass_on(struct agent *agent, ev_io *io)
{
    static uint8_t bytes[READ_SIZE];
    const ssize_t count = io->fd >= 0 ? read(io->fd, bytes, sizeof bytes) : 0;
    if (count > 0) {
        say(agent, io == &agent->output ? FRAME_OUTPUT : FRAME_ERRORS, bytes, (size_t)count);
    } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
        close_stream(agent, io);
    }
    return count > 0;
}

static void on_output(struct ev_loop *loop, ev_io *io, int events)
{
    (void)events;
    struct agent *agent = io->data;
    pass_on(agent, io);
    if (outflow_pending(&agent->answers) > OUTPUT_WAITING_MAX) {
        ev_io_stop(loop, &agent->output);
        ev_io_stop(loop, &agent->errors);
    }
}

static void close_input(struct agent *agent)
{
    if (agent->process.input >= 0) {
        outflow_stop(&agent->input);
        close(agent->process.input);
        agent->process.input = -1;
    }
}

static void say_taken(struct agent *agent, size_t size)
{
    uint8_t payload[4];
    frame_write_number(payload, (uint32_t)size);
    say(agent, FRAME_TAKEN, payload, sizeof payload);
}

static void on_input_written(void *context, size_t size)
{
    struct agent *agent = context;
    if (size == 0) {
        close_input(agent); /* the job does not read any more; the host is not told to go on */
        return;
    }
    say_taken(agent, size);
    if (agent->input_ends && !outflow_pending(&agent->input)) {
        close_input(agent);
    }
}

/* ---- The job -------------------------------------------------------------------------------- */

static void start_job(struct agent *agent);
static void take_frames(struct agent *agent);

static void on_child(struct ev_loop *loop, ev_child *child, int events)
{
    (void)loop;
    (void)events;
    struct agent *agent = child->data;
    if (child->rpid == agent->udev) {
        agent->udev = 0;
        start_job(agent);
        take_frames(agent); /* that have waited for it */
        return;
    }
    if (child->rpid != agent->process.pid || agent->over) {
        return; /* an orphan */
    }
    while (pass_on(agent, &agent->output)) { /* what it said; descendants may hold the pipe */
    }
    while (pass_on(agent, &agent->errors)) {
    }
    say_exit(agent, child->rstatus);
}

static void watch_job(struct agent *agent)
{
    ev_io *const streams[] = {&agent->output, &agent->errors};
    const int files[] = {agent->process.output, agent->process.errors};
    for (unsigned i = 0; i < 2; i++) {
        ev_io_init(streams[i], on_output, files[i], EV_READ);
        streams[i]->data = agent;
        if (files[i] >= 0) {
            ev_io_start(agent->loop, streams[i]);
        }
    }
    agent->input.written = on_input_written;
    agent->input.context = agent;
    outflow_start(&agent->input, agent->loop, agent->process.input, OUTFLOW_ANY_PIECES);
}

static void set_clock(uint64_t nanoseconds)
{
    const struct timespec time = {.tv_sec = (time_t)(nanoseconds / 1000000000u),
                                  .tv_nsec = (long)(nanoseconds % 1000000000u)};
    clock_settime(CLOCK_REALTIME, &time);
}

static void start_job(struct agent *agent)
{
    struct vp_failure failure = {.text = ""};
    if (!agent->complete || agent->udev || agent->over) {
        return;
    }
    const int error = job_start(&agent->job, agent->start.mask, agent->start.one_stream,
                                &agent->process, &failure);
    if (error == VP_ERROR_NOT_FOUND || error == VP_ERROR_INVALID) {
        complain(agent, failure.text);
        say_exit(agent,
                 W_EXITCODE(error == VP_ERROR_NOT_FOUND ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE, 0));
    } else if (error) {
        fail(agent, &failure);
    } else {
        watch_job(agent);
    }
}

static void take_start(struct agent *agent, struct frame_start start)
{
    struct vp_failure failure = {.text = ""};
    if (agent->complete) {
        return;
    }
    set_clock(start.nanoseconds);
    if (agent->job.share && system_mount_share(agent->job.share, &failure)) {
        fail(agent, &failure);
        return;
    }
    agent->start = start;
    agent->complete = true;
    start_job(agent);
}

/* ---- What the host says --------------------------------------------------------------------- */

static int take_description(struct agent *agent, const struct frame *frame)
{
    struct job *job = &agent->job;
    switch (frame->type) {
    case FRAME_ARGUMENT:
        return job_add_argument(job, frame->payload, frame->length);
    case FRAME_VARIABLE:
        return job_add_variable(job, frame->payload, frame->length);
    case FRAME_DIRECTORY:
        return job_set(&job->directory, frame->payload, frame->length);
    case FRAME_SHARE:
        return job_set(&job->share, frame->payload, frame->length);
    case FRAME_TEMPORARY:
        return job_set(&job->temporary, frame->payload, frame->length);
    default:
        return 0;
    }
}

static int take_input(struct agent *agent, const struct frame *frame)
{
    if (agent->process.input < 0) {
        return 0;
    }
    if (frame->type == FRAME_INPUT) {
        return outflow_add(&agent->input, frame->payload, frame->length);
    }
    agent->input_ends = true;
    if (!outflow_pending(&agent->input)) {
        close_input(agent);
    }
    return 0;
}

static int take_frame(struct agent *agent, const struct frame *frame)
{
    switch (frame->type) {
    case FRAME_START:
        take_start(agent, frame_read_start(frame->payload));
        return 0;
    case FRAME_INPUT:
    case FRAME_INPUT_END:
        return take_input(agent, frame);
    case FRAME_UNREAD:
        if (agent->process.pid) {
            close_stream(agent, frame->payload[0] ? &agent->errors : &agent->output);
        }
        return 0;
    case FRAME_SIGNAL:
        if (agent->process.pid) {
            kill(frame->payload[1] ? -agent->process.pid : agent->process.pid, frame->payload[0]);
        }
        return 0;
    default:
        return agent->complete ? 0 : take_description(agent, frame);
    }
}

/* What is said to a job that has not started yet waits. */
static bool is_waiting(const struct agent *agent)
{
    return agent->over || (agent->complete && !agent->process.pid);
}

static void take_frames(struct agent *agent)
{
    struct frame frame;
    int found = 0, error = 0;
    while (!error && !is_waiting(agent) &&
           (found = frame_reader_next(&agent->reader, &frame)) > 0) {
        error = take_frame(agent, &frame);
    }
    if (error || found < 0) {
        struct vp_failure failure;
        vp_fail(&failure, VP_ERROR_INVALID, "the guest does not understand what it is told: %s",
                vp_error_text(error ? error : found));
        fail(agent, &failure);
    }
}

static void on_port(struct ev_loop *loop, ev_io *io, int events)
{
    (void)loop;
    (void)events;
    static uint8_t bytes[READ_SIZE];
    struct agent *agent = io->data;
    const ssize_t count = read(io->fd, bytes, sizeof bytes);
    if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) {
        system_power_off(); /* nobody is there any more */
    }
    if (count < 0) {
        return;
    }
    if (frame_reader_add(&agent->reader, bytes, (size_t)count)) {
        system_power_off(); /* the host sees that there was no last frame */
    }
    take_frames(agent);
}

void vp_guest_agent(void)
{
    static struct agent agent = {.process = {.input = -1, .output = -1, .errors = -1}};
    struct vp_failure failure = {.text = ""};
    if (getpid() != 1 || fcntl(AGENT_PORT, F_SETFL, O_RDWR | O_NONBLOCK)) {
        fputs("vparticle: guest-agent is the first process of a guest, and is of no use "
              "elsewhere\n",
              stderr);
        exit(2);
    }
    signal(SIGPIPE, SIG_IGN);
    const int error = system_start(&failure);
    agent.loop = ev_default_loop(EVFLAG_AUTO);
    agent.answers.written = on_answered;
    agent.answers.context = &agent;
    outflow_start(&agent.answers, agent.loop, AGENT_PORT, OUTFLOW_ANY_PIECES);
    ev_io_init(&agent.output, on_output, -1, EV_READ);
    ev_io_init(&agent.errors, on_output, -1, EV_READ);
    ev_child_init(&agent.children, on_child, 0, 0);
    agent.children.data = &agent;
    ev_child_start(agent.loop, &agent.children);
    ev_io_init(&agent.port, on_port, AGENT_PORT, EV_READ);
    agent.port.data = &agent;
    ev_io_start(agent.loop, &agent.port);
    if (error) {
        fail(&agent, &failure);
    } else {
        agent.udev = system_start_udev();
        say(&agent, FRAME_AGENT, NULL, 0);
    }
    ev_run(agent.loop, 0);
    system_power_off();
}
