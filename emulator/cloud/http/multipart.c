/*
 * multipart/form-data (RFC 7578, RFC 2046 section 5.1): parts between boundary lines, each with
 * headers, an empty line and its bytes. Parsed from a complete body, so it does not matter how that
 * was cut into packets. The tools differ: curl and form-data write CRLF and quoted names; names may
 * be paths.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cloud/http/fields.h"

enum { BOUNDARY_LIMIT = 70 /* RFC 2046 section 5.1.1 */, HEADER_LIMIT = 8 << 10 };

struct span {
    const char *text;
    size_t length;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/**
 * Find a parameter (`; name="value"`) of a header's value.
 * @param[out] value  without its quotes; what is escaped in it stays so
 */
static bool find_parameter(struct span header, const char *name, struct span *value)
{
    const size_t name_length = strlen(name);
    size_t at = 0;
    while (at < header.length && header.text[at] != ';') {
        at++;
    }
    while (at < header.length) {
        at++; /* the semicolon */
        while (at < header.length && is_blank(header.text[at])) {
            at++;
        }
        const size_t start = at;
        while (at < header.length && header.text[at] != '=' && header.text[at] != ';') {
            at++;
        }
        const bool wanted =
            at - start == name_length && strncasecmp(header.text + start, name, name_length) == 0;
        if (at >= header.length || header.text[at] == ';') {
            continue;
        }
        at++; /* the equals sign */
        const bool quoted = at < header.length && header.text[at] == '"';
        at += quoted;
        const size_t first = at;
        while (at < header.length && header.text[at] != (quoted ? '"' : ';')) {
            at += quoted && header.text[at] == '\\' && at + 1 < header.length ? 2 : 1;
        }
        if (quoted && at >= header.length) {
            return false; /* the quote does not end */
        }
        if (wanted) {
            *value = (struct span){header.text + first, at - first};
            return true;
        }
        while (at < header.length && header.text[at] != ';') {
            at++;
        }
    }
    return false;
}

/** The line at the start of @p text, without its end; @p text moves behind it. */
static bool take_line(struct span *text, struct span *line)
{
    const char *end = memchr(text->text, '\n', text->length);
    if (!end) {
        return false;
    }
    line->text = text->text;
    line->length = (size_t)(end - text->text);
    text->length -= line->length + 1;
    text->text = end + 1;
    if (line->length > 0 && line->text[line->length - 1] == '\r') {
        line->length--;
    }
    return true;
}

/** Copy a quoted value, undoing \" and %22 (RFC 7578 section 2, HTML's form data encoding). */
static char *unescape(struct span value, size_t *length)
{
    char *copy = malloc(value.length + 1);
    size_t written = 0;
    for (size_t i = 0; copy && i < value.length; i++) {
        if (value.text[i] == '\\' && i + 1 < value.length && value.text[i + 1] == '"') {
            continue;
        }
        if (value.length - i >= 3 && memcmp(value.text + i, "%22", 3) == 0) {
            copy[written++] = '"';
            i += 2;
            continue;
        }
        copy[written++] = value.text[i];
    }
    *length = written;
    return copy;
}

static int add_part(struct http_fields *fields, struct span disposition, struct span contents,
                    struct vp_failure *failure)
{
    struct span name_value, file_value;
    if (!find_parameter(disposition, "name", &name_value)) {
        return vp_fail(failure, VP_ERROR_INVALID, "a part of the multipart body has no name");
    }
    const bool is_file = find_parameter(disposition, "filename", &file_value);
    size_t name_length, file_length = 0;
    char *name = unescape(name_value, &name_length);
    char *file = is_file ? unescape(file_value, &file_length) : NULL;
    int error;
    if (!name || (is_file && !file)) {
        error = vp_fail(failure, VP_ERROR_NO_MEMORY, "out of memory");
    } else if (is_file) {
        error = http_fields_add_file(fields, name, name_length, file, file_length,
                                     (const uint8_t *)contents.text, contents.length, failure);
    } else {
        error = http_fields_add_text(fields, name, name_length, contents.text, contents.length,
                                     failure);
    }
    free(name);
    free(file);
    return error;
}

/** The headers of a part, up to the empty line; @p part moves behind it. */
static int take_headers(struct span *part, struct span *disposition, struct vp_failure *failure)
{
    static const char wanted[] = "content-disposition:";
    const char *start = part->text;
    struct span line;
    *disposition = (struct span){0};
    while (take_line(part, &line) && part->text - start <= HEADER_LIMIT) {
        if (line.length == 0) {
            return disposition->text
                       ? 0
                       : vp_fail(failure, VP_ERROR_INVALID,
                                 "a part of the multipart body has no Content-Disposition");
        }
        if (line.length >= sizeof wanted - 1 &&
            strncasecmp(line.text, wanted, sizeof wanted - 1) == 0) {
            *disposition =
                (struct span){line.text + sizeof wanted - 1, line.length - (sizeof wanted - 1)};
        }
    }
    return vp_fail(failure, VP_ERROR_INVALID,
                   "the headers of a part of the multipart body do not end");
}

static int read_boundary(const char *content_type, char *delimiter, size_t *length,
                         struct vp_failure *failure)
{
    struct span boundary;
    const struct span header = {content_type, strlen(content_type)};
    if (!find_parameter(header, "boundary", &boundary) || boundary.length == 0 ||
        boundary.length > BOUNDARY_LIMIT) {
        return vp_fail(failure, VP_ERROR_INVALID,
                       "the Content-Type is multipart/form-data without a boundary of 1 to %d "
                       "characters",
                       BOUNDARY_LIMIT);
    }
    memcpy(delimiter, "\r\n--", 4);
    memcpy(delimiter + 4, boundary.text, boundary.length);
    *length = boundary.length + 4;
    return 0;
}

/** What follows a delimiter: "--" (the end), or blanks and a line end. @return 1 end, 0 more, -1
 * none */
static int after_delimiter(struct span *rest)
{
    if (rest->length >= 2 && memcmp(rest->text, "--", 2) == 0) {
        return 1;
    }
    struct span line;
    if (!take_line(rest, &line)) {
        return -1;
    }
    for (size_t i = 0; i < line.length; i++) {
        if (!is_blank(line.text[i])) {
            return -1;
        }
    }
    return 0;
}

/** @param[out] before  what precedes the delimiter; may be NULL. @return behind it, or NULL */
static const char *find_end(struct span text, const char *delimiter, size_t length,
                            struct span *before)
{
    const char *at = memmem(text.text, text.length, delimiter, length);
    if (at && before) {
        *before = (struct span){text.text, (size_t)(at - text.text)};
    }
    return at ? at + length : NULL;
}

int http_parse_multipart(struct http_fields *fields, const char *content_type, const uint8_t *bytes,
                         size_t length, struct vp_failure *failure)
{
    char delimiter[BOUNDARY_LIMIT + 4];
    size_t delimiter_length = 0;
    int error = read_boundary(content_type, delimiter, &delimiter_length, failure);
    if (error) {
        return error;
    }
    struct span rest = {(const char *)bytes, length};
    const char *end = rest.text + length;
    /* The first delimiter needs no line end before it, where nothing precedes it. */
    const char *after = find_end(rest, delimiter + 2, delimiter_length - 2, NULL);
    if (!after || after != rest.text + delimiter_length - 2) {
        after = find_end(rest, delimiter, delimiter_length, NULL);
    }
    while (after) {
        rest = (struct span){after, (size_t)(end - after)};
        const int follows = after_delimiter(&rest);
        if (follows > 0) {
            return 0;
        }
        if (follows < 0) {
            break;
        }
        struct span disposition, contents;
        error = take_headers(&rest, &disposition, failure);
        if (error) {
            return error;
        }
        after = find_end(rest, delimiter, delimiter_length, &contents);
        error = after ? add_part(fields, disposition, contents, failure) : 0;
        if (error) {
            return error;
        }
    }
    return vp_fail(failure, VP_ERROR_INVALID,
                   "the multipart body is cut off: its last boundary is missing");
}
