/* The control socket: connections, and the devices that it controls. */
#include <stdlib.h>
#include <string.h>

#include "control/control_private.h"
#include "net/socket.h"

static void on_connected(void *context, int descriptor, const struct sockaddr_storage *peer,
                         socklen_t peer_length)
{
    (void)peer;
    (void)peer_length;
    control_client_start(context, descriptor);
}

int vp_control_socket_create(struct vp_control_socket **control, struct ev_loop *loop,
                             const char *address, struct vp_failure *failure)
{
    static const struct vp_listener_handlers handlers = {.connected = on_connected};
    struct vp_control_socket *made = calloc(1, sizeof *made);
    if (!made) {
        return vp_fail(failure, VP_ERROR_NO_MEMORY, "out of memory");
    }
    made->loop = loop;
    const int error = vp_listener_open(&made->listener, loop, address, &handlers, made, failure);
    if (error) {
        free(made);
        return error;
    }
    *control = made;
    return 0;
}

void vp_control_socket_address(const struct vp_control_socket *control, char *text, size_t size)
{
    vp_socket_address(control->listener.io.fd, text, size);
}

/* ---- Devices ------------------------------------------------------------------------------- */

static json_t *message_of(const struct control_device *device, const struct vp_event *event)
{
    json_t *message =
        json_pack("{s:s, s:i, s:I}", "event", control_event_name(event->kind), "device",
                  (int)device->number, "time", (json_int_t)vp_device_time(device->device));
    switch (event->kind) {
    case VP_EVENT_MODE:
        json_object_set_new(message, "mode", json_string(vp_mode_name(event->mode)));
        break;
    case VP_EVENT_LED:
        json_object_set_new(message, "led", control_led(device->device));
        break;
    case VP_EVENT_ATTACHED: {
        json_t *status = control_status(device->device);
        json_object_set(message, "usb", json_object_get(status, "usb"));
        json_decref(status);
        break;
    }
    default:
        break;
    }
    return message;
}

static void on_device_event(void *context, const struct vp_event *event)
{
    const struct control_device *device = context;
    if (control_event_name(event->kind) && device->control->clients) {
        json_t *message = message_of(device, event);
        control_tell(device->control, event->kind, message);
        json_decref(message);
    }
}

int vp_control_socket_add(struct vp_control_socket *control, struct vp_device *device)
{
    struct control_device **devices =
        realloc(control->devices, (control->device_count + 1) * sizeof(struct control_device *));
    if (!devices) {
        return VP_ERROR_NO_MEMORY;
    }
    control->devices = devices;
    struct control_device *added = calloc(1, sizeof *added);
    if (!added || vp_device_listen(device, on_device_event, added)) {
        free(added);
        return VP_ERROR_NO_MEMORY;
    }
    added->control = control;
    added->device = device;
    added->number = control->device_count;
    devices[control->device_count++] = added;
    return 0;
}

char *vp_control_socket_request(struct vp_control_socket *control, const char *line, size_t length)
{
    json_t *message = control_carry_out(control, NULL, line, length);
    char *text = message ? json_dumps(message, JSON_COMPACT) : NULL;
    json_decref(message);
    return text;
}

void vp_control_socket_destroy(struct vp_control_socket *control)
{
    if (!control) {
        return;
    }
    while (control->clients) {
        control_client_close(control->clients);
    }
    for (unsigned i = 0; i < control->device_count; i++) {
        vp_device_unlisten(control->devices[i]->device, on_device_event, control->devices[i]);
        free(control->devices[i]);
    }
    for (unsigned i = 0; i < control->snapshot_count; i++) {
        vp_snapshot_destroy(control->snapshots[i].snapshot);
        free(control->snapshots[i].name);
    }
    vp_listener_close(&control->listener);
    free(control->devices);
    free(control);
}
