/*
 * acm_server USBIP-SOCKET CONTROL-SOCKET: a USB/IP server with one serial device (CDC ACM) whose
 * every behaviour a test decides, and which records what its host asks of it. It implements the
 * functions of vparticle/device.h that the server calls.
 *
 * On the control socket each connection is one command, a line, and gets one answer:
 *   log             what was asked since the last time, e.g. "coding 9600 8N1,lines 3"
 *   received        the bytes of the OUT endpoint since the last time
 *   pending         the transfers that wait: "in N out N notify N"
 *   echo on|off     the OUT data comes back (on at first)
 *   nak on|off      OUT transfers wait
 *   send TEXT       on the IN endpoint
 *   flood N         N bytes, 0 to 255 again and again
 *   state N         a SERIAL_STATE notification
 *   halt            stall the IN endpoint until the host clears that
 *   slow            the next control request gets no answer
 *   unplug | plug
 */
#include <ev.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "support/device_side.h"
#include "vparticle/server.h"

enum { IN_ENDPOINT = 1, NOTIFY_ENDPOINT = 2, STORE = 1 << 20 };

struct bytes {
    uint8_t data[STORE];
    size_t start, end;
};

struct vp_device {
    bool attached, echo, nak, halted, slow;
    struct device_queue pending;
    struct bytes input, received, states;
    char log[4096];
    struct device_listeners listeners;
};

static const uint8_t device_descriptor[] = {18,   1,    0x10, 0x01, 2, 0, 0, 64, 0x04,
                                            0x2B, 0x06, 0xC0, 0x50, 2, 1, 2, 3,  1};

static const uint8_t configuration[] = {
    9, 2,    67,   0,    2,    1,  0,  0xC0, 50, /* configuration */
    9, 4,    0,    0,    1,    2,  2,  1,    0,  /* control interface */
    5, 0x24, 0,    0x10, 0x01,                   /* header */
    5, 0x24, 1,    0,    1,                      /* call management */
    4, 0x24, 2,    6,                            /* line coding and breaks */
    5, 0x24, 6,    0,    1,                      /* union */
    7, 5,    0x82, 3,    10,   0,  16,           /* notifications */
    9, 4,    1,    0,    2,    10, 0,  0,    0,  /* data interface */
    7, 5,    0x01, 2,    64,   0,  0,            /* out */
    7, 5,    0x81, 2,    64,   0,  0,            /* in */
};

static const char *const texts[] = {NULL, "Test & Sons", "Serial Device", "0123456789abcdef"};

/* ---- Recording --------------------------------------------------------------------------- */

static void record(struct vp_device *device, const char *what, unsigned value)
{
    size_t used = strlen(device->log);
    snprintf(device->log + used, sizeof device->log - used, "%s%s %u", used ? "," : "", what,
             value);
}

static void record_coding(struct vp_device *device, const uint8_t *data)
{
    char text[64];
    static const char parity[] = "NOEMS";
    static const char *const stop[] = {"1", "1.5", "2"};
    unsigned rate = data[0] | data[1] << 8 | data[2] << 16 | (unsigned)data[3] << 24;
    snprintf(text, sizeof text, "coding %u %u%c%s", rate, data[6], parity[data[5] % 5],
             stop[data[4] % 3]);
    size_t used = strlen(device->log);
    snprintf(device->log + used, sizeof device->log - used, "%s%s", used ? "," : "", text);
}

static void store(struct bytes *bytes, const void *data, size_t size)
{
    if (bytes->start == bytes->end) {
        bytes->start = bytes->end = 0;
    }
    size = size < STORE - bytes->end ? size : STORE - bytes->end;
    memcpy(bytes->data + bytes->end, data, size);
    bytes->end += size;
}

/* ---- Transfers --------------------------------------------------------------------------- */

static void take_data(struct vp_device *device, struct vp_transfer *transfer)
{
    store(&device->received, transfer->data, transfer->length);
    if (device->echo) {
        store(&device->input, transfer->data, transfer->length);
    }
    device_finish(transfer, VP_TRANSFER_OK, transfer->length);
}

static void give_data(struct vp_device *device, struct vp_transfer *transfer)
{
    size_t left = device->input.end - device->input.start;
    uint32_t size = left < transfer->length ? (uint32_t)left : transfer->length;
    memcpy(transfer->data, device->input.data + device->input.start, size);
    device->input.start += size;
    device_finish(transfer, VP_TRANSFER_OK, size);
}

static void notify(struct vp_transfer *transfer, uint8_t state)
{
    const uint8_t bytes[10] = {0xA1, 0x20, 0, 0, 0, 0, 2, 0, state, 0};
    device_queue_remove(transfer);
    device_give(transfer, bytes, sizeof bytes);
}

