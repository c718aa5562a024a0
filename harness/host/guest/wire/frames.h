/**
 * @file frames.h
 * What the host and its guest say to each other on a virtio port: frames of a type (one byte, a
 * letter), the payload's length (four bytes, the highest first) and the payload. Pure.
 */
#ifndef VP_GUEST_FRAMES_H
#define VP_GUEST_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum frame_type {
    /* From the guest. The first two are written by image/init.sh, too. */
    FRAME_WAITING = 'W', /**< it is booted, and now is the time to save its state */
    FRAME_READY = 'R',   /**< it has read who is to be its agent */
    FRAME_OUTPUT = 'O',  /**< the job's standard output */
    FRAME_ERRORS = 'E',  /**< the job's standard error */
    FRAME_TAKEN = 'T',   /**< 4 bytes: so many bytes of FRAME_INPUT have reached the job */
    FRAME_EXIT = 'X',    /**< 4 bytes: the job's wait status; nothing follows */
    FRAME_FAILED = 'F',  /**< the guest could not run the job: why; nothing follows */
    /* To the guest. */
    FRAME_ARGUMENT = 'A',  /**< one of the job's arguments, in order */
    FRAME_VARIABLE = 'V',  /**< NAME=VALUE of its environment */
    FRAME_DIRECTORY = 'D', /**< where it runs */
    FRAME_SHARE = 'M',     /**< where the share is mounted; without it there is none */
    FRAME_TEMPORARY = 'P', /**< a folder whose files nobody misses, besides /tmp and the like */
    FRAME_START = 'S',     /**< struct frame_start: all is said, run it */
    FRAME_INPUT = 'I',     /**< its standard input; at most FRAME_INPUT_WINDOW not yet taken */
    FRAME_INPUT_END = 'Z',
    FRAME_UNREAD = 'U', /**< 1 byte: nobody reads its standard output (0) or error (1) any more */
    FRAME_SIGNAL = 'K', /**< 2 bytes: the signal, and 1 for the whole process group or 0 */
};

enum {
    FRAME_HEADER = 5,
    FRAME_PAYLOAD_MAX = 128 * 1024, /**< as long as Linux lets an argument be: MAX_ARG_STRLEN */
    FRAME_INPUT_WINDOW = 64 * 1024,
    FRAME_START_SIZE = 13,
};

/** A frame that was read. */
struct frame {
    char type; /**< an enum frame_type */
    uint32_t length;
    const uint8_t *payload; /**< in the reader, until its next call */
};

/** Payload of FRAME_START. */
struct frame_start {
    uint64_t nanoseconds; /**< since 1970: the guest's clock stood still while it was saved */
    uint32_t mask;        /**< umask(2) */
    bool one_stream;      /**< standard error goes where standard output goes, in order */
};

/** Bytes as they come, and the frames in them. Begin with zeros. */
struct frame_reader {
    uint8_t *bytes;
    size_t size, capacity;
    size_t done; /**< bytes of frames that were returned */
};

/**
 * Take over bytes that were received.
 * @return 0 or VP_ERROR_NO_MEMORY
 */
int frame_reader_add(struct frame_reader *reader, const void *bytes, size_t size);

/**
 * @param[out] frame  the next whole frame
 * @return 1; 0 if there is none yet; VP_ERROR_INVALID if what comes is no frame: an unknown type,
 * or a length that its type can't have. The stream is of no use then.
 */
int frame_reader_next(struct frame_reader *reader, struct frame *frame);

void frame_reader_clear(struct frame_reader *reader);

/** Write a frame's header. @param length  at most FRAME_PAYLOAD_MAX */
void frame_write_header(uint8_t header[FRAME_HEADER], enum frame_type type, uint32_t length);

/** Numbers in payloads: four bytes, the highest first. */
uint32_t frame_read_number(const uint8_t *payload);
void frame_write_number(uint8_t *payload, uint32_t number);

void frame_write_start(uint8_t payload[FRAME_START_SIZE], const struct frame_start *start);

/** @param payload  of FRAME_START_SIZE bytes, as frame_reader_next() makes sure */
struct frame_start frame_read_start(const uint8_t *payload);

#endif
