/**
 * @file ymodem.h
 * The YMODEM receiver, as system/src/system_ymodem.cpp has it: blocks of 128 and 1024 bytes, CRC
 * never looked at.
 *
 * It never waits: bytes come in one by one, and the time that passes without any is told to it.
 */
#ifndef VP_SYSTEM_YMODEM_H
#define VP_SYSTEM_YMODEM_H

#include <stdbool.h>
#include <stdint.h>

struct vp_system;

enum {
    VP_YMODEM_SOH = 0x01, /**< a block of 128 bytes follows */
    VP_YMODEM_STX = 0x02, /**< a block of 1024 bytes follows */
    VP_YMODEM_EOT = 0x04,
    VP_YMODEM_ACK = 0x06,
    VP_YMODEM_NAK = 0x15,
    VP_YMODEM_CAN = 0x18,
    VP_YMODEM_C = 0x43, /**< send on, with CRC-16 */
    /** Header of 3 bytes, block, CRC of 2. */
    VP_YMODEM_PACKET_LIMIT = 3 + 1024 + 2,
    VP_YMODEM_NAME_LIMIT = 256,
};

struct vp_ymodem {
    bool active;
    uint32_t silent_ms;
    uint8_t packet[VP_YMODEM_PACKET_LIMIT];
    uint16_t have, need; /**< bytes of the packet; need 0: waits for its first byte */
    bool cancelling;     /**< one CAN came */
    bool begun;          /**< a good packet came */
    uint32_t packets;    /**< of this file */
    uint32_t errors;     /**< since the last good packet */
    uint32_t offset;     /**< bytes written */
    uint32_t size;       /**< that the sender promised */
    char name[VP_YMODEM_NAME_LIMIT + 1];
};

/** Start to receive. */
void vp_ymodem_start(struct vp_system *system);

/** A byte came. */
void vp_ymodem_take(struct vp_system *system, uint8_t byte);

/** @return milliseconds until silence is an error, or -1 */
int64_t vp_ymodem_patience(const struct vp_system *system);

/** Let time pass, at most as much as vp_ymodem_patience() says. */
void vp_ymodem_advance(struct vp_system *system, uint32_t milliseconds);

/** The pause after the success text is over, and the generation checks only now. */
void vp_ymodem_finish_late(struct vp_system *system);

/** The pause after the success text is over: say that the device restarts. */
void vp_ymodem_announce(struct vp_system *system);

#endif
