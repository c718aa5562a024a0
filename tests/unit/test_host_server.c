#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <errno.h>
#include <ev.h>
#include <signal.h>

#include <cmocka.h>

#include "vparticle/host.h"
#include "vparticle/usbip.h"

/* The userland host with servers that do not behave, and both hosts with servers that behave in
 * their own way. */
static char folder[32];
static char address[128];
static char told[1024];
static enum vp_host_engine engine = VP_HOST_USERLAND;

/* ---- A server that shows one device, and what it says to a transfer ------------------------- */

enum answer { NOTHING, DEVICE_GONE, NONSENSE, DESCRIPTORS };

enum { FIRST_NUMBER = 2, LISTS_BETWEEN = 5 };

/* What the processes of the server share with the test. Each import gives the device another
 * number, so that whoever attaches it anew can be told by its bcdDevice. */
struct script {
    bool hides;      /**< what is in use is not listed, as usbipd(8) does it */
    bool replugged;  /**< by the test: the list knows of it before the connection ends */
    bool stays;      /**< that connection does not end at all */
    uint32_t number; /**< devnum */
    unsigned lists;  /**< answered, since the device was replugged if it was */
    pid_t importer;  /**< the process that serves the device, or 0 */
};

static volatile struct script *script;

static void send_all(int to, const void *bytes, size_t count)
{
    if (send(to, bytes, count, MSG_NOSIGNAL) != (ssize_t)count) {
        _exit(0);
    }
}

static void show_device(int to, uint16_t code)
{
    const struct vp_usbip_device device = {
        .path = "/x", .busid = "1-1", .busnum = 1, .devnum = script->number, .speed = 2};
    const bool hidden = code == VP_USBIP_OP_REP_DEVLIST && script->hides && script->importer != 0;
    const uint8_t count[4] = {0, 0, 0, hidden ? 0 : 1};
    uint8_t head[VP_USBIP_OP_SIZE];
    uint8_t body[VP_USBIP_DEVICE_SIZE];
    vp_usbip_encode_op(head, &(struct vp_usbip_op){.version = VP_USBIP_VERSION, .code = code});
    vp_usbip_encode_device(body, &device);
    send_all(to, head, sizeof head);
    if (code == VP_USBIP_OP_REP_DEVLIST) {
        send_all(to, count, sizeof count);
    }
    if (!hidden) {
        send_all(to, body, sizeof body);
    }
}

/* A device with one interface and nothing else: USB 2.0, 9.6.1 to 9.6.5. */
static void answer_control(int to, const struct vp_usbip_header *asked, uint32_t number)
{
    const uint8_t device[] = {
        18, 1, 0x10, 1, 0xff, 0, 0, 64, 0x04, 0x2b, 0xff, 0xff, 0, (uint8_t)number, 0, 0, 0, 1};
    static const uint8_t configuration[] = {9, 2, 18, 0, 1, 1,    0, 0x80, 50,
                                            9, 4, 0,  0, 0, 0xff, 0, 0,    0};
    const uint8_t *setup = asked->submit.setup;
    const uint8_t *data = NULL;
    size_t size = 0;
    uint8_t bytes[VP_USBIP_HEADER_SIZE];
    struct vp_usbip_header header = {.command = VP_USBIP_RET_SUBMIT, .seqnum = asked->seqnum};
    if (setup[0] == 0x80 && setup[1] == 6 && setup[3] == 1) {
        data = device;
        size = sizeof device;
    } else if (setup[0] == 0x80 && setup[1] == 6 && setup[3] == 2) {
        data = configuration;
        size = sizeof configuration;
    } else if (setup[0] & 0x80) {
        header.submitted.status = -EPIPE;
    }
    size = size < asked->submit.length ? size : asked->submit.length;
    header.submitted.actual = (uint32_t)size;
    vp_usbip_encode_header(bytes, &header);
    send_all(to, bytes, sizeof bytes);
    send_all(to, data, size);
}

static void answer_submit(int to, uint32_t seqnum, enum answer how)
{
    uint8_t bytes[VP_USBIP_HEADER_SIZE];
    struct vp_usbip_header header = {.command = VP_USBIP_RET_SUBMIT, .seqnum = seqnum};
    header.submitted.status = how == DEVICE_GONE ? -ESHUTDOWN : INT32_MIN;
    vp_usbip_encode_header(bytes, &header);
    if (how != NOTHING) {
        send_all(to, bytes, sizeof bytes);
    }
}

