/*
 * A request from its first byte to its answer. What can be refused by its head is refused by its
 * head; what cannot be kept of a body is read and thrown away, so that a client that only sends
 * gets to read why.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <utlist.h>

#include "cloud/http/access.h"
#include "cloud/http/route.h"

void *http_request_begin(void *server, const char *uri, struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct http_request *request = calloc(1, sizeof *request);
    if (!request || !info || !info->socket_context) {
        free(request);
        return NULL;
    }
    request->server = server;
    request->mhd = mhd;
    request->connection = info->socket_context;
    request->uri_error = http_uri_parse(&request->uri, uri, &request->uri_failure);
    return request;
}

const char *http_field(const struct http_request *request, const char *name)
{
    const char *text = http_fields_text(&request->fields, name);
    return text ? text : http_fields_text(&request->uri.query, name);
}

bool http_field_is_true(const struct http_request *request, const char *name)
{
    const char *text = http_field(request, name);
    return text &&
           (strcmp(text, "true") == 0 || strcmp(text, "1") == 0 || strcmp(text, "yes") == 0);
}

void http_answer_later(struct http_request *request,
                       void (*forget)(struct http_request *request, void *later), void *later)
{
    request->state = HTTP_WAITING;
    request->forget = forget;
    request->later = later;
    DL_APPEND(request->server->waiting, request);
}

/* ---- The head ------------------------------------------------------------------------ */

static const char *header(const struct http_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->mhd, MHD_HEADER_KIND, name);
}

static json_t *list_routes(void)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < http_route_count; i++) {
        json_array_append_new(list, json_sprintf("%s %s", http_method_name(http_routes[i].method),
                                                 http_routes[i].pattern));
    }
    return list;
}

static void refuse_route(struct http_request *request, int error, unsigned allowed)
{
    char allow[64];
    http_allow_text(allowed, allow, sizeof allow);
    if (error == VP_ERROR_NO_MEMORY) {
        http_answer(request, MHD_HTTP_INTERNAL_SERVER_ERROR, NULL);
    } else if (!allowed) {
        http_answer(request, MHD_HTTP_NOT_FOUND,
                    json_pack("{s:b, s:s, s:s, s:o}", "ok", 0, "error", "Not found",
                              "error_description", "there is no such address; there are these",
                              "routes", list_routes()));
    } else if (request->method == HTTP_OPTIONS) {
        http_answer(request, MHD_HTTP_OK, json_pack("{s:b, s:s}", "ok", 1, "allow", allow));
        http_add_header(request, MHD_HTTP_HEADER_ALLOW, allow);
    } else {
        http_refuse(request, MHD_HTTP_METHOD_NOT_ALLOWED, "Method not allowed",
                    "there is %s for this address", allow);
        http_add_header(request, MHD_HTTP_HEADER_ALLOW, allow);
    }
}

static size_t body_limit(const struct http_request *request)
{
    return request->route && request->route->flags & HTTP_UPLOAD
               ? request->server->options.upload_limit
               : HTTP_SMALL_BODY;
}

static void refuse_size(struct http_request *request)
{
    http_refuse(request, MHD_HTTP_CONTENT_TOO_LARGE, "Request too large",
                "the body has more than %zu bytes", body_limit(request));
}

/** The bytes that are announced; 0 if none are or nobody knows. */
static unsigned long long announced_size(const struct http_request *request)
{
    const char *length = header(request, MHD_HTTP_HEADER_CONTENT_LENGTH);
    return length ? strtoull(length, NULL, 10) : 0;
}

static bool has_body(const struct http_request *request)
{
    return announced_size(request) > 0 || header(request, MHD_HTTP_HEADER_TRANSFER_ENCODING);
}

/** Answer what the head alone is enough to answer. */
static void look_at_head(struct http_request *request, const char *method)
{
    unsigned allowed;
    if (request->uri_error) {
        http_refuse_failure(request, request->uri_error, &request->uri_failure);
        return;
    }
    request->method = http_method_from_name(method);
    const int error = http_route_find(request, &allowed);
    if (error) {
        refuse_route(request, error, allowed);
        return;
    }
    http_authorize_head(request);
    const bool open = request->route->flags & HTTP_OPEN;
    if (!request->response && !open && !request->account && !has_body(request)) {
        http_refuse_token(request, true);
    }
    if (!request->response && announced_size(request) > body_limit(request)) {
        refuse_size(request);
    }
}

/* ---- The body ------------------------------------------------------------------------ */

static void count_body(struct http_request *request, size_t before, size_t after)
{
    struct vp_cloud_server *server = request->server;
    server->counters.body_bytes = server->counters.body_bytes - before + after;
    if (!request->account) {
        server->anonymous_bytes = server->anonymous_bytes - before + after;
    }
}

static void release_body(struct http_request *request)
{
    http_fields_free(&request->fields);
    count_body(request, request->room, 0);
    free(request->body);
    request->body = NULL;
    request->size = request->room = 0;
}

