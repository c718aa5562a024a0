/* The kernel's engine, as far as it goes without a vhci_hcd: the module's files, the relay between
 * its socket and the server, and processes. The rest is tested in a guest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <ev.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/kernel/relay.h"
#include "host/kernel/vhci.h"
#include "host/tool/command.h"
#include "host/tool/process.h"
#include "host/tool/refusals.h"
#include "vparticle/device.h"
#include "vparticle/server.h"
#include "vparticle/usbip.h"

static char folder[] = "/tmp/test_host_kernel-XXXXXX";

static void write_text(const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static void assert_text(const char *name, const char *expected)
{
    char path[256];
    char text[128] = "";
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_true(fread(text, 1, sizeof text - 1, file) < sizeof text);
    fclose(file);
    assert_string_equal(text, expected);
}

static void remove_text(const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    unlink(path);
}

/* ---- The module's files ---------------------------------------------------------------------- */

/* As Linux 6.1 writes them. */
static const char first_status[] = "hub port sta spd dev      sockfd local_busid\n"
                                   "hs  0000 006 002 00010002 000007 1-1\n"
                                   "hs  0001 004 000 00000000 000000 0-0\n"
                                   "hs  0002 005 002 00010003 000009 0-0\n"
                                   "\n"
                                   "ss  0008 004 000 00000000 000000 0-0\n";
static const char second_status[] = "hub port sta spd dev      sockfd local_busid\n"
                                    "hs  0016 004 000 00000000 000000 0-0\n";

static void ports_are_read_from_all_controllers(void **state)
{
    (void)state;
    struct vhci_ports ports;
    write_text("status", first_status);
    write_text("status.1", second_status);
    assert_int_equal(vhci_read(folder, &ports), 0);
    assert_int_equal(ports.count, 4);
    assert_int_equal(ports.ports[0].state, VHCI_PORT_USED);
    assert_string_equal(ports.ports[0].busid, "1-1");
    assert_int_equal(ports.ports[2].state, VHCI_PORT_ATTACHED);
    assert_int_equal(ports.ports[3].number, 16);
    assert_ptr_equal(vhci_find(&ports, 16), &ports.ports[3]);
    assert_null(vhci_find(&ports, 8));
    remove_text("status.1");
    remove_text("status");
    assert_int_equal(vhci_read(folder, &ports), VP_ERROR_NOT_FOUND);
}

static void lines_that_are_no_ports_are_skipped(void **state)
{
    (void)state;
    struct vhci_ports ports = {0};
    vhci_parse_status("hs\nhs  x\nhs  0001 004\nhs  0001 004 000 00000000 000000\n"
                      "hs  0003 004 000 00000000 000000 "
                      "1-1.22222222222222222222222222222222222222222222222222222222222222222222222"
                      "22222222222222222222222222222222222222222222222222222222222222\n",
                      &ports);
    assert_int_equal(ports.count, 1);
    assert_int_equal(strlen(ports.ports[0].busid), VHCI_BUSID_SIZE - 1);
    ports.count = 0;
    for (unsigned i = 0; i < VHCI_PORTS_MAX + 10; i++) {
        vhci_parse_status("hs  0001 004 000 00000000 000000 0-0\n", &ports);
    }
    assert_int_equal(ports.count, VHCI_PORTS_MAX);
}

static void the_same_bus_id_is_preferred(void **state)
{
    (void)state;
    struct vhci_ports ports = {0};
    vhci_parse_status(first_status, &ports);
    assert_int_equal(vhci_choose(&ports, "1-2")->number, 1);
    assert_int_equal(vhci_choose(&ports, "1-1")->number, 1);
    assert_int_equal(vhci_choose(&ports, "1-0")->number, 1);
    assert_int_equal(vhci_choose(&ports, "")->number, 1);
    ports.ports[1].state = VHCI_PORT_ERROR;
    assert_null(vhci_choose(&ports, "1-2"));
}

