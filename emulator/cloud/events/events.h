/** @file events.h Who hears which event. */
#ifndef CLOUD_EVENTS_H
#define CLOUD_EVENTS_H

#include "vparticle/cloud_events.h"

/** All zero: nobody listens. */
struct cloud_events {
    struct vp_cloud_subscription *first; /**< oldest first */
    unsigned count;
    unsigned depth; /**< of handlers that publish */
    bool ended;     /**< a subscription ended meanwhile, and waits to be freed */
};

/** As vp_cloud_subscribe(). */
int cloud_events_subscribe(struct cloud_events *events, const struct vp_cloud_filter *filter,
                           vp_cloud_event_handler handler, void *context,
                           struct vp_cloud_subscription **subscription);

/** As vp_cloud_unsubscribe(). */
void cloud_events_unsubscribe(struct cloud_events *events,
                              struct vp_cloud_subscription *subscription);

/** Would a subscriber with that filter hear the event? */
bool cloud_events_match(const struct vp_cloud_filter *filter, const struct vp_cloud_event *event);

/** Tell all who want to hear it. Handlers that publish in turn are heard up to a bounded depth. */
void cloud_events_tell(struct cloud_events *events, const struct vp_cloud_event *event);

/** End all subscriptions. */
void cloud_events_free(struct cloud_events *events);

#endif
