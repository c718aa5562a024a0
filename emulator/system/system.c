#include "system/system.h"

#include "system/mode.h"
#include "system/networks.h"
#include "system/own_flags.h"
#include "system/update/update.h"

enum {
    /* build/module-defaults.mk @ v0.4.6 to v2.2.0 */
    DFU_SPEED = 14400,
    YMODEM_SPEED = 28800,
    REQUEST_REGISTER = 1,
    /* bootloader/src/main.c @ v0.5.2 */
    REQUEST_DFU = 0xEDFA,
    REQUEST_SAFE_MODE = 0x5AFE,
    FACTORY_RESET = 0xAAAA,
};

void vp_system_start(struct vp_system *system, const struct vp_system_machine *machine)
{
    *system = (struct vp_system){.machine = *machine,
                                 .build = vp_system_build_find(machine->board->platform)};
    if (!vp_mode_identify(system)) {
        system->state = VP_SYSTEM_CRASHED;
        return;
    }
    vp_serial_start(&system->serial, system->generation->port);
    vp_cloud_take_reason(system);
    vp_mode_decide(system);
    vp_cloud_look(system);
}

void vp_system_stop(struct vp_system *system)
{
    vp_control_cancel_all(&system->control);
    vp_cloud_stop(system);
    vp_console_start(system);
    *system = (struct vp_system){0};
}

/* ---- What may be asked of it ---------------------------------------------------------------- */

static void ask_for_factory_reset(struct vp_system *system)
{
    struct vp_system_flags flags;
    vp_own_flags_load(system, &flags);
    flags.factory_reset = FACTORY_RESET;
    vp_own_flags_save(system, &flags);
}

/* HAL_Core_Enter_Bootloader(), HAL_Core_Enter_Safe_Mode(), HAL_Core_Factory_Reset() */
static void reset_now(struct vp_system *system)
{
    enum vp_reset_reason reason =
        system->reset_reason ? system->reset_reason : VP_RESET_REASON_USER;
    switch (system->reset_kind) {
    case VP_SYSTEM_DFU_RESET:
        reason = VP_RESET_REASON_DFU;
        system->machine.backup->dr[REQUEST_REGISTER] = REQUEST_DFU;
        break;
    case VP_SYSTEM_SAFE_MODE_RESET:
        reason = VP_RESET_REASON_SAFE_MODE;
        system->machine.backup->dr[REQUEST_REGISTER] = REQUEST_SAFE_MODE;
        break;
    case VP_SYSTEM_FACTORY_RESET:
        reason = VP_RESET_REASON_FACTORY;
        ask_for_factory_reset(system);
        break;
    case VP_SYSTEM_PLAIN_RESET:
        break;
    }
    vp_cloud_leave_reason(system, reason);
    system->state = VP_SYSTEM_RESETTING;
}

void vp_system_reset(struct vp_system *system, enum vp_system_reset_kind kind, uint32_t delay)
{
    system->reset_kind = kind;
    system->next = VP_SYSTEM_NEXT_RESET;
    system->next_in = delay;
    if (delay == 0) {
        reset_now(system);
    }
}

static void set_state(struct vp_system *system)
{
    if (system->state != VP_SYSTEM_UPDATING && system->state != VP_SYSTEM_RESETTING) {
        system->state = system->listening   ? VP_SYSTEM_LISTENING
                        : system->safe_mode ? VP_SYSTEM_SAFE
                                            : VP_SYSTEM_NORMAL;
    }
}

/* Without credentials a device goes back into listening mode as soon as it has left it. */
void vp_system_listen(struct vp_system *system, bool listen)
{
    if (listen || vp_networks_known(system)) {
        system->listening = listen;
    }
    system->listening_ms = 0;
    vp_console_start(system);
    set_state(system);
    vp_cloud_look(system);
}

/* ---- The serial port ------------------------------------------------------------------------ */

static bool lives(const struct vp_system *system)
{
    return system->state != VP_SYSTEM_RESETTING && system->state != VP_SYSTEM_CRASHED &&
           system->generation;
}

/* Is there somebody who reads the next byte now? In normal mode the application could; tinker
 * never does. */
static bool wants_bytes(const struct vp_system *system)
{
    return lives(system) && system->next == VP_SYSTEM_NEXT_NOTHING && !system->button.clearing_ms &&
           (system->listening || system->ymodem.active) && vp_serial_has_room(&system->serial);
}

static void read_on(struct vp_system *system)
{
    while (wants_bytes(system)) {
        const int byte = vp_serial_read(&system->serial);
        if (byte < 0) {
            return;
        }
        if (system->ymodem.active) {
            vp_ymodem_take(system, (uint8_t)byte);
        } else {
            vp_console_take(system, (uint8_t)byte);
        }
    }
}

