/* Requests about the device itself: who it is, what it runs, which mode it is in. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control.pb-c.h"
#include "system/control/control_private.h"

int control_get_device_id(struct vp_system *system, struct vp_control_request *request)
{
    char id[2 * VP_DEVICE_ID_SIZE + 1];
    for (unsigned i = 0; i < VP_DEVICE_ID_SIZE; i++) {
        sprintf(id + 2 * (size_t)i, "%02x", system->machine.device_id[i]);
    }
    Ctrl__GetDeviceIdReply reply = CTRL__GET_DEVICE_ID_REPLY__INIT;
    reply.id = id;
    return control_reply(request, &reply.base);
}

/* It would be in the one-time programmable memory, which is blank on an emulated device. */
int control_get_serial_number(struct vp_system *system, struct vp_control_request *request)
{
    enum { NOT_PROGRAMMED = -1 }; /* hal_get_device_serial_number(), deviceid_hal.cpp @ v2.2.0 */
    (void)system;
    (void)request;
    return NOT_PROGRAMMED;
}

int control_get_system_version(struct vp_system *system, struct vp_control_request *request)
{
    char version[64];
    snprintf(version, sizeof version, "%s", vp_system_release_name(system));
    Ctrl__GetSystemVersionReply reply = CTRL__GET_SYSTEM_VERSION_REPLY__INIT;
    reply.version = version;
    return control_reply(request, &reply.base);
}

/* No Gen 2 board takes compressed images. */
int control_get_capabilities(struct vp_system *system, struct vp_control_request *request)
{
    (void)system;
    const Ctrl__GetSystemCapabilitiesReply reply = CTRL__GET_SYSTEM_CAPABILITIES_REPLY__INIT;
    return control_reply(request, &reply.base);
}

int control_start_listening(struct vp_system *system, struct vp_control_request *request)
{
    (void)request;
    vp_system_listen(system, true);
    return VP_SYSTEM_ERROR_NONE;
}

int control_stop_listening(struct vp_system *system, struct vp_control_request *request)
{
    (void)request;
    vp_system_listen(system, false);
    return VP_SYSTEM_ERROR_NONE;
}

int control_get_device_mode(struct vp_system *system, struct vp_control_request *request)
{
    Ctrl__GetDeviceModeReply reply = CTRL__GET_DEVICE_MODE_REPLY__INIT;
    reply.mode = system->state == VP_SYSTEM_LISTENING ? CTRL__DEVICE_MODE__LISTENING_MODE
                                                      : CTRL__DEVICE_MODE__NORMAL_MODE;
    return control_reply(request, &reply.base);
}

int control_set_startup_mode(struct vp_system *system, struct vp_control_request *request)
{
    Ctrl__SetStartupModeRequest *body =
        control_payload(request, &ctrl__set_startup_mode_request__descriptor);
    if (!body) {
        return VP_SYSTEM_ERROR_BAD_DATA;
    }
    const bool listen = body->mode == CTRL__DEVICE_MODE__LISTENING_MODE;
    protobuf_c_message_free_unpacked(&body->base, NULL);
    return vp_system_set_startup_listening(system, listen) ? VP_SYSTEM_ERROR_UNKNOWN
                                                           : VP_SYSTEM_ERROR_NONE;
}

/* Asking for a part of the diagnostics was never possible. */
int control_get_diagnostics(struct vp_system *system, struct vp_control_request *request)
{
    if (request->payload_size > 0) {
        return VP_SYSTEM_ERROR_NOT_SUPPORTED;
    }
    char *text = vp_system_diagnostics(system);
    if (!text) {
        return VP_SYSTEM_ERROR_NO_MEMORY;
    }
    const int result = control_reply_bytes(request, text, (uint32_t)strlen(text));
    free(text);
    return result;
}

int control_get_connection(struct vp_system *system, struct vp_control_request *request)
{
    Ctrl__GetConnectionStatusReply reply = CTRL__GET_CONNECTION_STATUS_REPLY__INIT;
    reply.status = system->state == VP_SYSTEM_LISTENING
                       ? CTRL__GET_CONNECTION_STATUS_REPLY__STATUS__DISCONNECTED
                       : CTRL__GET_CONNECTION_STATUS_REPLY__STATUS__CONNECTING;
    return control_reply(request, &reply.base);
}
