#include "host/client/import.h"

#include <stdio.h>
#include <string.h>

void import_request(uint8_t bytes[VP_USBIP_IMPORT_REQUEST_SIZE], const char *busid)
{
    memset(bytes, 0, VP_USBIP_IMPORT_REQUEST_SIZE);
    vp_usbip_encode_op(
        bytes, &(struct vp_usbip_op){.version = VP_USBIP_VERSION, .code = VP_USBIP_OP_REQ_IMPORT});
    snprintf((char *)bytes + VP_USBIP_OP_SIZE, VP_USBIP_BUSID_SIZE, "%s", busid);
}

size_t import_answer(const uint8_t *bytes, size_t count, struct vp_usbip_device *device,
                     const char **reason)
{
    static const char *const reasons[] = {"", "the device is not available",
                                          "the device is in use by another host",
                                          "the device failed", "the server has no such device"};
    *reason = NULL;
    if (count < VP_USBIP_OP_SIZE) {
        return 0;
    }
    struct vp_usbip_op op;
    vp_usbip_decode_op(&op, bytes);
    if (op.code != VP_USBIP_OP_REP_IMPORT) {
        *reason = "the server does not answer OP_REQ_IMPORT in the form of USB/IP";
        return 0;
    }
    if (op.status) {
        *reason =
            op.status < sizeof reasons / sizeof *reasons ? reasons[op.status] : "the import failed";
        return 0;
    }
    if (count < VP_USBIP_OP_SIZE + VP_USBIP_DEVICE_SIZE) {
        return 0;
    }
    vp_usbip_decode_device(device, bytes + VP_USBIP_OP_SIZE);
    return VP_USBIP_OP_SIZE + VP_USBIP_DEVICE_SIZE;
}
