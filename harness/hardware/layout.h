/**
 * @file layout.h
 * The memory layout that a DfuSe device tells in the name of an alternate setting, such as
 * "@Internal Flash   /0x08000000/03*016Ka,01*016Kg,01*064Kg,07*128Kg".
 *
 * Format: UM0424 ("STM32 USB-FS-Device development kit") section 10.3.2: '@', a name, then any
 * number of '/', an address, '/', and a list of COUNT '*' SIZE MULTIPLIER KIND. The multiplier is a
 * blank or B (bytes), K or M; the kind is a letter from 'a' to 'g' whose lowest bits say what can
 * be done: 1 read, 2 erase, 4 write.
 */
#ifndef VP_HARDWARE_LAYOUT_H
#define VP_HARDWARE_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "vparticle/error.h"

enum { VP_LAYOUT_NAME_SIZE = 64, VP_LAYOUT_SEGMENTS = 32 };

/** Sectors of one size and kind, one after the other. */
struct vp_layout_segment {
    uint32_t address; /**< of the first byte */
    uint32_t size;    /**< bytes of all its sectors; address + size is at most 2^32 */
    uint32_t sector;  /**< bytes of one */
    bool readable, erasable, writable;
};

struct vp_layout {
    char name[VP_LAYOUT_NAME_SIZE]; /**< without '@' and the blanks around it; printable ASCII */
    struct vp_layout_segment segments[VP_LAYOUT_SEGMENTS]; /**< in the order of the text */
    unsigned count;                                        /**< at least 1 */
};

/**
 * Parse what a device says. Nothing in it is trusted.
 * @param text  terminated
 * @param[out] layout  filled in on success alone
 * @return 0, or VP_ERROR_INVALID with @p failure saying what does not fit
 */
int vp_layout_parse(const char *text, struct vp_layout *layout, struct vp_failure *failure);

#endif
