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

static void on_host_trouble(void *context, const char *line)
{
    vp_engine_note(context, vp_text("host: %s", line));
}

/* ---- Devices ------------------------------------------------------------------------------ */

struct vp_engine_device *vp_engine_device_of(struct vp_engine *engine, const struct vp_step *step)
{
    return &engine->devices[step->device ? *step->device - 1 : 0];
}

void vp_engine_settle(struct vp_engine *engine)
{
    for (unsigned i = 0; i < engine->device_count; i++) {
        vp_device_settle(engine->devices[i].device);
    }
}

static void on_event(void *context, const struct vp_event *event)
{
    struct vp_engine *engine = context;
    if (event->kind == VP_EVENT_TRANSFER) {
        vp_trace_add(&engine->trace, event->transfer);
        if (engine->on_transfer) {
            engine->on_transfer(engine);
        }
    }
}

/* The name before '@' or ','. A SPEC that made a device has a known one. */
static enum vp_platform platform_of(const char *spec)
{
    char name[16];
    enum vp_platform platform = VP_PLATFORM_PHOTON;
    snprintf(name, sizeof name, "%.*s", (int)strcspn(spec, "@,"), spec);
    vp_platform_from_name(name, &platform);
    return platform;
}

static int add_device(struct vp_engine *engine, const char *spec)
{
    struct vp_failure failure;
    struct vp_engine_device *added = &engine->devices[engine->device_count];
    int error = vp_device_from_spec(&added->device, spec, engine->device_count, &failure);
    if (error) {
        const bool system = error == VP_ERROR_NO_MEMORY || error == VP_ERROR_IO;
        return vp_engine_stop(engine, system ? VP_ABORTED : VP_BROKEN,
                              vp_text("device %s: %s", spec, failure.text));
    }
    added->engine = engine;
    added->platform = platform_of(spec);
    engine->device_count++;
    error = vp_device_listen(added->device, on_event, engine);
    if (!error) {
        error = vp_server_add_device(engine->server, added->device);
    }
    return error ? vp_engine_stop(engine, VP_ABORTED, vp_text("%s", vp_error_text(error))) : 0;
}

static int add_devices(struct vp_engine *engine)
{
    for (unsigned i = 0; i < engine->scenario->devices_count; i++) {
        struct vp_failure failure;
        char *spec;
        int error = vp_expand(engine->scenario->devices[i], engine->variables, &spec, &failure);
        if (error) {
            return vp_engine_stop(engine, VP_BROKEN, vp_text("%s", failure.text));
        }
        error = add_device(engine, spec);
        free(spec);
        if (error) {
            return error;
        }
    }
    vp_engine_settle(engine);
    for (unsigned i = 0; i < engine->device_count; i++) {
        if (vp_flash_fork(&engine->devices[i].before, vp_device_flash(engine->devices[i].device))) {
            return vp_engine_stop(engine, VP_ABORTED, vp_text("out of memory"));
        }
    }
    return 0;
}

/* ---- Steps that need no tool ---------------------------------------------------------------- */

static void press(struct vp_device *device, unsigned milliseconds)
{
    vp_device_button(device, true);
    vp_device_advance(device, milliseconds);
    vp_device_button(device, false);
}

static void reset(struct vp_device *device, unsigned held)
{
    vp_device_button(device, held > 0);
    vp_device_reset(device);
    vp_device_advance(device, held);
    vp_device_button(device, false);
}

static void power(struct vp_device *device, enum vp_power power)
{
    if (power != VP_POWER_ON) {
        vp_device_power(device, false);
    }
    if (power != VP_POWER_OFF) {
        vp_device_power(device, true);
    }
}

/* ---- Faults ---------------------------------------------------------------------------------- */

/* A fault that never happened proves nothing. */
static int judge_faults(struct vp_engine *engine, const struct vp_step *step,
                        struct vp_device *device)
{
    for (unsigned i = 0; i < vp_device_fault_count(device); i++) {
        struct vp_fault fault;
        const uint32_t fired = vp_device_fault(device, i, &fault);
        if (fired == 0) {
            return vp_engine_fail(
                engine, step,
                vp_text("the fault %s happens before this is over", vp_fault_kind_name(fault.kind)),
                vp_text("it never did"));
        }
        vp_engine_note(engine,
                       vp_text("the fault %s happened %u time%s", vp_fault_kind_name(fault.kind),
                               fired, fired == 1 ? "" : "s"));
    }
    return 0;
}

