/*
 * PUT /v1/devices/ID with files: a binary goes to the device as it is; sources are compiled for it
 * first, as the Web IDE and Particle Dev have it done. And apps that the cloud knows by name.
 */
#include <stdlib.h>
#include <string.h>

#include "cloud/http/compile.h"
#include "cloud/http/device_os.h"
#include "cloud/http/route.h"
#include "cloud/http/targets.h"
#include "vparticle/catalogue.h"
#include "vparticle/cloud_devices.h"
#include "vparticle/module.h"

static void answer_started(struct http_request *request, const char *status)
{
    struct vp_cloud_device_facts facts;
    vp_cloud_device_facts(request->device, &facts);
    http_answer(request, MHD_HTTP_OK, json_pack("{s:s, s:s}", "id", facts.id, "status", status));
}

static void refuse_flash(struct http_request *request, unsigned status,
                         const struct vp_failure *failure)
{
    http_answer(request, status,
                json_pack("{s:b, s:i, s:o, s:[o]}", "ok", 0, "code", (int)status, "error",
                          http_json_text(failure->text), "errors", http_json_text(failure->text)));
}

static void flash(struct http_request *request, const char *file_name, const uint8_t *bytes,
                  size_t size)
{
    struct vp_failure failure;
    const int error = vp_cloud_flash(request->server->cloud, request->device, file_name, bytes,
                                     size, NULL, &failure);
    switch (error) {
    case 0:
        answer_started(request, "Update started");
        break;
    case VP_ERROR_UNSUPPORTED: /* a status, and so taken for success: particle-cli issue 246 */
        answer_started(request, failure.text);
        break;
    case VP_ERROR_NOT_FOUND:
        refuse_flash(request, MHD_HTTP_REQUEST_TIMEOUT, &failure);
        break;
    case VP_ERROR_BUSY:
        refuse_flash(request, MHD_HTTP_CONFLICT, &failure);
        break;
    case VP_ERROR_INVALID:
    case VP_ERROR_RANGE:
        refuse_flash(request, MHD_HTTP_BAD_REQUEST, &failure);
        break;
    default:
        http_answer(request, MHD_HTTP_INTERNAL_SERVER_ERROR, NULL);
    }
}

/** particle-cli says nothing of what it sends; curl has file_type=binary. */
static bool is_binary(const struct http_request *request, const struct http_field *file)
{
    const char *type = http_field(request, "file_type");
    const size_t length = strlen(file->file_name);
    struct vp_module module;
    struct vp_failure failure;
    if (type) {
        return strcmp(type, "binary") == 0;
    }
    return (length >= 4 && strcmp(file->file_name + length - 4, ".bin") == 0) ||
           vp_module_parse(file->bytes, file->size, &module, &failure) == 0;
}

static bool is_not_alone(const struct http_request *request, unsigned number)
{
    number++;
    return http_fields_file(&request->fields, &number) != NULL;
}

static void flash_sources(struct http_request *request)
{
    struct vp_cloud_device_facts facts;
    uint8_t *bytes;
    size_t size;
    vp_cloud_device_facts(request->device, &facts);
    if (http_compile(request, facts.platform, &bytes, &size)) {
        flash(request, "firmware.bin", bytes, size);
        free(bytes);
    }
}

/** "tinker" is the one of the release that the device runs, or of the newest. */
static void flash_known_app(struct http_request *request, const char *name)
{
    struct vp_cloud_device_facts facts;
    struct vp_cloud_connection_facts connection;
    uint8_t *bytes;
    size_t size;
    if (strcmp(name, "tinker") != 0) {
        http_refuse(request, MHD_HTTP_NOT_FOUND, "App not found",
                    "the app that there is is 'tinker'");
        return;
    }
    vp_cloud_device_facts(request->device, &facts);
    vp_cloud_connection_facts(request->device, &connection);
    const struct vp_catalogue_release *release =
        vp_catalogue_release_by_version(facts.platform, connection.system_version);
    if (!release) {
        release = http_newest_target(facts.platform);
    }
    if (!release) {
        http_refuse(request, MHD_HTTP_NOT_FOUND, "App not found",
                    "there is no app for this platform");
        return;
    }
    if (http_load_module(request->server, release, vp_catalogue_tinker(release), &bytes, &size)) {
        http_answer(request, MHD_HTTP_INTERNAL_SERVER_ERROR, NULL);
        return;
    }
    flash(request, "tinker.bin", bytes, size);
    free(bytes);
}

bool http_flash(struct http_request *request)
{
    unsigned from = 0;
    const struct http_field *file = http_fields_file(&request->fields, &from);
    const char *app = http_field(request, "app");
    app = app ? app : http_field(request, "app_id");
    if (!file && !app) {
        return false;
    }
    if (!file) {
        flash_known_app(request, app);
    } else if (is_binary(request, file) && is_not_alone(request, from)) {
        http_refuse(request, MHD_HTTP_BAD_REQUEST, "invalid_request",
                    "a device is flashed with one binary at a time");
    } else if (is_binary(request, file)) {
        flash(request, file->file_name, file->bytes, file->size);
    } else if (http_has_source(request)) {
        flash_sources(request);
    } else {
        http_refuse(request, MHD_HTTP_BAD_REQUEST, "invalid_request",
                    "'%.80s' is no binary of Device OS and no source; for another binary say "
                    "file_type=binary",
                    file->file_name);
    }
    return true;
}
