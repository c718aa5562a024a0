#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/shell.h"

/* `vparticle test` as a whole: scenarios in a folder of their own, TMPDIR in another. */
static const char *before = ""; /* words before the program */

static int run(const char *arguments)
{
    return shell_run("TMPDIR=%s/tmp %s %s test %s", shell_folder(), before, VP_PROGRAM, arguments);
}

/* A scenario with one Photon of 1.5.0 in DFU mode and these steps. */
static void write_steps(const char *name, const char *steps)
{
    char text[4096];
    snprintf(text, sizeof text, "name: Scenario %s\ndevices: ['photon@1.5.0,mode=dfu']\nsteps:\n%s",
             name, steps);
    shell_write(name, text);
}

static int run_steps(const char *steps)
{
    write_steps("one.yaml", steps);
    return run("one.yaml");
}

static void what_is_as_expected_passes(void **state)
{
    (void)state;
    assert_int_equal(
        run_steps("  - run: ${vparticle} forge photon/tinker@2 -o t.bin\n"
                  "  - run: cp t.bin ${work}/u.bin\n"
                  "  - run: sh -c 'echo out; echo err >&2; exit 3'\n"
                  "    exit: 3\n"
                  "    stdout: {contains: [ut], lacks: [err], matches: ['^o.t$'], order: [o, t]}\n"
                  "    stderr: {contains: [err], lacks: [out]}\n"
                  "  - expect:\n"
                  "      mode: dfu\n"
                  "      usb: 2b04:d006\n"
                  "      modules: {bootloader: 501, system-part1: 1502, user: 6}\n"
                  "      flash:\n"
                  "        - {unchanged: true}\n"
                  "        - {part: user, unchanged: true}\n"
                  "        - {at: 0x080C0000, size: 0x40000, erased: true}\n"
                  "  - reset: {}\n"
                  "  - expect: {mode: normal}\n"
                  "  - reset: {holding: 2000}\n"
                  "  - expect: {mode: safe}\n"
                  "  - reset: {holding: 4000}\n"
                  "  - expect: {mode: dfu}\n"
                  "  - power: 'off'\n"
                  "  - expect: {mode: 'off', usb: none}\n"
                  "  - power: 'on'\n"
                  "  - expect: {mode: normal}\n"
                  "  - power: cycle\n"
                  "  - press: {milliseconds: 100}\n"
                  "  - expect: {mode: normal}\n"),
        0);
    assert_string_equal(shell_output(),
                        "TAP version 14\n1..1\nok 1 - one.yaml: Scenario one.yaml\n");
}

/* A cloud beside the device: it is claimed, and tools find it at home. */
static void a_cloud_is_there_for_tools(void **state)
{
    (void)state;
    shell_write("cloud.yaml",
                "name: Cloud\ndevices: ['photon@0.6.3']\ncloud: {network: off}\nsteps:\n"
                "  - expect: {online: false, led: green blink, events: {lacks: [online]}}\n"
                "  - cloud: {network: on}\n"
                "  - expect: {online: true, led: cyan breathe, events: {contains: [online]}}\n"
                "  - run: sh -c 'cat $HOME/.particle/particle.config.json'\n"
                "    stdout: {contains: ['http://127.0.0.1:', tester]}\n"
                "  - run: curl -sS ${cloud}/v1/devices/${id}?access_token=${token}\n"
                "    stdout: {contains: ['\"platform_id\":6']}\n");
    assert_int_equal(run("--format pretty cloud.yaml"), 0);
    assert_non_null(strstr(shell_output(), "data in all: "));
    shell_write("calm.yaml", "name: Calm\ndevices: ['electron@0.6.4']\ncloud: {}\nsteps:\n"
                             "  - cloud: {loss: 1}\n"
                             "  - expect: {online: true}\n");
    assert_int_equal(run("calm.yaml"), 1);
    assert_non_null(strstr(shell_output(), "expected: \"messages lost in the air\""));
}

static void one_choice_of_a_matrix_is_run_alone(void **state)
{
    (void)state;
    shell_write("matrix.yaml", "name: M\nmatrix: [{variable: tool, values: ['true', 'false']}]\n"
                               "devices: [photon]\nsteps: [{run: '${tool}'}]\n");
    assert_int_equal(run("matrix.yaml"), 1);
    assert_non_null(strstr(shell_output(), "ok 1 - matrix.yaml: M [tool=true]\nnot ok 2"));
    assert_non_null(strstr(shell_output(), "test --choose tool=false matrix.yaml"));
    assert_int_equal(run("--choose tool=true matrix.yaml"), 0);
    assert_int_equal(run("--choose tool=none matrix.yaml"), 2);
    assert_non_null(strstr(shell_output(), "no scenario has what --choose names"));
    assert_int_equal(run("--choose tool matrix.yaml"), 2);
}

