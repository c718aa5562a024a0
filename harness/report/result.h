/** @file result.h What became of a scenario, and the four ways to report it. */
#ifndef VP_REPORT_RESULT_H
#define VP_REPORT_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "vparticle/error.h"

enum vp_outcome {
    VP_PASSED,
    VP_FAILED,  /**< something was not as expected */
    VP_SKIPPED, /**< something that it needs is not here */
    VP_BROKEN,  /**< the scenario itself is wrong: a device that cannot be */
    VP_ABORTED, /**< the operating system refused, or the emulator crashed */
};

enum { VP_RESULT_LINES = 16 };

/** All texts are printable UTF-8 (see vp_clean_text()), owned by the result, NULL if there is none.
 */
struct vp_result {
    enum vp_outcome outcome;
    char *path, *name;
    double seconds;
    char *reason; /**< skipped, broken, aborted: why */

    /* If it failed: */
    unsigned line;                    /**< of the step in its file */
    char *step;                       /**< what the step does, in short */
    char *expected, *found;           /**< one line each */
    char *output;                     /**< end of what the tool of the step wrote; several lines */
    char *transfers[VP_RESULT_LINES]; /**< the last USB transfers, oldest first */
    unsigned transfer_count;
    char *rerun; /**< the command that runs it again */

    char *notes[VP_RESULT_LINES]; /**< evidence: which faults fired */
    unsigned note_count;
};

/** Free all texts. */
void vp_result_clear(struct vp_result *result);

/** "passed", "failed", "skipped", "broken", "aborted". */
const char *vp_outcome_name(enum vp_outcome outcome);

/** snprintf into a new string; NULL if memory is short. */
char *vp_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

/**
 * Make any bytes fit to print: what a terminal would show after a carriage return, '?' for
 * other control characters and what is not UTF-8.
 * @return new string, NULL if memory is short
 */
char *vp_clean_text(const void *bytes, size_t length);

/* ---- Between processes -------------------------------------------------------------- */

/** One line of JSON; NULL if memory is short. The caller frees it. */
char *vp_result_to_json(const struct vp_result *result);

/** @return 0, VP_ERROR_INVALID, VP_ERROR_NO_MEMORY */
int vp_result_from_json(const char *json, struct vp_result *result);

/* ---- Reports -------------------------------------------------------------------------- */

enum vp_format { VP_FORMAT_PRETTY, VP_FORMAT_TAP, VP_FORMAT_JSON };

/** Reports write one result after the other, as they come in order. */
struct vp_report {
    enum vp_format format;
    FILE *to;
    bool coloured;
    unsigned planned, number;
};

void vp_report_begin(struct vp_report *report, unsigned planned);
void vp_report_result(struct vp_report *report, const struct vp_result *result);
void vp_report_end(struct vp_report *report, const struct vp_result *results, unsigned count,
                   double seconds);

/**
 * A JUnit file, as CI systems read it; it appears whole or not at all.
 * @return 0, VP_ERROR_IO, VP_ERROR_NO_MEMORY
 */
int vp_report_junit(const char *path, const struct vp_result *results, unsigned count,
                    double seconds, struct vp_failure *failure);

#endif
