#include "usb/cdc.h"

#include <linux/usb/ch9.h>
#include <stdio.h>
#include <string.h>

#include "bytes.h"
#include "usb/descriptors.h"

/* CDC PSTN 1.2 section 6.3. */
enum { SET_LINE_CODING = 0x20, GET_LINE_CODING = 0x21, SET_CONTROL_LINE_STATE = 0x22 };

enum {
    MICROSOFT_REQUEST = 0xEE,
    COMPATIBLE_ID = 4,
    EXTENDED_PROPERTIES = 5,
    CONTROL_INTERFACE = 2,
    DATA_ENDPOINT = 1,
    STRING_CONTROL_INTERFACE = 9,
    STRING_SERIAL_PORT = 10,
    STRING_MICROSOFT = 0xEE,
    DTR = 0x01, /* CDC PSTN 1.2 table 18 */
};

/* bInterval is that of a board on the OTG_HS core (Photon). */
static const uint8_t plain_configuration[] = {
    9, 2,    67,   0,    2,    1,    0,    0xC0, 0x32, /* configuration */
    9, 4,    0,    0,    1,    0x02, 0x02, 0x01, 0,    /* communication interface */
    5, 0x24, 0x00, 0x10, 0x01,                         /* header, CDC 1.10 */
    5, 0x24, 0x01, 0x00, 0x01,                         /* call management */
    4, 0x24, 0x02, 0x02,                               /* abstract control management */
    5, 0x24, 0x06, 0x00, 0x01,                         /* union */
    7, 5,    0x82, 3,    8,    0,    0x10,             /* notifications */
    9, 4,    1,    0,    2,    0x0A, 0,    0,    0,    /* data interface */
    7, 5,    0x01, 2,    64,   0,    0,                /* out */
    7, 5,    0x81, 2,    64,   0,    0,                /* in */
};

static const uint8_t composite_configuration[] = {
    9,
    2,
    84,
    0,
    3,
    1,
    4,
    0x80,
    0x32, /* configuration */
    8,
    0x0B,
    0,
    2,
    0x02,
    0x02,
    0x01,
    STRING_SERIAL_PORT, /* interface association */
    9,
    4,
    0,
    0,
    1,
    0x02,
    0x02,
    0x01,
    STRING_SERIAL_PORT, /* communication interface */
    5,
    0x24,
    0x00,
    0x10,
    0x01, /* header, CDC 1.10 */
    5,
    0x24,
    0x01,
    0x00,
    0x01, /* call management */
    4,
    0x24,
    0x02,
    0x02, /* abstract control management */
    5,
    0x24,
    0x06,
    0x00,
    0x01, /* union */
    7,
    5,
    0x83,
    3,
    8,
    0,
    0x10, /* notifications */
    9,
    4,
    1,
    0,
    2,
    0x0A,
    0,
    0,
    STRING_SERIAL_PORT, /* data interface */
    7,
    5,
    0x01,
    2,
    64,
    0,
    0, /* out */
    7,
    5,
    0x81,
    2,
    64,
    0,
    0, /* in */
    9,
    4,
    CONTROL_INTERFACE,
    0,
    0,
    0xFF,
    0xFF,
    0xFF,
    STRING_CONTROL_INTERFACE,
};

static uint32_t device_descriptor(const struct vp_cdc *cdc, uint8_t *to)
{
    struct vp_usb_device_identity identity = {
        .vendor = cdc->system->machine.board->usb_vendor,
        .product = cdc->system->machine.board->usb_normal_product,
        .release = 0x0200,
        .device_class = 0x02,
    };
    if (cdc->system->generation->composite) {
        identity.release = 0x0250;
        identity.device_class = 0xEF;
        identity.device_subclass = 0x02;
        identity.device_protocol = 0x01;
    }
    return vp_usb_device_descriptor(to, &identity);
}

static uint32_t configuration_descriptor(const struct vp_cdc *cdc, uint8_t *to)
{
    if (cdc->system->generation->composite) {
        memcpy(to, composite_configuration, sizeof composite_configuration);
        return sizeof composite_configuration;
    }
    memcpy(to, plain_configuration, sizeof plain_configuration);
    return sizeof plain_configuration;
}

