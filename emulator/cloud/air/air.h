/**
 * @file air.h
 * What lies between one device's link and the cloud: messages that are under way, in the device's
 * own time, and what happens to them there (struct vp_cloud_air).
 *
 * Randomness is SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators",
 * 2014), so that the same seed gives the same story.
 */
#ifndef CLOUD_AIR_H
#define CLOUD_AIR_H

#include "vparticle/cloud_devices.h"
#include "vparticle/link.h"

enum cloud_direction { CLOUD_UP /**< from the device */, CLOUD_DOWN };

/** What is under way. That a connection begins and ends travels like a message, in its place.
 *  Assumption: a device on UDP that is gone without a word is missed at once; the real cloud
 * notices when it stays silent. */
enum cloud_air_kind { CLOUD_AIR_MESSAGE, CLOUD_AIR_OPENED, CLOUD_AIR_CLOSED };

enum {
    CLOUD_AIR_LIMIT = 4096, /**< messages under way in one direction */
};

struct cloud_air_message {
    struct cloud_air_message *next;
    enum cloud_air_kind kind;
    uint64_t due; /**< device's time */
    size_t length;
    uint8_t bytes[];
};

struct cloud_air_queue {
    struct cloud_air_message *first, *last; /**< by due */
    unsigned count;
    uint64_t floor; /**< nothing that comes after is due before */
};

struct cloud_air {
    enum vp_link_transport transport;
    struct vp_cloud_air config;
    uint64_t random;
    struct cloud_air_queue queues[2];
    uint64_t passed; /**< messages since the air was set */
    bool broken;     /**< the connection is lost, and nobody has been told */
    struct vp_cloud_air_counters counters;
    struct vp_cloud_meter meter;
};

/** @param device  goes into the seed, so that devices differ */
void cloud_air_init(struct cloud_air *air, enum vp_link_transport transport, uint64_t device);

void cloud_air_set(struct cloud_air *air, const struct vp_cloud_air *config, uint64_t device);

/** Forget what is under way in a direction. */
void cloud_air_clear(struct cloud_air *air, enum cloud_direction direction);

/**
 * Put a message into the air. What becomes of it is the air's affair: only that there is no memory
 * for it is an error.
 * @return 0 or VP_ERROR_NO_MEMORY
 */
int cloud_air_put(struct cloud_air *air, enum cloud_direction direction, const uint8_t *bytes,
                  size_t length, uint64_t now);

/** The device's end says that its connection begins (with all its handshake) or has ended. */
int cloud_air_mark(struct cloud_air *air, enum cloud_air_kind kind, uint64_t now);

/** @return what is due now, oldest first, for the caller to free(); NULL: nothing */
struct cloud_air_message *cloud_air_take(struct cloud_air *air, enum cloud_direction direction,
                                         uint64_t now);

/** @return milliseconds until something is due, 0: now; -1: nothing is under way */
int64_t cloud_air_deadline(const struct cloud_air *air, uint64_t now);

/** Has the air dropped the connection? Told once; nothing is under way then. */
bool cloud_air_broke(struct cloud_air *air);

/** The next number of a SplitMix64. */
uint64_t cloud_random_next(uint64_t *state);

#endif
