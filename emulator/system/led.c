/*
 * The light of the running system. Source: system/src/system_led_signal.cpp @ v0.6.4, v0.7.0; up to
 * 0.6.0 HAL_SysTick_Handler() in main.cpp and system_network_internal.h @ v0.4.6, v0.5.2, which
 * come to the same colours and periods.
 *
 * With the cloud: establish_cloud_connection(), handle_cloud_connection(), LEDCloudSignalStatus in
 * system_task.cpp, system_cloud_internal.cpp @ v0.7.0.
 *
 * Assumption: a device in safe mode that has nothing to connect to shows what it shows once it is
 * connected, as that is what everybody knows safe mode by.
 */
#include "system/system.h"

enum {
    BLINK_SLOW = 500,
    BLINK_NORMAL = 200,
    BLINK_FAST = 100,
    BREATHE_NORMAL = 4000,
};

/* @return false if there is no cloud to tell of */
static bool show_cloud(const struct vp_system *system, struct vp_led *led)
{
    switch (system->cloud.state) {
    case VP_CLOUD_OFF:
        return false;
    case VP_CLOUD_NETWORK:
        *led = (struct vp_led){VP_LED_GREEN, VP_LED_BLINK, BLINK_NORMAL};
        return true;
    case VP_CLOUD_REACHING:
        *led = (struct vp_led){VP_LED_CYAN, VP_LED_BLINK, BLINK_NORMAL};
        return true;
    case VP_CLOUD_GREETING:
        *led = (struct vp_led){VP_LED_CYAN, VP_LED_BLINK, BLINK_FAST};
        return true;
    case VP_CLOUD_CONNECTED:
        *led = (struct vp_led){system->safe_mode ? VP_LED_MAGENTA : VP_LED_CYAN, VP_LED_BREATHE,
                               BREATHE_NORMAL};
        return true;
    }
    return false;
}

void vp_system_led(const struct vp_system *system, struct vp_led *led)
{
    if (system->button.clearing_ms) {
        *led = (struct vp_led){VP_LED_BLUE, VP_LED_BLINK, BLINK_FAST};
        return;
    }
    if (system->cloud.signals) {
        *led = (struct vp_led){VP_LED_RAINBOW, VP_LED_BLINK, BLINK_FAST};
        return;
    }
    if ((system->state == VP_SYSTEM_NORMAL || system->state == VP_SYSTEM_SAFE) &&
        show_cloud(system, led)) {
        return;
    }
    switch (system->state) {
    case VP_SYSTEM_NORMAL:
        *led = (struct vp_led){VP_LED_GREEN, VP_LED_BLINK, BLINK_NORMAL};
        break;
    case VP_SYSTEM_SAFE:
        *led = (struct vp_led){VP_LED_MAGENTA, VP_LED_BREATHE, BREATHE_NORMAL};
        break;
    case VP_SYSTEM_LISTENING:
        *led = (struct vp_led){VP_LED_BLUE, VP_LED_BLINK, BLINK_SLOW};
        break;
    case VP_SYSTEM_UPDATING:
        *led = (struct vp_led){VP_LED_MAGENTA, VP_LED_BLINK, BLINK_FAST};
        break;
    default:
        *led = (struct vp_led){VP_LED_OFF, VP_LED_SOLID, 0};
    }
}
