#include "cloud/event_log.h"

#include <stdlib.h>
#include <string.h>

enum { LARGEST = 1 << 20 };

static void append(struct vp_event_log *log, const char *text)
{
    const size_t length = strlen(text);
    if (log->cut || length > LARGEST - log->length) {
        log->cut = true;
        return;
    }
    char *grown = realloc(log->text, log->length + length + 1);
    if (!grown) {
        log->cut = true;
        return;
    }
    log->text = grown;
    memcpy(grown + log->length, text, length + 1);
    log->length += length;
}

static void on_event(void *context, const struct vp_cloud_event *event)
{
    struct vp_event_log *log = context;
    append(log, event->name);
    append(log, " ");
    append(log, event->data ? event->data : "");
    append(log, "\n");
}

int vp_event_log_start(struct vp_event_log *log, struct vp_cloud *cloud,
                       const struct vp_cloud_account *account)
{
    const struct vp_cloud_filter filter = {.account = account};
    *log = (struct vp_event_log){.cloud = cloud};
    return vp_cloud_subscribe(cloud, &filter, on_event, log, &log->subscription);
}

void vp_event_log_clear(struct vp_event_log *log)
{
    free(log->text);
    log->text = NULL;
    log->length = 0;
    log->cut = false;
}

void vp_event_log_stop(struct vp_event_log *log)
{
    if (log->subscription) {
        vp_cloud_unsubscribe(log->cloud, log->subscription);
    }
    vp_event_log_clear(log);
    *log = (struct vp_event_log){0};
}
