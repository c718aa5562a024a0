/* Events: streams of them (server-sent events), and publishing. */
#include "vparticle/cloud_events.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cloud/http/route.h"
#include "cloud/http/stream.h"

/** A stream and what feeds it. */
struct feed {
    struct vp_cloud *cloud;
    struct http_stream *stream;
    struct vp_cloud_subscription *subscription;
};

/** An event's name is one line of the stream, whatever a device calls it. */
static char *one_line(const char *name)
{
    json_t *text = http_json_text(name);
    char *line = text ? strdup(json_string_value(text)) : NULL;
    json_decref(text);
    for (char *c = line; c && *c; c++) {
        if ((unsigned char)*c < 0x20) {
            *c = '?';
        }
    }
    return line;
}

static void on_event(void *context, const struct vp_cloud_event *event)
{
    struct feed *feed = context;
    char *name = one_line(event->name);
    json_t *object = json_pack("{s:o, s:i, s:o, s:o}", "data",
                               event->data ? http_json_text(event->data) : json_null(), "ttl",
                               (int)event->ttl, "published_at", http_json_time(event->published_at),
                               "coreid", http_json_text(event->coreid));
    char *data = object ? json_dumps(object, JSON_COMPACT | JSON_PRESERVE_ORDER) : NULL;
    char *text = NULL;
    int length = -1;
    if (name && data) {
        length = asprintf(&text, "event: %s\ndata: %s\n\n", name, data);
    }
    if (length > 0) {
        http_stream_send(feed->stream, text, (size_t)length);
        free(text);
    }
    free(data);
    json_decref(object);
    free(name);
}

static void on_closed(void *context)
{
    struct feed *feed = context;
    vp_cloud_unsubscribe(feed->cloud, feed->subscription);
    free(feed);
}

static void open_feed(struct http_request *request, const struct vp_cloud_filter *filter)
{
    struct feed *feed = calloc(1, sizeof *feed);
    if (!feed) {
        http_answer(request, MHD_HTTP_INTERNAL_SERVER_ERROR, NULL);
        return;
    }
    feed->cloud = request->server->cloud;
    if (vp_cloud_subscribe(feed->cloud, filter, on_event, feed, &feed->subscription)) {
        free(feed);
        http_refuse(request, MHD_HTTP_SERVICE_UNAVAILABLE, "busy", "there are too many listeners");
        return;
    }
    feed->stream = http_stream_open(request, on_closed, feed);
    if (!feed->stream) {
        on_closed(feed);
    }
}

static void listen_to(struct http_request *request, bool public_too)
{
    const struct vp_cloud_filter filter = {
        .account = request->account,
        .device = request->device,
        .product = request->product,
        .prefix = request->rest,
        .public_too = public_too,
    };
    open_feed(request, &filter);
}

void http_events_public(struct http_request *request)
{
    listen_to(request, true);
}

void http_events_own(struct http_request *request)
{
    listen_to(request, false);
}

/** "ttl" in seconds. @return false if it is none */
static bool read_ttl(const struct http_request *request, uint32_t *ttl)
{
    const char *text = http_field(request, "ttl");
    char *end;
    *ttl = VP_CLOUD_EVENT_TTL;
    if (!text) {
        return true;
    }
    errno = 0;
    const unsigned long seconds = strtoul(text, &end, 10);
    *ttl = (uint32_t)seconds;
    return *text >= '0' && *text <= '9' && *end == '\0' && errno == 0 && seconds <= 16777215;
}

void http_event_publish(struct http_request *request)
{
    struct vp_failure failure;
    uint32_t ttl;
    const char *name = http_field(request, "name");
    /* The CLIs send "private" always; since 2018 the API takes an event for private without it. */
    const bool is_public =
        http_field(request, "private") && !http_field_is_true(request, "private");
    if (!name || !read_ttl(request, &ttl)) {
        http_refuse(request, MHD_HTTP_BAD_REQUEST, "invalid_request",
                    "an event has a name, and perhaps data and a ttl from 0 to 16777215 seconds");
        return;
    }
    const int error = vp_cloud_publish(request->server->cloud, request->account, name,
                                       http_field(request, "data"), ttl, is_public, &failure);
    if (error) {
        http_refuse_failure(request, error, &failure);
        return;
    }
    http_answer_ok(request);
}
