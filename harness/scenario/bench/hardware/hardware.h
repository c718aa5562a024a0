/**
 * @file hardware.h
 * What the files of the bench with a real board share, vp_bench_hardware.
 */
#ifndef VP_SCENARIO_HARDWARE_H
#define VP_SCENARIO_HARDWARE_H

#include "scenario/bench/bench.h"
#include "scenario/bench/hardware/real.h"
#include "scenario/engine_private.h"

/** Why a step cannot be done on a real board, or NULL. */
const char *vp_bench_impossible(const struct vp_step *step);

/** vp_bench.start */
int vp_bench_begin(struct vp_engine *engine);

/** vp_bench.act */
int vp_bench_act(struct vp_engine *engine, const struct vp_step *step);

/** vp_bench.see_* and vp_bench.read */
enum vp_seen vp_bench_see_mode(struct vp_engine *engine, const struct vp_step *step,
                               char text[VP_SEEN_SIZE]);
enum vp_seen vp_bench_see_usb(struct vp_engine *engine, const struct vp_step *step,
                              char text[VP_SEEN_SIZE]);
enum vp_seen vp_bench_see_led(struct vp_engine *engine, const struct vp_step *step,
                              char text[VP_SEEN_SIZE]);
int vp_bench_read(struct vp_engine *engine, const struct vp_step *step,
                  struct vp_bench_contents *contents, enum vp_seen *seen, char text[VP_SEEN_SIZE]);

/** End the scenario with that text. @return as vp_engine_stop() */
int vp_bench_stop(struct vp_engine *engine, enum vp_outcome outcome,
                  const struct vp_failure *failure);

/** Have the person do it. @return 0, or the scenario has ended */
int vp_bench_ask(struct vp_engine *engine, const struct vp_request *request);

#endif