/* Each with what must be said about it. */
static const struct {
    const char *steps;
    const char *says[3];
} failing[] = {
    {"  - run: 'true'\n  - run: 'false'\n",
     {"line: 5", "expected: \"exit status 0\"", "found: \"exit status 1\""}},
    {"  - run: sh -c 'kill -TERM $$'\n", {"found: \"killed by signal 15 (Terminated)\""}},
    {"  - run: no-such-tool\n", {"expected: \"no-such-tool can be started\"", "no such program"}},
    {"  - run: echo hello\n    stdout: {contains: [help]}\n",
     {"expected: \"\\\"help\\\" in stdout\"", "output: \"hello\\n\""}},
    {"  - run: echo hello\n    stdout: {lacks: [hell]}\n",
     {"expected: \"no \\\"hell\\\" in stdout\""}},
    {"  - run: echo hello\n    stderr: {matches: [hello]}\n",
     {"expected: \"a line of stderr that matches \\\"hello\\\"\"", "found: \"no line does\""}},
    {"  - run: echo one two\n    stdout: {order: [two, one]}\n",
     {"expected: \"\\\"one\\\" in stdout behind \\\"two\\\"\"", "found: \"it is there before"}},
    {"  - run: sleep 60\n    timeout: 1\n",
     {"expected: \"the tool ends within 1 s\"", "it was still running and was killed"}},
    {"  - run: echo hello\n    kill_after: {writes: 1}\n",
     {"expected: \"killed after 1 writes\"", "ended by itself after 0 writes: exit status 0"}},
    {"  - run: 'true'\n    access: none\n",
     {"expected: \"access: none refuses the tool a device\"",
      "found: \"the tool tried to use none: exit status 0\""}},
    {"  - run: sh -c 'yes | head -c 1100000'\n    stdout: {lacks: [z]}\n",
     {"expected: \"stdout of at most 1048576 bytes to search\"", "there was more"}},
    {"  - fault: {kind: serial-drop}\n",
     {"expected: \"the fault serial-drop happens before this is over\"", "it never did"}},
    {"  - fault: {kind: serial-delay, milliseconds: 1}\n  - fault: {kind: none}\n  - run: 'true'\n",
     {"expected: \"the fault serial-delay happens before this is over\"", "line: 5"}},
    {"  - expect: {mode: safe}\n", {"expected: \"mode safe\"", "found: \"mode dfu\""}},
    {"  - expect: {usb: none}\n", {"expected: \"USB device none\"", "found: \"2b04:d006\""}},
    {"  - expect: {modules: {user: 7}}\n",
     {"expected: \"user version 7\"", "found: \"version 6\""}},
    {"  - expect: {flash: [{at: 0x08020000, size: 16, erased: true}]}\n",
     {"expected: \"16 bytes of flash at 0x08020000 erased\"", "16 of 16 bytes differ; at 0x0802"}},
    {"  - run: touch empty\n  - expect: {flash: [{at: 0x08020000, equals: '${work}/none'}]}\n",
     {"expected: \"${work}/none to compare with\"", "No such file"}},
    {"  - run: touch empty\n  - expect: {flash: [{at: 0x08020000, equals: '${work}/empty'}]}\n",
     {"expected: \"${work}/empty to compare with\"", "is empty or too large"}},
    {"  - run: sh -c 'printf x >one'\n"
     "  - expect: {flash: [{at: 0x080C0000, equals: '${work}/one'}]}\n",
     {"1 of 1 bytes differ; at 0x080c0000 there is ff, not 78"}},
};

static void what_is_not_fails_and_says_why(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof failing / sizeof failing[0]; i++) {
        assert_int_equal(run_steps(failing[i].steps), 1);
        shell_says("not ok 1 - one.yaml");
        for (unsigned s = 0; s < 3 && failing[i].says[s]; s++) {
            shell_says(failing[i].says[s]);
        }
        shell_says("again: \"" VP_PROGRAM " test one.yaml\"");
    }
}

