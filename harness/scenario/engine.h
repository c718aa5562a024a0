/** @file engine.h Runs one scenario in this process: devices, server, host and steps on one loop.
 */
#ifndef VP_SCENARIO_ENGINE_H
#define VP_SCENARIO_ENGINE_H

#include "report/result.h"
#include "scenario/scenario.h"
#include "vparticle/host.h"

/** What a scenario runs in. */
struct vp_surroundings {
    const char *work;      /**< an empty folder of its own; tools run there */
    const char *temporary; /**< another one, for what the engine itself needs */
    const char *firmware;  /**< folder with real images, or NULL */
    const char *vparticle; /**< path of this program */
    enum vp_host_engine host;
    unsigned patience; /**< each step has so many times its time-out */
    /* With VP_HOST_HARDWARE: */
    const char *serial; /**< of the board, or NULL: the only one of its kind */
    const char *person; /**< command that presses its buttons, see hardware/person.h; or NULL */
    int terminal;       /**< descriptor: where a person presses Enter, if there is no command */
};

/**
 * Run all steps until one fails.
 * @param result  cleared; path, name, outcome, and on failure all else are filled in
 */
void vp_engine_run(const struct vp_scenario *scenario, const struct vp_surroundings *surroundings,
                   struct vp_result *result);

#endif
