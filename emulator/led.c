#include "vparticle/led.h"

const char *vp_led_color_name(enum vp_led_color color)
{
    static const char *const names[] = {
        [VP_LED_OFF] = "off",   [VP_LED_RED] = "red",       [VP_LED_GREEN] = "green",
        [VP_LED_BLUE] = "blue", [VP_LED_YELLOW] = "yellow", [VP_LED_MAGENTA] = "magenta",
        [VP_LED_CYAN] = "cyan", [VP_LED_WHITE] = "white",   [VP_LED_RAINBOW] = "rainbow",
    };
    return names[color];
}

const char *vp_led_pattern_name(enum vp_led_pattern pattern)
{
    static const char *const names[] = {
        [VP_LED_SOLID] = "solid",
        [VP_LED_BLINK] = "blink",
        [VP_LED_BREATHE] = "breathe",
    };
    return names[pattern];
}
