#include <errno.h>
#include <linux/usbdevice_fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "host/acm.h"
#include "host/paths.h"
#include "host/usbfs_private.h"

/* ---- Interfaces ------------------------------------------------------------------------- */

/* Kernel: claimintf(). @return 0 or an errno */
static int claim(struct usbfs_file *file, unsigned interface)
{
    struct host_device *device = file->device;
    if (interface >= USB_INTERFACES_MAX) {
        return EINVAL;
    }
    if (device->claims[interface] == file) {
        return 0;
    }
    const struct usb_alternate *alternate = usb_device_current(&device->usb, interface);
    if (!alternate) {
        return ENOENT;
    }
    struct uevent_subject subject = uevent_interface(&device->usb, alternate);
    if (device->claims[interface] || uevent_driver(subject)) {
        return EBUSY;
    }
    device->claims[interface] = file;
    return 0;
}

/* Kernel: checkintf(); a tool that forgot to claim gets the interface all the same. */
static int check_interface(struct usbfs_file *file, unsigned interface)
{
    return file->device->usb.active ? claim(file, interface) : EHOSTUNREACH;
}

/* Kernel: findintfep(), checkintf(). */
static int check_endpoint(struct usbfs_file *file, unsigned address)
{
    if (address & ~0x8Fu) {
        return EINVAL;
    }
    const struct usb_alternate *owner = usb_device_endpoint_owner(&file->device->usb, address);
    return owner ? check_interface(file, owner->interface) : ENOENT;
}

/* Kernel: check_ctrlrecip(). */
static int check_recipient(struct usbfs_file *file, const uint8_t setup[8])
{
    enum { TYPE_MASK = 0x60, TYPE_VENDOR = 0x40, RECIPIENT_MASK = 0x1F };
    unsigned index = setup[4];
    if ((setup[0] & TYPE_MASK) == TYPE_VENDOR) {
        return 0;
    }
    switch (setup[0] & RECIPIENT_MASK) {
    case 1: /* interface */
        return check_interface(file, index);
    case 2: /* endpoint; some drivers get the direction wrong */
        if ((index & 0x7F) == 0) {
            return 0;
        }
        return usb_device_endpoint_owner(&file->device->usb, index)
                   ? check_endpoint(file, index)
                   : check_endpoint(file, index ^ 0x80);
    default:
        return 0;
    }
}

/* ---- Control requests that the host makes for the tool ------------------------------------ */

static void make_setup(uint8_t setup[8], unsigned type, unsigned request, unsigned value,
                       unsigned index, unsigned length)
{
    const uint8_t bytes[8] = {(uint8_t)type,         (uint8_t)request,      (uint8_t)value,
                              (uint8_t)(value >> 8), (uint8_t)index,        (uint8_t)(index >> 8),
                              (uint8_t)length,       (uint8_t)(length >> 8)};
    memcpy(setup, bytes, sizeof bytes);
}

/* What was read of a tool that has just been killed may be another's, so it must still wait. */
static void submit_for(struct urb *urb, double seconds)
{
    if (call_is_waiting(&urb->call)) {
        usbfs_urb_submit(urb, seconds);
    } else {
        usbfs_urb_free(urb);
    }
}

static void request(struct usbfs_file *file, const struct call *call, const uint8_t setup[8],
                    void (*done)(struct urb *urb, int status), unsigned value)
{
    struct urb *urb = usbfs_urb_create(file, call, usb_get16(setup + 6));
    if (!urb) {
        call_fail(call, ENOMEM);
        return;
    }
    memcpy(urb->transfer.setup, setup, 8);
    urb->transfer.in = (setup[0] & 0x80) != 0;
    urb->done = done;
    urb->value = value;
    submit_for(urb, USBFS_TIME_LIMIT);
}

static void answer(const struct call *call, int status)
{
    if (status < 0) {
        call_fail(call, -status);
    } else {
        call_return(call, status);
    }
}

static void answer_status(struct urb *urb, int status)
{
    answer(&urb->call, status);
}

static bool read_number(const struct call *call, unsigned *number)
{
    if (call_read(call, call->arguments[2], number, sizeof *number)) {
        call_fail(call, EFAULT);
        return false;
    }
    return true;
}

