/* vparticle test [PATH]...: runs scenarios. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/guest.h"
#include "report/result.h"
#include "report/terminal.h"
#include "scenario/collection.h"
#include "scenario/runner.h"

/* The command line, and what it names. */
struct test {
    struct vp_report report;
    struct vp_runner_options options;
    const char *junit;
    const char *guest, *share; /* as vp_guest_rerun() wants them, or NULL */
    bool list;
    struct vp_collection files;
    char **chosen; /* by --choose */
    unsigned chosen_count;
};

static void print_usage(FILE *to)
{
    fputs(
        "Usage: vparticle test [PATH]... [OPTION]...\n\n"
        "Run scenarios: files, or all *.yaml below a folder (default: scenarios).\n\n"
        "  --format pretty|tap|json  how to report (default: pretty on a terminal, else tap)\n"
        "  --report junit=FILE       write a JUnit file besides\n"
        "  --jobs N                  how many run at a time (default: 1)\n"
        "  --host userland|kernel|guest\n"
        "                            how tools see the devices (default: userland), as for 'exec'\n"
        "  --share FOLDER            with --host guest: what is written there is kept (default:\n"
        "                            the working directory)\n"
        "  --host hardware           on a real board; you are asked to press its buttons\n"
        "  --serial SERIAL           with it: on this one, if several are plugged in\n"
        "  --person COMMAND          with it: COMMAND presses them. It is run with what is to be\n"
        "                            done behind it, as 'vparticle ctl' understands it: press MS,\n"
        "                            reset [MS], power on|off|cycle, plug, unplug\n"
        "  --firmware FOLDER         real images (default: .cache/firmware above the scenario)\n"
        "  --choose VARIABLE=VALUE   of a scenario with a matrix only those with this value\n"
        "  --list                    only name the scenarios\n\n"
        "Exit status: 0 none failed, 1 one failed, 2 a scenario or the command line is wrong,\n"
        "3 the operating system refused.\n",
        to);
}

/* ---- Command line --------------------------------------------------------------------------- */

static int read_format(struct test *test, const char *name)
{
    static const char *const names[] = {
        [VP_FORMAT_PRETTY] = "pretty", [VP_FORMAT_TAP] = "tap", [VP_FORMAT_JSON] = "json"};
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i], name) == 0) {
            test->report.format = (enum vp_format)i;
            return 0;
        }
    }
    fprintf(stderr, "vparticle test: --format %s: must be pretty, tap or json\n", name);
    return VP_ERROR_INVALID;
}

static int read_report(struct test *test, const char *value)
{
    if (strncmp(value, "junit=", 6) != 0 || !value[6]) {
        fprintf(stderr, "vparticle test: --report %s: must be junit=FILE\n", value);
        return VP_ERROR_INVALID;
    }
    test->junit = value + 6;
    return 0;
}

static int read_number(const char *option, const char *value, unsigned most, unsigned *number)
{
    char *end;
    const unsigned long read = strtoul(value, &end, 10);
    if (value[0] < '0' || value[0] > '9' || *end || read < 1 || read > most) {
        fprintf(stderr, "vparticle test: --%s %s: must be a number from 1 to %u\n", option, value,
                most);
        return VP_ERROR_INVALID;
    }
    *number = (unsigned)read;
    return 0;
}

static int read_firmware(struct test *test, const char *value)
{
    if (access(value, R_OK | X_OK)) {
        fprintf(stderr, "vparticle test: --firmware %s: %s\n", value, strerror(errno));
        return VP_ERROR_INVALID;
    }
    test->options.firmware = value;
    return 0;
}

static int read_choice(struct test *test, char *value)
{
    if (!strchr(value, '=')) {
        fprintf(stderr, "vparticle test: --choose %s: must be VARIABLE=VALUE\n", value);
        return VP_ERROR_INVALID;
    }
    test->chosen[test->chosen_count++] = value;
    return 0;
}

