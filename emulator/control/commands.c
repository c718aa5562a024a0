/* The commands of the control socket. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/control_private.h"
#include "vparticle/fault.h"
#include "vparticle/nearest.h"

/* One request, while it is carried out. */
struct request {
    struct vp_control_socket *control;
    struct control_client *client;
    struct control_device *target;
    json_t *body;
    json_t *answer; /* gets what the command has to say */
    char error[256];
};

__attribute__((format(printf, 2, 3))) static bool refuse(struct request *request,
                                                         const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(request->error, sizeof request->error, format, arguments);
    va_end(arguments);
    return false;
}

/* ---- Keys --------------------------------------------------------------------------------- */

static bool get_milliseconds(struct request *request, bool required, uint32_t *milliseconds)
{
    enum { LONGEST = 24 * 3600 * 1000 };
    const json_t *value = json_object_get(request->body, "ms");
    *milliseconds = 0;
    if (!value && !required) {
        return true;
    }
    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        json_integer_value(value) > LONGEST) {
        return refuse(request, "'ms' must be a number of milliseconds from 0 to %d", LONGEST);
    }
    *milliseconds = (uint32_t)json_integer_value(value);
    return true;
}

static bool get_boolean(struct request *request, const char *key, bool *value)
{
    const json_t *found = json_object_get(request->body, key);
    *value = false;
    if (!json_is_boolean(found)) {
        return refuse(request, "'%s' must be true or false", key);
    }
    *value = json_is_true(found);
    return true;
}

static const char *get_name(struct request *request)
{
    const char *name = json_string_value(json_object_get(request->body, "name"));
    if (!name || !*name) {
        refuse(request, "'name' must be the snapshot's name");
        return NULL;
    }
    return name;
}

/* ---- Commands ----------------------------------------------------------------------------- */

static bool status(struct request *request)
{
    json_t *all = control_status(request->target->device);
    json_object_update(request->answer, all);
    json_decref(all);
    return true;
}

static bool mode(struct request *request)
{
    json_object_set_new(request->answer, "mode",
                        json_string(vp_mode_name(vp_device_mode(request->target->device))));
    return true;
}

static bool led(struct request *request)
{
    json_object_set_new(request->answer, "led", control_led(request->target->device));
    return true;
}

static bool modules(struct request *request)
{
    json_object_set_new(request->answer, "modules", control_modules(request->target->device));
    return true;
}

static bool press(struct request *request)
{
    uint32_t milliseconds;
    if (!get_milliseconds(request, true, &milliseconds)) {
        return false;
    }
    vp_device_button(request->target->device, true);
    vp_device_advance(request->target->device, milliseconds);
    vp_device_button(request->target->device, false);
    return mode(request);
}

static bool button(struct request *request)
{
    bool pressed;
    if (!get_boolean(request, "pressed", &pressed)) {
        return false;
    }
    vp_device_button(request->target->device, pressed);
    return mode(request);
}