/* ---- Synchronous transfers ------------------------------------------------------------------ */

static void transfer_done(struct urb *urb, int status)
{
    const struct link_transfer *transfer = &urb->transfer;
    if (status == 0 && transfer->in &&
        call_write(&urb->call, urb->user_buffer, transfer->data, transfer->actual)) {
        status = -EFAULT;
    }
    answer(&urb->call, status ? status : (int)transfer->actual);
}

static double seconds(unsigned milliseconds)
{
    return milliseconds / 1000.0;
}

static void on_control(struct usbfs_file *file, const struct call *call)
{
    struct usbdevfs_ctrltransfer control;
    if (call_read(call, call->arguments[2], &control, sizeof control)) {
        call_fail(call, EFAULT);
        return;
    }
    uint8_t setup[8];
    make_setup(setup, control.bRequestType, control.bRequest, control.wValue, control.wIndex,
               control.wLength);
    int error = check_recipient(file, setup);
    if (!error && control.wLength > 4096) {
        error = EINVAL; /* one page, as in the kernel */
    }
    struct urb *urb = error ? NULL : usbfs_urb_create(file, call, control.wLength);
    if (!urb) {
        call_fail(call, error ? error : ENOMEM);
        return;
    }
    memcpy(urb->transfer.setup, setup, sizeof setup);
    urb->transfer.in = (control.bRequestType & 0x80) != 0;
    urb->user_buffer = (uintptr_t)control.data;
    if (!urb->transfer.in && call_read(call, urb->user_buffer, urb->data, control.wLength)) {
        usbfs_urb_free(urb);
        call_fail(call, EFAULT);
        return;
    }
    urb->done = transfer_done;
    submit_for(urb, seconds(control.timeout));
}

static void on_bulk(struct usbfs_file *file, const struct call *call)
{
    struct usbdevfs_bulktransfer bulk;
    if (call_read(call, call->arguments[2], &bulk, sizeof bulk)) {
        call_fail(call, EFAULT);
        return;
    }
    int error = check_endpoint(file, bulk.ep);
    struct urb *urb = error ? NULL : usbfs_urb_create(file, call, bulk.len);
    if (!urb) {
        call_fail(call, error ? error : ENOMEM);
        return;
    }
    urb->transfer.endpoint = bulk.ep & 0x0F;
    urb->transfer.in = (bulk.ep & 0x80) != 0;
    urb->user_buffer = (uintptr_t)bulk.data;
    if (!urb->transfer.in && call_read(call, urb->user_buffer, urb->data, bulk.len)) {
        usbfs_urb_free(urb);
        call_fail(call, EFAULT);
        return;
    }
    urb->done = transfer_done;
    submit_for(urb, seconds(bulk.timeout));
}

/* ---- Asynchronous transfers ------------------------------------------------------------------ */

static uint8_t interval_of(const struct usb_device *usb, unsigned address)
{
    const struct usb_alternate *owner = usb_device_endpoint_owner(usb, address);
    for (unsigned i = 0; owner && i < owner->endpoint_count; i++) {
        if (owner->endpoints[i].address == address) {
            return owner->endpoints[i].interval;
        }
    }
    return 0;
}

