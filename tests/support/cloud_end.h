/** @file cloud_end.h The cloud's end of a device's link, by hand: for tests. */
#ifndef VP_TEST_CLOUD_END_H
#define VP_TEST_CLOUD_END_H

#include "coap/coap.h"
#include "vparticle/link.h"

enum { CLOUD_END_MESSAGES = 512 };

/** What the device sent since cloud_end_forget(). */
struct cloud_end {
    struct vp_device *device;
    bool open;
    unsigned opened, closed; /**< how often */
    struct {
        uint8_t bytes[VP_COAP_MESSAGE_LIMIT];
        size_t length;
    } messages[CLOUD_END_MESSAGES];
    unsigned count;
    uint16_t id; /**< of the last message to the device */
};

/** Make a device from a SPEC and set its link. */
void cloud_end_start(struct cloud_end *end, const char *spec);
void cloud_end_stop(struct cloud_end *end);

/** Jump to the device's deadlines until it has sent Hello. */
void cloud_end_connect(struct cloud_end *end);

/** The same, and answer it, as a cloud does: by a Hello, or on UDP by an acknowledgement. What the
 *  device sends then is acknowledged. */
void cloud_end_greet(struct cloud_end *end);

void cloud_end_forget(struct cloud_end *end);

/** Send bytes as they are. */
void cloud_end_send(struct cloud_end *end, const void *bytes, size_t length);

/** Send a message; @p path "u" or "e/spark/device/reset"; the token is one byte. */
void cloud_end_request(struct cloud_end *end, enum vp_coap_type type, uint8_t code, uint8_t token,
                       const char *path, const void *payload, size_t length);

/** UpdateBegin for a file of @p size bytes in chunks of 512. */
void cloud_end_begin(struct cloud_end *end, uint32_t size, bool fast);

/** A chunk; @p index is left out if it is negative. */
void cloud_end_chunk(struct cloud_end *end, int index, const void *data, size_t length);

void cloud_end_done(struct cloud_end *end);

/** Acknowledge all confirmable messages that came. */
void cloud_end_acknowledge(struct cloud_end *end);

/** Let the device's time jump to its next deadline at the link. @return false if it has none */
bool cloud_end_jump(struct cloud_end *end);

/** Read message @p number; it must be there and readable. */
struct vp_coap_message cloud_end_message(const struct cloud_end *end, unsigned number);

/** @return the number of the first event with that name, or -1; @p data gets what it says */
int cloud_end_event(const struct cloud_end *end, const char *name, char *data, size_t room);

/** @return the number of the first message with that code and path ("c"), or -1 */
int cloud_end_find(const struct cloud_end *end, uint8_t code, const char *path);

#endif
