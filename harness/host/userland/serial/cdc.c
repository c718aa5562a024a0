#include "host/userland/serial/cdc.h"

#include <string.h>

enum {
    CLASS_COMMUNICATION = 2,
    SUBCLASS_ACM = 2,
    PROTOCOL_MAX = 6, /* from "none" over AT commands to CDMA */
    CLASS_DATA = 10,
    TYPE_INTERFACE = 4,
    TYPE_CLASS_SPECIFIC = 0x24,
    FUNCTIONAL_CALL_MANAGEMENT = 1,
    FUNCTIONAL_ACM = 2,
    FUNCTIONAL_UNION = 6,
    NONE = -1,
};

/* What the functional descriptors of an interface say. */
struct functional {
    int master, slave; /**< of the union */
    int call_data;     /**< of call management */
    uint8_t capabilities;
};

static void read_functional(struct functional *functional, const uint8_t *descriptor)
{
    unsigned size = descriptor[0];
    switch (size >= 3 ? descriptor[2] : NONE) {
    case FUNCTIONAL_UNION:
        if (size >= 5) {
            functional->master = descriptor[3];
            functional->slave = descriptor[4];
        }
        break;
    case FUNCTIONAL_CALL_MANAGEMENT:
        functional->call_data = size >= 5 ? descriptor[4] : NONE;
        break;
    case FUNCTIONAL_ACM:
        functional->capabilities = size >= 4 ? descriptor[3] : 0;
        break;
    default:
        break;
    }
}

/* Kernel: cdc_parse_cdc_header(). The lengths were checked when the configuration was added. */
static struct functional find_functional(const struct usb_device *device, unsigned number)
{
    struct functional functional = {NONE, NONE, NONE, 0};
    const struct usb_configuration *active = device->active;
    bool inside = false;
    for (unsigned at = 0; at + 2 <= active->length; at += active->raw[at]) {
        const uint8_t *descriptor = active->raw + at;
        if (descriptor[1] == TYPE_INTERFACE && descriptor[0] >= 9) {
            inside = descriptor[2] == number && descriptor[3] == device->alternate[number];
        } else if (inside && descriptor[1] == TYPE_CLASS_SPECIFIC) {
            read_functional(&functional, descriptor);
        }
    }
    return functional;
}

static bool is_in(const struct usb_endpoint *endpoint)
{
    return (endpoint->address & 0x80) != 0;
}

/* All endpoints in one interface (kernel: "look_for_collapsed_interface"). */
static bool find_combined(const struct usb_alternate *interface, struct cdc_function *function)
{
    bool found[3] = {false};
    for (unsigned i = 0; i < interface->endpoint_count; i++) {
        const struct usb_endpoint *endpoint = &interface->endpoints[i];
        if ((endpoint->attributes & 3) == 3 && is_in(endpoint)) {
            function->notify = *endpoint;
            found[0] = true;
        } else if ((endpoint->attributes & 3) == 2) {
            *(is_in(endpoint) ? &function->in : &function->out) = *endpoint;
            found[is_in(endpoint) ? 1 : 2] = true;
        }
    }
    function->control = function->data = interface->interface;
    return interface->endpoint_count == 3 && found[0] && found[1] && found[2];
}

static bool find_separate(const struct usb_alternate *control, const struct usb_alternate *data,
                          struct cdc_function *function)
{
    if (data->endpoint_count < 2 || control->endpoint_count == 0) {
        return false;
    }
    bool swapped = !is_in(&data->endpoints[0]);
    function->control = control->interface;
    function->data = data->interface;
    function->notify = control->endpoints[0];
    function->in = data->endpoints[swapped ? 1 : 0];
    function->out = data->endpoints[swapped ? 0 : 1];
    return is_in(&function->in) && !is_in(&function->out) && is_in(&function->notify);
}

bool cdc_find(const struct usb_device *device, unsigned number, struct cdc_function *function)
{
    const struct usb_alternate *interface = usb_device_current(device, number);
    memset(function, 0, sizeof *function);
    if (!interface || interface->interface_class != CLASS_COMMUNICATION ||
        interface->subclass != SUBCLASS_ACM || interface->protocol > PROTOCOL_MAX) {
        return false;
    }
    struct functional functional = find_functional(device, number);
    function->capabilities = functional.capabilities;
    const struct usb_alternate *control = interface;
    const struct usb_alternate *data = NULL;
    if (functional.master != NONE) {
        control = usb_device_current(device, (unsigned)functional.master);
        data = usb_device_current(device, (unsigned)functional.slave);
    } else if (functional.call_data > 0) {
        data = usb_device_current(device, (unsigned)functional.call_data);
    } else {
        return find_combined(interface, function);
    }
    if (!control || !data) {
        return false;
    }
    if (control == data) {
        return find_combined(control, function);
    }
    if (data->interface_class != CLASS_DATA) {
        const struct usb_alternate *other = data;
        data = control;
        control = other;
    }
    return data->interface_class == CLASS_DATA && control == interface &&
           find_separate(control, data, function);
}

/* ---- Line coding ------------------------------------------------------------------------- */

/* Kernel: acm_tty_set_termios(). */
void cdc_line_coding(const struct termios2 *settings, uint32_t rate,
                     uint8_t line[CDC_LINE_CODING_SIZE])
{
    unsigned flags = settings->c_cflag;
    if ((flags & CBAUD) != B0) {
        rate = settings->c_ospeed;
    }
    line[0] = (uint8_t)rate;
    line[1] = (uint8_t)(rate >> 8);
    line[2] = (uint8_t)(rate >> 16);
    line[3] = (uint8_t)(rate >> 24);
    line[4] = flags & CSTOPB ? 2 : 0;
    line[5] = flags & PARENB ? (uint8_t)((flags & PARODD ? 1 : 2) + (flags & CMSPAR ? 2 : 0)) : 0;
    line[6] = (uint8_t)(5 + (flags & CSIZE) / CS6); /* CS5 is 0, CS6 one step more */
}

uint32_t cdc_line_rate(const uint8_t line[CDC_LINE_CODING_SIZE])
{
    return (uint32_t)line[0] | (uint32_t)line[1] << 8 | (uint32_t)line[2] << 16 |
           (uint32_t)line[3] << 24;
}

/* ---- Notifications ----------------------------------------------------------------------- */

enum { NOTIFICATION_HEAD = 8, SERIAL_STATE = 0x20 };

/* Kernel: acm_ctrl_irq() and acm_process_notification(). */
bool cdc_notified(struct cdc_notification *notification, const uint8_t *bytes, unsigned size,
                  unsigned *state)
{
    for (unsigned i = 0; i < size && notification->size + i < sizeof notification->bytes; i++) {
        notification->bytes[notification->size + i] = bytes[i];
    }
    notification->size += size;
    if (notification->size < NOTIFICATION_HEAD) {
        return false;
    }
    unsigned length = usb_get16(notification->bytes + 6);
    if (notification->size < NOTIFICATION_HEAD + length) {
        return false;
    }
    notification->size = 0;
    *state = usb_get16(notification->bytes + NOTIFICATION_HEAD);
    return notification->bytes[1] == SERIAL_STATE && length == 2;
}
