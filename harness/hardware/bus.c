#include "hardware/bus.h"

#include <errno.h>
#include <libusb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    /* DFU: interface class, subclass and protocol (DFU 1.1 section 4.2.3), descriptor (4.1.3). */
    DFU_CLASS = 0xFE,
    DFU_SUBCLASS = 0x01,
    DFU_PROTOCOL = 0x02,
    DFU_DESCRIPTOR = 0x21,
    DFU_DESCRIPTOR_SIZE = 9,
    DFU_CAN_UPLOAD = 2, /* bmAttributes */
    DFUSE_VERSION = 0x011A,
    LARGEST_TRANSFER = 4096, /* what usbfs lets through: a page (drivers/usb/core/devio.c) */
    TIMEOUT_MS = 5000,
    DEEPEST_PORT = 7, /* USB 3.2 section 10.16: at most so many tiers */
};

struct vp_hardware_bus {
    libusb_context *context;
};

struct vp_hardware_dfu {
    libusb_device_handle *handle;
    int interface;
    struct vp_dfu_pipe pipe;
    struct vp_layout layouts[VP_HARDWARE_ALTERNATES];
    unsigned layout_count;
};

/* ---- What there is ------------------------------------------------------------------------- */

int vp_hardware_bus_open(struct vp_hardware_bus **bus, struct vp_failure *failure)
{
    struct vp_hardware_bus *made = calloc(1, sizeof *made);
    if (!made) {
        return vp_fail(failure, VP_ERROR_NO_MEMORY, "out of memory");
    }
    const int error = libusb_init(&made->context);
    if (error) {
        free(made);
        return vp_fail(failure, VP_ERROR_IO, "libusb cannot look at this machine's USB: %s",
                       libusb_strerror(error));
    }
    *bus = made;
    return 0;
}

void vp_hardware_bus_close(struct vp_hardware_bus *bus)
{
    if (bus) {
        libusb_exit(bus->context);
        free(bus);
    }
}

static const struct vp_board *board_of(uint16_t vendor, uint16_t product, bool *dfu)
{
    static const enum vp_platform platforms[] = {VP_PLATFORM_PHOTON, VP_PLATFORM_P1,
                                                 VP_PLATFORM_ELECTRON, VP_PLATFORM_CORE};
    for (unsigned i = 0; i < sizeof platforms / sizeof *platforms; i++) {
        const struct vp_board *board = vp_board_find(platforms[i]);
        *dfu = product == board->usb_dfu_product;
        if (vendor == board->usb_vendor && (*dfu || product == board->usb_normal_product)) {
            return board;
        }
    }
    return NULL;
}

/* A device may say anything; what is shown is printable. */
static void read_string(libusb_device_handle *handle, uint8_t index, char *text, size_t size)
{
    unsigned char bytes[256] = {0};
    const int length =
        index ? libusb_get_string_descriptor_ascii(handle, index, bytes, sizeof bytes - 1) : 0;
    size_t used = 0;
    for (int i = 0; i < length && bytes[i] && used + 1 < size; i++) {
        text[used++] = (char)(bytes[i] >= ' ' && bytes[i] < 0x7F ? bytes[i] : '?');
    }
    text[used] = '\0';
}

static void write_path(libusb_device *device, char *path, size_t size)
{
    uint8_t ports[DEEPEST_PORT];
    const int depth = libusb_get_port_numbers(device, ports, sizeof ports);
    size_t used = (size_t)snprintf(path, size, "%u", libusb_get_bus_number(device));
    for (int i = 0; i < depth && used < size; i++) {
        used += (size_t)snprintf(path + used, size - used, "%c%u", i ? '.' : '-', ports[i]);
    }
}

/* @return false if the device is none of our boards */
static bool describe(libusb_device *device, struct vp_hardware_board *board)
{
    struct libusb_device_descriptor descriptor;
    libusb_device_handle *handle;
    *board = (struct vp_hardware_board){.board = NULL};
    if (libusb_get_device_descriptor(device, &descriptor)) {
        return false;
    }
    board->vendor = descriptor.idVendor;
    board->product = descriptor.idProduct;
    board->board = board_of(board->vendor, board->product, &board->dfu);
    if (!board->board) {
        return false;
    }
    write_path(device, board->path, sizeof board->path);
    snprintf(board->node, sizeof board->node, "/dev/bus/usb/%03u/%03u",
             libusb_get_bus_number(device), libusb_get_device_address(device));
    const int error = libusb_open(device, &handle);
    board->no_access = error == LIBUSB_ERROR_ACCESS;
    if (!error) {
        read_string(handle, descriptor.iSerialNumber, board->serial, sizeof board->serial);
        libusb_close(handle);
    }
    return true;
}

