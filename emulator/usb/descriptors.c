#include "usb/descriptors.h"

#include <stdio.h>
#include <string.h>

enum { MICROSOFT_REQUEST = 0xEE, DEVICE = 1, STRING = 3, REG_MULTI_SZ = 7 };

uint32_t vp_usb_device_descriptor(uint8_t *to, const struct vp_usb_device_identity *identity)
{
    const uint8_t descriptor[18] = {
        18,
        DEVICE,
        0x00,
        0x02, /* USB 2.0 */
        identity->device_class,
        identity->device_subclass,
        identity->device_protocol,
        64, /* bMaxPacketSize0 */
        (uint8_t)identity->vendor,
        (uint8_t)(identity->vendor >> 8),
        (uint8_t)identity->product,
        (uint8_t)(identity->product >> 8),
        (uint8_t)identity->release,
        (uint8_t)(identity->release >> 8),
        1, /* iManufacturer */
        2, /* iProduct */
        3, /* iSerialNumber */
        1, /* bNumConfigurations */
    };
    memcpy(to, descriptor, sizeof descriptor);
    return sizeof descriptor;
}

/* ASCII as UTF-16LE; @return bytes written */
static uint32_t put_utf16(uint8_t *to, const char *text, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        to[2 * i] = (uint8_t)text[i];
        to[2 * i + 1] = 0;
    }
    return (uint32_t)(2 * count);
}

uint32_t vp_usb_string_descriptor(uint8_t *to, const char *text)
{
    const size_t length = strnlen(text, 126);
    to[0] = (uint8_t)(2 + 2 * length);
    to[1] = STRING;
    put_utf16(to + 2, text, length);
    return to[0];
}

uint32_t vp_usb_device_id_string(uint8_t *to, const uint8_t *device_id, bool upper_case)
{
    char text[2 * VP_DEVICE_ID_SIZE + 1];
    for (unsigned i = 0; i < VP_DEVICE_ID_SIZE; i++) {
        snprintf(text + 2 * i, 3, upper_case ? "%02X" : "%02x", device_id[i]);
    }
    return vp_usb_string_descriptor(to, text);
}

uint32_t vp_usb_language_descriptor(uint8_t *to)
{
    static const uint8_t english[] = {4, STRING, 0x09, 0x04};
    memcpy(to, english, sizeof english);
    return sizeof english;
}

uint32_t vp_usb_microsoft_string(uint8_t *to)
{
    const uint32_t size = vp_usb_string_descriptor(to, "MSFT100") + 2;
    to[0] = (uint8_t)size;
    to[size - 2] = MICROSOFT_REQUEST;
    to[size - 1] = 0;
    return size;
}

uint32_t vp_usb_compatible_id(uint8_t *to, uint8_t interface)
{
    static const uint8_t header[16] = {40, 0, 0, 0, 0x00, 0x01, 4, 0, 1};
    memset(to, 0, 40);
    memcpy(to, header, sizeof header);
    to[16] = interface;
    to[17] = 1;
    memcpy(to + 18, "WINUSB", 6);
    return 40;
}

uint32_t vp_usb_extended_properties(uint8_t *to, const char *guid)
{
    static const char name[] = "DeviceInterfaceGUIDs";
    enum { HEADER = 10, SECTION = 14 };
    const uint8_t name_size = 2 * sizeof name;
    const uint8_t data_size = (uint8_t)(2 * (strlen(guid) + 2)); /* ends with two zeros */
    const uint8_t section = (uint8_t)(SECTION + name_size + data_size);
    const uint8_t head[HEADER + 10] = {
        (uint8_t)(HEADER + section),
        0,
        0,
        0,
        0x00,
        0x01,
        5,
        0,
        1,
        0,
        section,
        0,
        0,
        0,
        REG_MULTI_SZ,
        0,
        0,
        0,
        name_size,
        0,
    };
    memset(to, 0, (size_t)HEADER + section);
    memcpy(to, head, sizeof head);
    put_utf16(to + sizeof head, name, strlen(name));
    uint8_t *data = to + sizeof head + name_size;
    data[0] = data_size;
    put_utf16(data + 4, guid, strlen(guid));
    return HEADER + section;
}
