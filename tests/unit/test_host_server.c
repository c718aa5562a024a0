#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

/* The userland host with servers that do not behave. */
static char folder[] = "/tmp/vparticle-server-XXXXXX";
static char address[128];
static char told[1024];

/* ---- A server that shows one device, and what it says to a transfer ------------------------- */

enum answer { NOTHING, DEVICE_GONE, NONSENSE };

static void send_all(int to, const void *bytes, size_t count)
{
    if (send(to, bytes, count, MSG_NOSIGNAL) != (ssize_t)count) {
        _exit(0);
    }
}

static void show_device(int to, uint16_t code)
{
    const struct vp_usbip_device device = {
        .path = "/x", .busid = "1-1", .busnum = 1, .devnum = 2, .speed = 2};
    static const uint8_t one[4] = {0, 0, 0, 1};
    uint8_t head[VP_USBIP_OP_SIZE];
    uint8_t body[VP_USBIP_DEVICE_SIZE];
    vp_usbip_encode_op(head, &(struct vp_usbip_op){.version = VP_USBIP_VERSION, .code = code});
    vp_usbip_encode_device(body, &device);
    send_all(to, head, sizeof head);
    if (code == VP_USBIP_OP_REP_DEVLIST) {
        send_all(to, one, sizeof one);
    }
    send_all(to, body, sizeof body);
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

static void converse(int with, enum answer how)
{
    uint8_t bytes[VP_USBIP_HEADER_SIZE];
    if (recv(with, bytes, VP_USBIP_OP_SIZE, MSG_WAITALL) != VP_USBIP_OP_SIZE) {
        return;
    }
    struct vp_usbip_op op;
    vp_usbip_decode_op(&op, bytes);
    if (op.code == VP_USBIP_OP_REQ_DEVLIST) {
        show_device(with, VP_USBIP_OP_REP_DEVLIST);
        return;
    }
    recv(with, bytes, VP_USBIP_BUSID_SIZE, MSG_WAITALL);
    show_device(with, VP_USBIP_OP_REP_IMPORT);
    while (recv(with, bytes, sizeof bytes, MSG_WAITALL) == (ssize_t)sizeof bytes) {
        struct vp_usbip_header header;
        vp_usbip_decode_header(&header, bytes);
        if (header.command == VP_USBIP_CMD_SUBMIT) {
            answer_submit(with, header.seqnum, how);
        }
    }
}

/* One process for the server, one for each connection. */
static pid_t start_server(enum answer how)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    snprintf(name.sun_path, sizeof name.sun_path, "%s/socket", folder);
    unlink(name.sun_path);
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
    if (vp_host_create(&host, VP_HOST_USERLAND, loop, address, &failure)) {
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

static int make_folder(void **state)
{
    (void)state;
    alarm(60);
    if (!mkdtemp(folder)) {
        return -1;
    }
    snprintf(address, sizeof address, "unix:%s/socket", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_may_answer_nothing),
        cmocka_unit_test(a_server_may_say_that_the_device_is_gone_and_stay),
        cmocka_unit_test(a_server_may_answer_with_a_status_that_is_none),
        cmocka_unit_test(a_server_that_has_gone_is_told),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
