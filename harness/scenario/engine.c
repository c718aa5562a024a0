#include "scenario/engine_private.h"

#include <ev.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>

/* ---- Failing ----------------------------------------------------------------------------- */

/* "run: dfu-util -l", "expect", ... cut to a line. */
static char *describe_step(const struct vp_step *step)
{
    if (!step->run) {
        return vp_text("%s", vp_step_action(step));
    }
    char *clean = vp_clean_text(step->run, strlen(step->run));
    char *text =
        clean ? vp_text("run: %.*s%s", 200, clean, strlen(clean) > 200 ? "..." : "") : NULL;
    free(clean);
    return text;
}

/* Results hold clean text only. */
static char *cleaned(char *text)
{
    char *clean = text ? vp_clean_text(text, strlen(text)) : NULL;
    free(text);
    return clean;
}

int vp_engine_fail(struct vp_engine *engine, const struct vp_step *step, char *expected,
                   char *found)
{
    struct vp_result *result = engine->result;
    result->outcome = VP_FAILED;
    result->line = step->line;
    result->step = describe_step(step);
    result->expected = cleaned(expected);
    result->found = cleaned(found);
    for (unsigned i = 0; i < vp_trace_count(&engine->trace); i++) {
        char line[200];
        vp_trace_describe(&engine->trace, i, line, sizeof line);
        char *copy = vp_text("%s", line);
        if (copy) {
            result->transfers[result->transfer_count++] = copy;
        }
    }
    return VP_ERROR_INVALID;
}

int vp_engine_stop(struct vp_engine *engine, enum vp_outcome outcome, char *reason)
{
    engine->result->outcome = outcome;
    engine->result->reason = cleaned(reason);
    return VP_ERROR_INVALID;
}

void vp_engine_note(struct vp_engine *engine, char *note)
{
    struct vp_result *result = engine->result;
    char *clean = cleaned(note);
    if (clean && result->note_count < VP_RESULT_LINES) {
        result->notes[result->note_count++] = clean;
    } else {
        free(clean);
    }
}

/* ---- Boards ------------------------------------------------------------------------------- */

struct vp_engine_device *vp_engine_device_of(struct vp_engine *engine, const struct vp_step *step)
{
    return &engine->devices[step->device ? *step->device - 1 : 0];
}

/* ---- Steps ---------------------------------------------------------------------------------- */

static int do_step(struct vp_engine *engine, const struct vp_step *step)
{
    return step->run      ? vp_engine_run_tool(engine, step)
           : step->expect ? vp_engine_expect(engine, step)
           : step->fault  ? engine->bench->fault(engine, step)
           : step->cloud  ? engine->bench->act_on_cloud(engine, step)
                          : engine->bench->act(engine, step);
}

/* ---- From beginning to end ------------------------------------------------------------------- */

static int set_variables(struct vp_engine *engine)
{
    engine->folder = strdup(engine->scenario->path);
    if (!engine->folder) {
        return VP_ERROR_NO_MEMORY;
    }
    char *absolute = realpath(dirname(engine->folder), NULL);
    free(engine->folder);
    engine->folder = absolute;
    const struct vp_surroundings *surroundings = engine->surroundings;
    const struct vp_variable variables[VP_ENGINE_VARIABLES] = {
        {"firmware", surroundings->firmware ? surroundings->firmware : ""},
        {"work", surroundings->work},
        {"scenario", absolute ? absolute : "."},
        {"vparticle", surroundings->vparticle},
        {"cloud", ""}, /* these three are known once there is a cloud */
        {"token", ""},
        {"id", ""},
        {NULL, NULL},
    };
    memcpy(engine->variables, variables, sizeof variables);
    return 0;
}

static int start(struct vp_engine *engine)
{
    engine->loop = ev_loop_new(0);
    if (!engine->loop || set_variables(engine)) {
        return vp_engine_stop(engine, VP_ABORTED, vp_text("out of memory"));
    }
    return engine->bench->start(engine);
}

static void finish(struct vp_engine *engine)
{
    engine->bench->finish(engine);
    if (engine->loop) {
        ev_loop_destroy(engine->loop);
    }
    free(engine->folder);
}

void vp_engine_run(const struct vp_scenario *scenario, const struct vp_surroundings *surroundings,
                   struct vp_result *result)
{
    struct vp_engine engine = {
        .scenario = scenario,
        .surroundings = surroundings,
        .result = result,
        .bench = surroundings->host == VP_HOST_HARDWARE ? &vp_bench_hardware : &vp_bench_emulated,
    };
    *result = (struct vp_result){
        .outcome = VP_PASSED,
        .path = vp_clean_text(scenario->path, strlen(scenario->path)),
        .name = vp_clean_text(scenario->name, strlen(scenario->name)),
    };
    int error = start(&engine);
    for (unsigned i = 0; !error && i < scenario->steps_count; i++) {
        error = do_step(&engine, &scenario->steps[i]);
    }
    if (!error) {
        engine.bench->judge(&engine);
    }
    finish(&engine);
}
