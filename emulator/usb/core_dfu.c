#include "usb/core_dfu.h"

#include <stdio.h>
#include <string.h>

#include "bytes.h"
#include "usb/core_control.h"
#include "vparticle/dfu.h"

enum { STATUS_OK = 0, STATUS_FIRMWARE_CORRUPT = 0x0A, STATUS_UNKNOWN_ERROR = 0x0E };
enum { STALLED_PACKET = 15 }; /* a status that the firmware stores as state */

/* usb_conf.h: INTERN_FLASH_SECTOR_*_TIME, SPI_FLASH_SECTOR_*_TIME */
enum { FLASH_MS = 50, SERIAL_ERASE_MS = 20, SERIAL_WRITE_MS = 30 };

/* dfu_mal.h: the upper bits of an address choose the memory. */
enum { MEMORY_MASK = 0xFC000000, SERIAL_BASE = 0x00000000, INTERNAL_BASE = 0x08000000 };

/* BOOTLOADER_FLASH_PAGES, hw_config.h: pages 0 to 15 are protected by option bytes. */
enum { OPTION_PROTECTED_END = 0x08004000 };

/* ---- Memories ---------------------------------------------------------------------------- */

static bool is_internal(uint32_t address)
{
    return (address & MEMORY_MASK) == INTERNAL_BASE;
}

static bool is_serial(uint32_t address)
{
    return (address & MEMORY_MASK) == SERIAL_BASE;
}

static uint32_t serial_size(const struct vp_dfu *dfu)
{
    const struct vp_flash_geometry *geometry = dfu->boot->board->external;
    const struct vp_flash_sector *last = &geometry->sectors[geometry->sector_count - 1];
    return last->address + last->size;
}

static void erase(struct vp_dfu *dfu, uint32_t address)
{
    if (is_internal(address) && address >= OPTION_PROTECTED_END) {
        vp_flash_erase(dfu->boot->flash, address);
    } else if (is_serial(address) && dfu->boot->external) {
        vp_flash_erase(dfu->boot->external, address % serial_size(dfu));
    }
}

/*
 * FLASH_ProgramWord: two half-words, each of which must be erased, or the new value 0 (PM0075
 * section 2.3.3). The first that is refused leaves an error flag that ends the whole block.
 * @return false if the processor faults: there is no flash
 */
static bool write_internal(struct vp_dfu *dfu, uint32_t address, uint32_t length)
{
    const uint32_t whole = (length + 3) & ~3u;
    memset(dfu->buffer + length, 0xFF, whole - length);
    for (uint32_t done = 0; done < whole; done += 2) {
        uint8_t there[2];
        if (address % 2 || vp_flash_read(dfu->boot->flash, address + done, there, sizeof there)) {
            return false;
        }
        const uint8_t *wanted = dfu->buffer + done;
        const bool may = vp_get_le16(there) == 0xFFFF || vp_get_le16(wanted) == 0;
        if (address + done < OPTION_PROTECTED_END || !may) {
            return true;
        }
        vp_flash_program(dfu->boot->flash, address + done, wanted, 2);
    }
    return true;
}

static void write_serial(struct vp_dfu *dfu, uint32_t address, uint32_t length)
{
    const uint32_t size = serial_size(dfu);
    for (uint32_t done = 0; dfu->boot->external && done < length;) {
        const uint32_t at = (address + done) % size;
        const uint32_t room = size - at, left = length - done;
        const uint32_t piece = left < room ? left : room;
        vp_flash_program(dfu->boot->external, at, dfu->buffer + done, piece);
        done += piece;
    }
}

static bool write(struct vp_dfu *dfu, uint32_t address, uint32_t length)
{
    if (is_internal(address)) {
        return write_internal(dfu, address, length);
    }
    if (is_serial(address)) {
        write_serial(dfu, address, length);
    }
    return true;
}

