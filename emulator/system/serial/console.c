#include "system/serial/console.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "system/describe/describe.h"
#include "system/serial/wifi_dialog.h"
#include "system/serial/ymodem.h"
#include "system/system.h"

enum {
    BACKSPACE = 8,
    DELETE = 127,
    END_OF_LINES = 3,   /* a text of several lines keeps this many bytes free */
    LONGEST_GROWTH = 3, /* a line of one character has two more for its end */
};

void vp_console_print(struct vp_system *system, const char *text)
{
    vp_serial_print(&system->serial, text);
}

void vp_console_start(struct vp_system *system)
{
    free(system->console.text);
    system->console = (struct vp_console){0};
}

/* ---- Commands ------------------------------------------------------------------------------- */

static void print_device_id(struct vp_system *system, const char *before)
{
    char id[2 * VP_DEVICE_ID_SIZE + 1];
    for (unsigned i = 0; i < VP_DEVICE_ID_SIZE; i++) {
        snprintf(id + 2 * i, 3, "%02x", system->machine.device_id[i]);
    }
    vp_console_print(system, before);
    vp_console_print(system, id);
    vp_console_print(system, "\r\n");
}

/* What the keys of the description are called to a person: filter_key() @ v1.1.0, v2.1.0. */
static const char *spoken_name(const char *name)
{
    static const char *const names[][2] = {
        {"imei", "IMEI"}, {"iccid", "ICCID"}, {"cellfw", "Cell Radio Version"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(name, names[i][0]) == 0) {
            return names[i][1];
        }
    }
    return name;
}

static void identify(struct vp_system *system)
{
    struct vp_system_key keys[VP_SYSTEM_KEY_LIMIT];
    unsigned count = vp_system_keys(system, keys);
    if (count == 0) {
        print_device_id(system, system->build->your_id_is);
        return;
    }
    if (!system->generation->console->identifies_by_key && count > 2) {
        count = 2; /* IMEI and ICCID only */
    }
    print_device_id(system, "Device ID: ");
    for (unsigned i = 0; i < count; i++) {
        vp_console_print(system, spoken_name(keys[i].name));
        vp_console_print(system, ": ");
        vp_console_print(system, keys[i].value);
        vp_console_print(system, "\r\n");
    }
}

/*
 * Assumption: a Wi-Fi board's address is one of Particle's (6c:0b:84) with the end of the device
 * id; a board without Wi-Fi has none.
 */
static void print_mac(struct vp_system *system)
{
    const uint8_t *id = system->machine.device_id + VP_DEVICE_ID_SIZE - 3;
    char text[32] = "00:00:00:00:00:00\r\n";
    if (system->build->wifi) {
        snprintf(text, sizeof text, "6c:0b:84:%02x:%02x:%02x\r\n", id[0], id[1], id[2]);
    }
    vp_console_print(system, "Your device MAC address is\r\n");
    vp_console_print(system, text);
}

static void receive_file(struct vp_system *system)
{
    if (!system->build->receives_files) {
        vp_console_print(system, "Firmware update using this terminal is not supported!\r\n"
                                 "Add #include \"Ymodem/Ymodem.h\" to your sketch and try again."
                                 "\r\n");
        return;
    }
    vp_ymodem_start(system);
}

static void print_and_free(struct vp_system *system, char *text)
{
    if (text) {
        vp_console_print(system, text);
        vp_console_print(system, "\r\n");
    }
    free(text);
}

static void print_description(struct vp_system *system)
{
    print_and_free(system, vp_system_describe(system));
}

static void print_diagnostics(struct vp_system *system)
{
    print_and_free(system, vp_system_diagnostics(system));
}

static void print_version(struct vp_system *system)
{
    vp_console_print(system, "system firmware version: ");
    vp_console_print(system, vp_system_release_name(system));
    vp_console_print(system, "\n\r\n");
}

static void enter_safe_listening(struct vp_system *system)
{
    vp_system_set_startup_listening(system, true);
    vp_system_reset(system, VP_SYSTEM_SAFE_MODE_RESET, 0);
}

static void print_claimed(struct vp_system *system)
{
    vp_console_print(system, vp_system_is_claimed(system) ? "Device claimed: yes\r\n"
                                                          : "Device claimed: no\r\n");
}

static void set_claim_code(struct vp_system *system)
{
    const char *code = system->console.line;
    if (strlen(code) == VP_CLAIM_CODE_SIZE) {
        vp_system_set_claim_code(system, code);
        vp_console_print(system, "Claim code set to: ");
        vp_console_print(system, code);
    } else {
        vp_console_print(system,
                         "Sorry, claim code is not 63 characters long. Claim code unchanged.");
    }
    vp_console_print(system, "\r\n");
}

