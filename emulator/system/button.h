/**
 * @file button.h
 * The SETUP/MODE button while the system firmware runs.
 *
 * Source: HAL_Notify_Button_State(), HAL_SysTick_Handler() in system/src/main.cpp @ v0.4.6, v0.7.0,
 * v2.2.0; clearing the credentials: system_network_internal.h @ v0.4.6, v0.7.0.
 */
#ifndef VP_SYSTEM_BUTTON_H
#define VP_SYSTEM_BUTTON_H

#include <stdbool.h>
#include <stdint.h>

struct vp_system;

struct vp_button {
    bool pressed;
    uint32_t held_ms;     /**< since it was pressed */
    uint32_t noticed_ms;  /**< the same, but counted anew when listening mode was entered */
    bool was_listening;   /**< when the count began */
    uint32_t clearing_ms; /**< left of the fast blue blinking; 0: it does not */
};

void vp_button_press(struct vp_system *system);
void vp_button_release(struct vp_system *system);

/** @return milliseconds until the button has been held long enough for something, or -1 */
int64_t vp_button_patience(const struct vp_system *system);

/** @return milliseconds until the credentials are cleared, or -1 */
int64_t vp_button_next_deadline(const struct vp_system *system);

/** Let time pass. */
void vp_button_advance(struct vp_system *system, uint32_t milliseconds);

#endif