/* @return false if the processor faults */
static bool read(struct vp_dfu *dfu, uint32_t address, uint8_t *data, uint32_t length)
{
    if (is_internal(address)) {
        return vp_flash_read(dfu->boot->flash, address, data, length) == 0;
    }
    if (!is_serial(address)) { /* a null pointer: flash is mapped to address 0, too */
        return vp_flash_read(dfu->boot->flash, INTERNAL_BASE, data, length) == 0;
    }
    if (length > VP_CORE_DFU_TRANSFER_SIZE || !dfu->boot->external) {
        return false; /* overruns the buffer */
    }
    const uint32_t size = serial_size(dfu);
    for (uint32_t done = 0; done < length; done++) {
        vp_flash_read(dfu->boot->external, (address + done) % size, dfu->buffer + done, 1);
    }
    memcpy(data, dfu->buffer, length);
    return true;
}

/* ---- Requests ------------------------------------------------------------------------------ */

static void set_state(struct vp_dfu *dfu, uint8_t state)
{
    dfu->state = state;
    dfu->status[4] = state;
}

static void set_poll(struct vp_dfu *dfu, uint8_t milliseconds)
{
    dfu->status[1] = milliseconds;
    dfu->status[2] = 0;
    dfu->status[3] = 0;
}

static struct vp_usb_reply upload(struct vp_dfu *dfu, const struct vp_usb_request *request)
{
    static const uint8_t commands[] = {VP_DFUSE_GET_COMMANDS, VP_DFUSE_SET_ADDRESS_POINTER,
                                       VP_DFUSE_ERASE};
    if (dfu->state != VP_DFU_IDLE && dfu->state != VP_DFU_UPLOAD_IDLE) {
        return vp_usb_reply_of(VP_USB_STALL);
    }
    dfu->block = request->value;
    dfu->length = request->length;
    set_poll(dfu, 0);
    if (dfu->block == 0) {
        set_state(dfu, dfu->length > sizeof commands ? VP_DFU_IDLE : VP_DFU_UPLOAD_IDLE);
        memcpy(dfu->buffer, commands, sizeof commands);
        return vp_usb_send(request, commands, sizeof commands);
    }
    if (dfu->block == 1) {
        set_state(dfu, STALLED_PACKET);
        return vp_usb_reply_of(VP_USB_STALL);
    }
    set_state(dfu, VP_DFU_UPLOAD_IDLE);
    const uint32_t address = (dfu->block - 2) * VP_CORE_DFU_TRANSFER_SIZE + dfu->pointer;
    if (!read(dfu, address, request->data, request->capacity)) {
        return vp_usb_reply_of(VP_USB_FAULT);
    }
    return (struct vp_usb_reply){.answer = VP_USB_DATA, .size = request->capacity};
}

static struct vp_usb_reply download(struct vp_dfu *dfu, const struct vp_usb_request *request)
{
    if (dfu->state != VP_DFU_IDLE && dfu->state != VP_DFU_DNLOAD_IDLE) {
        return vp_usb_reply_of(VP_USB_STALL);
    }
    if (request->length > VP_CORE_DFU_TRANSFER_SIZE) {
        return vp_usb_reply_of(VP_USB_FAULT); /* overruns the buffer */
    }
    dfu->block = request->value;
    dfu->length = request->length;
    set_state(dfu, VP_DFU_DNLOAD_SYNC);
    memcpy(dfu->buffer, request->data, request->capacity);
    return vp_usb_acknowledge();
}