/* Serve what can be served now. */
static void run(struct vp_device *device)
{
    struct vp_transfer *transfer;
    while (device->states.start < device->states.end &&
           (transfer = device_queue_find(&device->pending, NOTIFY_ENDPOINT, true))) {
        notify(transfer, device->states.data[device->states.start++]);
    }
    while (!device->nak && (transfer = device_queue_find(&device->pending, IN_ENDPOINT, false))) {
        device_queue_remove(transfer);
        take_data(device, transfer);
    }
    while ((device->halted || device->input.start < device->input.end) &&
           (transfer = device_queue_find(&device->pending, IN_ENDPOINT, true))) {
        device_queue_remove(transfer);
        if (device->halted) {
            device_finish(transfer, VP_TRANSFER_STALL, 0);
        } else {
            give_data(device, transfer);
        }
    }
}

static void give_text(struct vp_transfer *transfer, unsigned index)
{
    uint8_t bytes[64] = {4, 3, 0x09, 0x04};
    if (index >= sizeof texts / sizeof *texts) {
        device_finish(transfer, VP_TRANSFER_STALL, 0);
        return;
    }
    for (size_t i = 0; texts[index] && texts[index][i]; i++) {
        bytes[0] = (uint8_t)(4 + 2 * i);
        bytes[2 + 2 * i] = (uint8_t)texts[index][i];
        bytes[3 + 2 * i] = 0;
    }
    device_give(transfer, bytes, bytes[0]);
}

static void describe(struct vp_transfer *transfer)
{
    switch (transfer->setup[3]) {
    case 1:
        device_give(transfer, device_descriptor, sizeof device_descriptor);
        break;
    case 2:
        device_give(transfer, configuration, sizeof configuration);
        break;
    case 3:
        give_text(transfer, transfer->setup[2]);
        break;
    default:
        device_finish(transfer, VP_TRANSFER_STALL, 0);
        break;
    }
}

static void control(struct vp_device *device, struct vp_transfer *transfer)
{
    const uint8_t *setup = transfer->setup;
    unsigned value = setup[2] | (unsigned)setup[3] << 8;
    switch (setup[0] << 8 | setup[1]) {
    case 0x8006:
        describe(transfer);
        return;
    case 0x0009: /* SET_CONFIGURATION, SET_INTERFACE */
    case 0x010B:
        break;
    case 0x0201: /* CLEAR_FEATURE of an endpoint */
        record(device, "clear", setup[4]);
        device->halted = false;
        break;
    case 0x2120:
        if (transfer->length != 7 || setup[4] != 0) {
            device_finish(transfer, VP_TRANSFER_STALL, 0);
            return;
        }
        record_coding(device, transfer->data);
        break;
    case 0x2122:
        record(device, "lines", value);
        break;
    case 0x2123:
        record(device, "break", value);
        break;
    default:
        device_finish(transfer, VP_TRANSFER_STALL, 0);
        return;
    }
    device_finish(transfer, VP_TRANSFER_OK, transfer->length);
    run(device);
}

void vp_device_submit(struct vp_device *device, struct vp_transfer *transfer)
{
    if (!device->attached) {
        device_finish(transfer, VP_TRANSFER_NO_DEVICE, 0);
    } else if (transfer->endpoint == 0 && !device->slow) {
        control(device, transfer);
    } else {
        device->slow = device->slow && transfer->endpoint != 0;
        device_queue_add(&device->pending, transfer);
        run(device);
    }
}

void vp_device_cancel(struct vp_device *device, struct vp_transfer *transfer)
{
    (void)device;
    device_queue_remove(transfer);
    device_finish(transfer, VP_TRANSFER_CANCELLED, 0);
}

int vp_device_bus_reset(struct vp_device *device)
{
    device_queue_end(&device->pending);
    return device->attached ? 0 : VP_ERROR_NOT_FOUND;
}

int vp_device_identity(const struct vp_device *device, struct vp_usb_identity *identity)
{
    *identity = (struct vp_usb_identity){.vendor_id = 0x2B04, .product_id = 0xC006};
    identity->configuration_count = 1;
    identity->interface_count = 2;
    return device->attached ? 0 : VP_ERROR_NOT_FOUND;
}

int64_t vp_device_next_deadline(const struct vp_device *device)
{
    (void)device;
    return -1;
}

void vp_device_advance(struct vp_device *device, uint32_t milliseconds)
{
    (void)device;
    (void)milliseconds;
}

int vp_device_listen(struct vp_device *device, vp_event_listener listener, void *context)
{
    return device_listeners_add(&device->listeners, listener, context);
}

