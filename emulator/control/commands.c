/* The commands of the control socket. */
#include <string.h>

#include "control/request.h"
#include "vparticle/nearest.h"

/* ---- The board ---------------------------------------------------------------------------- */

static bool status(struct control_request *request)
{
    json_t *all = control_status(request->target->device);
    json_object_update(request->answer, all);
    json_decref(all);
    return true;
}

bool control_mode(struct control_request *request)
{
    json_object_set_new(request->answer, "mode",
                        json_string(vp_mode_name(vp_device_mode(request->target->device))));
    return true;
}

static bool led(struct control_request *request)
{
    json_object_set_new(request->answer, "led", control_led(request->target->device));
    return true;
}

static bool modules(struct control_request *request)
{
    json_object_set_new(request->answer, "modules", control_modules(request->target->device));
    return true;
}

static bool press(struct control_request *request)
{
    uint32_t milliseconds;
    if (!control_get_milliseconds(request, true, &milliseconds)) {
        return false;
    }
    vp_device_button(request->target->device, true);
    vp_device_advance(request->target->device, milliseconds);
    vp_device_button(request->target->device, false);
    return control_mode(request);
}

static bool button(struct control_request *request)
{
    bool pressed;
    if (!control_get_boolean(request, "pressed", &pressed)) {
        return false;
    }
    vp_device_button(request->target->device, pressed);
    return control_mode(request);
}

/* With the other button held from before the reset on. */
static bool reset(struct control_request *request)
{
    uint32_t held;
    if (!control_get_milliseconds(request, false, &held)) {
        return false;
    }
    struct vp_device *device = request->target->device;
    if (held > 0) {
        vp_device_button(device, true);
    }
    vp_device_reset(device);
    if (held > 0) {
        vp_device_advance(device, held);
        vp_device_button(device, false);
    }
    return control_mode(request);
}

static bool power(struct control_request *request)
{
    bool on;
    if (!control_get_boolean(request, "on", &on)) {
        return false;
    }
    vp_device_power(request->target->device, on);
    return control_mode(request);
}

static bool plug(struct control_request *request)
{
    bool on;
    if (!control_get_boolean(request, "on", &on)) {
        return false;
    }
    vp_device_plug(request->target->device, on);
    return true;
}

static bool pass_time(struct control_request *request)
{
    uint32_t milliseconds;
    if (!control_get_milliseconds(request, false, &milliseconds)) {
        return false;
    }
    vp_device_advance(request->target->device, milliseconds);
    json_object_set_new(request->answer, "time",
                        json_integer((json_int_t)vp_device_time(request->target->device)));
    return true;
}

static bool speed(struct control_request *request)
{
    const char *name = json_string_value(json_object_get(request->body, "speed"));
    enum vp_speed chosen;
    if (!name || vp_speed_from_name(name, &chosen)) {
        return control_refuse(request, "'speed' must be \"instant\" or \"real\"");
    }
    vp_device_set_speed(request->target->device, chosen);
    return true;
}

/* ---- Events ------------------------------------------------------------------------------- */

static const enum vp_event_kind told[] = {VP_EVENT_MODE, VP_EVENT_LED, VP_EVENT_ATTACHED,
                                          VP_EVENT_DETACHED, VP_EVENT_FAULT};

static bool get_events(struct control_request *request, unsigned *events)
{
    const json_t *list = json_object_get(request->body, "events");
    *events = 0;
    for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
        bool wanted = !list;
        for (size_t k = 0; k < json_array_size(list); k++) {
            const char *name = json_string_value(json_array_get(list, k));
            wanted = wanted || (name && strcmp(name, control_event_name(told[i])) == 0);
        }
        *events |= wanted ? 1u << told[i] : 0;
    }
    if (list &&
        (!json_is_array(list) || (size_t)__builtin_popcount(*events) != json_array_size(list))) {
        return control_refuse(request,
                              "'events' must be a list of \"mode\", \"led\", \"attached\", "
                              "\"detached\", \"fault\", each once");
    }
    if (!request->client) {
        return control_refuse(request, "events need a connection to come by");
    }
    return true;
}

static bool subscribe(struct control_request *request)
{
    unsigned events;
    if (!get_events(request, &events)) {
        return false;
    }
    control_client_subscribe(request->client, events);
    return true;
}

static bool unsubscribe(struct control_request *request)
{
    unsigned events;
    if (!get_events(request, &events)) {
        return false;
    }
    control_client_unsubscribe(request->client, events);
    return true;
}

/* ---- One request, one answer -------------------------------------------------------------- */

