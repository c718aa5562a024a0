#include "scenario/runner.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "files/remove_folder.h"
#include "scenario/engine.h"
#include "scenario/needs.h"

enum {
    MOST_JOBS = 64,
    TICK_MS = 200,
    /* Beyond the time-outs of its steps, in seconds. */
    GRACE = 60,
    /* What a step may take where a person does it. */
    BY_HAND = 300,
};

static const double slow = 2.0; /* seconds, from when on progress is shown */

/* A scenario that runs now. */
struct job {
    unsigned which;
    pid_t process;
    int pipe;     /* its result comes out here, as JSON */
    char *folder; /* all that it leaves behind is in here */
    char *received;
    size_t length;
    double started, deadline;
    bool late;
};

struct runner {
    struct vp_scenario *const *scenarios;
    unsigned count;
    const struct vp_runner_options *options;
    struct vp_result *results;
    bool *finished;
    unsigned next, reported;
    struct job jobs[MOST_JOBS];
    unsigned job_count;
    void (*done)(void *context, const struct vp_result *result);
    void *context;
    bool shown; /* a progress line is on the screen */
};

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    interrupted = number;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* ---- Progress ------------------------------------------------------------------------------ */

static void hide_progress(struct runner *runner)
{
    if (runner->shown) {
        fputs("\r\033[K", stderr);
        runner->shown = false;
    }
}

static void show_progress(struct runner *runner)
{
    if (!runner->options->progress) {
        return;
    }
    const struct job *oldest = NULL;
    for (unsigned i = 0; i < runner->job_count; i++) {
        if (!oldest || runner->jobs[i].started < oldest->started) {
            oldest = &runner->jobs[i];
        }
    }
    if (oldest && now() - oldest->started > slow) {
        fprintf(stderr, "\r%u of %u done; running for %.0f s: %.50s\033[K", runner->reported,
                runner->count, now() - oldest->started, runner->scenarios[oldest->which]->name);
        runner->shown = true;
    }
}

/* ---- Results -------------------------------------------------------------------------------- */

/* A word that a shell takes as one. */
static char *shell_word(const char *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "/._+-@:,=";
    if (*text && strspn(text, plain) == strlen(text)) {
        return strdup(text);
    }
    char *quoted = malloc(strlen(text) * 4 + 3);
    char *to = quoted;
    if (!quoted) {
        return NULL;
    }
    *to++ = '\'';
    for (; *text; text++) {
        if (*text == '\'') {
            memcpy(to, "'\\''", 4);
            to += 4;
        } else {
            *to++ = *text;
        }
    }
    memcpy(to, "'", 2);
    return quoted;
}

/* " --OPTION VALUE", quoted; "" without a value. */
static char *option_text(const char *option, const char *value)
{
    char *word = value ? shell_word(value) : NULL;
    char *text = word ? vp_text(" --%s %s", option, word) : strdup("");
    free(word);
    return text;
}

/* "--choose a=1 --choose b=2" for "a=1,b=2"; these are words that need no quotes. */
static char *choice_text(const char *choice)
{
    char *text = strdup("");
    while (text && choice) {
        const size_t length = strcspn(choice, ",");
        char *longer = vp_text("%s --choose %.*s", text, (int)length, choice);
        free(text);
        text = longer;
        choice = choice[length] ? choice + length + 1 : NULL;
    }
    return text;
}

static char *rerun_command(const struct runner *runner, const struct vp_scenario *scenario)
{
    const struct vp_runner_options *options = runner->options;
    char *program = shell_word(options->program), *path = shell_word(scenario->path);
    char *texts[] = {
        option_text("host", options->again ? options->again
                            : options->host == VP_HOST_USERLAND
                                ? NULL
                                : vp_host_engine_name(options->host)),
        option_text("serial", options->serial),
        option_text("person", options->person),
        option_text("firmware", options->firmware),
        choice_text(scenario->choice),
    };
    bool complete = program && path;
    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++) {
        complete = complete && texts[i];
    }
    char *command = complete ? vp_text("%s test%s%s%s%s%s %s", program, texts[0], texts[1],
                                       texts[2], texts[3], texts[4], path)
                             : NULL;
    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++) {
        free(texts[i]);
    }
    free(program);
    free(path);
    return command;
}

