/* The memory layout that a USB device tells in a string. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "hardware/layout.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    struct vp_layout layout;
    struct vp_failure failure = {""};
    if (!text) {
        return 0;
    }
    memcpy(text, data, size);
    text[size] = '\0';
    if (vp_layout_parse(text, &layout, &failure)) {
        if (failure.text[0] == '\0') {
            abort(); /* every refusal says why */
        }
    } else {
        if (layout.count == 0 || layout.count > VP_LAYOUT_SEGMENTS) {
            abort();
        }
        for (unsigned i = 0; i < layout.count; i++) {
            const struct vp_layout_segment *segment = &layout.segments[i];
            if (segment->size == 0 || segment->size % segment->sector != 0 ||
                (uint64_t)segment->address + segment->size > (uint64_t)UINT32_MAX + 1) {
                abort();
            }
        }
    }
    free(text);
    return 0;
}
