/*
 * tty_probe PORT STEP...: does to a serial port what the steps say, one after the other, and tells
 * what came of each in a line. What it tells is compared between hosts.
 *
 *   open | nonblock | close      close tells if it had to wait
 *   settings                     flags and speeds
 *   raw                          9600 8N1 without a line discipline
 *   rate=N                       any rate, by BOTHER
 *   hupcl=0|1
 *   modem                        the lines as TIOCMGET has them
 *   dtr=0|1 rts=0|1
 *   queues                       bytes that wait to be sent and to be read
 *   send=TEXT                    \r and \n as in C
 *   receive=N                    N bytes, and what they are
 *   pass=N                       N bytes there and back at the same time
 *   ready                        does poll(2) say that more can be written?
 *   fill                         write until the port takes no more; tells how much that was
 *   drain                        wait until all is sent
 *   flush                        drop what waits
 *   hangup                       wait until the port is hung up, and try what still works
 *   break                        tcsendbreak(3)
 *   run=COMMAND                  by the shell
 */
#include <asm/termbits.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_MS = 20000 };
static const double WAITED_SECONDS = 1.5;

static const char *port;
static int fd = -1;

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void tell(const char *what, long result)
{
    printf("%s: %s\n", what, result >= 0 ? "ok" : strerrorname_np(errno));
}

/* ---- Settings ---------------------------------------------------------------------------- */

static void change(const char *what, void (*apply)(struct termios2 *settings, unsigned value),
                   unsigned value)
{
    struct termios2 settings;
    long result = ioctl(fd, TCGETS2, &settings);
    if (result == 0) {
        apply(&settings, value);
        result = ioctl(fd, TCSETS2, &settings);
    }
    tell(what, result);
}

static void make_raw(struct termios2 *settings, unsigned value)
{
    (void)value;
    settings->c_iflag = settings->c_oflag = settings->c_lflag = 0;
    settings->c_cflag = B9600 | CS8 | CREAD | CLOCAL | HUPCL;
    settings->c_cc[VMIN] = 1;
    settings->c_cc[VTIME] = 0;
}

static void set_rate(struct termios2 *settings, unsigned value)
{
    settings->c_cflag = (settings->c_cflag & ~(unsigned)CBAUD) | BOTHER;
    settings->c_ispeed = settings->c_ospeed = value;
}

static void set_hupcl(struct termios2 *settings, unsigned value)
{
    settings->c_cflag &= ~(unsigned)HUPCL;
    settings->c_cflag |= value ? HUPCL : 0;
}

static void show_settings(void)
{
    struct termios2 settings;
    if (ioctl(fd, TCGETS2, &settings) != 0) {
        tell("settings", -1);
        return;
    }
    printf("settings: i %o o %o c %o l %o line %u speeds %u %u cc", settings.c_iflag,
           settings.c_oflag, settings.c_cflag, settings.c_lflag, settings.c_line, settings.c_ispeed,
           settings.c_ospeed);
    for (unsigned i = 0; i < sizeof settings.c_cc; i++) {
        printf(" %u", settings.c_cc[i]);
    }
    putchar('\n');
}

/* ---- Lines ------------------------------------------------------------------------------- */

static void show_modem(void)
{
    static const struct {
        int bit;
        const char *name;
    } names[] = {{TIOCM_DTR, "dtr"}, {TIOCM_RTS, "rts"}, {TIOCM_CTS, "cts"},
                 {TIOCM_CAR, "dcd"}, {TIOCM_DSR, "dsr"}, {TIOCM_RI, "ring"}};
    int lines = 0;
    if (ioctl(fd, TIOCMGET, &lines) != 0) {
        tell("modem", -1);
        return;
    }
    fputs("modem:", stdout);
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        if (lines & names[i].bit) {
            printf(" %s", names[i].name);
        }
    }
    putchar('\n');
}

static void set_line(const char *what, int bit, bool on)
{
    tell(what, ioctl(fd, on ? TIOCMBIS : TIOCMBIC, &bit));
}

/* ---- Data -------------------------------------------------------------------------------- */