/* system_lineCodingBitRateHandler(); each SET_LINE_CODING counts. */
void vp_system_set_baud(struct vp_system *system, uint32_t baud)
{
    if (!lives(system)) {
        return;
    }
    vp_serial_set_baud(&system->serial, baud);
    if (baud == DFU_SPEED) {
        vp_system_reset(system, VP_SYSTEM_DFU_RESET, 0);
    } else if (baud == YMODEM_SPEED && !system->listening && !system->ymodem.active &&
               system->next == VP_SYSTEM_NEXT_NOTHING && !system->update.begun) {
        if (system->generation->ymodem_by_speed && system->build->receives_files) {
            vp_ymodem_start(system);
            system->update.watched = true; /* SPARK_FLASH_UPDATE = 3 */
            system->state = VP_SYSTEM_UPDATING;
        } else {
            vp_system_listen(system, true);
        }
        read_on(system);
    }
}

void vp_system_configure_port(struct vp_system *system)
{
    if (lives(system)) {
        vp_serial_configure(&system->serial);
    }
}

void vp_system_set_dtr(struct vp_system *system, bool dtr)
{
    if (lives(system)) {
        vp_serial_set_dtr(&system->serial, dtr);
    }
}

uint32_t vp_system_receive(struct vp_system *system, const uint8_t *bytes, uint32_t count)
{
    uint32_t taken = 0;
    while (lives(system) && taken < count) {
        const uint32_t more = vp_serial_put(&system->serial, bytes + taken, count - taken);
        if (more == 0) {
            break;
        }
        taken += more;
        read_on(system);
    }
    return taken;
}

uint32_t vp_system_transmit(struct vp_system *system, uint8_t *bytes, uint32_t room)
{
    if (!lives(system)) {
        return 0;
    }
    read_on(system);
    const uint32_t count = vp_serial_take(&system->serial, bytes, room);
    read_on(system); /* somebody may have waited for the room */
    return count;
}

/* ---- Button and time ------------------------------------------------------------------------ */

void vp_system_button(struct vp_system *system, bool pressed)
{
    if (!lives(system)) {
        return;
    }
    if (pressed) {
        vp_button_press(system);
    } else {
        vp_button_release(system);
    }
    read_on(system);
}

static void go_on(struct vp_system *system)
{
    const enum vp_system_next next = system->next;
    system->next = VP_SYSTEM_NEXT_NOTHING;
    switch (next) {
    case VP_SYSTEM_NEXT_FINISH:
        vp_ymodem_finish_late(system);
        break;
    case VP_SYSTEM_NEXT_ANNOUNCE:
        vp_ymodem_announce(system);
        break;
    case VP_SYSTEM_NEXT_RESET:
        reset_now(system);
        break;
    case VP_SYSTEM_NEXT_NOTHING:
        break;
    }
}

static uint32_t listening_limit(const struct vp_system *system)
{
    return system->listening && !system->ymodem.active && !system->update.begun
               ? vp_figure_on(&system->generation->listening_timeout,
                              system->machine.board->platform)
               : 0;
}

static void advance_listening(struct vp_system *system, uint32_t milliseconds)
{
    const uint32_t limit = listening_limit(system);
    if (limit) {
        system->listening_ms += milliseconds;
        if (system->listening_ms > limit) {
            vp_system_listen(system, false);
        }
    }
}

/* One stretch of time in which nothing ends but at its very end. */
static void step(struct vp_system *system, uint32_t milliseconds)
{
    if (system->next != VP_SYSTEM_NEXT_NOTHING) {
        system->next_in -= milliseconds;
        if (system->next_in == 0) {
            go_on(system);
        }
        return;
    }
    vp_button_advance(system, milliseconds);
    advance_listening(system, milliseconds);
    vp_update_advance(system, milliseconds);
    vp_ymodem_advance(system, milliseconds);
    vp_cloud_advance(system, milliseconds);
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < 0 || (b >= 0 && b < a) ? b : a;
}

void vp_system_advance(struct vp_system *system, uint32_t milliseconds)
{
    while (lives(system) && milliseconds > 0) {
        const int64_t end = sooner(vp_system_next_deadline(system), vp_system_patience(system));
        uint32_t part = end >= 0 && end < milliseconds ? (uint32_t)end : milliseconds;
        if (part == 0) {
            part = 1;
        }
        step(system, part);
        milliseconds -= part;
        if (lives(system)) {
            read_on(system);
        }
    }
}

int64_t vp_system_next_deadline(const struct vp_system *system)
{
    if (!lives(system)) {
        return -1;
    }
    return system->next != VP_SYSTEM_NEXT_NOTHING ? (int64_t)system->next_in
                                                  : vp_button_next_deadline(system);
}

int64_t vp_system_patience(const struct vp_system *system)
{
    if (!lives(system) || system->next != VP_SYSTEM_NEXT_NOTHING) {
        return -1;
    }
    const uint32_t limit = listening_limit(system);
    int64_t patience = limit ? (int64_t)limit + 1 - system->listening_ms : -1;
    patience = sooner(patience, vp_button_patience(system));
    patience = sooner(patience, vp_update_patience(system));
    patience = sooner(patience, vp_cloud_patience(system));
    return sooner(patience, vp_ymodem_patience(system));
}
