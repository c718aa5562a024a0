#include "usb/control.h"

#include <linux/usb/ch9.h>
#include <string.h>

enum { FIRST_DEVICE_DESCRIPTOR = 8, CONFIGURATIONS = 1 };

struct vp_usb_reply vp_usb_reply_of(enum vp_usb_answer answer)
{
    return (struct vp_usb_reply){.answer = answer};
}

struct vp_usb_reply vp_usb_acknowledge(void)
{
    return vp_usb_reply_of(VP_USB_DATA);
}

struct vp_usb_reply vp_usb_send(const struct vp_usb_request *request, const void *data,
                                uint32_t size)
{
    const uint32_t sent = size < request->capacity ? size : request->capacity;
    if (sent > 0) {
        memcpy(request->data, data, sent);
    }
    return (struct vp_usb_reply){.answer = VP_USB_DATA, .size = sent};
}

void vp_usb_control_start(struct vp_usb_control *control, const struct vp_usb_function *function,
                          void *context)
{
    *control = (struct vp_usb_control){.function = function, .context = context};
}

void vp_usb_control_bus_reset(struct vp_usb_control *control)
{
    control->state = VP_USB_ADDRESSED;
    control->configuration = 0;
    control->remote_wakeup = false;
    if (control->function->bus_reset) {
        control->function->bus_reset(control->context);
    }
}

static struct vp_usb_reply get_descriptor(struct vp_usb_control *control,
                                          const struct vp_usb_request *request)
{
    uint8_t descriptor[256];
    const uint8_t type = (uint8_t)(request->value >> 8);
    if (type != USB_DT_DEVICE && type != USB_DT_CONFIG && type != USB_DT_STRING) {
        return vp_usb_reply_of(VP_USB_STALL);
    }
    struct vp_usb_reply reply =
        control->function->descriptor(control->context, request->value, descriptor);
    if (reply.answer != VP_USB_DATA) {
        return reply;
    }
    if (type == USB_DT_DEVICE && (request->length == 64 || control->state == VP_USB_DEFAULT)) {
        reply.size = FIRST_DEVICE_DESCRIPTOR;
    }
    if (reply.size == 0 || request->length == 0) {
        return vp_usb_reply_of(VP_USB_SILENT);
    }
    return vp_usb_send(request, descriptor, reply.size);
}

static struct vp_usb_reply set_address(struct vp_usb_control *control,
                                       const struct vp_usb_request *request)
{
    if (request->index != 0 || request->length != 0 || control->state == VP_USB_CONFIGURED) {
        return vp_usb_reply_of(VP_USB_STALL);
    }
    control->state = (request->value & 0x7F) != 0 ? VP_USB_ADDRESSED : VP_USB_DEFAULT;
    return vp_usb_acknowledge();
}

static struct vp_usb_reply set_configuration(struct vp_usb_control *control,
                                             const struct vp_usb_request *request)
{
    const uint8_t wanted = (uint8_t)request->value;
    if (wanted > CONFIGURATIONS || control->state == VP_USB_DEFAULT) {
        return vp_usb_reply_of(VP_USB_STALL);
    }
    if (wanted != control->configuration) {
        control->configuration = wanted;
        control->state = wanted ? VP_USB_CONFIGURED : VP_USB_ADDRESSED;
        control->function->configure(control->context, wanted != 0);
    }
    return vp_usb_acknowledge();
}

static struct vp_usb_reply get_configuration(struct vp_usb_control *control,
                                             const struct vp_usb_request *request)
{
    if (request->length != 1 || control->state == VP_USB_DEFAULT) {
        return vp_usb_reply_of(VP_USB_STALL);
    }
    return vp_usb_send(request, &control->configuration, 1);
}

static struct vp_usb_reply get_device_status(struct vp_usb_control *control,
                                             const struct vp_usb_request *request)
{
    if (control->state == VP_USB_DEFAULT) {
        return vp_usb_reply_of(VP_USB_STALL);
    }
    const uint8_t status[2] = {
        (uint8_t)((control->function->self_powered ? 1 : 0) | (control->remote_wakeup ? 2 : 0)), 0};
    return vp_usb_send(request, status, sizeof status);
}

