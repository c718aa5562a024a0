/**
 * @file dfu.h
 * Numbers of USB Device Firmware Upgrade 1.1 and of ST's extension DfuSe (UM0391). Those of USB
 * itself are in <linux/usb/ch9.h>.
 */
#ifndef VPARTICLE_DFU_H
#define VPARTICLE_DFU_H

/** bRequest, DFU 1.1 table 3.2. */
enum vp_dfu_request {
    VP_DFU_DETACH = 0,
    VP_DFU_DNLOAD = 1,
    VP_DFU_UPLOAD = 2,
    VP_DFU_GETSTATUS = 3,
    VP_DFU_CLRSTATUS = 4,
    VP_DFU_GETSTATE = 5,
    VP_DFU_ABORT = 6,
};

/** bState, DFU 1.1 section 6.1.2. */
enum vp_dfu_state {
    VP_DFU_IDLE = 2,
    VP_DFU_DNLOAD_SYNC = 3,
    VP_DFU_DNBUSY = 4,
    VP_DFU_DNLOAD_IDLE = 5,
    VP_DFU_MANIFEST_SYNC = 6,
    VP_DFU_MANIFEST = 7,
    VP_DFU_MANIFEST_WAIT_RESET = 8,
    VP_DFU_UPLOAD_IDLE = 9,
    VP_DFU_ERROR = 10,
};

/** First byte of a DNLOAD of block 0, UM0391. */
enum vp_dfuse_command {
    VP_DFUSE_GET_COMMANDS = 0x00,
    VP_DFUSE_SET_ADDRESS_POINTER = 0x21,
    VP_DFUSE_ERASE = 0x41,
};

#endif
