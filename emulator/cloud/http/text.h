/** @file text.h  Texts as they come over the wire: percent signs, UTF-8, control characters. */
#ifndef CLOUD_HTTP_TEXT_H
#define CLOUD_HTTP_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/** @return true if it is UTF-8 (RFC 3629: no overlong forms, no surrogates) */
bool http_is_utf8(const char *text, size_t length);

/** @return true if there is a byte below 0x20, or 0x7F, in it */
bool http_has_control(const char *text, size_t length);

/**
 * Undo the percent signs of a part of an address.
 * @param out         room for @p length + 1 bytes; gets a NUL at the end
 * @param plus_space  '+' is a space, as in forms
 * @return bytes written without the NUL, or -1: a percent sign without two hex digits after it
 */
long http_percent_decode(const char *text, size_t length, char *out, bool plus_space);

/**
 * A copy that is UTF-8 whatever the bytes are: what is not, becomes U+FFFD.
 * @return owned by the caller: free(); NULL if out of memory
 */
char *http_make_utf8(const char *text, size_t length);

#endif
