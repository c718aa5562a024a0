#include "host/guest/cache/command.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TICK_MILLISECONDS = 200, NOT_FOUND = 127, SIGNALLED = 128 };

static _Noreturn void become(const struct command *command, pid_t parent, int output)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int nothing = open("/dev/null", O_RDONLY);
    if (getppid() != parent || dup2(nothing, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 ||
        dup2(output, STDERR_FILENO) < 0 || (command->folder && chdir(command->folder))) {
        _exit(NOT_FOUND);
    }
    setenv("LC_ALL", "C", 1); /* its words are read */
    execvp(command->argv[0], (char *const *)command->argv);
    _exit(NOT_FOUND);
}

static void collect(const struct command *command, int output)
{
    char dropped[1024];
    size_t used = 0;
    for (;;) {
        struct pollfd wait = {output, POLLIN, 0};
        if (poll(&wait, 1, TICK_MILLISECONDS) == 0) {
            if (command->progress && command->progress->tick) {
                command->progress->tick(command->progress->context);
            }
            continue;
        }
        const size_t room = command->output_size - 1 - used;
        const ssize_t count = room ? read(output, command->output + used, room)
                                   : read(output, dropped, sizeof dropped);
        if (count > 0) {
            used += room ? (size_t)count : 0;
        } else if (count == 0 || errno != EINTR) {
            break;
        }
    }
    command->output[used] = '\0';
}

int command_run(const struct command *command)
{
    int output[2], status;
    command->output[0] = '\0';
    if (pipe2(output, O_CLOEXEC)) {
        return VP_ERROR_IO;
    }
    const pid_t parent = getpid();
    const pid_t pid = fork();
    if (pid == 0) {
        become(command, parent, output[1]);
    }
    close(output[1]);
    if (pid > 0) {
        collect(command, output[0]);
    }
    close(output[0]);
    if (pid < 0 || waitpid(pid, &status, 0) != pid) {
        return VP_ERROR_IO;
    }
    return WIFSIGNALED(status) ? SIGNALLED + WTERMSIG(status) : WEXITSTATUS(status);
}

static bool is_program(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode) && access(path, X_OK) == 0;
}

bool command_find(const char *name, char *path, size_t size)
{
    const char *own = getenv("PATH");
    char folders[PATH_MAX * 4];
    snprintf(folders, sizeof folders, "%s:/usr/bin:/bin:/usr/sbin:/sbin", own ? own : "");
    for (char *rest = folders, *folder; (folder = strsep(&rest, ":"));) {
        if (*folder == '/' && snprintf(path, size, "%s/%s", folder, name) < (int)size &&
            is_program(path)) {
            return true;
        }
    }
    return false;
}
