/* Emulated boards: devices of our own, shown to tools by a USB/IP server and a host. */
#include <ev.h>
#include <stdlib.h>
#include <string.h>

#include "cloud/local.h"
#include "scenario/bench/cloud.h"

/* ---- Devices ------------------------------------------------------------------------------ */

static void settle(struct vp_engine *engine)
{
    for (unsigned i = 0; i < engine->device_count; i++) {
        vp_device_settle(engine->devices[i].device);
    }
    if (engine->cloud) {
        vp_local_cloud_settle(engine->cloud);
    }
}

static void on_event(void *context, const struct vp_event *event)
{
    struct vp_engine *engine = context;
    if (event->kind == VP_EVENT_TRANSFER) {
        vp_trace_add(&engine->trace, event->transfer);
        if (engine->on_transfer) {
            engine->on_transfer(engine);
        }
    }
}

static int add_device(struct vp_engine *engine, const char *spec)
{
    struct vp_failure failure;
    struct vp_engine_device *added = &engine->devices[engine->device_count];
    int error = vp_device_from_spec(&added->device, spec, engine->device_count, &failure);
    if (error) {
        const bool system = error == VP_ERROR_NO_MEMORY || error == VP_ERROR_IO;
        return vp_engine_stop(engine, system ? VP_ABORTED : VP_BROKEN,
                              vp_text("device %s: %s", spec, failure.text));
    }
    added->engine = engine;
    added->platform = vp_device_platform(added->device);
    engine->device_count++;
    error = vp_device_listen(added->device, on_event, engine);
    if (!error) {
        error = vp_server_add_device(engine->server, added->device);
    }
    return error ? vp_engine_stop(engine, VP_ABORTED, vp_text("%s", vp_error_text(error))) : 0;
}

static int add_devices(struct vp_engine *engine)
{
    for (unsigned i = 0; i < engine->scenario->devices_count; i++) {
        struct vp_failure failure;
        char *spec;
        int error = vp_expand(engine->scenario->devices[i], engine->variables, &spec, &failure);
        if (error) {
            return vp_engine_stop(engine, VP_BROKEN, vp_text("%s", failure.text));
        }
        error = add_device(engine, spec);
        free(spec);
        if (error) {
            return error;
        }
    }
    settle(engine);
    for (unsigned i = 0; i < engine->device_count; i++) {
        if (vp_flash_fork(&engine->devices[i].before, vp_device_flash(engine->devices[i].device))) {
            return vp_engine_stop(engine, VP_ABORTED, vp_text("out of memory"));
        }
    }
    return 0;
}

/* ---- What is done to them ------------------------------------------------------------------- */

static void press(struct vp_device *device, unsigned milliseconds)
{
    vp_device_button(device, true);
    vp_device_advance(device, milliseconds);
    vp_device_button(device, false);
}

static void reset(struct vp_device *device, unsigned held)
{
    vp_device_button(device, held > 0);
    vp_device_reset(device);
    vp_device_advance(device, held);
    vp_device_button(device, false);
}

static void power(struct vp_device *device, enum vp_power power)
{
    if (power != VP_POWER_ON) {
        vp_device_power(device, false);
    }
    if (power != VP_POWER_OFF) {
        vp_device_power(device, true);
    }
}

/* ---- Faults ---------------------------------------------------------------------------------- */

/* A fault that never happened proves nothing. */
static int judge_faults(struct vp_engine *engine, const struct vp_step *step,
                        struct vp_device *device)
{
    for (unsigned i = 0; i < vp_device_fault_count(device); i++) {
        struct vp_fault fault;
        const uint32_t fired = vp_device_fault(device, i, &fault);
        if (fired == 0) {
            return vp_engine_fail(
                engine, step,
                vp_text("the fault %s happens before this is over", vp_fault_kind_name(fault.kind)),
                vp_text("it never did"));
        }
        vp_engine_note(engine,
                       vp_text("the fault %s happened %u time%s", vp_fault_kind_name(fault.kind),
                               fired, fired == 1 ? "" : "s"));
    }
    return 0;
}

static int set_fault(struct vp_engine *engine, const struct vp_step *step)
{
    struct vp_device *device = vp_engine_device_of(engine, step)->device;
    struct vp_fault fault;
    struct vp_failure failure;
    if (step->fault->kind == VP_FAULT_KINDS) {
        const int error = judge_faults(engine, step, device);
        vp_device_clear_faults(device);
        return error;
    }
    return vp_step_fault(step->fault, &fault, &failure) ||
                   vp_device_add_fault(device, &fault, &failure)
               ? vp_engine_stop(engine, VP_BROKEN, vp_text("fault: %s", failure.text))
               : 0;
}

/* At the end of the scenario. */
static int judge_all(struct vp_engine *engine)
{
    const struct vp_step *last = &engine->scenario->steps[engine->scenario->steps_count - 1];
    int error = 0;
    for (unsigned i = 0; !error && i < engine->device_count; i++) {
        error = judge_faults(engine, last, engine->devices[i].device);
    }
    return error ? error : vp_bench_judge_cloud(engine);
}

static int act(struct vp_engine *engine, const struct vp_step *step)
{
    struct vp_device *device = vp_engine_device_of(engine, step)->device;
    if (step->press) {
        press(device, step->press->milliseconds);
    } else if (step->reset) {
        reset(device, step->reset->milliseconds);
    } else if (step->plug) {
        vp_device_plug(device, *step->plug == VP_PLUG_IN);
    } else {
        power(device, *step->power);
    }
    settle(engine);
    return 0;
}

