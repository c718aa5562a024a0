/*
 * The protocol of 0.6.0 to 0.8.0-rc.1: vendor request 0x50, its type in wIndex. A request that
 * takes time is sent first and its result fetched later, one at a time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "system/control/control_private.h"
#include "system/describe/describe.h"
#include "vparticle/catalogue.h"

enum {
    REQUEST = 0x50,
    SMALL = 64, /* what fits into the HAL's own buffer */
    CUSTOM = 10,
    DEVICE_ID = 20,
    SYSTEM_VERSION = 30,
    RESET = 40,
    DFU_MODE = 50,
    SAFE_MODE = 60,
    LISTENING_MODE = 70,
    LOG_CONFIG = 80,
    MODULE_INFO = 90,
    AS_BINARY = 1,
    LEAVE_LISTENING = 1,
};

static int32_t send(const struct vp_vendor_request *request, const void *data, uint32_t size)
{
    const uint32_t sent = size < request->capacity ? size : request->capacity;
    if (sent > 0) {
        memcpy(request->data, data, sent);
    }
    return (int32_t)sent;
}

static void print_id(const struct vp_system *system, char *text)
{
    for (unsigned i = 0; i < VP_DEVICE_ID_SIZE; i++) {
        sprintf(text + 2 * (size_t)i, "%02X", system->machine.device_id[i]);
    }
}

static int32_t send_device_id(const struct vp_system *system,
                              const struct vp_vendor_request *request)
{
    if (request->length == 0 || request->length > SMALL) {
        return VP_VENDOR_STALL;
    }
    if (request->value == AS_BINARY) {
        return request->length < VP_DEVICE_ID_SIZE
                   ? VP_VENDOR_STALL
                   : send(request, system->machine.device_id, VP_DEVICE_ID_SIZE);
    }
    char text[2 * VP_DEVICE_ID_SIZE + 1];
    print_id(system, text);
    return request->length < sizeof text ? VP_VENDOR_STALL : send(request, text, sizeof text);
}

/* The firmware claims two bytes more than its text has; strncpy() filled them with zeros. */
static int32_t send_version(const struct vp_system *system, const struct vp_vendor_request *request)
{
    char text[SMALL] = {0};
    if (request->length == 0 || request->length > SMALL) {
        return VP_VENDOR_STALL;
    }
    snprintf(text, sizeof text, "%s", vp_system_release_name(system));
    return send(request, text, (uint32_t)strlen(text) + 2);
}

static int32_t fetch(struct vp_system *system, const struct vp_vendor_request *request)
{
    struct vp_control *control = &system->control;
    if (!control->legacy.ready || control->legacy.type != request->index ||
        control->legacy.failed ||
        (request->length > 0 && request->length < control->legacy.reply_size)) {
        return VP_VENDOR_STALL;
    }
    control->legacy.ready = false;
    return send(request, control->legacy.reply,
                request->length > 0 ? control->legacy.reply_size : 0);
}

/* The text of the modules without its braces; what does not fit into the buffer is cut. */
static void describe_modules(struct vp_system *system)
{
    struct vp_control *control = &system->control;
    char *text = vp_system_describe(system);
    const size_t size = text ? strlen(text) : 0;
    if (size >= 2) {
        const size_t inner = size - 2;
        control->legacy.reply_size =
            inner < VP_CONTROL_LEGACY_BUFFER ? (uint32_t)inner : VP_CONTROL_LEGACY_BUFFER;
        memcpy(control->legacy.reply, text + 1, control->legacy.reply_size);
    }
    free(text);
}

static int32_t carry_out(struct vp_system *system, const struct vp_vendor_request *request)
{
    struct vp_control *control = &system->control;
    if (request->length > VP_CONTROL_LEGACY_BUFFER) {
        return VP_VENDOR_STALL;
    }
    control->legacy.type = request->index;
    control->legacy.reply_size = 0;
    control->legacy.failed = false;
    control->legacy.ready = true;
    switch (request->index) {
    case RESET:
        control_consequence(system, VP_CONTROL_RESET);
        return 0;
    case DFU_MODE:
        control_consequence(system, VP_CONTROL_DFU);
        return 0;
    case SAFE_MODE:
        control_consequence(system, VP_CONTROL_SAFE_MODE);
        return 0;
    case LISTENING_MODE:
        vp_system_listen(system, request->value != LEAVE_LISTENING);
        return 0;
    case MODULE_INFO:
        describe_modules(system);
        return 0;
    case LOG_CONFIG: /* no application asked for them: tinker has no handler */
    case CUSTOM:
        control->legacy.failed = true;
        return 0;
    default:
        control->legacy.ready = false;
        return VP_VENDOR_STALL;
    }
}

int32_t control_legacy_request(struct vp_system *system, const struct vp_vendor_request *request)
{
    if (request->request != REQUEST) {
        return VP_VENDOR_STALL;
    }
    if (!request->in) {
        return carry_out(system, request);
    }
    switch (request->index) {
    case DEVICE_ID:
        return send_device_id(system, request);
    case SYSTEM_VERSION:
        return send_version(system, request);
    case MODULE_INFO:
    case LOG_CONFIG:
    case CUSTOM:
        return fetch(system, request);
    default:
        return VP_VENDOR_STALL;
    }
}

/* What the asynchronous protocol kept of it. */
int32_t control_raw_request(struct vp_system *system, const struct vp_vendor_request *request)
{
    char text[SMALL] = {0};
    if (request->request != REQUEST) {
        return VP_VENDOR_STALL;
    }
    if (!request->in) {
        if (request->index != RESET || !control_generation(system)->raw_reset) {
            return VP_VENDOR_STALL;
        }
        vp_system_reset(system, VP_SYSTEM_PLAIN_RESET, 0);
        return 0;
    }
    if (request->index == DEVICE_ID) {
        print_id(system, text);
    } else if (request->index == SYSTEM_VERSION) {
        snprintf(text, sizeof text, "%s", vp_system_release_name(system));
    } else {
        return VP_VENDOR_STALL;
    }
    const uint32_t size = (uint32_t)strlen(text);
    return request->length > SMALL || request->length < size ? VP_VENDOR_STALL
                                                             : send(request, text, size);
}