static int set_fault(struct vp_engine *engine, const struct vp_step *step, struct vp_device *device)
{
    struct vp_fault fault;
    struct vp_failure failure;
    if (step->fault->kind == VP_FAULT_KINDS) {
        const int error = judge_faults(engine, step, device);
        vp_device_clear_faults(device);
        return error;
    }
    return vp_step_fault(step->fault, &fault, &failure) ||
                   vp_device_add_fault(device, &fault, &failure)
               ? vp_engine_stop(engine, VP_BROKEN, vp_text("fault: %s", failure.text))
               : 0;
}

/* At the end of the scenario. */
static int judge_all_faults(struct vp_engine *engine)
{
    const struct vp_step *last = &engine->scenario->steps[engine->scenario->steps_count - 1];
    int error = 0;
    for (unsigned i = 0; !error && i < engine->device_count; i++) {
        error = judge_faults(engine, last, engine->devices[i].device);
    }
    return error;
}

static int do_step(struct vp_engine *engine, const struct vp_step *step)
{
    struct vp_device *device = vp_engine_device_of(engine, step)->device;
    if (step->run) {
        return vp_engine_run_tool(engine, step);
    }
    if (step->expect) {
        return vp_engine_expect(engine, step);
    }
    if (step->fault) {
        return set_fault(engine, step, device);
    }
    if (step->press) {
        press(device, step->press->milliseconds);
    } else if (step->reset) {
        reset(device, step->reset->milliseconds);
    } else if (step->plug) {
        vp_device_plug(device, *step->plug == VP_PLUG_IN);
    } else {
        power(device, *step->power);
    }
    vp_engine_settle(engine);
    return 0;
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
        {NULL, NULL},
    };
    memcpy(engine->variables, variables, sizeof variables);
    return 0;
}

/* So that a step can run `vparticle ctl`. A scenario has a process of its own, and so the variable.
 */
static int start_control(struct vp_engine *engine, struct vp_failure *failure)
{
    char *address = vp_text("unix:%s/control.socket", engine->surroundings->temporary);
    if (!address) {
        vp_fail(failure, VP_ERROR_NO_MEMORY, "out of memory");
        return VP_ERROR_NO_MEMORY;
    }
    int error = vp_control_socket_create(&engine->control, engine->loop, address, failure);
    for (unsigned i = 0; i < engine->device_count && !error; i++) {
        error = vp_control_socket_add(engine->control, engine->devices[i].device);
        if (error) {
            vp_fail(failure, error, "%s", vp_error_text(error));
        }
    }
    if (!error) {
        setenv(VP_CONTROL_VARIABLE, address, 1);
    }
    free(address);
    return error;
}

/* Over a UNIX socket, so that no port can be taken. */
static int start(struct vp_engine *engine)
{
    engine->loop = ev_loop_new(0);
    if (!engine->loop || set_variables(engine) || vp_server_create(&engine->server, engine->loop)) {
        return vp_engine_stop(engine, VP_ABORTED, vp_text("out of memory"));
    }
    int error = add_devices(engine);
    if (error) {
        return error;
    }
    struct vp_failure failure = {""};
    char *address = vp_text("unix:%s/usbip.socket", engine->surroundings->temporary);
    error = address ? vp_server_listen(engine->server, address, NULL, 0, &failure)
                    : vp_fail(&failure, VP_ERROR_NO_MEMORY, "out of memory");
    if (!error) {
        error = vp_host_create(&engine->host, engine->surroundings->host, engine->loop, address,
                               &failure);
    }
    free(address);
    if (!error) {
        error = start_control(engine, &failure);
    }
    if (!error) {
        vp_host_set_log(engine->host, on_host_trouble, engine);
    }
    return error ? vp_engine_stop(engine, VP_ABORTED, vp_text("%s", failure.text)) : 0;
}

static void finish(struct vp_engine *engine)
{
    vp_host_destroy(engine->host);
    vp_control_socket_destroy(engine->control);
    vp_server_destroy(engine->server);
    for (unsigned i = 0; i < engine->device_count; i++) {
        vp_device_destroy(engine->devices[i].device);
        vp_flash_destroy(engine->devices[i].before);
    }
    if (engine->loop) {
        ev_loop_destroy(engine->loop);
    }
    free(engine->folder);
}

void vp_engine_run(const struct vp_scenario *scenario, const struct vp_surroundings *surroundings,
                   struct vp_result *result)
{
    struct vp_engine engine = {
        .scenario = scenario, .surroundings = surroundings, .result = result};
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
        judge_all_faults(&engine);
    }
    finish(&engine);
}
