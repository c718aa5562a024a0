#include "cloud/http/uri.h"

#include <stdlib.h>
#include <string.h>

#include "cloud/http/text.h"

/** Decode one part of the path to @p out. @return its length, or an error */
static long decode_segment(const char *text, size_t length, char *out, struct vp_failure *failure)
{
    const long decoded = http_percent_decode(text, length, out, false);
    if (decoded < 0) {
        return vp_fail(failure, VP_ERROR_INVALID,
                       "the path has a percent sign without two hexadecimal digits after it");
    }
    if (!http_is_utf8(out, (size_t)decoded) || http_has_control(out, (size_t)decoded)) {
        return vp_fail(failure, VP_ERROR_INVALID,
                       "the path is not UTF-8, or has a control character in it");
    }
    if (decoded == 0 || strcmp(out, ".") == 0 || strcmp(out, "..") == 0) {
        return vp_fail(failure, VP_ERROR_INVALID,
                       "the path has an empty part, '.' or '..' in it; write it without");
    }
    return decoded;
}

static int parse_path(struct http_uri *uri, const char *path, size_t length,
                      struct vp_failure *failure)
{
    char *out = uri->memory;
    size_t at = 1;
    while (at < length) {
        const char *slash = memchr(path + at, '/', length - at);
        const size_t part = slash ? (size_t)(slash - path) - at : length - at;
        if (uri->count == HTTP_SEGMENT_LIMIT) {
            return vp_fail(failure, VP_ERROR_INVALID, "the path has more than %d parts",
                           HTTP_SEGMENT_LIMIT);
        }
        const long decoded = decode_segment(path + at, part, out, failure);
        if (decoded < 0) {
            return (int)decoded;
        }
        uri->segments[uri->count++] = out;
        out += decoded + 1;
        at += part + 1;
    }
    return 0;
}

int http_uri_parse(struct http_uri *uri, const char *raw, struct vp_failure *failure)
{
    *uri = (struct http_uri){0};
    const size_t length = strlen(raw);
    if (length > HTTP_URI_LIMIT || raw[0] != '/') {
        return vp_fail(failure, VP_ERROR_INVALID,
                       "the address does not begin with a slash, or has more than %d bytes",
                       HTTP_URI_LIMIT);
    }
    const char *question = strchr(raw, '?');
    const size_t path_length = question ? (size_t)(question - raw) : length;
    uri->memory = malloc(path_length + 1);
    int error = uri->memory ? 0 : vp_fail(failure, VP_ERROR_NO_MEMORY, "out of memory");
    if (!error) {
        error = parse_path(uri, raw, path_length, failure);
    }
    if (!error && question) {
        error = http_parse_form(&uri->query, question + 1, strlen(question + 1), failure);
    }
    if (error) {
        http_uri_free(uri);
    }
    return error;
}

void http_uri_free(struct http_uri *uri)
{
    free(uri->memory);
    http_fields_free(&uri->query);
    *uri = (struct http_uri){0};
}
