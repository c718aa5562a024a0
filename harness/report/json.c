#include "report/report_private.h"

void vp_json_end(const struct vp_report *report, const struct vp_result *results, unsigned count,
                 double seconds)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < count; i++) {
        json_array_append_new(list, vp_result_object(&results[i]));
    }
    json_t *object = json_object();
    for (enum vp_outcome outcome = VP_PASSED; outcome <= VP_ABORTED; outcome++) {
        json_object_set_new(object, vp_outcome_name(outcome),
                            json_integer(vp_count_outcome(results, count, outcome)));
    }
    json_object_set_new(object, "seconds", json_real(seconds));
    json_object_set_new(object, "scenarios", list);
    json_dumpf(object, report->to, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    fputc('\n', report->to);
    json_decref(object);
}