void vp_device_unlisten(struct vp_device *device, vp_event_listener listener, void *context)
{
    device_listeners_remove(&device->listeners, listener, context);
}

/* ---- Commands ---------------------------------------------------------------------------- */

static void plug(struct vp_device *device, bool in)
{
    const struct vp_event event = {.kind = in ? VP_EVENT_ATTACHED : VP_EVENT_DETACHED};
    device->attached = in;
    device->input.start = device->input.end = 0;
    device_queue_end(&device->pending);
    device_listeners_tell(&device->listeners, &event);
}

static unsigned count(const struct vp_device *device, unsigned endpoint, bool in)
{
    unsigned number = 0;
    for (const struct vp_transfer *each = device->pending.first; each; each = each->next) {
        number += each->endpoint == endpoint && each->in == in;
    }
    return number;
}

static size_t take_received(struct vp_device *device, char *answer, size_t room)
{
    size_t size = device->received.end - device->received.start;
    size = size < room ? size : room;
    memcpy(answer, device->received.data + device->received.start, size);
    device->received.start += size;
    return size;
}

/** @return the length of the answer */
static size_t obey(struct vp_device *device, const char *command, char *answer, size_t room)
{
    snprintf(answer, room, "ok");
    if (strcmp(command, "log") == 0) {
        snprintf(answer, room, "%s", device->log);
        device->log[0] = '\0';
    } else if (strcmp(command, "received") == 0) {
        return take_received(device, answer, room);
    } else if (strcmp(command, "pending") == 0) {
        snprintf(answer, room, "in %u out %u notify %u", count(device, IN_ENDPOINT, true),
                 count(device, IN_ENDPOINT, false), count(device, NOTIFY_ENDPOINT, true));
    } else if (strncmp(command, "echo ", 5) == 0) {
        device->echo = strcmp(command + 5, "on") == 0;
    } else if (strncmp(command, "nak ", 4) == 0) {
        device->nak = strcmp(command + 4, "on") == 0;
    } else if (strncmp(command, "send ", 5) == 0) {
        store(&device->input, command + 5, strlen(command + 5));
    } else if (strncmp(command, "flood ", 6) == 0) {
        for (unsigned long i = 0; i < strtoul(command + 6, NULL, 10); i++) {
            store(&device->input, &(uint8_t){(uint8_t)i}, 1);
        }
    } else if (strncmp(command, "state ", 6) == 0) {
        store(&device->states, &(uint8_t){(uint8_t)strtoul(command + 6, NULL, 10)}, 1);
    } else if (strcmp(command, "halt") == 0) {
        device->halted = true;
    } else if (strcmp(command, "slow") == 0) {
        device->slow = true;
    } else if (strcmp(command, "unplug") == 0 || strcmp(command, "plug") == 0) {
        plug(device, command[0] == 'p');
    } else {
        snprintf(answer, room, "unknown: %s", command);
    }
    run(device);
    return strlen(answer);
}

static void on_command(struct ev_loop *loop, ev_io *io, int events)
{
    (void)loop;
    (void)events;
    static char answer[STORE];
    char command[256];
    int fd = accept(io->fd, NULL, NULL);
    ssize_t size = fd < 0 ? -1 : read(fd, command, sizeof command - 1);
    if (size > 0) {
        command[size] = '\0';
        command[strcspn(command, "\n")] = '\0';
        size_t length = obey(io->data, command, answer, sizeof answer);
        if (write(fd, answer, length) < 0) {
            perror("acm_server: answer");
        }
    }
    close(fd);
}

static int listen_control(const char *path)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    snprintf(name.sun_path, sizeof name.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&name, sizeof name) || listen(fd, 16)) {
        perror(path);
        exit(1);
    }
    return fd;
}

int main(int argc, char **argv)
{
    static struct vp_device device = {.attached = true, .echo = true};
    struct vp_failure failure;
    struct vp_server *server;
    char address[256];
    if (argc != 3) {
        fprintf(stderr, "Usage: acm_server USBIP-SOCKET CONTROL-SOCKET\n");
        return 2;
    }
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
    snprintf(address, sizeof address, "unix:%s", argv[1]);
    if (vp_server_create(&server, loop) || vp_server_add_device(server, &device) ||
        vp_server_listen(server, address, NULL, 0, &failure)) {
        fprintf(stderr, "acm_server: cannot start: %s\n", failure.text);
        return 1;
    }
    ev_io commands;
    ev_io_init(&commands, on_command, listen_control(argv[2]), EV_READ);
    commands.data = &device;
    ev_io_start(loop, &commands);
    puts("ready");
    fflush(stdout);
    ev_run(loop, 0);
    return 0;
}
