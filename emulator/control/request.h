/** @file request.h One request of the control socket, while it is carried out. */
#ifndef CONTROL_REQUEST_H
#define CONTROL_REQUEST_H

#include "control/control_private.h"

struct control_request {
    struct vp_control_socket *control;
    struct control_client *client; /**< who asks, or NULL */
    struct control_device *target;
    json_t *body;
    json_t *answer; /**< gets what the command has to say */
    char error[256];
};

/** Say why the request cannot be carried out. @return false */
bool control_refuse(struct control_request *request, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* ---- Keys: each false, with the reason said, if the value is not of its kind --------------- */

/** "ms"; 0 if it is left out and not @p required. */
bool control_get_milliseconds(struct control_request *request, bool required,
                              uint32_t *milliseconds);

bool control_get_boolean(struct control_request *request, const char *key, bool *value);

/** "name". @return NULL if there is none */
const char *control_get_name(struct control_request *request);

/** A number from 1; 0 if it is left out. */
bool control_get_number(struct control_request *request, const char *key, uint32_t *number);

/** "text", empty if it is left out. @param text  @p limit + 1 bytes */
bool control_get_text(struct control_request *request, char *text, size_t limit);

/* ---- The commands that have files of their own --------------------------------------------- */

/** Tell of the mode that the device is in now. */
bool control_mode(struct control_request *request);

bool control_take_snapshot(struct control_request *request);
bool control_restore(struct control_request *request);
bool control_list_snapshots(struct control_request *request);

bool control_copy_card(struct control_request *request);

bool control_add_fault(struct control_request *request);
bool control_list_faults(struct control_request *request);
bool control_clear_faults(struct control_request *request);

#endif