/* Results are told in the order of the scenarios, so one may have to wait for another. */
static void finish(struct runner *runner, unsigned which)
{
    struct vp_result *result = &runner->results[which];
    if (!result->path) {
        result->path = strdup(runner->scenarios[which]->path);
    }
    if (!result->name) {
        result->name = strdup(runner->scenarios[which]->name);
    }
    if (result->outcome != VP_PASSED && result->outcome != VP_SKIPPED && !result->rerun) {
        result->rerun = rerun_command(runner, runner->scenarios[which]);
    }
    runner->finished[which] = true;
    while (runner->reported < runner->count && runner->finished[runner->reported]) {
        hide_progress(runner);
        runner->done(runner->context, &runner->results[runner->reported++]);
    }
}

static void finish_without(struct runner *runner, unsigned which, enum vp_outcome outcome,
                           char *reason)
{
    runner->results[which] = (struct vp_result){.outcome = outcome, .reason = reason};
    finish(runner, which);
}

/* ---- Processes ------------------------------------------------------------------------------ */

static bool write_all(int descriptor, const char *text)
{
    size_t length = strlen(text);
    while (length > 0) {
        const ssize_t written = write(descriptor, text, length);
        if (written < 0 && errno != EINTR) {
            return false;
        }
        text += written > 0 ? written : 0;
        length -= written > 0 ? (size_t)written : 0;
    }
    return true;
}

static bool has_step_without_access(const struct vp_scenario *scenario)
{
    for (unsigned i = 0; i < scenario->steps_count; i++) {
        const enum vp_host_access *access = scenario->steps[i].access;
        if (access && *access == VP_HOST_ACCESS_NONE) {
            return true;
        }
    }
    return false;
}

/* Under the kernel such a step's tool is run by user nobody, who must find its files all the same.
 */
static bool open_to_nobody(const struct job *job)
{
    static const char *const own[] = {"work", "home", "tmp"};
    const struct passwd *nobody = getpwnam("nobody");
    bool done = nobody && chmod(job->folder, 0711) == 0;
    for (unsigned i = 0; done && i < sizeof own / sizeof own[0]; i++) {
        char *path = vp_text("%s/%s", job->folder, own[i]);
        done = path && chown(path, nobody->pw_uid, nobody->pw_gid) == 0;
        free(path);
    }
    return done;
}

/* The process of one scenario: run it and tell the result. */
_Noreturn static void run_here(const struct runner *runner, const struct job *job,
                               const char *firmware, int to)
{
    char *work = vp_text("%s/work", job->folder), *temporary = vp_text("%s/tmp", job->folder);
    if (!work || !temporary || mkdir(work, 0700) || mkdir(temporary, 0700) ||
        setenv("TMPDIR", temporary, 1)) {
        _exit(1);
    }
    if (runner->options->host == VP_HOST_KERNEL &&
        has_step_without_access(runner->scenarios[job->which]) && !open_to_nobody(job)) {
        fprintf(stderr, "vparticle test: %s: cannot be given to user nobody: %s\n", job->folder,
                strerror(errno));
        _exit(1);
    }
    const struct vp_surroundings surroundings = {
        .work = work,
        .temporary = temporary,
        .firmware = firmware,
        .vparticle = runner->options->vparticle,
        .host = runner->options->host,
        .patience = runner->options->patience,
        .serial = runner->options->serial,
        .person = runner->options->person,
        .terminal = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3),
    };
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (nothing >= 0) {
        dup2(nothing, STDIN_FILENO);
    }
    struct vp_result result;
    vp_engine_run(runner->scenarios[job->which], &surroundings, &result);
    char *json = vp_result_to_json(&result);
    const bool told = json && write_all(to, json);
    free(json);
    free(work);
    free(temporary);
    vp_result_clear(&result);
    /* Not _exit(2), so that a leak checker has its say. */
    exit(told ? 0 : 1);
}

