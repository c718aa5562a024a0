/* Products, and the devices in them. */
#include <stdlib.h>
#include <string.h>

#include "cloud/http/describe.h"
#include "cloud/http/route.h"
#include "cloud/http/targets.h"

void http_product_list(struct http_request *request)
{
    json_t *list = json_array();
    struct vp_cloud *cloud = request->server->cloud;
    for (struct vp_cloud_product *product = NULL;
         (product = vp_cloud_next_product(cloud, request->account, product));) {
        json_array_append_new(list, http_describe_product(product));
    }
    http_answer(request, MHD_HTTP_OK, json_pack("{s:o}", "products", list));
}

void http_product_details(struct http_request *request)
{
    http_answer(request, MHD_HTTP_OK,
                json_pack("{s:o}", "product", http_describe_product(request->product)));
}

/** {"product": {"name", "platform_id"}} as particle-cli 3.51 says it, or without the outer object.
 */
void http_product_create(struct http_request *request)
{
    const char *name = http_field(request, "product.name");
    struct vp_cloud_product *product;
    struct vp_failure failure;
    enum vp_platform platform;
    name = name ? name : http_field(request, "name");
    if (!name || (!http_read_platform(request, "product.platform_id", &platform) &&
                  !http_read_platform(request, "platform_id", &platform))) {
        http_refuse(
            request, MHD_HTTP_BAD_REQUEST, "invalid_request",
            "a product has a name, and a platform_id of 6 (photon), 8 (p1) or 10 (electron)");
        return;
    }
    const int error = vp_cloud_add_product(request->server->cloud, request->account, name, platform,
                                           &product, &failure);
    if (error) {
        http_refuse_failure(request, error, &failure);
        return;
    }
    http_answer(request, MHD_HTTP_OK,
                json_pack("{s:b, s:o}", "ok", 1, "product", http_describe_product(product)));
}

/** All in one page. */
void http_product_device_list(struct http_request *request)
{
    json_t *list = json_array();
    struct vp_cloud *cloud = request->server->cloud;
    struct vp_cloud_device_facts facts;
    for (struct vp_cloud_device *device = NULL;
         (device = vp_cloud_next_device(cloud, NULL, device));) {
        vp_cloud_device_facts(device, &facts);
        if (facts.product == request->product) {
            json_array_append_new(list, http_describe_device(device, false));
        }
    }
    http_answer(
        request, MHD_HTTP_OK,
        json_pack("{s:o, s:[], s:{s:i}}", "devices", list, "customers", "meta", "total_pages", 1));
}

/**
 * Only a device that is nobody's or the account's own: a product's owner may flash it from then on.
 * @return false if it is none of those, or the product is for another platform
 */
static bool add_device(struct http_request *request, const char *id)
{
    struct vp_cloud_device_facts facts;
    struct vp_cloud_device *device = vp_cloud_find_device(request->server->cloud, id);
    if (!device) {
        return false;
    }
    vp_cloud_device_facts(device, &facts);
    return (!facts.owner || facts.owner == request->account) &&
           vp_cloud_set_product(request->server->cloud, device, request->product, NULL) == 0;
}

struct id_lists {
    json_t *added, *invalid;
};

static void add_id(struct http_request *request, const char *id, struct id_lists *lists)
{
    json_array_append_new(add_device(request, id) ? lists->added : lists->invalid,
                          http_json_text(id));
}

/** Ids in a file: a line each, as particle-cli sends them. */
static void add_ids(struct http_request *request, const struct http_field *file,
                    struct id_lists *lists)
{
    static const char blanks[] = " \t\r\n,";
    char *text = strndup((const char *)file->bytes, file->size);
    char *rest = NULL;
    for (char *id = text ? strtok_r(text, blanks, &rest) : NULL; id;
         id = strtok_r(NULL, blanks, &rest)) {
        add_id(request, id, lists);
    }
    free(text);
}

void http_product_device_add(struct http_request *request)
{
    unsigned from = 0;
    const struct http_field *file = http_fields_file(&request->fields, &from);
    const char *id = http_field(request, "id");
    struct id_lists lists = {json_array(), json_array()};
    if (file) {
        add_ids(request, file, &lists);
    } else if (id) {
        add_id(request, id, &lists);
    }
    json_t *answer = json_pack(
        "{s:i, s:i, s:o, s:[], s:o}", "updated", (int)json_array_size(lists.added), "created", 0,
        "updatedDeviceIds", lists.added, "nonmemberDeviceIds", "invalidDeviceIds", lists.invalid);
    const bool none = json_array_size(json_object_get(answer, "updatedDeviceIds")) == 0;
    if (none) {
        json_object_set_new(
            answer, "error",
            json_string("No device that is yours or nobody's, and fits the product"));
    }
    http_answer(request, none ? MHD_HTTP_BAD_REQUEST : MHD_HTTP_OK, answer);
}

void http_product_device_remove(struct http_request *request)
{
    struct vp_failure failure;
    const int error = vp_cloud_set_product(request->server->cloud, request->device, NULL, &failure);
    if (error) {
        http_refuse_failure(request, error, &failure);
        return;
    }
    http_answer_ok(request);
}

/**
 * particle-cli marks a device as a development device before it flashes it, so that the product's
 * own firmware is not put on it again. No product has firmware here: each device is one already.
 */
void http_product_device_update(struct http_request *request)
{
    const char *development = http_field(request, "development");
    struct vp_cloud_device_facts facts;
    if (!development) {
        http_device_update(request);
        return;
    }
    if (!http_field_is_true(request, "development")) {
        http_refuse(request, MHD_HTTP_BAD_REQUEST, "unsupported",
                    "products have no firmware of their own here: all devices are development "
                    "devices");
        return;
    }
    vp_cloud_device_facts(request->device, &facts);
    http_answer(request, MHD_HTTP_OK, json_pack("{s:s, s:b}", "id", facts.id, "development", 1));
}
