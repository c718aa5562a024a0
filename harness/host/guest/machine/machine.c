#include "host/guest/machine/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { READ_SIZE = 64 * 1024 };

static void fail(struct machine *machine, const char *reason)
{
    if (!machine->over) {
        machine->over = true;
        machine->events.failed(machine->events.context, reason);
    }
}

/* ---- The port ------------------------------------------------------------------------------- */

static void take_frames(struct machine *machine)
{
    struct frame frame;
    int found = 0;
    while (!machine->over && (found = frame_reader_next(&machine->reader, &frame)) > 0) {
        machine->events.frame(machine->events.context, &frame);
    }
    if (found < 0) {
        fail(machine, "the guest says what is no frame");
    }
}

/* @return false if there was nothing */
static bool read_port(struct machine *machine)
{
    static uint8_t bytes[READ_SIZE];
    const ssize_t count = recv(machine->port, bytes, sizeof bytes, MSG_DONTWAIT);
    if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) {
        ev_io_stop(machine->loop, &machine->port_readable); /* its death is told by the pidfd */
    }
    if (count <= 0) {
        return false;
    }
    if (frame_reader_add(&machine->reader, bytes, (size_t)count)) {
        fail(machine, "no memory for what the guest says");
    }
    take_frames(machine);
    return true;
}

static void on_port_readable(struct ev_loop *loop, ev_io *io, int events)
{
    (void)loop;
    (void)events;
    read_port(io->data);
}

static void on_port_written(void *context, size_t size)
{
    struct machine *machine = context;
    if (size > 0 && !machine->over && machine->events.flowed) {
        machine->events.flowed(machine->events.context);
    }
}

void machine_send_bytes(struct machine *machine, const void *bytes, size_t size)
{
    if (outflow_add(&machine->port_writes, bytes, size)) {
        fail(machine, "no memory for what the guest is told");
    }
}

void machine_send(struct machine *machine, enum frame_type type, const void *payload, size_t length)
{
    uint8_t header[FRAME_HEADER];
    frame_write_header(header, type, (uint32_t)length);
    machine_send_bytes(machine, header, sizeof header);
    machine_send_bytes(machine, payload, length);
}

void machine_listen(struct machine *machine, bool listen)
{
    if (listen) {
        ev_io_start(machine->loop, &machine->port_readable);
    } else {
        ev_io_stop(machine->loop, &machine->port_readable);
    }
}

/* ---- The monitor ---------------------------------------------------------------------------- */

static void execute(struct machine *machine, const char *command, json_t *arguments)
{
    if (monitor_execute(&machine->monitor, command, arguments)) {
        fail(machine, "QEMU takes no commands");
    }
}

static void on_return(struct machine *machine)
{
    if (machine->stage == MACHINE_GREETED) {
        machine->stage = MACHINE_CAPABLE;
        execute(machine, "migrate-set-capabilities",
                json_pack("{s:[{s:s, s:b}]}", "capabilities", "capability", "events", "state", 1));
    } else if (machine->stage == MACHINE_CAPABLE) {
        machine->stage = MACHINE_CONNECTED;
        machine->events.connected(machine->events.context);
    }
}

static void on_migration(struct machine *machine, const char *status)
{
    const struct machine_events *events = &machine->events;
    if (strcmp(status, "failed") == 0) {
        machine->refused = machine->stage == MACHINE_LOADING;
        fail(machine, machine->refused ? "QEMU cannot load its saved state"
                                       : "QEMU cannot save the guest's state");
    } else if (strcmp(status, "completed") == 0) {
        (machine->stage == MACHINE_SAVING ? events->saved : events->loaded)(events->context);
    }
}

static void on_event(struct machine *machine, const char *event, const json_t *message)
{
    if (strcmp(event, "MIGRATION") == 0) {
        const char *status =
            json_string_value(json_object_get(json_object_get(message, "data"), "status"));
        on_migration(machine, status ? status : "");
    } else if (strcmp(event, "RESUME") == 0 && machine->events.running) {
        machine->events.running(machine->events.context);
    }
}

