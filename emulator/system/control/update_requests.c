/* Firmware update by control requests, on top of the update door. */
#include "control.pb-c.h"
#include "system/control/control_private.h"
#include "system/update/update.h"

static void cancel(struct vp_system *system)
{
    if (system->control.update.receiving) {
        system->control.update.receiving = false;
        vp_update_cancel(system);
    }
}

/* The door's errors as the firmware's. */
static int result_of(int error)
{
    return error ? VP_SYSTEM_ERROR_UNKNOWN : VP_SYSTEM_ERROR_NONE;
}

int control_start_update(struct vp_system *system, struct vp_control_request *request)
{
    Ctrl__StartFirmwareUpdateRequest *body =
        control_payload(request, &ctrl__start_firmware_update_request__descriptor);
    if (!body) {
        return VP_SYSTEM_ERROR_BAD_DATA;
    }
    const uint32_t size = body->size;
    const bool plain = body->format == CTRL__FILE_FORMAT__BIN;
    protobuf_c_message_free_unpacked(&body->base, NULL);
    cancel(system);
    if (!plain) {
        return VP_SYSTEM_ERROR_NOT_SUPPORTED;
    }
    const int error = vp_update_begin(system, size);
    if (error) {
        return result_of(error);
    }
    system->control.update.receiving = true;
    system->control.update.size = size;
    system->control.update.received = 0;
    Ctrl__StartFirmwareUpdateReply reply = CTRL__START_FIRMWARE_UPDATE_REPLY__INIT;
    reply.chunk_size = control_generation(system)->update_chunk;
    return control_reply(request, &reply.base);
}

static int write_chunk(struct vp_system *system, const ProtobufCBinaryData *data)
{
    struct vp_control *control = &system->control;
    if (!control->update.receiving) {
        return VP_SYSTEM_ERROR_INVALID_STATE;
    }
    if (data->len == 0 || data->len > control->update.size - control->update.received) {
        return VP_SYSTEM_ERROR_OUT_OF_RANGE;
    }
    const int error =
        vp_update_write(system, control->update.received, data->data, (uint32_t)data->len);
    if (!error) {
        control->update.received += (uint32_t)data->len;
    }
    return result_of(error);
}

/* Whatever is wrong with a chunk ends the whole update. */
int control_update_data(struct vp_system *system, struct vp_control_request *request)
{
    Ctrl__FirmwareUpdateDataRequest *body =
        control_payload(request, &ctrl__firmware_update_data_request__descriptor);
    int result = VP_SYSTEM_ERROR_BAD_DATA;
    if (body) {
        result = write_chunk(system, &body->data);
        protobuf_c_message_free_unpacked(&body->base, NULL);
    }
    if (result != VP_SYSTEM_ERROR_NONE) {
        cancel(system);
    }
    return result;
}

int control_cancel_update(struct vp_system *system, struct vp_control_request *request)
{
    (void)request;
    cancel(system);
    return VP_SYSTEM_ERROR_NONE;
}

/* Check what was received and, unless that is all that is wanted, have it applied. */
static int finish(struct vp_system *system, struct vp_control_request *request, bool validate_only)
{
    struct vp_update_result result;
    if (validate_only || !control_generation(system)->applies_when_finished) {
        const int code =
            vp_update_validate(system, &result) ? VP_SYSTEM_ERROR_UNKNOWN : result.code;
        if (validate_only || code != VP_SYSTEM_ERROR_NONE) {
            cancel(system);
        } else {
            request->consequence = VP_CONTROL_APPLY_UPDATE;
        }
        return code;
    }
    system->control.update.receiving = false;
    const int code = vp_update_finish(system, &result) ? VP_SYSTEM_ERROR_UNKNOWN : result.code;
    if (code == VP_SYSTEM_ERROR_NONE) {
        request->consequence = VP_CONTROL_RESET;
    }
    return code;
}

int control_finish_update(struct vp_system *system, struct vp_control_request *request)
{
    Ctrl__FinishFirmwareUpdateRequest *body =
        control_payload(request, &ctrl__finish_firmware_update_request__descriptor);
    if (!body) {
        cancel(system);
        return VP_SYSTEM_ERROR_BAD_DATA;
    }
    const bool validate_only = body->validate_only;
    protobuf_c_message_free_unpacked(&body->base, NULL);
    if (!system->control.update.receiving ||
        system->control.update.received != system->control.update.size) {
        cancel(system);
        return VP_SYSTEM_ERROR_INVALID_STATE;
    }
    return finish(system, request, validate_only);
}
