#include <errno.h>
#include <fcntl.h>
#include <linux/usbdevice_fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#include "host/userland/supervisor/session.h"
#include "host/userland/usbfs/usbfs_private.h"

struct usbfs_file *usbfs_find(const struct userland *host, uint64_t pipe)
{
    struct usbfs_file *file = NULL;
    if (pipe && host->files) {
        HASH_FIND(hh, host->files, &pipe, sizeof pipe, file);
    }
    return file;
}

/* ---- Readiness --------------------------------------------------------------------------- */

/* We keep no writing end, or the pipe would never say that the tool has closed its own. */
static void fill(struct usbfs_file *file)
{
    char path[64];
    if (file->full || file->read_end < 0) {
        return;
    }
    snprintf(path, sizeof path, "/proc/self/fd/%d", file->read_end);
    int fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0) {
        file->full = write(fd, "", 1) == 1;
        close(fd);
    }
}

static void drain(struct usbfs_file *file)
{
    char bytes[16];
    if (file->full && file->read_end >= 0) {
        file->full = read(file->read_end, bytes, sizeof bytes) <= 0;
    }
}

/* ---- Transfers --------------------------------------------------------------------------- */

/* The server counts by device, whoever has it open. */
static unsigned in_flight(const struct host_device *device)
{
    unsigned count = 0;
    for (const struct usbfs_file *file = device->files; file; file = file->next_of_device) {
        count += file->pending_count;
    }
    return count;
}

struct urb *usbfs_urb_create(struct usbfs_file *file, const struct call *call, uint32_t length)
{
    struct userland *host = file->host;
    if (length > USBFS_TRANSFER_MAX || in_flight(file->device) >= USBFS_TRANSFERS_PER_DEVICE ||
        host->transfer_bytes + sizeof(struct urb) + length > USBFS_MEMORY_MAX) {
        return NULL;
    }
    struct urb *urb = malloc(sizeof *urb + length);
    if (!urb) {
        return NULL;
    }
    *urb = (struct urb){.host = host, .file = file, .call = *call};
    urb->transfer.data = urb->data;
    urb->transfer.length = length;
    host->transfer_bytes += sizeof *urb + length;
    return urb;
}

void usbfs_urb_free(struct urb *urb)
{
    urb->host->transfer_bytes -= sizeof *urb + urb->transfer.length;
    free(urb);
}

static void unlink_pending(struct urb *urb)
{
    DL_DELETE2(urb->file->pending, urb, previous, next);
    urb->file->pending_count--;
}

static void serve_reapers(struct usbfs_file *file);

/* What the kernel reports where USB/IP says something else. */
static int result_of(const struct urb *urb)
{
    if (urb->transfer.status != -ECONNRESET) {
        return urb->transfer.status;
    }
    return urb->timed_out ? -ETIMEDOUT : urb->released ? -ESHUTDOWN : -ENOENT;
}

static void on_complete(struct link_transfer *transfer)
{
    struct urb *urb = transfer->owner;
    struct usbfs_file *file = urb->file;
    ev_timer_stop(urb->host->base.loop, &urb->timer);
    if (!file) {
        usbfs_urb_free(urb);
        return;
    }
    unlink_pending(urb);
    transfer->status = result_of(urb);
    if (urb->done) {
        /* While its request waits, a device that has gone is simply gone. */
        urb->done(urb, transfer->status == -ESHUTDOWN ? -ENODEV : transfer->status);
        usbfs_urb_free(urb);
        return;
    }
    urb->next = NULL;
    *file->completed_end = urb;
    file->completed_end = &urb->next;
    drain(file);
    call_return(&urb->call, 0); /* DISCARDURB, if there is one */
    urb->call.session = NULL;
    serve_reapers(file);
}

static void on_timeout(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    struct urb *urb = timer->data;
    urb->timed_out = true;
    if (urb->file && urb->file->device) {
        device_unlink(urb->file->device, &urb->transfer);
    }
}

