#include "report/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const sequences[] = {
    [VP_COLOUR_NONE] = "",         [VP_COLOUR_GOOD] = "\033[32m", [VP_COLOUR_BAD] = "\033[1;31m",
    [VP_COLOUR_WARN] = "\033[33m", [VP_COLOUR_DIM] = "\033[2m",
};

bool vp_terminal_is(FILE *to)
{
    const char *kind = getenv("TERM");
    return isatty(fileno(to)) && kind && strcmp(kind, "dumb") != 0;
}

bool vp_terminal_colours(FILE *to)
{
    const char *no_colour = getenv("NO_COLOR");
    return !(no_colour && *no_colour) && vp_terminal_is(to);
}

void vp_print_coloured(FILE *to, bool coloured, enum vp_colour colour, int width, const char *text)
{
    const bool escape = coloured && colour != VP_COLOUR_NONE;
    fprintf(to, "%s%-*s%s", escape ? sequences[colour] : "", width, text, escape ? "\033[0m" : "");
}
