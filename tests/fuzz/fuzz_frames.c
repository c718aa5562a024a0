/* What comes from a virtio port, in pieces: the first byte says how long they are. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "host/guest/wire/frames.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

unsigned fuzz_frames_sum; /* so that nobody finds that nobody needs it */

/* Each byte of a payload is there. */
static unsigned read_payload(const struct frame *frame)
{
    unsigned sum = 0;
    for (uint32_t i = 0; i < frame->length; i++) {
        sum += frame->payload[i];
    }
    if (frame->type == FRAME_START && (frame_read_start(frame->payload).mask & ~0777u)) {
        abort(); /* it goes to umask(2) */
    }
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct frame_reader reader = {.size = 0};
    struct frame frame;
    size_t frames = 0, bytes = 0;
    int found = 0;
    const size_t piece = size ? 1u + data[0] : 1;
    for (size_t at = 1; at < size && found >= 0; at += piece) {
        if (frame_reader_add(&reader, data + at, piece < size - at ? piece : size - at)) {
            abort();
        }
        while ((found = frame_reader_next(&reader, &frame)) > 0) {
            fuzz_frames_sum += read_payload(&frame);
            frames++;
            bytes += frame.length;
        }
    }
    if (frames * FRAME_HEADER + bytes > size) {
        abort(); /* more came out than went in */
    }
    frame_reader_clear(&reader);
    return 0;
}
