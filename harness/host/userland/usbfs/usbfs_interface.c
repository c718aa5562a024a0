/*
 * Interfaces: who has claimed them, which settings are selected, and which drivers are bound.
 */
#include <errno.h>
#include <linux/usbdevice_fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "host/userland/core/userland.h"
#include "host/userland/serial/acm.h"
#include "host/userland/usbfs/usbfs_private.h"

/* ---- Claims ------------------------------------------------------------------------------ */

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
int usbfs_check_endpoint(struct usbfs_file *file, unsigned address)
{
    if (address & ~0x8Fu) {
        return EINVAL;
    }
    const struct usb_alternate *owner = usb_device_endpoint_owner(&file->device->usb, address);
    return owner ? check_interface(file, owner->interface) : ENOENT;
}

/* Kernel: check_ctrlrecip(). */
int usbfs_check_recipient(struct usbfs_file *file, const uint8_t setup[8])
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
                   ? usbfs_check_endpoint(file, index)
                   : usbfs_check_endpoint(file, index ^ 0x80);
    default:
        return 0;
    }
}

/* ---- Requests ---------------------------------------------------------------------------- */

/* They wait to be reaped. Kernel: destroy_async_on_interface(), which ends them with -ENOENT; at a
 * release usb_disable_interface() comes before it, and says -ESHUTDOWN. */
static void take_back(struct usbfs_file *file, unsigned interface, bool released)
{
    for (struct urb *urb = file->pending; urb; urb = urb->next) {
        const struct link_transfer *transfer = &urb->transfer;
        const struct usb_alternate *owner = usb_device_endpoint_owner(
            &file->device->usb, transfer->endpoint | (transfer->in ? 0x80u : 0u));
        if (!urb->done && transfer->endpoint && owner && owner->interface == interface) {
            urb->released = released;
            device_unlink(file->device, &urb->transfer);
        }
    }
}

void usbfs_on_claim(struct usbfs_file *file, const struct call *call)
{
    unsigned interface;
    if (usbfs_read_number(call, &interface)) {
        usbfs_answer(call, -claim(file, interface));
    }
}

static void setting_named(struct urb *urb, int status)
{
    struct host_device *device = urb->file->device;
    char *text = status == 0 ? usb_text_decode(urb->data, urb->transfer.actual) : NULL;
    if (text && device) {
        usb_device_set_text(&device->usb, urb->value >> 8, urb->value & 0xFF, text);
        tree_refresh(&device->host->tree, &device->usb);
    } else {
        free(text);
    }
    usbfs_answer(&urb->call, 0); /* a setting without a name is as good */
}

/* Kernel: usb_create_sysfs_intf_files() asks for the setting's name the first time. */
static void name_setting(struct urb *urb, unsigned interface)
{
    struct host_device *device = urb->file->device;
    const struct usb_alternate *alternate = usb_device_current(&device->usb, interface);
    if (!alternate || alternate->text || !alternate->text_index || !device->usb.language) {
        usbfs_answer(&urb->call, 0);
        return;
    }
    uint8_t setup[8];
    usbfs_make_setup(setup, 0x80, 6, 0x0300 | alternate->text_index, device->usb.language, 255);
    usbfs_request(urb->file, &urb->call, setup, setting_named, urb->value);
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
        name_setting(urb, interface);
    } else {
        usbfs_answer(&urb->call, status);
    }
}

void usbfs_on_set_interface(struct usbfs_file *file, const struct call *call)
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
    take_back(file, wanted.interface, false);
    uint8_t setup[8];
    usbfs_make_setup(setup, 0x01, 11, wanted.altsetting, wanted.interface, 0);
    usbfs_request(file, call, setup, set_interface_done, wanted.interface << 8 | wanted.altsetting);
}

/* The driver that let go does not learn that the device refused. */
static void first_setting_selected(struct urb *urb, int status)
{
    struct host_device *device = urb->file->device;
    if (status == 0 && device) {
        device->usb.alternate[urb->value] = 0;
        tree_refresh(&device->host->tree, &device->usb);
    }
    usbfs_answer(&urb->call, 0);
}

/* Kernel: usb_unbind_interface() selects setting 0 again. */
static void release(struct usbfs_file *file, const struct call *call, unsigned interface)
{
    take_back(file, interface, true);
    file->device->claims[interface] = NULL;
    if (file->device->usb.alternate[interface] == 0) {
        call_return(call, 0);
        return;
    }
    uint8_t setup[8];
    usbfs_make_setup(setup, 0x01, 11, 0, interface, 0);
    usbfs_request(file, call, setup, first_setting_selected, interface);
}

void usbfs_on_release(struct usbfs_file *file, const struct call *call)
{
    unsigned interface;
    if (!usbfs_read_number(call, &interface)) {
        return;
    }
    if (interface >= USB_INTERFACES_MAX) {
        call_fail(call, EINVAL);
    } else if (!usb_device_current(&file->device->usb, interface)) {
        call_fail(call, ENOENT);
    } else if (file->device->claims[interface] != file) {
        call_fail(call, EINVAL);
    } else {
        release(file, call, interface);
    }
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
    usbfs_answer(&urb->call, status);
}

void usbfs_on_set_configuration(struct usbfs_file *file, const struct call *call)
{
    struct host_device *device = file->device;
    unsigned value;
    if (!usbfs_read_number(call, &value)) {
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
    usbfs_make_setup(setup, 0x00, 9, value, 0, 0);
    usbfs_request(file, call, setup, set_configuration_done, value);
}

void usbfs_on_get_driver(struct usbfs_file *file, const struct call *call)
{
    struct usbdevfs_getdriver driver = {.interface = 0};
    if (!usbfs_read_number(call, &driver.interface)) {
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
    usbfs_answer(call, -call_write(call, call->arguments[2], &driver, sizeof driver));
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
void usbfs_on_driver_request(struct usbfs_file *file, const struct call *call)
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

void usbfs_on_disconnect_claim(struct usbfs_file *file, const struct call *call)
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
    usbfs_answer(call, -claim(file, wanted.interface));
}
