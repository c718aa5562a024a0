/**
 * @file usbip.h
 * The USB/IP wire format, both directions, for servers and clients. Pure: bytes to values
 * and back, nothing else. All numbers on the wire are big-endian, setup packets excepted.
 *
 * Sources: Documentation/usb/usbip_protocol.rst, drivers/usb/usbip/usbip_common.h and
 * tools/usb/usbip/src/usbip_network.h of the Linux kernel; protocol version 1.1.1.
 */
#ifndef VPARTICLE_USBIP_H
#define VPARTICLE_USBIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "vparticle/device.h"
#include "vparticle/error.h"

enum {
    VP_USBIP_VERSION = 0x0111,
    VP_USBIP_DEFAULT_PORT = 3240,

    VP_USBIP_BUSID_SIZE = 32, /**< with its terminating zero */
    VP_USBIP_PATH_SIZE = 256, /**< with its terminating zero */

    VP_USBIP_OP_SIZE = 8, /**< struct vp_usbip_op; all of OP_REQ_DEVLIST */
    VP_USBIP_IMPORT_REQUEST_SIZE = VP_USBIP_OP_SIZE + VP_USBIP_BUSID_SIZE,
    VP_USBIP_DEVICE_SIZE = VP_USBIP_PATH_SIZE + VP_USBIP_BUSID_SIZE + 24,
    VP_USBIP_INTERFACE_SIZE = 4,
    VP_USBIP_HEADER_SIZE = 48, /**< each of the four requests and answers after the import */
};

/* ---- Before the import ---------------------------------------------------------- */

enum vp_usbip_op_code {
    VP_USBIP_OP_REQ_IMPORT = 0x8003,
    VP_USBIP_OP_REP_IMPORT = 0x0003,
    VP_USBIP_OP_REQ_DEVLIST = 0x8005,
    VP_USBIP_OP_REP_DEVLIST = 0x0005,
};

enum vp_usbip_op_status {
    VP_USBIP_ST_OK = 0,
    VP_USBIP_ST_NA = 1,       /**< not available: the device is off the bus */
    VP_USBIP_ST_DEV_BUSY = 2, /**< imported by somebody else */
    VP_USBIP_ST_DEV_ERR = 3,
    VP_USBIP_ST_NODEV = 4, /**< no such bus id */
    VP_USBIP_ST_ERROR = 5,
};

/** Start of every message before the import. */
struct vp_usbip_op {
    uint16_t version, code; /**< code: enum vp_usbip_op_code */
    uint32_t status;        /**< enum vp_usbip_op_status; 0 in a request */
};

/** One device, as OP_REP_DEVLIST and OP_REP_IMPORT show it. */
struct vp_usbip_device {
    char path[VP_USBIP_PATH_SIZE];
    char busid[VP_USBIP_BUSID_SIZE];
    uint32_t busnum, devnum;
    uint32_t speed; /**< enum usb_device_speed of linux/usb/ch9.h: 1 low, 2 full, 3 high */
    struct vp_usb_identity identity; /**< `interfaces` is not part of these bytes */
};

void vp_usbip_encode_op(uint8_t bytes[VP_USBIP_OP_SIZE], const struct vp_usbip_op *op);
void vp_usbip_decode_op(struct vp_usbip_op *op, const uint8_t bytes[VP_USBIP_OP_SIZE]);

/**
 * The 312 bytes of a device without its interfaces, which follow in OP_REP_DEVLIST only.
 * Decoding terminates the texts and leaves `identity.interfaces` zero.
 */
void vp_usbip_encode_device(uint8_t bytes[VP_USBIP_DEVICE_SIZE],
                            const struct vp_usbip_device *device);
void vp_usbip_decode_device(struct vp_usbip_device *device,
                            const uint8_t bytes[VP_USBIP_DEVICE_SIZE]);

/* ---- After the import ------------------------------------------------------------ */

enum vp_usbip_command {
    VP_USBIP_CMD_SUBMIT = 1,
    VP_USBIP_CMD_UNLINK = 2,
    VP_USBIP_RET_SUBMIT = 3,
    VP_USBIP_RET_UNLINK = 4,
};

enum { VP_USBIP_DIR_OUT = 0, VP_USBIP_DIR_IN = 1 };

/** transfer_flags of CMD_SUBMIT that mean something here (include/linux/usb.h). */
enum { VP_USBIP_SHORT_NOT_OK = 0x0001 };

/** The 48 bytes of a request or an answer. OUT data follows CMD_SUBMIT, IN data RET_SUBMIT. */
struct vp_usbip_header {
    uint32_t command; /**< enum vp_usbip_command; selects the member of the union */
    uint32_t seqnum;
    uint32_t devid;     /**< busnum << 16 | devnum; 0 in answers */
    uint32_t direction; /**< VP_USBIP_DIR_*; 0 in answers */
    uint32_t endpoint;  /**< number without direction bit; 0 in answers */
    union {
        struct {
            uint32_t flags;
            uint32_t length; /**< transfer_buffer_length, in bytes */
            uint32_t start_frame;
            uint32_t packets; /**< 0 or 0xffffffff unless isochronous */
            uint32_t interval;
            uint8_t setup[8]; /**< endpoint 0 only, as on the bus */
        } submit;
        struct {
            int32_t status; /**< 0 or a negative Linux errno */
            uint32_t actual;
            uint32_t start_frame;
            uint32_t packets;
            uint32_t errors;
        } submitted;
        struct {
            uint32_t seqnum; /**< of the CMD_SUBMIT to take back */
        } unlink;
        struct {
            int32_t status; /**< -ECONNRESET if taken back, 0 if it was too late */
        } unlinked;
    };
};

/** An unknown command leaves the union zero. */
void vp_usbip_decode_header(struct vp_usbip_header *header,
                            const uint8_t bytes[VP_USBIP_HEADER_SIZE]);
void vp_usbip_encode_header(uint8_t bytes[VP_USBIP_HEADER_SIZE],
                            const struct vp_usbip_header *header);

/* ---- Addresses -------------------------------------------------------------------- */

/** Enough for every address that vp_usbip_address_text() makes. */
enum { VP_USBIP_ADDRESS_SIZE = 128 };

/**
 * Read "HOST:PORT", "[IPV6]:PORT" or "unix:PATH". HOST is a numeric address or "localhost"
 * (which is 127.0.0.1); no name is ever looked up.
 * @param[out] length  of the socket address, for bind(2) and connect(2)
 * @return 0 or VP_ERROR_INVALID
 */
int vp_usbip_address_parse(const char *text, struct sockaddr_storage *address, socklen_t *length,
                           struct vp_failure *failure);

/** Write an address in the form that vp_usbip_address_parse() reads; cut if it doesn't fit. */
void vp_usbip_address_text(char *text, size_t size, const struct sockaddr_storage *address,
                           socklen_t length);

#endif
