#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenario/scenario.h"
#include "scenario/schema.h"
#include "vparticle/device.h"

enum { LARGEST_FILE = 1 << 20 };

const struct vp_variable vp_scenario_variables[] = {
    {"firmware", ""},  /* the folder with real firmware images */
    {"work", ""},      /* the scenario's own temporary folder, where its tools run */
    {"scenario", ""},  /* the folder of the scenario file */
    {"vparticle", ""}, /* this program */
    {NULL, NULL},
};

/* A scenario between the document it is read from and the structure it becomes. */
struct loader {
    const char *path;
    const uint8_t *bytes;
    size_t size;
    yaml_document_t document;
    struct vp_scenario *scenario;
    struct vp_failure *failure;
};

/* ---- YAML ----------------------------------------------------------------------------- */

static int yaml_problem(const struct loader *loader, const yaml_parser_t *parser)
{
    if (parser->error == YAML_MEMORY_ERROR) {
        return vp_fail(loader->failure, VP_ERROR_NO_MEMORY, "%s: out of memory", loader->path);
    }
    const yaml_mark_t *mark = &parser->problem_mark;
    return vp_fail(loader->failure, VP_ERROR_INVALID, "%s:%zu:%zu: this is not YAML: %s%s%s",
                   loader->path, mark->line + 1, mark->column + 1,
                   parser->problem ? parser->problem : "unreadable", parser->context ? ", " : "",
                   parser->context ? parser->context : "");
}

/* Aliases could make a small file huge, and a scenario has no use for them. */
static int refuse_aliases(const struct loader *loader)
{
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) {
        return vp_fail(loader->failure, VP_ERROR_NO_MEMORY, "%s: out of memory", loader->path);
    }
    yaml_parser_set_input_string(&parser, loader->bytes, loader->size);
    int error = 0;
    for (bool more = true; more && !error;) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            error = yaml_problem(loader, &parser);
            break;
        }
        if (event.type == YAML_ALIAS_EVENT) {
            error = vp_fail(loader->failure, VP_ERROR_INVALID,
                            "%s:%zu:%zu: aliases (*%s) are not allowed here", loader->path,
                            event.start_mark.line + 1, event.start_mark.column + 1,
                            (const char *)event.data.alias.anchor);
        }
        more = event.type != YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return error;
}

static int refuse_second_document(const struct loader *loader, yaml_parser_t *parser)
{
    yaml_document_t second;
    if (!yaml_parser_load(parser, &second)) {
        return yaml_problem(loader, parser);
    }
    const yaml_node_t *root = yaml_document_get_root_node(&second);
    const int error = root ? vp_yaml_fail(loader->path, root, loader->failure,
                                          "a second document; a file holds one scenario")
                           : 0;
    yaml_document_delete(&second);
    return error;
}

/* On success the document is the caller's to delete. */
static int read_document(struct loader *loader)
{
    int error = refuse_aliases(loader);
    if (error) {
        return error;
    }
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) {
        return vp_fail(loader->failure, VP_ERROR_NO_MEMORY, "%s: out of memory", loader->path);
    }
    yaml_parser_set_input_string(&parser, loader->bytes, loader->size);
    if (!yaml_parser_load(&parser, &loader->document)) {
        error = yaml_problem(loader, &parser);
    } else {
        error = yaml_document_get_root_node(&loader->document)
                    ? refuse_second_document(loader, &parser)
                    : vp_fail(loader->failure, VP_ERROR_INVALID, "%s:1:1: there is nothing in it",
                              loader->path);
        if (error) {
            yaml_document_delete(&loader->document);
        }
    }
    yaml_parser_delete(&parser);
    return error;
}

/* ---- Rules that the schema cannot say ---------------------------------------------------- */

static yaml_node_t *step_node(struct loader *loader, unsigned index)
{
    yaml_node_t *root = yaml_document_get_root_node(&loader->document);
    return vp_yaml_entry(&loader->document, vp_yaml_get(&loader->document, root, "steps"), index);
}

/* Where to point at: the value of @p key in a step, or the step itself. */
static yaml_node_t *place(struct loader *loader, unsigned index, const char *key)
{
    yaml_node_t *step = step_node(loader, index);
    yaml_node_t *value = vp_yaml_get(&loader->document, step, key);
    return value ? value : step;
}

const char *vp_step_action(const struct vp_step *step)
{
    return step->run      ? "run"
           : step->press  ? "press"
           : step->reset  ? "reset"
           : step->power  ? "power"
           : step->plug   ? "plug"
           : step->expect ? "expect"
                          : NULL;
}

/* Without the need, a machine without real images would fail where it ought to skip. */
static int check_need(struct loader *loader, const char *text, const yaml_node_t *node)
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

