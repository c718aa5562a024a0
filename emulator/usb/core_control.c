#include "usb/core_control.h"

#include <linux/usb/ch9.h>

enum { CONFIGURATIONS = 1, ENDPOINTS = 1 };

static uint8_t low(uint16_t value)
{
    return (uint8_t)value;
}

static uint8_t high(uint16_t value)
{
    return (uint8_t)(value >> 8);
}

/* Type_Recipient: the direction is not looked at. */
static bool is_standard(const struct vp_usb_request *request, uint8_t recipient)
{
    return (request->type & (USB_TYPE_MASK | USB_RECIP_MASK)) == (USB_TYPE_STANDARD | recipient);
}

static struct vp_usb_reply unsupported(struct vp_usb_control *control,
                                       const struct vp_core_class *class,
                                       const struct vp_usb_request *request)
{
    return class->request(control->context, request);
}

/* ---- Without data --------------------------------------------------------------------- */

static bool set_configuration(struct vp_usb_control *control, const struct vp_usb_request *request)
{
    if (low(request->value) > CONFIGURATIONS || high(request->value) || request->index) {
        return false;
    }
    control->configuration = low(request->value);
    control->state = control->configuration ? VP_USB_CONFIGURED : VP_USB_ADDRESSED;
    return true;
}

static bool device_feature(struct vp_usb_control *control, const struct vp_usb_request *request)
{
    const bool set = request->request == USB_REQ_SET_FEATURE;
    if (low(request->value) != USB_DEVICE_REMOTE_WAKEUP || request->index ||
        (!set && !control->remote_wakeup)) {
        return false;
    }
    control->remote_wakeup = set;
    return true;
}

static bool set_interface(struct vp_usb_control *control, const struct vp_core_class *class,
                          const struct vp_usb_request *request)
{
    if (!control->configuration || high(request->index) || high(request->value) ||
        low(request->value) > class->alternate_limit ||
        low(request->index) > class->interface_limit) {
        return false;
    }
    *class->alternate(control->context) = low(request->value);
    return true;
}

static bool endpoint_feature(const struct vp_usb_control *control,
                             const struct vp_usb_request *request)
{
    return request->value == USB_ENDPOINT_HALT && !high(request->index) && control->configuration &&
           (low(request->index) & 0x7F) < ENDPOINTS;
}

static struct vp_usb_reply without_data(struct vp_usb_control *control,
                                        const struct vp_core_class *class,
                                        const struct vp_usb_request *request)
{
    const bool feature =
        request->request == USB_REQ_SET_FEATURE || request->request == USB_REQ_CLEAR_FEATURE;
    bool done = false;
    if (is_standard(request, USB_RECIP_DEVICE) && request->request == USB_REQ_SET_CONFIGURATION) {
        done = set_configuration(control, request);
    } else if (is_standard(request, USB_RECIP_DEVICE) && request->request == USB_REQ_SET_ADDRESS) {
        if (low(request->value) > 127 || high(request->value) || request->index ||
            control->configuration) {
            return vp_usb_reply_of(VP_USB_STALL);
        }
        control->state = VP_USB_ADDRESSED;
        done = true;
    } else if (is_standard(request, USB_RECIP_DEVICE) && feature) {
        done = device_feature(control, request);
    } else if (is_standard(request, USB_RECIP_INTERFACE) &&
               request->request == USB_REQ_SET_INTERFACE) {
        done = set_interface(control, class, request);
    } else if (is_standard(request, USB_RECIP_ENDPOINT) && feature) {
        done = endpoint_feature(control, request);
    }
    return done ? vp_usb_acknowledge() : unsupported(control, class, request);
}

/* ---- With data ------------------------------------------------------------------------ */

static struct vp_usb_reply get_descriptor(struct vp_usb_control *control,
                                          const struct vp_core_class *class,
                                          const struct vp_usb_request *request)
{
    uint8_t descriptor[256];
    const uint8_t type = high(request->value);
    if (!is_standard(request, USB_RECIP_DEVICE) ||
        (type != USB_DT_DEVICE && type != USB_DT_CONFIG && type != USB_DT_STRING)) {
        return unsupported(control, class, request);
    }
    const struct vp_usb_reply reply =
        control->function->descriptor(control->context, request->value, descriptor);
    return reply.answer == VP_USB_DATA ? vp_usb_send(request, descriptor, reply.size) : reply;
}

static struct vp_usb_reply get_status(struct vp_usb_control *control,
                                      const struct vp_core_class *class,
                                      const struct vp_usb_request *request)
{
    uint8_t status[2] = {0, 0};
    const bool plain = request->value == 0 && request->length == 2 && !high(request->index);
    if (plain && is_standard(request, USB_RECIP_DEVICE) && request->index == 0) {
        status[0] =
            (uint8_t)((control->function->self_powered ? 1 : 0) | (control->remote_wakeup ? 2 : 0));
        return vp_usb_send(request, status, sizeof status);
    }
    if (plain &&
        ((is_standard(request, USB_RECIP_INTERFACE) && control->configuration &&
          low(request->index) <= class->interface_limit) ||
         (is_standard(request, USB_RECIP_ENDPOINT) && (low(request->index) & 0x7F) < ENDPOINTS))) {
        return vp_usb_send(request, status, sizeof status); /* a SETUP ends every stall */
    }
    return unsupported(control, class, request);
}

static struct vp_usb_reply with_data(struct vp_usb_control *control,
                                     const struct vp_core_class *class,
                                     const struct vp_usb_request *request)
{
    switch (request->request) {
    case USB_REQ_GET_DESCRIPTOR:
        return get_descriptor(control, class, request);
    case USB_REQ_GET_STATUS:
        return get_status(control, class, request);
    case USB_REQ_GET_CONFIGURATION:
        if (is_standard(request, USB_RECIP_DEVICE)) {
            return vp_usb_send(request, &control->configuration, 1);
        }
        break;
    case USB_REQ_GET_INTERFACE:
        if (is_standard(request, USB_RECIP_INTERFACE) && control->configuration &&
            request->value == 0 && !high(request->index) && request->length == 1 &&
            low(request->index) <= class->interface_limit) {
            return vp_usb_send(request, class->alternate(control->context), 1);
        }
        break;
    default:
        break;
    }
    return unsupported(control, class, request);
}

struct vp_usb_reply vp_core_control_request(struct vp_usb_control *control,
                                            const struct vp_core_class *class,
                                            const struct vp_usb_request *request)
{
    return request->length == 0 ? without_data(control, class, request)
                                : with_data(control, class, request);
}
