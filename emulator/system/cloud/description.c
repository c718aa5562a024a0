/*
 * The device's description for the cloud: description() in spark_protocol.cpp, send_description()
 * in protocol.cpp, description.cpp.
 *
 * A description that does not fit into the firmware's buffer loses the pieces that don't
 * (BufferAppender in appender.h); here it ends where the buffer does. From 1.5.0 on the firmware
 * panics then; from 3.3.0 on it sends blocks (RFC 7959). Neither is modelled: only an application
 * with very many functions and variables comes that far.
 */
#include "system/cloud/session.h"

#include <stdlib.h>
#include <string.h>

#include "system/describe/describe.h"
#include "system/describe/text.h"

enum { NAME_LIMIT = 64, HEADER = 6, POST_HEADER = 9, LENGTH_AND_PADDING = 8 };

static const struct vp_application *running_application(const struct vp_system *system)
{
    return system->safe_mode ? NULL : system->machine.application;
}

static int name_limit(const struct vp_system *system)
{
    return system->cloud.session->rules->calls->name_limit;
}

static void add_application(const struct vp_system *system, struct vp_text *text)
{
    const struct vp_application *application = running_application(system);
    const size_t functions = application ? application->function_count : 0;
    const size_t variables = application ? application->variable_count : 0;
    vp_text_add(text, "\"f\":[");
    for (size_t i = 0; i < functions; i++) {
        vp_text_add(text, "%s\"%.*s\"", i ? "," : "", name_limit(system),
                    application->functions[i].name);
    }
    vp_text_add(text, "],\"v\":{");
    for (size_t i = 0; i < variables; i++) {
        vp_text_add(text, "%s\"%.*s\":%u", i ? "," : "", name_limit(system),
                    application->variables[i].name, (unsigned)application->variables[i].type);
    }
    vp_text_add(text, "}");
}

/* system_module_info() writes what is between the braces of the text. */
static void add_system(const struct vp_system *system, struct vp_text *text)
{
    char *described = vp_system_describe(system);
    if (described) {
        const size_t length = strlen(described);
        vp_text_add(text, "%.*s", (int)length - 2, described + 1);
    }
    text->failed = text->failed || !described;
    free(described);
}

/* Assumption: an empty page of metrics (append_metrics() in system_cloud_internal.cpp). */
static bool is_metrics(const struct vp_system *system, uint8_t flags)
{
    return flags == VP_DESCRIBE_METRICS && !system->cloud.session->rules->describe->late_flags;
}

static char *compose(const struct vp_system *system, uint8_t flags)
{
    const struct vp_describe_rules *rules = system->cloud.session->rules->describe;
    const uint8_t wanted = rules->late_flags ? flags >> 1 : flags;
    const bool application =
        (wanted & VP_DESCRIBE_APPLICATION) || (rules->always_application && flags);
    const bool both = application && (wanted & VP_DESCRIBE_SYSTEM);
    struct vp_text text = {0};
    vp_text_add(&text, "{");
    if (application && !rules->strict) {
        add_application(system, &text);
    }
    if (both && !rules->strict) {
        vp_text_add(&text, ",");
    }
    if (wanted & VP_DESCRIBE_SYSTEM) {
        add_system(system, &text);
    }
    if (both && rules->strict) {
        vp_text_add(&text, ",");
    }
    if (application && rules->strict) {
        add_application(system, &text);
    }
    vp_text_add(&text, "}");
    return vp_text_finish(&text);
}

/* What there is room for behind @p header bytes; on TCP the buffer has length and padding, too. */
static bool send(struct vp_system *system, struct vp_coap_writer *writer, uint8_t flags,
                 enum vp_delivery delivery)
{
    static const uint8_t no_metrics[] = {0, VP_DESCRIBE_METRICS, 0};
    const struct vp_session *session = system->cloud.session;
    const size_t taken =
        writer->length + 1 + (session->rules->layered ? 0 : LENGTH_AND_PADDING - HEADER);
    const size_t room = session->rules->buffer - taken;
    char *text = is_metrics(system, flags) ? NULL : compose(system, flags);
    bool sent = false;
    if (is_metrics(system, flags)) {
        vp_coap_add_payload(writer, no_metrics, sizeof no_metrics);
    } else if (text) {
        const size_t length = strlen(text);
        vp_coap_add_payload(writer, text, length < room ? length : room);
    }
    if (text || is_metrics(system, flags)) {
        sent = vp_session_send(system, writer->bytes, vp_coap_finish(writer), delivery);
    }
    free(text);
    return sent;
}

