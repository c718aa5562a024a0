/*
 * What is asked of a device itself: functions, variables, ping and signal. The answer comes when
 * the device has given it, or its time is over.
 */
#include <stdlib.h>
#include <string.h>

#include "cloud/http/describe.h"
#include "cloud/http/route.h"
#include "vparticle/application.h"
#include "vparticle/cloud_devices.h"

/** The request ended, and nobody is there for an answer. */
static void forget(struct http_request *request, void *later)
{
    vp_cloud_forget_answers(request->server->cloud, later);
}

/** A question that was not even asked, or not answered. */
static void refuse(struct http_request *request, int error, const char *what)
{
    if (error == VP_ERROR_INVALID) {
        http_answer(request, MHD_HTTP_BAD_REQUEST,
                    json_pack("{s:b, s:s, s:o}", "ok", 0, "error", "Invalid request",
                              "error_description", http_json_text(what)));
    } else if (error == VP_ERROR_NOT_FOUND || error == VP_ERROR_BUSY) {
        /* A device that is not online is one that does not answer, as the CLIs know it. */
        http_answer(request, MHD_HTTP_REQUEST_TIMEOUT,
                    json_pack("{s:b, s:s, s:s}", "ok", 0, "error", "Timed out.",
                              "error_description",
                              error == VP_ERROR_BUSY ? "The device did not answer in time, or is "
                                                       "busy with an update"
                                                     : "The device is not online"));
    } else {
        http_answer(request, MHD_HTTP_INTERNAL_SERVER_ERROR, NULL);
    }
}

/** Either it waits for the answer now, or it is refused. */
static void asked(struct http_request *request, int error, const char *what)
{
    if (error) {
        refuse(request, error, what);
    } else {
        http_answer_later(request, forget, request);
    }
}

static const char *device_id(const struct http_request *request,
                             struct vp_cloud_device_facts *facts)
{
    vp_cloud_device_facts(request->device, facts);
    return facts->id;
}

static json_t *core_info(const struct http_request *request)
{
    struct vp_cloud_device_facts facts;
    vp_cloud_device_facts(request->device, &facts);
    return json_pack("{s:s, s:o, s:s, s:b, s:i}", "last_app", "", "last_heard",
                     http_json_time(facts.last_heard), "deviceID", facts.id, "connected", 1,
                     "product_id", (int)facts.platform);
}

static const char too_long[] = "The name or the argument is too long";

/* ---- Functions ---------------------------------------------------------------------------- */

