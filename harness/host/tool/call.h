/**
 * @file call.h
 * One system call of a tool that waits for our answer (seccomp_unotify(2)), and the tool's memory.
 * A struct call may be copied and answered later; each is answered at most once.
 */
#ifndef VP_HOST_CALL_H
#define VP_HOST_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

struct session;

struct call {
    struct session *session; /**< whose tool it is; NULL: there is nobody to answer (any more) */
    int listener;            /**< the seccomp descriptor */
    uint64_t id;
    pid_t thread; /**< its id as /proc knows it */
    int number;   /**< of the system call */
    uint64_t arguments[6];
};

/**
 * Take the next call that waits.
 * @param[out] call  `session` is left alone
 * @return 1, 0: none waits now, -1: no process is under the filter any more
 */
int call_receive(int listener, struct call *call);

/* ---- Answers: false means that the tool no longer waits (it was killed) ------------------ */

/** The call returns @p value. */
bool call_return(const struct call *call, int64_t value);

/** The call fails with @p error, a positive errno. */
bool call_fail(const struct call *call, int error);

/** The kernel carries the call out as if we weren't here. */
bool call_continue(const struct call *call);

/** The same, for a call of no session. */
bool call_let_pass(int listener, uint64_t id);

/** The call returns a new descriptor in the tool for what @p fd is here; @p fd stays ours. */
bool call_return_fd(const struct call *call, int fd, bool close_on_exec);

/** True while the tool waits. What is read from its memory counts only if this holds afterwards. */
bool call_is_waiting(const struct call *call);

/* ---- The tool's memory: 0, or EFAULT ----------------------------------------------------- */

int call_read(const struct call *call, uint64_t address, void *data, size_t size);

/** Writes nothing if the tool no longer waits. */
int call_write(const struct call *call, uint64_t address, const void *data, size_t size);

/** Write several pieces at once; the local and remote lists have @p count pieces of equal sizes. */
int call_write_pieces(const struct call *call, const struct iovec *local,
                      const struct iovec *remote, unsigned count);

/** Read a terminated text; EFAULT, or ENAMETOOLONG if it doesn't end within @p size. */
int call_read_text(const struct call *call, uint64_t address, char *text, size_t size);

/* ---- The tool's descriptors -------------------------------------------------------------- */

/** What /proc says about descriptor @p fd (a path, or "pipe:[INODE]"); false if it isn't open. */
bool call_fd_name(const struct call *call, int fd, char *name, size_t size);

/** The tool's working directory. */
bool call_directory_name(const struct call *call, char *name, size_t size);

/** The inode number in "pipe:[INODE]", or 0. */
uint64_t call_pipe_inode(const char *name);

/** The inode number of a pipe of our own. */
uint64_t call_own_pipe(int fd);

/** The pipe behind the tool's descriptor, or 0 if it is something else. */
uint64_t call_fd_pipe(const struct call *call, int fd);

/** True if the tool's descriptor is in non-blocking mode. */
bool call_fd_is_nonblocking(const struct call *call, int fd);

#endif
