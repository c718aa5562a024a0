/* Rules of scenario files that the schema cannot say. */
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenario/load_private.h"

static yaml_node_t *step_node(struct vp_loader *loader, unsigned index)
{
    yaml_node_t *root = yaml_document_get_root_node(&loader->document);
    return vp_yaml_entry(&loader->document, vp_yaml_get(&loader->document, root, "steps"), index);
}

/* Where to point at: the value of @p key in a step, or the step itself. */
static yaml_node_t *place(struct vp_loader *loader, unsigned index, const char *key)
{
    yaml_node_t *step = step_node(loader, index);
    yaml_node_t *value = vp_yaml_get(&loader->document, step, key);
    return value ? value : step;
}

unsigned vp_step_timeout(const struct vp_step *step, unsigned patience)
{
    const unsigned own = step->timeout ? *step->timeout : VP_DEFAULT_TIMEOUT;
    return own > VP_LONGEST_TIMEOUT / patience ? VP_LONGEST_TIMEOUT : own * patience;
}

const char *vp_step_action(const struct vp_step *step)
{
    return step->run      ? "run"
           : step->press  ? "press"
           : step->reset  ? "reset"
           : step->power  ? "power"
           : step->plug   ? "plug"
           : step->fault  ? "fault"
           : step->cloud  ? "cloud"
           : step->expect ? "expect"
                          : NULL;
}

/* Without a cloud these are empty. */
static int check_cloud_variables(struct vp_loader *loader, const char *text,
                                 const yaml_node_t *node)
{
    static const char *const variables[] = {"${cloud}", "${token}", "${id}"};
    for (unsigned i = 0; i < sizeof variables / sizeof *variables; i++) {
        if (!loader->scenario->cloud && strstr(text, variables[i])) {
            return vp_yaml_fail(loader->path, node, loader->failure,
                                "%s is used, so the scenario must have a cloud: add 'cloud: {}'",
                                variables[i]);
        }
    }
    return 0;
}

/* Without the need, a machine without real images would fail where it ought to skip. */
static int check_need(struct vp_loader *loader, const char *text, const yaml_node_t *node)
{
    if (!text || !strstr(text, "${firmware}")) {
        return 0;
    }
    for (unsigned i = 0; i < loader->scenario->needs_count; i++) {
        if (strcmp(loader->scenario->needs[i], "firmware") == 0) {
            return 0;
        }
    }
    return vp_yaml_fail(loader->path, node, loader->failure,
                        "${firmware} is used, so 'needs' must name firmware");
}

static int check_action(struct vp_loader *loader, unsigned index)
{
    const struct vp_step *step = &loader->scenario->steps[index];
    const int actions = !!step->run + !!step->press + !!step->reset + !!step->power + !!step->plug +
                        !!step->fault + !!step->cloud + !!step->expect;
    if (actions != 1) {
        return vp_yaml_fail(
            loader->path, step_node(loader, index), loader->failure,
            "a step does exactly one of run, press, reset, power, plug, fault, cloud, expect; "
            "this one does %s",
            actions ? "more" : "none");
    }
    static const char *const only_run[] = {"exit",   "timeout",    "stdout",
                                           "stderr", "kill_after", "access"};
    for (unsigned i = 0; !step->run && i < sizeof only_run / sizeof only_run[0]; i++) {
        if (vp_yaml_get(&loader->document, step_node(loader, index), only_run[i])) {
            return vp_yaml_fail(loader->path, place(loader, index, only_run[i]), loader->failure,
                                "'%s' goes with 'run', not with '%s'", only_run[i],
                                vp_step_action(step));
        }
    }
    return 0;
}

static int check_device(struct vp_loader *loader, unsigned index)
{
    const struct vp_step *step = &loader->scenario->steps[index];
    if (step->device && step->run) {
        return vp_yaml_fail(loader->path, place(loader, index, "device"), loader->failure,
                            "'device' does not go with 'run': a tool sees all devices");
    }
    if (step->device && (*step->device < 1 || *step->device > loader->scenario->devices_count)) {
        return vp_yaml_fail(loader->path, place(loader, index, "device"), loader->failure,
                            "there is no device %u; the scenario has %u, counted from 1",
                            *step->device, loader->scenario->devices_count);
    }
    return 0;
}