/* ---- What can be seen of them ---------------------------------------------------------------- */

static enum vp_seen see_mode(struct vp_engine *engine, const struct vp_step *step,
                             char text[VP_SEEN_SIZE])
{
    const enum vp_mode mode = vp_device_mode(vp_engine_device_of(engine, step)->device);
    snprintf(text, VP_SEEN_SIZE, "mode %s", vp_mode_name(mode));
    return mode == *step->expect->mode ? VP_SEEN_AS_EXPECTED : VP_SEEN_OTHERWISE;
}

static enum vp_seen see_usb(struct vp_engine *engine, const struct vp_step *step,
                            char text[VP_SEEN_SIZE])
{
    struct vp_usb_identity identity;
    snprintf(text, VP_SEEN_SIZE, "none");
    if (vp_device_identity(vp_engine_device_of(engine, step)->device, &identity) == 0) {
        snprintf(text, VP_SEEN_SIZE, "%04x:%04x", identity.vendor_id, identity.product_id);
    }
    return strcmp(text, step->expect->usb) == 0 ? VP_SEEN_AS_EXPECTED : VP_SEEN_OTHERWISE;
}

static enum vp_seen see_led(struct vp_engine *engine, const struct vp_step *step,
                            char text[VP_SEEN_SIZE])
{
    struct vp_led led;
    vp_device_led(vp_engine_device_of(engine, step)->device, &led);
    snprintf(text, VP_SEEN_SIZE, "%s %s", vp_led_color_name(led.color),
             vp_led_pattern_name(led.pattern));
    return strcmp(text, step->expect->led) == 0 ? VP_SEEN_AS_EXPECTED : VP_SEEN_OTHERWISE;
}

static int read_flash(struct vp_engine *engine, const struct vp_step *step,
                      struct vp_bench_contents *contents, enum vp_seen *seen,
                      char text[VP_SEEN_SIZE])
{
    const struct vp_engine_device *device = vp_engine_device_of(engine, step);
    (void)text;
    contents->flash = vp_device_flash(device->device);
    contents->before = device->before;
    contents->slots = vp_device_slots(device->device, &contents->slot_count);
    *seen = VP_SEEN_AS_EXPECTED;
    return 0;
}

/* ---- From beginning to end ------------------------------------------------------------------- */

static void on_host_trouble(void *context, const char *line)
{
    vp_engine_note(context, vp_text("host: %s", line));
}

/* So that a step can run `vparticle ctl`. A scenario has a process of its own, and so the variable.
 */
static int start_control(struct vp_engine *engine, struct vp_failure *failure)
{
    char *address = vp_text("unix:%s/control.socket", engine->surroundings->temporary);
    if (!address) {
        vp_fail(failure, VP_ERROR_NO_MEMORY, "out of memory");
        return VP_ERROR_NO_MEMORY;
    }
    int error = vp_control_socket_create(&engine->control, engine->loop, address, failure);
    for (unsigned i = 0; i < engine->device_count && !error; i++) {
        error = vp_control_socket_add(engine->control, engine->devices[i].device);
        if (error) {
            vp_fail(failure, error, "%s", vp_error_text(error));
        }
    }
    if (!error) {
        setenv(VP_CONTROL_VARIABLE, address, 1);
    }
    free(address);
    return error;
}

/* Over a UNIX socket, so that no port can be taken. */
static int start(struct vp_engine *engine)
{
    if (vp_server_create(&engine->server, engine->loop)) {
        return vp_engine_stop(engine, VP_ABORTED, vp_text("out of memory"));
    }
    int error = add_devices(engine);
    if (error) {
        return error;
    }
    struct vp_failure failure = {""};
    char *address = vp_text("unix:%s/usbip.socket", engine->surroundings->temporary);
    error = address ? vp_server_listen(engine->server, address, NULL, 0, &failure)
                    : vp_fail(&failure, VP_ERROR_NO_MEMORY, "out of memory");
    if (!error) {
        error = vp_host_create(&engine->host, engine->surroundings->host, engine->loop, address,
                               &failure);
    }
    free(address);
    if (!error) {
        error = start_control(engine, &failure);
    }
    if (!error) {
        vp_host_set_log(engine->host, on_host_trouble, engine);
    }
    return error ? vp_engine_stop(engine, VP_ABORTED, vp_text("%s", failure.text))
                 : vp_bench_start_cloud(engine);
}

static void finish(struct vp_engine *engine)
{
    vp_host_destroy(engine->host);
    vp_bench_stop_cloud(engine);
    vp_control_socket_destroy(engine->control);
    vp_server_destroy(engine->server);
    for (unsigned i = 0; i < engine->device_count; i++) {
        vp_device_destroy(engine->devices[i].device);
        vp_flash_destroy(engine->devices[i].before);
    }
}

const struct vp_bench vp_bench_emulated = {
    .start = start,
    .finish = finish,
    .settle = settle,
    .act = act,
    .fault = set_fault,
    .act_on_cloud = vp_bench_act_on_cloud,
    .expect_of_cloud = vp_bench_expect_of_cloud,
    .judge = judge_all,
    .see_mode = see_mode,
    .see_usb = see_usb,
    .see_led = see_led,
    .read = read_flash,
};
