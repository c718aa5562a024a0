/** @file terminal.h Colours and progress where a person watches, plain text elsewhere. */
#ifndef VP_REPORT_TERMINAL_H
#define VP_REPORT_TERMINAL_H

#include <stdbool.h>
#include <stdio.h>

enum vp_colour { VP_COLOUR_NONE, VP_COLOUR_GOOD, VP_COLOUR_BAD, VP_COLOUR_WARN, VP_COLOUR_DIM };

/** True if @p to is a terminal on which escape sequences make sense (TERM is not "dumb"). */
bool vp_terminal_is(FILE *to);

/** True if @p to is such a terminal and NO_COLOR is not set (no-color.org). */
bool vp_terminal_colours(FILE *to);

/** Print @p text padded to @p width columns (0: as it is), coloured if @p coloured. */
void vp_print_coloured(FILE *to, bool coloured, enum vp_colour colour, int width, const char *text);

#endif
