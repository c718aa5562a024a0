/*
 * Cases of acm_probe: data in both directions, and what becomes of it in the end.
 */
#include "host/acm_probe.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

void case_data(void)
{
    enum { SIZE = 300000 };
    static uint8_t out[SIZE];
    static uint8_t in[SIZE];
    int fd = probe_open(0);
    probe_raw(fd);
    for (size_t i = 0; i < SIZE; i++) {
        out[i] = (uint8_t)(i * 7 + i / 251);
    }
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        size_t sent = 0;
        while (sent < SIZE) {
            ssize_t part = write(fd, out + sent, SIZE - sent);
            CHECK(part > 0);
            sent += (size_t)part;
        }
        _exit(0);
    }
    CHECK(probe_read(fd, in, SIZE) == SIZE && memcmp(in, out, SIZE) == 0);
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK(ioctl(fd, TCSBRK, 1) == 0);
    probe_no_input(fd);
    /* Each single byte value passes. */
    for (unsigned i = 0; i < 256; i++) {
        uint8_t byte = (uint8_t)i;
        CHECK(write(fd, &byte, 1) == 1 && read(fd, in, sizeof in) == 1 && in[0] == byte);
    }
    /* An endpoint that halts is woken up. */
    char log[64];
    probe_ask("log", log, sizeof log);
    probe_tell("halt");
    CHECK(write(fd, "after", 5) == 5 && probe_read(fd, in, 5) == 5 && memcmp(in, "after", 5) == 0);
    LOG("clear 129");
}

/* A tool that does not read: the device keeps what it has. */
static void input_that_waits(int fd)
{
    enum { SIZE = 200000 };
    static uint8_t in[SIZE];
    probe_tell("flood 200000");
    probe_wait("pending", "in 0 out 0 notify 1");
    CHECK(probe_read(fd, in, SIZE) == SIZE);
    for (size_t i = 0; i < SIZE; i++) {
        CHECK(in[i] == (uint8_t)i);
    }
    probe_wait("pending", "in 16 out 0 notify 1");
}

/* A device that does not take: what was written waits, and then no more can be. */
static void output_that_waits(int fd)
{
    static uint8_t zeros[65536];
    int count;
    probe_tell("echo off");
    probe_tell("nak on");
    CHECK(write(fd, "0123456789", 10) == 10);
    CHECK(ioctl(fd, TIOCOUTQ, &count) == 0 && count == 1280); /* a whole transfer */
    probe_wait("pending", "in 16 out 1 notify 1");
    /* Not by poll(2): a real port is not ready again before all of it is sent. */
    size_t written = 10;
    for (unsigned idle = 0; idle < 5; idle++) {
        ssize_t part = write(fd, zeros, sizeof zeros);
        CHECK(part >= 0 || errno == EAGAIN);
        if (part > 0) {
            written += (size_t)part;
            idle = 0;
        }
        poll(NULL, 0, 20);
    }
    CHECK(written > 19000 && written < 100000);
    CHECK(ioctl(fd, TIOCOUTQ, &count) == 0 && count >= 16 * 1280);
    probe_wait("pending", "in 16 out 16 notify 1");
    probe_tell("nak off");
    CHECK(ioctl(fd, TCSBRK, 1) == 0);
    CHECK(ioctl(fd, TIOCOUTQ, &count) == 0 && count == 0);
    probe_wait("pending", "in 16 out 0 notify 1");
}

/* Output that is dropped: cdc_acm can since acm_tty_flush_buffer(), which Linux 6.1 lacks. */
void case_flushing(void)
{
    int fd = probe_open(0);
    int count;
    probe_raw(fd);
    probe_tell("nak on");
    CHECK(write(fd, "0123456789", 10) == 10);
    probe_wait("pending", "in 16 out 1 notify 1");
    CHECK(ioctl(fd, TCFLSH, 1) == 0);
    CHECK(ioctl(fd, TIOCOUTQ, &count) == 0 && count == 0);
    probe_wait("pending", "in 16 out 0 notify 1");
}

/* Who waits until all is sent waits for the device. */
static void waiting_for_the_device(int fd)
{
    char answer[65536];
    probe_ask("received", answer, sizeof answer);
    probe_tell("nak on");
    CHECK(write(fd, "last", 4) == 4);
    pid_t child = probe_child_ioctl(fd, TCSBRK, 1);
    probe_wait("pending", "in 16 out 1 notify 1");
    int status;
    CHECK(waitpid(child, &status, WNOHANG) == 0);
    probe_tell("nak off");
    CHECK(probe_has_succeeded(child));
    RECEIVED("last");
}

