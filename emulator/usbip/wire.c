#include "vparticle/usbip.h"

#include <string.h>

static uint8_t *put16(uint8_t *to, uint32_t value)
{
    to[0] = (uint8_t)(value >> 8);
    to[1] = (uint8_t)value;
    return to + 2;
}

static uint8_t *put32(uint8_t *to, uint32_t value)
{
    return put16(put16(to, value >> 16), value);
}

static uint16_t get16(const uint8_t *from)
{
    return (uint16_t)(from[0] << 8 | from[1]);
}

static uint32_t get32(const uint8_t *from)
{
    return (uint32_t)get16(from) << 16 | get16(from + 2);
}

static uint8_t *put_text(uint8_t *to, const char *text, size_t size)
{
    size_t length = strnlen(text, size - 1);
    memcpy(to, text, length);
    memset(to + length, 0, size - length);
    return to + size;
}

static const uint8_t *get_text(char *text, const uint8_t *from, size_t size)
{
    memcpy(text, from, size);
    text[size - 1] = '\0';
    return from + size;
}

void vp_usbip_encode_op(uint8_t bytes[VP_USBIP_OP_SIZE], const struct vp_usbip_op *op)
{
    put32(put16(put16(bytes, op->version), op->code), op->status);
}

void vp_usbip_decode_op(struct vp_usbip_op *op, const uint8_t bytes[VP_USBIP_OP_SIZE])
{
    op->version = get16(bytes);
    op->code = get16(bytes + 2);
    op->status = get32(bytes + 4);
}

void vp_usbip_encode_device(uint8_t bytes[VP_USBIP_DEVICE_SIZE],
                            const struct vp_usbip_device *device)
{
    const struct vp_usb_identity *identity = &device->identity;
    uint8_t *to = put_text(bytes, device->path, VP_USBIP_PATH_SIZE);
    to = put_text(to, device->busid, VP_USBIP_BUSID_SIZE);
    to = put32(put32(put32(to, device->busnum), device->devnum), device->speed);
    to = put16(put16(put16(to, identity->vendor_id), identity->product_id),
               identity->device_version);
    *to++ = identity->device_class;
    *to++ = identity->device_subclass;
    *to++ = identity->device_protocol;
    *to++ = identity->configuration_value;
    *to++ = identity->configuration_count;
    *to = identity->interface_count;
}

void vp_usbip_decode_device(struct vp_usbip_device *device,
                            const uint8_t bytes[VP_USBIP_DEVICE_SIZE])
{
    struct vp_usb_identity *identity = &device->identity;
    memset(device, 0, sizeof *device);
    const uint8_t *from = get_text(device->path, bytes, VP_USBIP_PATH_SIZE);
    from = get_text(device->busid, from, VP_USBIP_BUSID_SIZE);
    device->busnum = get32(from);
    device->devnum = get32(from + 4);
    device->speed = get32(from + 8);
    identity->vendor_id = get16(from + 12);
    identity->product_id = get16(from + 14);
    identity->device_version = get16(from + 16);
    identity->device_class = from[18];
    identity->device_subclass = from[19];
    identity->device_protocol = from[20];
    identity->configuration_value = from[21];
    identity->configuration_count = from[22];
    identity->interface_count = from[23];
}

void vp_usbip_decode_header(struct vp_usbip_header *header,
                            const uint8_t bytes[VP_USBIP_HEADER_SIZE])
{
    const uint8_t *from = bytes + 20;
    memset(header, 0, sizeof *header);
    header->command = get32(bytes);
    header->seqnum = get32(bytes + 4);
    header->devid = get32(bytes + 8);
    header->direction = get32(bytes + 12);
    header->endpoint = get32(bytes + 16);
    switch (header->command) {
    case VP_USBIP_CMD_SUBMIT:
        header->submit.flags = get32(from);
        header->submit.length = get32(from + 4);
        header->submit.start_frame = get32(from + 8);
        header->submit.packets = get32(from + 12);
        header->submit.interval = get32(from + 16);
        memcpy(header->submit.setup, from + 20, sizeof header->submit.setup);
        break;
    case VP_USBIP_RET_SUBMIT:
        header->submitted.status = (int32_t)get32(from);
        header->submitted.actual = get32(from + 4);
        header->submitted.start_frame = get32(from + 8);
        header->submitted.packets = get32(from + 12);
        header->submitted.errors = get32(from + 16);
        break;
    case VP_USBIP_CMD_UNLINK:
        header->unlink.seqnum = get32(from);
        break;
    case VP_USBIP_RET_UNLINK:
        header->unlinked.status = (int32_t)get32(from);
        break;
    default:
        break;
    }
}

void vp_usbip_encode_header(uint8_t bytes[VP_USBIP_HEADER_SIZE],
                            const struct vp_usbip_header *header)
{
    uint8_t *to = bytes;
    memset(bytes + 20, 0, VP_USBIP_HEADER_SIZE - 20);
    to = put32(put32(to, header->command), header->seqnum);
    to = put32(put32(put32(to, header->devid), header->direction), header->endpoint);
    switch (header->command) {
    case VP_USBIP_CMD_SUBMIT:
        to = put32(put32(to, header->submit.flags), header->submit.length);
        to = put32(put32(to, header->submit.start_frame), header->submit.packets);
        to = put32(to, header->submit.interval);
        memcpy(to, header->submit.setup, sizeof header->submit.setup);
        break;
    case VP_USBIP_RET_SUBMIT:
        to = put32(put32(to, (uint32_t)header->submitted.status), header->submitted.actual);
        to = put32(put32(to, header->submitted.start_frame), header->submitted.packets);
        put32(to, header->submitted.errors);
        break;
    case VP_USBIP_CMD_UNLINK:
        put32(to, header->unlink.seqnum);
        break;
    case VP_USBIP_RET_UNLINK:
        put32(to, (uint32_t)header->unlinked.status);
        break;
    default:
        break;
    }
}
