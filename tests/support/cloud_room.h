/**
 * @file cloud_room.h
 * A cloud in memory with one account and emulated devices, and what was published in it.
 */
#ifndef TESTS_CLOUD_ROOM_H
#define TESTS_CLOUD_ROOM_H

#include "vparticle/cloud.h"
#include "vparticle/cloud_devices.h"
#include "vparticle/cloud_events.h"

enum { ROOM_DEVICES = 64, ROOM_EVENTS = 4096, ROOM_EVENT_TEXT = 96 };

struct cloud_room {
    struct vp_cloud *cloud;
    struct vp_cloud_account *account;
    struct vp_device *devices[ROOM_DEVICES];
    struct vp_cloud_device *records[ROOM_DEVICES];
    unsigned count;
    uint64_t time;
    uint32_t seed;
    const char *state; /**< folder of the cloud, or NULL; set before room_open() */
    /** "NAME=DATA", long data cut; of all devices. */
    char events[ROOM_EVENTS][ROOM_EVENT_TEXT];
    unsigned event_count;
};

/** Create the cloud, with the account "me"; every failure fails the test. */
void room_open(struct cloud_room *room);
/** Destroy cloud and devices. */
void room_close(struct cloud_room *room);

/** The same for a test of CMocka's, whose state is the room. */
int room_set_up(void **state);
int room_tear_down(void **state);

/** Add a device, claimed. @return its number */
unsigned room_add(struct cloud_room *room, const char *spec);

/** Let everything happen that happens by itself. */
void room_settle(struct cloud_room *room);

/** Events from @p from on that begin with @p text. */
unsigned room_heard(const struct cloud_room *room, unsigned from, const char *text);

/** Print what was heard, for a look at a test that fails. */
void room_print(const struct cloud_room *room);

/** Flash a module by name ("system-part1@0.7.0"); fails the test if it is not taken. @return job */
unsigned room_flash(struct cloud_room *room, unsigned device, const char *part);

/** Flash an application of the same board that needs that system. @return job */
unsigned room_flash_app(struct cloud_room *room, unsigned device, uint16_t system_version);

/** Put such an application into the flash, as DFU does, and restart. */
void room_install_app(struct cloud_room *room, unsigned device, uint16_t system_version);

/** The image of such an application: free() */
uint8_t *room_make_app(struct cloud_room *room, unsigned device, uint16_t system_version,
                       size_t *size);

struct vp_cloud_job_facts room_job(const struct cloud_room *room, unsigned job);

/** The version of the module in the slot of that name ("system-part1"); 0: none that is whole. */
uint16_t room_version(const struct cloud_room *room, unsigned device, const char *slot);

#endif
