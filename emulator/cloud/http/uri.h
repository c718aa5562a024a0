/** @file uri.h  A request's address, taken apart. */
#ifndef CLOUD_HTTP_URI_H
#define CLOUD_HTTP_URI_H

#include "cloud/http/fields.h"

enum {
    HTTP_SEGMENT_LIMIT = 16,  /**< parts of a path */
    HTTP_URI_LIMIT = 8 << 10, /**< bytes of it all */
};

struct http_uri {
    char *memory;                             /**< of the segments */
    const char *segments[HTTP_SEGMENT_LIMIT]; /**< each decoded: UTF-8 without control characters */
    unsigned count;
    struct http_fields query;
};

/**
 * Take "/v1/devices/my%20lamp?access_token=x" apart. A slash at the end of the path is as good as
 * none.
 * @param raw  as it was sent
 * @return 0, VP_ERROR_INVALID (it does not begin with a slash; an empty, "." or ".." part; a wrong
 * percent sign; no UTF-8; a control character; too long) with @p failure, VP_ERROR_NO_MEMORY; there
 * is nothing to free then
 */
int http_uri_parse(struct http_uri *uri, const char *raw, struct vp_failure *failure);

void http_uri_free(struct http_uri *uri);

#endif
