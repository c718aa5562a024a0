/* Requests about settings in the DCT: claim code, keys, protocol. */
#include <string.h>

#include "control.pb-c.h"
#include "dct/dct.h"
#include "system/control/control_private.h"

enum {
    TRANSPORT = 2977, /* in the DCT: platform/MCU/STM32F2xx/.../inc/dct.h @ v0.7.0 */
    TRANSPORT_UDP = 0xFF,
    TRANSPORT_TCP = 0x00,
    CLAIM_CODE_LIMIT = 64, /* what the message may hold */
};

static int write_dct(struct vp_system *system, uint32_t offset, const void *data, size_t size)
{
    return vp_dct_write(system->machine.flash, system->machine.board, offset, data, size)
               ? VP_SYSTEM_ERROR_UNKNOWN
               : VP_SYSTEM_ERROR_NONE;
}

/* ---- Claiming ------------------------------------------------------------------------ */

/* HAL_Set_Claim_Code(): a code is only kept; an empty one makes the device claimed. */
int control_set_claim_code(struct vp_system *system, struct vp_control_request *request)
{
    Ctrl__SetClaimCodeRequest *body =
        control_payload(request, &ctrl__set_claim_code_request__descriptor);
    if (!body) {
        return VP_SYSTEM_ERROR_BAD_DATA;
    }
    const size_t length = strlen(body->code);
    int result = length > CLAIM_CODE_LIMIT ? VP_SYSTEM_ERROR_BAD_DATA : VP_SYSTEM_ERROR_NONE;
    if (result == VP_SYSTEM_ERROR_NONE) {
        result = vp_system_set_claim_code(system, body->code) ? VP_SYSTEM_ERROR_UNKNOWN
                                                              : VP_SYSTEM_ERROR_NONE;
    }
    protobuf_c_message_free_unpacked(&body->base, NULL);
    return result;
}

int control_is_claimed(struct vp_system *system, struct vp_control_request *request)
{
    Ctrl__IsClaimedReply reply = CTRL__IS_CLAIMED_REPLY__INIT;
    reply.claimed = vp_system_is_claimed(system);
    return control_reply(request, &reply.base);
}

/* ---- Keys ------------------------------------------------------------------------------ */

/* dctAddressForKeyType(), ota_flash_hal_stm32f2xx.cpp @ v2.2.0: Wi-Fi boards talk TCP, the Electron
 * UDP and, in modular firmware, TCP as well. */
static const struct key {
    Ctrl__SecurityKeyType type;
    bool cellular; /* only where there is UDP */
    uint16_t offset, size;
} keys[] = {
    {CTRL__SECURITY_KEY_TYPE__TCP_DEVICE_PRIVATE_KEY, false, 34, 1216},
    {CTRL__SECURITY_KEY_TYPE__TCP_DEVICE_PUBLIC_KEY, false, 1250, 384},
    {CTRL__SECURITY_KEY_TYPE__TCP_SERVER_PUBLIC_KEY, false, 2082, 768},
    {CTRL__SECURITY_KEY_TYPE__UDP_DEVICE_PRIVATE_KEY, true, 3106, 192},
    {CTRL__SECURITY_KEY_TYPE__UDP_DEVICE_PUBLIC_KEY, true, 2978, 128},
    {CTRL__SECURITY_KEY_TYPE__UDP_SERVER_PUBLIC_KEY, true, 3298, 192},
};

enum { LARGEST_KEY = 1216 };

static const struct key *find_key(const struct vp_system *system, Ctrl__SecurityKeyType type)
{
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (keys[i].type == type && (system->build->cellular || !keys[i].cellular)) {
            return &keys[i];
        }
    }
    return NULL;
}

static int store_key(struct vp_system *system, const Ctrl__SetSecurityKeyRequest *body)
{
    const struct key *key = find_key(system, body->type);
    uint8_t bytes[LARGEST_KEY];
    if (!key) {
        return VP_SYSTEM_ERROR_NOT_SUPPORTED;
    }
    if (body->data.len > key->size) {
        return VP_SYSTEM_ERROR_TOO_LARGE;
    }
    memset(bytes, 0xFF, sizeof bytes);
    if (body->data.len > 0) {
        memcpy(bytes, body->data.data, body->data.len);
    }
    return write_dct(system, key->offset, bytes, key->size);
}

int control_set_key(struct vp_system *system, struct vp_control_request *request)
{
    Ctrl__SetSecurityKeyRequest *body =
        control_payload(request, &ctrl__set_security_key_request__descriptor);
    if (!body) {
        return VP_SYSTEM_ERROR_BAD_DATA;
    }
    const int result = store_key(system, body);
    protobuf_c_message_free_unpacked(&body->base, NULL);
    return result;
}

int control_get_key(struct vp_system *system, struct vp_control_request *request)
{
    Ctrl__GetSecurityKeyRequest *body =
        control_payload(request, &ctrl__get_security_key_request__descriptor);
    if (!body) {
        return VP_SYSTEM_ERROR_BAD_DATA;
    }
    const struct key *key = find_key(system, body->type);
    protobuf_c_message_free_unpacked(&body->base, NULL);
    uint8_t bytes[LARGEST_KEY];
    if (!key) {
        return VP_SYSTEM_ERROR_NOT_SUPPORTED;
    }
    if (vp_dct_read(system->machine.flash, system->machine.board, key->offset, bytes, key->size)) {
        return VP_SYSTEM_ERROR_UNKNOWN;
    }
    Ctrl__GetSecurityKeyReply reply = CTRL__GET_SECURITY_KEY_REPLY__INIT;
    reply.data = (ProtobufCBinaryData){.len = key->size, .data = bytes};
    return control_reply(request, &reply.base);
}

/* ---- Protocol ---------------------------------------------------------------------------- */

int control_set_protocol(struct vp_system *system, struct vp_control_request *request)
{
    Ctrl__SetServerProtocolRequest *body =
        control_payload(request, &ctrl__set_server_protocol_request__descriptor);
    if (!body) {
        return VP_SYSTEM_ERROR_BAD_DATA;
    }
    const Ctrl__ServerProtocolType protocol = body->protocol;
    protobuf_c_message_free_unpacked(&body->base, NULL);
    const bool udp = protocol == CTRL__SERVER_PROTOCOL_TYPE__UDP_PROTOCOL;
    if (!udp && protocol != CTRL__SERVER_PROTOCOL_TYPE__TCP_PROTOCOL) {
        return VP_SYSTEM_ERROR_NOT_SUPPORTED;
    }
    const uint8_t transport = udp ? TRANSPORT_UDP : TRANSPORT_TCP;
    return write_dct(system, TRANSPORT, &transport, sizeof transport);
}

int control_get_protocol(struct vp_system *system, struct vp_control_request *request)
{
    uint8_t transport = TRANSPORT_TCP;
    if (vp_dct_read(system->machine.flash, system->machine.board, TRANSPORT, &transport, 1)) {
        return VP_SYSTEM_ERROR_UNKNOWN;
    }
    const bool udp = system->build->cellular && transport == TRANSPORT_UDP;
    Ctrl__GetServerProtocolReply reply = CTRL__GET_SERVER_PROTOCOL_REPLY__INIT;
    reply.protocol =
        udp ? CTRL__SERVER_PROTOCOL_TYPE__UDP_PROTOCOL : CTRL__SERVER_PROTOCOL_TYPE__TCP_PROTOCOL;
    return control_reply(request, &reply.base);
}
