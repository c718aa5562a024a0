#include "trace/trace.h"

#include <linux/usb/ch9.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "vparticle/dfu.h"

static const char *const standard_requests[] = {
    "GET_STATUS",
    "CLEAR_FEATURE",
    NULL,
    "SET_FEATURE",
    NULL,
    "SET_ADDRESS",
    "GET_DESCRIPTOR",
    "SET_DESCRIPTOR",
    "GET_CONFIGURATION",
    "SET_CONFIGURATION",
    "GET_INTERFACE",
    "SET_INTERFACE",
    "SYNCH_FRAME",
};

static const char *const dfu_requests[] = {
    "DETACH", "DNLOAD", "UPLOAD", "GETSTATUS", "CLRSTATUS", "GETSTATE", "ABORT",
};

static const char *const descriptor_types[] = {
    NULL, "device", "configuration", "string", "interface", "endpoint", "qualifier", "other speed",
};

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

/* A line that is written piece by piece and cut where it does not fit. */
struct line {
    char *text;
    size_t size, used;
};

__attribute__((format(printf, 2, 3))) static void add(struct line *line, const char *format, ...)
{
    if (line->used >= line->size) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    const int length =
        vsnprintf(line->text + line->used, line->size - line->used, format, arguments);
    va_end(arguments);
    line->used += length > 0 ? (size_t)length : 0;
}

void vp_traced_take(struct vp_traced *traced, const struct vp_transfer *transfer)
{
    *traced = (struct vp_traced){
        .endpoint = transfer->endpoint,
        .in = transfer->in,
        .length = transfer->length,
        .actual = transfer->actual,
        .status = transfer->status,
    };
    memcpy(traced->setup, transfer->setup, sizeof traced->setup);
    /* What was offered is of interest even where the device refused it. */
    const uint32_t shown = transfer->in ? transfer->actual : transfer->length;
    if (transfer->data && shown) {
        memcpy(traced->bytes, transfer->data, shown < VP_TRACE_BYTES ? shown : VP_TRACE_BYTES);
    }
}

void vp_trace_add(struct vp_trace *trace, const struct vp_transfer *transfer)
{
    vp_traced_take(&trace->transfers[trace->total++ % VP_TRACE_LENGTH], transfer);
}

unsigned vp_trace_count(const struct vp_trace *trace)
{
    return trace->total < VP_TRACE_LENGTH ? trace->total : VP_TRACE_LENGTH;
}

static unsigned value_of(const struct vp_traced *traced)
{
    return traced->setup[2] | (unsigned)traced->setup[3] << 8;
}

static unsigned index_of(const struct vp_traced *traced)
{
    return traced->setup[4] | (unsigned)traced->setup[5] << 8;
}

static void add_bytes(struct line *line, const struct vp_traced *traced)
{
    const uint32_t count = traced->actual < VP_TRACE_BYTES ? traced->actual : VP_TRACE_BYTES;
    for (uint32_t i = 0; i < count; i++) {
        add(line, " %02x", traced->bytes[i]);
    }
    add(line, "%s", traced->actual > count ? " .." : "");
}

/* DfuSe puts its commands into block 0. */
static void add_download(struct line *line, const struct vp_traced *traced)
{
    const uint8_t *bytes = traced->bytes;
    const uint32_t address =
        bytes[1] | (uint32_t)bytes[2] << 8 | (uint32_t)bytes[3] << 16 | (uint32_t)bytes[4] << 24;
    add(line, " block %u", value_of(traced));
    if (traced->length == 0) {
        add(line, ", nothing: leave");
    } else if (value_of(traced) == 0 && traced->length == 5 &&
               bytes[0] == VP_DFUSE_SET_ADDRESS_POINTER) {
        add(line, ", set address 0x%08x", address);
    } else if (value_of(traced) == 0 && traced->length == 5 && bytes[0] == VP_DFUSE_ERASE) {
        add(line, ", erase 0x%08x", address);
    } else if (value_of(traced) == 0 && bytes[0] == VP_DFUSE_GET_COMMANDS) {
        add(line, ", get commands");
    } else {
        add(line, ", %u bytes", traced->length);
    }
}

