#include "usb/cdc_descriptors.h"

#include <linux/usb/ch9.h>
#include <stdio.h>
#include <string.h>

#include "bytes.h"
#include "usb/descriptors.h"

enum {
    STRING_CONTROL_INTERFACE = 9,
    STRING_SERIAL_PORT = 10,
    STRING_MICROSOFT = 0xEE,
};

/* ---- Configurations --------------------------------------------------------------------- */

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

// clang-format off
static const uint8_t composite_configuration[] = {
    9, 2,    84,   0,    3,    1,    4,    0x80, 0x32,               /* configuration */
    8, 0x0B, 0,    2,    0x02, 0x02, 0x01, STRING_SERIAL_PORT,       /* interface association */
    9, 4,    0,    0,    1,    0x02, 0x02, 0x01, STRING_SERIAL_PORT, /* communication interface */
    5, 0x24, 0x00, 0x10, 0x01,                                       /* header, CDC 1.10 */
    5, 0x24, 0x01, 0x00, 0x01,                                       /* call management */
    4, 0x24, 0x02, 0x02,                                             /* abstract control */
    5, 0x24, 0x06, 0x00, 0x01,                                       /* union */
    7, 5,    0x83, 3,    8,    0,    0x10,                           /* notifications */
    9, 4,    1,    0,    2,    0x0A, 0,    0,    STRING_SERIAL_PORT, /* data interface */
    7, 5,    0x01, 2,    64,   0,    0,                              /* out */
    7, 5,    0x81, 2,    64,   0,    0,                              /* in */
    9, 4,    VP_CDC_CONTROL_INTERFACE, 0, 0, 0xFF, 0xFF, 0xFF, STRING_CONTROL_INTERFACE,
};
// clang-format on

static const uint8_t core_configuration[] = {
    9, 2,    67,   0,    2,    1,    0,    0xC0, 0xE1, /* configuration */
    9, 4,    0,    0,    1,    0x02, 0x02, 0x01, 0,    /* communication interface */
    5, 0x24, 0x00, 0x10, 0x01,                         /* header, CDC 1.10 */
    5, 0x24, 0x01, 0x00, 0x01,                         /* call management */
    4, 0x24, 0x02, 0x02,                               /* abstract control management */
    5, 0x24, 0x06, 0x00, 0x01,                         /* union */
    7, 5,    0x82, 3,    8,    0,    0xFF,             /* notifications */
    9, 4,    1,    0,    2,    0x0A, 0,    0,    0,    /* data interface */
    7, 5,    0x03, 2,    64,   0,    0,                /* out */
    7, 5,    0x81, 2,    64,   0,    0,                /* in */
};

/* ---- Strings ---------------------------------------------------------------------------- */

static uint32_t id_string(const struct vp_system *system, uint8_t *to)
{
    if (system->generation->serial == VP_SYSTEM_SERIAL_CONSTANT) {
        return vp_usb_string_descriptor(to, "00000000050C");
    }
    return vp_usb_device_id_string(to, system->machine.device_id,
                                   system->generation->serial == VP_SYSTEM_SERIAL_UPPER);
}

static uint32_t plain_string(const struct vp_system *system, uint8_t index, uint8_t *to)
{
    switch (index) {
    case 0:
        return vp_usb_language_descriptor(to);
    case 1:
        return vp_usb_string_descriptor(to, "Particle");
    case 2:
        return vp_usb_string_descriptor(to, system->machine.board->old_product_string);
    case 3:
        return id_string(system, to);
    case 4:
        return vp_usb_string_descriptor(to, "VCP Config");
    case 5:
        return vp_usb_string_descriptor(to, "VCP Interface");
    default:
        return 0;
    }
}

static uint32_t named_string(const struct vp_system *system, uint8_t *to, const char *suffix)
{
    char text[64];
    snprintf(text, sizeof text, "%s%s", system->machine.board->product_string, suffix);
    return vp_usb_string_descriptor(to, text);
}

static uint32_t composite_string(const struct vp_system *system, uint8_t index, uint8_t *to)
{
    switch (index) {
    case 2:
        return named_string(system, to, "");
    case 4:
    case 5:
        return vp_usb_string_descriptor(to, "Composite");
    case STRING_CONTROL_INTERFACE:
        return named_string(system, to, " Control Interface");
    case STRING_SERIAL_PORT:
        return named_string(system, to, " Serial");
    case STRING_MICROSOFT:
        return vp_usb_microsoft_string(to);
    default:
        return plain_string(system, index, to);
    }
}

