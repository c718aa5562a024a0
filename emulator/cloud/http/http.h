/**
 * @file http.h
 * What the files of the HTTP front share: the server, its connections, and a request on its way
 * from the first byte to its answer.
 *
 * server.c ties libmicrohttpd to the loop; connections.c closes those that are too slow or too
 * many; request.c receives; routes.c says what there is, and the files named after the field's
 * words do it.
 */
#ifndef CLOUD_HTTP_H
#define CLOUD_HTTP_H

#include <ev.h>
#include <jansson.h>
#include <microhttpd.h>

#include "cloud/http/fields.h"
#include "cloud/http/uri.h"
#include "vparticle/cloud_server.h"

enum {
    HTTP_SMALL_BODY = 64 << 10,     /**< bytes of a body without files */
    HTTP_ANONYMOUS_POOL = 16 << 20, /**< bytes of bodies whose token is yet to come, all together */
    HTTP_BODY_POOL = 256 << 20,     /**< bytes of bodies, all together */
    HTTP_DRAIN_LIMIT = 32 << 20,    /**< bytes that are read and thrown away, so that a client that
                                         only sends gets to read its answer */
    HTTP_ARGUMENT_LIMIT = 4,
    HTTP_PASSWORD_QUEUE = 256, /**< passwords that wait to be checked */
};

/* ---- Connections -------------------------------------------------------------------- */

/** What a connection is doing; those come first that have to go first when there are too many. */
enum http_phase {
    HTTP_IDLE,      /**< has sent no complete head of a request */
    HTTP_UNKNOWN,   /**< sends a body or takes an answer, and has not said by a token who it is */
    HTTP_RECEIVING, /**< sends a body */
    HTTP_ANSWERING, /**< takes its answer */
    HTTP_WORKING,   /**< waits for us */
    HTTP_STREAMING, /**< reads events */
    HTTP_PHASE_COUNT,
};

struct http_connection {
    struct vp_cloud_server *server;
    int descriptor;
    enum http_phase phase;
    ev_tstamp since; /**< when the phase began */
    bool closing;
    struct http_connection *prev, *next; /**< of the same phase, the oldest first */
};

void http_connection_opened(struct vp_cloud_server *server, struct MHD_Connection *mhd,
                            void **context);
void http_connection_closed(void **context);
void http_connection_enter(struct http_connection *connection, enum http_phase phase);
/** Close the one that has been in a phase for the longest time. @return false: there is none */
bool http_connections_close_oldest(struct vp_cloud_server *server, enum http_phase phase);
/** Close those that have been in a phase for too long. */
void http_connections_check(struct vp_cloud_server *server);
/** How many there may be: as the options say, and the process may open. */
unsigned http_connections_limit(unsigned wanted);

/* ---- The server ----------------------------------------------------------------------- */

struct http_stream;
struct http_build;
struct http_image;

/** passwords.h; a ring. */
struct http_password_queue {
    struct http_request *requests[HTTP_PASSWORD_QUEUE]; /**< NULL: it ended meanwhile */
    void (*check[HTTP_PASSWORD_QUEUE])(struct http_request *request);
    unsigned first, count;
    ev_timer timer; /**< running while there are any */
};

struct vp_cloud_server {
    struct vp_cloud *cloud;
    struct ev_loop *loop;
    struct vp_cloud_server_options options; /**< with the defaults filled in */
    char *images;
    char address[64];
    struct MHD_Daemon *daemon;
    ev_io io;       /**< libmicrohttpd's epoll descriptor */
    ev_timer timer; /**< what it waits for */
    ev_timer tick;  /**< slow connections */
    ev_timer heartbeat;
    struct http_connection *connections[HTTP_PHASE_COUNT];
    struct http_request *waiting; /**< for an answer that comes later */
    struct http_password_queue passwords;
    struct http_stream *streams;
    struct http_build *builds; /**< the newest first */
    unsigned build_count;
    struct http_image *image_list; /**< image_cache.h */
    unsigned image_count;
    size_t anonymous_bytes;
    struct vp_cloud_server_counters counters;
};

/** A connection that was suspended goes on. */
void http_resume(struct vp_cloud_server *server, struct MHD_Connection *mhd);

