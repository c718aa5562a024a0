/**
 * @file trace_file.h
 * All that happens on the bus, as a file of lines that diff(1) can compare. No line has a time.
 *
 *     1 attached 2b04:d006
 *     1 reset
 *     1 ep0 in 8006000100004000 64 ok 18 12010002...0301 GET_DESCRIPTOR device 0
 *     1 ep0 out 2101000000000500 5 ok 5 2100000a08 DNLOAD block 0, set address 0x080a0000
 *     1 ep1 in - 64 cancelled 0 - endpoint 1 in, 64 bytes
 *     1 detached
 *
 * The columns of a transfer: the device's number (from 1), its endpoint, the direction, the setup
 * packet ("-" but for endpoint 0), the bytes asked for or offered, how it ended (ok, stall,
 * cancelled, gone), the bytes moved, these bytes (what was offered, if the device refused it; "-"
 * for none; beyond 64 "sha256:" and the first 16 digits of their hash), and the request in words.
 */
#ifndef VP_TRACE_TRACE_FILE_H
#define VP_TRACE_TRACE_FILE_H

#include "vparticle/device.h"
#include "vparticle/error.h"

struct vp_trace_file;

/**
 * Start a file; one that exists is emptied.
 * @param[out] file  owned by the caller: vp_trace_file_close()
 * @return 0, VP_ERROR_IO or VP_ERROR_NO_MEMORY
 */
int vp_trace_file_open(struct vp_trace_file **file, const char *path, struct vp_failure *failure);

/**
 * Write down what happens to @p device from now on; if it is on the bus, first that it was
 * attached. Each line is in the file before the host gets the answer.
 * @param number  what the device is called in the file
 * @return 0 or VP_ERROR_NO_MEMORY
 */
int vp_trace_file_watch(struct vp_trace_file *file, struct vp_device *device, unsigned number,
                        struct vp_failure *failure);

/**
 * Leave the devices, which must still exist, alone and close the file. NULL is allowed.
 * @return 0, or VP_ERROR_IO if something could not be written
 */
int vp_trace_file_close(struct vp_trace_file *file, struct vp_failure *failure);

#endif
