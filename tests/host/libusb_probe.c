/*
 * A tool on libusb-1.0, for the tests of the userland host. Built twice: dynamically with the
 * system's libusb, and fully static (see udev_substitute.c).
 *
 *   list                   the devices with their serial numbers
 *   status COUNT           COUNT times DFU_GETSTATUS on a claimed device; prints the rate
 *   claim                  try to claim interface 0; prints how that went
 *   hold                   claim interface 0, say so, and keep it until standard input ends
 *   hotplug                make the device leave DFU mode, and wait for it to go and come back
 *   wait-left              say "watching", and wait for the device to leave
 *   in-flight              start a transfer that the device never answers, and wait for its end
 *   timeout                ... with a time limit; the device stays dead
 *   cancel                 take a transfer back that a dead device does not answer
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <libusb-1.0/libusb.h>

enum { VENDOR = 0x2B04, PRODUCT_DFU = 0xD006, TIME_LIMIT_SECONDS = 60 };
enum { DFU_DNLOAD = 1, DFU_UPLOAD = 2, DFU_GETSTATUS = 3, DFU_CLRSTATUS = 4, DFU_ABORT = 6 };
enum { CLASS_OUT = 0x21, CLASS_IN = 0xA1 };

static libusb_context *context;

static void check(int result, const char *what)
{
    if (result < 0) {
        fprintf(stderr, "%s: %s\n", what, libusb_error_name(result));
        exit(1);
    }
}

static libusb_device_handle *open_device(void)
{
    libusb_device_handle *handle = libusb_open_device_with_vid_pid(context, VENDOR, PRODUCT_DFU);
    if (!handle) {
        fputs("no device in DFU mode\n", stderr);
        exit(1);
    }
    return handle;
}

static libusb_device_handle *open_and_claim(void)
{
    libusb_device_handle *handle = open_device();
    check(libusb_claim_interface(handle, 0), "claim");
    return handle;
}

static int control(libusb_device_handle *handle, uint8_t type, uint8_t request, uint16_t value,
                   uint8_t *data, uint16_t length)
{
    return libusb_control_transfer(handle, type, request, value, 0, data, length, 5000);
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int list(void)
{
    libusb_device **devices;
    ssize_t count = libusb_get_device_list(context, &devices);
    check((int)count, "list");
    for (ssize_t i = 0; i < count; i++) {
        struct libusb_device_descriptor descriptor;
        libusb_device_handle *handle;
        unsigned char serial[64] = "";
        check(libusb_get_device_descriptor(devices[i], &descriptor), "descriptor");
        check(libusb_open(devices[i], &handle), "open");
        libusb_get_string_descriptor_ascii(handle, descriptor.iSerialNumber, serial, sizeof serial);
        printf("%03u/%03u port %u speed %d %04x:%04x %s\n", libusb_get_bus_number(devices[i]),
               libusb_get_device_address(devices[i]), libusb_get_port_number(devices[i]),
               libusb_get_device_speed(devices[i]), descriptor.idVendor, descriptor.idProduct,
               serial);
        libusb_close(handle);
    }
    libusb_free_device_list(devices, 1);
    return 0;
}

static int status(const char *count_text)
{
    libusb_device_handle *handle = open_and_claim();
    long count = strtol(count_text, NULL, 10);
    double start = now();
    for (long i = 0; i < count; i++) {
        uint8_t data[6];
        int size = control(handle, CLASS_IN, DFU_GETSTATUS, 0, data, sizeof data);
        check(size, "GETSTATUS");
        if (size != 6 || data[0] != 0 || data[4] != 2) {
            fprintf(stderr, "GETSTATUS says %d bytes, status %u, state %u\n", size, data[0],
                    data[4]);
            return 1;
        }
    }
    printf("%.1f us each\n", (now() - start) / (double)count * 1e6);
    libusb_close(handle);
    return 0;
}

static int claim(void)
{
    libusb_device_handle *handle = open_device();
    puts(libusb_error_name(libusb_claim_interface(handle, 0)));
    libusb_close(handle);
    return 0;
}

static int hold(void)
{
    libusb_device_handle *handle = open_and_claim();
    puts("holding");
    fflush(stdout);
    while (getchar() != EOF) {
    }
    libusb_close(handle);
    return 0;
}

/* ---- Hot-plug ---------------------------------------------------------------------------- */