static struct vp_usb_reply device_feature(struct vp_usb_control *control,
                                          const struct vp_usb_request *request, bool set)
{
    if (!set && control->state == VP_USB_DEFAULT) {
        return vp_usb_reply_of(VP_USB_STALL);
    }
    if (request->value == USB_DEVICE_REMOTE_WAKEUP) {
        control->remote_wakeup = set;
        return vp_usb_acknowledge();
    }
    if (set && request->value == USB_DEVICE_TEST_MODE && (request->index & 0xFF) == 0) {
        return vp_usb_acknowledge();
    }
    return vp_usb_reply_of(VP_USB_SILENT);
}

static struct vp_usb_reply device_request(struct vp_usb_control *control,
                                          const struct vp_usb_request *request)
{
    if (control->function->knows_vendor_requests &&
        (request->type & USB_TYPE_MASK) == USB_TYPE_VENDOR) {
        return control->function->vendor_request(control->context, request);
    }
    switch (request->request) {
    case USB_REQ_GET_DESCRIPTOR:
        return get_descriptor(control, request);
    case USB_REQ_SET_ADDRESS:
        return set_address(control, request);
    case USB_REQ_SET_CONFIGURATION:
        return set_configuration(control, request);
    case USB_REQ_GET_CONFIGURATION:
        return get_configuration(control, request);
    case USB_REQ_GET_STATUS:
        return get_device_status(control, request);
    case USB_REQ_SET_FEATURE:
        return device_feature(control, request, true);
    case USB_REQ_CLEAR_FEATURE:
        return device_feature(control, request, false);
    default:
        return vp_usb_reply_of(VP_USB_STALL);
    }
}

static struct vp_usb_reply endpoint_request(struct vp_usb_control *control,
                                            const struct vp_usb_request *request)
{
    const bool known = request->request == USB_REQ_GET_STATUS ||
                       request->request == USB_REQ_SET_FEATURE ||
                       request->request == USB_REQ_CLEAR_FEATURE;
    if (!known || control->state == VP_USB_ADDRESSED) {
        return vp_usb_reply_of(VP_USB_SILENT);
    }
    if (control->state != VP_USB_CONFIGURED) {
        return vp_usb_reply_of(VP_USB_STALL);
    }
    if (request->request == USB_REQ_GET_STATUS) {
        const bool control_endpoint = (request->index & 0x7F) == 0;
        const uint8_t status[2] = {control_endpoint && control->stalled_once, 0};
        return vp_usb_send(request, status, sizeof status);
    }
    if (request->request == USB_REQ_CLEAR_FEATURE && request->value != USB_ENDPOINT_HALT) {
        return vp_usb_reply_of(VP_USB_SILENT);
    }
    return vp_usb_acknowledge();
}

static struct vp_usb_reply interface_request(struct vp_usb_control *control,
                                             const struct vp_usb_request *request)
{
    if (control->state != VP_USB_CONFIGURED ||
        (request->index & 0xFF) > control->function->interface_limit) {
        return vp_usb_reply_of(VP_USB_STALL);
    }
    return control->function->interface_request(control->context, request);
}

struct vp_usb_reply vp_usb_control_request(struct vp_usb_control *control,
                                           const struct vp_usb_request *request)
{
    struct vp_usb_reply reply;
    if (control->function->request) {
        return control->function->request(control, request);
    }
    switch (request->type & USB_RECIP_MASK) {
    case USB_RECIP_DEVICE:
        reply = device_request(control, request);
        break;
    case USB_RECIP_INTERFACE:
        reply = interface_request(control, request);
        break;
    case USB_RECIP_ENDPOINT:
        reply = endpoint_request(control, request);
        break;
    default:
        reply = vp_usb_reply_of(VP_USB_STALL);
        break;
    }
    if (reply.answer == VP_USB_STALL) {
        control->stalled_once = true;
    }
    return reply;
}
