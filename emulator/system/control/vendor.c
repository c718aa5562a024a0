/* Vendor requests by generation, and what both protocols share. */
#include <stdlib.h>
#include <string.h>

#include "system/control/control_private.h"

/* usbd_composite.c has no vendor requests before 0.6.0. */
static int32_t stall(struct vp_system *system, const struct vp_vendor_request *request)
{
    (void)system;
    (void)request;
    return VP_VENDOR_STALL;
}

/* Of the asynchronous protocol, requests 1 to 15 are its own; 0x50 is what is left of the old one.
 */
static int32_t channel_or_raw(struct vp_system *system, const struct vp_vendor_request *request)
{
    return request->request >= 0x01 && request->request <= 0x0F
               ? control_channel_request(system, request)
               : control_raw_request(system, request);
}

/*
 * Sources: system_control.cpp @ v0.6.0-rc.1 to v0.8.0-rc.1; usb_control_request_channel.cpp and
 * control/storage.cpp @ v0.8.0-rc.2, v1.0.1, v1.1.0, v1.4.4, v1.5.0-rc.1, v2.0.0-rc.1, v2.2.0.
 */
static const struct control_generation generations[] = {
    {.first = 0, .vendor_request = stall},
    {.first = 100, .vendor_request = control_legacy_request},
    {.first = 301, .vendor_request = channel_or_raw, .update_chunk = 4096},
    {.first = 1100,
     .vendor_request = channel_or_raw,
     .grace = 1000,
     .update_chunk = 1024,
     .applies_when_finished = true},
    {.first = 1500,
     .vendor_request = channel_or_raw,
     .in_pieces = true,
     .grace = 1000,
     .update_chunk = 1024,
     .applies_when_finished = true},
    {.first = 2004,
     .vendor_request = channel_or_raw,
     .raw_reset = true,
     .in_pieces = true,
     .grace = 1000,
     .update_chunk = 1024,
     .applies_when_finished = true},
};

const struct control_generation *control_generation(const struct vp_system *system)
{
    const struct control_generation *found = &generations[0];
    for (size_t i = 1; i < sizeof generations / sizeof *generations; i++) {
        if (generations[i].first <= system->version) {
            found = &generations[i];
        }
    }
    return found;
}

int32_t vp_control_vendor_request(struct vp_system *system, const struct vp_vendor_request *request)
{
    return control_generation(system)->vendor_request(system, request);
}

/* ---- Bodies ------------------------------------------------------------------------------ */

int control_reply_bytes(struct vp_control_request *request, const void *data, uint32_t size)
{
    free(request->reply);
    request->reply = NULL;
    request->reply_size = 0;
    if (size == 0) {
        return VP_SYSTEM_ERROR_NONE;
    }
    request->reply = malloc(size);
    if (!request->reply) {
        return VP_SYSTEM_ERROR_NO_MEMORY;
    }
    memcpy(request->reply, data, size);
    request->reply_size = size;
    return VP_SYSTEM_ERROR_NONE;
}

int control_reply(struct vp_control_request *request, const ProtobufCMessage *message)
{
    const size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *packed = malloc(size + 1); /* an empty message has no bytes at all */
    if (!packed) {
        return VP_SYSTEM_ERROR_NO_MEMORY;
    }
    protobuf_c_message_pack(message, packed);
    const int result = control_reply_bytes(request, packed, (uint32_t)size);
    free(packed);
    return result;
}

void *control_payload(const struct vp_control_request *request,
                      const ProtobufCMessageDescriptor *type)
{
    static const uint8_t nothing;
    return protobuf_c_message_unpack(type, NULL, request->payload_size,
                                     request->payload_size > 0 ? request->payload : &nothing);
}
