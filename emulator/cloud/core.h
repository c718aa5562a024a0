/** @file core.h What the files of the cloud's devices share: connections, jobs, healer. */
#ifndef CLOUD_CORE_H
#define CLOUD_CORE_H

#include "cloud/air/air.h"
#include "cloud/cloud_private.h"
#include "cloud/connection/exchange.h"
#include "cloud/events/events.h"
#include "cloud/healer/healer.h"
#include "cloud/jobs/jobs.h"
#include "vparticle/cloud_devices.h"

enum {
    CLOUD_SUBSCRIPTIONS =
        8, /**< of a device; the firmware has up to 5 (subscriptions.h @ v0.7.0) */
    CLOUD_DESCRIBE_LIMIT = 8192,
    CLOUD_CHUNK_SIZE = 512, /**< HAL_OTA_ChunkSize() @ v0.7.0; a device may say another */
};

/** The cloud's end of a device's connection. There is one for each device that was ever attached;
 *  it stays while the cloud does. */
struct cloud_connection {
    struct vp_cloud *cloud;
    struct vp_cloud_device *record;
    struct vp_device *device; /**< NULL: detached */
    struct cloud_connection *prev, *next;
    struct cloud_connection *active_prev, *active_next;
    bool active;       /**< there is something to do, or it has to be looked whether there is */
    bool timed;        /**< it waits for its time to pass, at real speed */
    unsigned turn;     /**< steps since it was others' turn */
    unsigned idle;     /**< steps of which nothing came */
    unsigned restless; /**< times that it connected since anybody wanted something of it */
    struct cloud_air air;
    uint64_t random, random_seed;
    struct ask *asks; /**< questions that are open */

    bool open;            /**< the device has connected */
    bool online;          /**< and said Hello */
    bool expects_restart; /**< it has taken a module, and resets itself */
    bool safe_mode, safe_mode_told;
    bool described; /**< since it is online */
    unsigned describe_tries;
    bool describe_flags; /**< it wants to be told what to describe */
    char *half;          /**< of its description; NULL: none is there that lacks the other */
    uint16_t product_id, product_version;
    struct cloud_exchange exchange;
    char subscriptions[CLOUD_SUBSCRIPTIONS][VP_CLOUD_EVENT_NAME_LIMIT + 1];
    unsigned subscription_count;

    /* What stays known when it is offline. */
    uint64_t saved; /**< when it was written down last */
    char *describe; /**< the newest description, or NULL */
    uint16_t system_version;
    uint32_t chunk_size, max_binary; /**< as it said; 0: it did not */

    struct cloud_jobs jobs;
    struct cloud_healing healing;
};

/** What the cloud has besides its registry. */
struct cloud_core {
    struct cloud_events events;
    struct cloud_connection *connections, *active;
    struct vp_cloud_air air; /**< of devices to come */
    bool strict, healer_off, running;
    bool unfinished; /**< jobs were there that were not finished when the cloud ended last */
    struct cloud_images images;
    struct cloud_modules modules;
    struct vp_flash_pool *pool; /**< so that a fleet that runs the same keeps it once */
    unsigned last_job;
    void (*wake)(void *context);
    void *wake_context;
    void (*pass)(void *context, struct vp_device *device);
    void *pass_context;
};

/** The cloud's end for a device that has none yet. @return NULL: out of memory */
struct cloud_connection *cloud_connection_create(struct vp_cloud *cloud,
                                                 struct vp_cloud_device *record,
                                                 enum vp_link_transport transport);

/** @return 0 or VP_ERROR_NO_MEMORY */
int cloud_core_create(struct vp_cloud *cloud);
void cloud_core_destroy(struct vp_cloud *cloud);

/* ---- run.c ---------------------------------------------------------------------------------- */

/** There may be something to do for it. */
void cloud_activate(struct cloud_connection *connection);

/** Somebody wants something of it: as cloud_activate(), and a device that connects again and again
 *  may go on with it. */
void cloud_rouse(struct cloud_connection *connection);

/** It is gone. */
void cloud_deactivate(struct cloud_connection *connection);

/* ---- connection.c -----------------------------------------------------------------------------
 */

/** Something comes from the device. */
void cloud_connection_take(struct cloud_connection *connection,
                           const struct cloud_air_message *message);

/** The connection is lost, or the device has gone. */
void cloud_connection_end(struct cloud_connection *connection);

/** Put a message into the air. */
void cloud_connection_send(struct cloud_connection *connection, const uint8_t *bytes,
                           size_t length);

/* ---- publish.c ---------------------------------------------------------------------------------
 */

/** An event of or about a device. @param coreid  NULL: the device's id */
void cloud_publish_of(struct cloud_connection *connection, const char *name, const char *data,
                      const char *coreid);

/** What a device published. */
void cloud_publish_from(struct cloud_connection *connection, const char *name, const char *data,
                        uint32_t ttl, bool is_public);

#endif
