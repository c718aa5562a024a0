#include "host/tool/command.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void free_argv(char *const *argv)
{
    for (unsigned i = 0; argv && argv[i]; i++) {
        free(argv[i]);
    }
    free((void *)argv);
}

static void close_copy(int fd)
{
    if (fd >= 0) {
        close(fd);
    }
}

void command_clear(struct vp_host_command *copy)
{
    free_argv(copy->argv);
    free((void *)copy->directory);
    close_copy(copy->standard_output);
    close_copy(copy->standard_error);
}

static char *const *copy_argv(char *const *argv)
{
    unsigned count = 0;
    while (argv[count]) {
        count++;
    }
    char **copy = calloc(count + 1, sizeof *copy);
    for (unsigned i = 0; copy && i < count; i++) {
        copy[i] = strdup(argv[i]);
        if (!copy[i]) {
            free_argv(copy);
            return NULL;
        }
    }
    return copy;
}

static int copy_descriptor(int fd)
{
    return fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

bool command_copy(struct vp_host_command *copy, const struct vp_host_command *command)
{
    *copy = *command;
    copy->argv = copy_argv(command->argv);
    copy->directory = command->directory ? strdup(command->directory) : NULL;
    copy->standard_output = copy_descriptor(command->standard_output);
    copy->standard_error = copy_descriptor(command->standard_error);
    if (!copy->argv || (command->directory && !copy->directory) ||
        (command->standard_output >= 0 && copy->standard_output < 0) ||
        (command->standard_error >= 0 && copy->standard_error < 0)) {
        command_clear(copy);
        return false;
    }
    return true;
}

/* 0, or why the file can't be executed. */
static int check_executable(const char *path)
{
    struct stat status;
    if (stat(path, &status)) {
        return errno;
    }
    return S_ISDIR(status.st_mode) || access(path, X_OK) ? EACCES : 0;
}

/* As execvp(3) looks. */
static int find_program(const char *name, const char *directory)
{
    char path[PATH_MAX];
    if (strchr(name, '/')) {
        bool relative = directory && *name != '/';
        snprintf(path, sizeof path, "%s%s%s", relative ? directory : "", relative ? "/" : "", name);
        return check_executable(path);
    }
    const char *search = getenv("PATH");
    int found = ENOENT;
    for (search = search ? search : "/bin:/usr/bin"; *search && *name;) {
        int length = (int)strcspn(search, ":");
        snprintf(path, sizeof path, "%.*s/%s", length ? length : 1, length ? search : ".", name);
        int error = check_executable(path);
        if (error == 0) {
            return 0;
        }
        if (error == EACCES) {
            found = EACCES;
        }
        search += length + (search[length] == ':');
    }
    return found;
}

int command_check(const struct vp_host_command *command, struct vp_failure *failure)
{
    switch (find_program(command->argv[0], command->directory)) {
    case 0:
        return 0;
    case EACCES:
        return vp_fail(failure, VP_ERROR_INVALID,
                       "%s: this file cannot be executed; check its permissions", command->argv[0]);
    default:
        return vp_fail(failure, VP_ERROR_NOT_FOUND,
                       "%s: no such program; check the spelling and PATH", command->argv[0]);
    }
}

void command_complain(const struct vp_host_command *command, const char *step, int error,
                      const char *hint)
{
    int fd = command->standard_error >= 0 ? command->standard_error : STDERR_FILENO;
    dprintf(fd, "vparticle: %s: cannot %s: %s%s\n", command->argv[0], step, strerror(error), hint);
}

void command_fail(const struct vp_host_command *command, int error)
{
    command_complain(command, "start", error, "");
    command->ended(command->context, W_EXITCODE(EXIT_NOT_EXECUTABLE, 0));
    if (command->left) {
        command->left(command->context);
    }
}

int command_enter(const struct vp_host_command *command)
{
    sigset_t none;
    sigemptyset(&none);
    signal(SIGPIPE, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    /* Its devices go with us: better it ends, too. */
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (command->standard_output >= 0) {
        dup2(command->standard_output, STDOUT_FILENO);
    }
    if (command->standard_error >= 0) {
        dup2(command->standard_error, STDERR_FILENO);
    }
    return command->directory && chdir(command->directory) ? errno : 0;
}