/* Get_SerialNum(): of 96 bits of device id, 48 are shown. */
static uint32_t core_serial(const struct vp_system *system, uint8_t *to)
{
    char text[13];
    const uint8_t *id = system->machine.device_id;
    const uint32_t sum = vp_get_le32(id) + vp_get_le32(id + 8);
    snprintf(text, sizeof text, "%08X%04X", (unsigned)sum, (unsigned)(vp_get_le32(id + 4) >> 16));
    return vp_usb_string_descriptor(to, text);
}

static uint32_t core_string(const struct vp_system *system, uint8_t index, uint8_t *to)
{
    switch (index) {
    case 0:
        return vp_usb_language_descriptor(to);
    case 1:
        return vp_usb_string_descriptor(to, "Particle          ");
    case 2:
        return vp_usb_string_descriptor(to, "Spark Core with WiFi    ");
    case 3:
        return core_serial(system, to);
    default:
        return 0;
    }
}

/* ---- Shapes ------------------------------------------------------------------------------- */

static const struct vp_cdc_shape plain = {
    .release = 0x0200,
    .device_class = USB_CLASS_COMM,
    .configuration = plain_configuration,
    .configuration_size = sizeof plain_configuration,
    .data_in = 1,
    .data_out = 1,
    .notifications = 2,
    .self_powered = true,
    .interface_limit = 1,
    .line_coding = {0x80, 0x25, 0, 0, 0, 0, 8}, /* 9600 8N1 */
    .string = plain_string,
};

static const struct vp_cdc_shape composite = {
    .release = 0x0250,
    .device_class = USB_CLASS_MISC,
    .device_subclass = 0x02,
    .device_protocol = 0x01,
    .configuration = composite_configuration,
    .configuration_size = sizeof composite_configuration,
    .data_in = 1,
    .data_out = 1,
    .notifications = 3,
    .control_interface = true,
    .interface_limit = VP_CDC_CONTROL_INTERFACE,
    .line_coding = {0x80, 0x25, 0, 0, 0, 0, 8},
    .string = composite_string,
};

static const struct vp_cdc_shape core = {
    .release = 0x0200,
    .device_class = USB_CLASS_COMM,
    .configuration = core_configuration,
    .configuration_size = sizeof core_configuration,
    .data_in = 1,
    .data_out = 3,
    .notifications = 2,
    .self_powered = true,
    .interface_limit = 1,
    .line_coding = {0x80, 0x25, 0, 0, 0, 0, 0},
    .string = core_string,
};

/* Which it is: on the Core always the same. */
static const struct {
    enum vp_board_set on;
    const struct vp_cdc_shape *plain, *composite; /* by generation */
} shapes[] = {
    {VP_ON_WIFI | VP_ON_ELECTRON, &plain, &composite},
    {VP_ON_CORE, &core, &core},
};

const struct vp_cdc_shape *vp_cdc_shape(const struct vp_system *system)
{
    size_t row = 0;
    while (!vp_board_set_has(shapes[row].on, system->machine.board->platform)) {
        row++;
    }
    return system->generation->composite ? shapes[row].composite : shapes[row].plain;
}

struct vp_usb_reply vp_cdc_descriptor(const struct vp_system *system,
                                      const struct vp_cdc_shape *shape, uint16_t value, uint8_t *to)
{
    const struct vp_usb_device_identity identity = {
        .vendor = system->machine.board->usb_vendor,
        .product = system->machine.board->usb_normal_product,
        .release = shape->release,
        .device_class = shape->device_class,
        .device_subclass = shape->device_subclass,
        .device_protocol = shape->device_protocol,
    };
    uint32_t size;
    switch (value >> 8) {
    case USB_DT_DEVICE:
        size = vp_usb_device_descriptor(to, &identity);
        break;
    case USB_DT_CONFIG:
        size = shape->configuration_size;
        memcpy(to, shape->configuration, size);
        break;
    default:
        size = shape->string(system, (uint8_t)value, to);
        break;
    }
    return size ? (struct vp_usb_reply){VP_USB_DATA, size} : vp_usb_reply_of(VP_USB_STALL);
}
