#include "system/serial/ymodem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "system/system.h"
#include "system/update/update.h"

enum {
    HEADER = 3,
    TRAILER = 2,
    SEQUENCE = 1,
    COMPLEMENT = 2,
    SMALL_BLOCK = 128,
    LARGE_BLOCK = 1024,
    ERROR_LIMIT = 5,
    SIZE_DIGITS = 16,
    PAUSE_AFTER_SUCCESS = 1000,
    PAUSE_BEFORE_RESET = 100,
};

/* What receive_file() returns where it is not a size. */
enum outcome {
    FAILED = 0,
    REFUSED = -1,
    NOT_SAVED = -2,
    ABORTED = -3,
};

static const struct vp_ymodem_rules *rules_of(const struct vp_system *system)
{
    return system->generation->ymodem;
}

static void send(struct vp_system *system, uint8_t byte)
{
    vp_serial_write(&system->serial, &byte, 1);
}

static void send_cancel(struct vp_system *system)
{
    send(system, VP_YMODEM_CAN);
    send(system, VP_YMODEM_CAN);
}

static void wait_then(struct vp_system *system, uint32_t milliseconds, enum vp_system_next next)
{
    system->reset_kind = VP_SYSTEM_PLAIN_RESET;
    system->next = next;
    system->next_in = milliseconds;
}

void vp_ymodem_start(struct vp_system *system)
{
    system->ymodem = (struct vp_ymodem){.active = true};
}

/* ---- The end -------------------------------------------------------------------------------- */

static void say_line(struct vp_system *system, const char *text)
{
    vp_serial_print(&system->serial, text);
    vp_serial_print(&system->serial, "\r\n");
}

static void say_success(struct vp_system *system)
{
    char size[32];
    snprintf(size, sizeof size, "%d bytes\r\n", (int)(int32_t)system->ymodem.size);
    say_line(system, "\r\nDownloaded file successfully!");
    vp_serial_print(&system->serial, "Name: ");
    say_line(system, system->ymodem.name);
    vp_serial_print(&system->serial, "Size: ");
    vp_serial_print(&system->serial, size);
}

static void say_failure(struct vp_system *system, enum outcome outcome)
{
    switch (outcome) {
    case REFUSED:
        say_line(system, "The file size is higher than the allowed space memory!");
        break;
    case NOT_SAVED:
        say_line(system, rules_of(system)->chunk_failure);
        break;
    case ABORTED:
        say_line(system, "Aborted by user.");
        break;
    default:
        say_line(system, "Failed to receive the file!");
    }
}

/* Ymodem_Serial_Flash_Update() where nothing usable was received. */
static void give_up(struct vp_system *system, enum outcome outcome)
{
    system->ymodem.active = false;
    vp_update_cancel(system);
    if (rules_of(system)->verdict >= VP_VERDICT_AS_FLAGS) {
        send_cancel(system);
    }
    say_failure(system, outcome);
}

/*
 * The verdict comes before the last ACK. The reset that is pending after a failure is made by the
 * loop of listening mode @ v2.0.0; in the loops of 0.6.1 to 1.5.2 nothing looks at it before
 * listening mode ends. Assumption: there it is made, too, and the text gets out before.
 */
static void finish_first(struct vp_system *system)
{
    struct vp_update_result result;
    char text[48];
    vp_update_finish(system, &result);
    if (result.queued || result.installed) {
        send(system, VP_YMODEM_ACK);
        say_success(system);
        wait_then(system, PAUSE_AFTER_SUCCESS, VP_SYSTEM_NEXT_ANNOUNCE);
        return;
    }
    send_cancel(system);
    if (rules_of(system)->verdict == VP_VERDICT_AS_FLAGS) {
        snprintf(text, sizeof text, "Validation failed: 0x%x", result.checked ^ result.result);
    } else {
        snprintf(text, sizeof text, "Validation failed: %d", result.code);
    }
    say_line(system, text);
    wait_then(system, PAUSE_BEFORE_RESET, VP_SYSTEM_NEXT_RESET);
}