void usbfs_urb_submit(struct urb *urb, double seconds)
{
    struct usbfs_file *file = urb->file;
    urb->transfer.complete = on_complete;
    urb->transfer.owner = urb;
    DL_PREPEND2(file->pending, urb, previous, next);
    file->pending_count++;
    ev_timer_init(&urb->timer, on_timeout, seconds, 0);
    urb->timer.data = urb;
    if (seconds > 0) {
        ev_now_update(urb->host->base.loop);
        ev_timer_start(urb->host->base.loop, &urb->timer);
    }
    device_submit(file->device, &urb->transfer);
}

struct urb *usbfs_find_pending(struct usbfs_file *file, uint64_t user_urb)
{
    struct urb *urb = file->pending;
    while (urb && (urb->done || urb->user_urb != user_urb)) {
        urb = urb->next;
    }
    return urb;
}

/* Status, length, error count, the IN data, and which URB it was. */
static int write_result(const struct call *call, const struct urb *urb)
{
    int32_t status = urb->transfer.status;
    int32_t actual = (int32_t)urb->transfer.actual;
    int32_t errors = 0;
    uintptr_t user = (uintptr_t)urb->user_urb;
    const struct iovec local[] = {
        {&status, sizeof status},
        {&actual, sizeof actual},
        {&errors, sizeof errors},
        {&user, sizeof user},
        {urb->transfer.data, (size_t)actual},
    };
    const struct iovec remote[] = {
        {(void *)(user + offsetof(struct usbdevfs_urb, status)), sizeof status},
        {(void *)(user + offsetof(struct usbdevfs_urb, actual_length)), sizeof actual},
        {(void *)(user + offsetof(struct usbdevfs_urb, error_count)), sizeof errors},
        {(void *)(uintptr_t)call->arguments[2], sizeof user},
        {(void *)(uintptr_t)urb->user_buffer, (size_t)actual},
    };
    bool has_data = urb->transfer.in && actual > 0;
    return call_write_pieces(call, local, remote, has_data ? 5 : 4);
}

/* As in usbfs, poll(2) has the right answer as soon as the request returns. */
void usbfs_reap(struct usbfs_file *file, const struct call *call)
{
    struct urb *urb = file->completed;
    int error = write_result(call, urb);
    if (!urb->next) {
        fill(file);
    }
    if (error ? !call_fail(call, error) : !call_return(call, 0)) {
        drain(file); /* it was killed; whoever shares the file can still reap */
        return;
    }
    file->completed = urb->next;
    if (!file->completed) {
        file->completed_end = &file->completed;
    }
    usbfs_urb_free(urb);
}

static void serve_reapers(struct usbfs_file *file)
{
    struct call call;
    while (file->completed && call_queue_take(&file->reapers, &call)) {
        usbfs_reap(file, &call);
    }
    if (!file->device) {
        call_queue_fail(&file->reapers, ENODEV);
    }
}

/* ---- Files ------------------------------------------------------------------------------- */

/* Kernel: usb_unbind_interface(). Nobody waits for the answer. */
static void select_first_setting(struct usbfs_file *file, unsigned interface)
{
    struct host_device *device = file->device;
    const struct call nobody = {.session = NULL};
    struct urb *urb = device->usb.alternate[interface] ? usbfs_urb_create(file, &nobody, 0) : NULL;
    if (!urb) {
        return;
    }
    usbfs_make_setup(urb->transfer.setup, 0x01, 11, 0, interface, 0);
    urb->transfer.complete = on_complete;
    urb->transfer.owner = urb;
    urb->file = NULL;
    ev_init(&urb->timer, on_timeout);
    device->usb.alternate[interface] = 0;
    tree_refresh(&device->host->tree, &device->usb);
    device_submit(device, &urb->transfer);
}

static void leave_device(struct usbfs_file *file)
{
    struct host_device *device = file->device;
    struct usbfs_file **link = &device->files;
    while (*link != file) {
        link = &(*link)->next_of_device;
    }
    *link = file->next_of_device;
    for (unsigned i = 0; i < USB_INTERFACES_MAX; i++) {
        if (device->claims[i] == file) {
            device->claims[i] = NULL;
            select_first_setting(file, i);
        }
    }
    file->device = NULL;
}

static void close_pipe(struct usbfs_file *file)
{
    if (file->read_end >= 0) {
        ev_io_stop(file->host->base.loop, &file->released);
        close(file->read_end);
        file->read_end = -1;
    }
}