static void a_tool_is_killed_where_it_was_asked_for(void **state)
{
    (void)state;
    if (system("command -v dfu-util >/dev/null")) {
        print_message("dfu-util is not installed\n");
        skip();
    }
    static const char *const kinds[][2] = {{"writes", "unchanged: true"},
                                           {"erases", "erased: true"},
                                           {"transfers", "unchanged: true"}};
    for (unsigned i = 0; i < 3; i++) {
        char steps[1024], note[64];
        snprintf(steps, sizeof steps,
                 "  - run: ${vparticle} forge photon/system-part1@1.5.0 -o p.bin\n"
                 "  - run: dfu-util -d 2b04:d006 -a 0 -s 0x08020000 -D p.bin\n"
                 "    kill_after: {%s: 2}\n"
                 "  - expect: {mode: dfu, flash: [{at: 0x08020000, size: 0x1000, %s}]}\n",
                 kinds[i][0], kinds[i][1]);
        assert_int_equal(run_steps(steps), 0);
        snprintf(note, sizeof note, "# line 5: the tool was killed after 2 %s\n", kinds[i][0]);
        shell_says(note);
    }
    /* The host has asked a dozen questions before the tool starts: those do not count. */
    assert_int_equal(run_steps("  - run: dfu-util -a 0 -s 0x08000000:65536 -U u.bin\n"
                               "    kill_after: {transfers: 5}\n"),
                     0);
    shell_says("# line 4: the tool was killed after 5 transfers\n");
    /* A failure after transfers shows the last of them. */
    assert_int_equal(run_steps("  - run: dfu-util -l\n  - expect: {mode: normal}\n"), 1);
    shell_says("  transfers:\n    - \"GET_DESCRIPTOR string");
}

static void who_started_it_may_ignore_its_children(void **state)
{
    (void)state;
    before = "env --ignore-signal=CHLD";
    const int status = run_steps("  - run: 'false'\n    exit: 1\n    timeout: 5\n");
    before = "";
    assert_int_equal(status, 0);
}

static void what_is_missing_is_skipped_and_told(void **state)
{
    (void)state;
    shell_write("one.yaml", "name: x\nneeds: [no-such-tool]\ndevices: [photon]\n"
                            "steps: [{run: no-such-tool}]\n");
    assert_int_equal(run("one.yaml"), 0);
    shell_says("ok 1 - one.yaml: x # SKIP the program no-such-tool is not installed\n");
    shell_write("one.yaml", "name: x\nneeds: [firmware]\ndevices: [photon]\n"
                            "steps: [{run: 'cat ${firmware}/0.5.2/photon-tinker.bin'}]\n");
    assert_int_equal(run("one.yaml"), 0);
    shell_says("# SKIP real firmware is not here; scripts/fetch-firmware brings it\n");
    assert_int_equal(run("--firmware tmp one.yaml"), 0);
    shell_says("/tmp/0.5.2/photon-tinker.bin is not here; scripts/fetch-firmware brings it\n");
    char path[256];
    shell_path(path, sizeof path, "tmp/0.5.2");
    assert_int_equal(mkdir(path, 0700), 0);
    shell_write("tmp/0.5.2/photon-tinker.bin", "");
    assert_int_equal(run("--firmware tmp one.yaml"), 0);
    shell_says("ok 1 - one.yaml: x\n");
    assert_int_equal(run("--firmware tmp one.yaml --format json"), 0);
    shell_says("\"passed\": 1");
    char image[300];
    snprintf(image, sizeof image, "%s/photon-tinker.bin", path);
    unlink(image);
    rmdir(path);
}

static void a_wrong_scenario_is_no_failure_but_an_error(void **state)
{
    (void)state;
    shell_write("one.yaml", "name: x\ndevices: ['photon@0.5.9']\nsteps: [{reset: {}}]\n");
    assert_int_equal(run("one.yaml"), 2);
    shell_says("one.yaml:2:11: photon has no release '0.5.9'");
    shell_write("one.yaml", "name: x\ndevices: [photon]\n"
                            "steps: [{expect: {flash: [{part: usr, erased: true}]}}]\n");
    assert_int_equal(run("one.yaml"), 2);
    shell_says("reason: \"line 3: a photon has no slot 'usr'\"");
    shell_write("one.yaml", "name: x\ndevices: [photon]\n"
                            "steps: [{expect: {flash: [{at: 0, size: 1, erased: true}]}}]\n");
    assert_int_equal(run("one.yaml"), 2);
    shell_says("1 bytes at 0x00000000 are not in the flash");
    shell_write("two.yaml", "nam: x\n");
    shell_write("one.yaml", "name: [\n");
    assert_int_equal(run("one.yaml two.yaml"), 2);
    shell_says("one.yaml:2:1: this is not YAML");
    shell_says("two.yaml:1:1: 'nam' is not a key");
}