static void add_standard(struct line *line, const struct vp_traced *traced)
{
    const uint8_t request = traced->setup[1];
    const char *name = request < COUNT_OF(standard_requests) ? standard_requests[request] : NULL;
    if (!name) {
        add(line, "standard request %u", request);
        return;
    }
    add(line, "%s", name);
    if (request == USB_REQ_GET_DESCRIPTOR) {
        const unsigned type = value_of(traced) >> 8;
        if (type < COUNT_OF(descriptor_types) && descriptor_types[type]) {
            add(line, " %s %u", descriptor_types[type], value_of(traced) & 0xFF);
        } else {
            add(line, " 0x%04x", value_of(traced));
        }
    } else {
        add(line, " %u", value_of(traced));
    }
    if (traced->setup[0] & 0x1F) {
        add(line, " at %u", index_of(traced));
    }
}

static bool is_dfu(const struct vp_traced *traced)
{
    return traced->endpoint == 0 && (traced->setup[0] & USB_TYPE_MASK) == USB_TYPE_CLASS &&
           traced->setup[1] < COUNT_OF(dfu_requests);
}

static void add_request(struct line *line, const struct vp_traced *traced)
{
    if (traced->endpoint != 0) {
        add(line, "endpoint %u %s, %u bytes", traced->endpoint, traced->in ? "in" : "out",
            traced->length);
    } else if ((traced->setup[0] & USB_TYPE_MASK) == USB_TYPE_STANDARD) {
        add_standard(line, traced);
    } else if (!is_dfu(traced)) {
        add(line, "%s request 0x%02x value 0x%04x index 0x%04x length %u",
            (traced->setup[0] & USB_TYPE_MASK) == USB_TYPE_CLASS ? "class" : "vendor",
            traced->setup[1], value_of(traced), index_of(traced),
            traced->setup[6] | traced->setup[7] << 8);
    } else {
        add(line, "%s", dfu_requests[traced->setup[1]]);
        if (traced->setup[1] == VP_DFU_DNLOAD) {
            add_download(line, traced);
        } else if (traced->setup[1] == VP_DFU_UPLOAD) {
            add(line, " block %u, %u bytes", value_of(traced), traced->length);
        }
    }
}

void vp_traced_describe_request(const struct vp_traced *traced, char *text, size_t size)
{
    struct line line = {.text = text, .size = size};
    add_request(&line, traced);
}

const char *vp_traced_status_name(enum vp_transfer_status status)
{
    static const char *const words[] = {
        [VP_TRANSFER_PENDING] = "no answer",     [VP_TRANSFER_OK] = "ok",
        [VP_TRANSFER_STALL] = "stall",           [VP_TRANSFER_CANCELLED] = "cancelled",
        [VP_TRANSFER_NO_DEVICE] = "device gone",
    };
    return words[status];
}

static void add_answer(struct line *line, const struct vp_traced *traced)
{
    const uint8_t *bytes = traced->bytes;
    if (traced->status != VP_TRANSFER_OK) {
        add(line, " -> %s", vp_traced_status_name(traced->status));
    } else if (is_dfu(traced) && traced->setup[1] == VP_DFU_GETSTATUS && traced->actual >= 5) {
        /* bStatus, bwPollTimeout as a number, bState */
        add(line, " -> %02x %02x%02x%02x %02x", bytes[0], bytes[3], bytes[2], bytes[1], bytes[4]);
    } else if (traced->in) {
        add(line, " -> %u bytes%s", traced->actual, traced->actual ? ":" : "");
        add_bytes(line, traced);
    } else {
        add(line, " -> ok");
    }
}

void vp_trace_describe(const struct vp_trace *trace, unsigned index, char *text, size_t size)
{
    const unsigned oldest = trace->total - vp_trace_count(trace);
    const struct vp_traced *traced = &trace->transfers[(oldest + index) % VP_TRACE_LENGTH];
    struct line line = {.text = text, .size = size};
    add_request(&line, traced);
    add_answer(&line, traced);
}