static bool answer(struct vp_system *system, const struct vp_incoming *request, uint8_t flags,
                   bool again)
{
    uint8_t bytes[VP_SESSION_BUFFER];
    struct vp_coap_writer writer;
    uint16_t id = (uint16_t)(request->bytes[2] << 8 | request->bytes[3]);
    if (again) {
        /* The second message takes its id from where the first one, encrypted, lies by now:
         * anything. Here it is what would be there unencrypted. */
        id = 0x6145;
    }
    vp_coap_begin(&writer, bytes, sizeof bytes, VP_COAP_ACK, VP_COAP_CONTENT, id,
                  request->bytes + 4, 1);
    return send(system, &writer, flags, VP_SEND_ANSWER);
}

static bool answer_separately(struct vp_system *system, const struct vp_incoming *request,
                              uint8_t flags)
{
    uint8_t bytes[VP_SESSION_BUFFER];
    struct vp_coap_writer writer;
    vp_coap_begin(&writer, bytes, sizeof bytes, VP_COAP_CONFIRMABLE, VP_COAP_CONTENT, 0,
                  request->bytes + 4, 1);
    return vp_session_acknowledge(system, request, VP_COAP_EMPTY, NULL, NULL) &&
           send(system, &writer, flags, VP_SEND_NEW);
}

static bool refuse(struct vp_system *system, const struct vp_coap_message *message)
{
    uint8_t bytes[VP_SESSION_BUFFER];
    struct vp_coap_writer writer;
    const bool confirmable = message->type == VP_COAP_CONFIRMABLE;
    vp_coap_begin(&writer, bytes, sizeof bytes, confirmable ? VP_COAP_ACK : VP_COAP_NON_CONFIRMABLE,
                  VP_COAP_BAD_REQUEST, message->id, message->token, message->token_length);
    return vp_session_send(system, bytes, vp_coap_finish(&writer),
                           confirmable ? VP_SEND_ANSWER : VP_SEND_NEW);
}

/* Description::receiveRequest(), but for requests of blocks. */
static bool describe_strictly(struct vp_system *system, const struct vp_incoming *request)
{
    enum { ALL = VP_DESCRIBE_SYSTEM | VP_DESCRIBE_APPLICATION | VP_DESCRIBE_METRICS };
    struct vp_coap_message message;
    if (vp_coap_read(&message, request->bytes, request->length)) {
        return false; /* MALFORMED_MESSAGE */
    }
    const struct vp_coap_option *query = vp_coap_option(&message, VP_COAP_URI_QUERY, 0);
    if (message.type != VP_COAP_CONFIRMABLE || message.token_length != 1 || !query) {
        return refuse(system, &message);
    }
    const uint8_t flags = (uint8_t)(vp_coap_option_number(query) & ALL);
    if (flags == 0) { /* nothing to describe is an error: INTERNAL */
        vp_session_acknowledge(system, request, VP_COAP_EMPTY, NULL, NULL);
        return false;
    }
    return answer_separately(system, request, flags);
}

bool vp_session_describe(struct vp_system *system, const struct vp_incoming *request)
{
    const struct vp_describe_rules *rules = system->cloud.session->rules->describe;
    const unsigned shift = rules->late_flags;
    uint8_t flags = (uint8_t)((VP_DESCRIBE_SYSTEM | VP_DESCRIBE_APPLICATION) << shift);
    if (request->length > 8 && request->bytes[8] <= rules->flags_limit) {
        flags = request->bytes[8];
    }
    if (rules->strict) {
        return describe_strictly(system, request);
    }
    switch (rules->answer) {
    case VP_DESCRIBE_TWICE:
        return answer(system, request, (uint8_t)(VP_DESCRIBE_SYSTEM << shift), false) &&
               answer(system, request, (uint8_t)(VP_DESCRIBE_APPLICATION << shift), true);
    case VP_DESCRIBE_ONCE:
        return answer(system, request, flags, false);
    case VP_DESCRIBE_SEPARATELY:
        return answer_separately(system, request, flags);
    }
    return true;
}

/* Messages::describe_post_header() @ v2.0.0; initDescribeRequest() @ v3.3.1 has a token. */
bool vp_session_present(struct vp_system *system, uint8_t flags)
{
    uint8_t bytes[VP_SESSION_BUFFER];
    struct vp_coap_writer writer;
    struct vp_session *session = system->cloud.session;
    const bool token = session->rules->describe->strict;
    session->token = (uint8_t)(session->token + token);
    vp_coap_begin(&writer, bytes, sizeof bytes, VP_COAP_CONFIRMABLE, VP_COAP_POST, 0,
                  &session->token, token ? 1 : 0);
    vp_coap_add_text(&writer, VP_COAP_URI_PATH, "d");
    vp_coap_add_option(&writer, VP_COAP_URI_QUERY, &flags, 1);
    return send(system, &writer, flags, VP_SEND_NEW);
}
