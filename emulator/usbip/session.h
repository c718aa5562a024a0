/**
 * @file session.h
 * One client's conversation, without any socket: bytes go in, transfers go to the device,
 * bytes to send come out. Pure, so that it can be fuzzed and tested byte by byte.
 */
#ifndef USBIP_SESSION_H
#define USBIP_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vparticle/usbip.h"

enum {
    /** Longest transfer. Real hosts cut at 16 KiB (usbfs) to some 100 KiB (SCSI). */
    USBIP_TRANSFER_LIMIT = 1 << 20,
    /** Transfers of one session without an answer: how many, and how many bytes in all. */
    USBIP_PENDING_LIMIT = 256,
    USBIP_PENDING_BYTES_LIMIT = 16 << 20,
    /**
     * Answers that wait to be sent: above this no more requests are taken in. So there are
     * never more than these, one transfer, and all that was pending.
     */
    USBIP_OUTPUT_PAUSE = 1 << 20,
};

struct usbip_session;

/** A device as it is shown, whether anybody has imported it or not. */
struct usbip_export {
    struct vp_device *device;
    char busid[VP_USBIP_BUSID_SIZE];
    uint32_t devnum;                /**< new each time the device attaches; 0 before the first */
    struct usbip_session *importer; /**< who has it, or NULL */
    void (*importer_changed)(struct usbip_export *export); /**< may be NULL */
    void (*asked)(struct usbip_export *export); /**< at each CMD_SUBMIT while `watched` */
    bool watched;
    /** Before anything of the importer's is looked at while `clocked`: the device may leave. */
    void (*pass_time)(struct usbip_export *export);
    bool clocked;
};

/** All devices that a session may ask for; shared by all sessions. */
struct usbip_exports {
    struct usbip_export **items;
    size_t count;
};

enum { USBIP_BUSNUM = 1, USBIP_SPEED_FULL = 2 };

enum usbip_session_state {
    USBIP_SESSION_HANDSHAKE,
    USBIP_SESSION_IMPORTED,
    USBIP_SESSION_DONE,   /**< send what is left, then close: nothing is wrong */
    USBIP_SESSION_BROKEN, /**< close: the client broke a rule, see `reason` */
};

/** Bytes to send: from `start` to `end`. */
struct usbip_output {
    uint8_t *bytes;
    size_t start, end, size;
};

struct usbip_urb;

struct usbip_session {
    enum usbip_session_state state;
    char reason[128]; /**< why it is BROKEN, or DONE where that is worth telling; else empty */
    struct usbip_output output;

    /** Called when output or an end came outside of usbip_session_feed(). May be NULL. */
    void (*wake)(struct usbip_session *session);
    void *owner;

    /* Private from here on. */
    const struct usbip_exports *exports;
    struct usbip_export *export;
    bool feeding;
    uint8_t head[VP_USBIP_HEADER_SIZE]; /**< an unfinished header */
    size_t head_filled;
    struct usbip_urb *receiving; /**< its OUT data is not complete yet */
    uint32_t received;
    struct usbip_urb *pending, *spare;
    size_t pending_count, pending_bytes;
};

/** Start a conversation; @p exports is borrowed. All of it lives in @p session. */
void usbip_session_begin(struct usbip_session *session, const struct usbip_exports *exports);

/**
 * Take in bytes from the client. Bytes after the session's end are ignored.
 * @return bytes taken: fewer than @p count only if USBIP_OUTPUT_PAUSE is exceeded; the rest
 *         is to be fed again when output was sent
 */
size_t usbip_session_feed(struct usbip_session *session, const uint8_t *bytes, size_t count);

/** Bytes that wait to be sent. */
size_t usbip_session_waiting(const struct usbip_session *session);

/** True if the client has sent a part of a message but not all of it. */
bool usbip_session_is_mid_message(const struct usbip_session *session);

/** The first @p count bytes of the output were sent. */
void usbip_session_sent(struct usbip_session *session, size_t count);

/** To be called for the importer when its device has left the bus: ends the session. */
void usbip_session_device_left(struct usbip_session *session);

/** Take pending transfers back, let go of the device, free everything. */
void usbip_session_end(struct usbip_session *session);

/** What a list or an import shows for @p export. @return false if it is off the bus */
bool usbip_export_describe(const struct usbip_export *export, struct vp_usbip_device *device);

#endif