static uint32_t serial_string(const struct vp_cdc *cdc, uint8_t *to)
{
    if (cdc->system->generation->serial == VP_SYSTEM_SERIAL_CONSTANT) {
        return vp_usb_string_descriptor(to, "00000000050C");
    }
    return vp_usb_device_id_string(to, cdc->system->machine.device_id,
                                   cdc->system->generation->serial == VP_SYSTEM_SERIAL_UPPER);
}

static uint32_t named_string(const struct vp_cdc *cdc, uint8_t *to, const char *suffix)
{
    char text[64];
    snprintf(text, sizeof text, "%s%s", cdc->system->machine.board->product_string, suffix);
    return vp_usb_string_descriptor(to, text);
}

static struct vp_usb_reply string_descriptor(const struct vp_cdc *cdc, uint8_t index, uint8_t *to)
{
    const bool composite = cdc->system->generation->composite;
    uint32_t size = 0;
    switch (index) {
    case 0:
        size = vp_usb_language_descriptor(to);
        break;
    case 1:
        size = vp_usb_string_descriptor(to, "Particle");
        break;
    case 2:
        size = vp_usb_string_descriptor(to, composite
                                                ? cdc->system->machine.board->product_string
                                                : cdc->system->machine.board->old_product_string);
        break;
    case 3:
        size = serial_string(cdc, to);
        break;
    case 4:
        size = vp_usb_string_descriptor(to, composite ? "Composite" : "VCP Config");
        break;
    case 5:
        size = vp_usb_string_descriptor(to, composite ? "Composite" : "VCP Interface");
        break;
    case STRING_CONTROL_INTERFACE:
        size = composite ? named_string(cdc, to, " Control Interface") : 0;
        break;
    case STRING_SERIAL_PORT:
        size = composite ? named_string(cdc, to, " Serial") : 0;
        break;
    case STRING_MICROSOFT:
        size = composite ? vp_usb_microsoft_string(to) : 0;
        break;
    default:
        break;
    }
    return size ? (struct vp_usb_reply){VP_USB_DATA, size} : vp_usb_reply_of(VP_USB_STALL);
}

static struct vp_usb_reply descriptor(void *context, uint16_t value, uint8_t *to)
{
    const struct vp_cdc *cdc = context;
    switch (value >> 8) {
    case 1:
        return (struct vp_usb_reply){VP_USB_DATA, device_descriptor(cdc, to)};
    case 2:
        return (struct vp_usb_reply){VP_USB_DATA, configuration_descriptor(cdc, to)};
    default:
        return string_descriptor(cdc, (uint8_t)value, to);
    }
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
        return vp_usb_send(request, to, vp_usb_compatible_id(to, CONTROL_INTERFACE));
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
    (void)context;
    (void)configured;
}

static void bus_reset(void *context)
{
    const struct vp_cdc *cdc = context;
    vp_control_cancel_all(&cdc->system->control);
}

bool vp_cdc_has_endpoint(const struct vp_cdc *cdc, uint8_t endpoint, bool in)
{
    const uint8_t notifications = cdc->system->generation->composite ? 3 : 2;
    return endpoint == DATA_ENDPOINT || (in && endpoint == notifications);
}

void vp_cdc_start(struct vp_cdc *cdc, struct vp_system *system, struct vp_usb_function *function)
{
    const bool composite = system->generation->composite;
    *cdc = (struct vp_cdc){
        .system = system, .line_coding = {0x80, 0x25, 0, 0, 0, 0, 8}, /* 9600 8N1 */
    };
    *function = (struct vp_usb_function){
        .descriptor = descriptor,
        .interface_request = interface_request,
        .vendor_request = vendor_request,
        .configure = configure,
        .bus_reset = bus_reset,
        .interface_limit = composite ? CONTROL_INTERFACE : 1,
        .knows_vendor_requests = composite,
        .self_powered = !composite,
    };
}