static int by_path(const void *one, const void *other)
{
    const struct vp_hardware_board *a = one, *b = other;
    return strverscmp(a->path, b->path);
}

unsigned vp_hardware_bus_look(struct vp_hardware_bus *bus, struct vp_hardware_board *boards)
{
    libusb_device **devices;
    const ssize_t there = libusb_get_device_list(bus->context, &devices);
    unsigned count = 0;
    for (ssize_t i = 0; i < there && count < VP_HARDWARE_BOARDS; i++) {
        count += describe(devices[i], &boards[count]);
    }
    if (there >= 0) {
        libusb_free_device_list(devices, 1);
    }
    qsort(boards, count, sizeof *boards, by_path);
    return count;
}

/* ---- A board in DFU mode --------------------------------------------------------------------- */

static int pipe_error(int error)
{
    return error == LIBUSB_ERROR_PIPE        ? VP_PIPE_STALL
           : error == LIBUSB_ERROR_TIMEOUT   ? VP_PIPE_TIMEOUT
           : error == LIBUSB_ERROR_NO_DEVICE ? VP_PIPE_GONE
                                             : VP_PIPE_OTHER;
}

static int control(void *context, uint8_t request_type, uint8_t request, uint16_t value,
                   uint8_t *data, uint16_t length)
{
    struct vp_hardware_dfu *dfu = context;
    const int moved = libusb_control_transfer(dfu->handle, request_type, request, value,
                                              (uint16_t)dfu->interface, data, length, TIMEOUT_MS);
    return moved < 0 ? pipe_error(moved) : moved;
}

static int set_alternate(void *context, unsigned alternate)
{
    struct vp_hardware_dfu *dfu = context;
    const int error = libusb_set_interface_alt_setting(dfu->handle, dfu->interface, (int)alternate);
    return error ? pipe_error(error) : 0;
}

static void wait_some(void *context, unsigned milliseconds)
{
    (void)context;
    struct timespec time = {.tv_sec = milliseconds / 1000,
                            .tv_nsec = (long)(milliseconds % 1000) * 1000000};
    while (nanosleep(&time, &time) && errno == EINTR) {
    }
}

static bool is_dfu(const struct libusb_interface_descriptor *alternate)
{
    return alternate->bInterfaceClass == DFU_CLASS &&
           alternate->bInterfaceSubClass == DFU_SUBCLASS &&
           alternate->bInterfaceProtocol == DFU_PROTOCOL;
}

/* The functional descriptor comes after the last alternate setting's. */
static const uint8_t *functional_descriptor(const uint8_t *extra, int length)
{
    while (length >= 2 && extra[0] >= 2 && extra[0] <= length) {
        if (extra[1] == DFU_DESCRIPTOR && extra[0] >= DFU_DESCRIPTOR_SIZE) {
            return extra;
        }
        length -= extra[0];
        extra += extra[0];
    }
    return NULL;
}

static uint16_t word_at(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] | bytes[1] << 8);
}

static void read_layout(struct vp_hardware_dfu *dfu, uint8_t index, struct vp_layout *layout)
{
    char text[256];
    struct vp_failure failure;
    read_string(dfu->handle, index, text, sizeof text);
    if (vp_layout_parse(text, layout, &failure)) {
        *layout = (struct vp_layout){.count = 0};
        snprintf(layout->name, sizeof layout->name, "%.*s", (int)sizeof layout->name - 1,
                 failure.text);
    }
}

static int read_interface(struct vp_hardware_dfu *dfu, const struct libusb_interface *interface,
                          struct vp_failure *failure)
{
    const uint8_t *functional = NULL;
    for (int i = 0; i < interface->num_altsetting && i < VP_HARDWARE_ALTERNATES; i++) {
        const struct libusb_interface_descriptor *alternate = &interface->altsetting[i];
        const uint8_t *found = functional_descriptor(alternate->extra, alternate->extra_length);
        functional = found ? found : functional;
        dfu->interface = alternate->bInterfaceNumber;
        /* The index is the number that is chosen by; descriptors that count otherwise are not ours.
         */
        if (is_dfu(alternate) && alternate->bAlternateSetting == i) {
            read_layout(dfu, alternate->iInterface, &dfu->layouts[i]);
            dfu->layout_count = (unsigned)i + 1;
        }
    }
    const unsigned size = functional ? word_at(functional + 5) : 0;
    if (size == 0 || size > LARGEST_TRANSFER) {
        return vp_fail(
            failure, VP_ERROR_INVALID,
            "the board's DFU functional descriptor is missing, or its transfer size (%u) "
            "is not within 1 to %d",
            size, LARGEST_TRANSFER);
    }
    if (!(functional[2] & DFU_CAN_UPLOAD) || word_at(functional + 7) != DFUSE_VERSION) {
        return vp_fail(failure, VP_ERROR_INVALID,
                       "the board's bootloader does not let its memory be read by DfuSe");
    }
    dfu->pipe = (struct vp_dfu_pipe){.control = control,
                                     .set_alternate = set_alternate,
                                     .wait = wait_some,
                                     .context = dfu,
                                     .transfer_size = (uint16_t)size};
    return 0;
}

