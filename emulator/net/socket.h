/** @file socket.h Listening sockets, for the servers. */
#ifndef VP_NET_SOCKET_H
#define VP_NET_SOCKET_H

#include <stddef.h>

#include "vparticle/error.h"

/**
 * Listen on an address as vp_usbip_address_parse() reads it. A UNIX socket that nobody listens on
 * any more is replaced.
 * @param[out] descriptor  non-blocking; the caller closes it
 * @param[out] unix_path  to remove at the end, owned by the caller: free(); NULL for TCP
 * @return 0, VP_ERROR_INVALID, VP_ERROR_BUSY or VP_ERROR_IO
 */
int vp_socket_listen(const char *text, int *descriptor, char **unix_path,
                     struct vp_failure *failure);

/** The address that a socket is bound to, in the same form; nothing if it cannot be told. */
void vp_socket_address(int descriptor, char *text, size_t size);

#endif
