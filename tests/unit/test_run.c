/* `vparticle run` as a process of its own. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/shell.h"
#include "support/usbip_client.h"

/* Run to the end. @return the exit status; what it says must contain @p text */
static int ends(const char *arguments, const char *text)
{
    const int status = shell_run("%s run %s", VP_PROGRAM, arguments);
    shell_says(text);
    return status;
}

static void a_wrong_command_line_says_how_to_do_it_right(void **state)
{
    (void)state;
    assert_int_equal(ends("", "add --device photon@"), 2);
    assert_int_equal(ends("--devise photon", "the nearest is '--device'"), 2);
    assert_int_equal(ends("--device", "'--device' needs a value"), 2);
    assert_int_equal(ends("--help=yes", "takes no value"), 2);
    assert_int_equal(ends("-x", "no option '-x'"), 2);
    assert_int_equal(ends("photon", "write --device before its SPEC"), 2);
    assert_int_equal(ends("--device phaton", "'phaton'"), 2);
    assert_int_equal(ends("--device photon --usbip here", "127.0.0.1:3240"), 2);
    assert_int_equal(ends("--help", "Usage: vparticle run"), 0);
}

static void what_the_system_refuses_is_told(void **state)
{
    (void)state;
    assert_int_equal(ends("--device photon --usbip unix:no/such/folder", "No such file"), 3);
    assert_int_equal(ends("--device photon --usbip unix:s --ready-file no/such/folder",
                          "cannot write no/such/folder"),
                     3);
    assert_int_equal(ends("--device photon --usbip unix:s --trace no/such/folder",
                          "cannot write the trace to no/such/folder: No such file"),
                     3);
}

struct process {
    pid_t child;
    FILE *output;
};

static struct process start(const char *address, const char *ready)
{
    int ends_of_pipe[2];
    assert_int_equal(pipe(ends_of_pipe), 0);
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(ends_of_pipe[1], STDOUT_FILENO);
        close(ends_of_pipe[0]);
        close(ends_of_pipe[1]);
        if (chdir(shell_folder()) == 0) {
            execl(VP_PROGRAM, VP_PROGRAM, "run", "--device", "photon@0.5.2,mode=dfu", "--device",
                  "photon@0.5.2,mode=dfu", "--usbip", address, "--ready-file", ready, (char *)NULL);
        }
        _exit(127);
    }
    close(ends_of_pipe[1]);
    return (struct process){child, fdopen(ends_of_pipe[0], "r")};
}

static void says_line(struct process *process, const char *expected)
{
    char line[256] = "";
    assert_non_null(fgets(line, sizeof line, process->output));
    line[strcspn(line, "\n")] = '\0';
    assert_string_equal(line, expected);
}

static void ends_with_0(struct process *process, int number)
{
    int status;
    assert_int_equal(kill(process->child, number), 0);
    assert_int_equal(waitpid(process->child, &status, 0), process->child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    fclose(process->output);
}

static void runs_on_a_unix_socket_until_a_signal(void **state)
{
    (void)state;
    static const int signals[] = {SIGINT, SIGTERM};
    static const uint8_t get_descriptor[8] = {0x80, 6, 0, 1, 0, 0, 18, 0};
    char ready[64], address[64], content[64];
    shell_path(ready, sizeof ready, "ready");
    snprintf(address, sizeof address, "unix:%s/s", shell_folder());
    for (unsigned i = 0; i < 2; i++) {
        struct process process = start(address, ready);
        says_line(&process, "1-1 photon@0.5.2,mode=dfu mode=dfu");
        says_line(&process, "1-2 photon@0.5.2,mode=dfu mode=dfu");
        char expected[80];
        snprintf(expected, sizeof expected, "listening on %s", address);
        says_line(&process, expected);
        struct usbip_client clients[2];
        for (unsigned j = 0; j < 2; j++) {
            uint8_t descriptor[18] = {0};
            assert_int_equal(usbip_client_connect(&clients[j], address), 0);
            assert_int_equal(usbip_client_import(&clients[j], j == 0 ? "1-1" : "1-2"), 0);
            assert_int_equal(usbip_client_control(&clients[j], get_descriptor, descriptor), 18);
            assert_int_equal(descriptor[8] | descriptor[9] << 8, 0x2B04);
            assert_int_equal(descriptor[10] | descriptor[11] << 8, 0xD006);
        }
        FILE *file = fopen(ready, "r");
        assert_non_null(file);
        assert_non_null(fgets(content, sizeof content, file));
        fclose(file);
        snprintf(expected, sizeof expected, "%s\n", address);
        assert_string_equal(content, expected);
        ends_with_0(&process, signals[i]);
        assert_true(usbip_client_is_closed(&clients[0]));
        assert_int_equal(access(ready, F_OK), -1);
        assert_int_equal(access(address + 5, F_OK), -1);
        usbip_client_close(&clients[0]);
        usbip_client_close(&clients[1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wrong_command_line_says_how_to_do_it_right),
        cmocka_unit_test(what_the_system_refuses_is_told),
        cmocka_unit_test(runs_on_a_unix_socket_until_a_signal),
    };
    /* nothing may be left behind */
    return cmocka_run_group_tests_name("run", tests, shell_set_up, shell_tear_down_empty);
}
