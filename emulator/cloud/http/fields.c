#include "cloud/http/fields.h"

#include <stdlib.h>
#include <string.h>

#include "cloud/http/text.h"

void http_fields_free(struct http_fields *fields)
{
    for (unsigned i = 0; i < fields->count; i++) {
        free(fields->list[i].name);
        free(fields->list[i].file_name);
        free(fields->list[i].text);
    }
    free(fields->list);
    *fields = (struct http_fields){0};
}

const char *http_fields_text(const struct http_fields *fields, const char *name)
{
    for (unsigned i = 0; i < fields->count; i++) {
        if (fields->list[i].text && strcmp(fields->list[i].name, name) == 0) {
            return fields->list[i].text;
        }
    }
    return NULL;
}

const struct http_field *http_fields_file(const struct http_fields *fields, unsigned *from)
{
    for (; *from < fields->count; (*from)++) {
        if (fields->list[*from].file_name) {
            return &fields->list[*from];
        }
    }
    return NULL;
}

static int make_room(struct http_fields *fields, struct vp_failure *failure)
{
    if (fields->count < fields->room) {
        return 0;
    }
    if (fields->count >= HTTP_FIELD_LIMIT) {
        return vp_fail(failure, VP_ERROR_INVALID, "there are more than %d fields in the request",
                       HTTP_FIELD_LIMIT);
    }
    const unsigned room = fields->room ? 2 * fields->room : 8;
    struct http_field *list = realloc(fields->list, room * sizeof *list);
    if (!list) {
        return vp_fail(failure, VP_ERROR_NO_MEMORY, "out of memory");
    }
    fields->list = list;
    fields->room = room;
    return 0;
}

static int check_name(const char *what, const char *name, size_t length, size_t limit,
                      struct vp_failure *failure)
{
    if (length > limit) {
        return vp_fail(failure, VP_ERROR_INVALID, "%s has %zu bytes, and may have %zu", what,
                       length, limit);
    }
    if (!http_is_utf8(name, length) || http_has_control(name, length)) {
        return vp_fail(failure, VP_ERROR_INVALID,
                       "%s is not UTF-8, or has a control character in it", what);
    }
    return 0;
}

int http_fields_add_text(struct http_fields *fields, const char *name, size_t name_length,
                         const char *text, size_t text_length, struct vp_failure *failure)
{
    int error =
        check_name("the name of a field", name, name_length, HTTP_FIELD_NAME_LIMIT, failure);
    if (!error && (!http_is_utf8(text, text_length) || memchr(text, '\0', text_length))) {
        error = vp_fail(failure, VP_ERROR_INVALID, "field '%.*s' is not UTF-8, or has a NUL in it",
                        (int)name_length, name);
    }
    if (!error) {
        error = make_room(fields, failure);
    }
    if (error) {
        return error;
    }
    struct http_field *field = &fields->list[fields->count];
    *field = (struct http_field){.name = strndup(name, name_length),
                                 .text = strndup(text, text_length),
                                 .size = text_length};
    fields->count++;
    return field->name && field->text ? 0 : vp_fail(failure, VP_ERROR_NO_MEMORY, "out of memory");
}

int http_fields_add_file(struct http_fields *fields, const char *name, size_t name_length,
                         const char *file_name, size_t file_name_length, const uint8_t *bytes,
                         size_t size, struct vp_failure *failure)
{
    int error =
        check_name("the name of a field", name, name_length, HTTP_FIELD_NAME_LIMIT, failure);
    if (!error) {
        error = check_name("the name of a file", file_name, file_name_length, HTTP_FILE_NAME_LIMIT,
                           failure);
    }
    if (!error) {
        error = make_room(fields, failure);
    }
    if (error) {
        return error;
    }
    struct http_field *field = &fields->list[fields->count];
    *field = (struct http_field){.name = strndup(name, name_length),
                                 .file_name = strndup(file_name, file_name_length),
                                 .bytes = bytes,
                                 .size = size};
    fields->count++;
    return field->name && field->file_name ? 0
                                           : vp_fail(failure, VP_ERROR_NO_MEMORY, "out of memory");
}
