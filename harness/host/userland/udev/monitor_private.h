/**
 * @file monitor_private.h
 * What monitor.c (who listens, and what waits for them) and monitor_socket.c (what tools do with
 * the socket) share.
 */
#ifndef VP_HOST_MONITOR_PRIVATE_H
#define VP_HOST_MONITOR_PRIVATE_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>

#include "host/userland/supervisor/call_queue.h"
#include "host/userland/udev/monitor.h"

struct message {
    struct message *next;
    uint32_t group;
    size_t size;
    char data[];
};

struct monitor {
    uint64_t pipe;
    struct userland *host;
    int write_end;
    ev_io released;
    uint32_t groups; /**< bit mask: 1 kernel, 2 udev */
    uint32_t port;   /**< nl_pid */
    int type;
    bool with_credentials, lost;
    struct message *first, **last;
    unsigned count;
    struct call_queue receivers; /**< blocked in recvmsg(2) */
    UT_hash_handle hh;
};

/** The monitor behind a pipe, or NULL. */
struct monitor *monitor_find(const struct userland *host, uint64_t pipe);
/** socket(2). */
void monitor_open(struct userland *host, const struct call *call);
/** Drop the oldest message. */
void monitor_pop(struct monitor *monitor);
/** Answer the calls that wait, as long as there are messages. */
void monitor_serve_receivers(struct monitor *monitor);

#endif
