/* A real board, whose buttons a person presses. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "diagnose/diagnose.h"
#include "scenario/engine_private.h"
#include "scenario/real.h"

enum { HOLD_FOR_SAFE_MODE_MS = 2000 };

/* ---- What cannot be done, before anything is ------------------------------------------------ */

static const char *impossible(const struct vp_step *step)
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
    for (unsigned i = 0; i < scenario->steps_count; i++) {
        const char *why = impossible(&scenario->steps[i]);
        if (why) {
            return vp_engine_stop(
                engine, VP_SKIPPED,
                vp_text("not on hardware: line %u: %s", scenario->steps[i].line, why));
        }
    }
    return 0;
}

/* ---- The first state ------------------------------------------------------------------------ */

static int stopped(struct vp_engine *engine, enum vp_outcome outcome,
                   const struct vp_failure *failure)
{
    return vp_engine_stop(engine, outcome, vp_text("%s", failure->text));
}

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
        return stopped(engine, error == VP_ERROR_NOT_FOUND ? VP_SKIPPED : VP_ABORTED, &failure);
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
        return stopped(engine, error == VP_ERROR_UNSUPPORTED ? VP_SKIPPED : VP_ABORTED, &failure);
    }
    bool comparable;
    if (vp_real_compare(real, device->device, spec, &comparable, &failure)) {
        return stopped(engine, VP_SKIPPED, &failure);
    }
    if (!comparable) {
        engine->unseen++;
        vp_engine_note(engine, vp_text("whether the board holds %s: not checked on hardware: its "
                                       "firmware has no header to tell it by",
                                       spec));
    }
    return 0;
}

static int ask(struct vp_engine *engine, const struct vp_request *request)
{
    struct vp_failure failure;
    return vp_person_ask(&engine->real->person, request, &failure)
               ? stopped(engine, VP_ABORTED, &failure)
               : 0;
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
    const int error = ask(engine, &request);
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

static int start(struct vp_engine *engine)
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
        return stopped(engine, VP_BROKEN, &failure);
    }
    error = start_with(engine, spec);
    free(spec);
    return error;
}

static void finish(struct vp_engine *engine)
{
    vp_host_destroy(engine->host);
    if (engine->real) {
        vp_real_clear(engine->real);
        free(engine->real);
    }
    vp_device_destroy(engine->devices[0].device);
    vp_flash_destroy(engine->devices[0].before);
}

/* ---- Steps by hand -------------------------------------------------------------------------- */

static void settle(struct vp_engine *engine)
{
    vp_real_settle(engine->real);
}

/* What a request is expected to lead to. */
struct outcome {
    struct vp_real *real;
    struct vp_hardware_board before;
    bool was_there, went; /* it has been off the bus since */
};

static bool is_gone(void *context)
{
    struct outcome *outcome = context;
    vp_real_look(outcome->real);
    return !outcome->real->there;
}

static bool is_there(void *context)
{
    return !is_gone(context);
}

/* It has another number, or was off the bus, and is there. */
static bool was_reset(void *context)
{
    struct outcome *outcome = context;
    vp_real_look(outcome->real);
    outcome->went = outcome->went || !outcome->real->there;
    return outcome->real->there && (outcome->went || !outcome->was_there ||
                                    strcmp(outcome->real->seen.node, outcome->before.node) != 0);
}

/* A step as words for a command, as a sentence, and by what it can be seen. */
struct deed {
    char words[40], text[160];
    bool (*seen)(void *context);
    bool must_be_seen; /* else the step was not done */
};

static void describe_press(const struct vp_step *step, const char *button, struct deed *deed)
{
    const unsigned held = step->press->milliseconds;
    snprintf(deed->words, sizeof deed->words, "press %u", held);
    snprintf(deed->text, sizeof deed->text, "Hold %s for %u.%u s, and let it go", button,
             held / 1000, held % 1000 / 100);
}

