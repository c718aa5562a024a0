/** @file trace.h The last USB transfers, to be shown when something went wrong. */
#ifndef VP_SCENARIO_TRACE_H
#define VP_SCENARIO_TRACE_H

#include "vparticle/device.h"

enum { VP_TRACE_LENGTH = 10, VP_TRACE_BYTES = 16 };

/** A ring of the transfers that were answered last. */
struct vp_trace {
    struct vp_traced {
        uint8_t endpoint;
        bool in;
        uint8_t setup[8];
        uint32_t length, actual;
        enum vp_transfer_status status;
        uint8_t bytes[VP_TRACE_BYTES]; /**< the first of what was moved */
    } transfers[VP_TRACE_LENGTH];
    unsigned total;
};

void vp_trace_add(struct vp_trace *trace, const struct vp_transfer *transfer);

/** How many are there to be shown. */
unsigned vp_trace_count(const struct vp_trace *trace);

/**
 * Describe a transfer, 0 for the oldest: "GETSTATUS -> 00 000000 05".
 * Requests: USB 2.0 section 9.4, DFU 1.1 section 3, DfuSe (UM0424), CDC PSTN 1.2 section 6.3.
 */
void vp_trace_describe(const struct vp_trace *trace, unsigned index, char *text, size_t size);

#endif
