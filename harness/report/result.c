#include "report/result.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "report/report_private.h"

static const char *const outcome_names[] = {
    [VP_PASSED] = "passed", [VP_FAILED] = "failed",   [VP_SKIPPED] = "skipped",
    [VP_BROKEN] = "broken", [VP_ABORTED] = "aborted",
};

enum { OUTCOME_COUNT = sizeof outcome_names / sizeof outcome_names[0] };

/* The texts of a result, by their names in JSON. */
static const struct {
    const char *key;
    size_t offset;
} texts[] = {
    {"path", offsetof(struct vp_result, path)},
    {"name", offsetof(struct vp_result, name)},
    {"reason", offsetof(struct vp_result, reason)},
    {"step", offsetof(struct vp_result, step)},
    {"expected", offsetof(struct vp_result, expected)},
    {"found", offsetof(struct vp_result, found)},
    {"output", offsetof(struct vp_result, output)},
    {"rerun", offsetof(struct vp_result, rerun)},
};

enum { TEXT_COUNT = sizeof texts / sizeof texts[0] };

static char **text_in(const struct vp_result *result, unsigned which)
{
    return (char **)((char *)result + texts[which].offset);
}

const char *vp_outcome_name(enum vp_outcome outcome)
{
    return outcome_names[outcome];
}

void vp_result_clear(struct vp_result *result)
{
    for (unsigned i = 0; i < TEXT_COUNT; i++) {
        free(*text_in(result, i));
    }
    for (unsigned i = 0; i < result->transfer_count; i++) {
        free(result->transfers[i]);
    }
    for (unsigned i = 0; i < result->note_count; i++) {
        free(result->notes[i]);
    }
    *result = (struct vp_result){0};
}

char *vp_text(const char *format, ...)
{
    char *text;
    va_list arguments;
    va_start(arguments, format);
    const int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    return length < 0 ? NULL : text;
}

/* ---- Clean text ------------------------------------------------------------------------ */

/* Bytes of the UTF-8 character at @p at, 0 if it is none (RFC 3629 section 4). */
static size_t character_length(const unsigned char *at, size_t room)
{
    const size_t length = at[0] < 0x80   ? 1
                          : at[0] < 0xC2 ? 0
                          : at[0] < 0xE0 ? 2
                          : at[0] < 0xF0 ? 3
                          : at[0] < 0xF5 ? 4
                                         : 0;
    if (length > room) {
        return 0;
    }
    for (size_t i = 1; i < length; i++) {
        if ((at[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    const bool too_long = (at[0] == 0xE0 && at[1] < 0xA0) || (at[0] == 0xF0 && at[1] < 0x90);
    const bool surrogate = at[0] == 0xED && at[1] >= 0xA0;
    const bool too_large = at[0] == 0xF4 && at[1] >= 0x90;
    const bool no_character = length == 3 && at[0] == 0xEF && at[1] == 0xBF && at[2] >= 0xBE;
    return length > 1 && (too_long || surrogate || too_large || no_character) ? 0 : length;
}

/* A carriage return starts the line anew, unless a line feed follows. */
static size_t return_carriage(const char *text, size_t length)
{
    while (length > 0 && text[length - 1] != '\n') {
        length--;
    }
    return length;
}

char *vp_clean_text(const void *bytes, size_t length)
{
    const unsigned char *from = bytes;
    char *text = malloc(length + 1);
    size_t made = 0;
    if (!text) {
        return NULL;
    }
    for (size_t i = 0; i < length;) {
        const size_t piece = character_length(from + i, length - i);
        if (from[i] == '\r') {
            const bool ends = i + 1 == length || from[i + 1] == '\n' || from[i + 1] == '\r';
            made = ends ? made : return_carriage(text, made);
            i++;
        } else if (piece == 0 || from[i] == 0x7F ||
                   (from[i] < 0x20 && from[i] != '\n' && from[i] != '\t')) {
            text[made++] = '?';
            i++;
        } else {
            memcpy(text + made, from + i, piece);
            made += piece;
            i += piece;
        }
    }
    text[made] = '\0';
    return text;
}

/* ---- JSON ------------------------------------------------------------------------------- */

static json_t *list_of(char *const *lines, unsigned count)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < count; i++) {
        json_array_append_new(list, json_string(lines[i]));
    }
    return list;
}

json_t *vp_result_object(const struct vp_result *result)
{
    json_t *object = json_object();
    json_object_set_new(object, "outcome", json_string(outcome_names[result->outcome]));
    for (unsigned i = 0; i < TEXT_COUNT; i++) {
        if (*text_in(result, i)) {
            json_object_set_new(object, texts[i].key, json_string(*text_in(result, i)));
        }
    }
    if (result->line) {
        json_object_set_new(object, "line", json_integer(result->line));
    }
    json_object_set_new(object, "seconds", json_real(result->seconds));
    if (result->transfer_count) {
        json_object_set_new(object, "transfers",
                            list_of(result->transfers, result->transfer_count));
    }
    if (result->note_count) {
        json_object_set_new(object, "notes", list_of(result->notes, result->note_count));
    }
    return object;
}

char *vp_result_to_json(const struct vp_result *result)
{
    json_t *object = vp_result_object(result);
    char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);
    return text;
}

static bool read_list(const json_t *object, const char *key, char **lines, unsigned *count)
{
    const json_t *list = json_object_get(object, key);
    const size_t length = json_array_size(list);
    for (size_t i = 0; i < length && i < VP_RESULT_LINES; i++) {
        const char *line = json_string_value(json_array_get(list, i));
        char *copy = line ? strdup(line) : NULL;
        if (!copy) {
            return false;
        }
        lines[(*count)++] = copy;
    }
    return true;
}

static bool read_texts(const json_t *object, struct vp_result *result)
{
    for (unsigned i = 0; i < TEXT_COUNT; i++) {
        const char *value = json_string_value(json_object_get(object, texts[i].key));
        if (value && !(*text_in(result, i) = strdup(value))) {
            return false;
        }
    }
    return true;
}

int vp_result_from_json(const char *json, struct vp_result *result)
{
    *result = (struct vp_result){0};
    json_t *object = json_loads(json, 0, NULL);
    const char *outcome = json_string_value(json_object_get(object, "outcome"));
    int error = VP_ERROR_INVALID;
    for (unsigned i = 0; outcome && i < OUTCOME_COUNT; i++) {
        if (strcmp(outcome, outcome_names[i]) == 0) {
            result->outcome = (enum vp_outcome)i;
            error = 0;
        }
    }
    if (!error) {
        result->line = (unsigned)json_integer_value(json_object_get(object, "line"));
        result->seconds = json_number_value(json_object_get(object, "seconds"));
        const bool read =
            read_texts(object, result) &&
            read_list(object, "transfers", result->transfers, &result->transfer_count) &&
            read_list(object, "notes", result->notes, &result->note_count);
        error = read ? 0 : VP_ERROR_NO_MEMORY;
    }
    json_decref(object);
    return error;
}
