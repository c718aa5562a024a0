/**
 * @file dfu_client.h
 * Reads a device's memory by DfuSe uploads, as dfu-util does. It knows nothing of libusb: requests
 * go through a struct vp_dfu_pipe, behind which there is a real board (bus.h) or, in a test, a
 * device.
 *
 * Protocol: USB DFU 1.1 sections 5 and 6; DfuSe: UM0391 ("DfuSe USB device firmware upgrade
 * STMicro- electronics extension") section 4.
 */
#ifndef VP_HARDWARE_DFU_CLIENT_H
#define VP_HARDWARE_DFU_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "hardware/layout.h"
#include "vparticle/error.h"

/** How a control request can fail; otherwise it gives the bytes that were moved, 0 or more. */
enum vp_pipe_error {
    VP_PIPE_STALL = -1,
    VP_PIPE_TIMEOUT = -2, /**< no answer */
    VP_PIPE_GONE = -3,    /**< the device is not on the bus any more */
    VP_PIPE_OTHER = -4,
};

/** The way to a device in DFU mode. */
struct vp_dfu_pipe {
    /** A control request (USB 2.0 section 9.3). @return bytes moved, or an enum vp_pipe_error */
    int (*control)(void *context, uint8_t request_type, uint8_t request, uint16_t value,
                   uint8_t *data, uint16_t length);
    /** Choose an alternate setting of the DFU interface. @return 0 or an enum vp_pipe_error */
    int (*set_alternate)(void *context, unsigned alternate);
    /** Let that time go by. */
    void (*wait)(void *context, unsigned milliseconds);
    void *context;
    uint16_t transfer_size; /**< wTransferSize of the functional descriptor; at least 1 */
};

/** Told how many bytes of a read are there. */
struct vp_dfu_progress {
    void (*told)(void *context, uint32_t done);
    void *context;
};

/**
 * Read @p size bytes from @p address. A request that fails is repeated, each time after the device
 * was brought back to dfuIDLE; nothing is retried when it is gone.
 * @param alternate  of the memory that holds the address
 * @param[out] data  room for @p size bytes
 * @param progress  may be NULL
 * @return 0; VP_ERROR_NOT_FOUND if the device is gone; VP_ERROR_IO if it does not answer, refuses,
 * or gives fewer bytes than asked for, with @p failure naming the address
 */
int vp_dfu_client_read(const struct vp_dfu_pipe *pipe, unsigned alternate, uint32_t address,
                       uint8_t *data, uint32_t size, const struct vp_dfu_progress *progress,
                       struct vp_failure *failure);

#endif
