#include "vparticle/link.h"

enum {
    IP = 20,
    TCP = 20,
    UDP = 8,
    LENGTH = 2,
    BLOCK = 16,
    RECORD = 13, /* DTLS 1.2: RFC 6347 section 4.1 */
    NONCE = 8,   /* RFC 6655 section 3 */
    TAG = 8,     /* CCM_8: RFC 6655 section 4 */
    BARE = 4,    /* Message::send_direct(), message_channel.h @ v0.7.0 */
};

uint32_t vp_link_wire_size(enum vp_link_transport transport, size_t message_length)
{
    const uint32_t length = (uint32_t)message_length;
    if (transport == VP_LINK_TCP) {
        return IP + TCP + LENGTH + length / BLOCK * BLOCK + BLOCK;
    }
    return IP + UDP + length + (length < BARE ? 0 : RECORD + NONCE + TAG);
}