void vp_ymodem_announce(struct vp_system *system)
{
    say_line(system, "Restarting system to apply firmware update...");
    system->reset_reason = VP_RESET_REASON_UPDATE; /* system_fileTransfer() @ v0.6.0 */
    wait_then(system, PAUSE_BEFORE_RESET, VP_SYSTEM_NEXT_RESET);
}

void vp_ymodem_finish_late(struct vp_system *system)
{
    struct vp_update_result result;
    vp_update_finish(system, &result);
    system->state = VP_SYSTEM_UPDATING;
    if (rules_of(system)->verdict == VP_VERDICT_NEVER) {
        system->state = VP_SYSTEM_RESETTING;
        return;
    }
    vp_ymodem_announce(system);
}

/* The empty header came: all files are there. */
static void end_session(struct vp_system *system)
{
    if ((int32_t)system->ymodem.size <= 0 || !system->update.begun) {
        /* a size of 0xFFFFFFFF and so on is taken for what else receive_file() returns */
        give_up(system, (int32_t)system->ymodem.size < 0 && (int32_t)system->ymodem.size >= ABORTED
                            ? (enum outcome)(int32_t)system->ymodem.size
                            : FAILED);
        return;
    }
    system->ymodem.active = false;
    if (rules_of(system)->verdict >= VP_VERDICT_AS_FLAGS) {
        finish_first(system);
        system->state = VP_SYSTEM_UPDATING;
    } else {
        say_success(system);
        wait_then(system, PAUSE_AFTER_SUCCESS, VP_SYSTEM_NEXT_FINISH);
    }
}

/* ---- Packets -------------------------------------------------------------------------------- */

/* strtoul() of a 32-bit processor. */
static uint32_t parse_size(const char *text)
{
    const long long value = strtoll(text, NULL, 10);
    if (value > UINT32_MAX || value < -(long long)UINT32_MAX) {
        return UINT32_MAX;
    }
    return (uint32_t)value;
}

/* parse_file_packet(): the name up to its zero, then digits up to a space or 16 of them. */
static void parse_header(struct vp_ymodem *ymodem)
{
    char digits[SIZE_DIGITS + 1];
    unsigned at = HEADER, count = 0;
    while (at < VP_YMODEM_PACKET_LIMIT && ymodem->packet[at] && count < VP_YMODEM_NAME_LIMIT) {
        ymodem->name[count++] = (char)ymodem->packet[at++];
    }
    ymodem->name[count] = '\0';
    at++;
    for (count = 0; at < VP_YMODEM_PACKET_LIMIT && ymodem->packet[at] != ' ' && count < SIZE_DIGITS;
         count++) {
        digits[count] = (char)ymodem->packet[at++];
    }
    digits[count] = '\0';
    ymodem->size = parse_size(digits);
}

static void take_header(struct vp_system *system)
{
    struct vp_ymodem *ymodem = &system->ymodem;
    if (ymodem->packet[HEADER] == 0) {
        if (rules_of(system)->verdict < VP_VERDICT_AS_FLAGS) {
            send(system, VP_YMODEM_ACK);
        }
        end_session(system);
        return;
    }
    parse_header(ymodem);
    vp_update_cancel(system); /* a second file takes the place of the first */
    vp_update_begin_unchecked(system, ymodem->size);
    ymodem->offset = 0;
    send(system, VP_YMODEM_ACK);
    send(system, VP_YMODEM_C);
}

static bool take_block(struct vp_system *system, uint32_t length)
{
    struct vp_ymodem *ymodem = &system->ymodem;
    if (vp_update_write(system, ymodem->offset, ymodem->packet + HEADER, length)) {
        send_cancel(system);
        give_up(system, NOT_SAVED);
        return false;
    }
    ymodem->offset += length;
    send(system, VP_YMODEM_ACK);
    return true;
}

