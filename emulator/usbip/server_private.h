/**
 * @file server_private.h
 * What the server's files share: connection.c moves a connection's bytes, server.c has the
 * listeners, the devices and their time.
 */
#ifndef USBIP_SERVER_PRIVATE_H
#define USBIP_SERVER_PRIVATE_H

#include <ev.h>

#include "net/listener.h"
#include "usbip/session.h"
#include "vparticle/server.h"

enum {
    /** Connections that have imported nothing. One more closes the oldest of them. */
    USBIP_GUEST_LIMIT = 64,
    USBIP_READ_SIZE = 64 << 10,
};

struct usbip_listener {
    struct vp_listener listener;
    struct usbip_listener *next;
};

struct usbip_connection {
    ev_io io;
    struct vp_server *server;
    struct usbip_connection *next, **link; /**< newest first */
    struct usbip_session session;
    struct sockaddr_storage peer;
    socklen_t peer_length;
    uint8_t *held; /**< received, and not taken in yet: the client must read first */
    size_t held_start, held_end;
    bool draining; /**< all was sent; waits for the client to close */
    size_t drained;
    ev_tstamp last_request;
    unsigned int streak; /**< requests without a pause between them */
    bool lingered;       /**< since `last_request`: time has passed, and it was no pause */
};

struct usbip_exported {
    struct usbip_export export;
    ev_timer quiet;
    ev_timer clock;  /**< running while the device's time has to go by as ours does */
    ev_tstamp since; /**< of our time: up to then it has gone by for the device, too */
    bool followed;   /**< somebody else waits for its time, too: vp_server_pass_time() */
    struct vp_server *server;
};

struct vp_server {
    struct ev_loop *loop;
    struct usbip_listener *listeners;
    struct usbip_connection *connections;
    struct usbip_exports exports;
    uint32_t last_devnum;
    bool dedicated;
    void (*log)(void *context, const char *line);
    void *log_context;
    struct vp_server_counters counters;
    uint8_t input[USBIP_READ_SIZE]; /**< of whichever connection is being read */
};

void usbip_server_log(const struct vp_server *server, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** Serve a socket that was just accepted (blocking); it is closed if there is no memory. */
void usbip_connection_start(struct vp_server *server, int fd, const struct sockaddr_storage *peer,
                            socklen_t peer_length);
void usbip_connection_close(struct usbip_connection *connection);

#endif
