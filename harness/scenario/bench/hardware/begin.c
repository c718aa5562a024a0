/* How a scenario begins on a real board: what cannot be done is said before anything is. */
#include "scenario/bench/hardware/hardware.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "diagnose/diagnose.h"

enum { HOLD_FOR_SAFE_MODE_MS = 2000 };

/* ---- What cannot be done, before anything is ------------------------------------------------ */

const char *vp_bench_impossible(const struct vp_step *step)
{
    if (step->fault) {
        return "a real board's serial port has no faults to set";
    }
    if (step->kill_after) {
        return "nobody can count what a real board writes, to kill a tool then";
    }
    if (step->access && *step->access == VP_HOST_ACCESS_NONE) {
        return "the right to use a real board is not taken away";
    }
    if (step->run &&
        (strstr(step->run, "${vparticle} ctl") || strstr(step->run, "vparticle ctl"))) {
        return "'vparticle ctl' is for emulated boards";
    }
    return NULL;
}

static int check_steps(struct vp_engine *engine)
{
    const struct vp_scenario *scenario = engine->scenario;
    if (scenario->devices_count != 1) {
        return vp_engine_stop(
            engine, VP_SKIPPED,
            vp_text("it needs %u boards; on hardware there can be one", scenario->devices_count));
    }
    if (scenario->cloud) {
        return vp_engine_stop(engine, VP_SKIPPED,
                              vp_text("a real board has Particle's own cloud behind it, and not "
                                      "this scenario's"));
    }
    for (unsigned i = 0; i < scenario->steps_count; i++) {
        const char *why = vp_bench_impossible(&scenario->steps[i]);
        if (why) {
            return vp_engine_stop(
                engine, VP_SKIPPED,
                vp_text("not on hardware: line %u: %s", scenario->steps[i].line, why));
        }
    }
    return 0;
}

/* ---- The first state ------------------------------------------------------------------------ */

/* What the scenario describes is built, to see what the board ought to be. */
static int make_model(struct vp_engine *engine, const char *spec)
{
    struct vp_failure failure;
    struct vp_engine_device *device = &engine->devices[0];
    const int error = vp_device_from_spec(&device->device, spec, 0, &failure);
    if (error) {
        const bool system = error == VP_ERROR_NO_MEMORY || error == VP_ERROR_IO;
        return vp_engine_stop(engine, system ? VP_ABORTED : VP_BROKEN,
                              vp_text("device %s: %s", spec, failure.text));
    }
    vp_device_settle(device->device);
    device->engine = engine;
    device->platform = vp_device_platform(device->device);
    engine->device_count = 1;
    return 0;
}

/* A scenario that names an id looks for it in what tools print. Bootloaders before 9, and a Core's
 * before 0.7.0, say no whole id: then nobody can know. */
static int check_id(struct vp_engine *engine, const char *spec)
{
    static const char key[] = ",id=";
    const struct vp_real *real = engine->real;
    const char *id = strstr(spec, key);
    char wanted[2 * VP_DEVICE_ID_SIZE + 1];
    if (!id) {
        return 0;
    }
    snprintf(wanted, sizeof wanted, "%s", id + strlen(key));
    if (strlen(real->home.serial) != strlen(wanted)) {
        engine->unseen++;
        vp_engine_note(engine, vp_text("device id %s: not checked on hardware: the board says '%s'",
                                       wanted, real->home.serial));
        return 0;
    }
    return strcasecmp(wanted, real->home.serial) == 0
               ? 0
               : vp_engine_stop(engine, VP_SKIPPED,
                                vp_text("it begins with the device id %s, and the board has %s",
                                        wanted, real->home.serial));
}

static int find_board(struct vp_engine *engine)
{
    struct vp_failure failure;
    struct vp_real *real = engine->real;
    int error = vp_hardware_bus_open(&real->bus, &failure);
    if (!error) {
        error = vp_real_find(real, vp_board_find(engine->devices[0].platform),
                             engine->surroundings->serial, &failure);
    }
    if (!error) {
        error = vp_host_create(&engine->host, VP_HOST_HARDWARE, engine->loop, "", &failure);
    }
    if (error) {
        return vp_bench_stop(engine, error == VP_ERROR_NOT_FOUND ? VP_SKIPPED : VP_ABORTED,
                             &failure);
    }
    vp_engine_note(engine, vp_text("on the %s at %s, serial number %s", real->home.board->name,
                                   real->home.path, real->home.serial));
    return 0;
}

