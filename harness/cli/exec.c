/*
 * vparticle exec: run a tool that sees emulated devices.
 */
#include "cli/commands.h"
#include "cli/guest.h"
#include "cli/wrong.h"

#include <errno.h>
#include <ev.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cloud/local.h"
#include "files/remove_folder.h"
#include "trace/trace_file.h"
#include "vparticle/control.h"
#include "vparticle/device.h"
#include "vparticle/host.h"
#include "vparticle/server.h"

/* As a shell does: its own troubles have their own statuses. */
enum { EXIT_NOT_EXECUTABLE = 126, EXIT_NOT_FOUND = 127, EXIT_SIGNAL = 128 };

struct exec {
    struct ev_loop *loop;
    struct vp_server *server; /**< NULL with --connect */
    struct vp_control_socket *control;
    struct vp_local_cloud *cloud; /**< NULL without --cloud */
    struct vp_device **devices;
    unsigned device_count;
    struct vp_trace_file *trace; /**< NULL without --trace */
    struct vp_host *host;
    char folder[PATH_MAX]; /**< of the server's socket; "" if there is none */
    ev_io signals;
    int status;
    bool ended;
    unsigned refused; /**< by --access none */
};

struct options {
    const char **specs;
    unsigned spec_count;
    const char *connect;
    enum vp_host_engine engine;
    const char *guest, *share; /**< as vp_guest_rerun() wants them, or NULL */
    const char *serial;        /**< of a real board */
    enum vp_speed speed;
    enum vp_host_access access;
    const char *trace;
    const char *cloud; /**< where it listens, or NULL */
    bool no_healer, keep_home;
    char **tool;
};

static void print_usage(FILE *to)
{
    fputs(
        "Usage: vparticle exec --device SPEC [--device SPEC]... -- TOOL [ARG]...\n"
        "       vparticle exec --connect HOST:PORT|unix:PATH -- TOOL [ARG]...\n"
        "       vparticle exec --host hardware [--serial SERIAL] -- TOOL [ARG]...\n"
        "\n"
        "Run TOOL, unmodified, so that it and all it starts see emulated devices on USB, and no\n"
        "others. The exit status is TOOL's own; 126 and 127 if it cannot be started, 128 + N if\n"
        "signal N ended it.\n"
        "\n"
        "  --device SPEC    PLATFORM[@RELEASE|@erased][,key=value]...: start this device,\n"
        "                   for example photon@0.5.2,mode=dfu; or inspect=FILE: as\n"
        "                   'particle serial inspect' describes one\n"
        "  --speed SPEED    instant: flash operations and starts take no time (if not given);\n"
        "                   real: they take what data sheets say\n"
        "  --connect ADDR   use the devices of a running emulator ('vparticle run')\n"
        "  --host HOST      userland: answer TOOL's system calls, without root (if not given);\n"
        "                   kernel: attach the devices to this machine's kernel by vhci_hcd, as\n"
        "                   root, where every process sees them; guest: the same in a small\n"
        "                   machine ('vparticle guest --help'), without root; hardware: nothing\n"
        "                   is emulated, TOOL sees the real boards that are plugged in\n"
        "  --share FOLDER   with --host guest: what TOOL writes there is kept, and nothing else\n"
        "                   (if not given, the working directory)\n"
        "  --serial SERIAL  with --host hardware: this board has to be there\n"
        "  --access ACCESS  full: TOOL may open all devices (if not given); none: only what\n"
        "                   Debian allows a user without udev rules and outside of the group\n"
        "                   dialout; says in the end how often TOOL was refused\n"
        "  --cloud ADDR     give the devices a network, with a local cloud behind it that listens\n"
        "                   on HOST:PORT (port 0 picks a free one). TOOL gets a HOME in which\n"
        "                   particle-cli finds it, logged in; $" VP_LOCAL_CLOUD_VARIABLE
        " is its URL,\n"
        "                   $" VP_LOCAL_CLOUD_TOKEN_VARIABLE " an access token\n"
        "  --keep-home      with --cloud: leave TOOL its HOME\n"
        "  --no-healer      with --cloud: leave devices in safe mode as they are\n"
        "  --trace FILE     write down there each transfer that a device answered\n"
        "\n"
        "TOOL can use 'vparticle ctl' to press the device's buttons: $" VP_CONTROL_VARIABLE
        "\nsays where.\n",
        to);
}

