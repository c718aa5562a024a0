/* What a device shows, as JSON. */
#include <stdio.h>

#include "control/control_private.h"
#include "vparticle/catalogue.h"
#include "vparticle/fault.h"
#include "vparticle/module.h"

const char *control_event_name(enum vp_event_kind kind)
{
    switch (kind) {
    case VP_EVENT_MODE:
        return "mode";
    case VP_EVENT_LED:
        return "led";
    case VP_EVENT_ATTACHED:
        return "attached";
    case VP_EVENT_DETACHED:
        return "detached";
    case VP_EVENT_FAULT:
        return "fault";
    default:
        return NULL;
    }
}

json_t *control_led(const struct vp_device *device)
{
    struct vp_led led;
    vp_device_led(device, &led);
    return json_pack("{s:s, s:s, s:i}", "color", vp_led_color_name(led.color), "pattern",
                     vp_led_pattern_name(led.pattern), "period", led.period);
}

static json_t *device_id(const struct vp_device *device)
{
    char text[2 * 12 + 1];
    uint8_t id[12];
    vp_device_id(device, id);
    for (unsigned i = 0; i < sizeof id; i++) {
        snprintf(text + 2 * (size_t)i, 3, "%02x", id[i]);
    }
    return json_string(text);
}

json_t *control_status(const struct vp_device *device)
{
    struct vp_usb_identity identity;
    const bool attached = vp_device_identity(device, &identity) == 0;
    json_t *usb = json_null();
    if (attached) {
        char text[16];
        snprintf(text, sizeof text, "%04x:%04x", identity.vendor_id, identity.product_id);
        usb = json_string(text);
    }
    return json_pack("{s:s, s:o, s:s, s:o, s:o, s:I, s:s}", "platform",
                     vp_platform_name((uint16_t)vp_device_platform(device)), "device_id",
                     device_id(device), "mode", vp_mode_name(vp_device_mode(device)), "led",
                     control_led(device), "usb", usb, "time", (json_int_t)vp_device_time(device),
                     "speed", vp_device_speed(device) == VP_SPEED_REAL ? "real" : "instant");
}

static json_t *dependency(const struct vp_module_dependency *needed)
{
    return json_pack("{s:s?, s:i, s:i}", "function", vp_module_function_name(needed->function),
                     "index", needed->index, "version", needed->version);
}

static json_t *module_in_slot(const struct vp_flash *flash, const struct vp_module_slot *slot)
{
    struct vp_module module;
    if (vp_module_parse_flash(flash, slot->start, &module, NULL)) {
        return json_pack("{s:s, s:I, s:b}", "slot", slot->name, "address", (json_int_t)slot->start,
                         "present", 0);
    }
    json_t *dependencies = json_array();
    for (unsigned i = 0; i < 2; i++) {
        if (module.dependencies[i].function != VP_MODULE_NONE) {
            json_array_append_new(dependencies, dependency(&module.dependencies[i]));
        }
    }
    const struct vp_catalogue_release *release =
        module.function == VP_MODULE_SYSTEM
            ? vp_catalogue_release_by_version(module.platform, module.version)
            : NULL;
    return json_pack("{s:s, s:I, s:b, s:i, s:s?, s:I, s:b, s:o}", "slot", slot->name, "address",
                     (json_int_t)slot->start, "present", 1, "version", module.version, "release",
                     release ? release->name : NULL, "size", (json_int_t)vp_module_size(&module),
                     "crc", vp_module_crc_matches(flash, slot->start, &module), "dependencies",
                     dependencies);
}

/* Whatever mode the device is in: what is in flash, slot by slot. */
json_t *control_modules(struct vp_device *device)
{
    json_t *list = json_array();
    unsigned count;
    const struct vp_module_slot *slots = vp_device_slots(device, &count);
    for (unsigned i = 0; i < count; i++) {
        json_array_append_new(list, module_in_slot(vp_device_flash(device), &slots[i]));
    }
    return list;
}

static void set_number(json_t *object, const char *key, uint32_t value)
{
    if (value > 0) {
        json_object_set_new(object, key, json_integer(value));
    }
}

json_t *control_fault(const struct vp_fault *fault)
{
    json_t *described = json_pack("{s:s}", "kind", vp_fault_kind_name(fault->kind));
    set_number(described, "at", fault->at);
    set_number(described, "every", fault->every);
    set_number(described, "ms", fault->milliseconds);
    set_number(described, "bytes", fault->bytes);
    if (*fault->text) {
        json_object_set_new(described, "text", json_string(fault->text));
    }
    return described;
}
