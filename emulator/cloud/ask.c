/* What the owner of a device may ask it. */
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "cloud/connection/describe.h"
#include "cloud/core.h"

/* A question that somebody asked. */
struct ask {
    vp_cloud_answer answer; /* NULL: whoever asked has gone */
    void *context;
    uint64_t since;
    bool describes;
    struct ask *prev, *next;
};

static void end_ask(struct cloud_connection *connection, struct ask *ask, int error,
                    const struct vp_cloud_reply *reply)
{
    DL_DELETE(connection->asks, ask);
    if (ask->answer) {
        ask->answer(ask->context, error, reply);
    }
    free(ask);
}

static bool on_answer(struct cloud_connection *connection, void *context, int error,
                      const struct vp_coap_message *answer)
{
    struct ask *ask = context;
    if (error || !answer) {
        end_ask(connection, ask, error, NULL);
        return false;
    }
    struct vp_cloud_reply reply = {
        .code = answer->code,
        .payload = answer->payload,
        .length = answer->payload_length,
        .took = vp_device_time(connection->device) - ask->since,
    };
    if (ask->describes) {
        if (cloud_describe_take(connection, answer->payload, answer->payload_length)) {
            return true;
        }
        reply.payload = (const uint8_t *)connection->describe;
        reply.length = connection->describe ? strlen(connection->describe) : 0;
    }
    end_ask(connection, ask, 0, &reply);
    return false;
}

static int put(struct vp_cloud_device *device, const struct cloud_question *question,
               bool describes, vp_cloud_answer answer, void *context)
{
    struct cloud_connection *connection = device->connection;
    if (!connection || !connection->online) {
        return VP_ERROR_NOT_FOUND;
    }
    if (connection->jobs.current) {
        return VP_ERROR_BUSY; /* as spark-protocol, Device.js: locked while it is flashed */
    }
    struct ask *ask = calloc(1, sizeof *ask);
    if (!ask) {
        return VP_ERROR_NO_MEMORY;
    }
    *ask = (struct ask){.answer = answer,
                        .context = context,
                        .since = vp_device_time(connection->device),
                        .describes = describes};
    const int error = cloud_exchange_ask(connection, question, on_answer, ask);
    if (error) {
        free(ask);
        return error;
    }
    DL_APPEND(connection->asks, ask);
    cloud_rouse(connection);
    return 0;
}

int vp_cloud_describe(struct vp_cloud *cloud, struct vp_cloud_device *device,
                      vp_cloud_answer answer, void *context)
{
    (void)cloud;
    if (!device->connection) {
        return VP_ERROR_NOT_FOUND;
    }
    const struct cloud_question question = cloud_describe_question(device->connection);
    return put(device, &question, true, answer, context);
}

int vp_cloud_call(struct vp_cloud *cloud, struct vp_cloud_device *device, const char *function,
                  const char *argument, vp_cloud_answer answer, void *context)
{
    (void)cloud;
    if (strlen(function) > VP_CLOUD_KEY_LIMIT || strlen(argument) > VP_CLOUD_ARGUMENT_LIMIT) {
        return VP_ERROR_INVALID;
    }
    const struct cloud_question question = {.code = VP_COAP_POST,
                                            .path = "f",
                                            .name = function,
                                            .query = argument,
                                            .query_length = strlen(argument),
                                            .wants = CLOUD_WANTS_RESPONSE};
    return put(device, &question, false, answer, context);
}

int vp_cloud_read_variable(struct vp_cloud *cloud, struct vp_cloud_device *device,
                           const char *variable, vp_cloud_answer answer, void *context)
{
    (void)cloud;
    if (strlen(variable) > VP_CLOUD_KEY_LIMIT) {
        return VP_ERROR_INVALID;
    }
    const struct cloud_question question = {
        .code = VP_COAP_GET, .path = "v", .name = variable, .wants = CLOUD_WANTS_RESPONSE};
    return put(device, &question, false, answer, context);
}

int vp_cloud_ping(struct vp_cloud *cloud, struct vp_cloud_device *device, vp_cloud_answer answer,
                  void *context)
{
    (void)cloud;
    const struct cloud_question question = {.code = VP_COAP_EMPTY, .wants = CLOUD_WANTS_ACK};
    return put(device, &question, false, answer, context);
}

/* decodeType() @ v0.7.0 reads the byte behind the option's header. */
int vp_cloud_signal(struct vp_cloud *cloud, struct vp_cloud_device *device, bool on,
                    vp_cloud_answer answer, void *context)
{
    (void)cloud;
    const uint8_t value = on;
    const struct cloud_question question = {.code = VP_COAP_PUT,
                                            .path = "s",
                                            .query = &value,
                                            .query_length = 1,
                                            .wants = CLOUD_WANTS_RESPONSE};
    return put(device, &question, false, answer, context);
}

void vp_cloud_forget_answers(struct vp_cloud *cloud, const void *context)
{
    struct cloud_connection *connection;
    DL_FOREACH(cloud->core->connections, connection)
    {
        struct ask *ask;
        DL_FOREACH(connection->asks, ask)
        {
            if (ask->context == context) {
                ask->answer = NULL;
            }
        }
    }
}
