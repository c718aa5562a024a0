/* TAP version 14: https://testanything.org/tap-version-14-specification.html */
#include <stdlib.h>
#include <string.h>

#include "report/report_private.h"

/* In a description # starts a directive and \ escapes. */
static void print_description(FILE *to, const char *text)
{
    for (; text && *text; text++) {
        if (*text == '#' || *text == '\\') {
            fputc('\\', to);
        }
        fputc(*text == '\n' ? ' ' : *text, to);
    }
}

/* JSON strings are YAML too, whatever is in them. */
static void print_quoted(FILE *to, const char *text)
{
    json_t *string = json_string(text);
    char *quoted = json_dumps(string, JSON_ENCODE_ANY);
    fputs(quoted ? quoted : "\"\"", to);
    free(quoted);
    json_decref(string);
}

static void print_field(FILE *to, const char *key, const char *text)
{
    if (text) {
        fprintf(to, "  %s: ", key);
        print_quoted(to, text);
        fputc('\n', to);
    }
}

static void print_diagnosis(FILE *to, const struct vp_result *result)
{
    fputs("  ---\n", to);
    print_field(to, "file", result->path);
    if (result->line) {
        fprintf(to, "  line: %u\n", result->line);
    }
    print_field(to, "step", result->step);
    print_field(to, "expected", result->expected);
    print_field(to, "found", result->found);
    print_field(to, "reason", result->reason);
    print_field(to, "output", result->output);
    if (result->transfer_count) {
        fputs("  transfers:\n", to);
        for (unsigned i = 0; i < result->transfer_count; i++) {
            fputs("    - ", to);
            print_quoted(to, result->transfers[i]);
            fputc('\n', to);
        }
    }
    print_field(to, "again", result->rerun);
    fputs("  ...\n", to);
}

void vp_tap_begin(const struct vp_report *report)
{
    fprintf(report->to, "TAP version 14\n1..%u\n", report->planned);
}

void vp_tap_result(const struct vp_report *report, const struct vp_result *result)
{
    FILE *to = report->to;
    const bool good = result->outcome == VP_PASSED || result->outcome == VP_SKIPPED;
    fprintf(to, "%s %u - ", good ? "ok" : "not ok", report->number);
    print_description(to, result->path);
    fputs(": ", to);
    print_description(to, result->name);
    if (result->outcome == VP_SKIPPED) {
        fputs(" # SKIP ", to);
        print_description(to, result->reason);
    }
    fputc('\n', to);
    for (unsigned i = 0; i < result->note_count; i++) {
        fprintf(to, "# %s\n", result->notes[i]);
    }
    if (!good) {
        print_diagnosis(to, result);
    }
}
