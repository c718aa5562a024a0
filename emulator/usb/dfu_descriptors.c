#include "usb/dfu.h"

#include <string.h>

#include "usb/descriptors.h"

/* String indexes, usbd_def.h; the memory layouts follow. */
enum {
    STRING_LANGUAGES = 0,
    STRING_MANUFACTURER = 1,
    STRING_PRODUCT = 2,
    STRING_SERIAL = 3,
    STRING_CONFIGURATION = 4,
    STRING_INTERFACE = 5,
    STRING_FIRST_LAYOUT = 6,
    STRING_STRAY = 8,        /* a third layout, where there are but two */
    STRING_LAST_LAYOUT = 15, /* USBD_IDX_INTERFACE_STR + USBD_ITF_MAX_NUM since 0.6.0 */
    STRING_MICROSOFT = 0xEE,
};

enum { MICROSOFT_REQUEST = 0xEE, COMPATIBLE_ID = 4, EXTENDED_PROPERTIES = 5 };

/* Can download, upload and detach; 255 ms; 4096 bytes a transfer; DFU 1.1a. */
const uint8_t vp_dfu_functional_descriptor[9] = {
    9, 0x21, 0x0B, 0xFF, 0x00, VP_DFU_TRANSFER_SIZE & 0xFF, VP_DFU_TRANSFER_SIZE >> 8, 0x1A, 0x01,
};

static uint32_t device_descriptor(const struct vp_dfu *dfu, uint8_t *to)
{
    const struct vp_board *board = dfu->boot->board;
    return vp_usb_device_descriptor(to,
                                    &(struct vp_usb_device_identity){
                                        .vendor = board->usb_vendor,
                                        .product = board->usb_dfu_product,
                                        .release = dfu->boot->generation->identity->device_release,
                                    });
}

unsigned vp_dfu_alternates(const struct vp_dfu *dfu)
{
    const struct vp_board *board = dfu->boot->board;
    return board->dfu_layout_count - (dfu->boot->version < board->dfu_last_layout_since ? 1 : 0);
}

static uint32_t configuration_descriptor(const struct vp_dfu *dfu, uint8_t *to)
{
    const unsigned alternates = vp_dfu_alternates(dfu);
    const uint8_t total = (uint8_t)(9 + 9 * alternates + sizeof vp_dfu_functional_descriptor);
    const uint8_t head[] = {9, 2, total, 0, 1, 1, STRING_PRODUCT, 0xC0, 0x32};
    memcpy(to, head, sizeof head);
    for (unsigned i = 0; i < alternates; i++) {
        const uint8_t interface[] = {
            9, 4, 0, (uint8_t)i, 0, 0xFE, 0x01, 0x02, (uint8_t)(STRING_FIRST_LAYOUT + i)};
        memcpy(to + 9 + 9 * i, interface, sizeof interface);
    }
    memcpy(to + 9 + 9 * alternates, vp_dfu_functional_descriptor,
           sizeof vp_dfu_functional_descriptor);
    return total;
}

static uint32_t serial_string(const struct vp_dfu *dfu, uint8_t *to)
{
    if (dfu->boot->generation->identity->serial == VP_DFU_SERIAL_CONSTANT) {
        return vp_usb_string_descriptor(to, "00000000010C");
    }
    return vp_usb_device_id_string(to, dfu->device_id,
                                   dfu->boot->generation->identity->serial == VP_DFU_SERIAL_UPPER);
}

/* An index behind the table of layouts: the firmware reads on. */
static struct vp_usb_reply stray_string(const struct vp_dfu *dfu, uint8_t *to)
{
    static const uint8_t four[] = {4, 3, 'K', 0};
    switch (dfu->boot->generation->stray_string) {
    case VP_DFU_STRAY_NONE:
        return vp_usb_reply_of(VP_USB_SILENT);
    case VP_DFU_STRAY_FAULT:
        return vp_usb_reply_of(VP_USB_FAULT);
    case VP_DFU_STRAY_TWO:
        return (struct vp_usb_reply){VP_USB_DATA, vp_usb_string_descriptor(to, "")};
    case VP_DFU_STRAY_FOUR:
        memcpy(to, four, sizeof four);
        return (struct vp_usb_reply){VP_USB_DATA, sizeof four};
    case VP_DFU_STRAY_LONG:
        break;
    }
    to[0] = 255;
    to[1] = 3;
    vp_flash_read(dfu->boot->flash, dfu->boot->board->bootloader.start, to + 2, 253);
    return (struct vp_usb_reply){VP_USB_DATA, 255};
}

