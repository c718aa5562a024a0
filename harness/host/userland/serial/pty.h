/**
 * @file pty.h
 * The pair of pseudo terminals behind an open serial port: the tool has the slave, we the master.
 */
#ifndef VP_HOST_PTY_H
#define VP_HOST_PTY_H

#include <asm/termbits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct pty {
    int master;   /**< non-blocking; -1 while there is no pair */
    dev_t device; /**< st_dev, st_ino and st_rdev of the slave: how a tool's descriptor is */
    ino_t inode;  /**< recognised, however it was passed on */
    dev_t special;
};

/** Create the pair. The settings are those of a fresh tty of the kernel. @return 0 or an errno */
int pty_create(struct pty *pty, struct termios2 *settings);

/** A new descriptor of the slave. @p flags: of open(2). @return -1 with errno */
int pty_open_slave(const struct pty *pty, int flags);

/**
 * Change the slave's settings. A pty has only 8 data bits without parity, so the caller keeps
 * what was asked for; c_ispeed and c_ospeed of @p settings become the speeds that its c_cflag
 * means.
 * @param flush  drop what the tool has not read
 * @return 0 or an errno
 */
int pty_set(const struct pty *pty, struct termios2 *settings, bool flush);

/** True if nobody has the slave open. */
bool pty_is_closed(const struct pty *pty);

/** Bytes that the tool has written and that were not read from the master. */
unsigned pty_waiting(const struct pty *pty);

/** Is this descriptor of process @p thread the slave, perhaps one that was hung up? */
bool pty_is_slave(const struct pty *pty, pid_t thread, int fd);

/** Close the master: whoever has the slave open has it hung up (tty_vhangup() of the kernel). */
void pty_close(struct pty *pty);

#endif
