/**
 * @file wrong.h
 * A sub-command whose command line is wrong says so, in one line, and where help is.
 */
#ifndef VP_CLI_WRONG_H
#define VP_CLI_WRONG_H

#include <getopt.h>

/**
 * "vparticle COMMAND: ...; see 'vparticle COMMAND --help'"
 * @return VP_EXIT_USAGE
 */
int vp_cli_wrong(const char *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/**
 * Right after getopt_long(3) has returned '?', with `opterr` 0: the option is unknown, or has a
 * value that it doesn't take.
 * @param word  where it was found
 * @return VP_EXIT_USAGE
 */
int vp_cli_unknown_option(const char *command, const struct option *options, const char *word);

#endif