static const struct option long_options[] = {
    {"device", required_argument, NULL, 'd'},
    {"connect", required_argument, NULL, 'c'},
    {"host", required_argument, NULL, 'H'},
    {"serial", required_argument, NULL, 'S'},
    {"share", required_argument, NULL, 'F'},
    {"speed", required_argument, NULL, 's'},
    {"access", required_argument, NULL, 'a'},
    {"trace", required_argument, NULL, 't'},
    {"cloud", required_argument, NULL, 'C'},
    {"keep-home", no_argument, NULL, 'k'},
    {"no-healer", no_argument, NULL, 'n'},
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
        case 'd':
            options->specs[options->spec_count++] = optarg;
            break;
        case 'c':
            options->connect = optarg;
            break;
        case 'H':
            options->guest = strcmp(optarg, "guest") == 0 ? optarg : NULL;
            if (vp_host_engine_from_name(options->guest ? "kernel" : optarg, &options->engine)) {
                return vp_cli_wrong(
                    "exec", "'--host %s': must be userland, kernel, guest or hardware", optarg);
            }
            break;
        case 'F':
            options->share = optarg;
            break;
        case 'S':
            options->serial = optarg;
            break;
        case 's':
            if (vp_speed_from_name(optarg, &options->speed)) {
                return vp_cli_wrong("exec", "'--speed %s': must be instant or real", optarg);
            }
            break;
        case 'a':
            if (vp_host_access_from_name(optarg, &options->access)) {
                return vp_cli_wrong("exec", "'--access %s': must be full or none", optarg);
            }
            break;
        case 't':
            options->trace = optarg;
            break;
        case 'C':
            options->cloud = optarg;
            break;
        case 'k':
            options->keep_home = true;
            break;
        case 'n':
            options->no_healer = true;
            break;
        case 'h':
            print_usage(stdout);
            return VP_EXIT_OK;
        case ':':
            return vp_cli_wrong("exec", "option '%s' needs a value", argv[optind - 1]);
        default:
            return vp_cli_unknown_option("exec", long_options, argv[optind - 1]);
        }
    }
    options->tool = argv + optind;
    const bool hardware = options->engine == VP_HOST_HARDWARE;
    if (options->serial && !hardware) {
        return vp_cli_wrong("exec", "--serial names a real board, for --host hardware");
    }
    if (hardware && (options->connect || options->spec_count || options->trace)) {
        return vp_cli_wrong(
            "exec", "--host hardware has real boards: --device, --connect and --trace are for "
                    "emulated ones");
    }
    if (!hardware && !options->connect == !options->spec_count) {
        return vp_cli_wrong("exec", "give either --device SPEC or --connect ADDRESS");
    }
    if (options->spec_count > VP_SERVER_DEVICE_LIMIT) {
        return vp_cli_wrong("exec", "%u devices are more than a bus can have (126)",
                            options->spec_count);
    }
    if (options->connect && options->trace) {
        return vp_cli_wrong("exec",
                            "--trace needs --device: with --connect, give it to 'vparticle run'");
    }
    if (options->connect && options->guest) {
        return vp_cli_wrong(
            "exec", "--connect: a guest has no network; start the devices in it by --device");
    }
    if (options->cloud && !options->spec_count) {
        return vp_cli_wrong("exec", "--cloud needs --device: with --connect, give it to 'vparticle "
                                    "run'; real boards have Particle's own");
    }
    if (!options->cloud && (options->keep_home || options->no_healer)) {
        return vp_cli_wrong("exec", "--keep-home and --no-healer go with --cloud");
    }
    if (options->share && !options->guest) {
        return vp_cli_wrong("exec", "--share is for --host guest");
    }
    if (!*options->tool) {
        return vp_cli_wrong(
            "exec", "the tool to run is missing: write it after '--', for example -- dfu-util -l");
    }
    return -1;
}

/* ---- The emulator in this process ----------------------------------------------------------- */

static void on_device_event(void *context, const struct vp_event *event)
{
    struct exec *exec = context;
    if (event->kind == VP_EVENT_ATTACHED && exec->host) {
        vp_host_rescan(exec->host);
    }
}

