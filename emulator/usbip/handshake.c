/* What a client asks before it has a device: the list of them, and one to import. */
#include "usbip/session_private.h"

#include <stdio.h>
#include <string.h>

bool usbip_export_describe(const struct usbip_export *export, struct vp_usbip_device *device)
{
    memset(device, 0, sizeof *device);
    if (vp_device_identity(export->device, &device->identity) != 0) {
        return false;
    }
    snprintf(device->path, sizeof device->path, "/sys/devices/platform/vparticle/usb%d/%s",
             USBIP_BUSNUM, export->busid);
    memcpy(device->busid, export->busid, sizeof device->busid);
    device->busnum = USBIP_BUSNUM;
    device->devnum = export->devnum;
    device->speed = USBIP_SPEED_FULL;
    return true;
}

void usbip_export_set_importer(struct usbip_export *export, struct usbip_session *from,
                               struct usbip_session *to)
{
    if (export->importer != from) {
        return;
    }
    export->importer = to;
    if (export->importer_changed) {
        export->importer_changed(export);
    }
}

static void answer_op(struct usbip_session *session, uint16_t code, enum vp_usbip_op_status status)
{
    uint8_t *to = usbip_session_reserve(session, VP_USBIP_OP_SIZE);
    if (to) {
        const struct vp_usbip_op op = {.version = VP_USBIP_VERSION, .code = code, .status = status};
        vp_usbip_encode_op(to, &op);
    }
}

static void put_interfaces(uint8_t *to, const struct vp_usb_identity *identity)
{
    for (uint8_t i = 0; i < identity->interface_count; i++, to += VP_USBIP_INTERFACE_SIZE) {
        to[0] = identity->interfaces[i].interface_class;
        to[1] = identity->interfaces[i].interface_subclass;
        to[2] = identity->interfaces[i].interface_protocol;
        to[3] = 0;
    }
}

static void on_devlist(struct usbip_session *session)
{
    answer_op(session, VP_USBIP_OP_REP_DEVLIST, VP_USBIP_ST_OK);
    uint8_t *count = usbip_session_reserve(session, 4);
    if (!count) {
        return;
    }
    size_t count_offset = (size_t)(count - session->output.bytes) - session->output.start;
    uint32_t shown = 0;
    for (size_t i = 0; i < session->exports->count; i++) {
        struct vp_usbip_device device;
        if (!usbip_export_describe(session->exports->items[i], &device)) {
            continue;
        }
        size_t interfaces = (size_t)device.identity.interface_count * VP_USBIP_INTERFACE_SIZE;
        uint8_t *to = usbip_session_reserve(session, VP_USBIP_DEVICE_SIZE + interfaces);
        if (!to) {
            return;
        }
        vp_usbip_encode_device(to, &device);
        put_interfaces(to + VP_USBIP_DEVICE_SIZE, &device.identity);
        shown++;
    }
    count = session->output.bytes + session->output.start + count_offset;
    memset(count, 0, 4);
    count[2] = (uint8_t)(shown >> 8);
    count[3] = (uint8_t)shown;
    session->state = USBIP_SESSION_DONE; /* as usbipd does: one list for each connection */
}

static struct usbip_export *find_export(const struct usbip_session *session, const char *busid)
{
    for (size_t i = 0; i < session->exports->count; i++) {
        if (strcmp(session->exports->items[i]->busid, busid) == 0) {
            return session->exports->items[i];
        }
    }
    return NULL;
}

/** Take the device for this session. @return the status to answer */
static enum vp_usbip_op_status take(struct usbip_session *session, struct usbip_export *export,
                                    struct vp_usbip_device *device)
{
    if (!export) {
        return VP_USBIP_ST_NODEV;
    }
    if (export->importer) {
        return VP_USBIP_ST_DEV_BUSY;
    }
    if (vp_device_bus_reset(export->device) != 0 || !usbip_export_describe(export, device)) {
        return VP_USBIP_ST_NA;
    }
    session->export = export;
    session->state = USBIP_SESSION_IMPORTED;
    usbip_export_set_importer(export, NULL, session);
    return VP_USBIP_ST_OK;
}

static void on_import(struct usbip_session *session, const uint8_t *busid_bytes)
{
    char busid[VP_USBIP_BUSID_SIZE];
    struct vp_usbip_device device;
    memcpy(busid, busid_bytes, sizeof busid);
    if (busid[sizeof busid - 1] != '\0') {
        usbip_session_break(session, "a bus id that does not end");
        return;
    }
    enum vp_usbip_op_status status = take(session, find_export(session, busid), &device);
    answer_op(session, VP_USBIP_OP_REP_IMPORT, status);
    if (status != VP_USBIP_ST_OK) {
        session->state = USBIP_SESSION_DONE;
        return;
    }
    uint8_t *to = usbip_session_reserve(session, VP_USBIP_DEVICE_SIZE);
    if (to) {
        vp_usbip_encode_device(to, &device);
    }
}

/** @return bytes that the whole message has, or 0 if the session is over */
static size_t check_op(struct usbip_session *session)
{
    struct vp_usbip_op op;
    vp_usbip_decode_op(&op, session->head);
    if (op.code != VP_USBIP_OP_REQ_DEVLIST && op.code != VP_USBIP_OP_REQ_IMPORT) {
        usbip_session_break(session, "does not speak USB/IP: starts with %02x %02x %02x %02x",
                            session->head[0], session->head[1], session->head[2], session->head[3]);
        return 0;
    }
    if (op.version != VP_USBIP_VERSION) {
        answer_op(session, op.code & 0x7FFF, VP_USBIP_ST_ERROR);
        usbip_session_break(session, "speaks USB/IP version %x.%x.%x, and this is 1.1.1",
                            op.version >> 8, op.version >> 4 & 15, op.version & 15);
        return 0;
    }
    return op.code == VP_USBIP_OP_REQ_IMPORT ? VP_USBIP_IMPORT_REQUEST_SIZE : VP_USBIP_OP_SIZE;
}

size_t usbip_handshake_feed(struct usbip_session *session, const uint8_t *bytes, size_t count)
{
    size_t used = 0;
    if (session->head_filled < VP_USBIP_OP_SIZE) {
        used = usbip_session_fill_head(session, bytes, count, VP_USBIP_OP_SIZE);
        if (session->head_filled < VP_USBIP_OP_SIZE) {
            return used;
        }
    }
    size_t want = check_op(session);
    if (want == 0) {
        return used;
    }
    used += usbip_session_fill_head(session, bytes + used, count - used, want);
    if (session->head_filled < want) {
        return used;
    }
    session->head_filled = 0;
    if (want == VP_USBIP_OP_SIZE) {
        on_devlist(session);
    } else {
        on_import(session, session->head + VP_USBIP_OP_SIZE);
    }
    return used;
}