static void show_queues(void)
{
    int output = -1, input = -1;
    if (ioctl(fd, TIOCOUTQ, &output) != 0 || ioctl(fd, FIONREAD, &input) != 0) {
        tell("queues", -1);
        return;
    }
    printf("queues: %d to be sent, %d to be read\n", output, input);
}

static void show_text(const char *what, const char *text, size_t size)
{
    printf("%s: ", what);
    for (size_t i = 0; i < size; i++) {
        printf(text[i] >= ' ' && text[i] <= '~' ? "%c" : "<%02x>", (unsigned char)text[i]);
    }
    putchar('\n');
}

static void send_text(const char *text)
{
    char bytes[256];
    size_t size = 0;
    for (; *text && size < sizeof bytes; text++) {
        const bool escape = text[0] == '\\' && (text[1] == 'r' || text[1] == 'n');
        bytes[size++] = (char)(!escape ? *text : text[1] == 'r' ? '\r' : '\n');
        text += escape;
    }
    tell("send", write(fd, bytes, size));
}

static void receive(const char *what, size_t size)
{
    static char bytes[65536];
    size_t used = 0;
    struct pollfd state = {.fd = fd, .events = POLLIN};
    while (used < size && used < sizeof bytes && poll(&state, 1, PATIENCE_MS) == 1) {
        const ssize_t part = read(fd, bytes + used, size - used);
        if (part <= 0) {
            tell(what, part - 1);
            break;
        }
        used += (size_t)part;
    }
    show_text(what, bytes, used);
}

static uint8_t byte_at(size_t place)
{
    return (uint8_t)(place * 7 + place / 251);
}

static void pass(size_t size)
{
    static uint8_t bytes[4096];
    const pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (size_t sent = 0; sent < size;) {
            const size_t count = size - sent < sizeof bytes ? size - sent : sizeof bytes;
            for (size_t i = 0; i < count; i++) {
                bytes[i] = byte_at(sent + i);
            }
            const ssize_t part = write(fd, bytes, count);
            if (part < 0) {
                _exit(1);
            }
            sent += (size_t)part;
        }
        _exit(0);
    }
    size_t back = 0, wrong = 0;
    struct pollfd state = {.fd = fd, .events = POLLIN};
    while (back < size && poll(&state, 1, PATIENCE_MS) == 1) {
        const ssize_t part = read(fd, bytes, sizeof bytes);
        if (part <= 0) {
            break;
        }
        for (ssize_t i = 0; i < part; i++) {
            wrong += bytes[i] != byte_at(back + (size_t)i);
        }
        back += (size_t)part;
    }
    int status = -1;
    waitpid(child, &status, 0);
    printf("pass: %zu bytes back, %zu wrong; writing ended with %d\n", back, wrong, status);
}

static void show_ready(void)
{
    struct pollfd state = {.fd = fd, .events = POLLOUT};
    printf("ready: %s\n", poll(&state, 1, 0) == 1 ? "to write" : "no");
}

static void fill(void)
{
    static const char zeros[65536];
    size_t written = 0;
    fcntl(fd, F_SETFL, O_NONBLOCK);
    for (unsigned idle = 0; idle < 10; idle++) {
        const ssize_t part = write(fd, zeros, sizeof zeros);
        if (part > 0) {
            written += (size_t)part;
            idle = 0;
        }
        poll(NULL, 0, 20);
    }
    fcntl(fd, F_SETFL, 0);
    printf("fill: %zu bytes\n", written);
}

/* ---- Coming and going ---------------------------------------------------------------------- */

static void open_port(int flags)
{
    fd = open(port, O_RDWR | O_NOCTTY | flags);
    tell("open", fd);
}

static void close_port(void)
{
    const double start = now();
    const int result = close(fd);
    const bool waited = now() - start > WAITED_SECONDS;
    printf("close: %s%s\n", result == 0 ? "ok" : strerrorname_np(errno),
           waited ? ", after it waited" : "");
}

static void show_poll(short events)
{
    struct pollfd state = {.fd = fd, .events = events};
    const int count = poll(&state, 1, PATIENCE_MS);
    printf("poll: %d%s%s%s%s\n", count, state.revents & POLLIN ? " in" : "",
           state.revents & POLLOUT ? " out" : "", state.revents & POLLERR ? " err" : "",
           state.revents & POLLHUP ? " hup" : "");
}

