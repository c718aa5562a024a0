/* What runs on the chip: the bootloader, then the system; and the time that passes for them. */
#include <string.h>

#include "device/device_private.h"
#include "usb/core_dfu.h"

enum { RESTARTS_UNSEEN = 8 }; /* so many in a row, and it is a loop */

/* Real speed: milliseconds until the pull-up is on. */
enum {
    DFU_START = 30,     /* 3.6 million instructions at 120 MHz, as measured */
    SYSTEM_START = 800, /* Assumption */
};

/* ---- Events ---------------------------------------------------------------------- */

void vp_device_tell(struct vp_device *device, enum vp_event_kind kind)
{
    vp_listeners_tell(&device->listeners, &(struct vp_event){.kind = kind, .mode = device->mode});
}

void vp_device_set_mode(struct vp_device *device, enum vp_mode mode)
{
    if (device->mode != mode) {
        device->mode = mode;
        vp_device_tell(device, VP_EVENT_MODE);
    }
}

/* Tell of light and deadline if they are not what they were. */
static void tell_changes(struct vp_device *device)
{
    struct vp_led led;
    vp_device_led(device, &led);
    if (led.color != device->led.color || led.pattern != device->led.pattern ||
        led.period != device->led.period) {
        device->led = led;
        vp_device_tell(device, VP_EVENT_LED);
    }
    const int64_t deadline = vp_device_next_deadline(device);
    if (deadline != device->deadline || vp_device_patience(device) >= 0) {
        device->deadline = deadline;
        vp_device_tell(device, VP_EVENT_DEADLINE);
    }
}

void vp_device_set_reset_in(struct vp_device *device, int64_t milliseconds)
{
    device->reset_in = milliseconds;
    tell_changes(device);
}

/* ---- On and off the bus ------------------------------------------------------------ */

void vp_device_attach(struct vp_device *device)
{
    if (device->busy_us > 0) {
        device->attach_later = true;
        return;
    }
    device->attach_later = false;
    device->restarts = 0;
    if (device->unplugged) {
        device->pulled_up = true;
        return;
    }
    device->attached = true;
    vp_device_tell(device, VP_EVENT_ATTACHED);
}

void vp_device_detach(struct vp_device *device)
{
    device->attach_later = false;
    device->pulled_up = false;
    vp_faults_forget(device);
    if (device->attached) {
        device->attached = false;
        vp_device_drop_pending(device);
        vp_device_tell(device, VP_EVENT_DETACHED);
    }
}

void vp_device_plug(struct vp_device *device, bool plugged)
{
    if (plugged == !device->unplugged) {
        return;
    }
    device->unplugged = !plugged;
    if (plugged && device->pulled_up) {
        vp_usb_control_bus_reset(&device->control); /* as a host does to what is plugged in */
        vp_device_attach(device);
    } else if (device->attached) {
        vp_device_detach(device);
        device->pulled_up = true;
    }
}

/* ---- The firmware that runs -------------------------------------------------------------- */

bool vp_device_runs_system(const struct vp_device *device)
{
    return device->mode == VP_MODE_NORMAL || device->mode == VP_MODE_SAFE ||
           device->mode == VP_MODE_LISTENING || device->mode == VP_MODE_UPDATE;
}

static enum vp_mode mode_of(const struct vp_system *system)
{
    switch (system->state) {
    case VP_SYSTEM_NORMAL:
        return VP_MODE_NORMAL;
    case VP_SYSTEM_SAFE:
        return VP_MODE_SAFE;
    case VP_SYSTEM_LISTENING:
        return VP_MODE_LISTENING;
    case VP_SYSTEM_UPDATING:
        return VP_MODE_UPDATE;
    default:
        return VP_MODE_DEAD;
    }
}

static void enter_dfu(struct vp_device *device)
{
    if (device->board->modular) {
        vp_dfu_start(&device->dfu, &device->boot, device->id, &device->function);
    } else {
        vp_core_dfu_start(&device->dfu, &device->boot, device->id, &device->function);
    }
    vp_usb_control_start(&device->control, &device->function, &device->dfu);
    vp_device_set_mode(device, VP_MODE_DFU);
    vp_device_work(device, DFU_START);
    vp_device_attach(device);
}