void case_flow(void)
{
    int fd = probe_open(O_NONBLOCK);
    probe_raw(fd);
    input_that_waits(fd);
    output_that_waits(fd);
    waiting_for_the_device(fd);
    /* Input that nobody has read can be dropped as well. */
    probe_tell("send abc");
    CHECK(poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 30000) == 1);
    CHECK(ioctl(fd, TCFLSH, 0) == 0);
    probe_no_input(fd);
    FAILS(ioctl(fd, TCFLSH, 9), EINVAL);
}

void case_closing(void)
{
    uint8_t bytes[64];
    /* What the device says while nobody listens stays with it. */
    probe_tell("send early");
    PENDING("in 0 out 0 notify 0");
    int fd = probe_open(0);
    probe_raw(fd);
    CHECK(probe_read(fd, bytes, 5) == 5 && memcmp(bytes, "early", 5) == 0);
    char log[256];
    CHECK(ioctl(fd, TCSBRK, 1) == 0);
    probe_ask("received", log, sizeof log); /* perhaps its echo: it came before probe_raw() */
    /* What was not read goes with the last close. */
    probe_tell("send stale");
    CHECK(poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 30000) == 1);
    close(fd);
    fd = probe_open(O_NONBLOCK);
    probe_no_input(fd);
    FAILS(read(fd, bytes, 1), EAGAIN);
}

/* What was written before the last close is still sent. close(2) returns at once, unlike with a
 * real port, and the next open(2) waits for that. */
void case_sent_after_close(void)
{
    char log[256];
    int fd = probe_open(0);
    probe_raw(fd);
    probe_ask("log", log, sizeof log);
    probe_tell("echo off");
    probe_tell("nak on");
    CHECK(write(fd, "goodbye", 7) == 7);
    close(fd);
    probe_wait("pending", "in 16 out 1 notify 1");
    LOG("");
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        _exit(open(ACM_NODE, O_RDWR | O_NOCTTY) >= 0 ? 0 : 1);
    }
    int status;
    CHECK(waitpid(child, &status, WNOHANG) == 0);
    probe_tell("nak off");
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    RECEIVED("goodbye");
    probe_wait("pending", "in 0 out 0 notify 0");
    LOG("lines 0,lines 3,lines 0");
}

void case_cooked(void)
{
    uint8_t bytes[64];
    int fd = probe_open(0);
    probe_tell("echo off");
    /* The kernel's default: lines, and an echo to the device. */
    probe_tell("send one\rtw");
    ssize_t size = read(fd, bytes, sizeof bytes);
    CHECK(size == 4 && memcmp(bytes, "one\n", 4) == 0);
    probe_wait("pending", "in 16 out 0 notify 1");
    CHECK(ioctl(fd, TCSBRK, 1) == 0);
    RECEIVED("one\r\ntw");
    CHECK(write(fd, "a\n", 2) == 2 && ioctl(fd, TCSBRK, 1) == 0);
    RECEIVED("a\r\n");
}

/* Written and closed: it reaches the device although the tool has ended then. */
void case_last_words(void)
{
    int fd = probe_open(0);
    probe_raw(fd);
    probe_tell("echo off");
    CHECK(write(fd, "bye", 3) == 3);
}

/* Goes on at the end of its standard input, when the host has been stopped: all that it sees of the
 * rest is news at once. */
static int open_until_stopped(void)
{
    char byte;
    int fd = probe_open(0);
    probe_set(fd, TCSETS2, B9600 | CS8 | CREAD | CLOCAL, 0); /* without HUPCL */
    printf("%d\n", (int)getpid());
    fflush(stdout);
    CHECK(read(STDIN_FILENO, &byte, 1) == 0);
    return fd;
}

void case_left_open(void)
{
    open_until_stopped();
}

/* The host may learn of the end of the tool before it learns of this. */
void case_closed_last(void)
{
    close(open_until_stopped());
}

/* Many at once, killed without a goodbye. */
void case_crowd(void)
{
    enum { CHILDREN = 40 };
    pid_t children[CHILDREN];
    int fd = probe_open(0);
    probe_raw(fd);
    probe_tell("nak on");
    CHECK(write(fd, "x", 1) == 1);
    for (unsigned i = 0; i < CHILDREN; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            int mine = open(ACM_NODE, O_RDWR | O_NOCTTY);
            ioctl(mine, i % 2 ? TCSBRK : TIOCMIWAIT, i % 2 ? 1 : TIOCM_RI);
            _exit(1);
        }
    }
    for (unsigned i = 0; i < CHILDREN; i++) {
        int status;
        kill(children[i], SIGKILL);
        CHECK(waitpid(children[i], &status, 0) == children[i] && WIFSIGNALED(status));
    }
    for (unsigned i = 0; i < 2000; i++) {
        int other = probe_open(O_NONBLOCK);
        CHECK(write(other, "y", 1) == 1 || errno == EAGAIN);
        close(other);
    }
    probe_tell("nak off");
    CHECK(ioctl(fd, TCSBRK, 1) == 0);
}
