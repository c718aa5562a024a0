/* Devices of an account: list, details, claim, rename, remove. */
#include <string.h>

#include "cloud/http/describe.h"
#include "cloud/http/route.h"

void http_device_list(struct http_request *request)
{
    json_t *list = json_array();
    struct vp_cloud *cloud = request->server->cloud;
    for (struct vp_cloud_device *device = NULL;
         (device = vp_cloud_next_device(cloud, request->account, device));) {
        json_array_append_new(list, http_describe_device(device, false));
    }
    http_answer(request, MHD_HTTP_OK, list);
}

void http_device_details(struct http_request *request)
{
    http_answer(request, MHD_HTTP_OK, http_describe_device(request->device, true));
}

/** particle-cli joins "errors", and looks for these words in them. */
static void refuse_claim(struct http_request *request, unsigned status, const char *text)
{
    http_answer(request, status,
                json_pack("{s:b, s:s, s:[s]}", "ok", 0, "error", text, "errors", text));
}

/** A device that the cloud has never heard of cannot be claimed; which ids there are is no secret
 * here. */
void http_device_claim(struct http_request *request)
{
    const char *id = http_field(request, "id");
    const char *name = http_field(request, "name");
    struct vp_failure failure;
    struct vp_cloud_device *device = id ? vp_cloud_find_device(request->server->cloud, id) : NULL;
    if (!device) {
        refuse_claim(request, id ? MHD_HTTP_NOT_FOUND : MHD_HTTP_BAD_REQUEST,
                     id ? "No device of that id is known here" : "The id of the device is missing");
        return;
    }
    const int error =
        vp_cloud_claim(request->server->cloud, request->account, device, name, &failure);
    if (error == VP_ERROR_BUSY && http_field_is_true(request, "request_transfer")) {
        refuse_claim(
            request, MHD_HTTP_FORBIDDEN,
            "That needs the other owner's consent, and nobody can be asked here; remove the "
            "device from the other account first");
    } else if (error == VP_ERROR_BUSY) {
        refuse_claim(request, MHD_HTTP_FORBIDDEN, "That belongs to someone else.");
    } else if (error) {
        http_refuse_failure(request, error, &failure);
    } else {
        struct vp_cloud_device_facts facts;
        vp_cloud_device_facts(device, &facts);
        http_answer(request, MHD_HTTP_OK,
                    json_pack("{s:b, s:s, s:o, s:o}", "ok", 1, "id", facts.id, "name",
                              http_json_text(facts.name), "user_id",
                              http_json_text(vp_cloud_account_name(request->account))));
    }
}

void http_device_remove(struct http_request *request)
{
    if (vp_cloud_unclaim(request->server->cloud, request->device)) {
        http_answer(request, MHD_HTTP_INTERNAL_SERVER_ERROR, NULL);
        return;
    }
    http_answer_ok(request);
}

static void rename_device(struct http_request *request, const char *name)
{
    struct vp_failure failure;
    struct vp_cloud_device_facts facts;
    const int error = vp_cloud_rename(request->server->cloud, request->device, name, &failure);
    if (error) {
        http_refuse_failure(request, error, &failure);
        return;
    }
    vp_cloud_device_facts(request->device, &facts);
    http_answer(request, MHD_HTTP_OK,
                json_pack("{s:s, s:o, s:o}", "id", facts.id, "name", http_json_text(facts.name),
                          "updated_at", http_json_time(facts.last_heard)));
}

/** Whatever a PUT says: files to flash, a signal, or a name. */
void http_device_update(struct http_request *request)
{
    const char *name = http_field(request, "name");
    if (http_flash(request)) {
        return;
    }
    if (http_field(request, "signal")) {
        http_device_signal(request);
    } else if (name) {
        rename_device(request, name);
    } else {
        http_refuse(request, MHD_HTTP_BAD_REQUEST, "Nothing to do?",
                    "send a file to flash, 'app', 'signal' or 'name'");
    }
}
