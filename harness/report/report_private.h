/** @file report_private.h What the files of this room share. */
#ifndef VP_REPORT_PRIVATE_H
#define VP_REPORT_PRIVATE_H

#include <jansson.h>

#include "report/result.h"

/** A result as JSON; the caller's to release. */
json_t *vp_result_object(const struct vp_result *result);

/** How many of the results have an outcome. */
unsigned vp_count_outcome(const struct vp_result *results, unsigned count, enum vp_outcome outcome);

void vp_pretty_result(const struct vp_report *report, const struct vp_result *result);
void vp_pretty_end(const struct vp_report *report, const struct vp_result *results, unsigned count,
                   double seconds);
void vp_tap_begin(const struct vp_report *report);
void vp_tap_result(const struct vp_report *report, const struct vp_result *result);
void vp_json_end(const struct vp_report *report, const struct vp_result *results, unsigned count,
                 double seconds);

#endif
