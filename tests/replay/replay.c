/*
 * Asks an emulated board, over USB/IP, what real bootloaders were asked, and compares the
 * answers. Usage: replay VPARTICLE BOARD TRANSCRIPT
 *
 * Each group gets a fresh `vparticle run`. A transfer that was never answered is agreed with if it
 * is still pending when it is taken back. Groups in which the firmware overruns its buffer are
 * undefined behaviour: there the device must have stopped answering instead.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "replay/transcript.h"
#include "support/usbip_client.h"

#define DEVICE_ID "25003a000f47343336373433"

enum {
    TIME_LIMIT = 300,
    RESET_LIMIT_MS = 20000,
    STALLED = -32,
    SHUT_DOWN = -108,
    TAKEN_BACK = -104
};

/* A bootloader version, whose answers it gives, and where it is known to differ. */
struct subject {
    unsigned version, like;
    bool lower_case_serial; /* since bootloader 201 */
    bool detach_unseen;     /* since 2.0.0: the delay was compiled away */
    size_t stray_string; /* bytes of string 8, which is behind the firmware's table; 0: as it is */
};

static const struct subject photon[] = {
    {3, 3, false, false, 0},     {4, 4, false, false, 0},    {7, 7, false, false, 0},
    {9, 11, false, false, 0},    {11, 11, false, false, 0},  {100, 101, false, false, 0},
    {101, 101, false, false, 0}, {201, 101, true, false, 0}, {301, 101, true, false, 0},
    {311, 101, true, false, 0},  {401, 101, true, false, 0}, {501, 101, true, false, 0},
    {502, 101, true, false, 0},  {1003, 101, true, true, 4}, {1005, 101, true, true, 4},
    {1006, 101, true, true, 4},
};

static const struct subject p1[] = {
    {3, 3, false, false, 0},    {5, 5, false, false, 0},    {7, 7, false, false, 0},
    {201, 501, true, false, 0}, {301, 501, true, false, 0}, {311, 501, true, false, 0},
    {401, 501, true, false, 0}, {501, 501, true, false, 0}, {502, 501, true, false, 0},
    {1003, 501, true, true, 0}, {1005, 501, true, true, 0}, {1006, 501, true, true, 0},
};

static const struct subject electron[] = {
    {4, 4, false, false, 0},     {6, 6, false, false, 0},     {9, 11, false, false, 0},
    {11, 11, false, false, 0},   {1003, 1004, true, true, 0}, {1004, 1004, true, true, 0},
    {1005, 1004, true, true, 0}, {1006, 1004, true, true, 0},
};

static const struct board {
    const char *name;
    const struct subject *subjects;
    size_t count;
} boards[] = {
    {"photon", photon, sizeof photon / sizeof *photon},
    {"p1", p1, sizeof p1 / sizeof *p1},
    {"electron", electron, sizeof electron / sizeof *electron},
};

struct replay {
    const struct board *board;
    const struct subject *subject;
    const char *program;
    pid_t emulator;
    char address[128];
    struct usbip_client client;
    bool dead; /* the firmware overran its buffer */
    unsigned agree, differ, undefined;
};

/* ---- The emulator -------------------------------------------------------------------- */

static void stop_emulator(struct replay *replay)
{
    usbip_client_close(&replay->client);
    kill(replay->emulator, SIGTERM);
    waitpid(replay->emulator, NULL, 0);
}

static void fail(struct replay *replay, const char *what)
{
    fprintf(stderr, "replay: bootloader %u: %s\n", replay->subject->version, what);
    stop_emulator(replay);
    exit(1);
}

static void start_emulator(struct replay *replay, const struct transcript_group *group)
{
    char spec[128];
    snprintf(spec, sizeof spec, "%s@%s,bootloader=%u,mode=dfu,id=" DEVICE_ID, replay->board->name,
             group->parts ? "1.0.0" : "erased", replay->subject->version);
    int output[2];
    if (pipe(output) || (replay->emulator = fork()) < 0) {
        perror("replay");
        exit(1);
    }
    if (replay->emulator == 0) {
        dup2(output[1], STDOUT_FILENO);
        close(output[0]);
        close(output[1]);
        execl(replay->program, replay->program, "run", "--device", spec, "--usbip", "127.0.0.1:0",
              NULL);
        perror(replay->program);
        _exit(127);
    }
    close(output[1]);
    FILE *lines = fdopen(output[0], "r");
    char line[256];
    replay->address[0] = '\0';
    while (!replay->address[0] && fgets(line, sizeof line, lines)) {
        char *at = strstr(line, "127.0.0.1:");
        if (at) {
            snprintf(replay->address, sizeof replay->address, "%.*s",
                     (int)strspn(at, "0123456789.:"), at);
        }
    }
    fclose(lines);
    replay->client.fd = -1;
    replay->dead = false;
    if (!replay->address[0]) {
        fail(replay, "the emulator named no address");
    }
}