/* With the other button held from before the reset on. */
static bool reset(struct request *request)
{
    uint32_t held;
    if (!get_milliseconds(request, false, &held)) {
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
    return mode(request);
}

static bool power(struct request *request)
{
    bool on;
    if (!get_boolean(request, "on", &on)) {
        return false;
    }
    vp_device_power(request->target->device, on);
    return mode(request);
}

static bool plug(struct request *request)
{
    bool on;
    if (!get_boolean(request, "on", &on)) {
        return false;
    }
    vp_device_plug(request->target->device, on);
    return true;
}

static bool pass_time(struct request *request)
{
    uint32_t milliseconds;
    if (!get_milliseconds(request, false, &milliseconds)) {
        return false;
    }
    vp_device_advance(request->target->device, milliseconds);
    json_object_set_new(request->answer, "time",
                        json_integer((json_int_t)vp_device_time(request->target->device)));
    return true;
}

static bool speed(struct request *request)
{
    const char *name = json_string_value(json_object_get(request->body, "speed"));
    enum vp_speed chosen;
    if (!name || vp_speed_from_name(name, &chosen)) {
        return refuse(request, "'speed' must be \"instant\" or \"real\"");
    }
    vp_device_set_speed(request->target->device, chosen);
    return true;
}

/* ---- Snapshots ---------------------------------------------------------------------------- */

static struct control_snapshot *find_snapshot(const struct request *request, const char *name)
{
    for (unsigned i = 0; i < request->control->snapshot_count; i++) {
        struct control_snapshot *snapshot = &request->control->snapshots[i];
        if (snapshot->device == request->target && strcmp(snapshot->name, name) == 0) {
            return snapshot;
        }
    }
    return NULL;
}

static bool take_snapshot(struct request *request)
{
    struct vp_control_socket *control = request->control;
    const char *name = get_name(request);
    if (!name) {
        return false;
    }
    struct control_snapshot *place = find_snapshot(request, name);
    if (!place && control->snapshot_count == VP_CONTROL_SNAPSHOT_LIMIT) {
        return refuse(request, "there are %d snapshots already; use one of their names again",
                      VP_CONTROL_SNAPSHOT_LIMIT);
    }
    struct vp_snapshot *taken;
    if (vp_device_take_snapshot(request->target->device, &taken)) {
        return refuse(request, "out of memory");
    }
    if (place) {
        vp_snapshot_destroy(place->snapshot);
        place->snapshot = taken;
        return true;
    }
    char *copy = strdup(name);
    if (!copy) {
        vp_snapshot_destroy(taken);
        return refuse(request, "out of memory");
    }
    control->snapshots[control->snapshot_count++] =
        (struct control_snapshot){copy, request->target, taken};
    return true;
}

static bool restore(struct request *request)
{
    const char *name = get_name(request);
    if (!name) {
        return false;
    }
    const struct control_snapshot *snapshot = find_snapshot(request, name);
    if (!snapshot) {
        return refuse(request,
                      "there is no snapshot '%.80s' of this device; 'snapshots' lists them", name);
    }
    if (vp_device_restore(request->target->device, snapshot->snapshot)) {
        return refuse(request, "out of memory");
    }
    return mode(request);
}

static bool list_snapshots(struct request *request)
{
    json_t *names = json_array();
    for (unsigned i = 0; i < request->control->snapshot_count; i++) {
        if (request->control->snapshots[i].device == request->target) {
            json_array_append_new(names, json_string(request->control->snapshots[i].name));
        }
    }
    json_object_set_new(request->answer, "snapshots", names);
    return true;
}

/* ---- Faults ------------------------------------------------------------------------------- */

static bool get_number(struct request *request, const char *key, uint32_t *number)
{
    const json_t *value = json_object_get(request->body, key);
    *number = 0;
    if (value && (!json_is_integer(value) || json_integer_value(value) < 1 ||
                  json_integer_value(value) > UINT32_MAX)) {
        return refuse(request, "'%s' must be a number from 1 to %u", key, UINT32_MAX);
    }
    *number = (uint32_t)json_integer_value(value);
    return true;
}

static bool get_text(struct request *request, char *text, size_t limit)
{
    const json_t *value = json_object_get(request->body, "text");
    *text = '\0';
    if (!value) {
        return true;
    }
    const size_t length = json_string_length(value);
    const char *found = json_string_value(value);
    if (!found || length < 1 || length > limit || strlen(found) != length) {
        return refuse(request, "'text' must be a text of 1 to %zu bytes without a NUL", limit);
    }
    memcpy(text, found, length + 1);
    return true;
}

static bool add_fault(struct request *request)
{
    const char *kind = json_string_value(json_object_get(request->body, "kind"));
    struct vp_fault fault = {.kind = VP_FAULT_KINDS};
    struct vp_failure failure;
    if (!kind) {
        return refuse(request, "'kind' is missing, for example \"serial-drop\"");
    }
    if (!get_number(request, "at", &fault.at) || !get_number(request, "every", &fault.every) ||
        !get_number(request, "ms", &fault.milliseconds) ||
        !get_number(request, "bytes", &fault.bytes) ||
        !get_text(request, fault.text, VP_FAULT_TEXT_LIMIT)) {
        return false;
    }
    if (vp_fault_kind_from_name(kind, &fault.kind, &failure) ||
        vp_device_add_fault(request->target->device, &fault, &failure)) {
        return refuse(request, "%s", failure.text);
    }
    return true;
}

static bool list_faults(struct request *request)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < vp_device_fault_count(request->target->device); i++) {
        struct vp_fault fault;
        const uint32_t fired = vp_device_fault(request->target->device, i, &fault);
        json_t *described = control_fault(&fault);
        json_object_set_new(described, "fired", json_integer(fired));
        json_array_append_new(list, described);
    }
    json_object_set_new(request->answer, "faults", list);
    return true;
}

