/**
 * @file cloud_events.h
 * Events of the local cloud: who publishes what, and who hears it.
 *
 * Source of the fields and of who hears what: docs.particle.io, "Cloud API reference", Events.
 */
#ifndef VPARTICLE_CLOUD_EVENTS_H
#define VPARTICLE_CLOUD_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "vparticle/error.h"

struct vp_cloud;
struct vp_cloud_account;
struct vp_cloud_device;
struct vp_cloud_product;
struct vp_cloud_subscription;

enum {
    VP_CLOUD_EVENT_NAME_LIMIT = 64,      /**< bytes, as the API has it since 2019 */
    VP_CLOUD_EVENT_DATA_LIMIT = 1024,    /**< bytes that an account may publish */
    VP_CLOUD_SUBSCRIPTION_LIMIT = 16384, /**< of one cloud */
    VP_CLOUD_EVENT_TTL = 60,             /**< seconds, if nobody says another */
};

/** An event. Everything in it is valid during the call only. */
struct vp_cloud_event {
    const char *name;
    const char *data;      /**< NULL: none */
    const char *coreid;    /**< a device's id, "particle-internal", or "api" */
    uint32_t ttl;          /**< seconds */
    uint64_t published_at; /**< UTC, milliseconds since 1970 */
    bool is_public;
    const struct vp_cloud_device *device;   /**< that it is from or about; NULL: an account's own */
    const struct vp_cloud_account *account; /**< whose it is; NULL: of a device that is nobody's */
    const struct vp_cloud_product *product; /**< that the device is in, or NULL */
};

/** What a subscriber hears: all that is set must fit. */
struct vp_cloud_filter {
    const struct vp_cloud_account *account; /**< who listens; NULL: everything, for tests */
    const struct vp_cloud_device *device;   /**< or NULL: all */
    const struct vp_cloud_product *product; /**< or NULL: all */
    const char *prefix;                     /**< of the name; copied. NULL or "": all */
    bool public_too; /**< also what others publish publicly: GET /v1/events, not /v1/devices/events
                      */
};

typedef void (*vp_cloud_event_handler)(void *context, const struct vp_cloud_event *event);

/**
 * Hear events from now on. The handler is called from inside of other calls to the cloud; it may
 * publish, flash, ask, subscribe, and unsubscribe (itself, too); it must not attach or detach
 * devices, nor destroy the cloud.
 * @param[out] subscription  ended by vp_cloud_unsubscribe(), or with the cloud
 * @return 0, VP_ERROR_BUSY (VP_CLOUD_SUBSCRIPTION_LIMIT are there), VP_ERROR_NO_MEMORY
 */
int vp_cloud_subscribe(struct vp_cloud *cloud, const struct vp_cloud_filter *filter,
                       vp_cloud_event_handler handler, void *context,
                       struct vp_cloud_subscription **subscription);

/** NULL is allowed. The handler is not called any more. */
void vp_cloud_unsubscribe(struct vp_cloud *cloud, struct vp_cloud_subscription *subscription);

/**
 * Publish in the name of an account, as POST /v1/devices/events does. Devices of that account that
 * subscribed to it get it, too.
 * @param data  or NULL
 * @param ttl   seconds
 * @return 0, VP_ERROR_INVALID (no name, or name or data too long; @p failure says which)
 */
int vp_cloud_publish(struct vp_cloud *cloud, const struct vp_cloud_account *account,
                     const char *name, const char *data, uint32_t ttl, bool is_public,
                     struct vp_failure *failure);

#endif