static int read_host(struct test *test, const char *name)
{
    test->guest = strcmp(name, "guest") == 0 ? name : NULL;
    if (vp_host_engine_from_name(test->guest ? "kernel" : name, &test->options.host)) {
        fprintf(stderr, "vparticle test: --host %s: must be userland, kernel, guest or hardware\n",
                name);
        return VP_ERROR_INVALID;
    }
    return 0;
}

/* Does all else go with the host? */
static int check_host(const struct test *test)
{
    const struct vp_runner_options *options = &test->options;
    const bool hardware = options->host == VP_HOST_HARDWARE;
    const char *wrong = NULL;
    if (options->host != VP_HOST_USERLAND && options->jobs > 1) {
        wrong = "--jobs: tools see the devices of all scenarios that run at the same time, so only "
                "one can with this --host";
    } else if (test->share && !test->guest) {
        wrong = "--share goes with --host guest";
    } else if (!hardware && (options->serial || options->person)) {
        wrong = "--serial and --person go with --host hardware";
    } else if (hardware && !options->person && !isatty(STDIN_FILENO)) {
        wrong = "--host hardware: standard input is no terminal, so nobody can be asked to press "
                "buttons; --person COMMAND names what does it instead";
    }
    if (wrong) {
        fprintf(stderr, "vparticle test: %s\n", wrong);
    }
    return wrong ? VP_ERROR_INVALID : 0;
}

