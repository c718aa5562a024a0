/** @file bytes.h Numbers in the byte order of a format, whatever the machine's own. */
#ifndef VP_BYTES_H
#define VP_BYTES_H

#include <stdint.h>

static inline uint16_t vp_get_le16(const uint8_t *from)
{
    return (uint16_t)(from[0] | from[1] << 8);
}

static inline uint32_t vp_get_le32(const uint8_t *from)
{
    return vp_get_le16(from) | (uint32_t)vp_get_le16(from + 2) << 16;
}

static inline uint32_t vp_get_be32(const uint8_t *from)
{
    return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
}

static inline void vp_put_le16(uint8_t *to, uint16_t value)
{
    to[0] = (uint8_t)value;
    to[1] = (uint8_t)(value >> 8);
}

static inline void vp_put_le32(uint8_t *to, uint32_t value)
{
    vp_put_le16(to, (uint16_t)value);
    vp_put_le16(to + 2, (uint16_t)(value >> 16));
}

static inline void vp_put_be32(uint8_t *to, uint32_t value)
{
    to[0] = (uint8_t)(value >> 24);
    to[1] = (uint8_t)(value >> 16);
    to[2] = (uint8_t)(value >> 8);
    to[3] = (uint8_t)value;
}

#endif