static void the_command_line_is_checked(void **state)
{
    (void)state;
    static const struct {
        const char *arguments, *says;
    } wrong[] = {
        {"no-such.yaml", "no-such.yaml: No such file"},
        {"", "scenarios: No such file"},
        {"tmp", "there is no *.yaml below tmp"},
        {"--format xml tmp", "--format xml: must be pretty, tap or json"},
        {"--report html=x tmp", "--report html=x: must be junit=FILE"},
        {"--jobs 0 tmp", "--jobs 0: must be a number from 1 to 64"},
        {"--jobs -3 tmp", "must be a number from 1 to 64"},
        {"--firmware no-such tmp", "--firmware no-such: No such file"},
        {"--no-such", "unrecognized option"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(run(wrong[i].arguments), 2);
        shell_says(wrong[i].says);
    }
    assert_int_equal(run("--help"), 0);
    shell_says("Usage: vparticle test");
}

/* The slowest is first: its result still comes first. One crash costs nobody else anything. */
static void many_at_a_time_keep_their_order(void **state)
{
    (void)state;
    char path[256];
    shell_path(path, sizeof path, "many");
    assert_int_equal(mkdir(path, 0700), 0);
    write_steps("many/a.yaml", "  - run: sleep 0.3\n");
    write_steps("many/b.yaml", "  - run: sh -c 'kill -KILL $PPID; sleep 5'\n");
    write_steps("many/c.yaml", "  - run: 'false'\n");
    write_steps("many/d.yaml", "  - run: 'true'\n");
    shell_write("many/readme.txt", "not a scenario");
    assert_int_equal(run("--jobs 4 many --report junit=report.xml"), 3);
    const char *first = strstr(shell_output(), "ok 1 - many/a.yaml");
    const char *second = strstr(shell_output(), "not ok 2 - many/b.yaml");
    const char *third = strstr(shell_output(), "not ok 3 - many/c.yaml");
    const char *fourth = strstr(shell_output(), "ok 4 - many/d.yaml");
    assert_true(first && second && third && fourth);
    assert_true(first < second && second < third && third < fourth);
    shell_says("reason: \"the emulator crashed: Killed\"");
    shell_says("1..4\n");
    shell_path(path, sizeof path, "report.xml");
    assert_int_equal(access(path, R_OK), 0);
    assert_int_equal(run("--list many"), 0);
    assert_string_equal(shell_output(), "many/a.yaml: Scenario many/a.yaml\n"
                                        "many/b.yaml: Scenario many/b.yaml\n"
                                        "many/c.yaml: Scenario many/c.yaml\n"
                                        "many/d.yaml: Scenario many/d.yaml\n");
}

static void nothing_is_left_behind(void **state)
{
    (void)state;
    char path[256];
    shell_path(path, sizeof path, "tmp");
    assert_int_equal(rmdir(path), 0);
}

static int set_up(void **state)
{
    char path[256];
    if (shell_set_up(state)) {
        return -1;
    }
    shell_path(path, sizeof path, "tmp");
    return mkdir(path, 0700);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_as_expected_passes),
        cmocka_unit_test(a_cloud_is_there_for_tools),
        cmocka_unit_test(one_choice_of_a_matrix_is_run_alone),
        cmocka_unit_test(what_is_not_fails_and_says_why),
        cmocka_unit_test(a_tool_is_killed_where_it_was_asked_for),
        cmocka_unit_test(who_started_it_may_ignore_its_children),
        cmocka_unit_test(what_is_missing_is_skipped_and_told),
        cmocka_unit_test(a_wrong_scenario_is_no_failure_but_an_error),
        cmocka_unit_test(the_command_line_is_checked),
        cmocka_unit_test(many_at_a_time_keep_their_order),
        cmocka_unit_test(nothing_is_left_behind),
    };
    return cmocka_run_group_tests_name("runner", tests, set_up, shell_tear_down);
}