/* Kernel: proc_do_submiturb(). Finds out what to transfer; @return 0 or an errno */
static int prepare_urb(struct usbfs_file *file, const struct call *call,
                       const struct usbdevfs_urb *user, struct link_transfer *transfer,
                       uint32_t *skip)
{
    const unsigned known = USBDEVFS_URB_SHORT_NOT_OK | USBDEVFS_URB_ISO_ASAP |
                           USBDEVFS_URB_BULK_CONTINUATION | USBDEVFS_URB_NO_FSBR |
                           USBDEVFS_URB_ZERO_PACKET | USBDEVFS_URB_NO_INTERRUPT;
    memset(transfer, 0, sizeof *transfer);
    *skip = 0;
    if (user->flags & ~known || user->buffer_length < 0 ||
        (user->buffer_length > 0 && !user->buffer)) {
        return EINVAL;
    }
    transfer->length = (uint32_t)user->buffer_length;
    transfer->endpoint = user->endpoint & 0x0F;
    transfer->in = (user->endpoint & 0x80) != 0;
    if (user->type == USBDEVFS_URB_TYPE_CONTROL) {
        if (transfer->endpoint != 0 || user->buffer_length < 8) {
            return EINVAL;
        }
        if (call_read(call, (uintptr_t)user->buffer, transfer->setup, 8)) {
            return EFAULT;
        }
        *skip = 8;
        transfer->length = usb_get16(transfer->setup + 6);
        transfer->in = (transfer->setup[0] & 0x80) != 0;
        return transfer->length + 8 > (uint32_t)user->buffer_length
                   ? EINVAL
                   : check_recipient(file, transfer->setup);
    }
    if (user->type != USBDEVFS_URB_TYPE_BULK && user->type != USBDEVFS_URB_TYPE_INTERRUPT) {
        return EINVAL; /* isochronous: no device here has that */
    }
    transfer->short_not_ok = transfer->in && (user->flags & USBDEVFS_URB_SHORT_NOT_OK);
    transfer->interval = interval_of(&file->device->usb, user->endpoint);
    return check_endpoint(file, user->endpoint);
}

static void on_submit(struct usbfs_file *file, const struct call *call)
{
    struct usbdevfs_urb user;
    struct link_transfer transfer;
    uint32_t skip;
    if (call_read(call, call->arguments[2], &user, sizeof user)) {
        call_fail(call, EFAULT);
        return;
    }
    int error = prepare_urb(file, call, &user, &transfer, &skip);
    struct urb *urb = error ? NULL : usbfs_urb_create(file, call, transfer.length);
    if (!urb) {
        call_fail(call, error ? error : ENOMEM);
        return;
    }
    transfer.data = urb->data;
    urb->transfer = transfer;
    urb->user_urb = call->arguments[2];
    urb->user_buffer = (uintptr_t)user.buffer + skip;
    if (!transfer.in && call_read(call, urb->user_buffer, urb->data, transfer.length)) {
        usbfs_urb_free(urb);
        call_fail(call, EFAULT);
        return;
    }
    urb->call.session = NULL;
    /* If a signal took the call away from us, the tool makes it again: it must not run twice. */
    if (!call_return(call, 0)) {
        usbfs_urb_free(urb);
        return;
    }
    usbfs_urb_submit(urb, 0);
}

static void on_reap_now(struct usbfs_file *file, const struct call *call)
{
    if (file->completed) {
        usbfs_reap(file, call);
    } else {
        call_fail(call, file->device ? EAGAIN : ENODEV);
    }
}

static void on_reap(struct usbfs_file *file, const struct call *call)
{
    struct reaper *reaper = NULL;
    if (file->completed || !file->device) {
        on_reap_now(file, call);
        return;
    }
    reaper = calloc(1, sizeof *reaper);
    if (!reaper) {
        call_fail(call, ENOMEM);
        return;
    }
    reaper->call = *call;
    struct reaper **end = &file->reapers;
    while (*end) {
        end = &(*end)->next;
    }
    *end = reaper;
}

/* The kernel returns when the URB is ready to be reaped, so the answer waits for the server's. */
static void on_discard(struct usbfs_file *file, const struct call *call)
{
    struct urb *urb = usbfs_find_pending(file, call->arguments[2]);
    if (!urb || urb->call.session) {
        call_fail(call, EINVAL);
        return;
    }
    urb->call = *call;
    device_unlink(file->device, &urb->transfer);
}

/* ---- Interfaces and configurations --------------------------------------------------------------
 */

/* Kernel: destroy_async_on_interface(). They end with -ENOENT and wait to be reaped. */
static void take_back(struct usbfs_file *file, unsigned interface)
{
    for (struct urb *urb = file->pending; urb; urb = urb->next) {
        const struct link_transfer *transfer = &urb->transfer;
        const struct usb_alternate *owner = usb_device_endpoint_owner(
            &file->device->usb, transfer->endpoint | (transfer->in ? 0x80u : 0u));
        if (!urb->done && transfer->endpoint && owner && owner->interface == interface) {
            device_unlink(file->device, &urb->transfer);
        }
    }
}

