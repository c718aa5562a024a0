/** @file text_check.h What a text must hold: a tool's output, the cloud's events. */
#ifndef VP_SCENARIO_TEXT_CHECK_H
#define VP_SCENARIO_TEXT_CHECK_H

#include <stdbool.h>

#include "scenario/engine_private.h"

/** Bytes of a text that are kept. */
enum { VP_TEXT_LIMIT = 1 << 20 };

struct vp_checked_text {
    const char *name; /**< as the file calls it: "stdout" */
    const char *text;
    bool cut; /**< there was more, which is not kept */
};

/** @param check  NULL: everything is right. @return 0 or what vp_engine_fail() returns */
int vp_engine_judge_text(struct vp_engine *engine, const struct vp_step *step,
                         const struct vp_text_check *check, const struct vp_checked_text *checked);

#endif
