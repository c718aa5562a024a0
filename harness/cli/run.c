/* vparticle run: emulated devices behind a USB/IP server, until a signal ends it. */
#include <errno.h>
#include <ev.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/wrong.h"
#include "cloud/kept.h"
#include "cloud/local.h"
#include "files/write_file.h"
#include "trace/trace_file.h"
#include "vparticle/control.h"
#include "vparticle/device.h"
#include "vparticle/host.h"
#include "vparticle/server.h"
#include "vparticle/usbip.h"

struct options {
    const char *specs[VP_SERVER_DEVICE_LIMIT];
    size_t count;
    const char *address;
    const char *control;
    bool attached; /**< to the host of `engine`, too */
    enum vp_host_engine engine;
    enum vp_speed speed;
    const char *ready_file;
    const char *trace;
    struct vp_local_cloud_options cloud; /**< without an address: none */
};

struct running {
    const struct options *options;
    struct ev_loop *loop;
    char address[VP_USBIP_ADDRESS_SIZE]; /**< where the server listens */
    int status;
    struct vp_server *server;
    struct vp_control_socket *control;
    struct vp_local_cloud *cloud; /**< NULL without --cloud */
    struct vp_kept_devices kept;  /**< SPECs, with --state */
    struct vp_host *host;         /**< NULL without --host */
    struct vp_device *devices[VP_SERVER_DEVICE_LIMIT];
    size_t count;
    struct vp_trace_file *trace; /**< NULL without --trace */
    ev_signal interrupt, terminate;
};

static void print_usage(FILE *to)
{
    fputs(
        "Usage: vparticle run --device SPEC [--device SPEC]... [--usbip ADDRESS]\n"
        "                     [--control ADDRESS] [--speed instant|real] [--ready-file FILE]\n"
        "                     [--cloud ADDRESS] [--trace FILE]\n\n"
        "Emulate devices and show them to USB/IP clients, as bus ids 1-1, 1-2 and so on,\n"
        "until SIGINT or SIGTERM.\n\n"
        "  --device SPEC      PLATFORM[@RELEASE|@erased][,key=value]..., for example\n"
        "                     photon@0.6.3,bootloader=11,mode=dfu,flash=my.img; or\n"
        "                     inspect=FILE: as 'particle serial inspect' describes one\n"
        "  --usbip ADDRESS    HOST:PORT (port 0 picks a free one) or unix:PATH;\n"
        "                     127.0.0.1:3240 if not given\n"
        "  --control ADDRESS  listen there for 'vparticle ctl' and JSON lines\n"
        "  --host kernel      attach the devices to this machine's kernel by vhci_hcd, too, as "
        "root,\n"
        "                     where every process sees them; ready means attached then\n"
        "  --speed SPEED      instant: flash operations and starts take no time (if not given);\n"
        "                     real: they take what data sheets say\n"
        "  --cloud ADDRESS    give the devices a network, with a local cloud behind it that "
        "listens\n"
        "                     on HOST:PORT; see 'vparticle cloud --help'\n"
        "  --state FOLDER     with --cloud: keep its accounts and devices there\n"
        "  --no-healer        with --cloud: leave devices in safe mode as they are\n"
        "  --ready-file FILE  write the address in use there once clients can connect; with\n"
        "                     --control its address, too, in a second line; with --cloud its URL\n"
        "                     and an access token in two more\n"
        "  --trace FILE       write down there each transfer that a device answered\n\n"
        "Exit status: 0 ended by a signal, 2 the command line is wrong, 3 the operating\n"
        "system refused.\n",
        to);
}

/* ---- Command line --------------------------------------------------------------------- */

