/**
 * @file led.h
 * The RGB LED as a person would describe it: a colour and a pattern.
 */
#ifndef VPARTICLE_LED_H
#define VPARTICLE_LED_H

#include <stdint.h>

enum vp_led_color {
    VP_LED_OFF,
    VP_LED_RED,
    VP_LED_GREEN,
    VP_LED_BLUE,
    VP_LED_YELLOW,
    VP_LED_MAGENTA,
    VP_LED_CYAN,
    VP_LED_WHITE,
    VP_LED_RAINBOW, /**< from violet to red; blinking: from one colour to the next */
};

enum vp_led_pattern {
    VP_LED_SOLID,
    VP_LED_BLINK,   /**< on and off, `period` milliseconds for both */
    VP_LED_BREATHE, /**< up and down, `period` milliseconds for both */
};

struct vp_led {
    enum vp_led_color color;
    enum vp_led_pattern pattern;
    uint16_t period; /**< milliseconds; 0 where it is solid */
};

/** "off", "red", "green", ... Static text. */
const char *vp_led_color_name(enum vp_led_color color);

/** "solid", "blink", "breathe". Static text. */
const char *vp_led_pattern_name(enum vp_led_pattern pattern);

#endif
