#include "vparticle/error.h"

#include <stdarg.h>
#include <stdio.h>

const char *vp_error_text(int error)
{
    switch (error) {
    case 0:
        return "no error";
    case VP_ERROR_NO_MEMORY:
        return "out of memory";
    case VP_ERROR_INVALID:
        return "invalid";
    case VP_ERROR_RANGE:
        return "out of range";
    case VP_ERROR_NOT_FOUND:
        return "not found";
    case VP_ERROR_FLASH:
        return "flash operation failed";
    case VP_ERROR_IO:
        return "input or output failed";
    case VP_ERROR_BUSY:
        return "in use";
    case VP_ERROR_UNSUPPORTED:
        return "not supported";
    default:
        return "unknown error";
    }
}

int vp_fail(struct vp_failure *failure, int error, const char *format, ...)
{
    if (failure) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(failure->text, sizeof failure->text, format, arguments);
        va_end(arguments);
    }
    return error;
}