static void on_claim(struct usbfs_file *file, const struct call *call)
{
    unsigned interface;
    if (read_number(call, &interface)) {
        answer(call, -claim(file, interface));
    }
}

static void on_release(struct usbfs_file *file, const struct call *call)
{
    unsigned interface;
    if (!read_number(call, &interface)) {
        return;
    }
    if (interface >= USB_INTERFACES_MAX) {
        call_fail(call, EINVAL);
    } else if (!usb_device_current(&file->device->usb, interface)) {
        call_fail(call, ENOENT);
    } else if (file->device->claims[interface] != file) {
        call_fail(call, EINVAL);
    } else {
        take_back(file, interface);
        file->device->claims[interface] = NULL;
        call_return(call, 0);
    }
}

static void set_interface_done(struct urb *urb, int status)
{
    struct host_device *device = urb->file->device;
    unsigned interface = urb->value >> 8;
    /* A device may refuse where there is no choice (USB 2.0 section 9.4.10). */
    if (status == -EPIPE && device && usb_device_alternate_count(&device->usb, interface) == 1) {
        status = 0;
    }
    if (status == 0 && device) {
        device->usb.alternate[interface] = (uint8_t)urb->value;
        tree_refresh(&device->host->tree, &device->usb);
    }
    answer(&urb->call, status);
}

static void on_set_interface(struct usbfs_file *file, const struct call *call)
{
    struct usbdevfs_setinterface wanted;
    if (call_read(call, call->arguments[2], &wanted, sizeof wanted)) {
        call_fail(call, EFAULT);
        return;
    }
    int error = check_interface(file, wanted.interface);
    if (!error && !usb_device_alternate(&file->device->usb, wanted.interface, wanted.altsetting)) {
        error = EINVAL;
    }
    if (error) {
        call_fail(call, error);
        return;
    }
    take_back(file, wanted.interface);
    uint8_t setup[8];
    make_setup(setup, 0x01, 11, wanted.altsetting, wanted.interface, 0);
    request(file, call, setup, set_interface_done, wanted.interface << 8 | wanted.altsetting);
}

static void set_configuration_done(struct urb *urb, int status)
{
    struct host_device *device = urb->file->device;
    if (status == 0 && device) {
        struct tree *tree = &device->host->tree;
        /* Its interfaces are other ones from here on. */
        tree_remove(tree, &device->usb);
        usb_device_select(&device->usb, urb->value);
        tree_add(tree, &device->usb);
        acm_bind_all(device);
    }
    answer(&urb->call, status);
}

static void on_set_configuration(struct usbfs_file *file, const struct call *call)
{
    struct host_device *device = file->device;
    unsigned value;
    if (!read_number(call, &value)) {
        return;
    }
    if (value == (unsigned)-1) {
        value = 0;
    }
    if (value && !usb_device_configuration(&device->usb, value)) {
        call_fail(call, EINVAL);
        return;
    }
    for (unsigned i = 0; i < USB_INTERFACES_MAX; i++) {
        if (device->claims[i] || device->usb.driver[i]) {
            call_fail(call, EBUSY);
            return;
        }
    }
    uint8_t setup[8];
    make_setup(setup, 0x00, 9, value, 0, 0);
    request(file, call, setup, set_configuration_done, value);
}

static void on_get_driver(struct usbfs_file *file, const struct call *call)
{
    struct usbdevfs_getdriver driver = {.interface = 0};
    if (!read_number(call, &driver.interface)) {
        return;
    }
    const struct usb_device *usb = &file->device->usb;
    const struct usb_alternate *alternate = usb_device_current(usb, driver.interface);
    const char *name = NULL;
    if (alternate) {
        name = file->device->claims[driver.interface]
                   ? "usbfs"
                   : uevent_driver(uevent_interface(usb, alternate));
    }
    if (!name) {
        call_fail(call, ENODATA);
        return;
    }
    snprintf(driver.driver, sizeof driver.driver, "%s", name);
    answer(call, -call_write(call, call->arguments[2], &driver, sizeof driver));
}