static void what_is_missing_is_said(void **state)
{
    (void)state;
    struct vp_failure failure;
    assert_int_equal(vhci_check(folder, &failure), VP_ERROR_NOT_FOUND);
    assert_non_null(strstr(failure.text, "modprobe vhci_hcd"));
    write_text("status", first_status);
    assert_int_equal(vhci_check(folder, &failure), VP_ERROR_UNSUPPORTED);
    assert_non_null(strstr(failure.text, "root"));
    write_text("attach", "");
    assert_int_equal(vhci_check(folder, &failure), 0);
    remove_text("attach");
    remove_text("status");
}

static void devices_are_attached_and_detached_by_a_line(void **state)
{
    (void)state;
    write_text("attach", "");
    write_text("detach", "");
    assert_int_equal(vhci_attach(folder, 3, 11, 0x00010002, 2), 0);
    assert_text("attach", "3 11 65538 2");
    assert_int_equal(vhci_detach(folder, 3), 0);
    assert_text("detach", "3");
    remove_text("attach");
    remove_text("detach");
    assert_int_equal(vhci_attach(folder, 3, 11, 0x00010002, 2), VP_ERROR_IO);
    assert_int_equal(vhci_detach(folder, 3), VP_ERROR_IO);
}

/* ---- The relay ------------------------------------------------------------------------------- */

struct bench {
    struct ev_loop *loop;
    struct vp_server *server;
    struct vp_device *device;
    struct link_address address;
    struct relay *relay;
    int kernel; /* our copy of the socket that the kernel would get */
    struct vp_usbip_device shown;
    bool closed, by_kernel;
    char reason[128];
};

static void on_opened(void *context, const struct vp_usbip_device *device, int socket)
{
    struct bench *bench = context;
    bench->shown = *device;
    bench->kernel = dup(socket);
    ev_break(bench->loop, EVBREAK_ALL);
}

static void on_closed(void *context, bool by_kernel, const char *reason)
{
    struct bench *bench = context;
    bench->relay = NULL;
    bench->closed = true;
    bench->by_kernel = by_kernel;
    snprintf(bench->reason, sizeof bench->reason, "%s", reason);
    ev_break(bench->loop, EVBREAK_ALL);
}

static const struct relay_events relay_events = {on_opened, on_closed};

static int open_bench(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    struct vp_failure failure;
    char address[128];
    snprintf(address, sizeof address, "unix:%s/usbip", folder);
    bench->kernel = -1;
    bench->loop = ev_loop_new(0);
    if (vp_server_create(&bench->server, bench->loop) ||
        vp_device_from_spec(&bench->device, "photon@0.5.2,mode=dfu", 0, &failure) ||
        vp_server_add_device(bench->server, bench->device) ||
        vp_server_listen(bench->server, address, NULL, 0, &failure) ||
        vp_usbip_address_parse(address, &bench->address.socket, &bench->address.length, &failure)) {
        return -1;
    }
    *state = bench;
    return 0;
}

static int close_bench(void **state)
{
    struct bench *bench = *state;
    relay_close(bench->relay);
    if (bench->kernel >= 0) {
        close(bench->kernel);
    }
    vp_server_destroy(bench->server);
    vp_device_destroy(bench->device);
    ev_loop_destroy(bench->loop);
    free(bench);
    return 0;
}

static void open_relay(struct bench *bench, const char *busid)
{
    bench->relay = relay_open(bench->loop, &bench->address, busid, &relay_events, bench);
    assert_non_null(bench->relay);
    ev_run(bench->loop, 0);
}

