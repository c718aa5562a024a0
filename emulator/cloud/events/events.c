#include "cloud/events/events.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum { DEPTH = 8 }; /* of events that come of events */

struct vp_cloud_subscription {
    struct vp_cloud_filter filter;  /* its prefix is the subscription's own */
    vp_cloud_event_handler handler; /* NULL: ended */
    void *context;
    struct vp_cloud_subscription *prev, *next;
};

static void free_subscription(struct vp_cloud_subscription *subscription)
{
    free((char *)subscription->filter.prefix);
    free(subscription);
}

int cloud_events_subscribe(struct cloud_events *events, const struct vp_cloud_filter *filter,
                           vp_cloud_event_handler handler, void *context,
                           struct vp_cloud_subscription **subscription)
{
    if (events->count >= VP_CLOUD_SUBSCRIPTION_LIMIT) {
        return VP_ERROR_BUSY;
    }
    struct vp_cloud_subscription *made = calloc(1, sizeof *made);
    char *prefix = strdup(filter->prefix ? filter->prefix : "");
    if (!made || !prefix) {
        free(made);
        free(prefix);
        return VP_ERROR_NO_MEMORY;
    }
    made->filter = *filter;
    made->filter.prefix = prefix;
    made->handler = handler;
    made->context = context;
    DL_APPEND(events->first, made);
    events->count++;
    *subscription = made;
    return 0;
}

/* Those that ended while an event was told. */
static void sweep(struct cloud_events *events)
{
    struct vp_cloud_subscription *at, *after;
    DL_FOREACH_SAFE(events->first, at, after)
    {
        if (!at->handler) {
            DL_DELETE(events->first, at);
            free_subscription(at);
        }
    }
    events->ended = false;
}

void cloud_events_unsubscribe(struct cloud_events *events,
                              struct vp_cloud_subscription *subscription)
{
    if (!subscription) {
        return;
    }
    events->count--;
    if (events->depth > 0) {
        subscription->handler = NULL;
        events->ended = true;
        return;
    }
    DL_DELETE(events->first, subscription);
    free_subscription(subscription);
}

/* One's own events; public ones of others if they are wanted; all of one's product's devices. */
static bool may_hear(const struct vp_cloud_filter *filter, const struct vp_cloud_event *event)
{
    return !filter->account || (event->account && event->account == filter->account) ||
           (filter->public_too && event->is_public) || filter->product;
}

bool cloud_events_match(const struct vp_cloud_filter *filter, const struct vp_cloud_event *event)
{
    return may_hear(filter, event) && (!filter->device || filter->device == event->device) &&
           (!filter->product || filter->product == event->product) &&
           (!filter->prefix || !strncmp(event->name, filter->prefix, strlen(filter->prefix)));
}

void cloud_events_tell(struct cloud_events *events, const struct vp_cloud_event *event)
{
    if (events->depth >= DEPTH || !events->first) {
        return;
    }
    events->depth++;
    /* Who subscribes meanwhile hears only what comes after. */
    const struct vp_cloud_subscription *last = events->first->prev;
    struct vp_cloud_subscription *at = events->first;
    for (bool more = true; more; at = at->next) {
        more = at != last;
        if (at->handler && cloud_events_match(&at->filter, event)) {
            at->handler(at->context, event);
        }
    }
    events->depth--;
    if (events->depth == 0 && events->ended) {
        sweep(events);
    }
}

void cloud_events_free(struct cloud_events *events)
{
    struct vp_cloud_subscription *at, *after;
    DL_FOREACH_SAFE(events->first, at, after)
    {
        DL_DELETE(events->first, at);
        free_subscription(at);
    }
    *events = (struct cloud_events){0};
}
