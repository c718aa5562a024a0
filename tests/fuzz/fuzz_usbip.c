/*
 * A client that sends anything at all: the session between it and two devices. The first byte
 * says whether it begins with a good import; after that a byte says how much is fed at once, and
 * what else happens in between.
 */
#include <stdlib.h>
#include <string.h>

#include "support/fake_device.h"
#include "usbip/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct scene {
    struct vp_device *devices[2];
    struct usbip_export exports[2];
    struct usbip_export *items[2];
    struct usbip_exports all;
    struct usbip_session session;
};

static void on_event(void *context, const struct vp_event *event)
{
    struct usbip_export *export = context;
    if (event->kind == VP_EVENT_DETACHED && export->importer) {
        usbip_session_device_left(export->importer);
    }
}

static void begin(struct scene *scene)
{
    memset(scene, 0, sizeof *scene);
    for (unsigned i = 0; i < 2; i++) {
        struct usbip_export *export = &scene->exports[i];
        scene->devices[i] = fake_device_create((uint16_t)(0xD006 + i));
        if (!scene->devices[i]) {
            abort();
        }
        export->device = scene->devices[i];
        export->busid[0] = '1';
        export->busid[1] = '-';
        export->busid[2] = (char)('1' + i);
        vp_device_listen(export->device, on_event, export);
        scene->items[i] = export;
    }
    scene->all = (struct usbip_exports){scene->items, 2};
    usbip_session_begin(&scene->session, &scene->all);
}

static void end(struct scene *scene)
{
    usbip_session_end(&scene->session);
    for (unsigned i = 0; i < 2; i++) {
        if (scene->exports[i].importer || scene->devices[i]->pending.first) {
            abort(); /* the session has left something behind */
        }
        vp_device_destroy(scene->devices[i]);
    }
}

static void import(struct scene *scene)
{
    static const uint8_t request[VP_USBIP_IMPORT_REQUEST_SIZE] = {0x01, 0x11, 0x80, 3,   0,  0,
                                                                  0,    0,    '1',  '-', '1'};
    usbip_session_feed(&scene->session, request, sizeof request);
    if (scene->session.state != USBIP_SESSION_IMPORTED) {
        abort();
    }
}

/* What the device and the network do meanwhile. */
static void meanwhile(struct scene *scene, uint8_t what)
{
    struct vp_device *device = scene->devices[what & 1];
    switch (what >> 5) {
    case 0:
        fake_device_complete(device, what >> 1 & 15, true, "some data", 9);
        break;
    case 1:
        if (device->attached) {
            fake_device_detach(device);
        } else {
            fake_device_attach(device);
        }
        break;
    case 2:
        usbip_session_sent(&scene->session, usbip_session_waiting(&scene->session) / 2);
        break;
    default:
        usbip_session_sent(&scene->session, usbip_session_waiting(&scene->session));
        break;
    }
}

static void check_bounds(const struct usbip_session *session)
{
    if (session->pending_count > USBIP_PENDING_LIMIT ||
        session->pending_bytes > USBIP_PENDING_BYTES_LIMIT ||
        usbip_session_waiting(session) > USBIP_OUTPUT_PAUSE + USBIP_TRANSFER_LIMIT +
                                             USBIP_PENDING_BYTES_LIMIT +
                                             (USBIP_PENDING_LIMIT + 1) * VP_USBIP_HEADER_SIZE) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct scene scene;
    begin(&scene);
    size_t done = 0;
    if (size > 0 && data[done++] & 1) {
        import(&scene);
    }
    while (size - done >= 2) {
        size_t piece = data[done] & 0x80 ? 48 : data[done];
        uint8_t what = data[done + 1];
        done += 2;
        piece = piece < size - done ? piece : size - done;
        size_t used = usbip_session_feed(&scene.session, data + done, piece);
        if (used > piece || (piece > 0 && used == 0 &&
                             usbip_session_waiting(&scene.session) <= USBIP_OUTPUT_PAUSE)) {
            abort(); /* no progress, for ever */
        }
        done += used;
        check_bounds(&scene.session);
        meanwhile(&scene, what);
        check_bounds(&scene.session);
    }
    end(&scene);
    return 0;
}
