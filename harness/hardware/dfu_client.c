#include "hardware/dfu_client.h"

#include <linux/usb/ch9.h>
#include <stdbool.h>

#include "vparticle/dfu.h"

enum {
    TO_INTERFACE = USB_DIR_OUT | USB_TYPE_CLASS | USB_RECIP_INTERFACE,
    FROM_INTERFACE = USB_DIR_IN | USB_TYPE_CLASS | USB_RECIP_INTERFACE,
    STATUS_SIZE = 6,
    STATUS_OK = 0,
    FIRST_BLOCK = 2, /* blocks 0 and 1 are DfuSe's own */
    /* After so many blocks the address is set anew; bounds what a retry relies on. */
    BLOCKS_AT_ONCE = 256,
    TRIES = 3,
    /* States that do not lead to dfuIDLE within so many requests never do. */
    STEPS_TO_IDLE = 8,
    STEPS_BUSY = 100,
    /* Longer pauses than that no bootloader asks for: 24 bits could make it 4.6 hours. */
    LONGEST_WAIT_MS = 5000,
};

struct status {
    uint8_t status, state;
    unsigned poll_ms;
};

static const char *describe(int error)
{
    switch (error) {
    case VP_PIPE_STALL:
        return "it refused the request (stall)";
    case VP_PIPE_TIMEOUT:
        return "it did not answer";
    case VP_PIPE_GONE:
        return "it is not on the bus any more";
    default:
        return "the USB transfer failed";
    }
}

static int send(const struct vp_dfu_pipe *pipe, uint8_t request, uint8_t *data, uint16_t length)
{
    const int moved = pipe->control(pipe->context, TO_INTERFACE, request, 0, data, length);
    return moved < 0 ? moved : moved == length ? 0 : VP_PIPE_OTHER;
}

static int get_status(const struct vp_dfu_pipe *pipe, struct status *status)
{
    uint8_t bytes[STATUS_SIZE];
    const int moved =
        pipe->control(pipe->context, FROM_INTERFACE, VP_DFU_GETSTATUS, 0, bytes, sizeof bytes);
    if (moved < (int)sizeof bytes) {
        return moved < 0 ? moved : VP_PIPE_OTHER;
    }
    *status = (struct status){
        .status = bytes[0],
        .poll_ms = (unsigned)bytes[1] | (unsigned)bytes[2] << 8 | (unsigned)bytes[3] << 16,
        .state = bytes[4],
    };
    return 0;
}

/* From whatever state: dfuERROR is left by CLRSTATUS (the Core starts there), others by ABORT. */
static int go_idle(const struct vp_dfu_pipe *pipe)
{
    for (unsigned i = 0; i < STEPS_TO_IDLE; i++) {
        struct status status;
        int error = get_status(pipe, &status);
        if (error) {
            return error;
        }
        if (status.state == VP_DFU_IDLE && status.status == STATUS_OK) {
            return 0;
        }
        const bool wrong = status.state == VP_DFU_ERROR || status.state == VP_DFU_IDLE;
        error = send(pipe, wrong ? VP_DFU_CLRSTATUS : VP_DFU_ABORT, NULL, 0);
        if (error) {
            return error;
        }
    }
    return VP_PIPE_OTHER;
}

/* A command is carried out by the GETSTATUS after it, and done when the state says so. */
static int set_address(const struct vp_dfu_pipe *pipe, uint32_t address)
{
    uint8_t command[] = {VP_DFUSE_SET_ADDRESS_POINTER, (uint8_t)address, (uint8_t)(address >> 8),
                         (uint8_t)(address >> 16), (uint8_t)(address >> 24)};
    int error = send(pipe, VP_DFU_DNLOAD, command, sizeof command);
    for (unsigned i = 0; !error && i < STEPS_BUSY; i++) {
        struct status status;
        error = get_status(pipe, &status);
        if (error || status.state == VP_DFU_DNLOAD_IDLE) {
            return error ? error : status.status == STATUS_OK ? go_idle(pipe) : VP_PIPE_OTHER;
        }
        if (status.state != VP_DFU_DNBUSY && status.state != VP_DFU_DNLOAD_SYNC) {
            return VP_PIPE_OTHER;
        }
        pipe->wait(pipe->context,
                   status.poll_ms < LONGEST_WAIT_MS ? status.poll_ms : LONGEST_WAIT_MS);
    }
    return error ? error : VP_PIPE_TIMEOUT;
}

/* Bytes that a read has got, so that a retry goes on where the last try ended. */
struct reading {
    const struct vp_dfu_pipe *pipe;
    uint32_t address, size, done;
    uint8_t *data;
    uint16_t short_by; /* the last block's missing bytes */
    const struct vp_dfu_progress *progress;
};

/* One address, and blocks from there on. */
static int read_stretch(struct reading *reading)
{
    const struct vp_dfu_pipe *pipe = reading->pipe;
    int error = go_idle(pipe);
    if (!error) {
        error = set_address(pipe, reading->address + reading->done);
    }
    for (uint16_t i = 0; !error && i < BLOCKS_AT_ONCE && reading->done < reading->size; i++) {
        const uint32_t left = reading->size - reading->done;
        const uint16_t wanted = left < pipe->transfer_size ? (uint16_t)left : pipe->transfer_size;
        const int got =
            pipe->control(pipe->context, FROM_INTERFACE, VP_DFU_UPLOAD, (uint16_t)(FIRST_BLOCK + i),
                          reading->data + reading->done, wanted);
        if (got < 0) {
            error = got;
        } else if (got < wanted) {
            reading->short_by = (uint16_t)(wanted - got);
            error = VP_PIPE_OTHER;
        } else {
            reading->done += wanted;
            if (reading->progress) {
                reading->progress->told(reading->progress->context, reading->done);
            }
        }
    }
    return error;
}

static int fail(const struct reading *reading, int error, struct vp_failure *failure)
{
    const uint32_t address = reading->address + reading->done;
    if (error == VP_PIPE_GONE) {
        return vp_fail(failure, VP_ERROR_NOT_FOUND,
                       "the board is not on the bus any more; 0x%08x was to be read next", address);
    }
    if (reading->short_by) {
        return vp_fail(
            failure, VP_ERROR_IO,
            "the board gave %u bytes too few at 0x%08x, %d times; its memory ends before "
            "what it says itself",
            reading->short_by, address, TRIES);
    }
    return vp_fail(failure, VP_ERROR_IO,
                   "the board could not be read at 0x%08x, tried %d times: %s; bring it into DFU "
                   "mode anew and try again",
                   address, TRIES, describe(error));
}

int vp_dfu_client_read(const struct vp_dfu_pipe *pipe, unsigned alternate, uint32_t address,
                       uint8_t *data, uint32_t size, const struct vp_dfu_progress *progress,
                       struct vp_failure *failure)
{
    struct reading reading = {
        .pipe = pipe, .address = address, .size = size, .data = data, .progress = progress};
    int error = pipe->set_alternate(pipe->context, alternate);
    for (unsigned tries = 0; !error && reading.done < size;) {
        const uint32_t before = reading.done;
        reading.short_by = 0;
        error = read_stretch(&reading);
        tries = reading.done > before ? 1 : tries + 1;
        if (error != VP_PIPE_GONE && tries < TRIES) {
            error = 0;
        }
    }
    if (error) {
        return fail(&reading, error, failure);
    }
    /* So that whoever comes next, dfu-util perhaps, finds it as it was. */
    go_idle(pipe);
    return 0;
}
