#include "cloud/http/describe.h"

#include "vparticle/application.h"
#include "vparticle/catalogue.h"
#include "vparticle/cloud_devices.h"

/* The types in a description's "v", and the API's words for them
 * (communication/src/spark_descriptor.h
 * @ v0.6.3, docs.particle.io). */
static const struct {
    enum vp_variable_type type;
    const char *name;
} type_names[] = {
    {VP_VARIABLE_BOOL, "bool"},
    {VP_VARIABLE_INT, "int32"},
    {VP_VARIABLE_STRING, "string"},
    {VP_VARIABLE_DOUBLE, "double"},
};

static const char *type_name(json_int_t type)
{
    for (unsigned i = 0; i < sizeof type_names / sizeof type_names[0]; i++) {
        if ((json_int_t)type_names[i].type == type) {
            return type_names[i].name;
        }
    }
    return "unknown";
}

static json_t *load_description(const struct vp_cloud_device *device)
{
    struct vp_cloud_connection_facts facts;
    vp_cloud_connection_facts(device, &facts);
    return facts.describe ? json_loads(facts.describe, 0, NULL) : NULL;
}

unsigned http_variable_type(const struct vp_cloud_device *device, const char *name)
{
    json_t *description = load_description(device);
    const json_t *type = json_object_get(json_object_get(description, "v"), name);
    const json_int_t number = json_is_integer(type) ? json_integer_value(type) : 0;
    unsigned found = 0;
    for (unsigned i = 0; i < sizeof type_names / sizeof type_names[0]; i++) {
        if ((json_int_t)type_names[i].type == number) {
            found = type_names[i].type;
        }
    }
    json_decref(description);
    return found;
}

bool http_has_function(const struct vp_cloud_device *device, const char *name)
{
    json_t *description = load_description(device);
    bool found = false;
    size_t i;
    json_t *function;
    json_array_foreach(json_object_get(description, "f"), i, function)
    {
        const char *text = json_string_value(function);
        found = found || (text && strcmp(text, name) == 0);
    }
    json_decref(description);
    return found;
}

/** What the device said of its functions and variables. */
static void add_interface(json_t *object, const struct vp_cloud_device *device)
{
    json_t *description = load_description(device);
    json_t *functions = json_object_get(description, "f");
    json_t *variables = json_object();
    const char *name;
    json_t *type;
    json_object_foreach(json_object_get(description, "v"), name, type)
    {
        json_object_set_new(variables, name, json_string(type_name(json_integer_value(type))));
    }
    json_object_set_new(object, "functions",
                        json_is_array(functions) ? json_incref(functions) : json_array());
    json_object_set_new(object, "variables", variables);
    json_decref(description);
}

static int product_id(const struct vp_cloud_device_facts *facts)
{
    struct vp_cloud_product_facts product;
    if (!facts->product) {
        return (int)facts->platform;
    }
    vp_cloud_product_facts(facts->product, &product);
    return (int)product.id;
}

static void add_connection(json_t *object, const struct vp_cloud_device *device,
                           enum vp_platform platform)
{
    struct vp_cloud_connection_facts facts;
    vp_cloud_connection_facts(device, &facts);
    const struct vp_catalogue_release *release =
        vp_catalogue_release_by_version(platform, facts.system_version);
    json_object_set_new(object, "connected", json_boolean(facts.online));
    json_object_set_new(object, "online", json_boolean(facts.online));
    json_object_set_new(object, "status",
                        json_string(facts.safe_mode && facts.online ? "safe-mode" : "normal"));
    if (release) {
        json_object_set_new(object, "system_firmware_version", json_string(release->name));
        json_object_set_new(object, "current_build_target", json_string(release->name));
        json_object_set_new(object, "default_build_target", json_string(release->name));
    }
}

json_t *http_describe_device(const struct vp_cloud_device *device, bool with_interface)
{
    struct vp_cloud_device_facts facts;
    vp_cloud_device_facts(device, &facts);
    json_t *object =
        json_pack("{s:s, s:o, s:n, s:o, s:o, s:i, s:i, s:b, s:n}", "id", facts.id, "name",
                  *facts.name ? http_json_text(facts.name) : json_null(), "last_app", "last_heard",
                  http_json_time(facts.last_heard), "last_handshake_at",
                  http_json_time(facts.last_heard), "product_id", product_id(&facts), "platform_id",
                  (int)facts.platform, "cellular", facts.platform == VP_PLATFORM_ELECTRON, "notes");
    if (object) {
        add_connection(object, device, facts.platform);
    }
    if (object && with_interface) {
        add_interface(object, device);
    }
    return object;
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
