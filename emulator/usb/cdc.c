#include "usb/cdc.h"

#include <linux/usb/ch9.h>
#include <string.h>

#include "bytes.h"
#include "usb/descriptors.h"

/* CDC PSTN 1.2 section 6.3. */
enum { SET_LINE_CODING = 0x20, GET_LINE_CODING = 0x21, SET_CONTROL_LINE_STATE = 0x22 };

enum {
    MICROSOFT_REQUEST = 0xEE,
    COMPATIBLE_ID = 4,
    EXTENDED_PROPERTIES = 5,
    DTR = 0x01, /* CDC PSTN 1.2 table 18 */
};

static struct vp_usb_reply descriptor(void *context, uint16_t value, uint8_t *to)
{
    const struct vp_cdc *cdc = context;
    return vp_cdc_descriptor(cdc->system, cdc->shape, value, to);
}

static struct vp_usb_reply class_request(struct vp_cdc *cdc, const struct vp_usb_request *request)
{
    switch (request->request) {
    case SET_LINE_CODING:
        if (request->capacity != sizeof cdc->line_coding) {
            return vp_usb_reply_of(VP_USB_STALL);
        }
        memcpy(cdc->line_coding, request->data, sizeof cdc->line_coding);
        vp_system_set_baud(cdc->system, vp_get_le32(cdc->line_coding));
        return vp_usb_acknowledge();
    case GET_LINE_CODING:
        return vp_usb_send(request, cdc->line_coding, sizeof cdc->line_coding);
    case SET_CONTROL_LINE_STATE:
        vp_system_set_dtr(cdc->system, request->value & DTR);
        return vp_usb_acknowledge();
    default:
        return vp_usb_reply_of(VP_USB_STALL);
    }
}

static struct vp_usb_reply microsoft_request(const struct vp_usb_request *request)
{
    uint8_t to[256];
    if (request->request == MICROSOFT_REQUEST && request->index == COMPATIBLE_ID) {
        return vp_usb_send(request, to, vp_usb_compatible_id(to, VP_CDC_CONTROL_INTERFACE));
    }
    if (request->request == MICROSOFT_REQUEST && request->index == EXTENDED_PROPERTIES) {
        return vp_usb_send(
            request, to, vp_usb_extended_properties(to, "{20b6cfa4-6dc7-468a-a8db-faa7c23ddea5}"));
    }
    return vp_usb_reply_of(VP_USB_STALL);
}

static struct vp_usb_reply interface_request(void *context, const struct vp_usb_request *request)
{
    struct vp_cdc *cdc = context;
    static const uint8_t first_alternate = 0;
    switch (request->type & USB_TYPE_MASK) {
    case USB_TYPE_CLASS:
        return class_request(cdc, request);
    case USB_TYPE_STANDARD:
        if (request->request == USB_REQ_GET_INTERFACE) {
            return vp_usb_send(request, &first_alternate, 1);
        }
        return request->request == USB_REQ_SET_INTERFACE && request->value == 0
                   ? vp_usb_acknowledge()
                   : vp_usb_reply_of(VP_USB_STALL);
    default:
        return microsoft_request(request);
    }
}

/* Microsoft's compatible id is for the composite driver, everything else for the system. */
static struct vp_usb_reply vendor_request(void *context, const struct vp_usb_request *request)
{
    const struct vp_cdc *cdc = context;
    if (request->request == MICROSOFT_REQUEST && request->index == COMPATIBLE_ID) {
        return microsoft_request(request);
    }
    const struct vp_vendor_request asked = {
        .in = (request->type & USB_DIR_IN) != 0,
        .request = request->request,
        .value = request->value,
        .index = request->index,
        .length = request->length,
        .data = request->data,
        .capacity = request->capacity,
    };
    const int32_t size = vp_control_vendor_request(cdc->system, &asked);
    return size < 0 ? vp_usb_reply_of(VP_USB_STALL)
                    : (struct vp_usb_reply){VP_USB_DATA, (uint32_t)size};
}

static void configure(void *context, bool configured)
{
    const struct vp_cdc *cdc = context;
    (void)configured;
    vp_system_configure_port(cdc->system);
}

static void bus_reset(void *context)
{
    const struct vp_cdc *cdc = context;
    vp_control_cancel_all(&cdc->system->control);
}

bool vp_cdc_has_endpoint(const struct vp_cdc *cdc, uint8_t endpoint, bool in)
{
    const struct vp_cdc_shape *shape = cdc->shape;
    return in ? endpoint == shape->data_in || endpoint == shape->notifications
              : endpoint == shape->data_out;
}

bool vp_cdc_is_data(const struct vp_cdc *cdc, uint8_t endpoint, bool in)
{
    return endpoint == (in ? cdc->shape->data_in : cdc->shape->data_out);
}

void vp_cdc_start(struct vp_cdc *cdc, struct vp_system *system, struct vp_usb_function *function)
{
    const struct vp_cdc_shape *shape = vp_cdc_shape(system);
    *cdc = (struct vp_cdc){.system = system, .shape = shape};
    memcpy(cdc->line_coding, shape->line_coding, sizeof cdc->line_coding);
    *function = (struct vp_usb_function){
        .descriptor = descriptor,
        .interface_request = interface_request,
        .vendor_request = vendor_request,
        .configure = configure,
        .bus_reset = bus_reset,
        .interface_limit = shape->interface_limit,
        .knows_vendor_requests = shape->control_interface,
        .self_powered = shape->self_powered,
    };
}