static void answer_list(int to)
{
    show_device(to, VP_USBIP_OP_REP_DEVLIST);
    if (script->replugged && script->lists == LISTS_BETWEEN && !script->stays) {
        kill(script->importer, SIGKILL);
        script->importer = 0;
    }
    script->lists++;
}

static void serve_device(int with, enum answer how)
{
    uint8_t bytes[VP_USBIP_HEADER_SIZE];
    const uint32_t number = script->number;
    while (recv(with, bytes, sizeof bytes, MSG_WAITALL) == (ssize_t)sizeof bytes) {
        struct vp_usbip_header header;
        vp_usbip_decode_header(&header, bytes);
        if (header.command == VP_USBIP_CMD_SUBMIT && how == DESCRIPTORS) {
            answer_control(with, &header, number);
        } else if (header.command == VP_USBIP_CMD_SUBMIT) {
            answer_submit(with, header.seqnum, how);
        }
    }
}

static void converse(int with, enum answer how)
{
    uint8_t bytes[VP_USBIP_HEADER_SIZE];
    if (recv(with, bytes, VP_USBIP_OP_SIZE, MSG_WAITALL) != VP_USBIP_OP_SIZE) {
        return;
    }
    struct vp_usbip_op op;
    vp_usbip_decode_op(&op, bytes);
    if (op.code == VP_USBIP_OP_REQ_DEVLIST) {
        answer_list(with);
        return;
    }
    recv(with, bytes, VP_USBIP_BUSID_SIZE, MSG_WAITALL);
    script->importer = getpid();
    script->number++;
    show_device(with, VP_USBIP_OP_REP_IMPORT);
    serve_device(with, how);
    script->importer = 0;
}

/* One process for the server, one for each connection. */
static pid_t start_server(enum answer how)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    snprintf(name.sun_path, sizeof name.sun_path, "%s/socket", folder);
    unlink(name.sun_path);
    *script = (struct script){.number = FIRST_NUMBER};
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&name, sizeof name), 0);
    assert_int_equal(listen(listener, 64), 0);
    pid_t server = fork();
    assert_true(server >= 0);
    if (server > 0) {
        close(listener);
        return server;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGCHLD, SIG_IGN);
    for (int with; (with = accept(listener, NULL, NULL)) >= 0; close(with)) {
        if (fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            converse(with, how);
            _exit(0);
        }
    }
    _exit(0);
}

static void stop_server(pid_t server)
{
    char path[128];
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    snprintf(path, sizeof path, "%s/socket", folder);
    unlink(path);
}

/* ---- A tool --------------------------------------------------------------------------------- */

static void on_log(void *context, const char *line)
{
    (void)context;
    const size_t used = strlen(told);
    snprintf(told + used, sizeof told - used, "%s\n", line);
}

static void on_log_break(void *context, const char *line)
{
    on_log(NULL, line);
    ev_break(context, EVBREAK_ALL);
}

static void on_ended(void *context, int status)
{
    assert_int_equal(status, 0);
    ev_break(context, EVBREAK_ALL);
}

static struct vp_host *make_host(struct ev_loop *loop)
{
    struct vp_host *host;
    struct vp_failure failure = {""};
    if (vp_host_create(&host, engine, loop, address, &failure)) {
        fail_msg("%s", failure.text);
    }
    told[0] = '\0';
    return host;
}

/* A tool does not wait for ever for a device whose server says this, or nothing. */
static void a_tool_starts_in_the_end(enum answer how)
{
    char *argv[] = {"true", NULL};
    pid_t server = start_server(how);
    struct ev_loop *loop = ev_loop_new(0);
    struct vp_host *host = make_host(loop);
    const struct vp_host_command command = {.argv = argv,
                                            .standard_output = -1,
                                            .standard_error = -1,
                                            .ended = on_ended,
                                            .context = loop};
    vp_host_set_log(host, on_log, NULL);
    assert_int_equal(vp_host_spawn(host, &command, NULL), 0);
    ev_run(loop, 0);
    assert_string_equal(
        told, "device 1-1 does not answer its host's first questions, so no tool sees it\n");
    vp_host_destroy(host);
    ev_loop_destroy(loop);
    stop_server(server);
}

static void a_server_may_answer_nothing(void **state)
{
    (void)state;
    a_tool_starts_in_the_end(NOTHING);
}

static void a_server_may_say_that_the_device_is_gone_and_stay(void **state)
{
    (void)state;
    a_tool_starts_in_the_end(DEVICE_GONE);
}

static void a_server_may_answer_with_a_status_that_is_none(void **state)
{
    (void)state;
    a_tool_starts_in_the_end(NONSENSE);
}

