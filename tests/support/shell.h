/**
 * @file shell.h
 * Programs run by a shell in a folder of the test's own, and what they say.
 */
#ifndef TESTS_SHELL_H
#define TESTS_SHELL_H

#include <stddef.h>

/** Make the folder, and end the test by SIGALRM after two minutes. A group's setup. */
int shell_set_up(void **state);

/** Remove the folder and all in it. A group's teardown. */
int shell_tear_down(void **state);

/** The same, but fail if anything was left in it. */
int shell_tear_down_empty(void **state);

/** The folder, without a slash at the end. */
const char *shell_folder(void);

/** The path of @p name in the folder. */
void shell_path(char *path, size_t size, const char *name);

/** Write a file in the folder, or fail the test. */
void shell_write(const char *name, const char *text);

/**
 * Run a command line in the folder; standard output and error go to shell_output().
 * @return the exit status; a signal fails the test
 */
int shell_run(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** What the last one said, cut at 64 KiB. */
const char *shell_output(void);

/** Fail the test if the last one said @p text not, or did. */
void shell_says(const char *text);
void shell_says_not(const char *text);

#endif
