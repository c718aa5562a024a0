#include "cloud/http/describe.h"

static int product_id(const struct vp_cloud_device_facts *facts)
{
    struct vp_cloud_product_facts product;
    if (!facts->product) {
        return (int)facts->platform;
    }
    vp_cloud_product_facts(facts->product, &product);
    return (int)product.id;
}

json_t *http_describe_device(const struct vp_cloud_device *device)
{
    struct vp_cloud_device_facts facts;
    vp_cloud_device_facts(device, &facts);
    return json_pack("{s:s, s:o, s:n, s:o, s:o, s:i, s:i, s:b, s:n}", "id", facts.id, "name",
                     *facts.name ? http_json_text(facts.name) : json_null(), "last_app",
                     "last_heard", http_json_time(facts.last_heard), "last_handshake_at",
                     http_json_time(facts.last_heard), "product_id", product_id(&facts),
                     "platform_id", (int)facts.platform, "cellular",
                     facts.platform == VP_PLATFORM_ELECTRON, "notes");
}

json_t *http_describe_product(const struct vp_cloud_product *product)
{
    struct vp_cloud_product_facts facts;
    vp_cloud_product_facts(product, &facts);
    return json_pack("{s:i, s:i, s:o, s:o, s:o, s:s}", "id", (int)facts.id, "platform_id",
                     (int)facts.platform, "name", http_json_text(facts.name), "slug",
                     http_json_text(facts.slug), "user",
                     http_json_text(vp_cloud_account_name(facts.owner)), "type", "Hobbyist");
}
