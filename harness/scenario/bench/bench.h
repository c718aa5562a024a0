/**
 * @file bench.h
 * What differs between emulated boards and a real one: how what a person does with them is done,
 * and what can be seen of them. The engine and its steps know boards by this alone.
 */
#ifndef VP_SCENARIO_BENCH_H
#define VP_SCENARIO_BENCH_H

#include <stdbool.h>

#include "scenario/scenario.h"
#include "vparticle/catalogue.h"

struct vp_engine;

/** What came of looking whether something is as a step expects it. */
enum vp_seen {
    VP_SEEN_AS_EXPECTED,
    VP_SEEN_OTHERWISE, /**< the text says what there is instead */
    VP_SEEN_NOT,       /**< it cannot be seen here; the text says why */
};

enum { VP_SEEN_SIZE = 200 };

/** A board's own flash, and the slots that its firmware has. Valid until the next look. */
struct vp_bench_contents {
    const struct vp_flash *flash;
    const struct vp_flash *before; /**< the flash when the scenario began */
    const struct vp_module_slot *slots;
    unsigned slot_count;
};

/**
 * Functions that return an int give 0, or have ended the scenario: vp_engine_fail(),
 * vp_engine_stop(). A step is always about one board, vp_engine_device_of().
 */
struct vp_bench {
    /** Boards and host are there, as the scenario describes them. */
    int (*start)(struct vp_engine *engine);
    /** Also after a start that failed. */
    void (*finish)(struct vp_engine *engine);
    /** Let each board do what it still means to do by itself (boot, reset after a leave). */
    void (*settle)(struct vp_engine *engine);
    /** The steps `press`, `reset`, `power` and `plug`. */
    int (*act)(struct vp_engine *engine, const struct vp_step *step);
    /** The step `fault`. */
    int (*fault)(struct vp_engine *engine, const struct vp_step *step);
    /** The step `cloud`, and what `expect` wants of the cloud. NULL: there never is one. */
    int (*act_on_cloud)(struct vp_engine *engine, const struct vp_step *step);
    int (*expect_of_cloud)(struct vp_engine *engine, const struct vp_step *step);
    /** After the last step: has the scenario shown anything? */
    int (*judge)(struct vp_engine *engine);

    enum vp_seen (*see_mode)(struct vp_engine *engine, const struct vp_step *step,
                             char text[VP_SEEN_SIZE]);
    enum vp_seen (*see_usb)(struct vp_engine *engine, const struct vp_step *step,
                            char text[VP_SEEN_SIZE]);
    enum vp_seen (*see_led)(struct vp_engine *engine, const struct vp_step *step,
                            char text[VP_SEEN_SIZE]);
    /**
     * Read the flash.
     * @param[out] seen  VP_SEEN_AS_EXPECTED, or VP_SEEN_NOT with the reason in @p text
     */
    int (*read)(struct vp_engine *engine, const struct vp_step *step,
                struct vp_bench_contents *contents, enum vp_seen *seen, char text[VP_SEEN_SIZE]);
};

extern const struct vp_bench vp_bench_emulated, vp_bench_hardware;

#endif
