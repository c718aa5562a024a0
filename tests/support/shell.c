#include "support/shell.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/vparticle-test-XXXXXX";
static char output[65536];

int shell_set_up(void **state)
{
    (void)state;
    alarm(120);
    return mkdtemp(folder) ? 0 : -1;
}

int shell_tear_down(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

int shell_tear_down_empty(void **state)
{
    (void)state;
    return rmdir(folder);
}

const char *shell_folder(void)
{
    return folder;
}

void shell_path(char *path, size_t size, const char *name)
{
    assert_in_range(snprintf(path, size, "%s/%s", folder, name), 1, size - 1);
}

void shell_write(const char *name, const char *text)
{
    char path[256];
    shell_path(path, sizeof path, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

/* The commands follow each other in one shell: a test may go on after a `;`. */
int shell_run(const char *format, ...)
{
    char command[2048];
    const int used = snprintf(command, sizeof command, "exec 2>&1; cd %s && ", folder);
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(command + used, sizeof command - (size_t)used, format, arguments);
    va_end(arguments);
    assert_in_range(length, 1, sizeof command - (size_t)used - 1);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    output[fread(output, 1, sizeof output - 1, pipe)] = '\0';
    const int status = pclose(pipe);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

const char *shell_output(void)
{
    return output;
}

void shell_says(const char *text)
{
    if (!strstr(output, text)) {
        fail_msg("expected \"%s\" in:\n%s", text, output);
    }
}

void shell_says_not(const char *text)
{
    if (strstr(output, text)) {
        fail_msg("unexpected \"%s\" in:\n%s", text, output);
    }
}