static int check_patterns(struct vp_loader *loader, unsigned index, const char *key,
                          const struct vp_text_check *text)
{
    for (unsigned i = 0; text && i < text->matches_count; i++) {
        regex_t pattern;
        const int problem = regcomp(&pattern, text->matches[i], REG_EXTENDED | REG_NOSUB);
        if (problem) {
            char reason[128];
            regerror(problem, &pattern, reason, sizeof reason);
            return vp_yaml_fail(loader->path, place(loader, index, key), loader->failure,
                                "matches: '%s' is no regular expression: %s", text->matches[i],
                                reason);
        }
        regfree(&pattern);
    }
    return 0;
}

/* A check that checks nothing always passes, and is a mistake. */
static int check_text(struct vp_loader *loader, unsigned index, const char *key,
                      const struct vp_text_check *text)
{
    if (text && !text->contains && !text->lacks && !text->matches && !text->order) {
        return vp_yaml_fail(loader->path, place(loader, index, key), loader->failure,
                            "%s: needs contains, lacks, matches or order", key);
    }
    return check_patterns(loader, index, key, text);
}

static bool names_no_module(const struct vp_versions *versions)
{
    return !versions->bootloader && !versions->system_part1 && !versions->system_part2 &&
           !versions->system_part3 && !versions->user && !versions->monolithic;
}

static int check_run(struct vp_loader *loader, unsigned index)
{
    const struct vp_step *step = &loader->scenario->steps[index];
    struct vp_failure reason;
    char **words;
    int error = vp_split(step->run, vp_scenario_variables, &words, &reason);
    if (error) {
        return vp_yaml_fail(loader->path, place(loader, index, "run"), loader->failure, "run: %s",
                            reason.text);
    }
    vp_free_words(words);
    error = check_need(loader, step->run, place(loader, index, "run"));
    if (!error) {
        error = check_cloud_variables(loader, step->run, place(loader, index, "run"));
    }
    if (error) {
        return error;
    }
    if (step->timeout && *step->timeout == 0) {
        return vp_yaml_fail(loader->path, place(loader, index, "timeout"), loader->failure,
                            "timeout: must be at least 1 (second)");
    }
    const struct vp_kill_after *kill = step->kill_after;
    if (kill && !!kill->writes + !!kill->erases + !!kill->transfers != 1) {
        return vp_yaml_fail(loader->path, place(loader, index, "kill_after"), loader->failure,
                            "kill_after: needs exactly one of writes, erases, transfers");
    }
    if (kill && ((kill->writes && !*kill->writes) || (kill->erases && !*kill->erases) ||
                 (kill->transfers && !*kill->transfers))) {
        return vp_yaml_fail(loader->path, place(loader, index, "kill_after"), loader->failure,
                            "kill_after: must be at least 1");
    }
    if (kill && step->exit_status) {
        return vp_yaml_fail(loader->path, place(loader, index, "exit"), loader->failure,
                            "'exit' does not go with 'kill_after': a killed tool has none");
    }
    error = check_text(loader, index, "stdout", step->standard_output);
    return error ? error : check_text(loader, index, "stderr", step->standard_error);
}

static bool is_usb_id(const char *text)
{
    static const char hex[] = "0123456789abcdef";
    return strcmp(text, "none") == 0 || (strlen(text) == 9 && strspn(text, hex) == 4 &&
                                         text[4] == ':' && strspn(text + 5, hex) == 4);
}

