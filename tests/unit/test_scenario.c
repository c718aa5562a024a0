#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scenario/scenario.h"

static struct vp_scenario *parsed(const char *text)
{
    struct vp_scenario *scenario = NULL;
    struct vp_failure failure = {""};
    if (vp_scenario_parse("s.yaml", (const uint8_t *)text, strlen(text), 0, &scenario, &failure)) {
        fail_msg("%s", failure.text);
    }
    return scenario;
}

static void every_key_is_loaded(void **state)
{
    (void)state;
    struct vp_scenario *scenario =
        parsed("# comment\n"
               "name: All keys\n"
               "needs: [firmware, dfu-util]\n"
               "devices: [photon@0.5.2, 'photon@erased,bootloader=7']\n"
               "steps:\n"
               "  - run: dfu-util -l\n"
               "    exit: -1\n"
               "    timeout: 5\n"
               "    stdout: {contains: [a, b], lacks: [c], matches: ['^d+$']}\n"
               "    stderr:\n"
               "      lacks: [e]\n"
               "  - run: dfu-util\n"
               "    kill_after: {writes: 3}\n"
               "    access: none\n"
               "  - press: {milliseconds: 3500}\n"
               "    device: 2\n"
               "  - reset: {}\n"
               "  - reset: {holding: 3500}\n"
               "  - power: cycle\n"
               "  - fault: {kind: serial-split, every: 2, bytes: 3, milliseconds: 40}\n"
               "  - fault: {kind: none}\n"
               "  - expect:\n"
               "      mode: dfu\n"
               "      usb: 2b04:d006\n"
               "      modules: {bootloader: 7, system-part1: 17, user: 0}\n"
               "      flash:\n"
               "        - {part: user, equals: '${firmware}/x'}\n"
               "        - {at: 0x080A0000, size: 0x1000, erased: true}\n"
               "        - {unchanged: true}\n");
    assert_string_equal(scenario->path, "s.yaml");
    assert_string_equal(scenario->name, "All keys");
    assert_int_equal(scenario->needs_count, 2);
    assert_int_equal(scenario->devices_count, 2);
    assert_string_equal(scenario->devices[1], "photon@erased,bootloader=7");
    assert_int_equal(scenario->steps_count, 9);
    const struct vp_step *step = scenario->steps;
    assert_string_equal(vp_step_action(step), "run");
    assert_int_equal(step->line, 6);
    assert_int_equal(step->column, 5);
    assert_int_equal(*step->exit_status, -1);
    assert_int_equal(*step->timeout, 5);
    assert_int_equal(step->standard_output->contains_count, 2);
    assert_string_equal(step->standard_output->matches[0], "^d+$");
    assert_string_equal(step->standard_error->lacks[0], "e");
    step++;
    assert_int_equal(step->line, 12);
    assert_int_equal(*step->kill_after->writes, 3);
    assert_null(step->kill_after->erases);
    assert_int_equal(*step->access, VP_HOST_ACCESS_NONE);
    assert_null(step[-1].access);
    step++;
    assert_int_equal(step->press->milliseconds, 3500);
    assert_int_equal(*step->device, 2);
    assert_int_equal(step[1].reset->milliseconds, 0);
    assert_int_equal(step[2].reset->milliseconds, 3500);
    assert_int_equal(*step[3].power, VP_POWER_CYCLE);
    struct vp_fault fault;
    assert_int_equal(vp_step_fault(step[4].fault, &fault, NULL), 0);
    assert_int_equal(fault.kind, VP_FAULT_SERIAL_SPLIT);
    assert_int_equal(fault.every, 2);
    assert_int_equal(fault.bytes, 3);
    assert_int_equal(fault.milliseconds, 40);
    assert_int_equal(step[5].fault->kind, VP_FAULT_KINDS);
    const struct vp_expect *expect = step[6].expect;
    assert_int_equal(*expect->mode, VP_MODE_DFU);
    assert_string_equal(expect->usb, "2b04:d006");
    assert_int_equal(*expect->modules->bootloader, 7);
    assert_int_equal(*expect->modules->user, 0);
    assert_null(expect->modules->system_part2);
    assert_int_equal(expect->flash_count, 3);
    assert_int_equal(*expect->flash[1].at, 0x080A0000);
    assert_true(*expect->flash[2].unchanged);
    vp_scenario_free(scenario);
}

