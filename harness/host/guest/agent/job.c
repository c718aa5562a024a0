#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/guest/agent/agent.h"

/* ---- What it is ----------------------------------------------------------------------------- */

int job_set(char **path, const void *text, size_t length)
{
    if (memchr(text, '\0', length)) {
        return VP_ERROR_INVALID;
    }
    char *copy = strndup(text, length);
    if (!copy) {
        return VP_ERROR_NO_MEMORY;
    }
    free(*path);
    *path = copy;
    return 0;
}

static int add(char ***list, unsigned *count, const void *text, size_t length)
{
    char **grown = realloc(*list, (*count + 2) * sizeof *grown);
    if (!grown) {
        return VP_ERROR_NO_MEMORY;
    }
    *list = grown;
    grown[*count] = grown[*count + 1] = NULL;
    const int error = job_set(&grown[*count], text, length);
    *count += !error;
    return error;
}

int job_add_argument(struct job *job, const void *text, size_t length)
{
    return add(&job->arguments, &job->argument_count, text, length);
}

int job_add_variable(struct job *job, const void *text, size_t length)
{
    return add(&job->variables, &job->variable_count, text, length);
}

void job_clear(struct job *job)
{
    for (unsigned i = 0; i < job->argument_count; i++) {
        free(job->arguments[i]);
    }
    for (unsigned i = 0; i < job->variable_count; i++) {
        free(job->variables[i]);
    }
    free(job->arguments);
    free(job->variables);
    free(job->directory);
    free(job->share);
    free(job->temporary);
    *job = (struct job){.arguments = NULL};
}

/* ---- Starting it ---------------------------------------------------------------------------- */

/** Pipes: the first end is read. */
struct streams {
    int input[2], output[2], errors[2], report[2];
};

/** What the child tells if it can't become the program. */
struct report {
    bool directory;
    int error;
};

static _Noreturn void become(const struct job *job, mode_t mask, const struct streams *streams)
{
    static char *none[] = {NULL};
    sigset_t empty;
    sigemptyset(&empty);
    signal(SIGPIPE, SIG_DFL);
    sigprocmask(SIG_SETMASK, &empty, NULL);
    setsid();
    umask(mask);
    dup2(streams->input[0], STDIN_FILENO);
    dup2(streams->output[1], STDOUT_FILENO);
    dup2(streams->errors[1] >= 0 ? streams->errors[1] : streams->output[1], STDERR_FILENO);
    close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
    struct report report = {.directory = job->directory && chdir(job->directory)};
    if (!report.directory) {
        environ = job->variables ? job->variables : none;
        execvp(job->arguments[0], job->arguments);
    }
    report.error = errno;
    _exit(write(streams->report[1], &report, sizeof report) == sizeof report ? 1 : 2);
}

static int describe(const struct job *job, const struct report *report, struct vp_failure *failure)
{
    if (report->directory) {
        return vp_fail(failure, VP_ERROR_INVALID, "cannot change to %s in the guest: %s",
                       job->directory, strerror(report->error));
    }
    return report->error == ENOENT || report->error == ENOTDIR
               ? vp_fail(failure, VP_ERROR_NOT_FOUND, "%s: no such program", job->arguments[0])
               : vp_fail(failure, VP_ERROR_INVALID, "%s cannot be executed: %s", job->arguments[0],
                         strerror(report->error));
}

static void close_both(int ends[2])
{
    for (unsigned i = 0; i < 2; i++) {
        if (ends[i] >= 0) {
            close(ends[i]);
        }
        ends[i] = -1;
    }
}

static int open_streams(struct streams *streams, bool one_stream)
{
    *streams = (struct streams){{-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}};
    return pipe2(streams->input, O_CLOEXEC) || pipe2(streams->output, O_CLOEXEC) ||
                   (!one_stream && pipe2(streams->errors, O_CLOEXEC)) ||
                   pipe2(streams->report, O_CLOEXEC)
               ? VP_ERROR_IO
               : 0;
}

static int keep_end(int ends[2], unsigned which)
{
    const int kept = ends[which];
    ends[which] = -1;
    if (kept >= 0) {
        fcntl(kept, F_SETFL, O_NONBLOCK);
    }
    return kept;
}

static int start(const struct job *job, mode_t mask, struct streams *streams,
                 struct job_process *process, struct vp_failure *failure)
{
    process->pid = fork();
    if (process->pid == 0) {
        become(job, mask, streams);
    }
    if (process->pid < 0) {
        return vp_fail(failure, VP_ERROR_IO, "cannot fork: %s", strerror(errno));
    }
    struct report report;
    close(streams->report[1]);
    streams->report[1] = -1;
    if (read(streams->report[0], &report, sizeof report) == sizeof report) {
        waitpid(process->pid, NULL, 0);
        return describe(job, &report, failure);
    }
    process->input = keep_end(streams->input, 1);
    process->output = keep_end(streams->output, 0);
    process->errors = keep_end(streams->errors, 0);
    return 0;
}

int job_start(const struct job *job, mode_t mask, bool one_stream, struct job_process *process,
              struct vp_failure *failure)
{
    struct streams streams;
    if (job->argument_count == 0) {
        return vp_fail(failure, VP_ERROR_INVALID, "the job has no program");
    }
    int error = open_streams(&streams, one_stream);
    if (error) {
        vp_fail(failure, error, "cannot make a pipe: %s", strerror(errno));
    } else {
        error = start(job, mask, &streams, process, failure);
    }
    close_both(streams.input);
    close_both(streams.output);
    close_both(streams.errors);
    close_both(streams.report);
    return error;
}