static unsigned longest_run(const struct runner *runner, const struct vp_scenario *scenario)
{
    const bool by_hand = runner->options->host == VP_HOST_HARDWARE;
    /* Reading the board's flash and bringing it into its first mode is work, too. */
    unsigned seconds = GRACE + (by_hand ? 3 * BY_HAND : 0);
    for (unsigned i = 0; i < scenario->steps_count; i++) {
        const struct vp_step *step = &scenario->steps[i];
        seconds += step->run ? vp_step_timeout(step, runner->options->patience) : 0;
        seconds += by_hand ? BY_HAND : 0;
    }
    return seconds;
}

static char *make_folder(void)
{
    const char *temporary = getenv("TMPDIR");
    char *path = vp_text("%s/vparticle-test-XXXXXX", temporary && *temporary ? temporary : "/tmp");
    if (path && !mkdtemp(path)) {
        free(path);
        path = NULL;
    }
    return path;
}

/* Tools find what was fetched before what is installed, and no settings of whoever runs this. */
static void prepare_environment(const struct job *job, const char *tools)
{
    const char *path = getenv("PATH");
    char *both = tools ? vp_text("%s:%s", tools, path ? path : "/usr/bin:/bin") : NULL;
    char *home = vp_text("%s/home", job->folder);
    if (both) {
        setenv("PATH", both, 1);
    }
    if (home && mkdir(home, 0700) == 0) {
        setenv("HOME", home, 1);
    }
    free(both);
    free(home);
}

/* @return 0 or an errno */
static int fork_job(struct runner *runner, struct job *job, const char *firmware, const char *tools)
{
    int ends[2];
    job->folder = make_folder();
    if (!job->folder || pipe2(ends, O_CLOEXEC)) {
        return errno;
    }
    fflush(NULL);
    job->process = fork();
    if (job->process == 0) {
        close(ends[0]);
        prepare_environment(job, tools);
        run_here(runner, job, firmware, ends[1]);
    }
    const int error = job->process < 0 ? errno : 0;
    close(ends[1]);
    job->pipe = ends[0];
    return error;
}

static void free_job(struct job *job)
{
    if (job->pipe >= 0) {
        close(job->pipe);
    }
    if (job->folder) {
        vp_remove_folder(job->folder);
    }
    free(job->folder);
    free(job->received);
}

static void start_job(struct runner *runner, unsigned which)
{
    const struct vp_scenario *scenario = runner->scenarios[which];
    char *firmware = runner->options->firmware ? realpath(runner->options->firmware, NULL)
                                               : vp_find_firmware(scenario->path);
    char *tools = vp_find_tools(scenario->path);
    char *missing = vp_missing_need(scenario, firmware, tools);
    if (missing) {
        finish_without(runner, which, VP_SKIPPED, missing);
    } else {
        struct job *job = &runner->jobs[runner->job_count];
        *job = (struct job){.which = which, .pipe = -1, .started = now()};
        job->deadline = job->started + longest_run(runner, scenario);
        const int error = fork_job(runner, job, firmware, tools);
        if (error) {
            free_job(job);
            finish_without(runner, which, VP_ABORTED,
                           vp_text("cannot start a process: %s", strerror(error)));
        } else {
            runner->job_count++;
        }
    }
    free(firmware);
    free(tools);
}

