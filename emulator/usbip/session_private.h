/**
 * @file session_private.h
 * What a session's files share: session.c takes bytes in and gives bytes out, handshake.c answers
 * until a device is imported, transfers.c from then on.
 */
#ifndef USBIP_SESSION_PRIVATE_H
#define USBIP_SESSION_PRIVATE_H

#include "usbip/session.h"

/* ---- session.c ------------------------------------------------------------------------- */

bool usbip_session_has_ended(const struct usbip_session *session);

/** The client broke a rule: say which. */
void usbip_session_break(struct usbip_session *session, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** Something happened that the owner has to look at, unless it is feeding right now. */
void usbip_session_wake(struct usbip_session *session);

/** Space for @p count more bytes of output; NULL, and a broken session, if there is none. */
uint8_t *usbip_session_reserve(struct usbip_session *session, size_t count);

/** Add to `head` until it has @p want bytes. @return bytes used */
size_t usbip_session_fill_head(struct usbip_session *session, const uint8_t *bytes, size_t count,
                               size_t want);

/* ---- handshake.c ----------------------------------------------------------------------- */

/** Take in bytes before the import. @return bytes used */
size_t usbip_handshake_feed(struct usbip_session *session, const uint8_t *bytes, size_t count);

/** Change who has the device, if that is @p from now. */
void usbip_export_set_importer(struct usbip_export *export, struct usbip_session *from,
                               struct usbip_session *to);

/* ---- transfers.c ------------------------------------------------------------------------ */

void usbip_transfer_submit(struct usbip_session *session, const struct vp_usbip_header *request);

/**
 * As usbip-host does it (stub_rx.c): a transfer that has no answer yet is taken back and has
 * none but this one; if it has its answer already, that went out first, and this one says 0.
 */
void usbip_transfer_unlink(struct usbip_session *session, const struct vp_usbip_header *request);

/** Take in data of the transfer that is being received. @return bytes used */
size_t usbip_transfer_feed(struct usbip_session *session, const uint8_t *bytes, size_t count);

/** Take back all that is pending, without an answer. */
void usbip_transfer_cancel_all(struct usbip_session *session);

/** Free the memory of all transfers; none is pending. */
void usbip_transfer_free_all(struct usbip_session *session);

#endif