/* Its flash is read, and what is in it compared with what the scenario begins with. */
static int check_contents(struct vp_engine *engine, const char *spec)
{
    struct vp_failure failure;
    struct vp_real *real = engine->real;
    struct vp_engine_device *device = &engine->devices[0];
    int error = vp_real_enter_dfu(real, &failure);
    if (!error) {
        error = vp_real_read(real, &failure);
    }
    if (!error && vp_flash_fork(&device->before, real->flash)) {
        error = vp_fail(&failure, VP_ERROR_NO_MEMORY, "out of memory");
    }
    if (error) {
        return vp_bench_stop(engine, error == VP_ERROR_UNSUPPORTED ? VP_SKIPPED : VP_ABORTED,
                             &failure);
    }
    bool comparable;
    if (vp_real_compare(real, device->device, spec, &comparable, &failure)) {
        return vp_bench_stop(engine, VP_SKIPPED, &failure);
    }
    if (!comparable) {
        engine->unseen++;
        vp_engine_note(engine, vp_text("whether the board holds %s: not checked on hardware: its "
                                       "firmware has no header to tell it by",
                                       spec));
    }
    return 0;
}

static bool runs_its_system(void *context)
{
    struct vp_real *real = context;
    vp_real_look(real);
    return real->there && !real->seen.dfu;
}

/* From DFU mode into that of the model: by a reset, or by one with the button held. */
static int enter_mode(struct vp_engine *engine)
{
    struct vp_real *real = engine->real;
    struct vp_device *model = engine->devices[0].device;
    const enum vp_mode wanted = vp_device_mode(model);
    const char *button = vp_hardware_button(real->home.board);
    enum vp_mode by_itself = VP_MODE_OFF;
    if (wanted == VP_MODE_DFU) {
        return 0;
    }
    if (vp_mode_with(vp_device_flash(model), engine->devices[0].platform, &by_itself) ||
        (wanted != by_itself && wanted != VP_MODE_SAFE)) {
        return vp_engine_stop(
            engine, VP_SKIPPED,
            vp_text("it begins in mode %s, which no button leads to", vp_mode_name(wanted)));
    }
    const bool held = wanted != by_itself;
    char words[32] = "reset", text[160] = "Tap RESET";
    if (held) {
        snprintf(words, sizeof words, "reset %d", HOLD_FOR_SAFE_MODE_MS);
        snprintf(text, sizeof text, "Hold %s, tap RESET, and let %s go when it blinks magenta",
                 button, button);
    }
    const struct vp_request request = {words, text, runs_its_system, real};
    const int error = vp_bench_ask(engine, &request);
    if (error) {
        return error;
    }
    return vp_real_wait(real, runs_its_system, real)
               ? 0
               : vp_engine_stop(engine, VP_ABORTED,
                                vp_text("the board did not start its system within %d s",
                                        VP_REAL_PATIENCE_MS / 1000));
}

static int start_with(struct vp_engine *engine, const char *spec)
{
    int error = make_model(engine, spec);
    if (!error) {
        error = find_board(engine);
    }
    if (!error) {
        error = check_id(engine, spec);
    }
    if (!error) {
        error = check_contents(engine, spec);
    }
    return error ? error : enter_mode(engine);
}

int vp_bench_begin(struct vp_engine *engine)
{
    struct vp_failure failure;
    char *spec;
    int error = check_steps(engine);
    if (error) {
        return error;
    }
    engine->real = calloc(1, sizeof *engine->real);
    if (!engine->real) {
        return vp_engine_stop(engine, VP_ABORTED, vp_text("out of memory"));
    }
    engine->real->person = (struct vp_person){.command = engine->surroundings->person,
                                              .terminal = engine->surroundings->terminal,
                                              .to = stderr};
    if (vp_expand(engine->scenario->devices[0], engine->variables, &spec, &failure)) {
        return vp_bench_stop(engine, VP_BROKEN, &failure);
    }
    error = start_with(engine, spec);
    free(spec);
    return error;
}