static int check_action(struct loader *loader, unsigned index)
{
    const struct vp_step *step = &loader->scenario->steps[index];
    const int actions =
        !!step->run + !!step->press + !!step->reset + !!step->power + !!step->plug + !!step->expect;
    if (actions != 1) {
        return vp_yaml_fail(
            loader->path, step_node(loader, index), loader->failure,
            "a step does exactly one of run, press, reset, power, plug, expect; this one "
            "does %s",
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

static int check_device(struct loader *loader, unsigned index)
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

static int check_patterns(struct loader *loader, unsigned index, const char *key,
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
static int check_text(struct loader *loader, unsigned index, const char *key,
                      const struct vp_text_check *text)
{
    if (text && !text->contains && !text->lacks && !text->matches) {
        return vp_yaml_fail(loader->path, place(loader, index, key), loader->failure,
                            "%s: needs contains, lacks or matches", key);
    }
    return check_patterns(loader, index, key, text);
}

static bool names_no_module(const struct vp_versions *versions)
{
    return !versions->bootloader && !versions->system_part1 && !versions->system_part2 &&
           !versions->system_part3 && !versions->user && !versions->monolithic;
}

static int check_run(struct loader *loader, unsigned index)
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

static int check_flash(struct loader *loader, unsigned index, const struct vp_flash_check *flash)
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
    for (int color = VP_LED_OFF; color <= VP_LED_WHITE; color++) {
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

static int check_expect(struct loader *loader, unsigned index)
{
    const struct vp_expect *expect = loader->scenario->steps[index].expect;
    if (!expect->mode && !expect->flash && !expect->usb && !expect->led &&
        (!expect->modules || names_no_module(expect->modules))) {
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
    for (unsigned i = 0; i < expect->flash_count; i++) {
        const int error = check_flash(loader, index, &expect->flash[i]);
        if (error) {
            return error;
        }
    }
    return 0;
}

static int check_spec(struct loader *loader, unsigned index)
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

static int check_step(struct loader *loader, unsigned index)
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
    return !error && step->expect ? check_expect(loader, index) : error;
}

static int check_rules(struct loader *loader)
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

/* ---- Loading -------------------------------------------------------------------------- */

static const cyaml_config_t quiet = {
    .mem_fn = cyaml_mem,
    .log_level = CYAML_LOG_ERROR,
    .flags = CYAML_CFG_NO_ALIAS,
};

/* What check.c lets through, libcyaml loads; if it does not, its own words have to do. */
static int load_structure(struct loader *loader)
{
    void *loaded = NULL;
    const cyaml_err_t problem =
        cyaml_load_data(loader->bytes, loader->size, &quiet, &vp_scenario_schema, &loaded, NULL);
    if (problem) {
        return vp_fail(loader->failure, VP_ERROR_INVALID, "%s:1:1: %s", loader->path,
                       cyaml_strerror(problem));
    }
    loader->scenario = loaded;
    loader->scenario->path = strdup(loader->path);
    if (!loader->scenario->path) {
        return vp_fail(loader->failure, VP_ERROR_NO_MEMORY, "%s: out of memory", loader->path);
    }
    return 0;
}

int vp_scenario_parse(const char *path, const uint8_t *bytes, size_t size,
                      struct vp_scenario **scenario, struct vp_failure *failure)
{
    struct loader loader = {.path = path, .bytes = bytes, .size = size, .failure = failure};
    int error = read_document(&loader);
    if (error) {
        return error;
    }
    error = vp_schema_check(path, &loader.document, &vp_scenario_schema, failure);
    if (!error) {
        error = load_structure(&loader);
    }
    if (!error) {
        error = check_rules(&loader);
    }
    yaml_document_delete(&loader.document);
    if (error) {
        vp_scenario_free(loader.scenario);
        return error;
    }
    *scenario = loader.scenario;
    return 0;
}

int vp_scenario_load(const char *path, struct vp_scenario **scenario, struct vp_failure *failure)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        return vp_fail(failure, VP_ERROR_IO, "%s: %s", path, strerror(errno));
    }
    uint8_t *bytes = malloc(LARGEST_FILE + 1);
    const size_t size = bytes ? fread(bytes, 1, LARGEST_FILE + 1, file) : 0;
    int error = 0;
    if (!bytes) {
        error = vp_fail(failure, VP_ERROR_NO_MEMORY, "%s: out of memory", path);
    } else if (ferror(file)) {
        error = vp_fail(failure, VP_ERROR_IO, "%s: %s", path, strerror(errno));
    } else if (size > LARGEST_FILE) {
        error =
            vp_fail(failure, VP_ERROR_INVALID, "%s: is larger than 1 MiB, no scenario is", path);
    }
    fclose(file);
    if (!error) {
        error = vp_scenario_parse(path, bytes, size, scenario, failure);
    }
    free(bytes);
    return error;
}

void vp_scenario_free(struct vp_scenario *scenario)
{
    if (scenario) {
        free(scenario->path);
        cyaml_free(&quiet, &vp_scenario_schema, scenario, 0);
    }
}
