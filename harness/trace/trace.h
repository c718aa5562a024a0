/** @file trace.h USB transfers in words, and the last of them, to be shown when something went
 * wrong. */
#ifndef VP_TRACE_TRACE_H
#define VP_TRACE_TRACE_H

#include "vparticle/device.h"

enum { VP_TRACE_LENGTH = 10, VP_TRACE_BYTES = 16 };

/** What is kept of a transfer that has its answer. */
struct vp_traced {
    uint8_t endpoint;
    bool in;
    uint8_t setup[8];
    uint32_t length, actual;
    enum vp_transfer_status status;
    uint8_t bytes[VP_TRACE_BYTES]; /**< the first of what was moved */
};

void vp_traced_take(struct vp_traced *traced, const struct vp_transfer *transfer);

/**
 * What the host asked for: "UPLOAD block 2, 4096 bytes". Cut where it does not fit.
 * Requests: USB 2.0 section 9.4, DFU 1.1 section 3, DfuSe (UM0424), CDC PSTN 1.2 section 6.3.
 */
void vp_traced_describe_request(const struct vp_traced *traced, char *text, size_t size);

/** "ok", "stall", "cancelled", "device gone"; "no answer" while it is pending. Static text. */
const char *vp_traced_status_name(enum vp_transfer_status status);

/** A ring of the transfers that were answered last. */
struct vp_trace {
    struct vp_traced transfers[VP_TRACE_LENGTH];
    unsigned total;
};

void vp_trace_add(struct vp_trace *trace, const struct vp_transfer *transfer);

/** How many are there to be shown. */
unsigned vp_trace_count(const struct vp_trace *trace);

/** Describe a transfer and its answer, 0 for the oldest: "GETSTATUS -> 00 000000 05". */
void vp_trace_describe(const struct vp_trace *trace, unsigned index, char *text, size_t size);

#endif
