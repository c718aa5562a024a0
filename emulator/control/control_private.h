/**
 * @file control_private.h
 * What the files of the control socket share: socket.c listens and has the devices, client.c moves
 * lines, commands.c carries requests out, describe.c makes JSON of what a device shows.
 */
#ifndef CONTROL_PRIVATE_H
#define CONTROL_PRIVATE_H

#include <ev.h>
#include <jansson.h>
#include <stdbool.h>

#include "net/listener.h"
#include "vparticle/control.h"

struct control_client;

struct control_device {
    struct vp_control_socket *control;
    struct vp_device *device;
    unsigned number;
};

struct control_snapshot {
    char *name;
    const struct control_device *device;
    struct vp_snapshot *snapshot;
};

struct vp_control_socket {
    struct ev_loop *loop;
    struct vp_listener listener;
    struct control_device **devices;
    unsigned device_count;
    struct control_client *clients; /**< newest first */
    unsigned client_count;
    struct control_snapshot snapshots[VP_CONTROL_SNAPSHOT_LIMIT];
    unsigned snapshot_count;
};

/* ---- commands.c ------------------------------------------------------------------------ */

/** @param client  who asks; NULL: nobody who could be told of events. @return the answer, or NULL
 */
json_t *control_carry_out(struct vp_control_socket *control, struct control_client *client,
                          const char *line, size_t length);

/* ---- client.c ----------------------------------------------------------------------------- */

/** Serve a connection; closes the descriptor if there is no memory. */
void control_client_start(struct vp_control_socket *control, int descriptor);
void control_client_close(struct control_client *client);

/** The events that a client wants: a bit for each enum vp_event_kind. */
void control_client_subscribe(struct control_client *client, unsigned events);
void control_client_unsubscribe(struct control_client *client, unsigned events);

/** Tell everybody who wants to know. */
void control_tell(struct vp_control_socket *control, enum vp_event_kind kind, json_t *message);

/* ---- describe.c ------------------------------------------------------------------------- */

json_t *control_led(const struct vp_device *device);
json_t *control_status(const struct vp_device *device);
json_t *control_modules(struct vp_device *device);

/** "mode", "led", "attached", "detached", or NULL for an event that is nobody's business. */
const char *control_event_name(enum vp_event_kind kind);

#endif
