/* JUnit XML in the form that CI systems agree on: testsuite, testcase, failure, error, skipped. */
#include <stdlib.h>
#include <string.h>

#include "files/write_file.h"
#include "report/report_private.h"

/* Texts are clean already; what is left is XML's own. */
static void print_escaped(FILE *to, const char *text)
{
    for (; text && *text; text++) {
        switch (*text) {
        case '&':
            fputs("&amp;", to);
            break;
        case '<':
            fputs("&lt;", to);
            break;
        case '>':
            fputs("&gt;", to);
            break;
        case '"':
            fputs("&quot;", to);
            break;
        case '\n':
            fputs("&#10;", to);
            break;
        case '\t':
            fputs("&#9;", to);
            break;
        default:
            fputc(*text, to);
        }
    }
}

static void print_attribute(FILE *to, const char *name, const char *value)
{
    fprintf(to, " %s=\"", name);
    print_escaped(to, value);
    fputc('"', to);
}

static void print_line(FILE *to, const char *key, const char *text)
{
    if (text) {
        fprintf(to, "%s: ", key);
        print_escaped(to, text);
        fputc('\n', to);
    }
}

static void print_problem(FILE *to, const char *element, const struct vp_result *result)
{
    fprintf(to, "    <%s", element);
    print_attribute(to, "message", result->found ? result->found : result->reason);
    fputc('>', to);
    if (result->line) {
        print_escaped(to, result->path);
        fprintf(to, ":%u: ", result->line);
        print_escaped(to, result->step);
        fputc('\n', to);
    }
    print_line(to, "expected", result->expected);
    print_line(to, "found", result->found);
    print_line(to, "output", result->output);
    for (unsigned i = 0; i < result->transfer_count; i++) {
        print_line(to, "transfer", result->transfers[i]);
    }
    print_line(to, "again", result->rerun);
    fprintf(to, "</%s>\n", element);
}

static void print_case(FILE *to, const struct vp_result *result)
{
    fputs("  <testcase", to);
    print_attribute(to, "classname", result->path);
    print_attribute(to, "name", result->name);
    fprintf(to, " time=\"%.3f\">\n", result->seconds);
    if (result->outcome == VP_FAILED) {
        print_problem(to, "failure", result);
    } else if (result->outcome == VP_BROKEN || result->outcome == VP_ABORTED) {
        print_problem(to, "error", result);
    } else if (result->outcome == VP_SKIPPED) {
        fputs("    <skipped", to);
        print_attribute(to, "message", result->reason);
        fputs("/>\n", to);
    }
    if (result->note_count) {
        fputs("    <system-out>", to);
        for (unsigned i = 0; i < result->note_count; i++) {
            print_escaped(to, result->notes[i]);
            fputc('\n', to);
        }
        fputs("</system-out>\n", to);
    }
    fputs("  </testcase>\n", to);
}

static void print_suite(FILE *to, const struct vp_result *results, unsigned count, double seconds)
{
    const unsigned errors =
        vp_count_outcome(results, count, VP_BROKEN) + vp_count_outcome(results, count, VP_ABORTED);
    fprintf(to,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
            "<testsuite name=\"vparticle\" tests=\"%u\" failures=\"%u\" errors=\"%u\" "
            "skipped=\"%u\" time=\"%.3f\">\n",
            count, vp_count_outcome(results, count, VP_FAILED), errors,
            vp_count_outcome(results, count, VP_SKIPPED), seconds);
    for (unsigned i = 0; i < count; i++) {
        print_case(to, &results[i]);
    }
    fputs("</testsuite>\n", to);
}

int vp_report_junit(const char *path, const struct vp_result *results, unsigned count,
                    double seconds, struct vp_failure *failure)
{
    char *text = NULL;
    size_t size = 0;
    FILE *memory = open_memstream(&text, &size);
    if (!memory) {
        return vp_fail(failure, VP_ERROR_NO_MEMORY, "%s: out of memory", path);
    }
    print_suite(memory, results, count, seconds);
    int error = fclose(memory) ? vp_fail(failure, VP_ERROR_NO_MEMORY, "%s: out of memory", path)
                               : vp_write_file(path, text, size, failure);
    free(text);
    return error;
}
