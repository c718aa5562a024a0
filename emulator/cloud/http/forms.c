/* Forms and JSON. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cloud/http/fields.h"
#include "cloud/http/text.h"

/** @param room  as long as the pair and 2 bytes more */
static int add_pair(struct http_fields *fields, const char *pair, size_t length, char *room,
                    struct vp_failure *failure)
{
    const char *equals = memchr(pair, '=', length);
    const size_t name_length = equals ? (size_t)(equals - pair) : length;
    const long name = http_percent_decode(pair, name_length, room, true);
    char *value_room = room + name_length + 1;
    const long value =
        equals ? http_percent_decode(equals + 1, length - name_length - 1, value_room, true) : 0;
    if (name < 0 || value < 0) {
        return vp_fail(
            failure, VP_ERROR_INVALID,
            "'%.40s' has a percent sign without two hexadecimal digits after it; write it "
            "as %%25",
            name < 0 ? "a name" : room);
    }
    return http_fields_add_text(fields, room, (size_t)name, value_room, (size_t)value, failure);
}

int http_parse_form(struct http_fields *fields, const char *text, size_t length,
                    struct vp_failure *failure)
{
    char *room = malloc(length + 2);
    if (!room) {
        return vp_fail(failure, VP_ERROR_NO_MEMORY, "out of memory");
    }
    int error = 0;
    for (size_t at = 0; at < length && !error;) {
        const char *end = memchr(text + at, '&', length - at);
        const size_t pair = end ? (size_t)(end - text) - at : length - at;
        if (pair > 0) {
            room[pair] = room[pair + 1] = '\0';
            error = add_pair(fields, text + at, pair, room, failure);
        }
        at += pair + 1;
    }
    free(room);
    return error;
}

static int add_value(struct http_fields *fields, const char *name, const json_t *value,
                     struct vp_failure *failure)
{
    char number[32];
    const char *text = number;
    size_t length = 0;
    switch (json_typeof(value)) {
    case JSON_STRING:
        text = json_string_value(value);
        length = json_string_length(value);
        break;
    case JSON_INTEGER:
        length = (size_t)snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT,
                                  json_integer_value(value));
        break;
    case JSON_REAL:
        length = (size_t)snprintf(number, sizeof number, "%.17g", json_real_value(value));
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        text = json_is_true(value) ? "true" : "false";
        length = strlen(text);
        break;
    default:
        return 0;
    }
    return http_fields_add_text(fields, name, strlen(name), text, length, failure);
}

/** @param outer  NULL, or what the object is called: its names become "outer.name" */
static int add_object(struct http_fields *fields, const char *outer, json_t *object,
                      struct vp_failure *failure)
{
    const char *name;
    json_t *value;
    int error = 0;
    json_object_foreach(object, name, value)
    {
        char *joined = NULL;
        if (outer && asprintf(&joined, "%s.%s", outer, name) < 0) {
            return vp_fail(failure, VP_ERROR_NO_MEMORY, "out of memory");
        }
        if (!error && !outer && json_is_object(value)) {
            error = add_object(fields, name, value, failure);
        } else if (!error) {
            error = add_value(fields, joined ? joined : name, value, failure);
        }
        free(joined);
    }
    return error;
}

int http_parse_json(struct http_fields *fields, const char *text, size_t length,
                    struct vp_failure *failure)
{
    json_error_t where;
    /* Nesting is bounded by the library: JSON_PARSER_MAX_DEPTH. */
    json_t *object = json_loadb(text, length, JSON_REJECT_DUPLICATES, &where);
    if (!object) {
        return vp_fail(failure, VP_ERROR_INVALID, "the body is not JSON: %s (line %d, column %d)",
                       where.text, where.line, where.column);
    }
    const int error = json_is_object(object) ? add_object(fields, NULL, object, failure)
                                             : vp_fail(failure, VP_ERROR_INVALID,
                                                       "the body is JSON, but not an object");
    json_decref(object);
    return error;
}