static int create_devices(struct exec *exec, const struct options *options,
                          struct vp_failure *failure)
{
    exec->devices = calloc(options->spec_count + 1, sizeof(struct vp_device *));
    if (!exec->devices) {
        return vp_fail(failure, VP_ERROR_NO_MEMORY, "no memory for the devices");
    }
    int error = 0;
    for (unsigned i = 0; i < options->spec_count; i++) {
        error = vp_device_from_spec(&exec->devices[i], options->specs[i], i, failure);
        if (error) {
            return error;
        }
        exec->device_count++;
        vp_device_set_speed(exec->devices[i], options->speed);
    }
    error = options->trace ? vp_trace_file_open(&exec->trace, options->trace, failure) : 0;
    for (unsigned i = 0; i < exec->device_count && exec->trace && !error; i++) {
        error = vp_trace_file_watch(exec->trace, exec->devices[i], i + 1, failure);
    }
    return error;
}

static int start_server(struct exec *exec, char *address, size_t size, struct vp_failure *failure)
{
    const char *base = getenv("TMPDIR");
    snprintf(exec->folder, sizeof exec->folder, "%s/vparticle-exec-XXXXXX", base ? base : "/tmp");
    if (!mkdtemp(exec->folder)) { /* mode 0700: the socket is ours alone */
        int error =
            vp_fail(failure, VP_ERROR_IO, "cannot create %s: %s", exec->folder, strerror(errno));
        exec->folder[0] = '\0';
        return error;
    }
    int error = vp_server_create(&exec->server, exec->loop);
    for (unsigned i = 0; i < exec->device_count && !error; i++) {
        error = vp_server_add_device(exec->server, exec->devices[i]);
        if (!error) {
            error = vp_device_listen(exec->devices[i], on_device_event, exec);
        }
    }
    if (error) {
        return vp_fail(failure, error, "cannot start the USB/IP server: %s", vp_error_text(error));
    }
    snprintf(address, size, "unix:%s/usbip", exec->folder);
    return vp_server_listen(exec->server, address, NULL, 0, failure);
}

static int start_control(struct exec *exec, struct vp_failure *failure)
{
    char address[PATH_MAX + 16];
    snprintf(address, sizeof address, "unix:%s/control", exec->folder);
    int error = vp_control_socket_create(&exec->control, exec->loop, address, failure);
    for (unsigned i = 0; i < exec->device_count && !error; i++) {
        error = vp_control_socket_add(exec->control, exec->devices[i]);
        if (error) {
            vp_fail(failure, error, "%s", vp_error_text(error));
        }
    }
    if (!error) {
        setenv(VP_CONTROL_VARIABLE, address, 1);
    }
    return error;
}

/* A home of its own for the tool, that goes with the folder. */
static int make_home(struct exec *exec, struct vp_failure *failure)
{
    char home[PATH_MAX + 16];
    snprintf(home, sizeof home, "%s/home", exec->folder);
    if (mkdir(home, 0700)) {
        return vp_fail(failure, VP_ERROR_IO, "cannot create %s: %s", home, strerror(errno));
    }
    const int error = vp_local_cloud_write_home(exec->cloud, home, failure);
    if (!error) {
        setenv("HOME", home, 1);
    }
    return error;
}

static int start_cloud(struct exec *exec, const struct options *options, struct vp_failure *failure)
{
    const struct vp_local_cloud_options cloud = {
        .address = options->cloud,
        .no_healer = options->no_healer,
        .server = exec->server,
    };
    int error = vp_local_cloud_start(&exec->cloud, exec->loop, &cloud, failure);
    for (unsigned i = 0; i < exec->device_count && !error; i++) {
        error = vp_local_cloud_add(exec->cloud, exec->devices[i], failure);
    }
    if (!error && !options->keep_home) {
        error = make_home(exec, failure);
    }
    if (!error) {
        setenv(VP_LOCAL_CLOUD_VARIABLE, vp_local_cloud_url(exec->cloud), 1);
        setenv(VP_LOCAL_CLOUD_TOKEN_VARIABLE, vp_local_cloud_token(exec->cloud), 1);
    }
    return error;
}

static void log_line(void *context, const char *line)
{
    (void)context;
    fprintf(stderr, "vparticle: %s\n", line);
}