static void a_cloud_is_loaded(void **state)
{
    (void)state;
    struct vp_scenario *scenario =
        parsed("name: x\ndevices: [photon, p1]\ncloud: {healer: off, network: on}\nsteps:\n"
               "  - run: curl ${cloud}/v1/devices/${id}?access_token=${token}\n"
               "  - cloud: {network: off, healer: on, loss: 1000, delay: 5, drop_after: 3}\n"
               "    device: 2\n"
               "  - expect: {online: false, events: {order: [a, b]}}\n");
    assert_int_equal(*scenario->cloud->healer, VP_SWITCH_OFF);
    assert_int_equal(*scenario->cloud->network, VP_SWITCH_ON);
    const struct vp_cloud_step *cloud = scenario->steps[1].cloud;
    assert_int_equal(*cloud->network, VP_SWITCH_OFF);
    assert_int_equal(*cloud->healer, VP_SWITCH_ON);
    assert_int_equal(*cloud->loss, 1000);
    assert_int_equal(*cloud->delay, 5);
    assert_null(cloud->jitter);
    assert_int_equal(*cloud->drop_after, 3);
    assert_string_equal(vp_step_action(&scenario->steps[1]), "cloud");
    assert_false(*scenario->steps[2].expect->online);
    assert_int_equal(scenario->steps[2].expect->events->order_count, 2);
    vp_scenario_free(scenario);
}

static struct vp_scenario *combination(const char *text, unsigned number)
{
    struct vp_scenario *scenario = NULL;
    struct vp_failure failure = {""};
    if (vp_scenario_parse("s.yaml", (const uint8_t *)text, strlen(text), number, &scenario,
                          &failure)) {
        fail_msg("%s", failure.text);
    }
    return scenario;
}

static void each_combination_of_a_matrix_is_a_scenario(void **state)
{
    (void)state;
    static const char text[] = "name: x\n"
                               "matrix:\n"
                               "  - {variable: board, values: [photon, p1]}\n"
                               "  - {variable: tool, values: [a, b, c-1.0]}\n"
                               "needs: ['${tool}']\n"
                               "devices: ['${board}@0.6.3']\n"
                               "steps: [{run: '${tool} ${tool}x ${work}'}]\n";
    static const char *const expected[][3] = {
        {"board=photon,tool=a", "photon@0.6.3", "a ax ${work}"},
        {"board=photon,tool=b", "photon@0.6.3", "b bx ${work}"},
        {"board=photon,tool=c-1.0", "photon@0.6.3", "c-1.0 c-1.0x ${work}"},
        {"board=p1,tool=a", "p1@0.6.3", "a ax ${work}"},
        {"board=p1,tool=b", "p1@0.6.3", "b bx ${work}"},
        {"board=p1,tool=c-1.0", "p1@0.6.3", "c-1.0 c-1.0x ${work}"},
    };
    for (unsigned i = 0; i < 6; i++) {
        struct vp_scenario *scenario = combination(text, i);
        char name[64];
        snprintf(name, sizeof name, "x [%s]", expected[i][0]);
        assert_int_equal(scenario->combinations, 6);
        assert_string_equal(scenario->choice, expected[i][0]);
        assert_string_equal(scenario->name, name);
        assert_string_equal(scenario->devices[0], expected[i][1]);
        assert_string_equal(scenario->steps[0].run, expected[i][2]);
        vp_scenario_free(scenario);
    }
}

/* The schema has names of its own for them. */
static void a_fault_has_the_same_name_everywhere(void **state)
{
    (void)state;
    static const char *const keys[VP_FAULT_KINDS] = {
        [VP_FAULT_SERIAL_DROP] = "",
        [VP_FAULT_SERIAL_DELAY] = ", milliseconds: 1",
        [VP_FAULT_SERIAL_SPLIT] = ", bytes: 1, milliseconds: 1",
        [VP_FAULT_SERIAL_INSERT] = ", text: a",
        [VP_FAULT_SERIAL_UNPLUG] = "",
    };
    for (unsigned kind = 0; kind < VP_FAULT_KINDS; kind++) {
        char text[160];
        snprintf(text, sizeof text, "name: x\ndevices: [photon]\nsteps:\n  - fault: {kind: %s%s}\n",
                 vp_fault_kind_name((enum vp_fault_kind)kind), keys[kind]);
        struct vp_scenario *scenario = parsed(text);
        assert_int_equal(scenario->steps[0].fault->kind, kind);
        vp_scenario_free(scenario);
    }
}

#define HEAD "name: x\ndevices: [photon]\nsteps:\n"

