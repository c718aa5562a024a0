/**
 * @file session.h
 * One connection to the cloud, for the files of this room. A function that returns false asks for
 * the connection to be closed; only vp_cloud_... functions do that.
 */
#ifndef VP_CLOUD_SESSION_H
#define VP_CLOUD_SESSION_H

#include "coap/coap.h"
#include "system/cloud/cloud.h"
#include "system/cloud/rules.h"
#include "system/system.h"

enum {
    VP_SESSION_BUFFER = 1024, /**< more than the largest of all generations */
    VP_SESSION_PADDING = 16,  /**< at most, at the end of a message on TCP (PKCS #7) */
};

/**
 * A message from the cloud as the firmware has it: it reads at fixed offsets, and so may read
 * beyond the end. On TCP the padding is there; what lies behind that (or on UDP behind the end) is
 * whatever was in the buffer before. Such a message is dropped here.
 */
struct vp_incoming {
    uint8_t bytes[VP_COAP_MESSAGE_LIMIT + VP_SESSION_PADDING];
    size_t length;   /**< of the message */
    size_t readable; /**< with the padding */
};

/** @return is there a byte at @p offset? */
static inline bool vp_incoming_has(const struct vp_incoming *message, size_t offset)
{
    return offset < message->readable;
}

static inline enum vp_coap_type vp_incoming_type(const struct vp_incoming *message)
{
    return (enum vp_coap_type)(message->bytes[0] >> 4 & 3);
}

/** A message of ours that waits for its acknowledgement (UDP). */
struct vp_unacknowledged {
    struct vp_unacknowledged *next;
    uint64_t due; /**< the session's time: send it again, or give up */
    unsigned transmissions;
    uint16_t id;
    size_t length;
    uint8_t bytes[];
};

/** A message of the cloud's that came already, and what it was answered with (UDP). */
struct vp_answered {
    struct vp_answered *next;
    uint64_t expires;
    uint16_t id;
    size_t length; /**< 0: not answered yet */
    uint8_t bytes[];
};

/** A transfer of a file: class ChunkedTransfer. What is in it outlives the transfer. */
struct vp_transfer_state {
    uint8_t updating; /**< 1; 2 while missing chunks are asked for */
    bool firmware;    /**< meant for the OTA area */
    uint32_t address; /**< in it */
    uint32_t file_length;
    uint16_t chunk_size;                 /**< as announced */
    uint16_t index;                      /**< of the next chunk, where it does not say */
    uint16_t last_asked;                 /**< missed_chunk_index */
    uint32_t count;                      /**< chunks since missing ones were asked for */
    uint64_t last_chunk;                 /**< the session's time */
    uint8_t received[VP_SESSION_BUFFER]; /**< a bit for each chunk */
};

struct vp_session {
    const struct vp_cloud_rules *rules;
    bool reliable;   /**< UDP: coap_channel.h */
    uint64_t now;    /**< milliseconds since it was opened */
    uint64_t heard;  /**< when the last message came, or Hello or a ping was sent */
    bool pinged;     /**< a ping has to be answered */
    bool greeted;    /**< the events after Hello were sent */
    uint16_t id;     /**< of the last message */
    uint8_t token;   /**< of the last request */
    uint32_t random; /**< for retransmission times */
    int waiting;     /**< id of the message without whose acknowledgement nothing goes on, or -1 */
    struct vp_unacknowledged *unacknowledged;
    struct vp_answered *answered;
    struct vp_transfer_state transfer;
};

/* ---- channel.c: CoAPChannel, CoAPReliableChannel ----------------------------------------- */

/** Open the connection. @return false if memory ran out */
bool vp_session_open(struct vp_system *system);

/** Free everything; tells nobody. */
void vp_session_free(struct vp_session *session);

/** How a message is sent. */
enum vp_delivery {
    VP_SEND_NEW,     /**< gets the next id */
    VP_SEND_ANSWER,  /**< keeps the id that is in it */
    VP_SEND_AND_WAIT /**< UDP: gets the next id; nothing else goes on until it is acknowledged */
};

/** Send a message of at least 4 bytes. @return false if memory ran out */
bool vp_session_send(struct vp_system *system, uint8_t *bytes, size_t length,
                     enum vp_delivery delivery);

/** What the reliable channel says of a message that came. */
enum vp_reception {
    VP_RECEIVED,         /**< it is for the protocol */
    VP_RECEIVED_ALREADY, /**< it was dealt with here */
    VP_RECEIVED_RESET,   /**< the cloud does not know this session */
};

enum vp_reception vp_session_receive(struct vp_system *system, const struct vp_incoming *message);

/** Send again what is due. @return false if something is given up */
bool vp_session_send_again(struct vp_system *system);

/** @return the session's time at which it does something by itself, or UINT64_MAX */
uint64_t vp_session_due(const struct vp_session *session);

/* ---- answers.c ---------------------------------------------------------------------------- */

/** Send an acknowledgement: 4 bytes, or 5 with the one byte of @p token (NULL: none), and a payload
 *  (NULL: none). */
bool vp_session_acknowledge(struct vp_system *system, const struct vp_incoming *to, uint8_t code,
                            const uint8_t *token, const char *payload);

/** Send an answer as a message of its own, with a one-byte token; confirmable on UDP. */
bool vp_session_respond(struct vp_system *system, uint8_t token, uint8_t code, const void *payload,
                        size_t length, enum vp_delivery delivery);

/** Publish an event as a private one (ttl 60). */
bool vp_session_publish(struct vp_system *system, const char *name, const char *data);

/* ---- greeting.c --------------------------------------------------------------------------- */

bool vp_session_hello(struct vp_system *system);

/** What follows Hello: events, subscriptions, a request for the time. */
bool vp_session_greet(struct vp_system *system);

/* ---- requests.c ---------------------------------------------------------------------------- */

/** Do what a message asks for. */
bool vp_session_handle(struct vp_system *system, struct vp_incoming *message);

bool vp_session_ping(struct vp_system *system);

/* ---- description.c --------------------------------------------------------------------------- */

enum { VP_DESCRIBE_SYSTEM = 1, VP_DESCRIBE_APPLICATION = 2, VP_DESCRIBE_METRICS = 4 };

/** GET /d */
bool vp_session_describe(struct vp_system *system, const struct vp_incoming *request);

/** POST /d, unasked. */
bool vp_session_present(struct vp_system *system, uint8_t flags);

/* ---- calls.c ----------------------------------------------------------------------------- */

bool vp_session_call(struct vp_system *system, const struct vp_incoming *request);
bool vp_session_read_variable(struct vp_system *system, const struct vp_incoming *request);

/* ---- events.c ----------------------------------------------------------------------------- */

bool vp_session_take_event(struct vp_system *system, struct vp_incoming *message);

/* ---- transfer.c ----------------------------------------------------------------------------- */

bool vp_session_begin_transfer(struct vp_system *system, const struct vp_incoming *message);
bool vp_session_take_chunk(struct vp_system *system, const struct vp_incoming *message);
bool vp_session_end_transfer(struct vp_system *system, const struct vp_incoming *message);

/** Ask for missing chunks once nothing came for 3 s. */
bool vp_session_ask_again(struct vp_system *system);

/** The connection is about to go: what was received is given up. */
void vp_session_cancel_transfer(struct vp_system *system);

#endif