static const struct option long_options[] = {
    {"device", required_argument, NULL, 'd'},  {"usbip", required_argument, NULL, 'u'},
    {"control", required_argument, NULL, 'c'}, {"host", required_argument, NULL, 'H'},
    {"speed", required_argument, NULL, 's'},   {"ready-file", required_argument, NULL, 'r'},
    {"trace", required_argument, NULL, 't'},   {"cloud", required_argument, NULL, 'C'},
    {"state", required_argument, NULL, 'S'},   {"no-healer", no_argument, NULL, 'n'},
    {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0},
};

/* @return VP_EXIT_OK to go on; -1 if all is done; else the exit status */
static int read_options(struct options *options, int argc, char **argv)
{
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, ":h", long_options, NULL)) != -1;) {
        switch (option) {
        case 'd':
            if (options->count == VP_SERVER_DEVICE_LIMIT) {
                return vp_cli_wrong("run", "'--device %s' is one more than a bus can have (126)",
                                    optarg);
            }
            options->specs[options->count++] = optarg;
            break;
        case 'u':
            options->address = optarg;
            break;
        case 'c':
            options->control = optarg;
            break;
        case 'H':
            if (vp_host_engine_from_name(optarg, &options->engine) ||
                options->engine != VP_HOST_KERNEL) {
                return vp_cli_wrong(
                    "run",
                    "'--host %s': must be kernel; the other hosts show devices to the tool "
                    "that they start, with 'vparticle exec'",
                    optarg);
            }
            options->attached = true;
            break;
        case 's':
            if (vp_speed_from_name(optarg, &options->speed)) {
                return vp_cli_wrong("run", "'--speed %s': must be instant or real", optarg);
            }
            break;
        case 'r':
            options->ready_file = optarg;
            break;
        case 't':
            options->trace = optarg;
            break;
        case 'C':
            options->cloud.address = optarg;
            break;
        case 'S':
            options->cloud.state = optarg;
            break;
        case 'n':
            options->cloud.no_healer = true;
            break;
        case 'h':
            print_usage(stdout);
            return -1;
        case ':':
            return vp_cli_wrong("run", "option '%s' needs a value", argv[optind - 1]);
        default:
            return vp_cli_unknown_option("run", long_options, argv[optind - 1]);
        }
    }
    if (optind < argc) {
        return vp_cli_wrong("run",
                            "'%s' is no option; to emulate a device write --device before its SPEC",
                            argv[optind]);
    }
    if (!options->cloud.address && (options->cloud.state || options->cloud.no_healer)) {
        return vp_cli_wrong("run", "--state and --no-healer go with --cloud");
    }
    if (options->count == 0) {
        return vp_cli_wrong("run", "no device to emulate: add --device photon@0.5.2,mode=dfu");
    }
    return VP_EXIT_OK;
}

/* ---- Running --------------------------------------------------------------------------- */

static int failed(int error, const struct vp_failure *failure)
{
    fprintf(stderr, "vparticle run: %s\n", failure->text);
    return error == VP_ERROR_INVALID || error == VP_ERROR_NOT_FOUND || error == VP_ERROR_UNSUPPORTED
               ? VP_EXIT_USAGE
               : VP_EXIT_SYSTEM;
}

static void log_line(void *context, const char *line)
{
    (void)context;
    fprintf(stderr, "vparticle run: %s\n", line);
}

static void on_signal(struct ev_loop *loop, ev_signal *watcher, int events)
{
    (void)watcher;
    (void)events;
    ev_break(loop, EVBREAK_ALL);
}

static int start_trace(struct running *running, const char *path)
{
    struct vp_failure failure;
    int error = vp_trace_file_open(&running->trace, path, &failure);
    for (size_t i = 0; i < running->count && !error; i++) {
        error = vp_trace_file_watch(running->trace, running->devices[i], (unsigned)i + 1, &failure);
    }
    return error ? failed(error, &failure) : VP_EXIT_OK;
}