/* The last holder has gone: what is in flight is taken back, and nobody waits for it. */
static void file_free(struct usbfs_file *file)
{
    struct host_device *device = file->device;
    HASH_DEL(file->host->files, file);
    close_pipe(file);
    if (device) {
        leave_device(file);
    }
    for (struct urb *urb = file->pending, *next; urb; urb = next) {
        next = urb->next;
        call_fail(&urb->call, ENODEV);
        ev_timer_stop(file->host->base.loop, &urb->timer);
        urb->call.session = NULL;
        urb->file = NULL;
        device_unlink(device, &urb->transfer); /* a file without a device has none pending */
    }
    while (file->completed) {
        struct urb *urb = file->completed;
        file->completed = urb->next;
        usbfs_urb_free(urb);
    }
    call_queue_fail(&file->reapers, ENODEV);
    free(file);
}

static void on_released(struct ev_loop *loop, ev_io *io, int events)
{
    (void)loop;
    (void)events;
    file_free(io->data);
}

void usbfs_open(struct userland *host, const struct call *call, struct host_device *device,
                bool close_on_exec)
{
    int ends[2];
    struct usbfs_file *file = calloc(1, sizeof *file);
    if (!file || pipe2(ends, O_CLOEXEC | O_NONBLOCK)) {
        call_fail(call, file ? ENFILE : ENOMEM); /* the host's descriptors, not the tool's */
        free(file);
        return;
    }
    fcntl(ends[1], F_SETPIPE_SZ, 4096); /* one slot */
    file->host = host;
    file->device = device;
    file->bus_number = USB_BUS_NUMBER;
    file->device_number = device->usb.number;
    file->read_end = ends[0];
    file->pipe = call_own_pipe(ends[0]);
    file->completed_end = &file->completed;
    file->next_of_device = device->files;
    device->files = file;
    HASH_ADD(hh, host->files, pipe, sizeof file->pipe, file);
    fill(file);
    bool given = call_return_fd(call, ends[1], close_on_exec);
    close(ends[1]);
    /* A reading end is never writable; it is reported only when the last writer has closed. */
    ev_io_init(&file->released, on_released, file->read_end, EV_WRITE);
    file->released.data = file;
    ev_io_start(host->base.loop, &file->released);
    if (!given) {
        file_free(file);
    }
}

bool usbfs_node_path(const struct userland *host, uint64_t pipe, char *path, size_t size,
                     unsigned *minor)
{
    const struct usbfs_file *file = usbfs_find(host, pipe);
    if (!file) {
        return false;
    }
    snprintf(path, size, "/dev/bus/usb/%03u/%03u", file->bus_number, file->device_number);
    *minor = (file->bus_number - 1) * 128 + file->device_number - 1;
    return true;
}

void usbfs_unplug(struct host_device *device)
{
    while (device->files) {
        struct usbfs_file *file = device->files;
        leave_device(file);
        close_pipe(file); /* POLLERR */
        serve_reapers(file);
    }
}

static void forget_call(struct call *call, const struct session *session)
{
    if (call->session == session) {
        call->session = NULL;
    }
}

static bool is_alone(const struct userland *host, const struct session *session)
{
    const struct session *other = host->sessions;
    while (other && (other == session || other->calls.fd < 0)) {
        other = other->next;
    }
    return !other;
}

/* Files whose pipe is closed say nothing when they are released: they go with the last session. */
void usbfs_forget_session(struct userland *host, const struct session *session)
{
    bool is_last = is_alone(host, session);
    for (struct usbfs_file *file = host->files, *next; file; file = next) {
        next = file->hh.next;
        for (struct urb *urb = file->pending; urb; urb = urb->next) {
            forget_call(&urb->call, session);
        }
        call_queue_forget(&file->reapers, session);
        if (is_last && !file->device) {
            file_free(file);
        }
    }
}

void usbfs_free_all(struct userland *host)
{
    struct usbfs_file *file;
    struct usbfs_file *next;
    HASH_ITER(hh, host->files, file, next)
    {
        file_free(file);
    }
}