/** A value of 4 bytes, the most significant first (communication/src/messages.cpp @ v0.6.3). */
static json_int_t read_int(const uint8_t *bytes)
{
    return (int32_t)((uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
                     bytes[3]);
}

static void on_returned(void *context, int error, const struct vp_cloud_reply *reply)
{
    struct http_request *request = context;
    struct vp_cloud_device_facts facts;
    if (error || !reply || reply->length < 4) {
        refuse(request, error ? error : VP_ERROR_INVALID, "The device refused the call");
        return;
    }
    http_answer(request, MHD_HTTP_OK,
                json_pack("{s:s, s:s, s:b, s:I}", "id", device_id(request, &facts), "last_app", "",
                          "connected", 1, "return_value", read_int(reply->payload)));
}

void http_device_call(struct http_request *request)
{
    const char *function = http_argument(request, "function");
    struct vp_cloud_connection_facts connection;
    /* particle-cli 1.16 sends "arg", all later ones "args". */
    const char *argument = http_field(request, "args");
    argument = argument ? argument : http_field(request, "arg");
    vp_cloud_connection_facts(request->device, &connection);
    if (connection.online && connection.describe && !http_has_function(request->device, function)) {
        http_refuse(request, MHD_HTTP_NOT_FOUND, "Function not found",
                    "the device has no function of that name");
        return;
    }
    asked(request,
          vp_cloud_call(request->server->cloud, request->device, function, argument ? argument : "",
                        on_returned, request),
          too_long);
}

/* ---- Variables ---------------------------------------------------------------------------- */

/** @return NULL if these bytes are no value of that type */
static json_t *read_value(unsigned type, const uint8_t *bytes, size_t length)
{
    double number;
    switch (type) {
    case VP_VARIABLE_BOOL:
        return length >= 1 ? json_boolean(bytes[0]) : NULL;
    case VP_VARIABLE_INT:
        return length >= 4 ? json_integer(read_int(bytes)) : NULL;
    case VP_VARIABLE_DOUBLE: /* as the processor has it: little endian */
        if (length < sizeof number) {
            return NULL;
        }
        memcpy(&number, bytes, sizeof number);
        return json_real(number);
    default: {
        char *text = strndup((const char *)bytes, length);
        json_t *value = text ? http_json_text(text) : NULL;
        free(text);
        return value;
    }
    }
}

static void on_value(void *context, int error, const struct vp_cloud_reply *reply)
{
    struct http_request *request = context;
    const char *name = http_argument(request, "variable");
    json_t *value = NULL;
    if (!error && reply) {
        value =
            read_value(http_variable_type(request->device, name), reply->payload, reply->length);
    }
    if (!value) {
        refuse(request, error ? error : VP_ERROR_INVALID,
               "The device refused to tell the variable");
        return;
    }
    http_answer(request, MHD_HTTP_OK,
                json_pack("{s:s, s:o, s:o, s:o}", "cmd", "VarReturn", "name", http_json_text(name),
                          "result", value, "coreInfo", core_info(request)));
}

static int read_variable(struct http_request *request)
{
    return vp_cloud_read_variable(request->server->cloud, request->device,
                                  http_argument(request, "variable"), on_value, request);
}

static void refuse_variable(struct http_request *request)
{
    http_refuse(request, MHD_HTTP_NOT_FOUND, "Variable not found",
                "the device has no variable of that name");
}

/** Now it is known what the variable's bytes mean. */
static void on_described(void *context, int error, const struct vp_cloud_reply *reply)
{
    struct http_request *request = context;
    (void)reply;
    if (!error && http_variable_type(request->device, http_argument(request, "variable")) == 0) {
        refuse_variable(request);
        return;
    }
    error = error ? error : read_variable(request);
    if (error) {
        refuse(request, error, too_long);
    }
}

void http_device_variable(struct http_request *request)
{
    struct vp_cloud_connection_facts connection;
    vp_cloud_connection_facts(request->device, &connection);
    if (!connection.online) {
        refuse(request, VP_ERROR_NOT_FOUND, NULL);
    } else if (!connection.describe) {
        asked(request,
              vp_cloud_describe(request->server->cloud, request->device, on_described, request),
              too_long);
    } else if (http_variable_type(request->device, http_argument(request, "variable")) == 0) {
        refuse_variable(request);
    } else {
        asked(request, read_variable(request), too_long);
    }
}

/* ---- Ping and signal ------------------------------------------------------------------------ */

static void answer_ping(struct http_request *request, bool online)
{
    http_answer(request, MHD_HTTP_OK, json_pack("{s:b, s:b}", "online", online, "ok", 1));
}

static void on_pong(void *context, int error, const struct vp_cloud_reply *reply)
{
    (void)reply;
    answer_ping(context, error == 0);
}

void http_device_ping(struct http_request *request)
{
    if (vp_cloud_ping(request->server->cloud, request->device, on_pong, request)) {
        answer_ping(request, false);
        return;
    }
    http_answer_later(request, forget, request);
}

static bool wants_signal(const struct http_request *request)
{
    return http_field_is_true(request, "signal");
}

static void on_signalled(void *context, int error, const struct vp_cloud_reply *reply)
{
    struct http_request *request = context;
    struct vp_cloud_device_facts facts;
    (void)reply;
    if (error) {
        refuse(request, error, "The device refused to signal");
        return;
    }
    http_answer(request, MHD_HTTP_OK,
                json_pack("{s:s, s:b, s:b}", "id", device_id(request, &facts), "connected", 1,
                          "signaling", wants_signal(request)));
}

void http_device_signal(struct http_request *request)
{
    asked(request,
          vp_cloud_signal(request->server->cloud, request->device, wants_signal(request),
                          on_signalled, request),
          "");
}