static void import(struct replay *replay)
{
    if (usbip_client_connect(&replay->client, replay->address) ||
        usbip_client_import(&replay->client, "1-1") != 0) {
        fail(replay, "cannot import the device");
    }
}

/* ---- One line --------------------------------------------------------------------------- */

struct outcome {
    enum transcript_result result;
    struct usbip_answer answer;
};

/* Submit; if no answer came by then, a request to take it back is answered first. */
static void run_transfer(struct replay *replay, const struct transcript_step *step,
                         struct outcome *outcome)
{
    const bool in = (step->setup[0] & 0x80) != 0;
    const uint32_t length = (uint32_t)(step->setup[6] | step->setup[7] << 8);
    const uint32_t seqnum =
        usbip_client_submit(&replay->client, 0, in, step->setup, step->out.bytes, length);
    usbip_client_unlink(&replay->client, seqnum);
    outcome->result = TRANSCRIPT_NO_RESPONSE;
    struct usbip_answer *answer = &outcome->answer;
    if (usbip_client_answer(&replay->client, in, answer)) {
        usbip_client_close(&replay->client);
        return;
    }
    if (answer->header.command == VP_USBIP_RET_UNLINK) {
        outcome->result = TRANSCRIPT_TIMEOUT;
        return;
    }
    const int32_t status = answer->header.submitted.status;
    if (status == SHUT_DOWN) {
        usbip_client_close(&replay->client);
        return;
    }
    outcome->result = status == STALLED ? TRANSCRIPT_STALL : TRANSCRIPT_OK;
    static struct usbip_answer unlinked;
    if (usbip_client_answer(&replay->client, false, &unlinked)) {
        usbip_client_close(&replay->client);
    }
}

/* What this subject is expected to say where it differs from the one that was recorded. */
static struct transcript_step expected(const struct subject *subject,
                                       const struct transcript_step *recorded)
{
    struct transcript_step step = *recorded;
    static const uint8_t flags_magic[] = {0xC0, 0xAC, 0xDE, 0x1A};
    const bool detach = step.setup[0] == 0x21 && step.setup[1] == 0;
    const bool string = step.setup[0] == 0x80 && step.setup[1] == 6 && step.setup[3] == 3;
    if (detach && subject->detach_unseen) {
        step.result = TRANSCRIPT_OK;
    }
    if (string && step.setup[2] == 8 && subject->stray_string) {
        step.in.length = subject->stray_string;
    }
    /* The flags start the Photon's settings; the Electron's have a header of 8 bytes. */
    for (size_t at = 0; subject->version != subject->like && at <= 8; at += 8) {
        if (!step.in.bytes || step.in.length < 64 ||
            memcmp(step.in.bytes + at, flags_magic, sizeof flags_magic) != 0) {
            continue;
        }
        static uint8_t flags[64]; /* the bootloader's own version follows the magic */
        step.in.redacted = step.in.length > sizeof flags;
        memcpy(flags, step.in.bytes, sizeof flags);
        flags[at + 4] = (uint8_t)subject->version;
        step.in.bytes = flags;
    }
    if (string && step.setup[2] == 3 && subject->lower_case_serial && step.in.bytes) {
        static uint8_t lower[64];
        for (size_t i = 0; i < step.in.length; i++) {
            const uint8_t byte = step.in.bytes[i];
            lower[i] = byte >= 'A' && byte <= 'F' ? byte | 0x20 : byte;
        }
        step.in.bytes = lower;
    }
    return step;
}

static bool agrees(const struct transcript_step *step, const struct outcome *outcome)
{
    if (step->result != outcome->result) {
        return false;
    }
    if (step->result != TRANSCRIPT_OK) {
        return true; /* over USB/IP a stall or an unanswered transfer carries no data */
    }
    const uint32_t actual = outcome->answer.header.submitted.actual;
    const bool in = (step->setup[0] & 0x80) != 0;
    if (!in) {
        return actual == step->out.length;
    }
    return transcript_data_is(&step->in, outcome->answer.data, actual);
}

