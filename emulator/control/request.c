/* The keys of a request. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "control/request.h"

bool control_refuse(struct control_request *request, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(request->error, sizeof request->error, format, arguments);
    va_end(arguments);
    return false;
}

bool control_get_milliseconds(struct control_request *request, bool required,
                              uint32_t *milliseconds)
{
    enum { LONGEST = 24 * 3600 * 1000 };
    const json_t *value = json_object_get(request->body, "ms");
    *milliseconds = 0;
    if (!value && !required) {
        return true;
    }
    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        json_integer_value(value) > LONGEST) {
        return control_refuse(request, "'ms' must be a number of milliseconds from 0 to %d",
                              LONGEST);
    }
    *milliseconds = (uint32_t)json_integer_value(value);
    return true;
}

bool control_get_boolean(struct control_request *request, const char *key, bool *value)
{
    const json_t *found = json_object_get(request->body, key);
    *value = false;
    if (!json_is_boolean(found)) {
        return control_refuse(request, "'%s' must be true or false", key);
    }
    *value = json_is_true(found);
    return true;
}

const char *control_get_name(struct control_request *request)
{
    const char *name = json_string_value(json_object_get(request->body, "name"));
    if (!name || !*name) {
        control_refuse(request, "'name' must be the snapshot's name");
        return NULL;
    }
    return name;
}

bool control_get_number(struct control_request *request, const char *key, uint32_t *number)
{
    const json_t *value = json_object_get(request->body, key);
    *number = 0;
    if (value && (!json_is_integer(value) || json_integer_value(value) < 1 ||
                  json_integer_value(value) > UINT32_MAX)) {
        return control_refuse(request, "'%s' must be a number from 1 to %u", key, UINT32_MAX);
    }
    *number = (uint32_t)json_integer_value(value);
    return true;
}

bool control_get_text(struct control_request *request, char *text, size_t limit)
{
    const json_t *value = json_object_get(request->body, "text");
    *text = '\0';
    if (!value) {
        return true;
    }
    const size_t length = json_string_length(value);
    const char *found = json_string_value(value);
    if (!found || length < 1 || length > limit || strlen(found) != length) {
        return control_refuse(request, "'text' must be a text of 1 to %zu bytes without a NUL",
                              limit);
    }
    memcpy(text, found, length + 1);
    return true;
}
