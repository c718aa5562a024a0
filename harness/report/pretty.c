#include <string.h>

#include "report/report_private.h"
#include "report/terminal.h"

static const struct {
    const char *word;
    enum vp_colour colour;
} marks[] = {
    [VP_PASSED] = {"PASS", VP_COLOUR_GOOD},    [VP_FAILED] = {"FAIL", VP_COLOUR_BAD},
    [VP_SKIPPED] = {"SKIP", VP_COLOUR_WARN},   [VP_BROKEN] = {"BROKEN", VP_COLOUR_BAD},
    [VP_ABORTED] = {"ABORTED", VP_COLOUR_BAD},
};

static void print_field(const struct vp_report *report, const char *key, const char *text)
{
    if (text) {
        fputs("       ", report->to);
        vp_print_coloured(report->to, report->coloured, VP_COLOUR_DIM, 12, key);
        fprintf(report->to, "%s\n", text);
    }
}

/* Several lines under one key. */
static void print_lines(const struct vp_report *report, const char *key, const char *text)
{
    while (text && *text) {
        const size_t length = strcspn(text, "\n");
        fputs("       ", report->to);
        vp_print_coloured(report->to, report->coloured, VP_COLOUR_DIM, 12, key);
        fprintf(report->to, "%.*s\n", (int)length, text);
        text += length + (text[length] == '\n');
        key = "";
    }
}

static void print_diagnosis(const struct vp_report *report, const struct vp_result *result)
{
    if (result->line) {
        fputs("       ", report->to);
        vp_print_coloured(report->to, report->coloured, VP_COLOUR_DIM, 12, "step");
        fprintf(report->to, "%s:%u: %s\n", result->path, result->line, result->step);
    }
    print_field(report, "expected", result->expected);
    print_field(report, "found", result->found);
    print_lines(report, "output", result->output);
    for (unsigned i = 0; i < result->transfer_count; i++) {
        print_field(report, i ? "" : "transfers", result->transfers[i]);
    }
    print_field(report, "again", result->rerun);
}

void vp_pretty_result(const struct vp_report *report, const struct vp_result *result)
{
    vp_print_coloured(report->to, report->coloured, marks[result->outcome].colour, 7,
                      marks[result->outcome].word);
    fprintf(report->to, "%s ", result->name);
    char seconds[32];
    snprintf(seconds, sizeof seconds, "(%.2f s)", result->seconds);
    vp_print_coloured(report->to, report->coloured, VP_COLOUR_DIM, 0,
                      result->outcome == VP_SKIPPED ? result->path : seconds);
    fputc('\n', report->to);
    print_field(report, "because", result->reason);
    for (unsigned i = 0; i < result->note_count; i++) {
        print_field(report, "", result->notes[i]);
    }
    if (result->outcome == VP_FAILED || result->outcome == VP_ABORTED ||
        result->outcome == VP_BROKEN) {
        print_diagnosis(report, result);
    }
}

void vp_pretty_end(const struct vp_report *report, const struct vp_result *results, unsigned count,
                   double seconds)
{
    fputc('\n', report->to);
    bool first = true;
    for (enum vp_outcome outcome = VP_PASSED; outcome <= VP_ABORTED; outcome++) {
        const unsigned found = vp_count_outcome(results, count, outcome);
        if (found || outcome == VP_PASSED) {
            char text[48];
            snprintf(text, sizeof text, "%u %s", found, vp_outcome_name(outcome));
            fputs(first ? "" : ", ", report->to);
            vp_print_coloured(report->to, report->coloured, marks[outcome].colour, 0, text);
            first = false;
        }
    }
    fprintf(report->to, " in %.2f s\n", seconds);
}
