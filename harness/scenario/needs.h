/** @file needs.h What a scenario needs and this machine may not have. */
#ifndef VP_SCENARIO_NEEDS_H
#define VP_SCENARIO_NEEDS_H

#include "scenario/scenario.h"

/**
 * The folder with real firmware images: .cache/firmware in the folder of the scenario file or in
 * the nearest folder above that has one.
 * @return new absolute path, NULL if there is none
 */
char *vp_find_firmware(const char *scenario_path);

/**
 * The folder with programs that scripts/fetch-tools brought: .cache/tools/bin, found likewise.
 * @return new absolute path, NULL if there is none
 */
char *vp_find_tools(const char *scenario_path);

/**
 * Why a scenario cannot run here.
 * @param firmware  the folder with real images, or NULL
 * @param tools  the folder with programs that were fetched, or NULL
 * @return new text, NULL if it can run
 */
char *vp_missing_need(const struct vp_scenario *scenario, const char *firmware, const char *tools);

#endif