/* Kernel: proc_ioctl(). The root hub's driver stays. */
static void disconnect_driver(struct usbfs_file *file, const struct call *call, unsigned interface)
{
    struct host_device *device = file->device;
    if (device->claims[interface]) {
        device->claims[interface] = NULL;
        call_return(call, 0);
    } else if (!device->usb.driver[interface]) {
        call_fail(call, ENODATA);
    } else if (!device->link) {
        call_fail(call, EPERM);
    } else {
        acm_unbind(device, interface);
        call_return(call, 0);
    }
}

/* USBDEVFS_IOCTL: a request for the interface's driver. */
static void on_driver_request(struct usbfs_file *file, const struct call *call)
{
    struct usbdevfs_ioctl inner;
    if (call_read(call, call->arguments[2], &inner, sizeof inner)) {
        call_fail(call, EFAULT);
        return;
    }
    const struct usb_device *usb = &file->device->usb;
    unsigned interface = (unsigned)inner.ifno;
    const struct usb_alternate *alternate = usb_device_current(usb, interface);
    if (!alternate) {
        call_fail(call, EINVAL);
        return;
    }
    bool busy = usb->driver[interface] != NULL;
    switch ((unsigned)inner.ioctl_code) {
    case USBDEVFS_DISCONNECT:
        disconnect_driver(file, call, interface);
        return;
    case USBDEVFS_CONNECT:
        if (busy || file->device->claims[interface]) {
            call_fail(call, EBUSY);
        } else if (!acm_bind(file->device, interface, call)) {
            call_return(call, 0); /* no driver wants it */
        }
        return;
    default:
        call_fail(call, ENOTTY);
    }
}

static void on_disconnect_claim(struct usbfs_file *file, const struct call *call)
{
    struct usbdevfs_disconnect_claim wanted;
    if (call_read(call, call->arguments[2], &wanted, sizeof wanted)) {
        call_fail(call, EFAULT);
        return;
    }
    if (!usb_device_current(&file->device->usb, wanted.interface)) {
        call_fail(call, EINVAL);
        return;
    }
    struct usbfs_file *owner = file->device->claims[wanted.interface];
    const char *driver = owner ? "usbfs" : file->device->usb.driver[wanted.interface];
    bool is_named = driver && strncmp(wanted.driver, driver, sizeof wanted.driver) == 0;
    if (driver && ((wanted.flags & USBDEVFS_DISCONNECT_CLAIM_IF_DRIVER && !is_named) ||
                   (wanted.flags & USBDEVFS_DISCONNECT_CLAIM_EXCEPT_DRIVER && is_named))) {
        call_fail(call, EBUSY);
        return;
    }
    if (owner) {
        file->device->claims[wanted.interface] = NULL;
    } else if (driver && file->device->link) {
        acm_unbind(file->device, wanted.interface);
    }
    answer(call, -claim(file, wanted.interface));
}

/* ---- Endpoints and the device -------------------------------------------------------------------
 */

static void on_clear_halt(struct usbfs_file *file, const struct call *call)
{
    unsigned address;
    if (!read_number(call, &address)) {
        return;
    }
    int error = check_endpoint(file, address);
    if (error) {
        call_fail(call, error);
        return;
    }
    uint8_t setup[8];
    make_setup(setup, 0x02, 1, 0, address, 0);
    request(file, call, setup, answer_status, 0);
}

static void on_reset_endpoint(struct usbfs_file *file, const struct call *call)
{
    unsigned address;
    if (read_number(call, &address)) {
        answer(call, -check_endpoint(file, address));
    }
}

/* Over USB/IP a bus reset stays with the client's host controller: the kernel's vhci_hcd, too, only
 * reads the device descriptor again and configures the device anew. */
static void reset_configured(struct urb *urb, int status)
{
    struct host_device *device = urb->file->device;
    if (status == 0 && device) {
        memset(device->usb.alternate, 0, sizeof device->usb.alternate);
        tree_refresh(&device->host->tree, &device->usb);
        acm_bind_all(device);
    }
    answer(&urb->call, status);
}