/* Each with the place and the words of its complaint. */
static const struct {
    const char *text, *complaint;
} bad[] = {
    {"", "s.yaml:1:1: there is nothing in it"},
    {"name: x\ndevices: [photon]\nmatrix: []\nsteps: [{power: on}]\n",
     "s.yaml:3:9: matrix: must be a list of 1 to 8 variables"},
    {"name: x\ndevices: [photon]\nmatrix: [{variable: a, values: []}]\nsteps: [{power: on}]\n",
     "s.yaml:3:10: matrix: a needs 'values', a list of 1 to 200"},
    {"name: x\ndevices: [photon]\nmatrix: [{variable: work, values: [a]}]\nsteps: [{power: on}]\n",
     "s.yaml:3:10: matrix: there is another variable 'work'"},
    {"name: x\ndevices: [photon]\nmatrix: [{variable: a, values: ['b}']}]\nsteps: [{power: on}]\n",
     "s.yaml:3:33: matrix: a value of a must be a word"},
    {"name: x\ndevices: [photon]\nmatrix: [{values: [a]}]\nsteps: [{power: on}]\n",
     "s.yaml:3:10: an entry of matrix needs 'variable'"},
    {HEAD "  - cloud: {network: off}\n", "s.yaml:4:12: cloud: the scenario has none"},
    {HEAD "  - run: curl ${cloud}\n", "s.yaml:4:10: ${cloud} is used, so the scenario must have a"},
    {HEAD "  - expect: {online: true}\n", "s.yaml:4:13: expect: online and events are of a cloud"},
    {"name: x\ndevices: [photon]\ncloud: {}\nsteps: [{cloud: {}}]\n",
     "s.yaml:4:17: cloud: needs at least one of network, healer"},
    {"name: x\ndevices: [photon]\ncloud: {}\nsteps: [{cloud: {loss: 1001}}]\n",
     "s.yaml:4:17: cloud: loss and duplicates are of 1000 messages"},
    {"name: x\ndevices: [photon]\ncloud: {}\nsteps: [{expect: {events: {}}}]\n",
     "s.yaml:4:18: expect: needs contains, lacks, matches or order"},
    {"name: [\n", "s.yaml:2:1: this is not YAML: did not find expected node content"},
    {"name: x\n\tdevices: y\n", "s.yaml:2:1: this is not YAML: found a tab character"},
    {"- name\n", "s.yaml:1:1: a scenario: must be a mapping of keys, not a list"},
    {"name: x\ndevices: [photon]\n", "s.yaml:1:1: a scenario needs the key 'steps'"},
    {"nam: x\n", "s.yaml:1:1: 'nam' is not a key of a scenario; did you mean 'name'?"},
    {"name: x\ndevice: photon\n",
     "s.yaml:2:1: 'device' is not a key of a scenario; did you mean 'devices'?"},
    {"name: x\nname: y\n", "s.yaml:2:1: 'name' is already in line 1"},
    {"name: x\ndevices: photon\n", "s.yaml:2:10: devices: must be a list, not a single value"},
    {"name: x\ndevices: ['photon,mode=on']\nsteps: [{reset: {}}]\n",
     "s.yaml:2:11: mode=on: must be dfu, normal or safe"},
    {"name: x\ndevices: []\n", "s.yaml:2:10: devices: has 0 entries, there must be 1 to 15"},
    {"name: ''\n", "s.yaml:1:7: name: has 0 characters"},
    {"name: {a: b}\n", "s.yaml:1:7: name: must be a single value, not a mapping of keys"},
    {"? [a]\n: b\n", "s.yaml:1:3: a key of a scenario must be a word"},
    {"name: &a x\ndevices: [*a]\n", "s.yaml:2:11: aliases (*a) are not allowed here"},
    {HEAD "  - run: x\n---\nname: y\n", "s.yaml:6:1: a second document"},
    {HEAD "  - rum: x\n",
     "s.yaml:4:5: 'rum' is not a key of an entry of steps; did you mean 'run'?"},
    {HEAD "  - run\n", "s.yaml:4:5: an entry of steps: must be a mapping of keys"},
    {HEAD "  - {}\n", "s.yaml:4:5: a step does exactly one of run, press"},
    {HEAD "  - run: x\n    reset: {}\n", "s.yaml:4:5: a step does exactly one of"},
    {HEAD "  - run: x\n    exit: one\n", "s.yaml:5:11: exit: 'one' is not a whole number"},
    {HEAD "  - run: x\n    exit: 9999999999\n",
     "s.yaml:5:11: exit: 9999999999 is not within -2147483647 to 2147483647"},
    {HEAD "  - run: x\n    timeout: -1\n", "s.yaml:5:14: timeout: -1 is not within 0 to"},
    {HEAD "  - run: x\n    timeout: 0\n", "s.yaml:5:14: timeout: must be at least 1"},
    {HEAD "  - run: x\n    timeout:\n", "s.yaml:5:13: timeout: '' is not a whole number"},
    {HEAD "  - run: echo 'x\n", "s.yaml:4:10: run: a quote ' is not closed"},
    {HEAD "  - run: echo ${firmwar}/x\n",
     "s.yaml:4:10: run: there is no variable ${firmwar}; did you mean ${firmware}?"},
    {HEAD "  - run: echo ${work\n", "s.yaml:4:10: run: '${work' has no closing brace"},
    {HEAD "  - run: echo ${firmware}/x\n",
     "s.yaml:4:10: ${firmware} is used, so 'needs' must name firmware"},
    {"name: x\ndevices: ['photon,flash=${firmware}/x']\nsteps: [{reset: {}}]\n",
     "s.yaml:2:11: ${firmware} is used"},
    {HEAD "  - expect: {flash: [{at: 0, equals: '${firmware}/x'}]}\n",
     "s.yaml:4:13: ${firmware} is used"},
    {HEAD "  - run: ' '\n", "s.yaml:4:10: run: there is no command"},
    {HEAD "  - run: x\n    device: 1\n", "s.yaml:5:13: 'device' does not go with 'run'"},
    {HEAD "  - run: x\n    stdout: {contain: [a]}\n",
     "s.yaml:5:14: 'contain' is not a key of stdout; did you mean 'contains'?"},
    {HEAD "  - run: x\n    stdout: {matches: ['(']}\n",
     "s.yaml:5:13: matches: '(' is no regular expression"},
    {HEAD "  - run: x\n    kill_after: {}\n", "s.yaml:5:17: kill_after: needs exactly one of"},
    {HEAD "  - run: x\n    kill_after: {writes: 0}\n",
     "s.yaml:5:17: kill_after: must be at least 1"},
    {HEAD "  - run: x\n    kill_after: {writes: 1}\n    exit: 0\n",
     "s.yaml:6:11: 'exit' does not go with 'kill_after'"},
    {HEAD "  - reset: {}\n    exit: 0\n", "s.yaml:5:11: 'exit' goes with 'run', not with 'reset'"},
    {HEAD "  - run: x\n    access: non\n",
     "s.yaml:5:13: access: 'non' is not known; did you mean 'none'? (full, none)"},
    {HEAD "  - run: x\n    access: [none]\n", "s.yaml:5:13: access: must be a single value"},
    {HEAD "  - reset: {}\n    access: full\n",
     "s.yaml:5:13: 'access' goes with 'run', not with 'reset'"},
    {HEAD "  - press: {}\n", "s.yaml:4:12: press needs the key 'milliseconds'"},
    {HEAD "  - reset: {}\n    device: 2\n",
     "s.yaml:5:13: there is no device 2; the scenario has 1"},
    {HEAD "  - power: of\n", "s.yaml:4:12: power: 'of' is not known; did you mean 'off'?"},
    {HEAD "  - fault: {every: 2}\n", "s.yaml:4:12: fault needs the key 'kind'"},
    {HEAD "  - fault: {kind: serial-dorp}\n",
     "s.yaml:4:19: kind: 'serial-dorp' is not known; did you mean 'serial-drop'?"},
    {HEAD "  - fault: {kind: serial-drop, at: 0}\n", "s.yaml:4:12: fault: numbers begin with 1"},
    {HEAD "  - fault: {kind: serial-delay}\n", "s.yaml:4:12: fault: serial-delay needs a time"},
    {HEAD "  - fault: {kind: none, at: 1}\n", "s.yaml:4:12: fault: 'none' ends all faults"},
    {HEAD "  - expect: {}\n", "s.yaml:4:13: expect: nothing is expected"},
    {HEAD "  - expect: {modules: {}}\n", "s.yaml:4:13: expect: nothing is expected"},
    {HEAD "  - run: x\n    stdout: {}\n",
     "s.yaml:5:13: stdout: needs contains, lacks, matches or order"},
    {HEAD "  - expect: {flash: [{at: 0, size: 0, erased: true}]}\n", "has a size of 0"},
    {HEAD "  - expect: {mode: dfuu}\n",
     "s.yaml:4:20: mode: 'dfuu' is not known; did you mean 'dfu'? (off, boot, dfu, normal, safe"},
    {HEAD "  - expect: {modules: {user: 65536}}\n",
     "s.yaml:4:30: user: 65536 is not within 0 to 65535"},
    {HEAD "  - expect: {modules: {system-prt1: 1}}\n", "did you mean 'system-part1'?"},
    {HEAD "  - expect: {usb: 2B04:D006}\n", "s.yaml:4:13: usb: '2B04:D006' is neither"},
    {HEAD "  - expect: {flash: [{part: user}]}\n",
     "needs exactly one of equals, erased, unchanged"},
    {HEAD "  - expect: {flash: [{erased: yes}]}\n",
     "s.yaml:4:31: erased: 'yes' is neither true nor false"},
    {HEAD "  - expect: {flash: [{erased: false}]}\n", "can only be true"},
    {HEAD "  - expect: {flash: [{at: 0, erased: true}]}\n", "'size' must say how much"},
    {HEAD "  - expect: {flash: [{size: 1, erased: true}]}\n", "'at' must say from where"},
    {HEAD "  - expect: {flash: [{equals: x}]}\n", "'part' or 'at' must say where"},
    {HEAD "  - expect: {flash: [{part: user, equals: '${x}'}]}\n", "there is no variable ${x}"},
    {"name: x\ndevices: ['photon,flash=${wrk}/f']\nsteps: [{reset: {}}]\n",
     "s.yaml:2:11: there is no variable ${wrk}; did you mean ${work}?"},
};