/* @return false if the system resets the chip before it gets to USB */
static bool enter_application(struct vp_device *device)
{
    struct vp_system_machine machine = {
        .board = device->board,
        .flash = device->flash,
        .external = device->external,
        .backup = &device->backup,
        .networks = &device->networks,
        .link = &device->link,
        .application = device->application,
        .reset_by = device->reset_by,
    };
    memcpy(machine.device_id, device->id, sizeof machine.device_id);
    vp_system_start(&device->system, &machine);
    vp_device_spend(device);
    if (device->system.state == VP_SYSTEM_RESETTING) {
        return false;
    }
    vp_device_set_mode(device, mode_of(&device->system));
    if (device->mode != VP_MODE_DEAD) {
        vp_cdc_start(&device->cdc, &device->system, &device->function);
        vp_usb_control_start(&device->control, &device->function, &device->cdc);
        vp_device_work(device, SYSTEM_START);
        vp_device_attach(device);
    } else if (device->boot.watchdog) {
        device->reset_in = VP_BOOT_WATCHDOG;
    }
    return true;
}

/* @return false if the chip has to be reset again */
static bool decide(struct vp_device *device)
{
    switch (vp_boot_decide(&device->boot)) {
    case VP_BOOT_DFU:
        enter_dfu(device);
        return true;
    case VP_BOOT_APPLICATION:
        return enter_application(device);
    default:
        return false;
    }
}

/* The bootloader's light, while it copies modules. */
static void show_boot_light(void *context)
{
    struct vp_device *device = context;
    vp_device_set_mode(device, VP_MODE_BOOT);
    tell_changes(device);
}

/* resetReasonString() in system_cloud_internal.cpp @ v0.7.0; software leaves its own word. */
static const char *name_of(enum vp_reset_cause cause)
{
    return cause == VP_RESET_POWER      ? "power_down"
           : cause == VP_RESET_PIN      ? "pin_reset"
           : cause == VP_RESET_WATCHDOG ? "watchdog"
                                        : NULL;
}

/* One start, up to where it waits. @return false if the chip has to be reset again */
static bool start(struct vp_device *device, enum vp_reset_cause cause)
{
    vp_system_stop(&device->system); /* its memory does not outlive it */
    device->boot = (struct vp_boot){
        .board = device->board,
        .flash = device->flash,
        .external = device->external,
        .backup = &device->backup,
        .light_changed = show_boot_light,
        .context = device,
    };
    if (vp_boot_begin(&device->boot, cause) == VP_ERROR_NOT_FOUND) {
        vp_device_set_mode(device, VP_MODE_DEAD);
        return true;
    }
    if (device->button) {
        vp_boot_press(&device->boot);
        vp_device_set_mode(device, VP_MODE_BOOT);
        return true;
    }
    return decide(device);
}

/* What was decided is a reset: go on until something else is. */
static void run(struct vp_device *device, bool waits)
{
    while (!waits) {
        if (++device->restarts > RESTARTS_UNSEEN) {
            vp_device_set_mode(device, VP_MODE_LOOP);
            break;
        }
        device->reset_by = NULL;
        waits = start(device, VP_RESET_SOFTWARE);
    }
    vp_device_look(device);
}

void vp_device_restart(struct vp_device *device, enum vp_reset_cause cause)
{
    vp_device_detach(device);
    device->reset_in = -1;
    device->restarts = 0;
    device->reset_by = name_of(cause);
    run(device, start(device, cause));
}

void vp_device_leave_dfu(struct vp_device *device)
{
    vp_boot_finish_update(&device->boot);
    vp_device_restart(device, VP_RESET_SOFTWARE);
}

void vp_device_look(struct vp_device *device)
{
    vp_device_spend(device);
    if (vp_device_runs_system(device)) {
        vp_faults_watch_port(device);
        vp_device_pump(device);
    }
    if (vp_device_runs_system(device)) { /* whoever got an answer may have reset it */
        if (device->system.state == VP_SYSTEM_RESETTING) {
            vp_device_restart(device, VP_RESET_SOFTWARE);
            return;
        }
        vp_device_set_mode(device, mode_of(&device->system));
    }
    tell_changes(device);
}

/* ---- Buttons, power ------------------------------------------------------------------------ */

void vp_device_button(struct vp_device *device, bool pressed)
{
    device->button = pressed;
    if (device->mode == VP_MODE_LOOP && pressed) {
        vp_device_restart(device, VP_RESET_SOFTWARE);
    } else if (device->mode == VP_MODE_BOOT && !pressed) {
        run(device, decide(device));
    } else if (vp_device_runs_system(device)) {
        vp_system_button(&device->system, pressed);
        vp_device_look(device);
    }
}

void vp_device_reset(struct vp_device *device)
{
    if (device->mode != VP_MODE_OFF) {
        device->busy_us = 0; /* it waits for nothing that it was at */
        vp_device_restart(device, VP_RESET_PIN);
    }
}

void vp_device_power(struct vp_device *device, bool on)
{
    if (!on) {
        vp_device_detach(device);
        vp_system_stop(&device->system);
        device->backup = (struct vp_backup_registers){{0}};
        device->busy_us = 0;
        device->reset_in = -1;
        vp_device_set_mode(device, VP_MODE_OFF);
        tell_changes(device);
    } else if (device->mode == VP_MODE_OFF) {
        vp_device_restart(device, VP_RESET_POWER);
    }
}