static void the_kernel_talks_to_the_device(void **state)
{
    struct bench *bench = *state;
    open_relay(bench, "1-1");
    assert_false(bench->closed);
    assert_int_equal(bench->shown.identity.product_id, 0xD006);

    struct vp_usbip_header header = {.command = VP_USBIP_CMD_SUBMIT,
                                     .seqnum = 1,
                                     .devid = bench->shown.busnum << 16 | bench->shown.devnum,
                                     .direction = VP_USBIP_DIR_IN};
    header.submit.length = 18;
    memcpy(header.submit.setup, (const uint8_t[]){0x80, 6, 0, 1, 0, 0, 18, 0}, 8);
    uint8_t bytes[VP_USBIP_HEADER_SIZE + 18];
    vp_usbip_encode_header(bytes, &header);
    assert_int_equal(send(bench->kernel, bytes, VP_USBIP_HEADER_SIZE, 0), VP_USBIP_HEADER_SIZE);
    ssize_t got = 0;
    while (got < (ssize_t)sizeof bytes) {
        ev_run(bench->loop, EVRUN_ONCE);
        ssize_t more = recv(bench->kernel, bytes + got, sizeof bytes - (size_t)got, MSG_DONTWAIT);
        got += more > 0 ? more : 0;
    }
    vp_usbip_decode_header(&header, bytes);
    assert_int_equal(header.command, VP_USBIP_RET_SUBMIT);
    assert_int_equal(header.submitted.actual, 18);
    assert_memory_equal(bytes + VP_USBIP_HEADER_SIZE + 8, "\x04\x2B\x06\xD0", 4);
}

static void the_kernel_may_let_go(void **state)
{
    struct bench *bench = *state;
    open_relay(bench, "1-1");
    close(bench->kernel);
    bench->kernel = -1;
    ev_run(bench->loop, 0);
    assert_true(bench->closed);
    assert_true(bench->by_kernel);
}

static void a_device_that_leaves_ends_the_relay(void **state)
{
    struct bench *bench = *state;
    char byte;
    open_relay(bench, "1-1");
    vp_device_plug(bench->device, false);
    while (!bench->closed) {
        ev_run(bench->loop, EVRUN_ONCE);
    }
    assert_false(bench->by_kernel);
    assert_int_equal(recv(bench->kernel, &byte, 1, 0), 0);
}

static void an_import_may_fail(void **state)
{
    struct bench *bench = *state;
    open_relay(bench, "1-9");
    assert_true(bench->closed);
    assert_string_equal(bench->reason, "the server has no such device");
    bench->closed = false;
    open_relay(bench, "1-1");
    struct relay *first = bench->relay;
    open_relay(bench, "1-1");
    assert_true(bench->closed);
    assert_string_equal(bench->reason, "the device is in use by another host");
    bench->relay = first;
}

static void the_end_of_the_relay_is_the_end_for_the_kernel(void **state)
{
    struct bench *bench = *state;
    char byte;
    open_relay(bench, "1-1");
    relay_close(bench->relay);
    bench->relay = NULL;
    assert_int_equal(recv(bench->kernel, &byte, 1, 0), 0);
}

/* ---- Refusals -------------------------------------------------------------------------------- */

static void others_may_read_a_device_and_no_port(void **state)
{
    (void)state;
    assert_true(refusals_expected(0664, R_OK | W_OK));
    assert_true(refusals_expected(0664, W_OK));
    assert_false(refusals_expected(0664, R_OK));
    assert_true(refusals_expected(0660, R_OK));
    assert_false(refusals_expected(0666, R_OK | W_OK));
    assert_false(refusals_expected(0600, F_OK));
}

/* ---- Processes ------------------------------------------------------------------------------- */

struct tool {
    struct ev_loop *loop;
    struct process *processes;
    unsigned ended, left;
    int status;
};

static void on_ended(void *context, int status)
{
    struct tool *tool = context;
    tool->ended++;
    tool->status = status;
}

static void on_left(void *context)
{
    struct tool *tool = context;
    assert_int_equal(tool->ended, 1);
    tool->left++;
    ev_break(tool->loop, EVBREAK_ALL);
}

