/* Snapshots by name. */
#include <stdlib.h>
#include <string.h>

#include "control/request.h"

static struct control_snapshot *find_snapshot(const struct control_request *request,
                                              const char *name)
{
    for (unsigned i = 0; i < request->control->snapshot_count; i++) {
        struct control_snapshot *snapshot = &request->control->snapshots[i];
        if (snapshot->device == request->target && strcmp(snapshot->name, name) == 0) {
            return snapshot;
        }
    }
    return NULL;
}

bool control_take_snapshot(struct control_request *request)
{
    struct vp_control_socket *control = request->control;
    const char *name = control_get_name(request);
    if (!name) {
        return false;
    }
    struct control_snapshot *place = find_snapshot(request, name);
    if (!place && control->snapshot_count == VP_CONTROL_SNAPSHOT_LIMIT) {
        return control_refuse(request,
                              "there are %d snapshots already; use one of their names again",
                              VP_CONTROL_SNAPSHOT_LIMIT);
    }
    struct vp_snapshot *taken;
    if (vp_device_take_snapshot(request->target->device, &taken)) {
        return control_refuse(request, "out of memory");
    }
    if (place) {
        vp_snapshot_destroy(place->snapshot);
        place->snapshot = taken;
        return true;
    }
    char *copy = strdup(name);
    if (!copy) {
        vp_snapshot_destroy(taken);
        return control_refuse(request, "out of memory");
    }
    control->snapshots[control->snapshot_count++] =
        (struct control_snapshot){copy, request->target, taken};
    return true;
}

bool control_restore(struct control_request *request)
{
    const char *name = control_get_name(request);
    if (!name) {
        return false;
    }
    const struct control_snapshot *snapshot = find_snapshot(request, name);
    if (!snapshot) {
        return control_refuse(
            request, "there is no snapshot '%.80s' of this device; 'snapshots' lists them", name);
    }
    if (vp_device_restore(request->target->device, snapshot->snapshot)) {
        return control_refuse(request, "out of memory");
    }
    return control_mode(request);
}

bool control_list_snapshots(struct control_request *request)
{
    json_t *names = json_array();
    for (unsigned i = 0; i < request->control->snapshot_count; i++) {
        if (request->control->snapshots[i].device == request->target) {
            json_array_append_new(names, json_string(request->control->snapshots[i].name));
        }
    }
    json_object_set_new(request->answer, "snapshots", names);
    return true;
}
