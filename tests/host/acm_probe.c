/*
 * acm_probe CONTROL-SOCKET CASE: what a serial port must do, tried with the system calls
 * themselves, against the device of acm_server.c. The first thing that is not so ends the program
 * with status 1.
 */
#include "host/acm_probe.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *control_socket;

/* ---- The device ---------------------------------------------------------------------------- */

size_t probe_ask(const char *command, char *answer, size_t room)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    snprintf(name.sun_path, sizeof name.sun_path, "%s", control_socket);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&name, sizeof name) == 0);
    CHECK(write(fd, command, strlen(command)) == (ssize_t)strlen(command));
    size_t size = 0;
    for (ssize_t part; (part = read(fd, answer + size, room - 1 - size)) > 0;) {
        size += (size_t)part;
    }
    answer[size] = '\0';
    close(fd);
    return size;
}

void probe_tell(const char *command)
{
    char answer[256];
    probe_ask(command, answer, sizeof answer);
    CHECK(strcmp(answer, "ok") == 0);
}

void probe_expect(const char *command, const char *wanted, const char *file, int line)
{
    char answer[4096];
    probe_ask(command, answer, sizeof answer);
    if (strcmp(answer, wanted) != 0) {
        fprintf(stderr, "%s:%d: %s: '%s' instead of '%s'\n", file, line, command, answer, wanted);
        exit(1);
    }
}

void probe_wait(const char *command, const char *wanted)
{
    char answer[4096];
    for (unsigned tries = 0; tries < 30000; tries++) {
        probe_ask(command, answer, sizeof answer);
        if (strcmp(answer, wanted) == 0) {
            return;
        }
        poll(NULL, 0, 1);
    }
    fprintf(stderr, "%s: still '%s' instead of '%s'\n", command, answer, wanted);
    exit(1);
}

void probe_wait_node(const char *path, bool there)
{
    struct stat status;
    for (unsigned tries = 0; tries < 30000 && (stat(path, &status) == 0) != there; tries++) {
        poll(NULL, 0, 1);
    }
    CHECK((stat(path, &status) == 0) == there);
}

/* ---- The port ------------------------------------------------------------------------------ */

int probe_open(int flags)
{
    int fd = open(ACM_NODE, O_RDWR | O_NOCTTY | O_CLOEXEC | flags);
    CHECK(fd >= 0);
    return fd;
}

struct termios2 probe_get(int fd)
{
    struct termios2 settings;
    CHECK(ioctl(fd, TCGETS2, &settings) == 0);
    return settings;
}

void probe_set(int fd, unsigned request, unsigned flags, unsigned rate)
{
    struct termios2 settings = probe_get(fd);
    settings.c_iflag = 0;
    settings.c_oflag = 0;
    settings.c_lflag = 0;
    settings.c_cflag = flags;
    settings.c_ispeed = settings.c_ospeed = rate;
    settings.c_cc[VMIN] = 1;
    settings.c_cc[VTIME] = 0;
    CHECK(ioctl(fd, request, &settings) == 0);
}

void probe_raw(int fd)
{
    probe_set(fd, TCSETS2, B9600 | CS8 | COMMON, 0);
}

size_t probe_read(int fd, uint8_t *to, size_t size)
{
    size_t used = 0;
    struct pollfd state = {.fd = fd, .events = POLLIN};
    while (used < size && poll(&state, 1, 30000) == 1) {
        ssize_t part = read(fd, to + used, size - used);
        CHECK(part > 0);
        used += (size_t)part;
    }
    return used;
}

void probe_no_input(int fd)
{
    int count = -1;
    CHECK(ioctl(fd, FIONREAD, &count) == 0 && count == 0);
}

void probe_echo(int fd)
{
    uint8_t byte = 0;
    CHECK(write(fd, "x", 1) == 1 && read(fd, &byte, 1) == 1 && byte == 'x');
}

int probe_child_ioctl(int fd, unsigned long request, unsigned long argument)
{
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        _exit(ioctl(fd, request, argument) == 0 ? 0 : 1);
    }
    return child;
}

bool probe_has_succeeded(int child)
{
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    return status == 0;
}

/* ---- The cases ----------------------------------------------------------------------------- */

static const struct {
    const char *name;
    void (*run)(void);
} cases[] = {
    {"settings", case_settings},
    {"descriptors", case_descriptors},
    {"lines", case_lines},
    {"changes", case_changes},
    {"data", case_data},
    {"flow", case_flow},
    {"closing", case_closing},
    {"cooked", case_cooked},
    {"unplug", case_unplug},
    {"drivers", case_drivers},
    {"slow", case_slow},
    {"crowd", case_crowd},
    {"last-words", case_last_words},
    {"left-open", case_left_open},
    {"closed-last", case_closed_last},
    {"sent-after-close", case_sent_after_close},
    {"nothing-is-made", case_nothing_is_made},
    {"flushing", case_flushing},
};

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[2], "tell") == 0) {
        static char answer[65536];
        control_socket = argv[1];
        fwrite(answer, 1, probe_ask(argv[3], answer, sizeof answer), stdout);
        return 0;
    }
    for (size_t i = 0; argc == 3 && i < sizeof cases / sizeof *cases; i++) {
        if (strcmp(argv[2], cases[i].name) == 0) {
            control_socket = argv[1];
            cases[i].run();
            return 0;
        }
    }
    fprintf(stderr, "Usage: acm_probe CONTROL-SOCKET CASE | tell COMMAND\n");
    return 2;
}