static void a_server_that_has_gone_is_told(void **state)
{
    (void)state;
    pid_t server = start_server(NONSENSE);
    struct ev_loop *loop = ev_loop_new(0);
    struct vp_host *host = make_host(loop);
    stop_server(server);
    vp_host_set_log(host, on_log_break, loop);
    do {
        ev_run(loop, 0);
    } while (!strstr(told, "the emulator does not show its devices: "));
    vp_host_destroy(host);
    ev_loop_destroy(loop);
}

/* ---- A device that leaves, and one that is not listed --------------------------------------- */

struct visit {
    struct vp_host *host;
    struct ev_loop *loop;
    ev_timer look;
    char *argv[3];
    int output;
};

static void start_tool(struct visit *visit)
{
    const struct vp_host_command command = {.argv = visit->argv,
                                            .standard_output = visit->output,
                                            .standard_error = -1,
                                            .ended = on_ended,
                                            .context = visit->loop};
    assert_int_equal(vp_host_spawn(visit->host, &command, NULL), 0);
}

static void replug_and_start_tool(void *context)
{
    script->lists = 0;
    script->number++;
    script->replugged = true;
    start_tool(context);
}

static void on_time(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)events;
    if (script->lists >= LISTS_BETWEEN) {
        ev_timer_stop(loop, timer);
        start_tool(timer->data);
    }
}

static void start_tool_some_lists_later(void *context)
{
    struct visit *visit = context;
    script->lists = 0;
    ev_timer_start(visit->loop, &visit->look);
}

/* The tool reads the number of the device that it finds. */
static void assert_tool_finds(const char *number, bool hides, bool stays,
                              void (*settled)(void *context))
{
    char text[16] = "";
    pid_t server = start_server(DESCRIPTORS);
    script->hides = hides;
    script->stays = stays;
    struct visit visit = {.loop = ev_loop_new(0),
                          .argv = {"cat", "/sys/bus/usb/devices/1-1/bcdDevice"},
                          .output = memfd_create("output", MFD_CLOEXEC)};
    ev_timer_init(&visit.look, on_time, 0.02, 0.02);
    visit.look.data = &visit;
    visit.host = make_host(visit.loop);
    assert_int_equal(vp_host_when_settled(visit.host, settled, &visit), 0);
    ev_run(visit.loop, 0);
    assert_true(pread(visit.output, text, sizeof text - 1, 0) >= 0);
    assert_string_equal(text, number);
    vp_host_destroy(visit.host);
    ev_loop_destroy(visit.loop);
    close(visit.output);
    stop_server(server);
}

static void a_tool_does_not_start_with_a_device_that_is_about_to_leave(void **state)
{
    (void)state;
    assert_tool_finds("0500\n", false, false, replug_and_start_tool);
}

static void a_connection_to_a_device_that_has_left_may_stay(void **state)
{
    (void)state;
    assert_tool_finds("0500\n", false, true, replug_and_start_tool);
}

static void a_server_need_not_list_what_is_in_use(void **state)
{
    (void)state;
    assert_tool_finds("0300\n", true, false, start_tool_some_lists_later);
}

static int make_folder(void **state)
{
    (void)state;
    alarm(60);
    snprintf(folder, sizeof folder, "/tmp/vparticle-server-XXXXXX");
    if (!mkdtemp(folder)) {
        return -1;
    }
    snprintf(address, sizeof address, "unix:%s/socket", folder);
    script = mmap(NULL, sizeof *script, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return script == MAP_FAILED ? -1 : 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

/* "kernel": with vhci_hcd, which tests/guest has; else the userland host. */
int main(int argc, char **argv)
{
    const struct CMUnitTest both[] = {
        cmocka_unit_test(a_tool_does_not_start_with_a_device_that_is_about_to_leave),
        cmocka_unit_test(a_connection_to_a_device_that_has_left_may_stay),
        cmocka_unit_test(a_server_need_not_list_what_is_in_use),
    };
    const struct CMUnitTest userland[] = {
        cmocka_unit_test(a_server_may_answer_nothing),
        cmocka_unit_test(a_server_may_say_that_the_device_is_gone_and_stay),
        cmocka_unit_test(a_server_may_answer_with_a_status_that_is_none),
        cmocka_unit_test(a_server_that_has_gone_is_told),
    };
    if (argc > 1 && strcmp(argv[1], "kernel") == 0) {
        engine = VP_HOST_KERNEL;
        return cmocka_run_group_tests(both, make_folder, remove_folder);
    }
    const int failed = cmocka_run_group_tests(userland, make_folder, remove_folder);
    return failed + cmocka_run_group_tests(both, make_folder, remove_folder);
}
