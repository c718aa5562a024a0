/*
 * Plays what a real system firmware was told by a cloud to an emulated device, and compares what it
 * answers, byte by byte. The format is described at the head of each cloud-*.transcript.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coap/coap.h"
#include "device/device_private.h"
#include "system/cloud/session.h"
#include "system/describe/describe.h"
#include "vparticle/application.h"
#include "vparticle/link.h"

enum { MESSAGES = 256, LINE = 8192, HELLO_JUMPS = 4 };

static const struct vp_function functions[] = {{"led", 1}, {"minus", -2}};
static const struct vp_variable variables[] = {
    {"count", VP_VARIABLE_INT, {.number = -3}}, {"name", VP_VARIABLE_STRING, {.text = "Anna"}},
    {"on", VP_VARIABLE_BOOL, {.flag = true}},   {"t", VP_VARIABLE_DOUBLE, {.real = 20.5}},
    {"none", VP_VARIABLE_STRING, {.text = ""}},
};
static const struct vp_application application = {functions, 2, variables, 5};

struct message {
    uint8_t bytes[VP_COAP_MESSAGE_LIMIT];
    size_t length;
};

static struct {
    const char *path;
    unsigned line, failures, compared;
    char spec[128], group[64];
    struct vp_device *device;
    unsigned closed;
    struct message said[MESSAGES];
    unsigned first, count;
} play;

static void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void complain(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "%s:%u (%s): ", play.path, play.line, play.group);
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
    va_end(arguments);
    play.failures++;
}

/* ---- The device's other end ------------------------------------------------------------------ */

/* The firmware was run with its numbers at 0; from 2.0.0 on that is the first token. */
static void note_opened(void *context)
{
    struct vp_session *session = play.device->system.cloud.session;
    (void)context;
    session->id = 0;
    session->token = session->rules->hello->presents ? UINT8_MAX : 0;
}

static void note_sent(void *context, const uint8_t *message, size_t length)
{
    (void)context;
    if (play.count < MESSAGES && length <= sizeof play.said[0].bytes) {
        memcpy(play.said[play.count].bytes, message, length);
        play.said[play.count++].length = length;
    }
}

static void note_closed(void *context)
{
    (void)context;
    play.closed++;
}

static const struct vp_link_handlers handlers = {note_opened, note_sent, note_closed};

static void expect_silence(void)
{
    if (play.first < play.count) {
        const struct message *message = &play.said[play.first];
        complain("it says something more: %02x%02x%02x%02x..., %zu bytes", message->bytes[0],
                 message->bytes[1], message->bytes[2], message->bytes[3], message->length);
        play.first = play.count;
    }
}

/* ---- Comparing ---------------------------------------------------------------------------------
 */

static size_t replace_description(uint8_t *bytes, size_t length)
{
    static const char mark[] = "\"p\":@,\"m\":[]";
    uint8_t *at = memmem(bytes, length, mark, sizeof mark - 1);
    if (!at) {
        return length;
    }
    uint8_t rest[LINE];
    const size_t rest_length = (size_t)(bytes + length - at) - (sizeof mark - 1);
    char *described = vp_system_describe(&play.device->system);
    const size_t described_length = described ? strlen(described) - 2 : 0;
    memcpy(rest, at + sizeof mark - 1, rest_length);
    if (described) {
        memcpy(at, described + 1, described_length);
    }
    memcpy(at + described_length, rest, rest_length);
    free(described);
    return length - (sizeof mark - 1) + described_length;
}

static bool is_verdict(const uint8_t *expected, size_t length, const struct message *said)
{
    return length >= 3 && memcmp(expected + length - 3, "{@}", 3) == 0 &&
           said->length > length + 2 && memcmp(said->bytes, expected, length - 3) == 0 &&
           memcmp(said->bytes + length - 3, "{\"r\":", 5) == 0;
}

static void compare(uint8_t *expected, size_t length)
{
    if (play.first == play.count) {
        complain("it says nothing");
        return;
    }
    const struct message *said = &play.said[play.first++];
    length = replace_description(expected, length);
    play.compared++;
    if (is_verdict(expected, length, said)) {
        return;
    }
    for (size_t i = 0; i < length || i < said->length; i++) {
        if (i >= length || i >= said->length || expected[i] != said->bytes[i]) {
            complain("byte %zu of %zu is %02x instead of %02x (of %zu)", i, said->length,
                     i < said->length ? said->bytes[i] : 0, i < length ? expected[i] : 0, length);
            return;
        }
    }
}

