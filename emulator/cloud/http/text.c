#include "cloud/http/text.h"

#include <stdlib.h>
#include <string.h>

/** Bytes of the character at @p text, or 0 if it is none (RFC 3629, section 4). */
static size_t character_length(const unsigned char *text, size_t length)
{
    static const struct {
        unsigned char first, last; /* of the first byte */
        unsigned char from, to;    /* of the second */
        unsigned char length;
    } forms[] = {
        {0x00, 0x7F, 0, 0, 1},       {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3},
        {0xE1, 0xEC, 0x80, 0xBF, 3}, {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3},
        {0xF0, 0xF0, 0x90, 0xBF, 4}, {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
    };
    for (unsigned i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (text[0] < forms[i].first || text[0] > forms[i].last) {
            continue;
        }
        const size_t wanted = forms[i].length;
        if (wanted > length || (wanted > 1 && (text[1] < forms[i].from || text[1] > forms[i].to))) {
            return 0;
        }
        for (size_t k = 2; k < wanted; k++) {
            if ((text[k] & 0xC0) != 0x80) {
                return 0;
            }
        }
        return wanted;
    }
    return 0;
}

bool http_is_utf8(const char *text, size_t length)
{
    for (size_t at = 0; at < length;) {
        const size_t step = character_length((const unsigned char *)text + at, length - at);
        if (step == 0) {
            return false;
        }
        at += step;
    }
    return true;
}

bool http_has_control(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        const unsigned char c = (unsigned char)text[i];
        if (c < 0x20 || c == 0x7F) {
            return true;
        }
    }
    return false;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

long http_percent_decode(const char *text, size_t length, char *out, bool plus_space)
{
    long written = 0;
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        if (c == '%') {
            const int high = i + 2 < length ? hex_digit(text[i + 1]) : -1;
            const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
            if (low < 0) {
                return -1;
            }
            c = (char)(high << 4 | low);
            i += 2;
        } else if (c == '+' && plus_space) {
            c = ' ';
        }
        out[written++] = c;
    }
    out[written] = '\0';
    return written;
}

char *http_make_utf8(const char *text, size_t length)
{
    static const char replacement[] = "\xEF\xBF\xBD";
    char *copy = malloc(3 * length + 1);
    if (!copy) {
        return NULL;
    }
    size_t written = 0;
    for (size_t at = 0; at < length;) {
        const size_t step = character_length((const unsigned char *)text + at, length - at);
        memcpy(copy + written, step ? text + at : replacement, step ? step : 3);
        written += step ? step : 3;
        at += step ? step : 1;
    }
    copy[written] = '\0';
    return copy;
}
