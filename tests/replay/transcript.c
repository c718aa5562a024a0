#include "replay/transcript.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static const char *file;
static unsigned line_number;

static void give_up(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

static void give_up(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "%s:%u: ", file, line_number);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(2);
}

static void *grow(void *list, size_t count, size_t size)
{
    if ((count & (count - 1)) == 0) { /* at powers of two */
        list = realloc(list, (count ? 2 * count : 1) * size);
        if (!list) {
            give_up("out of memory");
        }
    }
    return list;
}

static size_t read_hex(const char *text, size_t digits, uint8_t *bytes)
{
    for (size_t i = 0; i < digits / 2; i++) {
        unsigned value;
        if (sscanf(text + 2 * i, "%2x", &value) != 1) {
            give_up("'%.2s' is not a hexadecimal byte", text + 2 * i);
        }
        bytes[i] = (uint8_t)value;
    }
    return digits / 2;
}

/*
 * Set the four bytes at @p at so that all of @p bytes have CRC-32 @p wanted: run the CRC forward to
 * them, backward from the end to behind them, and solve for what lies between.
 */
static void force_crc(uint8_t *bytes, size_t length, size_t at, uint32_t wanted)
{
    const z_crc_t *table = get_crc_table();
    uint8_t index_of_top[256];
    for (unsigned i = 0; i < 256; i++) {
        index_of_top[table[i] >> 24] = (uint8_t)i;
    }
    const uint32_t before = (uint32_t)crc32(0, bytes, (uInt)at) ^ 0xFFFFFFFF;
    uint32_t after = wanted ^ 0xFFFFFFFF;
    for (size_t i = length; i-- > at;) {
        const uint8_t index = index_of_top[after >> 24];
        const uint8_t byte = i >= at + 4 ? bytes[i] : 0;
        after = (after ^ (uint32_t)table[index]) << 8 | (index ^ byte);
    }
    const uint32_t difference = before ^ after;
    for (unsigned i = 0; i < 4; i++) {
        bytes[at + i] = (uint8_t)(difference >> (8 * i));
    }
    if (crc32(0, bytes, (uInt)length) != wanted) {
        give_up("cannot make data with CRC-32 %08x", wanted);
    }
}

/* @LENGTH:CRC32:HEAD:TAIL */
static void read_abridged(const char *text, struct transcript_data *data)
{
    unsigned crc;
    int head_at, tail_at;
    if (sscanf(text, "@%zu:%x:%n%*[0-9a-f]:%n", &data->length, &crc, &head_at, &tail_at) != 2) {
        give_up("'%s' is not @LENGTH:CRC32:HEAD:TAIL", text);
    }
    const size_t head = (size_t)(tail_at - head_at - 1) / 2;
    const size_t tail = strlen(text + tail_at) / 2;
    if (head + 4 + tail > data->length) {
        give_up("no room for four bytes between head and tail");
    }
    data->bytes = malloc(data->length);
    if (!data->bytes) {
        give_up("out of memory");
    }
    memset(data->bytes, text[head_at] == 'f' ? 0xFF : 0, data->length);
    read_hex(text + head_at, 2 * head, data->bytes);
    read_hex(text + tail_at, 2 * tail, data->bytes + data->length - tail);
    data->abridged = true;
    data->crc = crc;
    if (crc32(0, data->bytes, (uInt)data->length) != crc) {
        force_crc(data->bytes, data->length, data->length - tail - 4, crc);
    }
}

static struct transcript_data read_data(const char *text)
{
    struct transcript_data data = {0};
    if (strcmp(text, "-") == 0) {
        return data;
    }
    if (sscanf(text, "redacted:%zu", &data.length) == 1) {
        data.redacted = true;
    } else if (text[0] == '@') {
        read_abridged(text, &data);
    } else {
        data.bytes = malloc(strlen(text) / 2 + 1);
        if (!data.bytes) {
            give_up("out of memory");
        }
        data.length = read_hex(text, strlen(text), data.bytes);
    }
    return data;
}

bool transcript_data_is(const struct transcript_data *data, const uint8_t *bytes, size_t length)
{
    if (length != data->length || data->redacted || length == 0) {
        return length == data->length;
    }
    return data->abridged ? crc32(0, bytes, (uInt)length) == data->crc
                          : memcmp(bytes, data->bytes, length) == 0;
}

