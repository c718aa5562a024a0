/**
 * @file cloud_client.h
 * A local cloud with its HTTP front, and clients made of raw sockets, all on one loop: for the
 * front's tests. Every wait is for an event, and fails the test after ten seconds.
 */
#ifndef CLOUD_CLIENT_H
#define CLOUD_CLIENT_H

#include <ev.h>
#include <jansson.h>
#include <stdbool.h>

#include "vparticle/cloud_devices.h"
#include "vparticle/cloud_server.h"

struct http_room {
    struct ev_loop *loop;
    struct vp_cloud *cloud;
    struct vp_cloud_server *server;
    char address[64];
    uint64_t time; /**< the cloud's wall clock */
    uint32_t seed;
    char alice[64], bob[64]; /**< access tokens */
    char last_log[512];
    unsigned log_lines;
    ev_timer run; /**< vp_cloud_run() */
};

/** The devices that there are: two of alice, one of bob, one of nobody; and bob's in a product of
 * his. */
#define ALICE_PHOTON   "300000000000000000000001"
#define ALICE_ELECTRON "300000000000000000000002"
#define BOB_PHOTON     "300000000000000000000003"
#define NOBODYS_PHOTON "300000000000000000000004"

/** @param options  or NULL; log and context are the room's */
void http_room_open(struct http_room *room, const struct vp_cloud_server_options *options);
void http_room_close(struct http_room *room);

/** An emulated device from a SPEC, claimed by @p name's account as @p device_name and attached.
 * Belongs to the caller: destroy it after the room is closed. */
struct vp_device *http_room_attach(struct http_room *room, const char *spec, const char *name,
                                   const char *device_name);

/** Let the loop run until the cloud has nothing to do any more. */
void http_room_settle(struct http_room *room);

/** Let the loop do what there is to do now, without waiting. */
void http_room_turn(struct http_room *room);
/** Let the loop run until something happens on it, or on @p descriptor (-1: none); fails after ten
 * seconds without. @param events  EV_READ, EV_WRITE */
void http_room_wait(struct http_room *room, int descriptor, int events);

/* ---- Clients ---------------------------------------------------------------------------- */

int client_connect(struct http_room *room);
/** Send all of it, while the server runs. @return false if the server closed the connection */
bool client_send(struct http_room *room, int client, const void *bytes, size_t size);

struct answer {
    unsigned status; /**< 0: the server closed the connection without one */
    char *head;      /**< with its status line; owned */
    char *body;      /**< of a chunked answer without the chunks' heads; owned; NUL behind it */
    size_t size;
    bool closes; /**< "Connection: close" */
};

/** Read the next answer of a connection; 100 Continue is passed over. @p head_only: it is one to a
 * HEAD. */
void client_read(struct http_room *room, int client, bool head_only, struct answer *answer);
void answer_free(struct answer *answer);

/** Read what comes until @p text is in it, or the connection ends. @return all of it: free() */
char *client_read_until(struct http_room *room, int client, const char *text);

/** One request on a connection of its own. @param token  or NULL. @param type  of @p body, or NULL
 */
void ask(struct http_room *room, const char *method, const char *path, const char *token,
         const char *type, const void *body, size_t size, struct answer *answer);

/** As ask() with a form or nothing as body; the status has to be @p status.
 *  @return the answer's JSON: json_decref() */
json_t *ask_json(struct http_room *room, const char *method, const char *path, const char *token,
                 const char *form, unsigned status);

/** The text at @p key of an object, or "". */
const char *text_at(const json_t *object, const char *key);

#endif