/* DFU_Status_Out in dfuDNBUSY: after the status stage, so that the host learns of no failure. */
static void do_work(struct vp_dfu *dfu)
{
    const uint8_t *command = dfu->buffer;
    const bool addressed =
        dfu->block == 0 && dfu->length == 5 &&
        (command[0] == VP_DFUSE_SET_ADDRESS_POINTER || command[0] == VP_DFUSE_ERASE);
    if (addressed) {
        dfu->pointer = vp_get_le32(command + 1);
        if (command[0] == VP_DFUSE_ERASE) {
            erase(dfu, dfu->pointer);
        }
    } else if (dfu->block > 1) {
        const uint32_t address = (dfu->block - 2) * VP_CORE_DFU_TRANSFER_SIZE + dfu->pointer;
        dfu->faulted = !write(dfu, address, dfu->length);
    }
    dfu->length = 0;
    dfu->block = 0;
    set_state(dfu, VP_DFU_DNLOAD_SYNC);
    set_poll(dfu, 0);
}

static uint8_t poll_ms(const struct vp_dfu *dfu)
{
    const bool erasing = dfu->block == 0 && dfu->buffer[0] == VP_DFUSE_ERASE;
    return !is_serial(dfu->pointer) ? FLASH_MS : erasing ? SERIAL_ERASE_MS : SERIAL_WRITE_MS;
}

static struct vp_usb_reply leave(struct vp_dfu *dfu, const struct vp_usb_request *request)
{
    const bool old = dfu->boot->generation->identity->manifest_shown;
    dfu->status[4] = old ? VP_DFU_MANIFEST : VP_DFU_DNLOAD_IDLE;
    set_poll(dfu, old ? 1 : 0);
    const struct vp_usb_reply reply = vp_usb_send(request, dfu->status, sizeof dfu->status);
    set_state(dfu, VP_DFU_MANIFEST_WAIT_RESET);
    set_poll(dfu, 0);
    dfu->leaving = true;
    return reply;
}

static struct vp_usb_reply get_status(struct vp_dfu *dfu, const struct vp_usb_request *request)
{
    if (dfu->state == VP_DFU_MANIFEST_SYNC) {
        return leave(dfu, request);
    }
    if (dfu->state == VP_DFU_DNLOAD_SYNC && dfu->length != 0) {
        set_state(dfu, VP_DFU_DNBUSY);
        set_poll(dfu, poll_ms(dfu));
        const struct vp_usb_reply reply = vp_usb_send(request, dfu->status, sizeof dfu->status);
        do_work(dfu);
        return reply;
    }
    if (dfu->state == VP_DFU_DNLOAD_SYNC) {
        set_state(dfu, VP_DFU_DNLOAD_IDLE);
        set_poll(dfu, 0);
    }
    return vp_usb_send(request, dfu->status, sizeof dfu->status);
}

static struct vp_usb_reply class_with_data(struct vp_dfu *dfu, const struct vp_usb_request *request)
{
    const bool in = (request->type & 0x80) != 0;
    switch (request->request) {
    case VP_DFU_UPLOAD:
        return in ? upload(dfu, request) : vp_usb_reply_of(VP_USB_STALL);
    case VP_DFU_DNLOAD:
        return in ? vp_usb_reply_of(VP_USB_STALL) : download(dfu, request);
    case VP_DFU_GETSTATE:
        return in ? vp_usb_send(request, &dfu->state, 1) : vp_usb_reply_of(VP_USB_STALL);
    case VP_DFU_GETSTATUS:
        return in ? get_status(dfu, request) : vp_usb_reply_of(VP_USB_STALL);
    default:
        return vp_usb_reply_of(VP_USB_STALL);
    }
}

static void reset_status(struct vp_dfu *dfu, uint8_t status, uint8_t state)
{
    dfu->status[0] = status;
    dfu->status[5] = 0;
    set_poll(dfu, 0);
    set_state(dfu, state);
}

static bool can_abort(const struct vp_dfu *dfu)
{
    return dfu->state == VP_DFU_IDLE || dfu->state == VP_DFU_DNLOAD_SYNC ||
           dfu->state == VP_DFU_DNLOAD_IDLE || dfu->state == VP_DFU_MANIFEST_SYNC ||
           dfu->state == VP_DFU_UPLOAD_IDLE;
}

