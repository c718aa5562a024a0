/* Products, and the devices in them. */
#include <string.h>

#include "cloud/http/describe.h"
#include "cloud/http/route.h"

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

/** Only a device that is nobody's or the account's own: a product's owner may flash it from then
 * on. */
static struct vp_cloud_device *find_for_product(struct http_request *request)
{
    struct vp_cloud_device_facts facts;
    const char *id = http_field(request, "id");
    struct vp_cloud_device *device = id ? vp_cloud_find_device(request->server->cloud, id) : NULL;
    if (device) {
        vp_cloud_device_facts(device, &facts);
    }
    return device && (!facts.owner || facts.owner == request->account) ? device : NULL;
}

void http_product_device_add(struct http_request *request)
{
    struct vp_failure failure;
    struct vp_cloud_device *device = find_for_product(request);
    if (!device) {
        http_refuse(request, MHD_HTTP_NOT_FOUND, "Device not found",
                    "the field 'id' has to be the id of a device that is yours or nobody's");
        return;
    }
    const int error =
        vp_cloud_set_product(request->server->cloud, device, request->product, &failure);
    if (error) {
        http_refuse_failure(request, error, &failure);
        return;
    }
    struct vp_cloud_device_facts facts;
    vp_cloud_device_facts(device, &facts);
    http_answer(request, MHD_HTTP_OK,
                json_pack("{s:i, s:i, s:[s], s:[], s:[]}", "updated", 1, "created", 0,
                          "updatedDeviceIds", facts.id, "nonmemberDeviceIds", "invalidDeviceIds"));
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
