/** @file event_log.h What a cloud told its subscribers, as lines of text. */
#ifndef VP_CLOUD_EVENT_LOG_H
#define VP_CLOUD_EVENT_LOG_H

#include <stdbool.h>
#include <stddef.h>

#include "vparticle/cloud_events.h"

/** Lines "NAME DATA\n", oldest first. */
struct vp_event_log {
    struct vp_cloud *cloud;
    struct vp_cloud_subscription *subscription;
    char *text; /**< NULL: no event yet */
    size_t length;
    bool cut; /**< there was more than fits */
};

/** Begin to write down all events that @p account may see. @return 0, VP_ERROR_NO_MEMORY */
int vp_event_log_start(struct vp_event_log *log, struct vp_cloud *cloud,
                       const struct vp_cloud_account *account);

/** Forget what was written down so far. */
void vp_event_log_clear(struct vp_event_log *log);

/** One that never started (all zeros) is allowed. */
void vp_event_log_stop(struct vp_event_log *log);

#endif
