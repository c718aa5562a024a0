/* A real board, whose buttons a person presses. */
#include "scenario/bench/hardware/hardware.h"

#include <stdlib.h>

int vp_bench_stop(struct vp_engine *engine, enum vp_outcome outcome,
                  const struct vp_failure *failure)
{
    return vp_engine_stop(engine, outcome, vp_text("%s", failure->text));
}

int vp_bench_ask(struct vp_engine *engine, const struct vp_request *request)
{
    struct vp_failure failure;
    return vp_person_ask(&engine->real->person, request, &failure)
               ? vp_bench_stop(engine, VP_ABORTED, &failure)
               : 0;
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

static void settle(struct vp_engine *engine)
{
    vp_real_settle(engine->real);
}

/* vp_bench_begin() has not let it begin. */
static int fault(struct vp_engine *engine, const struct vp_step *step)
{
    return vp_engine_stop(engine, VP_SKIPPED, vp_text("%s", vp_bench_impossible(step)));
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

const struct vp_bench vp_bench_hardware = {
    .start = vp_bench_begin,
    .finish = finish,
    .settle = settle,
    .act = vp_bench_act,
    .fault = fault,
    .judge = judge,
    .see_mode = vp_bench_see_mode,
    .see_usb = vp_bench_see_usb,
    .see_led = vp_bench_see_led,
    .read = vp_bench_read,
};
