/*
 * Any bytes over the serial port of a running system, in listening mode and as YMODEM, with pauses,
 * speeds and the button between them. Whatever comes, no module in its place changes.
 *
 * Input: a byte that chooses board and release, then steps. Step: a byte N below 0xF0 says that N +
 * 1 bytes to the port follow; from 0xF0 on a byte of argument follows, see step().
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "fuzz/fuzz_chip.h"

enum step { PASS_TIME = 0xF0, SPEED, OPEN, BUTTON, LISTEN, HEADER, PACKET, FETCH };

enum { FIRST_STEP = 0xF0, BLOCK = 128 };

static void send(struct fuzz_chip *chip, const uint8_t *bytes, size_t count)
{
    if (vp_system_receive(&chip->system, bytes, (uint32_t)count) > count) {
        abort();
    }
}

static void fetch(struct fuzz_chip *chip)
{
    uint8_t bytes[64];
    uint32_t count;
    while ((count = vp_system_transmit(&chip->system, bytes, sizeof bytes)) > 0) {
        if (count > sizeof bytes) {
            abort();
        }
    }
}

/* A good packet with block @p sequence, so that the machine gets past the first one. */
static void send_packet(struct fuzz_chip *chip, uint8_t sequence)
{
    uint8_t packet[BLOCK + 5] = {1, sequence, sequence ^ 0xFF, sequence};
    send(chip, packet, sizeof packet);
}

static void send_header(struct fuzz_chip *chip, uint8_t kilobytes)
{
    uint8_t packet[BLOCK + 5] = {1, 0, 0xFF, 'f', 0};
    unsigned size = kilobytes * 1024u, at = 5 + 6;
    do {
        packet[--at] = (uint8_t)('0' + size % 10);
        size /= 10;
    } while (at > 5);
    packet[5 + 6] = ' ';
    send(chip, packet, sizeof packet);
}

static void set_speed(struct fuzz_chip *chip, uint8_t which)
{
    static const uint32_t speeds[] = {28800, 9600, 0, 14400};
    vp_system_set_baud(&chip->system, speeds[which % 4]);
}

static void step(struct fuzz_chip *chip, uint8_t kind, uint8_t argument)
{
    switch (kind) {
    case PASS_TIME:
        vp_system_advance(&chip->system, argument * 100u);
        break;
    case SPEED:
        set_speed(chip, argument);
        break;
    case OPEN:
        vp_system_set_dtr(&chip->system, argument & 1);
        break;
    case BUTTON:
        vp_system_button(&chip->system, argument & 1);
        break;
    case LISTEN:
        vp_system_listen(&chip->system, argument & 1);
        break;
    case HEADER:
        send_header(chip, argument);
        break;
    case PACKET:
        send_packet(chip, argument);
        break;
    default:
        fetch(chip);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_chip chip;
    if (size == 0) {
        return 0;
    }
    fuzz_chip_start(&chip, data[0]);
    vp_system_set_dtr(&chip.system, true);
    vp_system_listen(&chip.system, true);
    for (size_t at = 1; at < size && chip.system.state != VP_SYSTEM_RESETTING;) {
        const uint8_t kind = data[at++];
        const size_t left = size - at;
        if (kind < FIRST_STEP) {
            const size_t count = kind + 1u < left ? kind + 1u : left;
            send(&chip, data + at, count);
            at += count;
        } else if (left > 0) {
            step(&chip, kind, data[at++]);
        }
        const int64_t deadline = vp_system_next_deadline(&chip.system);
        const int64_t patience = vp_system_patience(&chip.system);
        if (deadline < -1 || patience < -1) {
            abort();
        }
    }
    fuzz_chip_check(&chip);
    fuzz_chip_free(&chip);
    return 0;
}
