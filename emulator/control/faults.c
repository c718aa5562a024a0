/* Faults that are set, listed and cleared. */
#include <string.h>

#include "control/request.h"
#include "vparticle/fault.h"

bool control_add_fault(struct control_request *request)
{
    const char *kind = json_string_value(json_object_get(request->body, "kind"));
    struct vp_fault fault = {.kind = VP_FAULT_KINDS};
    struct vp_failure failure;
    if (!kind) {
        return control_refuse(request, "'kind' is missing, for example \"serial-drop\"");
    }
    if (!control_get_number(request, "at", &fault.at) ||
        !control_get_number(request, "every", &fault.every) ||
        !control_get_number(request, "ms", &fault.milliseconds) ||
        !control_get_number(request, "bytes", &fault.bytes) ||
        !control_get_text(request, fault.text, VP_FAULT_TEXT_LIMIT)) {
        return false;
    }
    if (vp_fault_kind_from_name(kind, &fault.kind, &failure) ||
        vp_device_add_fault(request->target->device, &fault, &failure)) {
        return control_refuse(request, "%s", failure.text);
    }
    return true;
}

bool control_list_faults(struct control_request *request)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < vp_device_fault_count(request->target->device); i++) {
        struct vp_fault fault;
        const uint32_t fired = vp_device_fault(request->target->device, i, &fault);
        json_t *described = control_fault(&fault);
        json_object_set_new(described, "fired", json_integer(fired));
        json_array_append_new(list, described);
    }
    json_object_set_new(request->answer, "faults", list);
    return true;
}

bool control_clear_faults(struct control_request *request)
{
    vp_device_clear_faults(request->target->device);
    return true;
}
