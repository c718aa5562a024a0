/*
 * vparticle guest: prepare the guest, and run commands in it.
 */
#include "cli/guest.h"

#include <errno.h>
#include <getopt.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/wrong.h"
#include "host/guest/guest.h"
#include "report/terminal.h"

/* As a shell does. */
enum { EXIT_SIGNAL = 128 };

struct options {
    struct vp_guest_sources sources;
    const char *share;
    bool times;
};

static void print_usage(FILE *to)
{
    fputs(
        "Usage: vparticle guest prepare [--kernel FILE] [--busybox FILE] [--cache FOLDER]\n"
        "       vparticle guest run [--share FOLDER] [--times] [--cache FOLDER] -- TOOL [ARG]...\n"
        "\n"
        "A guest is a small machine in QEMU that has the real kernel's USB, whatever this\n"
        "machine has. It sees this machine's files; what is written in it is lost, but for one\n"
        "folder, the share, where no sockets can be made. It has no network.\n"
        "'vparticle exec --host guest' and 'vparticle test --host guest' run in it.\n"
        "\n"
        "  prepare          build the guest from Debian's kernel package, which apt-get\n"
        "                   downloads, boot it, and keep its state; all others do that when\n"
        "                   it is missing\n"
        "  run              run TOOL in it, with this environment and these standard streams\n"
        "\n"
        "  --kernel FILE    a Debian package linux-image-*-amd64 (not of the kind 'cloud')\n"
        "  --busybox FILE   a Debian package busybox-static\n"
        "  --cache FOLDER   where the guest is kept (if not given,\n"
        "                   $XDG_CACHE_HOME/vparticle/guest or ~/.cache/vparticle/guest)\n"
        "  --share FOLDER   what TOOL writes there is kept (if not given, the working directory)\n"
        "  --times          say on standard error when what was reached\n"
        "\n"
        "Exit status of run: TOOL's own; 126 and 127 if it cannot be started, 128 + N if\n"
        "signal N ended it. Otherwise 0 done; 2 the command line or a package is wrong;\n"
        "3 the guest failed; 4 QEMU, busybox or the kernel's package is not to be had.\n",
        to);
}

static int exit_status(int error)
{
    switch (error) {
    case VP_ERROR_INVALID:
        return VP_EXIT_USAGE;
    case VP_ERROR_NOT_FOUND:
    case VP_ERROR_UNSUPPORTED:
        return VP_EXIT_MISSING;
    default:
        return VP_EXIT_SYSTEM;
    }
}

/* ---- Preparing ------------------------------------------------------------------------------ */

/* On a terminal, a line that says for how long something goes on; elsewhere a line for each stage.
 */
struct progress {
    bool terminal;
    int shown; /* seconds, as the line says; 0: there is no line */
    double began;
    char words[160];
};

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void clear_line(struct progress *progress)
{
    if (progress->shown) {
        fputs("\r\033[K", stderr);
        progress->shown = 0;
    }
}

static void on_stage(void *context, const char *words)
{
    struct progress *progress = context;
    clear_line(progress);
    snprintf(progress->words, sizeof progress->words, "%s", words);
    progress->began = now();
    fprintf(stderr, "vparticle guest: %s\n", words);
}

static void on_tick(void *context)
{
    enum { SILENT = 2 };
    struct progress *progress = context;
    const int seconds = (int)(now() - progress->began);
    if (progress->terminal && seconds >= SILENT && seconds != progress->shown) {
        fprintf(stderr, "\r    %d s\033[K", seconds);
        progress->shown = seconds;
    }
}

static int prepare(const struct vp_guest_sources *sources)
{
    struct vp_failure failure = {.text = ""};
    struct progress progress = {.terminal = vp_terminal_is(stderr)};
    const struct vp_guest_progress calls = {on_stage, on_tick, &progress};
    const double began = now();
    const int error = vp_guest_prepare(sources, &calls, &failure);
    clear_line(&progress);
    if (error < 0) {
        fprintf(stderr, "vparticle guest: %s\n", failure.text);
        return exit_status(error);
    }
    if (error == 0) {
        fprintf(stderr, "vparticle guest: It is prepared, after %.0f s\n", now() - began);
    }
    return VP_EXIT_OK;
}