struct seen {
    bool left, came_back;
};

static int LIBUSB_CALL on_hotplug(libusb_context *ignored, libusb_device *device,
                                  libusb_hotplug_event event, void *data)
{
    (void)ignored;
    struct seen *seen = data;
    struct libusb_device_descriptor descriptor;
    libusb_get_device_descriptor(device, &descriptor);
    if (descriptor.idVendor != VENDOR) {
        return 0;
    }
    bool left = event == LIBUSB_HOTPLUG_EVENT_DEVICE_LEFT;
    printf("%s %04x:%04x at %u\n", left ? "left" : "arrived", descriptor.idVendor,
           descriptor.idProduct, libusb_get_device_address(device));
    fflush(stdout);
    if (left) {
        seen->left = true;
    } else if (seen->left) {
        seen->came_back = true;
    }
    return 0;
}

static void watch(struct seen *seen)
{
    if (!libusb_has_capability(LIBUSB_CAP_HAS_HOTPLUG)) {
        fputs("this libusb cannot do hot-plug\n", stderr);
        exit(1);
    }
    check(libusb_hotplug_register_callback(
              context, LIBUSB_HOTPLUG_EVENT_DEVICE_ARRIVED | LIBUSB_HOTPLUG_EVENT_DEVICE_LEFT, 0,
              LIBUSB_HOTPLUG_MATCH_ANY, LIBUSB_HOTPLUG_MATCH_ANY, LIBUSB_HOTPLUG_MATCH_ANY,
              on_hotplug, seen, NULL),
          "hot-plug");
}

static void wait_until(const bool *flag, const char *what)
{
    double end = now() + TIME_LIMIT_SECONDS;
    while (!*flag) {
        struct timeval limit = {.tv_sec = 1};
        check(libusb_handle_events_timeout_completed(context, &limit, NULL), "events");
        if (now() > end) {
            fprintf(stderr, "no event within %d s: %s\n", TIME_LIMIT_SECONDS, what);
            exit(1);
        }
    }
}

/* A DNLOAD of nothing and the GETSTATUS after it let the bootloader start the firmware. */
static void leave_dfu(libusb_device_handle *handle)
{
    uint8_t data[6];
    check(control(handle, CLASS_OUT, DFU_DNLOAD, 2, NULL, 0), "leave");
    check(control(handle, CLASS_IN, DFU_GETSTATUS, 0, data, sizeof data), "GETSTATUS");
}

static int hotplug(void)
{
    struct seen seen = {false, false};
    watch(&seen);
    libusb_device_handle *handle = open_and_claim();
    leave_dfu(handle);
    wait_until(&seen.left, "the device leaves");
    libusb_close(handle);
    wait_until(&seen.came_back, "the device comes back");
    return 0;
}

static int wait_left(void)
{
    struct seen seen = {false, false};
    watch(&seen);
    puts("watching");
    fflush(stdout);
    wait_until(&seen.left, "the device leaves");
    return 0;
}

/* ---- A transfer in flight ---------------------------------------------------------------- */

struct flight {
    bool ended;
    enum libusb_transfer_status status;
};

static void LIBUSB_CALL on_end(struct libusb_transfer *transfer)
{
    struct flight *flight = transfer->user_data;
    flight->status = transfer->status;
    flight->ended = true;
}

/* An UPLOAD that reads across the end of the flash makes the firmware fault: it answers nothing any
 * more. */
static libusb_device_handle *open_before_the_end(void)
{
    uint8_t set_address[] = {0x21, 0x00, 0xFC, 0x0F, 0x08}; /* 1024 bytes before the end */
    uint8_t data[6];
    libusb_device_handle *handle = open_and_claim();
    check(control(handle, CLASS_OUT, DFU_DNLOAD, 0, set_address, sizeof set_address), "address");
    check(control(handle, CLASS_IN, DFU_GETSTATUS, 0, data, sizeof data), "GETSTATUS");
    check(control(handle, CLASS_IN, DFU_GETSTATUS, 0, data, sizeof data), "GETSTATUS");
    check(control(handle, CLASS_OUT, DFU_ABORT, 0, NULL, 0), "abort");
    return handle;
}

