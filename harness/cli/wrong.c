#include "cli/wrong.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "vparticle/nearest.h"

int vp_cli_wrong(const char *command, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "vparticle %s: ", command);
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "; see 'vparticle %s --help'\n", command);
    va_end(arguments);
    return VP_EXIT_USAGE;
}

int vp_cli_unknown_option(const char *command, const struct option *options, const char *word)
{
    if (optopt != 0 && strncmp(word, "--", 2) == 0) {
        return vp_cli_wrong(command, "option '%s' takes no value", word);
    }
    if (optopt != 0) {
        return vp_cli_wrong(command, "there is no option '-%c'", optopt);
    }
    struct vp_nearest nearest = vp_nearest_start(word + strspn(word, "-"));
    for (const struct option *option = options; option->name; option++) {
        vp_nearest_offer(&nearest, option->name);
    }
    return vp_cli_wrong(command, "there is no option '%s'; the nearest is '--%s'", word,
                        nearest.best);
}