void http_log(struct vp_cloud_server *server, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* ---- Requests ------------------------------------------------------------------------- */

struct http_route;

enum http_state {
    HTTP_NEW,      /**< only its first line is known */
    HTTP_READING,  /**< its body is coming; if there is a response already, it is thrown away */
    HTTP_HANDLING, /**< its handler runs */
    HTTP_WAITING,  /**< its answer comes later; the connection is suspended */
    HTTP_DONE,     /**< its answer is being sent */
};

struct http_request {
    struct vp_cloud_server *server;
    struct http_connection *connection;
    struct MHD_Connection *mhd;
    enum http_state state;
    unsigned method; /**< one of enum http_method, or 0 */
    struct http_uri uri;
    struct vp_failure uri_failure;
    int uri_error;
    const struct http_route *route;
    struct {
        const char *name; /**< in the route's pattern, up to its brace */
        const char *value;
    } arguments[HTTP_ARGUMENT_LIMIT];
    unsigned argument_count;
    char *rest; /**< what the star at the end of the pattern stands for, or NULL */

    struct vp_cloud_account *account; /**< whose token it is; NULL if the route needs none */
    const char *token;                /**< within fields, uri, or what libmicrohttpd keeps */
    struct vp_cloud_product *product; /**< {product} */
    struct vp_cloud_device *device;   /**< {device} */

    uint8_t *body;
    size_t size, room, drained;
    struct http_fields fields; /**< of the body */

    struct MHD_Response *response;
    unsigned status;
    bool is_stream;
    bool shares_response; /**< it is not the request's own */
    /** Called if the request ends before it was answered; @p later is the handler's. */
    void (*forget)(struct http_request *request, void *later);
    void *later;
    unsigned turn;                    /**< passwords.h */
    struct http_request *prev, *next; /**< of server->waiting */
};

/** libmicrohttpd's callbacks. */
void *http_request_begin(void *server, const char *uri, struct MHD_Connection *mhd);
enum MHD_Result http_request_handle(void *server, struct MHD_Connection *mhd, const char *url,
                                    const char *method, const char *version, const char *upload,
                                    size_t *upload_size, void **context);
void http_request_completed(void *server, struct MHD_Connection *mhd, void **context,
                            enum MHD_RequestTerminationCode code);

/** What {name} in the route's pattern stands for. Never NULL. */
const char *http_argument(const struct http_request *request, const char *name);

/** A field of the body, or else of the address; or NULL. */
const char *http_field(const struct http_request *request, const char *name);

/** @return true for "true", "1", "yes" */
bool http_field_is_true(const struct http_request *request, const char *name);

/**
 * Keep the request until somebody answers it. If it ends before, @p forget is called: then it must
 * not be answered any more.
 */
void http_answer_later(struct http_request *request,
                       void (*forget)(struct http_request *request, void *later), void *later);

/* ---- Answers: exactly one for each request ------------------------------------------------- */

/** @param object  becomes the answer's; NULL means that there was no memory for it */
void http_answer(struct http_request *request, unsigned status, json_t *object);

/** @param bytes  becomes the answer's: free() */
void http_answer_bytes(struct http_request *request, const char *type, void *bytes, size_t size);

/** @param response  stays its owner's */
void http_answer_shared(struct http_request *request, struct MHD_Response *response);

/** {"ok": false, "error": ERROR, "error_description": ...} */
void http_refuse(struct http_request *request, unsigned status, const char *error,
                 const char *format, ...) __attribute__((format(printf, 4, 5)));

/** The answer to an error of the cloud's own. */
void http_refuse_failure(struct http_request *request, int error, const struct vp_failure *failure);

/** 401 with what is wrong with the token. */
void http_refuse_token(struct http_request *request, bool missing);

/** {"ok": true} */
void http_answer_ok(struct http_request *request);

/** Add a header to the answer that was just given. */
void http_add_header(struct http_request *request, const char *name, const char *value);

/** "2026-11-23T23:28:12.000Z", or null for 0. */
json_t *http_json_time(uint64_t milliseconds);

/** A text of any bytes; what is no UTF-8 becomes U+FFFD. */
json_t *http_json_text(const char *text);

#endif