static const struct command {
    const char *name;
    bool (*run)(struct control_request *request);
    const char *keys[7]; /* besides command, device and id */
} commands[] = {
    {"status", status, {NULL}},
    {"mode", control_mode, {NULL}},
    {"led", led, {NULL}},
    {"modules", modules, {NULL}},
    {"press", press, {"ms"}},
    {"button", button, {"pressed"}},
    {"reset", reset, {"ms"}},
    {"power", power, {"on"}},
    {"plug", plug, {"on"}},
    {"time", pass_time, {"ms"}},
    {"speed", speed, {"speed"}},
    {"sd", control_copy_card, {"folder"}},
    {"snapshot", control_take_snapshot, {"name"}},
    {"restore", control_restore, {"name"}},
    {"snapshots", control_list_snapshots, {NULL}},
    {"fault", control_add_fault, {"kind", "at", "every", "ms", "bytes", "text"}},
    {"faults", control_list_faults, {NULL}},
    {"clear-faults", control_clear_faults, {NULL}},
    {"subscribe", subscribe, {"events"}},
    {"unsubscribe", unsubscribe, {"events"}},
};

/* A key that nobody reads is a mistake. */
static bool check_keys(struct control_request *request, const struct command *command)
{
    static const char *const all[] = {"command", "device", "id"};
    const char *key;
    json_t *value;
    json_object_foreach(request->body, key, value)
    {
        struct vp_nearest nearest = vp_nearest_start(key);
        bool known = false;
        for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
            known = known || strcmp(key, all[i]) == 0;
            vp_nearest_offer(&nearest, all[i]);
        }
        for (const char *const *own = command->keys; *own; own++) {
            known = known || strcmp(key, *own) == 0;
            vp_nearest_offer(&nearest, *own);
        }
        if (!known) {
            return control_refuse(request, "'%s' has no key '%.80s'; the nearest is '%s'",
                                  command->name, key, nearest.best);
        }
    }
    return true;
}

static bool choose_device(struct control_request *request)
{
    const json_t *number = json_object_get(request->body, "device");
    const json_int_t wanted = number ? json_integer_value(number) : 0;
    if (number && !json_is_integer(number)) {
        return control_refuse(request, "'device' must be a number, 0 for the first one");
    }
    if (wanted < 0 || wanted >= request->control->device_count) {
        return control_refuse(request,
                              "there is no device %lld: they are counted from 0, and there %s %u",
                              (long long)wanted, request->control->device_count == 1 ? "is" : "are",
                              request->control->device_count);
    }
    request->target = request->control->devices[wanted];
    return true;
}

static bool run_command(struct control_request *request)
{
    const char *name = json_string_value(json_object_get(request->body, "command"));
    if (!name) {
        return control_refuse(request,
                              "'command' is missing, for example {\"command\": \"status\"}");
    }
    struct vp_nearest nearest = vp_nearest_start(name);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return check_keys(request, &commands[i]) && choose_device(request) &&
                   commands[i].run(request);
        }
        vp_nearest_offer(&nearest, commands[i].name);
    }
    return control_refuse(request, "there is no command '%.80s'; the nearest is '%s'", name,
                          nearest.best);
}

/* What a client wrote may have been cut within a character, and JSON takes whole ones only. */
static json_t *error_text(struct control_request *request)
{
    json_t *text = json_string(request->error);
    for (char *at = request->error; !text && *at; at++) {
        *at = (char)((unsigned char)*at < 0x80 ? *at : '?');
    }
    return text ? text : json_string(request->error);
}

json_t *control_carry_out(struct vp_control_socket *control, struct control_client *client,
                          const char *line, size_t length)
{
    json_error_t trouble;
    struct control_request request = {
        .control = control,
        .client = client,
        .body = json_loadb(line, length, JSON_REJECT_DUPLICATES, &trouble),
        .answer = json_object(),
    };
    bool good;
    if (!request.body) {
        good = control_refuse(&request, "no JSON: %.150s (character %d)", trouble.text,
                              trouble.position);
    } else if (!json_is_object(request.body)) {
        good = control_refuse(&request,
                              "a request is an object, for example {\"command\": \"status\"}");
    } else {
        json_t *id = json_object_get(request.body, "id");
        if (id) {
            json_object_set(request.answer, "id", id);
        }
        good = run_command(&request);
    }
    json_object_set_new(request.answer, "ok", json_boolean(good));
    if (!good) {
        json_object_set_new(request.answer, "error", error_text(&request));
    }
    json_decref(request.body);
    return request.answer;
}
