#include "cloud/http/route.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    enum http_method method;
    const char *name;
} methods[] = {
    {HTTP_GET, "GET"}, {HTTP_GET, "HEAD"},      {HTTP_POST, "POST"},
    {HTTP_PUT, "PUT"}, {HTTP_DELETE, "DELETE"}, {HTTP_OPTIONS, "OPTIONS"},
};

enum { METHOD_COUNT = sizeof methods / sizeof methods[0] };

unsigned http_method_from_name(const char *name)
{
    for (unsigned i = 0; i < METHOD_COUNT; i++) {
        if (strcmp(methods[i].name, name) == 0) {
            return methods[i].method;
        }
    }
    return 0;
}

const char *http_method_name(unsigned method)
{
    for (unsigned i = 0; i < METHOD_COUNT; i++) {
        if (methods[i].method == method) {
            return methods[i].name;
        }
    }
    return "?";
}

void http_allow_text(unsigned allowed, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (unsigned i = 0; i < METHOD_COUNT && used < size; i++) {
        if (allowed & methods[i].method || methods[i].method == HTTP_OPTIONS) {
            used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "",
                                     methods[i].name);
        }
    }
}

/** Join the parts of the path from number @p from on. @return owned by the caller, or NULL */
static char *join(const struct http_uri *uri, unsigned from)
{
    size_t length = 1;
    for (unsigned i = from; i < uri->count; i++) {
        length += strlen(uri->segments[i]) + 1;
    }
    char *text = malloc(length);
    char *at = text;
    for (unsigned i = from; text && i < uri->count; i++) {
        at = stpcpy(at, uri->segments[i]);
        at = stpcpy(at, i + 1 < uri->count ? "/" : "");
    }
    return text;
}

/** @return 0 with the arguments taken, VP_ERROR_NOT_FOUND or VP_ERROR_NO_MEMORY */
static int match(struct http_request *request, const char *pattern)
{
    const struct http_uri *uri = &request->uri;
    request->argument_count = 0;
    unsigned segment = 0;
    for (const char *part = pattern; *part == '/';) {
        part++;
        const size_t length = strcspn(part, "/");
        if (*part == '*') {
            if (segment < uri->count) {
                request->rest = join(uri, segment);
                return request->rest ? 0 : VP_ERROR_NO_MEMORY;
            }
            return 0;
        }
        if (segment >= uri->count) {
            return VP_ERROR_NOT_FOUND;
        }
        const char *value = uri->segments[segment++];
        if (*part == '{') {
            request->arguments[request->argument_count].name = part + 1;
            request->arguments[request->argument_count++].value = value;
        } else if (strlen(value) != length || memcmp(value, part, length) != 0) {
            return VP_ERROR_NOT_FOUND;
        }
        part += length;
    }
    return segment == uri->count ? 0 : VP_ERROR_NOT_FOUND;
}

int http_route_find(struct http_request *request, unsigned *allowed)
{
    *allowed = 0;
    for (unsigned i = 0; i < http_route_count; i++) {
        const int error = match(request, http_routes[i].pattern);
        if (error == VP_ERROR_NO_MEMORY) {
            return error;
        }
        if (error) {
            continue;
        }
        *allowed |= http_routes[i].method;
        if (http_routes[i].method == request->method) {
            request->route = &http_routes[i];
            return 0;
        }
        free(request->rest);
        request->rest = NULL;
    }
    return VP_ERROR_NOT_FOUND;
}

const char *http_argument(const struct http_request *request, const char *name)
{
    const size_t length = strlen(name);
    for (unsigned i = 0; i < request->argument_count; i++) {
        if (strncmp(request->arguments[i].name, name, length) == 0 &&
            request->arguments[i].name[length] == '}') {
            return request->arguments[i].value;
        }
    }
    return "";
}