/* ---- Steps
 * ---------------------------------------------------------------------------------------- */

static size_t read_hex(const char *text, uint8_t *bytes)
{
    size_t length = 0;
    unsigned byte;
    for (; sscanf(text, "%2x", &byte) == 1; text += 2) {
        bytes[length++] = (uint8_t)byte;
    }
    return length;
}

static void receive(const uint8_t *bytes, size_t length)
{
    uint8_t *exact = malloc(length);
    if (!exact) {
        abort();
    }
    memcpy(exact, bytes, length);
    if (vp_device_link_receive(play.device, exact, length)) {
        complain("it is not connected");
    }
    free(exact);
}

static void connect(void)
{
    for (unsigned i = 0; i < HELLO_JUMPS && !play.device->system.cloud.session; i++) {
        const int64_t deadline = vp_device_link_deadline(play.device);
        vp_device_advance(play.device, deadline > 0 ? (uint32_t)deadline : 1);
    }
}

static void end_group(void)
{
    if (play.device) {
        expect_silence();
        vp_device_destroy(play.device);
        play.device = NULL;
    }
}

static void start_group(const char *name)
{
    struct vp_failure failure = {""};
    char spec[200];
    end_group();
    snprintf(play.group, sizeof play.group, "%.60s", name);
    snprintf(spec, sizeof spec, "%s,id=30003a000a47343432313031", play.spec);
    if (vp_device_from_spec(&play.device, spec, 0, &failure)) {
        fprintf(stderr, "%s\n", failure.text);
        exit(1);
    }
    play.first = play.count = play.closed = 0;
    vp_device_set_application(play.device, &application);
    vp_device_set_link(play.device, &handlers, NULL);
    connect();
}

/* Answer Hello, and forget what the device said so far. */
static void greet(void)
{
    static const uint8_t hello[] = {0x50, 2, 0, 1, 0xb1, 'h'}, acknowledgement[] = {0x60, 0, 0, 1};
    if (vp_device_link_transport(play.device) == VP_LINK_TCP) {
        receive(hello, sizeof hello);
    } else {
        receive(acknowledgement, sizeof acknowledgement);
    }
    play.first = play.count;
}

/* What comes after a connection's end is not in the transcript. */
static void let_pass(uint32_t milliseconds)
{
    for (; milliseconds > 0 && play.closed == 0; milliseconds--) {
        vp_device_advance(play.device, 1);
    }
}

static void expect_end(void)
{
    expect_silence();
    if (play.closed == 0) {
        complain("it goes on");
    }
}

static void take_line(char *line)
{
    static uint8_t bytes[2 * LINE];
    line[strcspn(line, "\n")] = '\0';
    if (*line == '#' || *line == '\0') {
        return;
    }
    if (strncmp(line, "device ", 7) == 0) {
        snprintf(play.spec, sizeof play.spec, "%.100s", line + 7);
    } else if (strncmp(line, "group ", 6) == 0) {
        start_group(line + 6);
    } else if (strcmp(line, "greets") == 0) {
        greet();
    } else if (strncmp(line, "> ", 2) == 0) {
        expect_silence();
        receive(bytes, read_hex(line + 2, bytes));
    } else if (strncmp(line, "  < ", 4) == 0) {
        compare(bytes, read_hex(line + 4, bytes));
    } else if (strncmp(line, "wait ", 5) == 0) {
        expect_silence();
        let_pass((uint32_t)strtoul(line + 5, NULL, 10));
    } else if (strcmp(line, "closes") == 0 || strcmp(line, "resets") == 0) {
        expect_end();
    } else {
        complain("'%.40s' is no step", line);
    }
}

int main(int argc, char **argv)
{
    static char line[LINE];
    FILE *file = argc == 2 ? fopen(argv[1], "r") : NULL;
    if (!file) {
        fprintf(stderr, "usage: %s TRANSCRIPT\n", argv[0]);
        return 2;
    }
    play.path = argv[1];
    while (fgets(line, sizeof line, file)) {
        play.line++;
        take_line(line);
    }
    end_group();
    fclose(file);
    printf("%u messages compared, %u differences\n", play.compared, play.failures);
    return play.failures > 0 || play.compared == 0;
}
