/** @file runner.h Runs scenarios, each in a process of its own, several at a time. */
#ifndef VP_SCENARIO_RUNNER_H
#define VP_SCENARIO_RUNNER_H

#include "report/result.h"
#include "scenario/scenario.h"
#include "vparticle/host.h"

struct vp_runner_options {
    unsigned jobs; /**< 1 but with VP_HOST_USERLAND: else all tools see all devices */
    enum vp_host_engine host;
    const char *again; /**< value of --host for the command that runs one again, or NULL */
    unsigned patience; /**< each step has so many times its time-out, from 1 on */
    const char *serial, *person; /**< struct vp_surroundings */
    const char *firmware;  /**< folder with real images; NULL: look for it above each scenario */
    const char *program;   /**< how this program was called, for the command that runs one again */
    const char *vparticle; /**< its absolute path */
    bool progress;         /**< show on standard error what runs for more than two seconds */
};

/**
 * Run all scenarios. A scenario that crashes or does not end costs itself alone.
 * @param results  one for each scenario, filled in; vp_result_clear() them
 * @param done  called for each result, in the order of the scenarios
 * @return 0, or VP_ERROR_IO if it was interrupted (SIGINT, SIGTERM)
 */
int vp_runner_run(struct vp_scenario *const *scenarios, unsigned count,
                  const struct vp_runner_options *options, struct vp_result *results,
                  void (*done)(void *context, const struct vp_result *result), void *context);

#endif
