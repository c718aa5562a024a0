#include "scenario/words.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vparticle/nearest.h"

/* Text that grows; after a failed allocation `failed` is set and nothing more is added. */
struct text {
    char *bytes;
    size_t length, room;
    bool failed;
};

static void add(struct text *text, const char *bytes, size_t length)
{
    if (text->failed) {
        return;
    }
    if (text->length + length + 1 > text->room) {
        const size_t room = (text->length + length + 1) * 2;
        char *grown = realloc(text->bytes, room);
        if (!grown) {
            text->failed = true;
            return;
        }
        text->bytes = grown;
        text->room = room;
    }
    memcpy(text->bytes + text->length, bytes, length);
    text->length += length;
    text->bytes[text->length] = '\0';
}

static int unknown_variable(const char *name, size_t length, const struct vp_variable *variables,
                            struct vp_failure *failure)
{
    char wanted[64];
    snprintf(wanted, sizeof wanted, "%.*s", (int)(length < 63 ? length : 63), name);
    struct vp_nearest nearest = vp_nearest_start(wanted);
    for (; variables->name; variables++) {
        vp_nearest_offer(&nearest, variables->name);
    }
    return vp_fail(failure, VP_ERROR_INVALID, "there is no variable ${%s}; did you mean ${%s}?",
                   wanted, nearest.best ? nearest.best : "");
}

/* @p at is behind "${"; returns behind "}", or NULL with @p error set. */
static const char *add_variable(struct text *text, const char *at,
                                const struct vp_variable *variables, int *error,
                                struct vp_failure *failure)
{
    const char *end = strchr(at, '}');
    if (!end) {
        *error = vp_fail(failure, VP_ERROR_INVALID, "'${%.40s' has no closing brace", at);
        return NULL;
    }
    const size_t length = (size_t)(end - at);
    for (const struct vp_variable *known = variables; known->name; known++) {
        if (strlen(known->name) == length && memcmp(known->name, at, length) == 0) {
            add(text, known->value, strlen(known->value));
            return end + 1;
        }
    }
    *error = unknown_variable(at, length, variables, failure);
    return NULL;
}

static bool is_variable(const char *at)
{
    return at[0] == '$' && at[1] == '{';
}

static int out_of_memory(struct vp_failure *failure)
{
    return vp_fail(failure, VP_ERROR_NO_MEMORY, "out of memory");
}

int vp_expand(const char *from, const struct vp_variable *variables, char **text,
              struct vp_failure *failure)
{
    struct text made = {0};
    int error = 0;
    add(&made, "", 0);
    while (from && *from) {
        if (is_variable(from)) {
            from = add_variable(&made, from + 2, variables, &error, failure);
        } else {
            add(&made, from++, 1);
        }
    }
    if (!error && made.failed) {
        error = out_of_memory(failure);
    }
    if (error) {
        free(made.bytes);
        return error;
    }
    *text = made.bytes;
    return 0;
}

/* ---- Words -------------------------------------------------------------------------- */

struct words {
    char **list;
    size_t count;
    bool failed;
};

static void add_word(struct words *words, struct text *text)
{
    char **grown = realloc(words->list, (words->count + 2) * sizeof *grown);
    if (!grown || text->failed) {
        words->failed = true;
        free(text->bytes);
    } else {
        grown[words->count++] = text->bytes;
        grown[words->count] = NULL;
    }
    if (grown) {
        words->list = grown;
    }
    *text = (struct text){0};
}

/* One character or variable between double quotes or outside of quotes; returns what follows. */
static const char *add_one(struct text *text, const char *at, const struct vp_variable *variables,
                           int *error, struct vp_failure *failure)
{
    if (is_variable(at)) {
        return add_variable(text, at + 2, variables, error, failure);
    }
    if (*at == '\\' && at[1]) {
        at++;
    }
    add(text, at, 1);
    return at + 1;
}

/* @p at is behind the opening quote; returns behind the closing one. */
static const char *add_quoted(struct text *text, char quote, const char *at,
                              const struct vp_variable *variables, int *error,
                              struct vp_failure *failure)
{
    add(text, "", 0);
    while (at && *at && *at != quote) {
        if (quote == '"') {
            at = add_one(text, at, variables, error, failure);
        } else {
            add(text, at++, 1);
        }
    }
    if (at && !*at) {
        *error = vp_fail(failure, VP_ERROR_INVALID, "a quote %c is not closed", quote);
    }
    return at && *at ? at + 1 : NULL;
}

/* One word from @p at, which is no blank; returns what follows it. */
static const char *read_word(struct words *words, const char *at,
                             const struct vp_variable *variables, int *error,
                             struct vp_failure *failure)
{
    struct text text = {0};
    while (at && *at && !strchr(" \t\n", *at)) {
        if (*at == '\'' || *at == '"') {
            at = add_quoted(&text, *at, at + 1, variables, error, failure);
        } else {
            add(&text, "", 0);
            at = add_one(&text, at, variables, error, failure);
        }
    }
    if (*error) {
        free(text.bytes);
        return NULL;
    }
    add_word(words, &text);
    return at;
}

int vp_split(const char *line, const struct vp_variable *variables, char ***words,
             struct vp_failure *failure)
{
    struct words made = {0};
    int error = 0;
    for (const char *at = line; at && *at && !made.failed;) {
        at += strspn(at, " \t\n");
        if (*at) {
            at = read_word(&made, at, variables, &error, failure);
        }
    }
    if (!error && made.failed) {
        error = out_of_memory(failure);
    }
    if (!error && made.count == 0) {
        error = vp_fail(failure, VP_ERROR_INVALID, "there is no command");
    }
    if (error) {
        vp_free_words(made.list);
        return error;
    }
    *words = made.list;
    return 0;
}

void vp_free_words(char **words)
{
    for (char **word = words; word && *word; word++) {
        free(*word);
    }
    free(words);
}