static int add_devices(struct running *running, const struct options *options)
{
    for (size_t i = 0; i < options->count; i++) {
        struct vp_failure failure;
        struct vp_device **device = &running->devices[running->count];
        const char *spec = running->kept.count ? running->kept.specs[i] : options->specs[i];
        int error = vp_device_from_spec(device, spec, (unsigned)i, &failure);
        if (error) {
            return failed(error, &failure);
        }
        running->count++;
        vp_device_set_speed(*device, options->speed);
        error = vp_server_add_device(running->server, *device);
        if (!error && running->control) {
            error = vp_control_socket_add(running->control, *device);
        }
        if (error) {
            vp_fail(&failure, error, "--device %s: %s", options->specs[i], vp_error_text(error));
            return failed(error, &failure);
        }
    }
    return VP_EXIT_OK;
}

static int start_cloud(struct running *running, const struct options *options)
{
    struct vp_failure failure;
    struct vp_local_cloud_options cloud = options->cloud;
    cloud.server = running->server;
    int error = vp_local_cloud_start(&running->cloud, running->loop, &cloud, &failure);
    for (size_t i = 0; i < options->count && options->cloud.state && !error; i++) {
        error = vp_kept_devices_add(&running->kept, options->cloud.state, options->specs[i],
                                    (unsigned)i, &failure);
    }
    return error ? failed(error, &failure) : VP_EXIT_OK;
}

static int connect_devices(struct running *running)
{
    struct vp_failure failure;
    int error = 0;
    for (size_t i = 0; i < running->count && !error; i++) {
        error = vp_local_cloud_add(running->cloud, running->devices[i], &failure);
    }
    return error ? failed(error, &failure) : VP_EXIT_OK;
}

static void print_devices(const struct running *running, const struct options *options,
                          const char *address)
{
    for (size_t i = 0; i < running->count; i++) {
        printf("%s %s mode=%s\n", vp_server_bus_id(running->server, i), options->specs[i],
               vp_mode_name(vp_device_mode(running->devices[i])));
    }
    printf("listening on %s\n", address);
    if (running->control) {
        char control[VP_USBIP_ADDRESS_SIZE] = "";
        vp_control_socket_address(running->control, control, sizeof control);
        printf("control on %s\n", control);
    }
    if (running->cloud) {
        printf("cloud on %s\n", vp_local_cloud_url(running->cloud));
    }
    fflush(stdout);
}

static int write_ready_file(const struct running *running, const char *path, const char *address,
                            struct vp_failure *failure)
{
    char control[VP_USBIP_ADDRESS_SIZE] = "", cloud[512] = "";
    char lines[sizeof control + VP_USBIP_ADDRESS_SIZE + sizeof cloud];
    if (running->control) {
        vp_control_socket_address(running->control, control, sizeof control - 1);
        strcat(control, "\n");
    }
    if (running->cloud) {
        snprintf(cloud, sizeof cloud, "%s\n%s\n", vp_local_cloud_url(running->cloud),
                 vp_local_cloud_token(running->cloud));
    }
    const int length = snprintf(lines, sizeof lines, "%s\n%s%s", address, control, cloud);
    return vp_write_file(path, lines, (size_t)length, failure);
}

static void announce(void *context)
{
    struct running *running = context;
    const struct options *options = running->options;
    struct vp_failure failure;
    if (running->host) {
        puts("attached to the kernel");
        fflush(stdout);
    }
    int error = options->ready_file
                    ? write_ready_file(running, options->ready_file, running->address, &failure)
                    : 0;
    if (error) {
        running->status = failed(error, &failure);
        ev_break(running->loop, EVBREAK_ALL);
    }
}

