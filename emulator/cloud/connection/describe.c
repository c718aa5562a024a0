#include "cloud/connection/describe.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cloud/registry/registry.h"
#include "vparticle/field.h"

enum {
    TRIES = 4,  /* of CLOUD_ANSWER_TIMEOUT. Assumption */
    SYSTEM = 1, /* protocol_defs.h @ v0.7.0: DESCRIBE_SYSTEM */
    APPLICATION = 2,
};

/* ---- Putting it together -------------------------------------------------------------------- */

/* `{"p":6,...}` and `{"f":[],...}` are one object, in the order in which they came. */
static char *join(const char *first, const char *second)
{
    const size_t head = strlen(first) - 1, length = strlen(second);
    char *joined = malloc(head + length + 1);
    if (joined) {
        memcpy(joined, first, head);
        joined[head] = ',';
        memcpy(joined + head + 1, second + 1, length - 1);
        joined[head + length] = '\0';
    }
    return joined;
}

/* What a description has: the system's part, the application's part. */
struct parts {
    bool system, application;
};

static struct parts parts_of(const char *json)
{
    json_t *object = json_loads(json, 0, NULL);
    const struct parts parts = {json_object_get(object, "m") != NULL,
                                json_object_get(object, "f") != NULL};
    json_decref(object);
    return parts;
}

static char *copy(const uint8_t *bytes, size_t length)
{
    const char *text = (const char *)bytes;
    if (length < 2 || length > CLOUD_DESCRIBE_LIMIT || text[0] != '{' || text[length - 1] != '}') {
        return NULL;
    }
    return strndup(text, length);
}

/* @return the whole description, or NULL: the other half is to come, or it is none */
static char *complete(struct cloud_connection *connection, char *text)
{
    const struct parts parts = parts_of(text);
    if (parts.system && parts.application) {
        return text;
    }
    if (!parts.system && !parts.application) {
        free(text);
        return NULL;
    }
    char *first = connection->half;
    connection->half = text;
    if (!first) {
        return NULL;
    }
    char *joined = parts_of(first).system != parts.system ? join(first, text) : NULL;
    free(first);
    return joined;
}

/* ---- What is in it -------------------------------------------------------------------------- */

static void note_versions(struct cloud_connection *connection)
{
    struct vp_field_report report;
    connection->system_version = 0;
    if (vp_field_parse(connection->describe, strlen(connection->describe), &report, NULL)) {
        return;
    }
    for (unsigned i = 0; i < report.count; i++) {
        const struct vp_field_module *module = &report.modules[i];
        if (module->present && module->store == VP_FIELD_MAIN &&
            module->function == VP_MODULE_SYSTEM && module->index == VP_MODULE_MAIN_PART) {
            connection->system_version = module->version;
        }
    }
}

/* system_module_info() @ v0.7.0: "u" of a user part is its SHA-256 in upper case. */
static const char *find_hash(const json_t *description)
{
    size_t i;
    const json_t *module;
    json_array_foreach(json_object_get(description, "m"), i, module)
    {
        const char *function = json_string_value(json_object_get(module, "f"));
        const char *store = json_string_value(json_object_get(module, "l"));
        if (function && store && !strcmp(function, "u") && !strcmp(store, "m")) {
            return json_string_value(json_object_get(module, "u"));
        }
    }
    return NULL;
}

static void note_hash(struct cloud_connection *connection)
{
    json_t *description = json_loads(connection->describe, 0, NULL);
    const char *hash = find_hash(description);
    char *known = connection->record->app_hash;
    if (hash && strlen(hash) < sizeof connection->record->app_hash && strcmp(hash, known) != 0) {
        strcpy(known, hash);
        cloud_save_device(connection->cloud, connection->record); /* or the next time */
        cloud_publish_of(connection, "spark/device/app-hash", hash, NULL);
    }
    json_decref(description);
}

/* ---- Both ----------------------------------------------------------------------------------- */

void cloud_describe_safe_mode(struct cloud_connection *connection)
{
    if (connection->safe_mode && connection->described && !connection->safe_mode_told) {
        connection->safe_mode_told = true;
        cloud_publish_of(connection, "spark/status/safe-mode", connection->describe, NULL);
        heal_look(connection);
    }
}

static void finish(struct cloud_connection *connection)
{
    if (connection->described) {
        return;
    }
    connection->described = true;
    note_versions(connection);
    note_hash(connection);
    if (!connection->safe_mode) {
        heal_runs(connection);
    }
    cloud_describe_safe_mode(connection);
}

bool cloud_describe_take(struct cloud_connection *connection, const uint8_t *bytes, size_t length)
{
    char *text = copy(bytes, length);
    if (!text) {
        return false;
    }
    char *whole = complete(connection, text);
    if (!whole) {
        return connection->half != NULL;
    }
    cloud_describe_forget(connection);
    free(connection->describe);
    connection->describe = whole;
    finish(connection);
    return false;
}

void cloud_describe_forget(struct cloud_connection *connection)
{
    free(connection->half);
    connection->half = NULL;
}

struct cloud_question cloud_describe_question(const struct cloud_connection *connection)
{
    static const uint8_t all = SYSTEM | APPLICATION;
    return (struct cloud_question){
        .code = VP_COAP_GET,
        .path = "d",
        .query = connection->describe_flags ? &all : NULL,
        .query_length = connection->describe_flags ? 1 : 0,
        .wants = CLOUD_WANTS_RESPONSE,
    };
}

static bool on_answer(struct cloud_connection *connection, void *context, int error,
                      const struct vp_coap_message *answer);

static void ask(struct cloud_connection *connection)
{
    const struct cloud_question question = cloud_describe_question(connection);
    cloud_exchange_ask(connection, &question, on_answer, NULL);
}

/* No answer in time: it is asked again, and in the end what is known has to do. Since 3.3.0 a
 * device refuses to describe itself if it is not told what of it is wanted (description.cpp). */
static bool on_answer(struct cloud_connection *connection, void *context, int error,
                      const struct vp_coap_message *answer)
{
    (void)context;
    if (!error && answer) {
        return cloud_describe_take(connection, answer->payload, answer->payload_length);
    }
    if (error == VP_ERROR_NOT_FOUND || !connection->online || connection->described) {
        return false;
    }
    connection->describe_flags = connection->describe_flags || error == VP_ERROR_INVALID;
    if (++connection->describe_tries < TRIES) {
        ask(connection);
    } else {
        connection->described = true;
    }
    return false;
}

void cloud_describe_ask(struct cloud_connection *connection)
{
    connection->describe_tries = 0;
    connection->describe_flags = false;
    ask(connection);
}