static void report(const struct replay *replay, const struct transcript_group *group,
                   const struct transcript_step *step, const struct outcome *outcome)
{
    static const char *const names[] = {"ok", "stall", "timeout", "no-response"};
    fprintf(stderr, "bootloader %u, %s, line %u, %s: expected %s", replay->subject->version,
            group->name, step->line, step->label, names[step->result]);
    for (size_t i = 0;
         step->result == TRANSCRIPT_OK && i < step->in.length && i < 24 && step->in.bytes; i++) {
        fprintf(stderr, "%s%02x", i ? "" : " ", step->in.redacted ? 0 : step->in.bytes[i]);
    }
    fprintf(stderr, ", got %s", names[outcome->result]);
    for (uint32_t i = 0; outcome->result == TRANSCRIPT_OK && (step->setup[0] & 0x80) &&
                         i < outcome->answer.header.submitted.actual && i < 24;
         i++) {
        fprintf(stderr, "%s%02x", i ? "" : " ", outcome->answer.data[i]);
    }
    fputc('\n', stderr);
}

static bool overruns_buffer(const struct transcript_step *step)
{
    return step->setup[0] == 0x21 && step->setup[1] == 1 &&
           (step->setup[6] | step->setup[7] << 8) > 4096;
}

static void replay_transfer(struct replay *replay, const struct transcript_group *group,
                            const struct transcript_step *recorded)
{
    static struct outcome outcome;
    struct transcript_step step = expected(replay->subject, recorded);
    outcome.result = TRANSCRIPT_NO_RESPONSE;
    if (replay->client.fd >= 0 || step.result != TRANSCRIPT_NO_RESPONSE) {
        if (replay->client.fd < 0) {
            import(replay);
        }
        run_transfer(replay, &step, &outcome);
    }
    replay->dead = replay->dead || overruns_buffer(&step);
    if (replay->dead) {
        step.result = TRANSCRIPT_TIMEOUT;
    }
    if (!agrees(&step, &outcome)) {
        replay->differ++;
        report(replay, group, &step, &outcome);
    } else if (replay->dead) {
        replay->undefined++;
    } else {
        replay->agree++;
    }
}

/* The device resets itself now that the host waits: the connection ends. */
static void await_reset(struct replay *replay)
{
    if (replay->client.fd < 0) {
        return; /* it is gone already */
    }
    struct pollfd watch = {.fd = replay->client.fd, .events = POLLIN};
    if (poll(&watch, 1, RESET_LIMIT_MS) != 1 || !usbip_client_is_closed(&replay->client)) {
        fail(replay, "no reset after leaving DFU mode");
    }
    usbip_client_close(&replay->client);
}

/* Longer than any quiet period after which the emulator lets time pass. */
static void await_no_reset(struct replay *replay)
{
    struct pollfd watch = {.fd = replay->client.fd, .events = POLLIN};
    if (poll(&watch, 1, 500) != 0) {
        fail(replay, "a reset where there must be none");
    }
}

static void replay_group(struct replay *replay, const struct transcript_group *group)
{
    start_emulator(replay, group);
    import(replay);
    for (size_t i = 0; i < group->count; i++) {
        switch (group->steps[i].kind) {
        case TRANSCRIPT_TRANSFER:
            replay_transfer(replay, group, &group->steps[i]);
            break;
        case TRANSCRIPT_LEAVES:
            await_reset(replay);
            break;
        case TRANSCRIPT_STAYS:
            await_no_reset(replay);
            break;
        case TRANSCRIPT_BUS_RESET:
            break; /* importing resets the bus; USB/IP has no other way to say it */
        }
    }
    stop_emulator(replay);
}

/* All groups of one bootloader. @return lines that differ */
static unsigned replay_subject(const char *program, const struct board *board,
                               const struct subject *subject, const char *path, unsigned *agree)
{
    struct replay replay = {.board = board, .subject = subject, .program = program};
    struct transcript transcript = transcript_read(path, subject->like);
    for (size_t group = 0; group < transcript.count; group++) {
        replay_group(&replay, &transcript.groups[group]);
    }
    printf("bootloader %4u like %3u: %u lines agree, %u differ, %u after an overrun are silent\n",
           subject->version, subject->like, replay.agree, replay.differ, replay.undefined);
    transcript_free(&transcript);
    *agree += replay.agree;
    return replay.differ;
}

int main(int argc, char **argv)
{
    const struct board *board = NULL;
    for (size_t i = 0; argc == 4 && i < sizeof boards / sizeof *boards; i++) {
        board = strcmp(boards[i].name, argv[2]) == 0 ? &boards[i] : board;
    }
    if (!board) {
        fprintf(stderr, "usage: replay VPARTICLE photon|p1|electron TRANSCRIPT\n");
        return 2;
    }
    alarm(TIME_LIMIT);
    unsigned agree = 0, differ = 0;
    for (size_t i = 0; i < board->count; i++) {
        differ += replay_subject(argv[1], board, &board->subjects[i], argv[3], &agree);
    }
    printf("%u of %u lines agree\n", agree, agree + differ);
    return differ ? 1 : 0;
}
