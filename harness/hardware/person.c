#include "hardware/person.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_MS = 120000, LOOK_MS = 250, LOOK_AT_CHILD_MS = 20 };

static long now_ms(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* ---- A command ------------------------------------------------------------------------------ */

/* What it says is for whoever watches, not part of a report on standard output. */
_Noreturn static void run_child(const char *line)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int nothing = open("/dev/null", O_RDONLY);
    dup2(nothing, STDIN_FILENO);
    dup2(STDERR_FILENO, STDOUT_FILENO);
    execl("/bin/sh", "sh", "-c", line, (char *)NULL);
    _exit(127);
}

/* @return its wait status, or -1 if it had to be killed */
static int wait_for(pid_t child)
{
    const struct timespec pause = {.tv_nsec = LOOK_AT_CHILD_MS * 1000000L};
    const long until = now_ms() + PATIENCE_MS;
    int status;
    while (waitpid(child, &status, WNOHANG) == 0) {
        if (now_ms() > until) {
            kill(child, SIGKILL);
            waitpid(child, NULL, 0);
            return -1;
        }
        nanosleep(&pause, NULL);
    }
    return status;
}

static int ask_command(const struct vp_person *person, const char *words,
                       struct vp_failure *failure)
{
    char *line;
    if (asprintf(&line, "%s %s", person->command, words) < 0) {
        return vp_fail(failure, VP_ERROR_IO, "out of memory");
    }
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        run_child(line);
    }
    const int status = child > 0 ? wait_for(child) : -1;
    int error = 0;
    if (child < 0) {
        error = vp_fail(failure, VP_ERROR_IO, "'%s' cannot be started: %s", line, strerror(errno));
    } else if (status < 0) {
        error =
            vp_fail(failure, VP_ERROR_IO, "'%s' did not end within %d s", line, PATIENCE_MS / 1000);
    } else if (!WIFEXITED(status) || WEXITSTATUS(status)) {
        error = vp_fail(failure, VP_ERROR_IO, "'%s' failed (%s %d)", line,
                        WIFEXITED(status) ? "exit status" : "signal",
                        WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
    }
    free(line);
    return error;
}

/* ---- A person ------------------------------------------------------------------------------- */

/* @return 1 if Enter was pressed, 0 if not, -1 if nobody is there any more */
static int look_for_enter(int terminal)
{
    struct pollfd input = {.fd = terminal, .events = POLLIN};
    char line[256];
    if (poll(&input, 1, LOOK_MS) <= 0) {
        return 0;
    }
    const ssize_t got = read(terminal, line, sizeof line);
    return got > 0 ? 1 : got < 0 && errno == EINTR ? 0 : -1;
}

static int ask_at_terminal(const struct vp_person *person, const struct vp_request *request,
                           struct vp_failure *failure)
{
    const long until = now_ms() + PATIENCE_MS;
    tcflush(person->terminal, TCIFLUSH); /* an Enter from before is no answer; fails on a pipe */
    fprintf(person->to, "==> %s%s\n", request->text, request->done ? "" : ", then press Enter");
    fflush(person->to);
    while (now_ms() < until) {
        const int enter = look_for_enter(person->terminal);
        if (enter < 0) {
            return vp_fail(failure, VP_ERROR_IO, "nobody is at the terminal to do it: %s",
                           request->text);
        }
        if (enter > 0 || (request->done && request->done(request->context))) {
            return 0;
        }
    }
    return vp_fail(failure, VP_ERROR_IO, "nobody did it within %d s: %s", PATIENCE_MS / 1000,
                   request->text);
}

int vp_person_ask(const struct vp_person *person, const struct vp_request *request,
                  struct vp_failure *failure)
{
    return person->command ? ask_command(person, request->words, failure)
                           : ask_at_terminal(person, request, failure);
}
