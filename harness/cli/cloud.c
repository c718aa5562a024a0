/* vparticle cloud: a local stand-in for Particle's cloud, with devices, until a signal ends it. */
#include "cli/commands.h"
#include "cli/wrong.h"

#include <ev.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cloud/job_line.h"
#include "cloud/kept.h"
#include "cloud/local.h"
#include "files/write_file.h"
#include "vparticle/cloud_devices.h"
#include "vparticle/cloud_events.h"
#include "vparticle/device.h"

struct options {
    const char **specs;
    unsigned spec_count;
    struct vp_local_cloud_options cloud;
    const char *ready_file;
    bool quiet;
};

struct serving {
    const struct options *options;
    struct ev_loop *loop;
    struct vp_local_cloud *cloud;
    struct vp_kept_devices specs;
    struct vp_device **devices;
    unsigned device_count;
    struct vp_cloud_subscription *events;
    ev_signal interrupt, terminate;
};

static void print_usage(FILE *to)
{
    fputs(
        "Usage: vparticle cloud [--listen HOST:PORT] [--device SPEC]... [--state FOLDER]\n"
        "                       [--account NAME:PASSWORD] [--firmware FOLDER] [--no-healer]\n"
        "                       [--ready-file FILE] [--quiet]\n\n"
        "A local stand-in for Particle's cloud, with emulated devices that have no USB cable,\n"
        "until SIGINT or SIGTERM. Each event is told in a line. For devices with a cable see\n"
        "'vparticle run --cloud' and 'vparticle exec --cloud'.\n\n"
        "  --listen ADDRESS   HOST:PORT for HTTP (port 0 picks a free one); 127.0.0.1:8080 if not\n"
        "                     given. There is no encryption: beyond 127.0.0.1 anybody can listen\n"
        "  --device SPEC      as for 'vparticle run', for example photon@0.6.3; the account\n"
        "                     owns it\n"
        "  --state FOLDER     keep accounts, devices and their flash there; without --device\n"
        "                     the devices are those of the folder\n"
        "  --account NAME:PASSWORD\n"
        "                     an account; " VP_LOCAL_CLOUD_ACCOUNT " if not given\n"
        "  --firmware FOLDER  real images for the healer and for downloads, as\n"
        "                     scripts/fetch-firmware lays them out; without, they are made\n"
        "  --no-healer        leave devices in safe mode as they are\n"
        "  --ready-file FILE  write the cloud's URL and an access token there, a line each, once\n"
        "                     it listens\n"
        "  --quiet            tell no events\n\n"
        "Exit status: 0 ended by a signal, 2 the command line is wrong, 3 the operating\n"
        "system refused.\n",
        to);
}

static const struct option long_options[] = {
    {"listen", required_argument, NULL, 'l'},
    {"device", required_argument, NULL, 'd'},
    {"state", required_argument, NULL, 's'},
    {"account", required_argument, NULL, 'a'},
    {"firmware", required_argument, NULL, 'f'},
    {"no-healer", no_argument, NULL, 'n'},
    {"ready-file", required_argument, NULL, 'r'},
    {"quiet", no_argument, NULL, 'q'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* @return VP_EXIT_OK to go on; -1 if all is done; else the exit status */
static int read_options(struct options *options, int argc, char **argv)
{
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, ":h", long_options, NULL)) != -1;) {
        switch (option) {
        case 'l':
            options->cloud.address = optarg;
            break;
        case 'd':
            options->specs[options->spec_count++] = optarg;
            break;
        case 's':
            options->cloud.state = optarg;
            break;
        case 'a':
            options->cloud.account = optarg;
            break;
        case 'f':
            options->cloud.modules = optarg;
            break;
        case 'n':
            options->cloud.no_healer = true;
            break;
        case 'r':
            options->ready_file = optarg;
            break;
        case 'q':
            options->quiet = true;
            break;
        case 'h':
            print_usage(stdout);
            return -1;
        case ':':
            return vp_cli_wrong("cloud", "option '%s' needs a value", argv[optind - 1]);
        default:
            return vp_cli_unknown_option("cloud", long_options, argv[optind - 1]);
        }
    }
    return optind < argc ? vp_cli_wrong("cloud", "'%s' is no option", argv[optind]) : VP_EXIT_OK;
}

/* ---- Devices ------------------------------------------------------------------------------ */

static int know_specs(struct serving *serving, struct vp_failure *failure)
{
    const struct options *options = serving->options;
    const char *state = options->cloud.state;
    int error = 0;
    for (unsigned i = 0; i < options->spec_count && !error; i++) {
        if (state) {
            error = vp_kept_devices_add(&serving->specs, state, options->specs[i], i, failure);
        } else {
            error = vp_device_check_spec(options->specs[i], failure);
        }
    }
    return error || !state || options->spec_count
               ? error
               : vp_kept_devices_load(&serving->specs, state, failure);
}

static int add_devices(struct serving *serving, struct vp_failure *failure)
{
    const struct options *options = serving->options;
    const bool kept = options->cloud.state != NULL;
    const unsigned count = kept ? serving->specs.count : options->spec_count;
    int error = 0;
    serving->devices = calloc(count + 1, sizeof(struct vp_device *));
    if (!serving->devices) {
        return vp_fail(failure, VP_ERROR_NO_MEMORY, "out of memory");
    }
    for (unsigned i = 0; i < count && !error; i++) {
        const char *spec = kept ? serving->specs.specs[i] : options->specs[i];
        error = vp_device_from_spec(&serving->devices[i], spec, i, failure);
        if (!error) {
            serving->device_count++;
            error = vp_local_cloud_add(serving->cloud, serving->devices[i], failure);
        }
    }
    return error;
}