static int start(struct exec *exec, const struct options *options, struct vp_failure *failure)
{
    char address[PATH_MAX + 16];
    if (options->engine == VP_HOST_HARDWARE) {
        return vp_host_create(&exec->host, options->engine, exec->loop,
                              options->serial ? options->serial : "", failure);
    }
    if (options->connect) {
        return vp_host_create(&exec->host, options->engine, exec->loop, options->connect, failure);
    }
    int error = create_devices(exec, options, failure);
    if (!error) {
        error = start_server(exec, address, sizeof address, failure);
    }
    if (!error) {
        error = start_control(exec, failure);
    }
    if (!error && options->cloud) {
        error = start_cloud(exec, options, failure);
    }
    if (!error) {
        error = vp_host_create(&exec->host, options->engine, exec->loop, address, failure);
    }
    if (!error && options->spec_count > vp_host_capacity(exec->host)) {
        error = vp_fail(failure, VP_ERROR_INVALID,
                        "%u devices are too many for '--host %s': %u ports", options->spec_count,
                        vp_host_engine_name(options->engine), vp_host_capacity(exec->host));
    }
    return error;
}

static void stop(struct exec *exec)
{
    vp_host_destroy(exec->host);
    exec->host = NULL;
    if (exec->cloud) {
        vp_local_cloud_settle(exec->cloud); /* what the tool has set going comes to its end */
        vp_local_cloud_stop(exec->cloud);
    }
    vp_control_socket_destroy(exec->control);
    vp_server_destroy(exec->server);
    struct vp_failure failure;
    if (vp_trace_file_close(exec->trace, &failure)) {
        fprintf(stderr, "vparticle: %s\n", failure.text);
    }
    for (unsigned i = 0; i < exec->device_count; i++) {
        vp_device_unlisten(exec->devices[i], on_device_event, exec);
        vp_device_settle(exec->devices[i]); /* a flash image keeps what a leave still writes */
        vp_device_destroy(exec->devices[i]);
    }
    free(exec->devices);
    if (*exec->folder) {
        vp_remove_folder(exec->folder);
    }
}

/* ---- The tool ------------------------------------------------------------------------------- */

static void on_ended(void *context, int wait_status)
{
    struct exec *exec = context;
    exec->ended = true;
    exec->status =
        WIFSIGNALED(wait_status) ? EXIT_SIGNAL + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
    if (WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGSYS) {
        fputs("vparticle: the tool was built for another architecture than this system's, which "
              "'vparticle exec' cannot run\n",
              stderr);
    }
}

/* Descendants that the tool has left running still need the supervisor. */
static void on_left(void *context)
{
    struct exec *exec = context;
    ev_break(exec->loop, EVBREAK_ALL);
}

static void on_refused(void *context, const char *node)
{
    struct exec *exec = context;
    (void)node;
    exec->refused++;
}

/* A test of a permission error has shown nothing if there was none. */
static void tell_refused(unsigned refused)
{
    if (refused) {
        fprintf(stderr, "vparticle: --access none: the tool was refused a device %u time%s\n",
                refused, refused == 1 ? "" : "s");
    } else {
        fputs("vparticle: --access none: nothing was refused; the tool tried to use no device\n",
              stderr);
    }
}

static void reap_orphans(void)
{
    while (waitpid(-1, NULL, WNOHANG) > 0) {
    }
}

static bool is_running(const struct exec *exec)
{
    return vp_host_signal(exec->host, 0) > 0; /* signal 0 is none */
}

/* What the terminal sends goes to the whole process group, so the tool has it already. What
 * somebody sends to us alone is meant for the tool. */
static void on_signal(struct ev_loop *loop, ev_io *io, int events)
{
    (void)loop;
    (void)events;
    struct exec *exec = io->data;
    struct signalfd_siginfo info;
    while (read(io->fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGCHLD) {
            if (exec->ended) {
                reap_orphans();
            }
        } else if (!is_running(exec)) {
            /* Before the tool, or after it, when only descendants are left that it forgot. */
            exec->status = exec->ended ? exec->status : EXIT_SIGNAL + (int)info.ssi_signo;
            ev_break(exec->loop, EVBREAK_ALL);
        } else if (info.ssi_code != SI_KERNEL) {
            vp_host_signal(exec->host, (int)info.ssi_signo);
        }
    }
}

