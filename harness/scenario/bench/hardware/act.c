/* What a person does with a real board, and by what it can be seen. */
#include "scenario/bench/hardware/hardware.h"

#include <string.h>

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

int vp_bench_act(struct vp_engine *engine, const struct vp_step *step)
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
    const int error = vp_bench_ask(engine, &request);
    if (error) {
        return error;
    }
    if (deed.must_be_seen && !vp_real_wait(real, deed.seen, &outcome)) {
        return vp_engine_stop(
            engine, VP_ABORTED,
            vp_text("line %u: USB does not show that it was done: %s", step->line, deed.text));
    }
    real->away = deed.must_be_seen && deed.seen == is_gone;
    vp_real_settle(real);
    return 0;
}
