/**
 * @file acm_probe.h
 * What the cases of acm_probe share: how to talk to the device of acm_server.c, and to its port.
 */
#ifndef TESTS_ACM_PROBE_H
#define TESTS_ACM_PROBE_H

#include <asm/termbits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "support/check.h"

#define ACM_NODE "/dev/ttyACM0"

/** c_cflag of a fresh port, but for speed and size. */
enum { COMMON = CREAD | CLOCAL | HUPCL };

/* ---- The device: commands of acm_server ----------------------------------------------------- */

/** @return the length of the answer */
size_t probe_ask(const char *command, char *answer, size_t room);
/** A command whose answer is "ok". */
void probe_tell(const char *command);
void probe_expect(const char *command, const char *wanted, const char *file, int line);

#define LOG(wanted)      probe_expect("log", wanted, __FILE__, __LINE__)
#define PENDING(wanted)  probe_expect("pending", wanted, __FILE__, __LINE__)
#define RECEIVED(wanted) probe_expect("received", wanted, __FILE__, __LINE__)

/** Events that the host learns on its own are waited for, not slept for. */
void probe_wait(const char *command, const char *wanted);
void probe_wait_node(const char *path, bool there);

/* ---- The port -------------------------------------------------------------------------------- */

/** For reading and writing. @p flags: more of open(2)'s. */
int probe_open(int flags);
struct termios2 probe_get(int fd);
/** @p request: TCSETS2 and the like; @p flags: c_cflag; @p rate counts with BOTHER. */
void probe_set(int fd, unsigned request, unsigned flags, unsigned rate);
/** 9600 8N1, and no line discipline to speak of. */
void probe_raw(int fd);
/** @return how much came until it paused for long */
size_t probe_read(int fd, uint8_t *to, size_t size);
void probe_no_input(int fd);
/** A byte goes there and back. */
void probe_echo(int fd);
/** A child that makes one ioctl; its status is 0 if that succeeds. */
int probe_child_ioctl(int fd, unsigned long request, unsigned long argument);
/** The end of such a child. */
bool probe_has_succeeded(int child);

/* ---- The cases: acm_cases_*.c ---------------------------------------------------------------- */

void case_settings(void);
void case_descriptors(void);
void case_lines(void);
void case_changes(void);
void case_data(void);
void case_flow(void);
void case_flushing(void);
void case_closing(void);
void case_sent_after_close(void);
void case_nothing_is_made(void);
void case_cooked(void);
void case_last_words(void);
void case_left_open(void);
void case_closed_last(void);
void case_crowd(void);
void case_unplug(void);
void case_drivers(void);
void case_slow(void);

#endif