/* DETACH is not among them. */
static struct vp_usb_reply class_without_data(struct vp_dfu *dfu,
                                              const struct vp_usb_request *request)
{
    switch (request->request) {
    case VP_DFU_DNLOAD:
        if (dfu->state != VP_DFU_IDLE && dfu->state != VP_DFU_DNLOAD_IDLE) {
            return vp_usb_reply_of(VP_USB_STALL);
        }
        set_poll(dfu, 0);
        set_state(dfu, VP_DFU_MANIFEST_SYNC);
        return vp_usb_acknowledge();
    case VP_DFU_UPLOAD:
        set_poll(dfu, 0);
        set_state(dfu, VP_DFU_IDLE);
        return vp_usb_acknowledge();
    case VP_DFU_CLRSTATUS:
        if (dfu->state == VP_DFU_ERROR) {
            reset_status(dfu, STATUS_OK, VP_DFU_IDLE);
        } else {
            reset_status(dfu, STATUS_UNKNOWN_ERROR, VP_DFU_ERROR);
        }
        return vp_usb_acknowledge();
    case VP_DFU_ABORT:
        if (can_abort(dfu)) {
            reset_status(dfu, STATUS_OK, VP_DFU_IDLE);
            dfu->block = 0;
            dfu->length = 0;
        }
        return vp_usb_acknowledge();
    default:
        return vp_usb_reply_of(VP_USB_STALL);
    }
}

static struct vp_usb_reply class_request(void *context, const struct vp_usb_request *request)
{
    enum { CLASS_TO_INTERFACE = 0x21, DIRECTION = 0x80 };
    struct vp_dfu *dfu = context;
    if (dfu->faulted) {
        return vp_usb_reply_of(VP_USB_FAULT);
    }
    if ((request->type & ~DIRECTION) != CLASS_TO_INTERFACE) {
        return vp_usb_reply_of(VP_USB_STALL);
    }
    return request->length == 0 ? class_without_data(dfu, request) : class_with_data(dfu, request);
}

static uint8_t *alternate(void *context)
{
    return &((struct vp_dfu *)context)->alternate;
}

static struct vp_usb_reply request_of_core(struct vp_usb_control *control,
                                           const struct vp_usb_request *request)
{
    /* DFU_Get_Interface_Setting lets more pass than there is. */
    static const struct vp_core_class class = {
        .request = class_request,
        .interface_limit = 2,
        .alternate_limit = 3,
        .alternate = alternate,
    };
    const struct vp_dfu *dfu = control->context;
    return dfu->faulted ? vp_usb_reply_of(VP_USB_FAULT)
                        : vp_core_control_request(control, &class, request);
}

/* ---- Descriptors ---------------------------------------------------------------------------- */

enum { STRING_MANUFACTURER = 1, STRING_PRODUCT = 2, STRING_SERIAL = 3, STRING_FIRST_LAYOUT = 4 };

static uint32_t device_descriptor(const struct vp_board *board, uint8_t *to)
{
    const uint32_t size = vp_usb_device_descriptor(to, &(struct vp_usb_device_identity){
                                                           .vendor = board->usb_vendor,
                                                           .product = board->usb_dfu_product,
                                                           .release = 0x0200,
                                                       });
    vp_put_le16(to + 2, 0x0100); /* bcdUSB 1.00 */
    return size;
}

static uint32_t configuration_descriptor(const struct vp_board *board, uint8_t *to)
{
    const uint8_t total = (uint8_t)(9 + 9 * board->dfu_layout_count + 9);
    const uint8_t head[] = {9, 2, total, 0, 1, 1, 0, 0xC0, 0x32};
    const uint8_t functional[] = {9,
                                  0x21,
                                  0x0B,
                                  0xFF,
                                  0x00,
                                  VP_CORE_DFU_TRANSFER_SIZE & 0xFF,
                                  VP_CORE_DFU_TRANSFER_SIZE >> 8,
                                  0x1A,
                                  0x01};
    memcpy(to, head, sizeof head);
    for (unsigned i = 0; i < board->dfu_layout_count; i++) {
        const uint8_t interface[] = {
            9, 4, 0, (uint8_t)i, 0, 0xFE, 0x01, 0x02, (uint8_t)(STRING_FIRST_LAYOUT + i)};
        memcpy(to + 9 + 9 * i, interface, sizeof interface);
    }
    memcpy(to + total - 9, functional, sizeof functional);
    return total;
}

