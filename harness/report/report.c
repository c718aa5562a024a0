#include "report/report_private.h"

unsigned vp_count_outcome(const struct vp_result *results, unsigned count, enum vp_outcome outcome)
{
    unsigned found = 0;
    for (unsigned i = 0; i < count; i++) {
        found += results[i].outcome == outcome;
    }
    return found;
}

void vp_report_begin(struct vp_report *report, unsigned planned)
{
    report->planned = planned;
    report->number = 0;
    if (report->format == VP_FORMAT_TAP) {
        vp_tap_begin(report);
    }
    fflush(report->to);
}

void vp_report_result(struct vp_report *report, const struct vp_result *result)
{
    report->number++;
    if (report->format == VP_FORMAT_TAP) {
        vp_tap_result(report, result);
    } else if (report->format == VP_FORMAT_PRETTY) {
        vp_pretty_result(report, result);
    }
    fflush(report->to);
}

void vp_report_end(struct vp_report *report, const struct vp_result *results, unsigned count,
                   double seconds)
{
    if (report->format == VP_FORMAT_PRETTY) {
        vp_pretty_end(report, results, count, seconds);
    } else if (report->format == VP_FORMAT_JSON) {
        vp_json_end(report, results, count, seconds);
    }
    fflush(report->to);
}