static int check_flash(struct vp_loader *loader, unsigned index, const struct vp_flash_check *flash)
{
    const char *wrong = NULL;
    if (!!flash->equals + !!flash->erased + !!flash->unchanged != 1) {
        wrong = "needs exactly one of equals, erased, unchanged";
    } else if (flash->part && (flash->at || flash->size)) {
        wrong = "has a part, so 'at' and 'size' do not go with it";
    } else if (flash->size && !flash->at) {
        wrong = "has a size; 'at' must say from where";
    } else if (flash->at && !flash->size && !flash->equals) {
        wrong = "says where; 'size' must say how much";
    } else if (flash->size && *flash->size == 0) {
        wrong = "has a size of 0: there is nothing to compare";
    } else if (flash->equals && flash->size) {
        wrong = "compares with a file; that says how much, not 'size'";
    } else if (flash->equals && !flash->part && !flash->at) {
        wrong = "compares with a file; 'part' or 'at' must say where";
    } else if ((flash->erased && !*flash->erased) || (flash->unchanged && !*flash->unchanged)) {
        wrong = "can only be true; leave it out otherwise";
    }
    if (wrong) {
        return vp_yaml_fail(loader->path, place(loader, index, "expect"), loader->failure,
                            "an entry of flash %s", wrong);
    }
    char *path = NULL;
    struct vp_failure reason;
    if (flash->equals && vp_expand(flash->equals, vp_scenario_variables, &path, &reason)) {
        return vp_yaml_fail(loader->path, place(loader, index, "expect"), loader->failure,
                            "equals: %s", reason.text);
    }
    free(path);
    return check_need(loader, flash->equals, place(loader, index, "expect"));
}

static bool is_led(const char *text)
{
    for (int color = VP_LED_OFF; color <= VP_LED_RAINBOW; color++) {
        for (int pattern = VP_LED_SOLID; pattern <= VP_LED_BREATHE; pattern++) {
            char name[32];
            snprintf(name, sizeof name, "%s %s", vp_led_color_name((enum vp_led_color)color),
                     vp_led_pattern_name((enum vp_led_pattern)pattern));
            if (strcmp(name, text) == 0) {
                return true;
            }
        }
    }
    return false;
}

static int check_expect(struct vp_loader *loader, unsigned index)
{
    const struct vp_expect *expect = loader->scenario->steps[index].expect;
    if (!expect->mode && !expect->flash && !expect->usb && !expect->led && !expect->online &&
        !expect->events && (!expect->modules || names_no_module(expect->modules))) {
        return vp_yaml_fail(loader->path, place(loader, index, "expect"), loader->failure,
                            "expect: nothing is expected");
    }
    if (expect->usb && !is_usb_id(expect->usb)) {
        return vp_yaml_fail(loader->path, place(loader, index, "expect"), loader->failure,
                            "usb: '%s' is neither VENDOR:PRODUCT (such as 2b04:d006) nor none",
                            expect->usb);
    }
    if (expect->led && !is_led(expect->led)) {
        return vp_yaml_fail(loader->path, place(loader, index, "expect"), loader->failure,
                            "led: '%s' is not a colour (off, red, green, blue, yellow, magenta, "
                            "cyan, white) and a pattern (solid, blink, breathe)",
                            expect->led);
    }
    if ((expect->online || expect->events) && !loader->scenario->cloud) {
        return vp_yaml_fail(loader->path, place(loader, index, "expect"), loader->failure,
                            "expect: online and events are of a cloud: add 'cloud: {}' to the "
                            "scenario");
    }
    const int wrong = check_text(loader, index, "expect", expect->events);
    if (wrong) {
        return wrong;
    }
    for (unsigned i = 0; expect->flash && i < expect->flash_count; i++) {
        const int error = check_flash(loader, index, &expect->flash[i]);
        if (error) {
            return error;
        }
    }
    return 0;
}

