/**
 * @file cloud_server.h
 * The HTTP front of the local cloud (cloud.h): what particle-cli, curl and the IDEs talk to.
 *
 * Plain HTTP/1.1 on libmicrohttpd, as part of the caller's libev loop; no threads. The paths,
 * fields and errors are those of Particle's cloud API as particle-cli 1.16 to 3.51 uses it; they
 * are listed in emulator/cloud/http/routes.c. Nobody is trusted: each request is bounded in size
 * and in time, and whoever has no valid access token gets nothing but the files of Device OS.
 */
#ifndef VPARTICLE_CLOUD_SERVER_H
#define VPARTICLE_CLOUD_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vparticle/cloud.h"
#include "vparticle/error.h"

struct ev_loop;
struct vp_cloud_server;

/** All zero is good. Times are milliseconds. */
struct vp_cloud_server_options {
    bool beyond_loopback;      /**< addresses other than 127.0.0.0/8 and ::1 are allowed */
    size_t upload_limit;       /**< bytes of a body with files; 0: 4 MiB */
    unsigned connection_limit; /**< 0: half of what the process may open, at most 4096 */
    unsigned head_timeout;     /**< until a request has come as far as its body; 0: 20,000 */
    unsigned body_timeout;     /**< from there until it is complete; and until its answer is taken;
                                    0: 120,000 */
    unsigned heartbeat; /**< between signs of life on an event stream; 0: 9,000 (the tools give
                             one up after 13,000) */
    size_t
        stream_backlog; /**< bytes that the reader of an event stream may be behind; 0: 256 KiB */
    const char *images; /**< folder with real module files, RELEASE/PLATFORM-PART-RELEASE.bin, that
                             are handed out instead of forged ones; or NULL */
    /** Told about each client that was turned away, and why: one line without a line end, valid
     * during the call. May be NULL. */
    void (*log)(void *context, const char *line);
    void *context;
};

/**
 * Serve @p cloud over HTTP.
 * @param[out] server  owned by the caller: vp_cloud_server_destroy()
 * @param cloud    borrowed, must outlive the server
 * @param loop     borrowed, must outlive the server
 * @param address  "HOST:PORT" with a numeric host; port 0 picks a free one
 * @param options  copied, with its texts; NULL: all zero
 * @return 0, VP_ERROR_INVALID (the address; one beyond loopback without leave), VP_ERROR_BUSY (it
 * is in use), VP_ERROR_IO, VP_ERROR_NO_MEMORY; each with @p failure saying what to do
 */
int vp_cloud_server_create(struct vp_cloud_server **server, struct vp_cloud *cloud,
                           struct ev_loop *loop, const char *address,
                           const struct vp_cloud_server_options *options,
                           struct vp_failure *failure);

/** The address in use, "HOST:PORT". */
void vp_cloud_server_address(const struct vp_cloud_server *server, char *text, size_t size);

/** What the server has done so far, and what it holds. */
struct vp_cloud_server_counters {
    uint64_t accepted;    /**< connections */
    uint64_t requests;    /**< requests whose head was complete */
    uint64_t evicted;     /**< connections closed because others needed their place */
    uint64_t timed_out;   /**< connections closed because they were too slow */
    uint64_t dropped;     /**< event streams ended because their reader was too slow */
    unsigned connections; /**< now */
    unsigned streams;     /**< now */
    size_t body_bytes;    /**< of requests that are being received, now */
};

void vp_cloud_server_get_counters(const struct vp_cloud_server *server,
                                  struct vp_cloud_server_counters *counters);

/** Close all connections. NULL is allowed. */
void vp_cloud_server_destroy(struct vp_cloud_server *server);

#endif
