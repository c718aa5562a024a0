/**
 * @file fields.h
 * What a client sends as names and values, in whichever form: in the address, as a form, as JSON or
 * as multipart/form-data. All of it is untrusted; all of it is bounded by what has been received.
 */
#ifndef CLOUD_HTTP_FIELDS_H
#define CLOUD_HTTP_FIELDS_H

#include <stddef.h>
#include <stdint.h>

#include "vparticle/error.h"

enum {
    HTTP_FIELD_LIMIT = 512,      /**< fields and files in a request */
    HTTP_FIELD_NAME_LIMIT = 128, /**< bytes */
    HTTP_FILE_NAME_LIMIT = 1024, /**< bytes */
};

struct http_field {
    char *name;           /**< UTF-8 without control characters */
    char *file_name;      /**< NULL: no file */
    char *text;           /**< the value of what is no file: UTF-8 without NUL */
    const uint8_t *bytes; /**< a file's contents, within the body */
    size_t size;
};

struct http_fields {
    struct http_field *list;
    unsigned count, room;
};

/** Release all; what they were parsed from stays. */
void http_fields_free(struct http_fields *fields);

/** @return the text of the first field of that name that is no file, or NULL */
const char *http_fields_text(const struct http_fields *fields, const char *name);

/** @return the first file at or after number @p from, with its number there; or NULL */
const struct http_field *http_fields_file(const struct http_fields *fields, unsigned *from);

/**
 * Add a field. @p text is copied.
 * @return 0, VP_ERROR_INVALID (too many; no UTF-8; a NUL or control character in the name),
 *         VP_ERROR_NO_MEMORY
 */
int http_fields_add_text(struct http_fields *fields, const char *name, size_t name_length,
                         const char *text, size_t text_length, struct vp_failure *failure);

/** Add a file. @p bytes is borrowed. Errors as above. */
int http_fields_add_file(struct http_fields *fields, const char *name, size_t name_length,
                         const char *file_name, size_t file_name_length, const uint8_t *bytes,
                         size_t size, struct vp_failure *failure);

/* ---- Parsers: each adds to what is there already ------------------------------------- */

/** "a=1&b=%20+x". @return 0, VP_ERROR_INVALID with @p failure, VP_ERROR_NO_MEMORY */
int http_parse_form(struct http_fields *fields, const char *text, size_t length,
                    struct vp_failure *failure);

/**
 * An object; what is not a text, number or truth value in it is left out. What an object in it has
 * is called "outer.inner". Errors as above.
 */
int http_parse_json(struct http_fields *fields, const char *text, size_t length,
                    struct vp_failure *failure);

/**
 * multipart/form-data (RFC 7578), all of it.
 * @param content_type  the whole header, with its boundary
 * @param bytes         borrowed: files point into it
 */
int http_parse_multipart(struct http_fields *fields, const char *content_type, const uint8_t *bytes,
                         size_t length, struct vp_failure *failure);

#endif