static void on_monitor(void *context, const json_t *message)
{
    struct machine *machine = context;
    if (!message || machine->over) {
        return; /* its death is told by the pidfd */
    }
    const char *event = json_string_value(json_object_get(message, "event"));
    const json_t *error = json_object_get(message, "error");
    if (event) {
        on_event(machine, event, message);
    } else if (error) {
        char text[256];
        const char *description = json_string_value(json_object_get(error, "desc"));
        snprintf(text, sizeof text, "QEMU refuses: %s", description ? description : "?");
        fail(machine, text);
    } else if (json_object_get(message, "QMP")) {
        execute(machine, "qmp_capabilities", NULL);
    } else {
        on_return(machine);
    }
}

void machine_load(struct machine *machine, int file)
{
    char address[32];
    snprintf(address, sizeof address, "fd:%d", file);
    machine->stage = MACHINE_LOADING;
    execute(machine, "migrate-incoming", json_pack("{s:s}", "uri", address));
}

/* QEMU 7.2 takes no number of an inherited descriptor here. */
void machine_save(struct machine *machine, int file)
{
    char address[80];
    snprintf(address, sizeof address, "exec:cat >/proc/%d/fd/%d", (int)getpid(), file);
    machine->stage = MACHINE_SAVING;
    execute(machine, "stop", NULL);
    execute(machine, "migrate", json_pack("{s:s}", "uri", address));
}

void machine_go(struct machine *machine)
{
    execute(machine, "cont", NULL);
}

/* ---- The process ---------------------------------------------------------------------------- */

static void on_death(struct ev_loop *loop, ev_io *io, int events)
{
    (void)events;
    struct machine *machine = io->data;
    ev_io_stop(loop, io);
    while (read_port(machine)) { /* what it said at last */
    }
    int status;
    if (waitpid(machine->pid, &status, 0) == machine->pid) {
        machine->pid = 0;
        char text[80];
        if (WIFSIGNALED(status)) {
            snprintf(text, sizeof text, "QEMU was ended by signal %d (%s)", WTERMSIG(status),
                     strsignal(WTERMSIG(status)));
        } else {
            snprintf(text, sizeof text, "QEMU ended by itself, with status %d",
                     WEXITSTATUS(status));
        }
        fail(machine, text);
    }
}