/* GetUsrStrDescriptor: the layouts and what lies behind them. */
static struct vp_usb_reply user_string(const struct vp_dfu *dfu, uint8_t index, uint8_t *to)
{
    const struct vp_board *board = dfu->boot->board;
    const unsigned layout = (unsigned)index - STRING_FIRST_LAYOUT;
    if (layout < vp_dfu_alternates(dfu)) {
        return (struct vp_usb_reply){VP_USB_DATA,
                                     vp_usb_string_descriptor(to, board->dfu_layouts[layout])};
    }
    if (!dfu->boot->generation->identity->microsoft_os || index == STRING_STRAY) {
        return stray_string(dfu, to);
    }
    /* Measured: 9 and up fault. Above the limit nothing was measured; tools rely on a stall. */
    return vp_usb_reply_of(index <= STRING_LAST_LAYOUT ? VP_USB_FAULT : VP_USB_STALL);
}

static struct vp_usb_reply string_descriptor(const struct vp_dfu *dfu, uint8_t index, uint8_t *to)
{
    const struct vp_dfu_identity *identity = dfu->boot->generation->identity;
    uint32_t size;
    switch (index) {
    case STRING_LANGUAGES:
        size = vp_usb_language_descriptor(to);
        break;
    case STRING_MANUFACTURER:
        size = vp_usb_string_descriptor(to, identity->manufacturer);
        break;
    case STRING_PRODUCT:
        size = vp_usb_string_descriptor(to, identity->product_of_board
                                                ? dfu->boot->board->dfu_product_string
                                                : "Photon DFU Mode");
        break;
    case STRING_SERIAL:
        size = serial_string(dfu, to);
        break;
    case STRING_CONFIGURATION:
        size = vp_usb_string_descriptor(to, identity->configuration_string);
        break;
    case STRING_INTERFACE:
        size = vp_usb_string_descriptor(to, identity->interface_string);
        break;
    default:
        if (index != STRING_MICROSOFT || !identity->microsoft_os) {
            return user_string(dfu, index, to);
        }
        size = vp_usb_microsoft_string(to);
        break;
    }
    return (struct vp_usb_reply){VP_USB_DATA, size};
}

struct vp_usb_reply vp_dfu_descriptor(void *context, uint16_t value, uint8_t *descriptor)
{
    const struct vp_dfu *dfu = context;
    switch (value >> 8) {
    case 1:
        return (struct vp_usb_reply){VP_USB_DATA, device_descriptor(dfu, descriptor)};
    case 2:
        return (struct vp_usb_reply){VP_USB_DATA, configuration_descriptor(dfu, descriptor)};
    default:
        return string_descriptor(dfu, (uint8_t)value, descriptor);
    }
}

/* Microsoft OS 1.0 descriptors: "Extended Compat ID" and "Extended Properties". */
struct vp_usb_reply vp_dfu_microsoft_request(const struct vp_usb_request *request)
{
    uint8_t descriptor[256];
    if (request->request != MICROSOFT_REQUEST) {
        return vp_usb_reply_of(VP_USB_STALL);
    }
    if (request->type == 0xC0 && request->index == COMPATIBLE_ID && request->value == 0) {
        return vp_usb_send(request, descriptor, vp_usb_compatible_id(descriptor, 0));
    }
    if (request->type == 0xC1 && request->index == EXTENDED_PROPERTIES) {
        static const uint8_t dummy[10];
        return (request->value & 0xFF) != 0
                   ? vp_usb_send(request, dummy, sizeof dummy)
                   : vp_usb_send(request, descriptor,
                                 vp_usb_extended_properties(
                                     descriptor, "{37fb5f90-1a34-4929-933b-8a27e1850033}"));
    }
    return vp_usb_reply_of(VP_USB_STALL);
}
