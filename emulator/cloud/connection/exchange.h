/**
 * @file exchange.h
 * Requests of the cloud to one device: message ids, tokens, what is sent again until it is
 * acknowledged (UDP alone: TCP does so itself), when to give up; and which of the device's messages
 * were here before.
 *
 * Source: RFC 7252 sections 4.2, 4.5 and 4.8. Tokens have one byte: the firmware looks for its
 * path behind it (messages.cpp @ v0.7.0, decodeType()).
 */
#ifndef CLOUD_EXCHANGE_H
#define CLOUD_EXCHANGE_H

#include "coap/coap.h"

struct cloud_connection;

enum {
    CLOUD_REQUESTS = 8,           /**< open ones of a connection */
    CLOUD_SEEN = 64,              /**< ids of messages that are remembered */
    CLOUD_ANSWER_TIMEOUT = 30000, /**< ms of the device's time. Assumption */
};

enum cloud_wants {
    CLOUD_WANTS_ACK,      /**< that it arrived */
    CLOUD_WANTS_RESPONSE, /**< an answer with the request's token, or one in the acknowledgement */
};

/**
 * A request ended.
 * @param error   0; VP_ERROR_INVALID (4.xx, 5.xx, or reset), VP_ERROR_BUSY (no answer in time),
 *                VP_ERROR_NOT_FOUND (the connection has ended)
 * @param answer  NULL unless there is one
 * @return true: it is not over yet, more answers are to come
 */
typedef bool (*cloud_done)(struct cloud_connection *connection, void *context, int error,
                           const struct vp_coap_message *answer);

struct cloud_request {
    bool used, acked;
    enum cloud_wants wants;
    uint16_t id;
    uint8_t token;
    unsigned tries;
    uint64_t sent, again, until; /**< device's time; `again` 0: never */
    uint64_t timeout;            /**< ms, doubles each time */
    cloud_done done;
    void *context;
    uint8_t *bytes; /**< to send it again; NULL on TCP */
    size_t length;
};

struct cloud_exchange {
    struct cloud_request requests[CLOUD_REQUESTS];
    uint16_t last_id;
    uint8_t last_token;
    uint16_t seen[CLOUD_SEEN];
    unsigned seen_count;
};

/** What a request is, before it has an id and a token. */
struct cloud_question {
    uint8_t code;
    const char *path;  /**< one letter */
    const char *name;  /**< the second part of the path, or NULL */
    const void *query; /**< or NULL */
    size_t query_length;
    const void *payload; /**< or NULL */
    size_t payload_length;
    enum cloud_wants wants;
    uint64_t timeout; /**< ms until it is given up; 0: CLOUD_ANSWER_TIMEOUT */
};

uint16_t cloud_exchange_next_id(struct cloud_exchange *exchange);

/** @return 0; VP_ERROR_BUSY (CLOUD_REQUESTS are open), VP_ERROR_INVALID (does not fit into a
 *          message), VP_ERROR_NO_MEMORY: `done` will not be called then */
int cloud_exchange_ask(struct cloud_connection *connection, const struct cloud_question *question,
                       cloud_done done, void *context);

/** @return true: it was an answer to, or an acknowledgement of a request; also of one long gone */
bool cloud_exchange_answer(struct cloud_connection *connection,
                           const struct vp_coap_message *message);

/** @return true: a message with that id was here before. UDP alone */
bool cloud_exchange_seen(struct cloud_exchange *exchange, uint16_t id);

/** Send again what is due, give up what is too late. @return true: something was done */
bool cloud_exchange_tick(struct cloud_connection *connection, uint64_t now);

/** @return ms until cloud_exchange_tick() has something to do, or -1 */
int64_t cloud_exchange_deadline(const struct cloud_exchange *exchange, uint64_t now);

/** All requests end with that error; what was seen is forgotten. */
void cloud_exchange_end(struct cloud_connection *connection, int error);

/** Requests with this callback and context end without a call. @param done  or NULL: any */
void cloud_exchange_forget(struct cloud_exchange *exchange, cloud_done done, const void *context);

bool cloud_exchange_is_open(const struct cloud_exchange *exchange);

#endif