static int read_configuration(struct vp_hardware_dfu *dfu, struct vp_failure *failure)
{
    struct libusb_config_descriptor *configuration;
    int error = libusb_get_active_config_descriptor(libusb_get_device(dfu->handle), &configuration);
    if (error) {
        return vp_fail(failure, VP_ERROR_IO, "the board's descriptors cannot be read: %s",
                       libusb_strerror(error));
    }
    const struct libusb_interface *found = NULL;
    for (int i = 0; i < configuration->bNumInterfaces && !found; i++) {
        const struct libusb_interface *interface = &configuration->interface[i];
        found =
            interface->num_altsetting > 0 && is_dfu(&interface->altsetting[0]) ? interface : NULL;
    }
    error = found ? read_interface(dfu, found, failure)
                  : vp_fail(failure, VP_ERROR_INVALID, "the board shows no DFU interface");
    libusb_free_config_descriptor(configuration);
    return error;
}

/* @return a libusb error */
static int open_at(struct vp_hardware_bus *bus, const char *path, libusb_device_handle **handle)
{
    libusb_device **devices;
    const ssize_t there = libusb_get_device_list(bus->context, &devices);
    int error = there < 0 ? (int)there : LIBUSB_ERROR_NO_DEVICE;
    for (ssize_t i = 0; i < there; i++) {
        char own[VP_HARDWARE_TEXT_SIZE];
        write_path(devices[i], own, sizeof own);
        if (strcmp(own, path) == 0) {
            error = libusb_open(devices[i], handle);
            break;
        }
    }
    if (there >= 0) {
        libusb_free_device_list(devices, 1);
    }
    return error;
}

static int open_failed(int error, const struct vp_hardware_board *board, struct vp_failure *failure)
{
    switch (error) {
    case LIBUSB_ERROR_ACCESS:
        return vp_fail(failure, VP_ERROR_IO, "%s at %s: this user may not open %s; allow it: %s",
                       board->board->name, board->path, board->node, vp_hardware_access_advice);
    case LIBUSB_ERROR_NO_DEVICE:
    case LIBUSB_ERROR_NOT_FOUND:
        return vp_fail(failure, VP_ERROR_NOT_FOUND, "%s at %s is not on the bus any more",
                       board->board->name, board->path);
    case LIBUSB_ERROR_BUSY:
        return vp_fail(failure, VP_ERROR_BUSY,
                       "%s at %s is in use by another program (dfu-util?); end that first",
                       board->board->name, board->path);
    default:
        return vp_fail(failure, VP_ERROR_IO, "%s at %s cannot be used: %s", board->board->name,
                       board->path, libusb_strerror(error));
    }
}

int vp_hardware_dfu_open(struct vp_hardware_dfu **dfu, struct vp_hardware_bus *bus,
                         const struct vp_hardware_board *board, struct vp_failure *failure)
{
    struct vp_hardware_dfu *made = calloc(1, sizeof *made);
    if (!made) {
        return vp_fail(failure, VP_ERROR_NO_MEMORY, "out of memory");
    }
    int error = open_at(bus, board->path, &made->handle);
    if (error) {
        free(made);
        return open_failed(error, board, failure);
    }
    made->interface = -1;
    error = read_configuration(made, failure);
    if (!error) {
        const int claimed = libusb_claim_interface(made->handle, made->interface);
        error = claimed ? open_failed(claimed, board, failure) : 0;
    }
    if (error) {
        libusb_close(made->handle);
        free(made);
        return error;
    }
    *dfu = made;
    return 0;
}

void vp_hardware_dfu_close(struct vp_hardware_dfu *dfu)
{
    if (dfu) {
        libusb_release_interface(dfu->handle, dfu->interface);
        libusb_close(dfu->handle);
        free(dfu);
    }
}

const struct vp_dfu_pipe *vp_hardware_dfu_pipe(const struct vp_hardware_dfu *dfu)
{
    return &dfu->pipe;
}

const struct vp_layout *vp_hardware_dfu_layouts(const struct vp_hardware_dfu *dfu, unsigned *count)
{
    *count = dfu->layout_count;
    return dfu->layouts;
}
