/** @file field_private.h The two readers of a report. */
#ifndef FIELD_PRIVATE_H
#define FIELD_PRIVATE_H

#include "vparticle/field.h"

/** @param object  where the JSON begins */
int field_parse_json(const char *object, size_t length, struct vp_field_report *report,
                     struct vp_failure *failure);

/** @param text  without escape sequences, ends with a NUL; is taken apart */
int field_parse_text(char *text, struct vp_field_report *report, struct vp_failure *failure);

/** A new module of the report, or NULL if it has too many. */
struct vp_field_module *field_add(struct vp_field_report *report);

/** A platform's number. @return false if it is none that is known here */
bool field_platform(long number, enum vp_platform *platform);

#endif
