/*
 * A stream's reader takes what it can; what it has not taken yet waits in a buffer of its own that
 * is bounded. So a slow reader costs nobody else anything, and is dropped when it is too far
 * behind.
 */
#include "cloud/http/stream.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum {
    STREAMS_MOST = 1024,
    STREAMS_PER_ACCOUNT = 100, /* Particle's own limit */
    BLOCK_SIZE = 16 << 10,
    BUFFER_FIRST = 1024,
    FAREWELL_ROOM = 80, /* bytes that are kept free to say why a stream ends */
};

static const char greeting[] = ":ok\n\n";
static const char heartbeat[] = "\n";
static const char too_slow[] = "\n:dropped: too many events were not read in time\n\n";
static const char no_token[] = "\n:dropped: the access token has expired or was revoked\n\n";
_Static_assert(sizeof too_slow <= FAREWELL_ROOM && sizeof no_token <= FAREWELL_ROOM, "farewells");

struct http_stream {
    struct vp_cloud_server *server;
    struct MHD_Connection *mhd;
    const struct vp_cloud_account *account;
    char token[VP_CLOUD_TOKEN_SIZE + 1]; /* it has to be good all the while */
    char *buffer;
    size_t from, used, room; /* buffer[from .. used) waits */
    bool suspended;          /* its reader has taken all */
    bool ending;             /* nothing more is added */
    void (*closed)(void *context);
    void *context;
    struct http_stream *prev, *next;
};

static void wake(struct http_stream *stream)
{
    if (stream->suspended) {
        stream->suspended = false;
        http_resume(stream->server, stream->mhd);
    }
}

/** Make room for @p more bytes and a farewell. */
static bool make_room(struct http_stream *stream, size_t more)
{
    if (stream->from > 0) {
        memmove(stream->buffer, stream->buffer + stream->from, stream->used - stream->from);
        stream->used -= stream->from;
        stream->from = 0;
    }
    size_t room = stream->room ? stream->room : BUFFER_FIRST;
    while (room < stream->used + more + FAREWELL_ROOM) {
        room *= 2;
    }
    if (room > stream->room) {
        char *buffer = realloc(stream->buffer, room);
        if (!buffer) {
            return false;
        }
        stream->buffer = buffer;
        stream->room = room;
    }
    return true;
}

static void append(struct http_stream *stream, const char *text, size_t length)
{
    memcpy(stream->buffer + stream->used, text, length);
    stream->used += length;
}

static void say_farewell(struct http_stream *stream, const char *text)
{
    append(stream, text, strlen(text));
    stream->ending = true;
    wake(stream);
}

static void drop(struct http_stream *stream)
{
    stream->server->counters.dropped++;
    http_log(stream->server, "dropped the reader of an event stream: it did not read %zu bytes",
             stream->used - stream->from);
    say_farewell(stream, too_slow);
}

void http_stream_send(struct http_stream *stream, const char *text, size_t length)
{
    if (stream->ending) {
        return;
    }
    const size_t waiting = stream->used - stream->from;
    if (waiting + length > stream->server->options.stream_backlog || !make_room(stream, length)) {
        drop(stream);
        return;
    }
    append(stream, text, length);
    wake(stream);
}

/** libmicrohttpd wants more to send. */
static ssize_t read_more(void *context, uint64_t position, char *out, size_t size)
{
    (void)position;
    struct http_stream *stream = context;
    size_t waiting = stream->used - stream->from;
    if (waiting == 0) {
        if (stream->ending) {
            return MHD_CONTENT_READER_END_OF_STREAM;
        }
        stream->suspended = true;
        MHD_suspend_connection(stream->mhd);
        return 0;
    }
    if (waiting > size) {
        waiting = size;
    }
    memcpy(out, stream->buffer + stream->from, waiting);
    stream->from += waiting;
    return (ssize_t)waiting;
}

static void on_end(void *context)
{
    struct http_stream *stream = context;
    DL_DELETE(stream->server->streams, stream);
    stream->server->counters.streams--;
    stream->closed(stream->context);
    free(stream->buffer);
    free(stream);
}

static unsigned count_of(const struct http_request *request)
{
    unsigned count = 0;
    struct http_stream *stream;
    DL_FOREACH(request->server->streams, stream)
    {
        count += stream->account == request->account;
    }
    return count;
}

static struct http_stream *create(struct http_request *request)
{
    struct http_stream *stream = calloc(1, sizeof *stream);
    if (!stream || !make_room(stream, sizeof greeting)) {
        free(stream);
        return NULL;
    }
    stream->server = request->server;
    stream->mhd = request->mhd;
    stream->account = request->account;
    strncpy(stream->token, request->token, sizeof stream->token - 1);
    append(stream, greeting, sizeof greeting - 1);
    request->response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_SIZE, read_more, stream, on_end);
    if (!request->response) {
        free(stream->buffer);
        free(stream);
        return NULL;
    }
    return stream;
}

struct http_stream *http_stream_open(struct http_request *request, void (*closed)(void *context),
                                     void *context)
{
    const unsigned places = request->server->options.connection_limit / 2;
    const unsigned most = places < STREAMS_MOST ? places : STREAMS_MOST;
    if (request->server->counters.streams >= most || count_of(request) >= STREAMS_PER_ACCOUNT) {
        http_refuse(request, MHD_HTTP_TOO_MANY_REQUESTS, "too many streams",
                    "there are at most %d event streams for an account, and %u in all",
                    STREAMS_PER_ACCOUNT, most);
        return NULL;
    }
    struct http_stream *stream = create(request);
    if (!stream) {
        http_answer(request, MHD_HTTP_INTERNAL_SERVER_ERROR, NULL);
        return NULL;
    }
    stream->closed = closed;
    stream->context = context;
    DL_APPEND(request->server->streams, stream);
    request->server->counters.streams++;
    request->status = MHD_HTTP_OK;
    request->is_stream = true;
    http_add_header(request, MHD_HTTP_HEADER_CONTENT_TYPE, "text/event-stream; charset=utf-8");
    http_add_header(request, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    return stream;
}

void http_streams_beat(struct vp_cloud_server *server)
{
    struct http_stream *stream;
    DL_FOREACH(server->streams, stream)
    {
        if (!stream->ending && !vp_cloud_authorize(server->cloud, stream->token, NULL)) {
            say_farewell(stream, no_token);
        } else if (stream->from == stream->used) {
            http_stream_send(stream, heartbeat, sizeof heartbeat - 1);
        }
    }
}

void http_streams_end(struct vp_cloud_server *server)
{
    struct http_stream *stream;
    DL_FOREACH(server->streams, stream)
    {
        stream->ending = true;
        wake(stream);
    }
}
