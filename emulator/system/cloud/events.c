/*
 * Events from the cloud: handle_event() in subscriptions.h and spark_protocol.cpp, SystemEvents()
 * in system_cloud_internal.cpp @ v0.4.6, v0.7.0, v2.2.0. "spark/device/key/restore" puts back keys
 * that are not modelled; "particle/device/updates/..." sets flags that only an application reads.
 */
#include "system/cloud/session.h"

#include <string.h>

enum { NAME_AT = 6, MAX_NAME = 256, MAX_AGE_DELTA = 0x30, NO_DELTA = 0x00, MARKER = 0xFF };

/* CoAP::option_decode() @return false if it would read past the end; 15 has no length */
static bool decode(const struct vp_incoming *message, size_t *at, size_t *length)
{
    if (*at >= message->length) {
        return false;
    }
    const unsigned nibble = message->bytes[*at] & 0xF;
    *length = 0;
    if (nibble < 13) {
        *length = nibble;
        *at += 1;
    } else if (nibble == 13 && *at + 1 < message->length) {
        *length = 13 + (size_t)message->bytes[*at + 1];
        *at += 2;
    } else if (nibble == 14 && *at + 2 < message->length) {
        *length = 269 + ((size_t)message->bytes[*at + 1] << 8 | message->bytes[*at + 2]);
        *at += 3;
    } else if (nibble != 15) {
        return false;
    }
    return *at + *length <= message->length;
}

/* The name, its parts joined with slashes. @return false if there is none */
static bool take_name(const struct vp_incoming *message, size_t *at, char *name)
{
    size_t length, total = 0;
    if (!decode(message, at, &length) || length == 0) {
        return false;
    }
    for (;;) {
        for (size_t i = 0; i < length && total < MAX_NAME - 1; i++) {
            name[total++] = (char)message->bytes[*at + i];
        }
        *at += length;
        if (*at >= message->length || (message->bytes[*at] & 0xF0) != NO_DELTA) {
            break;
        }
        if ((message->bytes[*at] & 0xF) == 15 || !decode(message, at, &length)) {
            return false;
        }
        if (total < MAX_NAME - 1) {
            name[total++] = '/';
        }
    }
    name[total] = '\0';
    return true;
}

/* @return the data as a text, or NULL; it ends where the message does */
static const char *take_data(struct vp_incoming *message, size_t at)
{
    size_t length;
    if (at < message->length && (message->bytes[at] & 0xF0) == MAX_AGE_DELTA) {
        if (!decode(message, &at, &length)) {
            return NULL;
        }
        at += length;
    }
    if (at >= message->length || message->bytes[at] != MARKER) {
        return NULL;
    }
    message->bytes[message->length] = '\0';
    return (const char *)message->bytes + at + 1;
}

static void reset_as_told(struct vp_system *system, const char *data)
{
    if (strcmp(data, "safe mode") == 0) {
        vp_system_reset(system, VP_SYSTEM_SAFE_MODE_RESET, 0);
    } else if (strcmp(data, "dfu") == 0) {
        vp_system_reset(system, VP_SYSTEM_DFU_RESET, 0);
    } else if (strcmp(data, "reboot") == 0) {
        vp_system_reset(system, VP_SYSTEM_PLAIN_RESET, 0);
    }
}

static bool is_subscribed(const struct vp_system *system, const char *name)
{
    const char *const *prefixes = system->cloud.session->rules->greeting->subscriptions;
    return (prefixes[0] && strncmp(name, prefixes[0], strlen(prefixes[0])) == 0) ||
           (prefixes[1] && strncmp(name, prefixes[1], strlen(prefixes[1])) == 0);
}

bool vp_session_take_event(struct vp_system *system, struct vp_incoming *message)
{
    static const char claim[] = "spark/device/claim/";
    const struct vp_cloud_rules *rules = system->cloud.session->rules;
    char name[MAX_NAME];
    /* spark_protocol.cpp does not reckon with a token. */
    size_t at = NAME_AT + (rules->layered ? message->bytes[0] & 0xFu : 0);
    if (system->cloud.session->reliable && vp_incoming_type(message) == VP_COAP_CONFIRMABLE &&
        !vp_session_acknowledge(system, message, VP_COAP_EMPTY, NULL, NULL)) {
        return false;
    }
    if (!take_name(message, &at, name)) {
        return !rules->layered; /* MALFORMED_MESSAGE */
    }
    const char *data = take_data(message, at);
    if (!is_subscribed(system, name)) {
        return true;
    }
    if (strncmp(name, claim, strlen(claim)) == 0) {
        vp_system_set_claim_code(system, "");
    }
    if (strcmp(name, "spark/device/reset") == 0 && data) {
        reset_as_told(system, data);
    }
    return true;
}