static void wait_for_file(struct vp_system *system)
{
    vp_console_print(system, "Waiting for the binary file to be sent ... (press 'a' to abort)\r\n");
    receive_file(system);
}

static void stop_listening(struct vp_system *system)
{
    vp_system_listen(system, false);
}

static void ask_for_network(struct vp_system *system)
{
    if (system->build->wifi) {
        vp_wifi_dialog_start(system);
    }
}

static void ask_for_claim_code(struct vp_system *system)
{
    vp_console_ask(system, VP_CONSOLE_CLAIM_CODE,
                   "Enter 63-digit claim code: ", VP_CLAIM_CODE_SIZE);
}

/* Which of them a generation knows is in its console rules. */
static const struct {
    char letter;
    void (*carry_out)(struct vp_system *system);
} commands[] = {
    {'i', identify},          {'m', print_mac},
    {'f', wait_for_file},     {'x', stop_listening},
    {'s', print_description}, {'v', print_version},
    {'w', ask_for_network},   {'L', enter_safe_listening},
    {'c', print_claimed},     {'C', ask_for_claim_code},
    {'d', print_diagnostics},
};

static void command(struct vp_system *system, char letter)
{
    if (letter == '\0' || !strchr(system->generation->console->commands, letter)) {
        return; /* silently, and so is what ModemManager asks every new port */
    }
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (commands[i].letter == letter) {
            commands[i].carry_out(system);
            return;
        }
    }
}

/* ---- Lines -------------------------------------------------------------------------------- */

void vp_console_ask(struct vp_system *system, enum vp_console_question question, const char *text,
                    uint16_t limit)
{
    struct vp_console *console = &system->console;
    vp_console_print(system, text);
    console->question = question;
    console->count = 0;
    console->several = 0;
    console->limit = limit < VP_CONSOLE_LINE_LIMIT ? limit : VP_CONSOLE_LINE_LIMIT;
}

int vp_console_ask_lines(struct vp_system *system, enum vp_console_question question,
                         const char *text, uint16_t limit)
{
    struct vp_console *console = &system->console;
    free(console->text);
    console->text = malloc((size_t)limit * LONGEST_GROWTH + 1);
    if (!console->text) {
        return VP_ERROR_NO_MEMORY;
    }
    vp_console_ask(system, question, text, 0);
    console->text_size = 0;
    console->several = limit;
    console->limit = limit;
    return 0;
}

static void answer(struct vp_system *system)
{
    const enum vp_console_question question = system->console.question;
    system->console.question = VP_CONSOLE_COMMANDS;
    vp_serial_discard(&system->serial); /* read_line() drops what was typed ahead */
    if (question == VP_CONSOLE_CLAIM_CODE) {
        set_claim_code(system);
    } else {
        vp_wifi_dialog_answer(system, question);
    }
}

/* read_multiline(): an empty line ends it, or a text that is too long. */
static void end_one_of_several(struct vp_system *system)
{
    struct vp_console *console = &system->console;
    const uint16_t length = console->count;
    console->several = (uint16_t)(console->several - length);
    console->limit = console->several;
    console->count = 0;
    const bool full = console->several <= END_OF_LINES;
    if (length > 0 && !full) {
        memcpy(console->text + console->text_size, "\r\n", 2);
        console->text_size = (uint16_t)(console->text_size + 2);
    } else {
        console->text[console->text_size] = '\0';
        answer(system);
    }
}

static void end_line(struct vp_system *system)
{
    struct vp_console *console = &system->console;
    vp_console_print(system, "\r\n");
    if (console->several) {
        end_one_of_several(system);
        return;
    }
    console->line[console->count] = '\0';
    answer(system);
}

/* serialReadLine(): each character is echoed. */
static void take_character(struct vp_system *system, uint8_t byte)
{
    struct vp_console *console = &system->console;
    if (console->count == console->limit || byte == '\r' || byte == '\n') {
        end_line(system);
        return;
    }
    if (byte == BACKSPACE || byte == DELETE) {
        if (console->count == 0) {
            return;
        }
        console->count--;
        console->text_size -= console->several ? 1 : 0;
    } else {
        if (console->several) {
            console->text[console->text_size++] = (char)byte;
        } else {
            console->line[console->count] = (char)byte;
        }
        console->count++;
    }
    vp_serial_write(&system->serial, &byte, 1);
}

void vp_console_take(struct vp_system *system, uint8_t byte)
{
    if (system->console.question != VP_CONSOLE_COMMANDS) {
        take_character(system, byte);
        return;
    }
    if (system->generation->console->starts_by_packet &&
        (byte == VP_YMODEM_SOH || byte == VP_YMODEM_STX)) {
        receive_file(system); /* handle_peek(): the byte is not consumed */
        if (system->ymodem.active) {
            vp_ymodem_take(system, byte);
        }
        return;
    }
    command(system, (char)byte);
}