static int catch_signals(struct exec *exec)
{
    static const int caught[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGCHLD};
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof caught / sizeof *caught; i++) {
        struct sigaction before;
        sigaction(caught[i], NULL, &before);
        /* nohup(1) and the like: what is ignored stays ignored. */
        if (before.sa_handler != SIG_IGN || caught[i] == SIGCHLD) {
            sigaddset(&set, caught[i]);
        }
    }
    signal(SIGCHLD, SIG_DFL);
    signal(SIGPIPE, SIG_IGN);
    sigprocmask(SIG_BLOCK, &set, NULL);
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0) {
        return VP_ERROR_IO;
    }
    ev_io_init(&exec->signals, on_signal, fd, EV_READ);
    exec->signals.data = exec;
    ev_io_start(exec->loop, &exec->signals);
    return 0;
}

static int exit_status(int error)
{
    switch (error) {
    case VP_ERROR_INVALID:
    case VP_ERROR_NOT_FOUND:
        return VP_EXIT_USAGE;
    default:
        return VP_EXIT_SYSTEM;
    }
}

static int run(struct exec *exec, const struct options *options)
{
    struct vp_failure failure = {.text = ""};
    int error = start(exec, options, &failure);
    if (error) {
        fprintf(stderr, "vparticle: %s\n", failure.text);
        return exit_status(error);
    }
    vp_host_set_log(exec->host, log_line, NULL);
    const struct vp_host_command command = {
        .argv = options->tool,
        .standard_output = -1,
        .standard_error = -1,
        .access = options->access,
        .refused = on_refused,
        .ended = on_ended,
        .left = on_left,
        .context = exec,
    };
    error = vp_host_spawn(exec->host, &command, &failure);
    if (error) {
        fprintf(stderr, "vparticle: %s\n", failure.text);
        return error == VP_ERROR_NOT_FOUND ? EXIT_NOT_FOUND
               : error == VP_ERROR_INVALID ? EXIT_NOT_EXECUTABLE
                                           : VP_EXIT_SYSTEM;
    }
    ev_run(exec->loop, 0);
    if (options->access == VP_HOST_ACCESS_NONE) {
        tell_refused(exec->refused);
    }
    return exec->status;
}

/* The files of a SPEC that are written: "photon,flash=my.img,external=serial.img". */
static int keep_images(const char *share, const char *spec)
{
    static const char *const keys[] = {",flash=", ",external="};
    for (unsigned i = 0; i < sizeof keys / sizeof *keys; i++) {
        const char *found = strstr(spec, keys[i]);
        if (found) {
            char path[PATH_MAX];
            found += strlen(keys[i]);
            snprintf(path, sizeof path, "%.*s", (int)strcspn(found, ","), found);
            if (vp_guest_keeps(share, "the image", path)) {
                return VP_EXIT_USAGE;
            }
        }
    }
    return 0;
}

static int run_in_guest(const struct options *options, int argc, char **argv)
{
    int status = options->trace ? vp_guest_keeps(options->share, "--trace", options->trace) : 0;
    for (unsigned i = 0; i < options->spec_count && !status; i++) {
        status = keep_images(options->share, options->specs[i]);
    }
    return status
               ? status
               : vp_guest_rerun(&(struct vp_guest_rerun){
                     .argv = argv, .argc = argc, .host = options->guest, .share = options->share});
}

int vp_command_exec(int argc, char **argv)
{
    struct options options = {.specs = calloc((size_t)argc, sizeof *options.specs)};
    struct exec exec = {.loop = ev_loop_new(EVFLAG_AUTO)};
    int status = options.specs && exec.loop ? parse_options(argc, argv, &options) : VP_EXIT_SYSTEM;
    if (status < 0 && options.guest) {
        status = run_in_guest(&options, argc, argv);
    } else if (status < 0) {
        /* Orphans of the tool come to us, or some PID 1 might never collect them. */
        prctl(PR_SET_CHILD_SUBREAPER, 1);
        if (catch_signals(&exec)) {
            fprintf(stderr, "vparticle: cannot catch signals: %s\n", strerror(errno));
            status = VP_EXIT_SYSTEM;
        } else {
            status = run(&exec, &options);
            stop(&exec);
            ev_io_stop(exec.loop, &exec.signals);
            close(exec.signals.fd);
        }
    }
    if (exec.loop) {
        ev_loop_destroy(exec.loop);
    }
    free(options.specs);
    return status;
}
