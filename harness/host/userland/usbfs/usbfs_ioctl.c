/*
 * ioctl(2) on a device node: which request is meant; and the requests to the device as a whole.
 */
#include <errno.h>
#include <limits.h>
#include <linux/usbdevice_fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "host/userland/core/userland.h"
#include "host/userland/files/permission.h"
#include "host/userland/serial/acm.h"
#include "host/userland/tree/paths.h"
#include "host/userland/usbfs/usbfs_private.h"

/* ---- The device -------------------------------------------------------------------------- */

static void on_clear_halt(struct usbfs_file *file, const struct call *call)
{
    unsigned address;
    if (!usbfs_read_number(call, &address)) {
        return;
    }
    int error = usbfs_check_endpoint(file, address);
    if (error) {
        call_fail(call, error);
        return;
    }
    uint8_t setup[8];
    usbfs_make_setup(setup, 0x02, 1, 0, address, 0);
    usbfs_request(file, call, setup, usbfs_answer_status, 0);
}

static void on_reset_endpoint(struct usbfs_file *file, const struct call *call)
{
    unsigned address;
    if (usbfs_read_number(call, &address)) {
        usbfs_answer(call, -usbfs_check_endpoint(file, address));
    }
}

/* ---- Questions --------------------------------------------------------------------------- */

static void on_capabilities(struct usbfs_file *file, const struct call *call)
{
    (void)file;
    uint32_t capabilities = USBDEVFS_CAP_ZERO_PACKET | USBDEVFS_CAP_NO_PACKET_SIZE_LIM |
                            USBDEVFS_CAP_REAP_AFTER_DISCONNECT;
    usbfs_answer(call, -call_write(call, call->arguments[2], &capabilities, sizeof capabilities));
}

static void on_connect_info(struct usbfs_file *file, const struct call *call)
{
    struct usbdevfs_connectinfo info = {.devnum = file->device->usb.number,
                                        .slow = file->device->usb.speed == USB_SPEED_LOW};
    usbfs_answer(call, -call_write(call, call->arguments[2], &info, sizeof info));
}

static void on_speed(struct usbfs_file *file, const struct call *call)
{
    call_return(call, file->device->usb.speed);
}

static const struct {
    unsigned request;
    bool after_unplug; /* allowed on a device that is gone */
    void (*handle)(struct usbfs_file *file, const struct call *call);
} requests[] = {
    {USBDEVFS_SUBMITURB, false, usbfs_on_submit},
    {USBDEVFS_REAPURBNDELAY, true, usbfs_on_reap_now},
    {USBDEVFS_REAPURB, true, usbfs_on_reap},
    {USBDEVFS_DISCARDURB, false, usbfs_on_discard},
    {USBDEVFS_CONTROL, false, usbfs_on_control},
    {USBDEVFS_BULK, false, usbfs_on_bulk},
    {USBDEVFS_CLAIMINTERFACE, false, usbfs_on_claim},
    {USBDEVFS_RELEASEINTERFACE, false, usbfs_on_release},
    {USBDEVFS_SETINTERFACE, false, usbfs_on_set_interface},
    {USBDEVFS_SETCONFIGURATION, false, usbfs_on_set_configuration},
    {USBDEVFS_GETDRIVER, false, usbfs_on_get_driver},
    {USBDEVFS_IOCTL, false, usbfs_on_driver_request},
    {USBDEVFS_DISCONNECT_CLAIM, false, usbfs_on_disconnect_claim},
    {USBDEVFS_CLEAR_HALT, false, on_clear_halt},
    {USBDEVFS_RESETEP, false, on_reset_endpoint},
    {USBDEVFS_RESET, false, usbfs_on_reset},
    {USBDEVFS_GET_CAPABILITIES, false, on_capabilities},
    {USBDEVFS_CONNECTINFO, false, on_connect_info},
    {USBDEVFS_GET_SPEED, false, on_speed},
};

/* A node that was opened for reading only is a plain file of the tree. Kernel: usbdev_do_ioctl(),
 * which lets nobody do anything with that. */
static void refuse_read_only(const struct userland *host, const struct call *call, const char *name)
{
    unsigned bus;
    unsigned device;
    const char *seen = paths_seen(host->tree.root, name);
    if (seen == name || !paths_is_node(seen, &bus, &device)) {
        call_continue(call);
    } else if (permission_of(call, USB_MAJOR).allowed & W_OK) {
        call_fail(call, EPERM); /* its own fault */
    } else {
        permission_refuse(call, seen, EPERM);
    }
}

void usbfs_ioctl(struct userland *host, const struct call *call)
{
    char name[PATH_MAX];
    if (!call_fd_name(call, (int)call->arguments[0], name, sizeof name)) {
        call_continue(call);
        return;
    }
    struct usbfs_file *file = usbfs_find(host, call_pipe_inode(name));
    if (!file) {
        refuse_read_only(host, call, name);
        return;
    }
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        if (requests[i].request == (unsigned)call->arguments[1]) {
            if (!file->device && !requests[i].after_unplug) {
                call_fail(call, ENODEV);
            } else {
                requests[i].handle(file, call);
            }
            return;
        }
    }
    call_fail(call, ENOTTY);
}