static int attach(struct running *running)
{
    struct vp_failure failure;
    int error = vp_host_create(&running->host, running->options->engine, running->loop,
                               running->address, &failure);
    if (!error && running->count > vp_host_capacity(running->host)) {
        error = vp_fail(&failure, VP_ERROR_INVALID,
                        "%zu devices are too many: vhci_hcd has %u free ports", running->count,
                        vp_host_capacity(running->host));
    }
    if (!error) {
        vp_host_set_log(running->host, log_line, NULL);
        error = vp_host_when_settled(running->host, announce, running);
        vp_fail(&failure, error, "%s", vp_error_text(error));
    }
    const int status = error ? failed(error, &failure) : VP_EXIT_OK;
    /* Not a matter of the command line, but of the machine. */
    return error == VP_ERROR_UNSUPPORTED ? VP_EXIT_SYSTEM : status;
}

static int listen_and_wait(struct running *running)
{
    const struct options *options = running->options;
    struct vp_failure failure;
    int error = vp_server_listen(running->server, options->address, running->address,
                                 sizeof running->address, &failure);
    if (error) {
        return failed(error, &failure);
    }
    /* Whoever uses the control socket, or shares our loop, expects to be heard at any time. */
    vp_server_set_dedicated(running->server,
                            !running->control && !options->attached && !running->cloud);
    print_devices(running, options, running->address);
    if (options->attached) {
        running->status = attach(running);
    } else {
        announce(running);
    }
    if (running->status == VP_EXIT_OK) {
        ev_run(running->loop, 0);
    }
    struct stat file;
    if (options->ready_file && lstat(options->ready_file, &file) == 0 && S_ISREG(file.st_mode)) {
        unlink(options->ready_file);
    }
    return running->status;
}

static int serve(struct running *running)
{
    const struct options *options = running->options;
    struct vp_failure failure;
    int error = options->control ? vp_control_socket_create(&running->control, running->loop,
                                                            options->control, &failure)
                                 : 0;
    if (error) {
        return failed(error, &failure);
    }
    int status = options->cloud.address ? start_cloud(running, options) : VP_EXIT_OK;
    if (status == VP_EXIT_OK) {
        status = add_devices(running, options);
    }
    if (status == VP_EXIT_OK && options->trace) {
        status = start_trace(running, options->trace);
    }
    if (status == VP_EXIT_OK && running->cloud) {
        status = connect_devices(running);
    }
    return status == VP_EXIT_OK ? listen_and_wait(running) : status;
}

static bool start(struct running *running)
{
    running->loop = ev_loop_new(EVFLAG_NOENV);
    if (!running->loop || vp_server_create(&running->server, running->loop) != 0) {
        return false;
    }
    vp_server_set_log(running->server, log_line, NULL);
    ev_signal_init(&running->interrupt, on_signal, SIGINT);
    ev_signal_init(&running->terminate, on_signal, SIGTERM);
    ev_signal_start(running->loop, &running->interrupt);
    ev_signal_start(running->loop, &running->terminate);
    return true;
}

static void stop(struct running *running)
{
    vp_host_destroy(running->host);
    vp_local_cloud_stop(running->cloud);
    vp_control_socket_destroy(running->control);
    vp_server_destroy(running->server);
    struct vp_failure failure;
    if (vp_trace_file_close(running->trace, &failure)) {
        fprintf(stderr, "vparticle run: %s\n", failure.text);
    }
    for (size_t i = 0; i < running->count; i++) {
        vp_device_destroy(running->devices[i]);
    }
    vp_kept_devices_free(&running->kept);
    if (running->loop) {
        ev_loop_destroy(running->loop);
    }
}

int vp_command_run(int argc, char **argv)
{
    struct options options = {.address = "127.0.0.1:3240"};
    struct running running = {.options = &options};
    int status = read_options(&options, argc, argv);
    if (status != VP_EXIT_OK) {
        return status < 0 ? VP_EXIT_OK : status;
    }
    signal(SIGPIPE, SIG_IGN); /* whoever reads standard output may go away */
    if (start(&running)) {
        status = serve(&running);
    } else {
        fputs("vparticle run: cannot set up the event loop and the server\n", stderr);
        status = VP_EXIT_SYSTEM;
    }
    stop(&running);
    return status;
}