/* ---- Time ------------------------------------------------------------------------------------ */

/* Let time pass, up to a limit (-1: there is none). It has passed before anything comes of it: who
 * is told of that may ask what time it is. */
static uint32_t pass(struct vp_device *device, uint32_t milliseconds, int64_t limit)
{
    const uint32_t step = limit >= 0 && limit < milliseconds ? (uint32_t)limit : milliseconds;
    device->time += step;
    return step;
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < 0 || (b >= 0 && b < a) ? b : a;
}

/* The bootloader watches the button. */
static uint32_t watch_button(struct vp_device *device, uint32_t milliseconds)
{
    const uint32_t step = pass(device, milliseconds, vp_boot_next_step(&device->boot));
    if (vp_boot_hold(&device->boot, step)) {
        tell_changes(device);
    } else {
        run(device, decide(device));
    }
    return step;
}

static uint32_t count_down(struct vp_device *device, uint32_t milliseconds)
{
    const uint32_t step = pass(device, milliseconds, device->reset_in);
    device->reset_in -= step;
    if (device->reset_in == 0 && device->mode == VP_MODE_DEAD) {
        vp_device_restart(device, VP_RESET_WATCHDOG);
    } else if (device->reset_in == 0) {
        vp_device_leave_dfu(device);
    } else {
        device->deadline = device->reset_in; /* what everybody knows anyway */
    }
    return step;
}

/* The system may reset the chip at any of its deadlines: no step goes past one. What is overdue (a
 * button that nobody could look at before) takes a millisecond, or time would stand still. */
static uint32_t run_system(struct vp_device *device, uint32_t milliseconds)
{
    const int64_t limit =
        sooner(vp_system_next_deadline(&device->system), vp_device_patience(device));
    const uint32_t step = pass(device, milliseconds, limit == 0 ? 1 : limit);
    vp_faults_advance(device, step);
    vp_system_advance(&device->system, step);
    vp_device_look(device);
    return step;
}

/* The processor waits for its flash, and everybody for the processor. */
static uint32_t be_busy(struct vp_device *device, uint32_t milliseconds)
{
    const uint32_t step = pass(device, milliseconds, (int64_t)(device->busy_us + 999) / 1000);
    const uint64_t passed = (uint64_t)step * 1000;
    vp_faults_advance(device, step);
    device->busy_us = passed < device->busy_us ? device->busy_us - passed : 0;
    if (device->busy_us == 0) {
        if (device->attach_later) {
            vp_device_attach(device);
        }
        vp_device_answer_late(device);
        vp_device_take_arrived(device);
        vp_device_look(device);
    } else {
        device->deadline -= step;
    }
    return step;
}

void vp_device_advance(struct vp_device *device, uint32_t milliseconds)
{
    while (milliseconds > 0) {
        if (device->busy_us > 0) {
            milliseconds -= be_busy(device, milliseconds);
        } else if (device->mode == VP_MODE_BOOT) {
            milliseconds -= watch_button(device, milliseconds);
        } else if (device->reset_in > 0) {
            milliseconds -= count_down(device, milliseconds);
        } else if (vp_device_runs_system(device)) {
            milliseconds -= run_system(device, milliseconds);
        } else {
            milliseconds -= pass(device, milliseconds, -1);
        }
    }
}

uint64_t vp_device_time(const struct vp_device *device)
{
    return device->time;
}

int64_t vp_device_next_deadline(const struct vp_device *device)
{
    if (device->busy_us > 0) {
        return (int64_t)(device->busy_us + 999) / 1000;
    }
    if (vp_device_runs_system(device)) { /* nobody may jump over the time that a fault takes */
        return vp_faults_patience(device) < 0 ? vp_system_next_deadline(&device->system) : -1;
    }
    return device->reset_in;
}

int64_t vp_device_patience(const struct vp_device *device)
{
    if (device->busy_us > 0) {
        return -1;
    }
    if (!vp_device_runs_system(device)) {
        return device->mode == VP_MODE_BOOT ? vp_boot_next_step(&device->boot) : -1;
    }
    const int64_t held = vp_faults_patience(device);
    const int64_t patience = sooner(vp_system_patience(&device->system), held);
    return held < 0 ? patience : sooner(patience, vp_system_next_deadline(&device->system));
}

void vp_device_settle(struct vp_device *device)
{
    for (int64_t deadline; (deadline = vp_device_next_deadline(device)) >= 0;) {
        vp_device_advance(device, deadline > 0 ? (uint32_t)deadline : 1);
    }
}