/* ---- What is told ---------------------------------------------------------------------------- */

/* A transfer has ended: what it has cost. */
static void tell_job(const struct vp_cloud_event *event)
{
    struct vp_cloud_job_facts job, last = {0};
    char text[VP_CLOUD_FILE_NAME_LIMIT + 400];
    if (!event->device || strcmp(event->name, "spark/flash/status") != 0 || !event->data ||
        strncmp(event->data, "started", 7) == 0) {
        return;
    }
    while (vp_cloud_next_job(event->device, last.id, &job) == 0) {
        last = job;
    }
    if (last.id) {
        vp_job_line(&last, text, sizeof text);
        printf("         %s\n", text);
    }
}

static void on_event(void *context, const struct vp_cloud_event *event)
{
    (void)context;
    char when[32];
    const time_t seconds = (time_t)(event->published_at / 1000);
    struct tm local;
    struct vp_cloud_device_facts facts = {.name = ""};
    if (event->device) {
        vp_cloud_device_facts(event->device, &facts);
    }
    strftime(when, sizeof when, "%H:%M:%S", localtime_r(&seconds, &local));
    printf("%s %s %s %s\n", when, *facts.name ? facts.name : event->coreid, event->name,
           event->data ? event->data : "");
    tell_job(event);
    fflush(stdout);
}

static void print_devices(const struct serving *serving)
{
    const struct vp_cloud *core = vp_local_cloud_core(serving->cloud);
    for (struct vp_cloud_device *device = NULL;
         (device = vp_cloud_next_device(core, NULL, device));) {
        struct vp_cloud_device_facts facts;
        vp_cloud_device_facts(device, &facts);
        printf("%s %s %s\n", facts.id, vp_board_find(facts.platform)->name, facts.name);
    }
    printf("cloud on %s\n", vp_local_cloud_url(serving->cloud));
    fflush(stdout);
}

static int announce(const struct serving *serving, struct vp_failure *failure)
{
    char text[512];
    const int length = snprintf(text, sizeof text, "%s\n%s\n", vp_local_cloud_url(serving->cloud),
                                vp_local_cloud_token(serving->cloud));
    print_devices(serving);
    return serving->options->ready_file
               ? vp_write_file(serving->options->ready_file, text, (size_t)length, failure)
               : 0;
}

/* ---- From beginning to end ------------------------------------------------------------------- */

static void on_signal(struct ev_loop *loop, ev_signal *watcher, int events)
{
    (void)watcher;
    (void)events;
    ev_break(loop, EVBREAK_ALL);
}

static int start(struct serving *serving, struct vp_failure *failure)
{
    const struct options *options = serving->options;
    const struct vp_cloud_filter all = {.account = NULL};
    int error = vp_local_cloud_start(&serving->cloud, serving->loop, &options->cloud, failure);
    if (!error) {
        error = know_specs(serving, failure);
    }
    if (!error && !options->quiet &&
        vp_cloud_subscribe(vp_local_cloud_core(serving->cloud), &all, on_event, serving,
                           &serving->events)) {
        error = vp_fail(failure, VP_ERROR_NO_MEMORY, "out of memory");
    }
    if (!error) {
        error = add_devices(serving, failure);
    }
    return error ? error : announce(serving, failure);
}

static void stop(struct serving *serving)
{
    vp_local_cloud_stop(serving->cloud);
    for (unsigned i = 0; i < serving->device_count; i++) {
        vp_device_destroy(serving->devices[i]);
    }
    free(serving->devices);
    vp_kept_devices_free(&serving->specs);
}

static int serve(const struct options *options)
{
    struct serving serving = {.options = options, .loop = ev_loop_new(EVFLAG_NOENV)};
    struct vp_failure failure = {"out of memory"};
    if (!serving.loop) {
        fputs("vparticle cloud: cannot set up the event loop\n", stderr);
        return VP_EXIT_SYSTEM;
    }
    ev_signal_init(&serving.interrupt, on_signal, SIGINT);
    ev_signal_init(&serving.terminate, on_signal, SIGTERM);
    ev_signal_start(serving.loop, &serving.interrupt);
    ev_signal_start(serving.loop, &serving.terminate);
    const int error = start(&serving, &failure);
    if (!error) {
        ev_run(serving.loop, 0);
    }
    stop(&serving);
    ev_loop_destroy(serving.loop);
    if (error) {
        fprintf(stderr, "vparticle cloud: %s\n", failure.text);
    }
    return !error ? VP_EXIT_OK
           : error == VP_ERROR_INVALID || error == VP_ERROR_NOT_FOUND ||
                   error == VP_ERROR_UNSUPPORTED
               ? VP_EXIT_USAGE
               : VP_EXIT_SYSTEM;
}

int vp_command_cloud(int argc, char **argv)
{
    struct options options = {
        .specs = calloc((size_t)argc, sizeof *options.specs),
        .cloud = {.address = "127.0.0.1:8080"},
    };
    int status = options.specs ? read_options(&options, argc, argv) : VP_EXIT_SYSTEM;
    if (status == VP_EXIT_OK) {
        signal(SIGPIPE, SIG_IGN); /* whoever reads standard output may go away */
        status = serve(&options);
    }
    free(options.specs);
    return status < 0 ? VP_EXIT_OK : status;
}