/* The process has closed its pipe: take its result, or say why there is none. */
static void end_job(struct runner *runner, struct job *job)
{
    struct vp_result *result = &runner->results[job->which];
    int status = 0;
    while (waitpid(job->process, &status, 0) < 0 && errno == EINTR) {
    }
    if (job->late) {
        *result = (struct vp_result){.outcome = VP_ABORTED,
                                     .reason = vp_text("it did not end by itself")};
    } else if (status || !job->received || vp_result_from_json(job->received, result)) {
        vp_result_clear(result);
        result->outcome = VP_ABORTED;
        result->reason =
            WIFSIGNALED(status)
                ? vp_text("the emulator crashed: %s", strsignal(WTERMSIG(status)))
                : vp_text("the emulator ended badly, with exit status %d", WEXITSTATUS(status));
    }
    result->seconds = now() - job->started;
    const unsigned which = job->which;
    free_job(job);
    *job = runner->jobs[--runner->job_count];
    finish(runner, which);
}

/* False at the end of the pipe. */
static bool receive(struct job *job)
{
    char piece[4096];
    const ssize_t got = read(job->pipe, piece, sizeof piece);
    if (got <= 0) {
        return got < 0 && errno == EINTR;
    }
    char *grown = realloc(job->received, job->length + (size_t)got + 1);
    if (!grown) {
        return false;
    }
    memcpy(grown + job->length, piece, (size_t)got);
    job->received = grown;
    job->length += (size_t)got;
    grown[job->length] = '\0';
    return true;
}

static void wait_for_jobs(struct runner *runner)
{
    struct pollfd pipes[MOST_JOBS];
    for (unsigned i = 0; i < runner->job_count; i++) {
        pipes[i] = (struct pollfd){.fd = runner->jobs[i].pipe, .events = POLLIN};
    }
    const int ready = poll(pipes, runner->job_count, TICK_MS);
    /* From the back: an ended job is replaced by the last one. */
    for (unsigned i = runner->job_count; ready > 0 && i-- > 0;) {
        if (pipes[i].revents && !receive(&runner->jobs[i])) {
            end_job(runner, &runner->jobs[i]);
        }
    }
    for (unsigned i = 0; i < runner->job_count; i++) {
        struct job *job = &runner->jobs[i];
        if (now() > job->deadline && !job->late) {
            job->late = true;
            kill(job->process, SIGKILL);
        }
    }
    show_progress(runner);
}

static void abandon_jobs(struct runner *runner)
{
    for (unsigned i = 0; i < runner->job_count; i++) {
        kill(runner->jobs[i].process, SIGKILL);
        waitpid(runner->jobs[i].process, NULL, 0);
        free_job(&runner->jobs[i]);
    }
    runner->job_count = 0;
}

int vp_runner_run(struct vp_scenario *const *scenarios, unsigned count,
                  const struct vp_runner_options *options, struct vp_result *results,
                  void (*done)(void *context, const struct vp_result *result), void *context)
{
    const struct sigaction action = {.sa_handler = on_signal};
    /* Whoever starts us may ignore it, and then nobody could be waited for. */
    const struct sigaction usual = {.sa_handler = SIG_DFL};
    struct sigaction old_interrupt, old_terminate, old_child;
    struct runner runner = {
        .scenarios = scenarios,
        .count = count,
        .options = options,
        .results = results,
        .finished = calloc(count ? count : 1, sizeof *runner.finished),
        .done = done,
        .context = context,
    };
    const unsigned jobs = options->jobs < MOST_JOBS ? options->jobs : MOST_JOBS;
    if (!runner.finished) {
        return VP_ERROR_NO_MEMORY;
    }
    interrupted = 0;
    sigaction(SIGINT, &action, &old_interrupt);
    sigaction(SIGTERM, &action, &old_terminate);
    sigaction(SIGCHLD, &usual, &old_child);
    while (!interrupted && runner.reported < count) {
        while (runner.job_count < jobs && runner.next < count) {
            start_job(&runner, runner.next++);
        }
        if (runner.job_count) {
            wait_for_jobs(&runner);
        }
    }
    hide_progress(&runner);
    abandon_jobs(&runner);
    sigaction(SIGINT, &old_interrupt, NULL);
    sigaction(SIGTERM, &old_terminate, NULL);
    sigaction(SIGCHLD, &old_child, NULL);
    free(runner.finished);
    return interrupted ? VP_ERROR_IO : 0;
}