static void describe_reset(const struct vp_step *step, const char *button, struct deed *deed)
{
    const unsigned held = step->reset->milliseconds;
    deed->seen = was_reset;
    if (held == 0) {
        snprintf(deed->words, sizeof deed->words, "reset");
        snprintf(deed->text, sizeof deed->text, "Tap RESET");
        return;
    }
    snprintf(deed->words, sizeof deed->words, "reset %u", held);
    snprintf(deed->text, sizeof deed->text, "Hold %s, tap RESET, and let %s go %u.%u s after that",
             button, button, held / 1000, held % 1000 / 100);
}

static void describe_plug(const struct vp_step *step, struct deed *deed)
{
    const bool in = *step->plug == VP_PLUG_IN;
    *deed = (struct deed){.seen = in ? is_there : is_gone, .must_be_seen = true};
    snprintf(deed->words, sizeof deed->words, in ? "plug" : "unplug");
    snprintf(deed->text, sizeof deed->text,
             in ? "Plug the USB cable in"
                : "Pull the USB cable; the board has to go on running, from its battery or VIN");
}

static void describe_power(const struct vp_step *step, struct deed *deed)
{
    static const struct {
        const char *words, *text;
        bool (*seen)(void *context);
    } deeds[] = {
        [VP_POWER_OFF] = {"power off", "Take all power from the board: cable, battery, VIN",
                          is_gone},
        [VP_POWER_ON] = {"power on", "Give the board its power again, and the USB cable", is_there},
        [VP_POWER_CYCLE] = {"power cycle",
                            "Take all power from the board (cable, battery, VIN), and give it back",
                            was_reset},
    };
    *deed = (struct deed){.seen = deeds[*step->power].seen, .must_be_seen = true};
    snprintf(deed->words, sizeof deed->words, "%s", deeds[*step->power].words);
    snprintf(deed->text, sizeof deed->text, "%s", deeds[*step->power].text);
}

static int act(struct vp_engine *engine, const struct vp_step *step)
{
    struct vp_real *real = engine->real;
    const char *button = vp_hardware_button(real->home.board);
    struct deed deed = {.seen = NULL};
    if (step->press) {
        describe_press(step, button, &deed);
    } else if (step->reset) {
        describe_reset(step, button, &deed);
    } else if (step->plug) {
        describe_plug(step, &deed);
    } else {
        describe_power(step, &deed);
    }
    vp_real_look(real);
    struct outcome outcome = {.real = real, .before = real->seen, .was_there = real->there};
    const struct vp_request request = {deed.words, deed.text, deed.seen, &outcome};
    const int error = ask(engine, &request);
    if (error) {
        return error;
    }
    if (deed.must_be_seen && !vp_real_wait(real, deed.seen, &outcome)) {
        return vp_engine_stop(
            engine, VP_ABORTED,
            vp_text("line %u: USB does not show that it was done: %s", step->line, deed.text));
    }
    real->away = deed.must_be_seen && deed.seen == is_gone;
    settle(engine);
    return 0;
}

/* check_steps() has not let it begin. */
static int fault(struct vp_engine *engine, const struct vp_step *step)
{
    return vp_engine_stop(engine, VP_SKIPPED, vp_text("%s", impossible(step)));
}

static int judge(struct vp_engine *engine)
{
    struct vp_result *result = engine->result;
    if (engine->checked == 0) {
        return vp_engine_stop(engine, VP_SKIPPED,
                              vp_text("nothing that it expects can be checked on hardware"));
    }
    if (engine->unseen && result->note_count == VP_RESULT_LINES) {
        free(result->notes[--result->note_count]);
        vp_engine_note(engine, vp_text("in all, %u expectations were not checked on hardware",
                                       engine->unseen));
    }
    return 0;
}

/* ---- What can be seen of it ----------------------------------------------------------------- */

/* An expectation that the board may still be on its way to. */
struct expectation {
    struct vp_real *real;
    const struct vp_expect *expect;
};

static bool mode_fits(void *context)
{
    const struct expectation *expectation = context;
    const struct vp_real *real = expectation->real;
    switch (*expectation->expect->mode) {
    case VP_MODE_DFU:
        return real->there && real->seen.dfu;
    case VP_MODE_OFF:
        return !real->there;
    default:
        return real->there && !real->seen.dfu;
    }
}

