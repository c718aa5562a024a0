#include "cloud/air/air.h"

#include <stdlib.h>
#include <string.h>

enum {
    TCP_FIRST_TIMEOUT = 1000, /* ms; RFC 6298 section 2.4 */
    TCP_TRIES = 7,            /* then 127 s have gone by: RFC 1122 section 4.2.3.5 wants 100 */
};

/* Bytes that a new connection costs before its first message. */
static const struct handshake {
    uint32_t up, down;
    const char *source;
} handshakes[] = {
    [VP_LINK_TCP] =
        {256 + 3 * 40, 40 + 384 + 3 * 40,
         "spark_protocol.cpp @ v0.4.6, handshake(): a nonce of 40 bytes, 256 bytes, 384 "
         "bytes; TCP/IP headers of 40 bytes for each and for the three of a start"},
    [VP_LINK_UDP] = {829, 674,
                     "Assumption: counted from RFC 6347, 7250 and 8422 for what "
                     "dtls_message_channel.cpp @ v0.7.0 asks of mbedTLS: ECDHE-ECDSA, raw public "
                     "keys on P-256 both ways, a cookie of 32 bytes; a datagram for each record of "
                     "the device and for each flight of the cloud"},
};

uint64_t cloud_random_next(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

/* One in how many, without drawing a number where there is nothing to decide. */
static bool happens(struct cloud_air *air, unsigned permille)
{
    return permille > 0 && cloud_random_next(&air->random) % 1000 < permille;
}

void cloud_air_set(struct cloud_air *air, const struct vp_cloud_air *config, uint64_t device)
{
    air->config = *config;
    air->random = config->seed * 0x9E3779B97F4A7C15u ^ device;
    air->passed = 0;
}

void cloud_air_init(struct cloud_air *air, enum vp_link_transport transport, uint64_t device)
{
    *air = (struct cloud_air){.transport = transport};
    cloud_air_set(air, &(struct vp_cloud_air){0}, device);
}

void cloud_air_clear(struct cloud_air *air, enum cloud_direction direction)
{
    struct cloud_air_queue *queue = &air->queues[direction];
    while (queue->first) {
        struct cloud_air_message *next = queue->first->next;
        free(queue->first);
        queue->first = next;
    }
    *queue = (struct cloud_air_queue){0};
}

/* The connection is lost: all that is under way with it. */
static void drop_connection(struct cloud_air *air)
{
    air->counters.dropped++;
    air->broken = true;
    cloud_air_clear(air, CLOUD_UP);
    cloud_air_clear(air, CLOUD_DOWN);
}

bool cloud_air_broke(struct cloud_air *air)
{
    const bool broke = air->broken;
    air->broken = false;
    return broke;
}

static int enqueue(struct cloud_air *air, enum cloud_direction direction, enum cloud_air_kind kind,
                   const uint8_t *bytes, size_t length, uint64_t due)
{
    struct cloud_air_queue *queue = &air->queues[direction];
    struct cloud_air_message *made = malloc(sizeof *made + length);
    if (!made) {
        return VP_ERROR_NO_MEMORY;
    }
    made->kind = kind;
    made->due = due > queue->floor ? due : queue->floor;
    made->length = length;
    if (length > 0) {
        memcpy(made->bytes, bytes, length);
    }
    struct cloud_air_message **at = &queue->first;
    if (queue->last && queue->last->due <= made->due) {
        at = &queue->last->next;
    } else {
        while (*at && (*at)->due <= made->due) {
            at = &(*at)->next;
        }
        air->counters.reordered += *at != NULL;
    }
    made->next = *at;
    *at = made;
    if (!made->next) {
        queue->last = made;
    }
    queue->count++;
    if (kind != CLOUD_AIR_MESSAGE || air->transport == VP_LINK_TCP) {
        queue->floor = queue->last->due;
    }
    return 0;
}

static void charge(struct cloud_air *air, enum cloud_direction direction, uint64_t bytes)
{
    *(direction == CLOUD_UP ? &air->meter.up : &air->meter.down) += bytes;
}

/* When a message arrives that leaves now. */
static uint64_t arrival(struct cloud_air *air, uint64_t now)
{
    uint64_t due = now + air->config.delay_ms;
    if (air->config.jitter_ms > 0) {
        due += cloud_random_next(&air->random) % ((uint64_t)air->config.jitter_ms + 1);
    }
    air->counters.delayed += due > now;
    return due;
}

/* TCP sends again what is lost. @return false: it gives the connection up */
static bool retransmit(struct cloud_air *air, enum cloud_direction direction, uint32_t wire,
                       uint64_t *due)
{
    uint64_t timeout = TCP_FIRST_TIMEOUT;
    for (unsigned tries = 0; happens(air, air->config.loss_permille); tries++) {
        air->counters.lost++;
        if (tries == TCP_TRIES) {
            return false;
        }
        charge(air, direction, wire);
        *due += timeout;
        timeout *= 2;
    }
    return true;
}

static int put_segment(struct cloud_air *air, enum cloud_direction direction, const uint8_t *bytes,
                       size_t length, uint64_t now, uint32_t wire)
{
    uint64_t due = arrival(air, now);
    if (!retransmit(air, direction, wire, &due)) {
        drop_connection(air);
        return 0;
    }
    if (happens(air, air->config.duplicate_permille)) {
        air->counters.duplicated++; /* the receiver's TCP throws it away */
        charge(air, direction, wire);
    }
    return enqueue(air, direction, CLOUD_AIR_MESSAGE, bytes, length, due);
}

static int put_datagram(struct cloud_air *air, enum cloud_direction direction, const uint8_t *bytes,
                        size_t length, uint64_t now, uint32_t wire)
{
    if (happens(air, air->config.loss_permille)) {
        air->counters.lost++;
        return 0;
    }
    const bool twice = happens(air, air->config.duplicate_permille);
    int error = enqueue(air, direction, CLOUD_AIR_MESSAGE, bytes, length, arrival(air, now));
    if (!error && twice) {
        air->counters.duplicated++;
        charge(air, direction, wire);
        error = enqueue(air, direction, CLOUD_AIR_MESSAGE, bytes, length, arrival(air, now));
    }
    return error;
}

int cloud_air_put(struct cloud_air *air, enum cloud_direction direction, const uint8_t *bytes,
                  size_t length, uint64_t now)
{
    const uint32_t wire = vp_link_wire_size(air->transport, length);
    air->counters.messages++;
    air->meter.messages++;
    charge(air, direction, wire);
    air->passed++;
    if (air->passed == air->config.drop_after_messages) {
        drop_connection(air);
        return 0;
    }
    if (air->queues[direction].count >= CLOUD_AIR_LIMIT) {
        air->counters.overflowed++;
        if (air->transport == VP_LINK_TCP) {
            drop_connection(air); /* a stream has no holes */
        }
        return 0;
    }
    return air->transport == VP_LINK_TCP ? put_segment(air, direction, bytes, length, now, wire)
                                         : put_datagram(air, direction, bytes, length, now, wire);
}

int cloud_air_mark(struct cloud_air *air, enum cloud_air_kind kind, uint64_t now)
{
    if (kind == CLOUD_AIR_OPENED) {
        const struct handshake *handshake = &handshakes[air->transport];
        charge(air, CLOUD_UP, handshake->up);
        charge(air, CLOUD_DOWN, handshake->down);
        air->meter.handshakes++;
    } else {
        cloud_air_clear(air, CLOUD_DOWN);
    }
    /* It comes after all that is under way already. */
    const struct cloud_air_message *last = air->queues[CLOUD_UP].last;
    const uint64_t due = now + air->config.delay_ms;
    return enqueue(air, CLOUD_UP, kind, NULL, 0, last && last->due > due ? last->due : due);
}

struct cloud_air_message *cloud_air_take(struct cloud_air *air, enum cloud_direction direction,
                                         uint64_t now)
{
    struct cloud_air_queue *queue = &air->queues[direction];
    struct cloud_air_message *first = queue->first;
    if (!first || first->due > now) {
        return NULL;
    }
    queue->first = first->next;
    if (!queue->first) {
        queue->last = NULL;
    }
    queue->count--;
    return first;
}

int64_t cloud_air_deadline(const struct cloud_air *air, uint64_t now)
{
    int64_t deadline = -1;
    for (unsigned i = 0; i < 2; i++) {
        const struct cloud_air_message *first = air->queues[i].first;
        if (first) {
            const int64_t left = first->due > now ? (int64_t)(first->due - now) : 0;
            deadline = deadline < 0 || left < deadline ? left : deadline;
        }
    }
    return deadline;
}
