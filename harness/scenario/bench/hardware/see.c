/* What can be seen of a real board. */
#include "scenario/bench/hardware/hardware.h"

#include <string.h>

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

enum vp_seen vp_bench_see_mode(struct vp_engine *engine, const struct vp_step *step,
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

enum vp_seen vp_bench_see_usb(struct vp_engine *engine, const struct vp_step *step,
                              char text[VP_SEEN_SIZE])
{
    struct expectation expectation = {engine->real, step->expect};
    const bool fits = vp_real_wait(engine->real, identity_fits, &expectation);
    name_identity(engine->real, text);
    return fits ? VP_SEEN_AS_EXPECTED : VP_SEEN_OTHERWISE;
}

enum vp_seen vp_bench_see_led(struct vp_engine *engine, const struct vp_step *step,
                              char text[VP_SEEN_SIZE])
{
    (void)engine;
    (void)step;
    snprintf(text, VP_SEEN_SIZE, "USB does not show the light");
    return VP_SEEN_NOT;
}

/* Bringing it into DFU mode to read it would change what later steps find: only the last step may.
 */
int vp_bench_read(struct vp_engine *engine, const struct vp_step *step,
                  struct vp_bench_contents *contents, enum vp_seen *seen, char text[VP_SEEN_SIZE])
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
        return vp_bench_stop(engine, VP_ABORTED, &failure);
    }
    contents->flash = real->flash;
    contents->before = engine->devices[0].before;
    contents->slots = vp_device_slots(real->twin, &contents->slot_count);
    *seen = VP_SEEN_AS_EXPECTED;
    return 0;
}