static enum vp_seen see_mode(struct vp_engine *engine, const struct vp_step *step,
                             char text[VP_SEEN_SIZE])
{
    struct vp_real *real = engine->real;
    struct expectation expectation = {real, step->expect};
    const enum vp_mode wanted = *step->expect->mode;
    if (wanted == VP_MODE_BOOT || wanted == VP_MODE_LOOP || wanted == VP_MODE_DEAD) {
        snprintf(text, VP_SEEN_SIZE, "USB shows nothing of it");
        return VP_SEEN_NOT;
    }
    if (!vp_real_wait(real, mode_fits, &expectation)) {
        snprintf(text, VP_SEEN_SIZE, "%s",
                 !real->there     ? "it is not on USB"
                 : real->seen.dfu ? "mode dfu"
                                  : "its system runs");
        return VP_SEEN_OTHERWISE;
    }
    snprintf(text, VP_SEEN_SIZE, "%s",
             wanted == VP_MODE_OFF ? "it is not on USB, but whether it has power cannot be seen"
                                   : "its system runs, but USB does not say in which mode");
    return wanted == VP_MODE_DFU ? VP_SEEN_AS_EXPECTED : VP_SEEN_NOT;
}

static void name_identity(const struct vp_real *real, char text[VP_SEEN_SIZE])
{
    snprintf(text, VP_SEEN_SIZE, "none");
    if (real->there) {
        snprintf(text, VP_SEEN_SIZE, "%04x:%04x", real->seen.vendor, real->seen.product);
    }
}

static bool identity_fits(void *context)
{
    const struct expectation *expectation = context;
    char text[VP_SEEN_SIZE];
    name_identity(expectation->real, text);
    return strcmp(text, expectation->expect->usb) == 0;
}

static enum vp_seen see_usb(struct vp_engine *engine, const struct vp_step *step,
                            char text[VP_SEEN_SIZE])
{
    struct expectation expectation = {engine->real, step->expect};
    const bool fits = vp_real_wait(engine->real, identity_fits, &expectation);
    name_identity(engine->real, text);
    return fits ? VP_SEEN_AS_EXPECTED : VP_SEEN_OTHERWISE;
}

static enum vp_seen see_led(struct vp_engine *engine, const struct vp_step *step,
                            char text[VP_SEEN_SIZE])
{
    (void)engine;
    (void)step;
    snprintf(text, VP_SEEN_SIZE, "USB does not show the light");
    return VP_SEEN_NOT;
}

/* Bringing it into DFU mode to read it would change what later steps find: only the last step may.
 */
static int read_flash(struct vp_engine *engine, const struct vp_step *step,
                      struct vp_bench_contents *contents, enum vp_seen *seen,
                      char text[VP_SEEN_SIZE])
{
    struct vp_real *real = engine->real;
    struct vp_failure failure;
    const struct vp_scenario *scenario = engine->scenario;
    const bool last = step == &scenario->steps[scenario->steps_count - 1];
    *seen = VP_SEEN_NOT;
    vp_real_look(real);
    if (!real->there || (!real->seen.dfu && !last)) {
        snprintf(text, VP_SEEN_SIZE,
                 "the board is not in DFU mode, in which alone its flash can be read");
        return 0;
    }
    int error = vp_real_enter_dfu(real, &failure);
    if (!error) {
        error = vp_real_read(real, &failure);
    }
    if (error) {
        return stopped(engine, VP_ABORTED, &failure);
    }
    contents->flash = real->flash;
    contents->before = engine->devices[0].before;
    contents->slots = vp_device_slots(real->twin, &contents->slot_count);
    *seen = VP_SEEN_AS_EXPECTED;
    return 0;
}

const struct vp_bench vp_bench_hardware = {
    .start = start,
    .finish = finish,
    .settle = settle,
    .act = act,
    .fault = fault,
    .judge = judge,
    .see_mode = see_mode,
    .see_usb = see_usb,
    .see_led = see_led,
    .read = read_flash,
};