static void reset_described(struct urb *urb, int status)
{
    struct usbfs_file *file = urb->file;
    struct host_device *device = file->device;
    if (!device || status) {
        answer(&urb->call, -ENODEV);
    } else if (urb->transfer.actual != USB_DEVICE_DESCRIPTOR_SIZE ||
               memcmp(urb->data, device->usb.descriptor, USB_DEVICE_DESCRIPTOR_SIZE) != 0) {
        answer(&urb->call, -ENODEV);
        bus_reconnect(device);
    } else {
        uint8_t setup[8];
        make_setup(setup, 0x00, 9, device->usb.active ? device->usb.active->value : 0, 0, 0);
        request(file, &urb->call, setup, reset_configured, 0);
    }
}

/* Kernel: usb_reset_device(). cdc_acm has no post_reset(), so it is unbound before and bound again
 * afterwards, and who has its port open loses it. */
static void on_reset(struct usbfs_file *file, const struct call *call)
{
    uint8_t setup[8];
    if (file->device->link) {
        acm_unbind_all(file->device);
    }
    make_setup(setup, 0x80, 6, 0x0100, 0, USB_DEVICE_DESCRIPTOR_SIZE);
    request(file, call, setup, reset_described, 0);
}

/* ---- Questions ----------------------------------------------------------------------------------
 */

static void on_capabilities(struct usbfs_file *file, const struct call *call)
{
    (void)file;
    uint32_t capabilities = USBDEVFS_CAP_ZERO_PACKET | USBDEVFS_CAP_NO_PACKET_SIZE_LIM |
                            USBDEVFS_CAP_REAP_AFTER_DISCONNECT;
    answer(call, -call_write(call, call->arguments[2], &capabilities, sizeof capabilities));
}

static void on_connect_info(struct usbfs_file *file, const struct call *call)
{
    struct usbdevfs_connectinfo info = {.devnum = file->device->usb.number,
                                        .slow = file->device->usb.speed == USB_SPEED_LOW};
    answer(call, -call_write(call, call->arguments[2], &info, sizeof info));
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
    {USBDEVFS_SUBMITURB, false, on_submit},
    {USBDEVFS_REAPURBNDELAY, true, on_reap_now},
    {USBDEVFS_REAPURB, true, on_reap},
    {USBDEVFS_DISCARDURB, false, on_discard},
    {USBDEVFS_CONTROL, false, on_control},
    {USBDEVFS_BULK, false, on_bulk},
    {USBDEVFS_CLAIMINTERFACE, false, on_claim},
    {USBDEVFS_RELEASEINTERFACE, false, on_release},
    {USBDEVFS_SETINTERFACE, false, on_set_interface},
    {USBDEVFS_SETCONFIGURATION, false, on_set_configuration},
    {USBDEVFS_GETDRIVER, false, on_get_driver},
    {USBDEVFS_IOCTL, false, on_driver_request},
    {USBDEVFS_DISCONNECT_CLAIM, false, on_disconnect_claim},
    {USBDEVFS_CLEAR_HALT, false, on_clear_halt},
    {USBDEVFS_RESETEP, false, on_reset_endpoint},
    {USBDEVFS_RESET, false, on_reset},
    {USBDEVFS_GET_CAPABILITIES, false, on_capabilities},
    {USBDEVFS_CONNECTINFO, false, on_connect_info},
    {USBDEVFS_GET_SPEED, false, on_speed},
};

/* A node that was opened for reading only is a plain file of the tree. */
static bool is_read_only_node(const struct vp_host *host, const char *name)
{
    unsigned bus;
    unsigned device;
    const char *seen = paths_seen(host->tree.root, name);
    return seen != name && paths_is_node(seen, &bus, &device);
}

void usbfs_ioctl(struct vp_host *host, const struct call *call)
{
    char name[PATH_MAX];
    if (!call_fd_name(call, (int)call->arguments[0], name, sizeof name)) {
        call_continue(call);
        return;
    }
    struct usbfs_file *file = usbfs_find(host, call_pipe_inode(name));
    if (!file) {
        if (is_read_only_node(host, name)) {
            call_fail(call, EPERM);
        } else {
            call_continue(call);
        }
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