/* handle_packet() */
static void take_packet(struct vp_system *system, uint32_t length)
{
    struct vp_ymodem *ymodem = &system->ymodem;
    ymodem->errors = 0;
    if (ymodem->packet[SEQUENCE] != (ymodem->packets & 0xFF)) {
        send(system, VP_YMODEM_NAK);
        return;
    }
    if (ymodem->packets == 0) {
        take_header(system);
    } else if (!take_block(system, length)) {
        return;
    }
    ymodem->packets++;
    ymodem->begun = true;
}

static void take_end_of_file(struct vp_system *system)
{
    system->ymodem.errors = 0;
    system->ymodem.packets = 0;
    send(system, VP_YMODEM_ACK);
}

/* ---- Bytes ---------------------------------------------------------------------------------- */

/* Silence, noise, a torn packet. */
static void count_error(struct vp_system *system)
{
    struct vp_ymodem *ymodem = &system->ymodem;
    ymodem->have = ymodem->need = 0;
    ymodem->cancelling = false;
    if (ymodem->begun || rules_of(system)->counts_before_packets) {
        ymodem->errors++;
        send(system, VP_YMODEM_C);
    }
    if (ymodem->errors > ERROR_LIMIT) {
        send_cancel(system);
        give_up(system, FAILED);
    }
}

static void take_first_byte(struct vp_system *system, uint8_t byte)
{
    struct vp_ymodem *ymodem = &system->ymodem;
    switch (byte) {
    case VP_YMODEM_SOH:
    case VP_YMODEM_STX:
        ymodem->packet[0] = byte;
        ymodem->have = 1;
        ymodem->need = (byte == VP_YMODEM_SOH ? SMALL_BLOCK : LARGE_BLOCK) + HEADER + TRAILER;
        break;
    case VP_YMODEM_EOT:
        take_end_of_file(system);
        break;
    case VP_YMODEM_CAN:
        ymodem->cancelling = true;
        break;
    case 'A':
    case 'a':
        send_cancel(system);
        give_up(system, ABORTED);
        break;
    case ' ':
        if (rules_of(system)->space_is_answered) {
            send(system, VP_YMODEM_ACK);
            break;
        }
        count_error(system);
        break;
    default:
        count_error(system);
    }
}

static void take_second_cancel(struct vp_system *system, uint8_t byte)
{
    if (byte != VP_YMODEM_CAN) {
        count_error(system);
        return;
    }
    send(system, VP_YMODEM_ACK);
    give_up(system, FAILED);
}

void vp_ymodem_take(struct vp_system *system, uint8_t byte)
{
    struct vp_ymodem *ymodem = &system->ymodem;
    ymodem->silent_ms = 0;
    if (ymodem->cancelling) {
        take_second_cancel(system, byte);
    } else if (ymodem->need == 0) {
        take_first_byte(system, byte);
    } else {
        ymodem->packet[ymodem->have++] = byte;
        if (ymodem->have < ymodem->need) {
            return;
        }
        const uint32_t length = ymodem->need - HEADER - TRAILER;
        ymodem->have = ymodem->need = 0;
        if ((ymodem->packet[SEQUENCE] ^ ymodem->packet[COMPLEMENT]) != 0xFF) {
            count_error(system);
        } else {
            take_packet(system, length);
        }
    }
}

/* ---- Time ----------------------------------------------------------------------------------- */

int64_t vp_ymodem_patience(const struct vp_system *system)
{
    return system->ymodem.active
               ? (int64_t)rules_of(system)->byte_timeout - system->ymodem.silent_ms
               : -1;
}

void vp_ymodem_advance(struct vp_system *system, uint32_t milliseconds)
{
    struct vp_ymodem *ymodem = &system->ymodem;
    if (!ymodem->active) {
        return;
    }
    ymodem->silent_ms += milliseconds;
    if (ymodem->silent_ms >= rules_of(system)->byte_timeout) {
        ymodem->silent_ms = 0;
        count_error(system);
    }
}
