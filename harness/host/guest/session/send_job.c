/* The job, to the guest: to its /init first (image/init.sh), then to the agent. */
#include "host/guest/session/send_job.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "host/guest/wire/frames.h"

static int send_text(struct machine *machine, enum frame_type type, const char *text,
                     struct vp_failure *failure)
{
    const size_t length = strlen(text);
    if (length > FRAME_PAYLOAD_MAX) {
        return vp_fail(failure, VP_ERROR_INVALID,
                       "an argument or variable is too long for the guest: %.60s...", text);
    }
    machine_send(machine, type, text, length);
    return 0;
}

/* The line that /init reads: a path in which it undoes "\0ooo". */
static void send_program(struct machine *machine)
{
    char path[PATH_MAX], line[PATH_MAX * 5 + 2];
    const ssize_t length = readlink("/proc/self/exe", path, sizeof path);
    size_t used = 0;
    for (ssize_t i = 0; i < length; i++) {
        const bool plain = (path[i] >= '-' && path[i] <= '9') ||
                           (path[i] >= 'A' && path[i] <= 'Z') || (path[i] >= 'a' && path[i] <= 'z');
        used += (size_t)snprintf(line + used, sizeof line - used, plain ? "%c" : "\\0%03o",
                                 (unsigned char)path[i]);
    }
    line[used++] = '\n';
    machine_send_bytes(machine, line, used);
}

static bool is_in_share(const char *share, const char *path)
{
    char real[PATH_MAX];
    const size_t length = strlen(share);
    return length && realpath(path, real) && strncmp(real, share, length) == 0 &&
           (real[length] == '/' || real[length] == '\0');
}

/* QEMU's 9p makes no sockets, which tools like to have among their temporary files. */
static const char *change_variable(const char *share, const char *variable)
{
    const bool is_temporary = strncmp(variable, "TMPDIR=", 7) == 0;
    return is_temporary && is_in_share(share, variable + 7) ? "TMPDIR=/tmp" : variable;
}

static int send_texts(struct machine *machine, const struct vp_guest_job *job, const char *share,
                      struct vp_failure *failure)
{
    int error = 0;
    for (char *const *argument = job->argv; !error && *argument; argument++) {
        error = send_text(machine, FRAME_ARGUMENT, *argument, failure);
    }
    for (char **variable = environ; !error && variable && *variable; variable++) {
        error = send_text(machine, FRAME_VARIABLE, change_variable(share, *variable), failure);
    }
    return error;
}

int send_job(struct machine *machine, const struct vp_guest_job *job, const char *share,
             struct vp_failure *failure)
{
    char directory[PATH_MAX];
    const char *temporary = getenv("TMPDIR");
    if (!getcwd(directory, sizeof directory)) {
        return vp_fail(failure, VP_ERROR_IO, "the working directory is not there: %s",
                       strerror(errno));
    }
    send_program(machine);
    int error = send_texts(machine, job, share, failure);
    if (!error) {
        error = send_text(machine, FRAME_DIRECTORY, directory, failure);
    }
    if (!error && *share) {
        error = send_text(machine, FRAME_SHARE, share, failure);
    }
    if (!error && temporary && *temporary == '/') {
        error = send_text(machine, FRAME_TEMPORARY, temporary, failure);
    }
    return error;
}

/* Both are the same file or terminal: then the order of what goes to either can be kept. */
static bool is_one_stream(void)
{
    struct stat output, errors;
    return fstat(STDOUT_FILENO, &output) == 0 && fstat(STDERR_FILENO, &errors) == 0 &&
           output.st_dev == errors.st_dev && output.st_ino == errors.st_ino;
}

void send_start(struct machine *machine)
{
    struct timespec time;
    uint8_t payload[FRAME_START_SIZE];
    const mode_t mask = umask(0);
    umask(mask);
    clock_gettime(CLOCK_REALTIME, &time);
    const struct frame_start start = {
        .nanoseconds = (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec,
        .mask = mask,
        .one_stream = is_one_stream(),
    };
    frame_write_start(payload, &start);
    machine_send(machine, FRAME_START, payload, sizeof payload);
}