int vp_step_fault(const struct vp_fault_step *step, struct vp_fault *fault,
                  struct vp_failure *failure)
{
    const uint32_t *const numbers[] = {step->at, step->every, step->milliseconds, step->bytes};
    for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (numbers[i] && *numbers[i] == 0) {
            return vp_fail(failure, VP_ERROR_INVALID, "numbers begin with 1");
        }
    }
    *fault = (struct vp_fault){
        .kind = step->kind,
        .at = step->at ? *step->at : 0,
        .every = step->every ? *step->every : 0,
        .milliseconds = step->milliseconds ? *step->milliseconds : 0,
        .bytes = step->bytes ? *step->bytes : 0,
    };
    snprintf(fault->text, sizeof fault->text, "%s", step->text ? step->text : "");
    return vp_fault_check(fault, failure);
}

static int check_fault(struct vp_loader *loader, unsigned index)
{
    const struct vp_fault_step *step = loader->scenario->steps[index].fault;
    struct vp_failure reason;
    if (step->kind == VP_FAULT_KINDS) {
        const bool alone =
            !step->at && !step->every && !step->milliseconds && !step->bytes && !step->text;
        return alone ? 0
                     : vp_yaml_fail(loader->path, place(loader, index, "fault"), loader->failure,
                                    "fault: 'none' ends all faults, and has no other keys");
    }
    struct vp_fault fault;
    return vp_step_fault(step, &fault, &reason)
               ? vp_yaml_fail(loader->path, place(loader, index, "fault"), loader->failure,
                              "fault: %s", reason.text)
               : 0;
}

static int check_cloud(struct vp_loader *loader, unsigned index)
{
    const struct vp_cloud_step *step = loader->scenario->steps[index].cloud;
    const char *wrong = NULL;
    if (!loader->scenario->cloud) {
        wrong = "the scenario has none: add 'cloud: {}' to it";
    } else if (!step->network && !step->healer && !step->loss && !step->duplicates &&
               !step->delay && !step->jitter && !step->drop_after) {
        wrong =
            "needs at least one of network, healer, loss, duplicates, delay, jitter, drop_after";
    } else if ((step->loss && *step->loss > 1000) ||
               (step->duplicates && *step->duplicates > 1000)) {
        wrong = "loss and duplicates are of 1000 messages, so at most 1000";
    }
    return wrong ? vp_yaml_fail(loader->path, place(loader, index, "cloud"), loader->failure,
                                "cloud: %s", wrong)
                 : 0;
}

static int check_spec(struct vp_loader *loader, unsigned index)
{
    yaml_node_t *root = yaml_document_get_root_node(&loader->document);
    yaml_node_t *devices = vp_yaml_get(&loader->document, root, "devices");
    struct vp_failure reason;
    char *spec;
    int error = vp_expand(loader->scenario->devices[index], vp_scenario_variables, &spec, &reason);
    if (!error) {
        error = vp_device_check_spec(spec, &reason);
        free(spec);
    }
    if (error) {
        return vp_yaml_fail(loader->path, vp_yaml_entry(&loader->document, devices, index),
                            loader->failure, "%s", reason.text);
    }
    return check_need(loader, loader->scenario->devices[index],
                      vp_yaml_entry(&loader->document, devices, index));
}

static int check_step(struct vp_loader *loader, unsigned index)
{
    struct vp_step *step = &loader->scenario->steps[index];
    const yaml_node_t *node = step_node(loader, index);
    step->line = (unsigned)node->start_mark.line + 1;
    step->column = (unsigned)node->start_mark.column + 1;
    int error = check_action(loader, index);
    if (!error) {
        error = check_device(loader, index);
    }
    if (!error && step->run) {
        error = check_run(loader, index);
    }
    if (!error && step->fault) {
        error = check_fault(loader, index);
    }
    if (!error && step->cloud) {
        error = check_cloud(loader, index);
    }
    return !error && step->expect ? check_expect(loader, index) : error;
}

int vp_scenario_check(struct vp_loader *loader)
{
    int error = 0;
    for (unsigned i = 0; !error && i < loader->scenario->devices_count; i++) {
        error = check_spec(loader, i);
    }
    for (unsigned i = 0; !error && i < loader->scenario->steps_count; i++) {
        error = check_step(loader, i);
    }
    return error;
}
