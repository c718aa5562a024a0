/*
 * What an HTTP client may send: the first byte says what the rest is taken for. Whatever is
 * accepted is UTF-8 without NUL, and within what was sent.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cloud/http/text.h"
#include "cloud/http/uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_fields(const struct http_fields *fields, const uint8_t *data, size_t size)
{
    for (unsigned i = 0; i < fields->count; i++) {
        const struct http_field *field = &fields->list[i];
        const char *text = field->text ? field->text : field->file_name;
        if (!field->name || !text || !http_is_utf8(field->name, strlen(field->name)) ||
            !http_is_utf8(text, strlen(text))) {
            abort();
        }
        if (field->file_name && (field->bytes < data || field->bytes + field->size > data + size)) {
            abort();
        }
    }
}

static void check_uri(const char *text)
{
    struct http_uri uri;
    struct vp_failure failure = {""};
    if (http_uri_parse(&uri, text, &failure)) {
        if (failure.text[0] == '\0') {
            abort(); /* every refusal says why */
        }
        return;
    }
    for (unsigned i = 0; i < uri.count; i++) {
        if (uri.segments[i][0] == '\0' || strcmp(uri.segments[i], "..") == 0 ||
            http_has_control(uri.segments[i], strlen(uri.segments[i]))) {
            abort();
        }
    }
    check_fields(&uri.query, NULL, 0);
    http_uri_free(&uri);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_fields fields = {0};
    struct vp_failure failure = {""};
    if (size == 0) {
        return 0;
    }
    const char kind = (char)*data++;
    size--;
    char *copy = malloc(size + 1); /* so that the sanitizer sees its end */
    memcpy(copy, data, size);
    copy[size] = '\0';
    const uint8_t *bytes = (const uint8_t *)copy;
    int error = 0;
    if (kind == 'u') {
        check_uri(copy);
    } else if (kind == 'f') {
        error = http_parse_form(&fields, copy, size, &failure);
    } else if (kind == 'j') {
        error = http_parse_json(&fields, copy, size, &failure);
    } else {
        error =
            http_parse_multipart(&fields, "multipart/form-data; boundary=b", bytes, size, &failure);
    }
    if (error && failure.text[0] == '\0') {
        abort();
    }
    check_fields(&fields, bytes, size);
    http_fields_free(&fields);
    char *clean = http_make_utf8(copy, size);
    if (!clean || !http_is_utf8(clean, strlen(clean))) {
        abort();
    }
    free(clean);
    free(copy);
    return 0;
}