static int time_out(void)
{
    uint8_t data[4096];
    libusb_device_handle *handle = open_before_the_end();
    for (unsigned i = 0; i < 2; i++) {
        puts(libusb_error_name(
            libusb_control_transfer(handle, CLASS_IN, DFU_UPLOAD, 2, 0, data, sizeof data, 200)));
    }
    libusb_close(handle);
    return 0;
}

static int cancel(void)
{
    static uint8_t buffer[LIBUSB_CONTROL_SETUP_SIZE + 6];
    libusb_device_handle *handle = open_and_claim();
    struct flight flight = {.ended = false};
    struct libusb_transfer *transfer = libusb_alloc_transfer(0);
    libusb_fill_control_setup(buffer, CLASS_IN, DFU_GETSTATUS, 0, 0, 6);
    libusb_fill_control_transfer(transfer, handle, buffer, on_end, &flight, 0);
    check(libusb_submit_transfer(transfer), "submit");
    check(libusb_cancel_transfer(transfer), "cancel");
    wait_until(&flight.ended, "the transfer ends");
    printf("status %d, %d bytes; once more: %s\n", flight.status, transfer->actual_length,
           libusb_error_name(libusb_cancel_transfer(transfer)));
    libusb_free_transfer(transfer);
    libusb_close(handle);
    return 0;
}

/* The transfer has no time limit, so that only the unplugged device can end it. */
static int in_flight(void)
{
    static uint8_t buffer[LIBUSB_CONTROL_SETUP_SIZE + 4096];
    uint8_t data[6];
    libusb_device_handle *handle = open_before_the_end();
    struct flight flight = {.ended = false};
    struct libusb_transfer *transfer = libusb_alloc_transfer(0);
    libusb_fill_control_setup(buffer, CLASS_IN, DFU_UPLOAD, 2, 0, 4096);
    libusb_fill_control_transfer(transfer, handle, buffer, on_end, &flight, 0);
    check(libusb_submit_transfer(transfer), "submit");
    /* It is in flight if a moment of waiting does not end it. */
    struct timeval moment = {.tv_usec = 100000};
    check(libusb_handle_events_timeout_completed(context, &moment, NULL), "events");
    if (flight.ended) {
        fprintf(stderr, "the transfer ended by itself, with status %d\n", flight.status);
        return 1;
    }
    puts("in flight");
    fflush(stdout);
    wait_until(&flight.ended, "the transfer ends");
    int next = control(handle, CLASS_IN, DFU_GETSTATUS, 0, data, sizeof data);
    printf("transfer: %s, next one: %s\n",
           flight.status == LIBUSB_TRANSFER_NO_DEVICE ? "LIBUSB_ERROR_NO_DEVICE" : "another status",
           libusb_error_name(next));
    bool good = flight.status == LIBUSB_TRANSFER_NO_DEVICE && next == LIBUSB_ERROR_NO_DEVICE;
    libusb_free_transfer(transfer);
    libusb_close(handle);
    return good ? 0 : 1;
}

int main(int argc, char **argv)
{
    const char *command = argc > 1 ? argv[1] : "";
    int result = 2;
    alarm(2 * TIME_LIMIT_SECONDS);
    check(libusb_init(&context), "libusb_init");
    if (strcmp(command, "list") == 0) {
        result = list();
    } else if (strcmp(command, "status") == 0 && argc > 2) {
        result = status(argv[2]);
    } else if (strcmp(command, "claim") == 0) {
        result = claim();
    } else if (strcmp(command, "hold") == 0) {
        result = hold();
    } else if (strcmp(command, "hotplug") == 0) {
        result = hotplug();
    } else if (strcmp(command, "wait-left") == 0) {
        result = wait_left();
    } else if (strcmp(command, "in-flight") == 0) {
        result = in_flight();
    } else if (strcmp(command, "timeout") == 0) {
        result = time_out();
    } else if (strcmp(command, "cancel") == 0) {
        result = cancel();
    } else {
        fputs("unknown command\n", stderr);
    }
    libusb_exit(context);
    return result;
}
