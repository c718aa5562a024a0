/* What is published, and how it gets to devices that want to hear it. */
#include <stdio.h>
#include <string.h>
#include <utlist.h>

#include "cloud/core.h"

enum { EVENT_ROOM = 1300 };

static struct vp_cloud_event event_of(const struct cloud_connection *connection, const char *name,
                                      const char *data)
{
    const struct vp_cloud_device *record = connection->record;
    return (struct vp_cloud_event){
        .name = name,
        .data = data,
        .coreid = record->id,
        .ttl = VP_CLOUD_EVENT_TTL,
        .published_at = cloud_now(connection->cloud),
        .device = record,
        .account = record->owner,
        .product = record->product,
    };
}

void cloud_publish_of(struct cloud_connection *connection, const char *name, const char *data,
                      const char *coreid)
{
    struct vp_cloud_event event = event_of(connection, name, data);
    if (coreid) {
        event.coreid = coreid;
    }
    cloud_events_tell(&connection->cloud->core->events, &event);
}

/* ---- To devices ----------------------------------------------------------------------------- */

static bool wants(const struct cloud_connection *connection, const char *name)
{
    for (unsigned i = 0; i < connection->subscription_count; i++) {
        if (!strncmp(name, connection->subscriptions[i], strlen(connection->subscriptions[i]))) {
            return true;
        }
    }
    return false;
}

/* The name in parts, as a cloud sends it (subscriptions.h @ v0.7.0 puts it together). */
static void add_name(struct vp_coap_writer *writer, const char *name)
{
    while (true) {
        const size_t length = strcspn(name, "/");
        vp_coap_add_option(writer, VP_COAP_URI_PATH, name, length);
        if (!name[length]) {
            return;
        }
        name += length + 1;
    }
}

static void send_event(struct cloud_connection *connection, const struct vp_cloud_event *event)
{
    uint8_t bytes[EVENT_ROOM];
    struct vp_coap_writer writer;
    vp_coap_begin(&writer, bytes, sizeof bytes, VP_COAP_NON_CONFIRMABLE, VP_COAP_POST,
                  cloud_exchange_next_id(&connection->exchange), NULL, 0);
    vp_coap_add_text(&writer, VP_COAP_URI_PATH, event->is_public ? "e" : "E");
    add_name(&writer, event->name);
    if (event->data) {
        vp_coap_add_payload(&writer, event->data, strlen(event->data));
    }
    const size_t length = vp_coap_finish(&writer);
    if (length > 0) {
        cloud_connection_send(connection, bytes, length);
        cloud_activate(connection);
    }
}

/* To the devices of the same account. */
static void send_to_devices(struct cloud_core *core, const struct vp_cloud_event *event)
{
    struct cloud_connection *connection;
    DL_FOREACH(core->connections, connection)
    {
        if (connection->online && connection->record->owner == event->account &&
            connection->record != event->device && wants(connection, event->name)) {
            send_event(connection, event);
        }
    }
}

/* All devices subscribe to "spark". That what is published of one does not come to all others of
 * its owner is an assumption: in the other case a fleet would hear nothing else. */
static bool is_reserved(const char *name)
{
    return !strncmp(name, "spark", 5) || !strncmp(name, "particle", 8);
}

void cloud_publish_from(struct cloud_connection *connection, const char *name, const char *data,
                        uint32_t ttl, bool is_public)
{
    struct cloud_core *core = connection->cloud->core;
    struct vp_cloud_event event = event_of(connection, name, data);
    event.ttl = ttl;
    event.is_public = is_public;
    cloud_events_tell(&core->events, &event);
    if (event.account && !is_reserved(name)) {
        send_to_devices(core, &event);
    }
}

/* ---- By accounts ---------------------------------------------------------------------------- */

int vp_cloud_publish(struct vp_cloud *cloud, const struct vp_cloud_account *account,
                     const char *name, const char *data, uint32_t ttl, bool is_public,
                     struct vp_failure *failure)
{
    const size_t length = strlen(name);
    if (length == 0 || length > VP_CLOUD_EVENT_NAME_LIMIT) {
        return vp_fail(failure, VP_ERROR_INVALID, "the event's name must have 1 to %d bytes",
                       VP_CLOUD_EVENT_NAME_LIMIT);
    }
    if (data && strlen(data) > VP_CLOUD_EVENT_DATA_LIMIT) {
        return vp_fail(failure, VP_ERROR_INVALID, "the event's data must have at most %d bytes",
                       VP_CLOUD_EVENT_DATA_LIMIT);
    }
    const struct vp_cloud_event event = {
        .name = name,
        .data = data,
        .coreid = "api", /* docs.particle.io: of what the API published */
        .ttl = ttl,
        .published_at = cloud_now(cloud),
        .is_public = is_public,
        .account = account,
    };
    cloud_events_tell(&cloud->core->events, &event);
    send_to_devices(cloud->core, &event);
    return 0;
}

int vp_cloud_subscribe(struct vp_cloud *cloud, const struct vp_cloud_filter *filter,
                       vp_cloud_event_handler handler, void *context,
                       struct vp_cloud_subscription **subscription)
{
    return cloud_events_subscribe(&cloud->core->events, filter, handler, context, subscription);
}

void vp_cloud_unsubscribe(struct vp_cloud *cloud, struct vp_cloud_subscription *subscription)
{
    cloud_events_unsubscribe(&cloud->core->events, subscription);
}
