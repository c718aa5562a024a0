/** @file listener.h Taking connections in, on libev; for the servers. */
#ifndef VP_NET_LISTENER_H
#define VP_NET_LISTENER_H

#include <ev.h>
#include <sys/socket.h>

#include "vparticle/error.h"

/** What a server does with its connections. */
struct vp_listener_handlers {
    /** @param descriptor  close-on-exec and blocking; becomes the server's, also if it fails */
    void (*connected)(void *context, int descriptor, const struct sockaddr_storage *peer,
                      socklen_t peer_length);
    /** The process is out of descriptors or the like (errno): those who connect wait. May be NULL
     */
    void (*exhausted)(void *context, int error);
};

/** Part of a server. */
struct vp_listener {
    ev_io io;
    ev_timer retry; /**< running while the process is out of descriptors */
    struct ev_loop *loop;
    char *unix_path; /**< to remove at the end; NULL for TCP */
    const struct vp_listener_handlers *handlers;
    void *context;
};

/**
 * Listen on an address as vp_usbip_address_parse() reads it.
 * @param listener  must stay where it is until vp_listener_close()
 * @param handlers  borrowed
 * @return 0, VP_ERROR_INVALID, VP_ERROR_BUSY or VP_ERROR_IO; then there is nothing to close
 */
int vp_listener_open(struct vp_listener *listener, struct ev_loop *loop, const char *address,
                     const struct vp_listener_handlers *handlers, void *context,
                     struct vp_failure *failure);

/** Stop; the path of a UNIX socket is removed. */
void vp_listener_close(struct vp_listener *listener);

#endif
