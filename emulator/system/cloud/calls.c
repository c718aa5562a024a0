/*
 * Functions and variables of the application: functions.h, variables.h, variables.cpp,
 * handle_function_call() in spark_protocol.cpp. The names are where a request with a token of one
 * byte has them.
 */
#include "system/cloud/session.h"

#include <string.h>

#include "bytes.h"

enum { KEY_AT = 7, LONG = 13, VERY_LONG = 14, LONG_BASE = 13, VERY_LONG_BASE = 269 };

/* Where a piece of a request lies, as the firmware reads it. */
struct piece {
    size_t at, length;
    bool there; /* within the message */
};

static const struct vp_application *running_application(const struct vp_system *system)
{
    return system->safe_mode ? NULL : system->machine.application;
}

/* The name: a nibble, from 0.8.0 on with one more byte. */
static struct piece find_name(const struct vp_incoming *request, const struct vp_call_rules *rules)
{
    struct piece name = {.at = KEY_AT + 1};
    if (!vp_incoming_has(request, KEY_AT + 1)) {
        return name;
    }
    name.length = request->bytes[KEY_AT] & 0xF;
    if (rules->long_names && name.length == LONG) {
        name.length = LONG_BASE + request->bytes[KEY_AT + 1];
        name.at++;
    }
    if (name.length > rules->name_limit) {
        name.length = rules->name_limit; /* of a function's only since 1.2.0: it overran before */
    }
    name.there = name.at + name.length <= request->readable;
    return name;
}

static struct piece find_argument(const struct vp_incoming *request, const struct piece *name,
                                  const struct vp_call_rules *rules)
{
    struct piece argument = {.at = name->at + name->length};
    if (!vp_incoming_has(request, argument.at + 2)) {
        argument.there = vp_incoming_has(request, argument.at);
        argument.length = argument.there ? request->bytes[argument.at] & 0xF : 0;
        argument.at++;
        argument.there = argument.there && argument.at + argument.length <= request->readable;
        return argument;
    }
    argument.length = request->bytes[argument.at++] & 0xF;
    if (argument.length == LONG) {
        argument.length = LONG_BASE + (size_t)request->bytes[argument.at++];
    } else if (argument.length == VERY_LONG || rules->misreads_lengths) {
        argument.length = VERY_LONG_BASE + ((size_t)request->bytes[argument.at] << 8 |
                                            request->bytes[argument.at + 1]);
        argument.at += 2;
    }
    argument.there = argument.length > rules->argument_limit ||
                     argument.at + argument.length <= request->readable;
    return argument;
}

static bool is_called(const struct vp_incoming *request, const struct piece *name, const char *text,
                      size_t limit)
{
    const size_t length = strnlen(text, limit);
    return length == strnlen((const char *)request->bytes + name->at, name->length) &&
           memcmp(request->bytes + name->at, text, length) == 0;
}

static bool has_token(const struct vp_incoming *request)
{
    return (request->bytes[0] & 0xF) == 1;
}

/* ---- Functions ---------------------------------------------------------------------------- */

/* The refusal of an argument keeps nobody from calling the function. */
bool vp_session_call(struct vp_system *system, const struct vp_incoming *request)
{
    const struct vp_cloud_rules *rules = system->cloud.session->rules;
    const struct vp_application *application = running_application(system);
    const struct piece name = find_name(request, rules->calls);
    const struct piece argument = find_argument(request, &name, rules->calls);
    if (rules->calls->needs_token && !has_token(request)) {
        return false; /* MISSING_REQUEST_TOKEN */
    }
    if (!name.there || !argument.there) {
        return true;
    }
    const bool fits = argument.length <= rules->calls->argument_limit;
    const uint8_t refusal =
        rules->transfer->refusal == 0x01 ? 0x01 : VP_COAP_BAD_REQUEST; /* RESPONSE_CODE() */
    if (!vp_session_acknowledge(system, request, fits ? VP_COAP_EMPTY : refusal, NULL, NULL)) {
        return false;
    }
    for (size_t i = 0; application && i < application->function_count; i++) {
        if (is_called(request, &name, application->functions[i].name, rules->calls->name_limit)) {
            uint8_t result[4];
            vp_put_be32(result, (uint32_t)application->functions[i].result);
            return vp_session_respond(system, request->bytes[4], VP_COAP_CHANGED, result,
                                      sizeof result, VP_SEND_NEW);
        }
    }
    return true; /* userFuncSchedule(): nobody answers */
}

