/** @file cloud.h The cloud of a scenario with emulated boards. */
#ifndef VP_SCENARIO_BENCH_CLOUD_H
#define VP_SCENARIO_BENCH_CLOUD_H

#include "scenario/engine_private.h"

/* Functions that return an int give 0, or have ended the scenario. */

/** Start the cloud if the scenario has one: the boards are claimed, and tools find it in their
 * HOME.
 */
int vp_bench_start_cloud(struct vp_engine *engine);

/** Before the boards go. */
void vp_bench_stop_cloud(struct vp_engine *engine);

/** The step `cloud`. */
int vp_bench_act_on_cloud(struct vp_engine *engine, const struct vp_step *step);

/** What a step expects of it: `online` and `events`. */
int vp_bench_expect_of_cloud(struct vp_engine *engine, const struct vp_step *step);

/** After the last step: has the air been as bad as it was asked to be? Notes the data that were
 * used. */
int vp_bench_judge_cloud(struct vp_engine *engine);

#endif
