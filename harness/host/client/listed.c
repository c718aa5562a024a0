#include "host/client/listed.h"

#include <string.h>

/* A server ends a connection at once; so long may it take to get here on a busy machine. */
static const double PATIENCE = 5;

const struct vp_usbip_device *listed_find(const struct vp_usbip_device *shown, size_t count,
                                          const char *busid)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(shown[i].busid, busid) == 0) {
            return &shown[i];
        }
    }
    return NULL;
}

void listed_import(struct listed *listed, uint32_t number, unsigned long lists_asked)
{
    *listed = (struct listed){.number = number, .imported_at = lists_asked};
}

bool listed_look(struct listed *listed, const struct vp_usbip_device *shown, unsigned long lists,
                 ev_tstamp now)
{
    if (lists <= listed->imported_at) {
        return false; /* the answer may be older than the import */
    }
    const bool same = shown && shown->devnum == listed->number;
    const bool leaves = shown ? !same : listed->in_use;
    listed->in_use = listed->in_use || same;
    if (leaves && !listed->leaves) {
        listed->leaves_since = now;
    }
    listed->leaves = leaves;
    return leaves && now - listed->leaves_since > PATIENCE;
}