static void hangup(void)
{
    struct termios2 settings;
    char byte = 'x';
    int number = 0;
    show_poll(0);
    show_poll(POLLIN | POLLOUT);
    const ssize_t size = read(fd, &byte, 1);
    printf("read: %s\n", size < 0 ? strerrorname_np(errno) : size == 0 ? "end" : "a byte");
    tell("write", write(fd, &byte, 1));
    tell("TCGETS2", ioctl(fd, TCGETS2, &settings));
    tell("TCSETS2", ioctl(fd, TCSETS2, &settings));
    tell("TCSBRK", ioctl(fd, TCSBRK, 1));
    tell("TCFLSH", ioctl(fd, TCFLSH, 2));
    tell("TIOCMGET", ioctl(fd, TIOCMGET, &number));
    tell("TIOCMBIS", ioctl(fd, TIOCMBIS, &number));
    tell("TIOCOUTQ", ioctl(fd, TIOCOUTQ, &number));
    tell("FIONREAD", ioctl(fd, FIONREAD, &number));
    tell("TIOCMIWAIT", ioctl(fd, TIOCMIWAIT, TIOCM_CAR));
    tell("TIOCEXCL", ioctl(fd, TIOCEXCL));
    printf("isatty: %d\n", isatty(fd));
}

/* ---- Steps --------------------------------------------------------------------------------- */

static const char *value_of(const char *step, const char *name)
{
    const size_t length = strlen(name);
    return strncmp(step, name, length) == 0 && step[length] == '=' ? step + length + 1 : NULL;
}

static bool take_valued(const char *step)
{
    const char *value;
    if ((value = value_of(step, "rate"))) {
        change(step, set_rate, (unsigned)strtoul(value, NULL, 10));
    } else if ((value = value_of(step, "hupcl"))) {
        change(step, set_hupcl, *value == '1');
    } else if ((value = value_of(step, "dtr"))) {
        set_line(step, TIOCM_DTR, *value == '1');
    } else if ((value = value_of(step, "rts"))) {
        set_line(step, TIOCM_RTS, *value == '1');
    } else if ((value = value_of(step, "send"))) {
        send_text(value);
    } else if ((value = value_of(step, "receive"))) {
        receive(step, strtoul(value, NULL, 10));
    } else if ((value = value_of(step, "pass"))) {
        pass(strtoul(value, NULL, 10));
    } else if ((value = value_of(step, "run"))) {
        printf("run: %s\n", value);
        fflush(stdout);
        const int status = system(value);
        if (status != 0) {
            printf("status %d\n", status);
        }
    } else {
        return false;
    }
    return true;
}

static bool take(const char *step)
{
    if (strcmp(step, "open") == 0) {
        open_port(0);
    } else if (strcmp(step, "nonblock") == 0) {
        open_port(O_NONBLOCK);
    } else if (strcmp(step, "close") == 0) {
        close_port();
    } else if (strcmp(step, "settings") == 0) {
        show_settings();
    } else if (strcmp(step, "raw") == 0) {
        change(step, make_raw, 0);
    } else if (strcmp(step, "modem") == 0) {
        show_modem();
    } else if (strcmp(step, "queues") == 0) {
        show_queues();
    } else if (strcmp(step, "drain") == 0) {
        tell(step, ioctl(fd, TCSBRK, 1));
    } else if (strcmp(step, "ready") == 0) {
        show_ready();
    } else if (strcmp(step, "fill") == 0) {
        fill();
    } else if (strcmp(step, "flush") == 0) {
        tell(step, ioctl(fd, TCFLSH, 2));
    } else if (strcmp(step, "break") == 0) {
        tell(step, ioctl(fd, TCSBRK, 0));
    } else if (strcmp(step, "hangup") == 0) {
        hangup();
    } else {
        return take_valued(step);
    }
    return true;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fputs("Usage: tty_probe PORT STEP...\n", stderr);
        return 2;
    }
    port = argv[1];
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 2; i < argc; i++) {
        if (!take(argv[i])) {
            fprintf(stderr, "tty_probe: there is no step '%s'\n", argv[i]);
            return 2;
        }
    }
    return 0;
}