static enum transcript_result read_result(const char *text)
{
    static const char *const names[] = {
        [TRANSCRIPT_OK] = "ok",
        [TRANSCRIPT_STALL] = "stall",
        [TRANSCRIPT_TIMEOUT] = "timeout",
        [TRANSCRIPT_NO_RESPONSE] = "no-response",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(text, names[i]) == 0) {
            return (enum transcript_result)i;
        }
    }
    give_up("'%s' is not a result", text);
}

static bool names_version(char *versions, unsigned version)
{
    if (strcmp(versions, "*") == 0) {
        return true;
    }
    for (char *word; (word = strsep(&versions, ","));) {
        if (strtoul(word, NULL, 10) == version) {
            return true;
        }
    }
    return false;
}

static struct transcript_step *add_step(struct transcript *transcript, enum transcript_kind kind)
{
    if (transcript->count == 0) {
        give_up("a step before the first group");
    }
    struct transcript_group *group = &transcript->groups[transcript->count - 1];
    group->steps = grow(group->steps, group->count, sizeof *group->steps);
    struct transcript_step *step = &group->steps[group->count++];
    *step = (struct transcript_step){.kind = kind, .line = line_number};
    return step;
}

static void read_group(struct transcript *transcript, char *rest)
{
    transcript->groups = grow(transcript->groups, transcript->count, sizeof *transcript->groups);
    struct transcript_group *group = &transcript->groups[transcript->count++];
    *group = (struct transcript_group){0};
    snprintf(group->name, sizeof group->name, "%s", strsep(&rest, " "));
    group->parts = rest && strcmp(rest, "parts") == 0;
}

static void read_transfer(struct transcript *transcript, const char *setup, char *rest)
{
    struct transcript_step *step = add_step(transcript, TRANSCRIPT_TRANSFER);
    read_hex(setup, 2 * sizeof step->setup, step->setup);
    step->out = read_data(strsep(&rest, " "));
    snprintf(step->label, sizeof step->label, "%s", rest ? rest : "");
}

/* An answer line, "  VERSIONS RESULT IN"; it belongs to the step above it. */
static void read_answer(struct transcript *transcript, char *text, unsigned version)
{
    char *versions = strsep(&text, " "), *result = strsep(&text, " ");
    if (!transcript->count || !transcript->groups[transcript->count - 1].count || !text) {
        give_up("an answer needs a transfer above it, and three words");
    }
    struct transcript_group *group = &transcript->groups[transcript->count - 1];
    struct transcript_step *step = &group->steps[group->count - 1];
    if (names_version(versions, version)) {
        step->result = read_result(result);
        free(step->in.bytes);
        step->in = read_data(text);
    }
}

static void read_line(struct transcript *transcript, char *line, unsigned version)
{
    if (*line == '\0' || *line == '#') {
        return;
    }
    if (strncmp(line, "  ", 2) == 0) {
        read_answer(transcript, line + 2, version);
        return;
    }
    char *rest = line;
    const char *word = strsep(&rest, " ");
    if (strcmp(word, "group") == 0 && rest) {
        read_group(transcript, rest);
    } else if (strcmp(word, "bus-reset") == 0) {
        add_step(transcript, TRANSCRIPT_BUS_RESET);
    } else if (strcmp(word, "leaves") == 0) {
        add_step(transcript, TRANSCRIPT_LEAVES);
    } else if (strcmp(word, "stays") == 0) {
        add_step(transcript, TRANSCRIPT_STAYS);
    } else if (strlen(word) == 16 && rest) {
        read_transfer(transcript, word, rest);
    } else {
        give_up("'%s' begins no line of a transcript", word);
    }
}

struct transcript transcript_read(const char *path, unsigned version)
{
    struct transcript transcript = {0};
    file = path;
    line_number = 0;
    FILE *stream = fopen(path, "r");
    if (!stream) {
        give_up("cannot be opened");
    }
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    while ((length = getline(&line, &room, stream)) > 0) {
        line_number++;
        if (line[length - 1] == '\n') {
            line[length - 1] = '\0';
        }
        read_line(&transcript, line, version);
    }
    free(line);
    fclose(stream);
    return transcript;
}

void transcript_free(struct transcript *transcript)
{
    for (size_t i = 0; i < transcript->count; i++) {
        struct transcript_group *group = &transcript->groups[i];
        for (size_t j = 0; j < group->count; j++) {
            free(group->steps[j].out.bytes);
            free(group->steps[j].in.bytes);
        }
        free(group->steps);
    }
    free(transcript->groups);
}
