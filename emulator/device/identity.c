#include "bytes.h"
#include "device/device_private.h"

enum { DEVICE = 0x0100, CONFIGURATION = 0x0200, INTERFACE_DESCRIPTOR = 4 };

/* The first alternate of each interface. */
static void read_interfaces(struct vp_usb_identity *identity, const uint8_t *configuration,
                            uint32_t size)
{
    for (uint32_t at = 0; at + 9 <= size && configuration[at] >= 2; at += configuration[at]) {
        const uint8_t *descriptor = configuration + at;
        const uint8_t number = descriptor[2], alternate = descriptor[3];
        if (descriptor[1] == INTERFACE_DESCRIPTOR && alternate == 0 &&
            number < sizeof identity->interfaces / sizeof *identity->interfaces) {
            identity->interfaces[number].interface_class = descriptor[5];
            identity->interfaces[number].interface_subclass = descriptor[6];
            identity->interfaces[number].interface_protocol = descriptor[7];
        }
    }
}

int vp_device_identity(const struct vp_device *device, struct vp_usb_identity *identity)
{
    if (!device->attached) {
        return VP_ERROR_NOT_FOUND;
    }
    uint8_t descriptor[256];
    device->function.descriptor(device->control.context, DEVICE, descriptor);
    *identity = (struct vp_usb_identity){
        .vendor_id = vp_get_le16(descriptor + 8),
        .product_id = vp_get_le16(descriptor + 10),
        .device_version = vp_get_le16(descriptor + 12),
        .device_class = descriptor[4],
        .device_subclass = descriptor[5],
        .device_protocol = descriptor[6],
        .configuration_value = device->control.configuration,
        .configuration_count = descriptor[17],
    };
    const struct vp_usb_reply reply =
        device->function.descriptor(device->control.context, CONFIGURATION, descriptor);
    identity->interface_count = descriptor[4];
    read_interfaces(identity, descriptor, reply.size);
    return 0;
}