static void each_mistake_is_told_with_its_place(void **state)
{
    (void)state;
    unsigned wrong = 0;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct vp_scenario *scenario = NULL;
        struct vp_failure failure = {""};
        const int error = vp_scenario_parse("s.yaml", (const uint8_t *)bad[i].text,
                                            strlen(bad[i].text), 0, &scenario, &failure);
        assert_null(scenario);
        if (error != VP_ERROR_INVALID || !strstr(failure.text, bad[i].complaint)) {
            print_error("expected \"%s\"\n     got \"%s\" (%d)\n", bad[i].complaint, failure.text,
                        error);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

static void a_missing_file_is_told(void **state)
{
    (void)state;
    struct vp_scenario *scenario;
    struct vp_failure failure;
    assert_int_equal(vp_scenario_load("/no/such.yaml", 0, &scenario, &failure), VP_ERROR_IO);
    assert_string_equal(failure.text, "/no/such.yaml: No such file or directory");
}

static void command_lines_are_split_like_a_shell_does(void **state)
{
    (void)state;
    static const struct vp_variable variables[] = {{"a", "x y"}, {"b", ""}, {NULL, NULL}};
    static const struct {
        const char *line;
        const char *words[5];
    } lines[] = {
        {"dfu-util  -l\t-v", {"dfu-util", "-l", "-v"}},
        {"sh -c 'echo \"${a}\"; x'", {"sh", "-c", "echo \"${a}\"; x"}},
        {"${a} \"${a}\"z \\\"q\\ r", {"x y", "x yz", "\"q r"}},
        {"'' ${b} \"\"", {"", "", ""}},
        {"$a $ {a}", {"$a", "$", "{a}"}},
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        char **words;
        assert_int_equal(vp_split(lines[i].line, variables, &words, NULL), 0);
        unsigned count = 0;
        for (; lines[i].words[count]; count++) {
            assert_non_null(words[count]);
            assert_string_equal(words[count], lines[i].words[count]);
        }
        assert_null(words[count]);
        vp_free_words(words);
    }
}

static void a_slow_machine_gets_more_time(void **state)
{
    (void)state;
    unsigned own = 7;
    struct vp_step step = {.timeout = NULL};
    assert_int_equal(vp_step_timeout(&step, 1), VP_DEFAULT_TIMEOUT);
    assert_int_equal(vp_step_timeout(&step, 5), 5 * VP_DEFAULT_TIMEOUT);
    step.timeout = &own;
    assert_int_equal(vp_step_timeout(&step, 5), 35);
    own = UINT_MAX;
    assert_int_equal(vp_step_timeout(&step, 1000), VP_LONGEST_TIMEOUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_is_loaded),
        cmocka_unit_test(a_cloud_is_loaded),
        cmocka_unit_test(each_combination_of_a_matrix_is_a_scenario),
        cmocka_unit_test(a_fault_has_the_same_name_everywhere),
        cmocka_unit_test(each_mistake_is_told_with_its_place),
        cmocka_unit_test(a_missing_file_is_told),
        cmocka_unit_test(command_lines_are_split_like_a_shell_does),
        cmocka_unit_test(a_slow_machine_gets_more_time),
    };
    return cmocka_run_group_tests_name("scenario", tests, NULL, NULL);
}
