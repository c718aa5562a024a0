/** @file stream.h  Event streams (text/event-stream): readers that stay. */
#ifndef CLOUD_HTTP_STREAM_H
#define CLOUD_HTTP_STREAM_H

#include "cloud/http/http.h"

/**
 * Answer with a stream that begins with ":ok".
 * @param closed  called once when it ends, whoever ends it; then it is gone
 * @return the stream, or NULL: the request was refused
 */
struct http_stream *http_stream_open(struct http_request *request, void (*closed)(void *context),
                                     void *context);

/**
 * Send a text to its reader. A reader who is too far behind is dropped: it gets what it was sent so
 * far, and a comment that says why it ends.
 */
void http_stream_send(struct http_stream *stream, const char *text, size_t length);

/** A line to those who have heard nothing for a while: the tools give up a silent stream. Those
 * whose access token is not good any more are dropped. */
void http_streams_beat(struct vp_cloud_server *server);

/** End all streams; the connections are there until libmicrohttpd stops. */
void http_streams_end(struct vp_cloud_server *server);

#endif
