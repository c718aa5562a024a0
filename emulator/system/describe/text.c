#include "system/describe/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static bool make_room(struct vp_text *text, size_t more)
{
    if (text->length + more < text->room) {
        return true;
    }
    const size_t room = 2 * text->room + more + 256;
    char *bytes = realloc(text->bytes, room);
    if (!bytes) {
        text->failed = true;
        return false;
    }
    text->bytes = bytes;
    text->room = room;
    return true;
}

void vp_text_add(struct vp_text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    va_list again;
    va_copy(again, arguments);
    const int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length >= 0 && !text->failed && make_room(text, (size_t)length + 1)) {
        vsnprintf(text->bytes + text->length, (size_t)length + 1, format, again);
        text->length += (size_t)length;
    }
    va_end(again);
}

char *vp_text_finish(struct vp_text *text)
{
    if (text->failed) {
        free(text->bytes);
        text->bytes = NULL;
    }
    return text->bytes;
}