/* @return 0, VP_ERROR_INVALID, or 1 if help was asked for and given */
static int read_options(struct test *test, int argc, char **argv)
{
    static const struct option options[] = {
        {"format", required_argument, NULL, 'f'},
        {"report", required_argument, NULL, 'r'},
        {"jobs", required_argument, NULL, 'j'},
        {"firmware", required_argument, NULL, 'w'},
        {"host", required_argument, NULL, 'H'},
        {"list", no_argument, NULL, 'l'},
        {"share", required_argument, NULL, 'F'},
        {"serial", required_argument, NULL, 'S'},
        {"person", required_argument, NULL, 'P'},
        {"patience", required_argument, NULL, 'p'},
        {"choose", required_argument, NULL, 'c'},
        {"again", required_argument, NULL, 'A'}, /* from the host of a guest, see rerun_command() */
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    int error = 0;
    for (int option; !error && (option = getopt_long(argc, argv, "j:h", options, NULL)) != -1;) {
        switch (option) {
        case 'f':
            error = read_format(test, optarg);
            break;
        case 'r':
            error = read_report(test, optarg);
            break;
        case 'j':
            error = read_number("jobs", optarg, 64, &test->options.jobs);
            break;
        case 'w':
            error = read_firmware(test, optarg);
            break;
        case 'H':
            error = read_host(test, optarg);
            break;
        case 'p':
            error = read_number("patience", optarg, 1000, &test->options.patience);
            break;
        case 'A':
            test->options.again = optarg;
            break;
        case 'c':
            error = read_choice(test, optarg);
            break;
        case 'S':
            test->options.serial = optarg;
            break;
        case 'F':
            test->share = optarg;
            break;
        case 'P':
            test->options.person = optarg;
            break;
        case 'l':
            test->list = true;
            break;
        case 'h':
            print_usage(stdout);
            return 1;
        default:
            error = VP_ERROR_INVALID;
        }
    }
    if (!error && !test->list) {
        error = check_host(test);
    }
    if (!error && optind == argc) {
        error = vp_collection_add(&test->files, "scenarios");
    }
    for (int i = optind; !error && i < argc; i++) {
        error = vp_collection_add(&test->files, argv[i]);
    }
    return error;
}

/* ---- Running -------------------------------------------------------------------------------- */

static void report_one(void *context, const struct vp_result *result)
{
    vp_report_result(context, result);
}

static int exit_status(const struct vp_result *results, unsigned count)
{
    static const int statuses[] = {
        [VP_PASSED] = VP_EXIT_OK,    [VP_SKIPPED] = VP_EXIT_OK,     [VP_FAILED] = VP_EXIT_FAILED,
        [VP_BROKEN] = VP_EXIT_USAGE, [VP_ABORTED] = VP_EXIT_SYSTEM,
    };
    int worst = VP_EXIT_OK;
    for (unsigned i = 0; i < count; i++) {
        const int own = statuses[results[i].outcome];
        worst = own > worst ? own : worst;
    }
    return worst;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static int run_scenarios(struct test *test)
{
    struct vp_result *results = calloc(test->files.count + 1, sizeof *results);
    if (!results) {
        fputs("vparticle test: out of memory\n", stderr);
        return VP_EXIT_SYSTEM;
    }
    const double started = now();
    vp_report_begin(&test->report, test->files.count);
    int status = VP_EXIT_SYSTEM;
    if (vp_runner_run(test->files.scenarios, test->files.count, &test->options, results, report_one,
                      &test->report)) {
        fputs("vparticle test: interrupted\n", stderr);
    } else {
        vp_report_end(&test->report, results, test->files.count, now() - started);
        status = exit_status(results, test->files.count);
        struct vp_failure failure;
        if (test->junit &&
            vp_report_junit(test->junit, results, test->files.count, now() - started, &failure)) {
            fprintf(stderr, "vparticle test: %s\n", failure.text);
            status = VP_EXIT_SYSTEM;
        }
    }
    for (unsigned i = 0; i < test->files.count; i++) {
        vp_result_clear(&results[i]);
    }
    free(results);
    return status;
}

/* In the guest standard output is no terminal, but it comes to ours; and without KVM everything
 * takes some times as long. What was given on the command line comes later, and so counts. */
static int run_in_guest(const struct test *test, int argc, char **argv)
{
    static char *const more[] = {"--again", "guest", "--patience", "4", "--format", "pretty", NULL};
    static char *const plain[] = {"--again", "guest", "--patience", "4", NULL};
    if (test->junit && vp_guest_keeps(test->share, "--report", test->junit)) {
        return VP_EXIT_USAGE;
    }
    return vp_guest_rerun(&(struct vp_guest_rerun){
        .argv = argv,
        .argc = argc,
        .host = test->guest,
        .share = test->share,
        .more = vp_terminal_is(stdout) ? more : plain,
    });
}

static void list_scenarios(const struct test *test)
{
    for (unsigned i = 0; i < test->files.count; i++) {
        printf("%s: %s\n", test->files.scenarios[i]->path, test->files.scenarios[i]->name);
    }
}

int vp_command_test(int argc, char **argv)
{
    char *self = realpath("/proc/self/exe", NULL);
    struct test test = {
        .report = {.format = vp_terminal_is(stdout) ? VP_FORMAT_PRETTY : VP_FORMAT_TAP,
                   .to = stdout,
                   .coloured = vp_terminal_colours(stdout)},
        .options = {.jobs = 1,
                    .patience = 1,
                    .program = program_invocation_name,
                    .vparticle = self ? self : "vparticle"},
    };
    test.chosen = calloc((size_t)argc, sizeof *test.chosen);
    int error = test.chosen ? read_options(&test, argc, argv) : VP_ERROR_NO_MEMORY;
    test.options.progress = vp_terminal_is(stderr) && test.report.format == VP_FORMAT_PRETTY &&
                            test.options.host != VP_HOST_HARDWARE; /* which talks with a person */
    int status = error > 0 ? VP_EXIT_OK : VP_EXIT_USAGE;
    if (!error && vp_collection_load(&test.files, test.chosen, test.chosen_count) == 0) {
        if (test.list) {
            list_scenarios(&test);
            status = VP_EXIT_OK;
        } else if (test.guest) {
            status = run_in_guest(&test, argc, argv);
        } else {
            status = run_scenarios(&test);
        }
    }
    vp_collection_free(&test.files);
    free(test.chosen);
    free(self);
    return status;
}
