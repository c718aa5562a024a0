#include "usbip/session_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    OUTPUT_FIRST_SIZE = 4096,
    OUTPUT_KEPT_SIZE = 256 << 10, /**< a larger one is given back when it is empty */
};

/* ---- End -------------------------------------------------------------------------- */

bool usbip_session_has_ended(const struct usbip_session *session)
{
    return session->state >= USBIP_SESSION_DONE;
}

void usbip_session_wake(struct usbip_session *session)
{
    if (!session->feeding && session->wake) {
        session->wake(session);
    }
}

void usbip_session_break(struct usbip_session *session, const char *format, ...)
{
    if (session->state == USBIP_SESSION_BROKEN) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(session->reason, sizeof session->reason, format, arguments);
    va_end(arguments);
    session->state = USBIP_SESSION_BROKEN;
}

/* ---- Output ------------------------------------------------------------------------ */

size_t usbip_session_waiting(const struct usbip_session *session)
{
    return session->output.end - session->output.start;
}

uint8_t *usbip_session_reserve(struct usbip_session *session, size_t count)
{
    struct usbip_output *output = &session->output;
    if (output->size - output->end >= count) {
        uint8_t *space = output->bytes + output->end;
        output->end += count;
        return space;
    }
    size_t used = output->end - output->start;
    if (output->start > 0) {
        memmove(output->bytes, output->bytes + output->start, used);
        output->start = 0;
        output->end = used;
    }
    size_t size = output->size ? output->size : OUTPUT_FIRST_SIZE;
    while (size < used + count) {
        size *= 2;
    }
    if (size > output->size) {
        uint8_t *grown = realloc(output->bytes, size);
        if (!grown) {
            usbip_session_break(session, "out of memory for its answers");
            return NULL;
        }
        output->bytes = grown;
        output->size = size;
    }
    output->end = used + count;
    return output->bytes + used;
}

void usbip_session_sent(struct usbip_session *session, size_t count)
{
    struct usbip_output *output = &session->output;
    output->start += count;
    if (output->start < output->end) {
        return;
    }
    output->start = output->end = 0;
    if (output->size > OUTPUT_KEPT_SIZE) {
        free(output->bytes);
        output->bytes = NULL;
        output->size = 0;
    }
}

/* ---- Input ------------------------------------------------------------------------------- */

size_t usbip_session_fill_head(struct usbip_session *session, const uint8_t *bytes, size_t count,
                               size_t want)
{
    size_t missing = want - session->head_filled;
    size_t used = count < missing ? count : missing;
    memcpy(session->head + session->head_filled, bytes, used);
    session->head_filled += used;
    return used;
}

static size_t feed_header(struct usbip_session *session, const uint8_t *bytes, size_t count)
{
    size_t used = VP_USBIP_HEADER_SIZE;
    if (session->head_filled > 0 || count < VP_USBIP_HEADER_SIZE) {
        used = usbip_session_fill_head(session, bytes, count, VP_USBIP_HEADER_SIZE);
        if (session->head_filled < VP_USBIP_HEADER_SIZE) {
            return used;
        }
        session->head_filled = 0;
        bytes = session->head;
    }
    struct vp_usbip_header request;
    vp_usbip_decode_header(&request, bytes);
    if (request.command == VP_USBIP_CMD_SUBMIT) {
        usbip_transfer_submit(session, &request);
    } else if (request.command == VP_USBIP_CMD_UNLINK) {
        usbip_transfer_unlink(session, &request);
    } else {
        usbip_session_break(session, "unknown command 0x%x", request.command);
    }
    return used;
}

static size_t feed_one(struct usbip_session *session, const uint8_t *bytes, size_t count)
{
    if (session->receiving) {
        return usbip_transfer_feed(session, bytes, count);
    }
    if (session->state == USBIP_SESSION_IMPORTED) {
        return feed_header(session, bytes, count);
    }
    return usbip_handshake_feed(session, bytes, count);
}

size_t usbip_session_feed(struct usbip_session *session, const uint8_t *bytes, size_t count)
{
    size_t used = 0;
    session->feeding = true;
    if (session->export && session->export->clocked) {
        session->export->pass_time(session->export);
    }
    while (used < count && !usbip_session_has_ended(session) &&
           usbip_session_waiting(session) <= USBIP_OUTPUT_PAUSE) {
        used += feed_one(session, bytes + used, count - used);
    }
    session->feeding = false;
    return usbip_session_has_ended(session) ? count : used;
}

bool usbip_session_is_mid_message(const struct usbip_session *session)
{
    return session->head_filled > 0 || session->receiving;
}

/* ---- Life ---------------------------------------------------------------------------------- */

void usbip_session_begin(struct usbip_session *session, const struct usbip_exports *exports)
{
    memset(session, 0, sizeof *session);
    session->exports = exports;
}

static void let_go(struct usbip_session *session)
{
    struct usbip_export *export = session->export;
    if (!export) {
        return;
    }
    usbip_transfer_cancel_all(session);
    session->export = NULL;
    usbip_export_set_importer(export, session, NULL);
}

void usbip_session_device_left(struct usbip_session *session)
{
    if (!usbip_session_has_ended(session)) {
        session->state = USBIP_SESSION_DONE;
    }
    /* `export` stays: the device may complete what is pending only after this event. */
    usbip_export_set_importer(session->export, session, NULL);
    usbip_session_wake(session);
}

void usbip_session_end(struct usbip_session *session)
{
    session->state = USBIP_SESSION_BROKEN;
    session->wake = NULL;
    let_go(session);
    usbip_transfer_free_all(session);
    free(session->output.bytes);
    memset(&session->output, 0, sizeof session->output);
}