static void become_qemu(const struct arguments *arguments, const struct machine_options *options,
                        const struct machine *machine, pid_t parent, int report)
{
    sigset_t none;
    sigemptyset(&none);
    signal(SIGPIPE, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setpgid(0, 0); /* a terminal's signals are for the job */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int nothing = open("/dev/null", O_RDONLY);
    if (getppid() != parent || dup2(nothing, STDIN_FILENO) < 0 ||
        dup2(machine->log, STDOUT_FILENO) < 0 || dup2(machine->log, STDERR_FILENO) < 0) {
        _exit(1);
    }
    close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
    fcntl(options->port, F_SETFD, 0);
    fcntl(options->monitor, F_SETFD, 0);
    if (options->state >= 0) {
        fcntl(options->state, F_SETFD, 0);
    }
    execv(arguments->list[0], arguments->list);
    const int error = errno;
    _exit(write(report, &error, sizeof error) == sizeof error ? 1 : 2);
}

/* @return 0 or the errno of what went wrong */
static int spawn(struct machine *machine, const struct machine_options *options)
{
    struct arguments arguments;
    int report[2], error = 0;
    if (arguments_make(&arguments, options)) {
        return ENOMEM;
    }
    if (pipe2(report, O_CLOEXEC)) {
        arguments_clear(&arguments);
        return errno;
    }
    const pid_t parent = getpid();
    machine->pid = fork();
    if (machine->pid == 0) {
        become_qemu(&arguments, options, machine, parent, report[1]);
    }
    error = machine->pid < 0 ? errno : 0;
    close(report[1]);
    if (machine->pid > 0 && read(report[0], &error, sizeof error) == sizeof error) {
        waitpid(machine->pid, NULL, 0);
    }
    if (error) {
        machine->pid = 0;
    }
    close(report[0]);
    arguments_clear(&arguments);
    return error;
}

static void watch(struct machine *machine, int monitor)
{
    ev_io_init(&machine->port_readable, on_port_readable, machine->port, EV_READ);
    machine->port_readable.data = machine;
    ev_io_start(machine->loop, &machine->port_readable);
    machine->port_writes.written = on_port_written;
    machine->port_writes.context = machine;
    outflow_start(&machine->port_writes, machine->loop, machine->port, OUTFLOW_ANY_PIECES);
    machine->monitor.received = on_monitor;
    machine->monitor.context = machine;
    monitor_start(&machine->monitor, machine->loop, monitor);
    const int death = pidfd_open(machine->pid, 0);
    ev_io_init(&machine->death, on_death, death, EV_READ);
    machine->death.data = machine;
    if (death >= 0) {
        ev_io_start(machine->loop, &machine->death);
    } else {
        fail(machine, "this kernel has no pidfd_open(2)");
    }
}

int machine_start(struct machine *machine, struct ev_loop *loop,
                  const struct machine_options *options, const struct machine_events *events,
                  struct vp_failure *failure)
{
    *machine = (struct machine){.loop = loop, .events = *events, .port = -1, .log = -1};
    int ports[2] = {-1, -1}, monitors[2] = {-1, -1};
    machine->log = memfd_create("guest-log", MFD_CLOEXEC);
    if (machine->log < 0 || fcntl(machine->log, F_SETFL, O_APPEND) ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ports) ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, monitors)) {
        const int error = errno;
        close(ports[0]);
        close(ports[1]);
        return vp_fail(failure, VP_ERROR_IO, "cannot start QEMU: %s", strerror(error));
    }
    struct machine_options own = *options;
    own.port = ports[1];
    own.monitor = monitors[1];
    machine->port = ports[0];
    fcntl(machine->port, F_SETFL, O_NONBLOCK);
    const int error = spawn(machine, &own);
    close(ports[1]);
    close(monitors[1]);
    if (error) {
        close(monitors[0]);
        return vp_fail(failure, error == ENOENT ? VP_ERROR_NOT_FOUND : VP_ERROR_IO,
                       "cannot start %s: %s", options->program, strerror(error));
    }
    watch(machine, monitors[0]);
    return 0;
}

void machine_last_words(const struct machine *machine, char *text, size_t size)
{
    struct stat status;
    text[0] = '\0';
    if (machine->log < 0 || fstat(machine->log, &status)) {
        return;
    }
    const off_t from = status.st_size >= (off_t)size ? status.st_size - (off_t)size + 1 : 0;
    const ssize_t count = pread(machine->log, text, size - 1, from);
    size_t length = count > 0 ? (size_t)count : 0, kept = 0;
    for (size_t i = 0; i < length; i++) { /* a console ends its lines with \r\n */
        if (text[i] == '\n' || (text[i] >= ' ' && text[i] <= '~')) {
            text[kept++] = text[i];
        }
    }
    while (kept > 0 && text[kept - 1] == '\n') {
        kept--;
    }
    text[kept] = '\0';
}

void machine_stop(struct machine *machine)
{
    machine->over = true;
    if (machine->pid > 0) {
        kill(machine->pid, SIGKILL);
        waitpid(machine->pid, NULL, 0);
        machine->pid = 0;
    }
    if (machine->death.data) {
        ev_io_stop(machine->loop, &machine->death);
        close(machine->death.fd);
        ev_io_stop(machine->loop, &machine->port_readable);
    }
    outflow_stop(&machine->port_writes);
    monitor_stop(&machine->monitor);
    frame_reader_clear(&machine->reader);
    if (machine->port >= 0) {
        close(machine->port);
    }
    if (machine->log >= 0) {
        close(machine->log);
    }
    machine->port = machine->log = -1;
}
