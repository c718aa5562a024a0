#include "system/button.h"

#include "system/networks.h"

enum {
    HOLD_TO_LISTEN = 3000,
    HOLD_TO_CLEAR = 10000,
    LEAVE_AFTER = 3000, /* longer than this, and shorter than the next one */
    LEAVE_BEFORE = 8000,
    CLEARING_TIME = 25 * 50,
};

static void notice(struct vp_system *system)
{
    system->button.noticed_ms = 0;
    system->button.was_listening = system->listening;
}

void vp_button_press(struct vp_system *system)
{
    if (!system->button.pressed) {
        system->button.pressed = true;
        system->button.held_ms = 0;
        notice(system);
    }
}

void vp_button_release(struct vp_system *system)
{
    const struct vp_button *button = &system->button;
    if (!button->pressed) {
        return;
    }
    system->button.pressed = false;
    if (button->noticed_ms > LEAVE_AFTER && button->noticed_ms < LEAVE_BEFORE &&
        button->was_listening && system->listening) {
        vp_system_listen(system, false);
    }
}

/* What comes next if it is held on, or 0: nothing. While an update goes on nobody looks. */
static uint32_t next_hold(const struct vp_system *system)
{
    const struct vp_button *button = &system->button;
    if (!button->pressed || system->update.begun || button->clearing_ms) {
        return 0;
    }
    if (!system->listening) {
        return button->was_listening ? 0 : HOLD_TO_LISTEN;
    }
    return HOLD_TO_CLEAR;
}

int64_t vp_button_patience(const struct vp_system *system)
{
    const uint32_t hold = next_hold(system);
    if (hold == 0) {
        return -1;
    }
    return system->button.held_ms < hold ? (int64_t)(hold - system->button.held_ms) : 0;
}

int64_t vp_button_next_deadline(const struct vp_system *system)
{
    return system->button.clearing_ms ? (int64_t)system->button.clearing_ms : -1;
}

static void act(struct vp_system *system)
{
    if (system->listening) {
        system->button.clearing_ms = CLEARING_TIME;
    } else {
        vp_system_listen(system, true);
        notice(system);
    }
}

static void clear_credentials(struct vp_system *system)
{
    vp_networks_forget(system);
    if (!vp_networks_known(system)) {
        vp_system_listen(system, true); /* wherever the release of the button has led meanwhile */
    }
}

void vp_button_advance(struct vp_system *system, uint32_t milliseconds)
{
    struct vp_button *button = &system->button;
    if (button->clearing_ms) {
        const bool over = milliseconds >= button->clearing_ms;
        button->clearing_ms = over ? 0 : button->clearing_ms - milliseconds;
        if (over) {
            clear_credentials(system);
        }
    }
    if (button->pressed) {
        button->held_ms += milliseconds;
        button->noticed_ms += milliseconds;
        const uint32_t hold = next_hold(system);
        if (hold && button->held_ms >= hold) {
            act(system);
        }
    }
}