/* The arrays of the strings are longer than the strings: the rest are characters of 0. */
static uint32_t padded_string(uint8_t *to, const char *text, uint8_t size)
{
    memset(to, 0, size);
    vp_usb_string_descriptor(to, text);
    to[0] = size;
    return size;
}

/* Get_SerialNum: before 0.7.0 the id folded into 12 digits, then all of it. */
static uint32_t serial_string(const struct vp_dfu *dfu, uint8_t *to)
{
    enum { WHOLE_SIZE = 52 };
    if (dfu->boot->generation->identity->serial == VP_DFU_SERIAL_UPPER) {
        memset(to, 0, WHOLE_SIZE);
        vp_usb_device_id_string(to, dfu->device_id, true);
        to[0] = WHOLE_SIZE;
        return WHOLE_SIZE;
    }
    char text[13];
    snprintf(text, sizeof text, "%08X%04X",
             (unsigned)(vp_get_le32(dfu->device_id) + vp_get_le32(dfu->device_id + 8)),
             (unsigned)(vp_get_le32(dfu->device_id + 4) >> 16));
    return vp_usb_string_descriptor(to, text);
}

static struct vp_usb_reply string_descriptor(const struct vp_dfu *dfu, uint8_t index, uint8_t *to)
{
    enum { LAYOUT_SIZE = 98 };
    const struct vp_board *board = dfu->boot->board;
    uint32_t size;
    switch (index) {
    case 0:
        size = vp_usb_language_descriptor(to);
        break;
    case STRING_MANUFACTURER:
        size = vp_usb_string_descriptor(to, dfu->boot->generation->identity->manufacturer);
        break;
    case STRING_PRODUCT:
        size = vp_usb_string_descriptor(to, board->dfu_product_string);
        break;
    case STRING_SERIAL:
        size = serial_string(dfu, to);
        break;
    default:
        /* 6 to 8 read behind the table (Assumption: nothing sensible), 9 and up are refused. */
        if (index - STRING_FIRST_LAYOUT >= (int)board->dfu_layout_count) {
            return vp_usb_reply_of(VP_USB_STALL);
        }
        size = padded_string(to, board->dfu_layouts[index - STRING_FIRST_LAYOUT], LAYOUT_SIZE);
        break;
    }
    return (struct vp_usb_reply){VP_USB_DATA, size};
}

static struct vp_usb_reply descriptor(void *context, uint16_t value, uint8_t *to)
{
    const struct vp_dfu *dfu = context;
    switch (value >> 8) {
    case 1:
        return (struct vp_usb_reply){VP_USB_DATA, device_descriptor(dfu->boot->board, to)};
    case 2:
        return (struct vp_usb_reply){VP_USB_DATA, configuration_descriptor(dfu->boot->board, to)};
    default:
        return string_descriptor(dfu, (uint8_t)value, to);
    }
}

void vp_core_dfu_start(struct vp_dfu *dfu, struct vp_boot *boot, const uint8_t *device_id,
                       struct vp_usb_function *function)
{
    *dfu = (struct vp_dfu){.boot = boot, .pointer = boot->board->application};
    memcpy(dfu->device_id, device_id, sizeof dfu->device_id);
    dfu->status[0] = STATUS_FIRMWARE_CORRUPT; /* HAL_DFU_USB_Init */
    set_state(dfu, VP_DFU_ERROR);
    *function = (struct vp_usb_function){
        .descriptor = descriptor,
        .request = request_of_core,
        .self_powered = true,
    };
}