/* ---- Running -------------------------------------------------------------------------------- */

static void on_reached(void *context, const char *what, double milliseconds)
{
    (void)context;
    fprintf(stderr, "vparticle guest: %5.0f ms: %s\n", milliseconds, what);
}

static int run_once(const struct vp_guest_job *job, int *error)
{
    struct vp_failure failure = {.text = ""};
    int wait_status = 0;
    *error = vp_guest_run(job, &wait_status, &failure);
    if (*error) {
        fprintf(stderr, "vparticle guest: %s\n", failure.text);
    }
    if (*error && *error != VP_ERROR_BUSY) {
        return exit_status(*error);
    }
    return WIFSIGNALED(wait_status) ? EXIT_SIGNAL + WTERMSIG(wait_status)
                                    : WEXITSTATUS(wait_status);
}

/* Prepared first if need be, and once more if its state turns out to be damaged. */
static int run(const struct vp_guest_job *job, const struct vp_guest_sources *sources)
{
    struct vp_failure failure;
    char share[PATH_MAX];
    if (vp_guest_find_share(job->share, share, &failure)) {
        fprintf(stderr, "vparticle guest: %s\n", failure.text);
        return VP_EXIT_USAGE;
    }
    struct vp_guest_state state;
    vp_guest_look(sources->cache, &state);
    int status = state.prepared ? VP_EXIT_OK : prepare(sources);
    int error = 0;
    if (status == VP_EXIT_OK) {
        status = run_once(job, &error);
    }
    if (error == VP_ERROR_NOT_FOUND) {
        status = prepare(sources);
        if (status == VP_EXIT_OK) {
            status = run_once(job, &error);
        }
    }
    return status;
}

/* True if @p value is @p word, or the end of it: "guest" in "--host=guest". */
static bool is_in(const char *word, const char *value)
{
    return value && value >= word && value <= word + strlen(word);
}

static unsigned count_more(const struct vp_guest_rerun *rerun)
{
    unsigned count = 0;
    while (rerun->more && rerun->more[count]) {
        count++;
    }
    return count;
}

static void make_arguments(const struct vp_guest_rerun *rerun, char *program, char **argv)
{
    unsigned count = 0;
    argv[count++] = program;
    argv[count++] = rerun->argv[0];
    for (unsigned i = 0; i < count_more(rerun); i++) {
        argv[count++] = rerun->more[i];
    }
    for (int i = 1; i < rerun->argc; i++) {
        char *word = rerun->argv[i], *next = rerun->argv[i + 1];
        if (is_in(word, rerun->host)) {
            argv[count++] = word == rerun->host ? "kernel" : "--host=kernel";
        } else if (rerun->share && next == rerun->share) {
            i++; /* --share FOLDER */
        } else if (!is_in(word, rerun->share)) {
            argv[count++] = word;
        }
    }
    argv[count] = NULL;
}

static bool is_below(const char *path, const char *folder)
{
    const size_t length = strlen(folder);
    return length && strncmp(path, folder, length) == 0 &&
           (path[length] == '/' || path[length] == '\0');
}

int vp_guest_keeps(const char *wish, const char *option, const char *path)
{
    char copy[PATH_MAX], folder[PATH_MAX], share[PATH_MAX];
    struct vp_failure failure;
    if (vp_guest_find_share(wish, share, &failure)) {
        fprintf(stderr, "vparticle guest: %s\n", failure.text);
        return VP_EXIT_USAGE;
    }
    snprintf(copy, sizeof copy, "%s", path);
    if (!realpath(dirname(copy), folder)) {
        fprintf(stderr, "vparticle guest: %s %s: %s\n", option, path, strerror(errno));
        return VP_EXIT_USAGE;
    }
    if (!is_below(folder, share) && !is_below(folder, "/dev")) {
        fprintf(
            stderr,
            "vparticle guest: %s %s would be lost with the guest, which can write to %s; give a "
            "folder that has both with --share FOLDER\n",
            option, path, *share ? share : "no folder of this machine");
        return VP_EXIT_USAGE;
    }
    return 0;
}