/* ---- Variables ------------------------------------------------------------------------------ */

static const struct vp_variable *find_variable(const struct vp_system *system,
                                               const struct vp_incoming *request,
                                               const struct piece *name)
{
    const struct vp_application *application = running_application(system);
    const size_t limit = system->cloud.session->rules->calls->name_limit;
    for (size_t i = 0; application && i < application->variable_count; i++) {
        if (is_called(request, name, application->variables[i].name, limit)) {
            return &application->variables[i];
        }
    }
    return NULL;
}

/* Numbers most significant byte first, doubles as the processor has them. */
static const void *encode(const struct vp_variable *variable, uint8_t *bytes, size_t *length)
{
    switch (variable->type) {
    case VP_VARIABLE_BOOL:
        bytes[0] = variable->value.flag;
        *length = 1;
        return bytes;
    case VP_VARIABLE_INT:
        vp_put_be32(bytes, (uint32_t)variable->value.number);
        *length = 4;
        return bytes;
    case VP_VARIABLE_DOUBLE: {
        uint64_t bits;
        memcpy(&bits, &variable->value.real, sizeof bits);
        vp_put_le32(bytes, (uint32_t)bits);
        vp_put_le32(bytes + 4, (uint32_t)(bits >> 32));
        *length = 8;
        return bytes;
    }
    case VP_VARIABLE_STRING:
        *length = strlen(variable->value.text);
        return variable->value.text;
    }
    *length = 0;
    return bytes;
}

/* Up to 1.4.x; a value of no bytes still has its marker. */
static bool answer_at_once(struct vp_system *system, const struct vp_incoming *request,
                           const void *value, size_t length)
{
    uint8_t bytes[VP_SESSION_BUFFER];
    struct vp_coap_writer writer;
    const size_t room = system->cloud.session->rules->buffer - 6u - VP_SESSION_PADDING;
    vp_coap_begin(&writer, bytes, sizeof bytes, VP_COAP_ACK, VP_COAP_CONTENT,
                  (uint16_t)(request->bytes[2] << 8 | request->bytes[3]), request->bytes + 4, 1);
    vp_coap_add_payload(&writer, value, length < room ? length : room);
    return vp_session_send(system, bytes, vp_coap_finish(&writer), VP_SEND_ANSWER);
}

/*
 * getUserVar(): what nobody knows is taken for a number, and read from address 0, where the chip
 * shows the bootloader's first word (RM0033 section 2.4). Deduced.
 */
static bool answer_unknown(struct vp_system *system, const struct vp_incoming *request)
{
    uint8_t word[4] = {0};
    vp_flash_read(system->machine.flash, system->machine.board->bootloader.start, word,
                  sizeof word);
    vp_put_be32(word, vp_get_le32(word));
    return answer_at_once(system, request, word, sizeof word);
}

bool vp_session_read_variable(struct vp_system *system, const struct vp_incoming *request)
{
    const struct vp_call_rules *rules = system->cloud.session->rules->calls;
    const struct piece name = find_name(request, rules);
    uint8_t bytes[8];
    size_t length = 0;
    if (rules->needs_token && !has_token(request)) {
        return false;
    }
    if (!name.there) {
        return true;
    }
    const struct vp_variable *variable = find_variable(system, request, &name);
    const void *value = variable ? encode(variable, bytes, &length) : NULL;
    if (!rules->separate_value) {
        return variable ? answer_at_once(system, request, value, length)
                        : answer_unknown(system, request);
    }
    return vp_session_acknowledge(system, request, VP_COAP_EMPTY, NULL, NULL) &&
           vp_session_respond(system, request->bytes[4],
                              variable ? VP_COAP_CONTENT : VP_COAP_NOT_FOUND, value, length,
                              VP_SEND_NEW);
}
