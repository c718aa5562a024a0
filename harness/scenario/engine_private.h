/** @file engine_private.h What the files of the engine share. */
#ifndef VP_SCENARIO_ENGINE_PRIVATE_H
#define VP_SCENARIO_ENGINE_PRIVATE_H

#include "cloud/event_log.h"
#include "scenario/bench/bench.h"
#include "scenario/engine.h"
#include "trace/trace.h"
#include "vparticle/catalogue.h"
#include "vparticle/cloud.h"
#include "vparticle/cloud_devices.h"
#include "vparticle/control.h"
#include "vparticle/host.h"
#include "vparticle/server.h"

enum { VP_ENGINE_DEVICES = 16, VP_ENGINE_VARIABLES = 8 };

struct vp_local_cloud;

struct vp_engine_device {
    struct vp_engine *engine;
    struct vp_device *device; /**< where the board is a real one: what it ought to be at first */
    enum vp_platform platform;
    struct vp_flash *before; /**< its flash when the scenario began */
    struct vp_cloud_air air; /**< before it, as steps asked for it */
};

struct vp_engine {
    const struct vp_scenario *scenario;
    const struct vp_surroundings *surroundings;
    struct vp_result *result;
    const struct vp_bench *bench;
    struct vp_variable variables[VP_ENGINE_VARIABLES];
    char *folder; /**< of the scenario file */

    struct ev_loop *loop;
    struct vp_host *host;
    struct vp_server *server;          /**< of emulated boards */
    struct vp_control_socket *control; /**< the same */
    struct vp_local_cloud *cloud;      /**< the same; NULL: there is none */
    struct vp_event_log events;        /**< of that cloud, since a step looked at them last */
    char id[VP_CLOUD_ID_SIZE + 1];     /**< of the first board there */
    struct vp_real *real;              /**< a real board; bench/hardware/ */
    struct vp_engine_device devices[VP_ENGINE_DEVICES];
    unsigned device_count;

    struct vp_trace trace;
    /** Told of each transfer that was answered while a tool runs; may be NULL. */
    void (*on_transfer)(struct vp_engine *engine);
    struct run *run; /**< the step that runs a tool, while it does */

    unsigned checked; /**< what was expected and could be looked at */
    unsigned unseen;  /**< what was expected and could not */
};

/**
 * The step failed: fill the result with where and what, once.
 * @param expected, found  new strings, taken over; NULL counts as short of memory
 * @return VP_ERROR_INVALID
 */
int vp_engine_fail(struct vp_engine *engine, const struct vp_step *step, char *expected,
                   char *found);

/** The scenario cannot go on for another reason. @return VP_ERROR_INVALID */
int vp_engine_stop(struct vp_engine *engine, enum vp_outcome outcome, char *reason);

/** Add a line of evidence to the result; cut off where there are too many. Takes @p note over. */
void vp_engine_note(struct vp_engine *engine, char *note);

/** The device that a step is about. */
struct vp_engine_device *vp_engine_device_of(struct vp_engine *engine, const struct vp_step *step);

int vp_engine_run_tool(struct vp_engine *engine, const struct vp_step *step);
int vp_engine_expect(struct vp_engine *engine, const struct vp_step *step);

#endif