static bool make_room(struct http_request *request, size_t wanted)
{
    struct vp_cloud_server *server = request->server;
    size_t room = request->room ? request->room : 4096;
    while (room < wanted) {
        room *= 2;
    }
    if (room == request->room) {
        return true;
    }
    const size_t more = room - request->room;
    if (!request->account && server->anonymous_bytes + more > HTTP_ANONYMOUS_POOL) {
        http_refuse(request, MHD_HTTP_UNAUTHORIZED, "invalid_request",
                    "too many clients send without saying who they are; put the access token into "
                    "the Authorization header");
        return false;
    }
    if (server->counters.body_bytes + more > HTTP_BODY_POOL &&
        (!request->account || !http_connections_close_oldest(server, HTTP_RECEIVING))) {
        http_refuse(request, MHD_HTTP_SERVICE_UNAVAILABLE, "busy",
                    "too much is being received at the moment; try again");
        return false;
    }
    uint8_t *body = realloc(request->body, room);
    if (!body) {
        http_answer(request, MHD_HTTP_INTERNAL_SERVER_ERROR, NULL);
        return false;
    }
    count_body(request, request->room, room);
    request->body = body;
    request->room = room;
    return true;
}

/** @return MHD_NO to close the connection */
static enum MHD_Result receive(struct http_request *request, const char *bytes, size_t size)
{
    if (!request->response && request->size + size > body_limit(request)) {
        refuse_size(request);
    }
    if (!request->response && make_room(request, request->size + size)) {
        memcpy(request->body + request->size, bytes, size);
        request->size += size;
        return MHD_YES;
    }
    release_body(request);
    request->drained += size;
    return request->drained <= HTTP_DRAIN_LIMIT ? MHD_YES : MHD_NO;
}

static bool type_is(const char *type, const char *wanted)
{
    const size_t length = strlen(wanted);
    return strncasecmp(type, wanted, length) == 0 && strchr(" \t;", type[length]);
}

static int parse_body(struct http_request *request, struct vp_failure *failure)
{
    const char *type = header(request, MHD_HTTP_HEADER_CONTENT_TYPE);
    const char *text = (const char *)request->body;
    if (request->size == 0) {
        return 0;
    }
    if (type && type_is(type, "application/json")) {
        return http_parse_json(&request->fields, text, request->size, failure);
    }
    if (type && type_is(type, "application/x-www-form-urlencoded")) {
        return http_parse_form(&request->fields, text, request->size, failure);
    }
    if (type && type_is(type, "multipart/form-data")) {
        return http_parse_multipart(&request->fields, type, request->body, request->size, failure);
    }
    return vp_fail(failure, VP_ERROR_UNSUPPORTED,
                   "a body has to be application/json, application/x-www-form-urlencoded or "
                   "multipart/form-data");
}

/** The body is complete. */
static void handle(struct http_request *request)
{
    struct vp_failure failure;
    request->state = HTTP_HANDLING;
    http_connection_enter(request->connection, HTTP_WORKING);
    const int error = request->response ? 0 : parse_body(request, &failure);
    if (error) {
        http_refuse_failure(request, error, &failure);
    }
    if (!request->response) {
        http_authorize_body(request);
    }
    if (!request->response) {
        http_find_what_is_named(request);
    }
    if (!request->response) {
        request->route->handle(request);
    }
    if (!request->response && request->state != HTTP_WAITING) {
        http_answer(request, MHD_HTTP_INTERNAL_SERVER_ERROR, NULL);
    }
}

/* ---- libmicrohttpd's callbacks ---------------------------------------------------------- */

static enum MHD_Result send_answer(struct http_request *request)
{
    request->state = HTTP_DONE;
    http_connection_enter(request->connection, request->is_stream ? HTTP_STREAMING
                                               : request->account ? HTTP_ANSWERING
                                                                  : HTTP_UNKNOWN);
    return MHD_queue_response(request->mhd, request->status, request->response);
}

static enum MHD_Result begin(struct http_request *request, const char *method)
{
    request->state = HTTP_READING;
    request->server->counters.requests++;
    look_at_head(request, method);
    http_connection_enter(request->connection, request->account ? HTTP_RECEIVING : HTTP_UNKNOWN);
    const bool asks = header(request, MHD_HTTP_HEADER_EXPECT) != NULL;
    const bool endless = announced_size(request) > HTTP_DRAIN_LIMIT;
    return request->response && (asks || endless) ? send_answer(request) : MHD_YES;
}

enum MHD_Result http_request_handle(void *server, struct MHD_Connection *mhd, const char *url,
                                    const char *method, const char *version, const char *upload,
                                    size_t *upload_size, void **context)
{
    (void)server;
    (void)url;
    (void)version;
    struct http_request *request = *context;
    if (!request) {
        return MHD_NO;
    }
    if (request->state == HTTP_NEW) {
        return begin(request, method);
    }
    if (*upload_size > 0) {
        const size_t size = *upload_size;
        *upload_size = 0;
        return receive(request, upload, size);
    }
    if (request->state == HTTP_READING) {
        handle(request);
    }
    if (request->response) {
        return send_answer(request);
    }
    MHD_suspend_connection(mhd);
    return MHD_YES;
}

void http_request_completed(void *server, struct MHD_Connection *mhd, void **context,
                            enum MHD_RequestTerminationCode code)
{
    (void)server;
    (void)mhd;
    (void)code;
    struct http_request *request = *context;
    if (!request) {
        return;
    }
    *context = NULL;
    if (request->state == HTTP_WAITING) {
        DL_DELETE(request->server->waiting, request);
        request->forget(request, request->later);
    }
    release_body(request);
    http_connection_enter(request->connection, HTTP_IDLE);
    if (request->response && !request->shares_response) {
        MHD_destroy_response(request->response);
    }
    http_uri_free(&request->uri);
    free(request->rest);
    free(request);
}