static bool clear_faults(struct request *request)
{
    vp_device_clear_faults(request->target->device);
    return true;
}

/* ---- Events --------------------------------------------------------------------------------- */

static const enum vp_event_kind told[] = {VP_EVENT_MODE, VP_EVENT_LED, VP_EVENT_ATTACHED,
                                          VP_EVENT_DETACHED, VP_EVENT_FAULT};

static bool get_events(struct request *request, unsigned *events)
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
        return refuse(request, "'events' must be a list of \"mode\", \"led\", \"attached\", "
                               "\"detached\", \"fault\", each once");
    }
    if (!request->client) {
        return refuse(request, "events need a connection to come by");
    }
    return true;
}

static bool subscribe(struct request *request)
{
    unsigned events;
    if (!get_events(request, &events)) {
        return false;
    }
    control_client_subscribe(request->client, events);
    return true;
}

static bool unsubscribe(struct request *request)
{
    unsigned events;
    if (!get_events(request, &events)) {
        return false;
    }
    control_client_unsubscribe(request->client, events);
    return true;
}

/* ---- One request, one answer ------------------------------------------------------------------
 */

static const struct command {
    const char *name;
    bool (*run)(struct request *request);
    const char *keys[7]; /* besides command, device and id */
} commands[] = {
    {"status", status, {NULL}},
    {"mode", mode, {NULL}},
    {"led", led, {NULL}},
    {"modules", modules, {NULL}},
    {"press", press, {"ms"}},
    {"button", button, {"pressed"}},
    {"reset", reset, {"ms"}},
    {"power", power, {"on"}},
    {"plug", plug, {"on"}},
    {"time", pass_time, {"ms"}},
    {"speed", speed, {"speed"}},
    {"snapshot", take_snapshot, {"name"}},
    {"restore", restore, {"name"}},
    {"snapshots", list_snapshots, {NULL}},
    {"fault", add_fault, {"kind", "at", "every", "ms", "bytes", "text"}},
    {"faults", list_faults, {NULL}},
    {"clear-faults", clear_faults, {NULL}},
    {"subscribe", subscribe, {"events"}},
    {"unsubscribe", unsubscribe, {"events"}},
};

/* A key that nobody reads is a mistake. */
static bool check_keys(struct request *request, const struct command *command)
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
            return refuse(request, "'%s' has no key '%.80s'; the nearest is '%s'", command->name,
                          key, nearest.best);
        }
    }
    return true;
}

static bool choose_device(struct request *request)
{
    const json_t *number = json_object_get(request->body, "device");
    const json_int_t wanted = number ? json_integer_value(number) : 0;
    if (number && !json_is_integer(number)) {
        return refuse(request, "'device' must be a number, 0 for the first one");
    }
    if (wanted < 0 || wanted >= request->control->device_count) {
        return refuse(request, "there is no device %lld: they are counted from 0, and there %s %u",
                      (long long)wanted, request->control->device_count == 1 ? "is" : "are",
                      request->control->device_count);
    }
    request->target = request->control->devices[wanted];
    return true;
}

static bool run_command(struct request *request)
{
    const char *name = json_string_value(json_object_get(request->body, "command"));
    if (!name) {
        return refuse(request, "'command' is missing, for example {\"command\": \"status\"}");
    }
    struct vp_nearest nearest = vp_nearest_start(name);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return check_keys(request, &commands[i]) && choose_device(request) &&
                   commands[i].run(request);
        }
        vp_nearest_offer(&nearest, commands[i].name);
    }
    return refuse(request, "there is no command '%.80s'; the nearest is '%s'", name, nearest.best);
}

/* What a client wrote may have been cut within a character, and JSON takes whole ones only. */
static json_t *error_text(struct request *request)
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
    struct request request = {
        .control = control,
        .client = client,
        .body = json_loadb(line, length, JSON_REJECT_DUPLICATES, &trouble),
        .answer = json_object(),
    };
    bool good;
    if (!request.body) {
        good = refuse(&request, "no JSON: %.150s (character %d)", trouble.text, trouble.position);
    } else if (!json_is_object(request.body)) {
        good = refuse(&request, "a request is an object, for example {\"command\": \"status\"}");
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
