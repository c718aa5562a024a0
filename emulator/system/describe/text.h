/** @file text.h A text that grows, for answers that the firmware prints piece by piece. */
#ifndef VP_SYSTEM_TEXT_H
#define VP_SYSTEM_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct vp_text {
    char *bytes; /**< terminated; NULL before anything was added */
    size_t length, room;
    bool failed; /**< out of memory: nothing is added any more */
};

/** Add formatted text. */
void vp_text_add(struct vp_text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** @return the text, now the caller's: free(); NULL if memory ran out */
char *vp_text_finish(struct vp_text *text);

#endif
