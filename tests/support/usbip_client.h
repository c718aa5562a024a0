/**
 * @file usbip_client.h
 * A small synchronous USB/IP client for tests and benchmarks. Blocking; a test's alarm(2) is
 * its time limit. Functions return 0 or a negative enum vp_error unless they say otherwise.
 */
#ifndef TESTS_USBIP_CLIENT_H
#define TESTS_USBIP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vparticle/usbip.h"

struct usbip_client {
    int fd; /**< the caller may read and write it as well; -1 when closed */
    uint32_t devid;
    uint32_t last_seqnum;
    struct vp_usbip_device device; /**< as imported */
};

/** Connect to "HOST:PORT", "[IPV6]:PORT" or "unix:PATH". VP_ERROR_IO if nobody listens. */
int usbip_client_connect(struct usbip_client *client, const char *address);
void usbip_client_close(struct usbip_client *client);

/**
 * Ask for the list. The server closes the connection after it.
 * @return how many devices there are (at most @p limit were written), or an error
 */
int usbip_client_list(struct usbip_client *client, struct vp_usbip_device *devices, int limit);

/** @return an enum vp_usbip_op_status (0 is success), or VP_ERROR_IO */
int usbip_client_import(struct usbip_client *client, const char *busid);

/* ---- One transfer, and wait for its answer -------------------------------------------- */

struct usbip_answer {
    struct vp_usbip_header header; /**< of RET_SUBMIT or RET_UNLINK */
    uint8_t data[65536];           /**< IN: the first header.submitted.actual bytes */
};

/**
 * A control transfer. @p setup says direction and length; @p data is sent (OUT) or filled
 * with as much as came (IN) and may be NULL for wLength 0.
 * @return bytes moved, or the negative errno of the answer (-EPIPE is a stall), or
 *         USBIP_CLIENT_LOST if the connection failed
 */
int usbip_client_control(struct usbip_client *client, const uint8_t setup[8], void *data);

enum { USBIP_CLIENT_LOST = -10000 }; /* no errno */

/* ---- In parts: for transfers that stay pending, several at once, and bad ones ----------- */

/** Bytes of a CMD_SUBMIT with its OUT data, written to @p bytes. @return their number */
size_t usbip_client_make_submit(struct usbip_client *client, uint8_t *bytes, uint8_t endpoint,
                                bool in, const uint8_t setup[8], const void *out, uint32_t length);
/** Send a CMD_SUBMIT. @return its seqnum; @p setup may be NULL but for endpoint 0 */
uint32_t usbip_client_submit(struct usbip_client *client, uint8_t endpoint, bool in,
                             const uint8_t setup[8], const void *out, uint32_t length);
/** Send a CMD_UNLINK for @p seqnum. @return its own seqnum */
uint32_t usbip_client_unlink(struct usbip_client *client, uint32_t seqnum);
/**
 * Read the next answer. @p in says whether data follows a RET_SUBMIT: the header does not.
 * VP_ERROR_IO at the end of the connection.
 */
int usbip_client_answer(struct usbip_client *client, bool in, struct usbip_answer *answer);

/** Write all bytes; false if the server has closed. */
bool usbip_client_write(struct usbip_client *client, const void *bytes, size_t count);
/** Read exactly @p count bytes; false if the connection ended before. */
bool usbip_client_read(struct usbip_client *client, void *bytes, size_t count);
/** Read until the server closes. @return true if it does, false on any other error */
bool usbip_client_is_closed(struct usbip_client *client);

#endif