int vp_guest_rerun(const struct vp_guest_rerun *rerun)
{
    const struct vp_guest_sources sources = {.cache = NULL};
    char program[PATH_MAX];
    const ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    char **argv = calloc((size_t)rerun->argc + count_more(rerun) + 2, sizeof *argv);
    if (!argv || length <= 0) {
        free(argv);
        fputs("vparticle: cannot run this program in the guest\n", stderr);
        return VP_EXIT_SYSTEM;
    }
    program[length] = '\0';
    make_arguments(rerun, program, argv);
    const struct vp_guest_job job = {.argv = argv, .share = rerun->share};
    const int status = run(&job, &sources);
    free(argv);
    return status;
}

/* ---- Command line --------------------------------------------------------------------------- */

static const struct option long_options[] = {
    {"kernel", required_argument, NULL, 'k'},
    {"busybox", required_argument, NULL, 'b'},
    {"cache", required_argument, NULL, 'c'},
    {"share", required_argument, NULL, 's'},
    {"times", no_argument, NULL, 't'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/** @return -1 to go on, or the exit status */
static int parse_options(int argc, char **argv, struct options *options)
{
    int option;
    optind = 1;
    opterr = 0;
    while ((option = getopt_long(argc, argv, "+:h", long_options, NULL)) != -1) {
        switch (option) {
        case 'k':
            options->sources.kernel = optarg;
            break;
        case 'b':
            options->sources.busybox = optarg;
            break;
        case 'c':
            options->sources.cache = optarg;
            break;
        case 's':
            options->share = optarg;
            break;
        case 't':
            options->times = true;
            break;
        case 'h':
            print_usage(stdout);
            return VP_EXIT_OK;
        case ':':
            return vp_cli_wrong("guest", "option '%s' needs a value", argv[optind - 1]);
        default:
            return vp_cli_unknown_option("guest", long_options, argv[optind - 1]);
        }
    }
    return -1;
}

static int command_prepare(int argc, char **argv)
{
    struct options options = {.share = NULL};
    const int status = parse_options(argc, argv, &options);
    if (status >= 0) {
        return status;
    }
    if (optind < argc || options.share || options.times) {
        return vp_cli_wrong("guest", "prepare takes no %s",
                            optind < argc   ? argv[optind]
                            : options.share ? "--share"
                                            : "--times");
    }
    return prepare(&options.sources);
}

static int command_run(int argc, char **argv)
{
    struct options options = {.share = NULL};
    const int status = parse_options(argc, argv, &options);
    if (status >= 0) {
        return status;
    }
    if (optind == argc) {
        return vp_cli_wrong(
            "guest", "the tool to run is missing: write it after '--', for example -- lsusb");
    }
    const struct vp_guest_job job = {
        .cache = options.sources.cache,
        .argv = argv + optind,
        .share = options.share,
        .signal_group = true,
        .reached = options.times ? on_reached : NULL,
    };
    return run(&job, &options.sources);
}

int vp_command_guest(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(int argc, char **argv);
    } verbs[] = {{"prepare", command_prepare}, {"run", command_run}};
    if (argc < 2) {
        return vp_cli_wrong("guest", "say what: prepare or run");
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_usage(stdout);
        return VP_EXIT_OK;
    }
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        if (strcmp(argv[1], verbs[i].name) == 0) {
            return verbs[i].run(argc - 1, argv + 1);
        }
    }
    return vp_cli_wrong("guest", "there is no '%s': must be prepare or run", argv[1]);
}

/* image/init.sh starts it; not for people. */
int vp_command_guest_agent(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    vp_guest_agent();
}
