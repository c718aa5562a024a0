/**
 * @file coap.h
 * CoAP messages (RFC 7252): written and read, within bounds.
 *
 * Device and cloud share it. Nothing is copied: what was read points into the bytes of the message.
 * It is as lenient as the firmware's own messages need: a payload may be empty after its marker (a
 * variable that is an empty string, messages.cpp @ v0.7.0), and any number is a code.
 */
#ifndef VP_COAP_H
#define VP_COAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum vp_coap_type {
    VP_COAP_CONFIRMABLE,
    VP_COAP_NON_CONFIRMABLE,
    VP_COAP_ACK,
    VP_COAP_RESET,
};

/** "4.04" is VP_COAP_CODE(4, 4); "0.02" is a request: POST. */
#define VP_COAP_CODE(class, detail) ((uint8_t)((class) << 5 | (detail)))

enum vp_coap_code {
    VP_COAP_EMPTY = 0,
    VP_COAP_GET = 1,
    VP_COAP_POST = 2,
    VP_COAP_PUT = 3,
    VP_COAP_DELETE = 4,
    VP_COAP_CHANGED = VP_COAP_CODE(2, 4),
    VP_COAP_CONTENT = VP_COAP_CODE(2, 5),
    VP_COAP_BAD_REQUEST = VP_COAP_CODE(4, 0),
    VP_COAP_NOT_FOUND = VP_COAP_CODE(4, 4),
};

enum vp_coap_option_number {
    VP_COAP_URI_PATH = 11,
    VP_COAP_MAX_AGE = 14,
    VP_COAP_URI_QUERY = 15,
};

enum {
    VP_COAP_HEADER_SIZE = 4,
    VP_COAP_TOKEN_LIMIT = 8,
    VP_COAP_OPTION_LIMIT = 16,    /**< options that a message may have to be read */
    VP_COAP_MESSAGE_LIMIT = 2048, /**< longer messages are refused unread */
};

struct vp_coap_option {
    uint16_t number;
    const uint8_t *value; /**< in the message; `length` bytes, not terminated */
    size_t length;
};

/** A message that was read. Lives as long as its bytes. */
struct vp_coap_message {
    enum vp_coap_type type;
    uint8_t code;
    uint16_t id;
    const uint8_t *token;
    size_t token_length; /**< up to VP_COAP_TOKEN_LIMIT */
    struct vp_coap_option options[VP_COAP_OPTION_LIMIT];
    unsigned option_count;
    const uint8_t *payload; /**< NULL: no payload marker */
    size_t payload_length;
};

/**
 * Read one message.
 * @return 0, or VP_ERROR_INVALID: too short or too long, another version than 1, a token length
 *         beyond 8, more options than VP_COAP_OPTION_LIMIT, a length that points beyond the end
 */
int vp_coap_read(struct vp_coap_message *message, const uint8_t *bytes, size_t length);

/** @return the option with that number, from the @p nth (0: first) on; NULL: there is none */
const struct vp_coap_option *vp_coap_option(const struct vp_coap_message *message, uint16_t number,
                                            unsigned nth);

/** @return is that the value of the option? NULL has none. */
bool vp_coap_option_is(const struct vp_coap_option *option, const char *text);

/** @return the value as a number, most significant byte first; of longer ones the last 4 bytes */
uint32_t vp_coap_option_number(const struct vp_coap_option *option);

/**
 * Join the Uri-Path options from the @p first on with '/': how a name that a cloud sends in parts,
 * and the firmware in one, comes out the same.
 * @param[out] text  terminated; cut at @p room bytes
 * @return its length, without the end
 */
size_t vp_coap_path(const struct vp_coap_message *message, unsigned first, char *text, size_t room);

/** Writes one message into the caller's memory. */
struct vp_coap_writer {
    uint8_t *bytes;
    size_t room, length;
    uint16_t last; /**< option number */
    bool payload;  /**< was begun: no options any more */
    bool failed;   /**< out of room or order: nothing is written any more */
};

/** Begin a message. @param token  may be NULL if @p token_length is 0; 8 bytes at most */
void vp_coap_begin(struct vp_coap_writer *writer, uint8_t *bytes, size_t room,
                   enum vp_coap_type type, uint8_t code, uint16_t id, const uint8_t *token,
                   size_t token_length);

/** Add an option. The numbers must not go down, and all come before the payload. */
void vp_coap_add_option(struct vp_coap_writer *writer, uint16_t number, const void *value,
                        size_t length);

/** Add an option whose value is a text. */
void vp_coap_add_text(struct vp_coap_writer *writer, uint16_t number, const char *text);

/** Add bytes to the payload; the first call puts its marker, even for 0 bytes. */
void vp_coap_add_payload(struct vp_coap_writer *writer, const void *bytes, size_t length);

/** @return the message's length; 0 if it did not fit, or was asked for what can't be */
size_t vp_coap_finish(const struct vp_coap_writer *writer);

#endif
