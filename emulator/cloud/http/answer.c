/* Answers, and the shapes of errors that the tools look for. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <utlist.h>

#include "cloud/http/http.h"
#include "cloud/http/text.h"

static const char media_json[] = "application/json; charset=utf-8";
static const char no_memory[] = "{\"ok\":false,\"error\":\"internal error\"}";

/** The answer is known. */
static void finish(struct http_request *request, unsigned status)
{
    request->status = status;
    if (request->state == HTTP_WAITING) {
        request->state = HTTP_HANDLING;
        DL_DELETE(request->server->waiting, request);
        http_resume(request->server, request->mhd);
    }
}

static void set_response(struct http_request *request, const char *type, void *bytes, size_t size)
{
    request->response = MHD_create_response_from_buffer(size, bytes, MHD_RESPMEM_MUST_FREE);
    if (!request->response) {
        free(bytes);
        return;
    }
    http_add_header(request, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    http_add_header(request, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
}

void http_answer(struct http_request *request, unsigned status, json_t *object)
{
    char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);
    if (!text) {
        status = MHD_HTTP_INTERNAL_SERVER_ERROR;
        text = strdup(no_memory);
    }
    if (text) {
        set_response(request, media_json, text, strlen(text));
    }
    finish(request, status);
}

void http_answer_bytes(struct http_request *request, const char *type, void *bytes, size_t size)
{
    set_response(request, type, bytes, size);
    finish(request, MHD_HTTP_OK);
}

void http_answer_shared(struct http_request *request, struct MHD_Response *response)
{
    request->response = response;
    request->shares_response = true;
    finish(request, MHD_HTTP_OK);
}

void http_answer_ok(struct http_request *request)
{
    http_answer(request, MHD_HTTP_OK, json_pack("{s:b}", "ok", 1));
}

void http_refuse(struct http_request *request, unsigned status, const char *error,
                 const char *format, ...)
{
    char text[600];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    http_answer(request, status,
                json_pack("{s:b, s:s, s:o}", "ok", 0, "error", error, "error_description",
                          http_json_text(text)));
}

void http_refuse_failure(struct http_request *request, int error, const struct vp_failure *failure)
{
    static const struct {
        int error;
        unsigned status;
        const char *text;
    } kinds[] = {
        {VP_ERROR_INVALID, MHD_HTTP_BAD_REQUEST, "invalid_request"},
        {VP_ERROR_RANGE, MHD_HTTP_BAD_REQUEST, "invalid_request"},
        {VP_ERROR_NOT_FOUND, MHD_HTTP_NOT_FOUND, "Not found"},
        {VP_ERROR_BUSY, MHD_HTTP_CONFLICT, "Conflict"},
        {VP_ERROR_UNSUPPORTED, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE, "unsupported"},
    };
    for (unsigned i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (kinds[i].error == error) {
            http_refuse(request, kinds[i].status, kinds[i].text, "%s", failure->text);
            return;
        }
    }
    http_refuse(request, MHD_HTTP_INTERNAL_SERVER_ERROR, "internal error", "%s",
                error == VP_ERROR_NO_MEMORY ? "out of memory" : failure->text);
}

/** particle-cli 1.16 looks for "invalid_token" in the error, 3.51 for the status. */
void http_refuse_token(struct http_request *request, bool missing)
{
    http_refuse(request, MHD_HTTP_UNAUTHORIZED, missing ? "invalid_request" : "invalid_token", "%s",
                missing ? "The access token was not found"
                        : "The access token provided is invalid.");
    http_add_header(request, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer realm=\"vparticle\"");
}

void http_add_header(struct http_request *request, const char *name, const char *value)
{
    if (request->response) {
        MHD_add_response_header(request->response, name, value);
    }
}

json_t *http_json_time(uint64_t milliseconds)
{
    const time_t seconds = (time_t)(milliseconds / 1000);
    struct tm utc;
    char text[32];
    if (milliseconds == 0 || !gmtime_r(&seconds, &utc) ||
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc) == 0) {
        return json_null();
    }
    return json_sprintf("%s.%03uZ", text, (unsigned)(milliseconds % 1000));
}

json_t *http_json_text(const char *text)
{
    char *clean = http_make_utf8(text, strlen(text));
    json_t *value = clean ? json_string(clean) : NULL;
    free(clean);
    return value;
}