static void start_tool(struct tool *tool, const char *script)
{
    char *argv[] = {"sh", "-c", (char *)script, NULL};
    struct vp_host_command command = {.argv = argv,
                                      .directory = folder,
                                      .standard_output = -1,
                                      .standard_error = -1,
                                      .ended = on_ended,
                                      .left = on_left,
                                      .context = tool};
    struct vp_host_command copy;
    *tool = (struct tool){.loop = ev_loop_new(0)};
    assert_true(command_copy(&copy, &command));
    process_start(tool->loop, &tool->processes, &copy);
}

static void end_tool(struct tool *tool)
{
    process_kill_all(&tool->processes);
    assert_null(tool->processes);
    ev_loop_destroy(tool->loop);
}

static void a_tool_is_waited_for(void **state)
{
    (void)state;
    struct tool tool;
    start_tool(&tool, "test \"$PWD\" = \"$(pwd -P)\" && exit 7");
    assert_int_equal(process_signal_all(tool.processes, 0), 1);
    ev_run(tool.loop, 0);
    assert_int_equal(WEXITSTATUS(tool.status), 7);
    assert_int_equal(tool.left, 1);
    assert_null(tool.processes);
    end_tool(&tool);
}

/* The descendant lives until it can read; we are its parent once the tool has ended. */
static void descendants_are_waited_for(void **state)
{
    (void)state;
    struct tool tool;
    char path[128];
    snprintf(path, sizeof path, "%s/fifo", folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    start_tool(&tool, "cat fifo &");
    while (!tool.ended) {
        ev_run(tool.loop, EVRUN_ONCE);
    }
    assert_int_equal(process_signal_all(tool.processes, 0), 0);
    ev_run(tool.loop, EVRUN_ONCE);
    assert_int_equal(tool.left, 0);
    int fd = open(path, O_WRONLY);
    assert_true(fd >= 0);
    close(fd);
    /* Whoever is a subreaper has to collect them. */
    siginfo_t info;
    assert_int_equal(waitid(P_ALL, 0, &info, WEXITED), 0);
    ev_run(tool.loop, 0);
    assert_int_equal(tool.left, 1);
    prctl(PR_SET_CHILD_SUBREAPER, 0);
    unlink(path);
    end_tool(&tool);
}

static void a_tool_can_be_ended(void **state)
{
    (void)state;
    struct tool tool;
    start_tool(&tool, "kill -STOP $$");
    assert_int_equal(process_signal_all(tool.processes, SIGKILL), 1);
    ev_run(tool.loop, 0);
    assert_true(WIFSIGNALED(tool.status));
    end_tool(&tool);
    start_tool(&tool, "kill -STOP $$");
    end_tool(&tool);
    assert_int_equal(tool.ended, 0);
}

static int make_folder(void **state)
{
    (void)state;
    alarm(60);
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ports_are_read_from_all_controllers),
        cmocka_unit_test(lines_that_are_no_ports_are_skipped),
        cmocka_unit_test(the_same_bus_id_is_preferred),
        cmocka_unit_test(what_is_missing_is_said),
        cmocka_unit_test(devices_are_attached_and_detached_by_a_line),
        cmocka_unit_test_setup_teardown(the_kernel_talks_to_the_device, open_bench, close_bench),
        cmocka_unit_test_setup_teardown(the_kernel_may_let_go, open_bench, close_bench),
        cmocka_unit_test_setup_teardown(a_device_that_leaves_ends_the_relay, open_bench,
                                        close_bench),
        cmocka_unit_test_setup_teardown(an_import_may_fail, open_bench, close_bench),
        cmocka_unit_test_setup_teardown(the_end_of_the_relay_is_the_end_for_the_kernel, open_bench,
                                        close_bench),
        cmocka_unit_test(others_may_read_a_device_and_no_port),
        cmocka_unit_test(a_tool_is_waited_for),
        cmocka_unit_test(descendants_are_waited_for),
        cmocka_unit_test(a_tool_can_be_ended),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
