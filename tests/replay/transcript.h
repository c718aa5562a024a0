/**
 * @file transcript.h
 * Reads the transcripts of real bootloaders; the format is described at the head of
 * photon.transcript.
 */
#ifndef TESTS_TRANSCRIPT_H
#define TESTS_TRANSCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum transcript_kind {
    TRANSCRIPT_BUS_RESET,
    TRANSCRIPT_TRANSFER,
    TRANSCRIPT_LEAVES,
    TRANSCRIPT_STAYS
};

enum transcript_result {
    TRANSCRIPT_OK,
    TRANSCRIPT_STALL,
    TRANSCRIPT_TIMEOUT,
    TRANSCRIPT_NO_RESPONSE,
};

/** Data of a transfer, as far as the transcript shows it. */
struct transcript_data {
    size_t length;
    uint8_t *bytes; /**< all of them; where the transcript has only a part, made up to fit it */
    bool abridged;  /**< `bytes` are made up */
    bool redacted;  /**< only the length is known */
    uint32_t crc;   /**< CRC-32 of all of them, if abridged */
};

struct transcript_step {
    enum transcript_kind kind;
    unsigned line;
    char label[64];
    uint8_t setup[8];
    struct transcript_data out;
    enum transcript_result result;
    struct transcript_data in;
};

struct transcript_group {
    char name[64];
    bool parts; /**< system firmware 1.0.0 is there, else only the bootloader */
    struct transcript_step *steps;
    size_t count;
};

struct transcript {
    struct transcript_group *groups;
    size_t count;
};

/**
 * Read what bootloader @p version said. Ends the program with a message on a malformed file.
 */
struct transcript transcript_read(const char *path, unsigned version);

void transcript_free(struct transcript *transcript);

/** Are @p length bytes what the transcript shows, as far as it shows it? */
bool transcript_data_is(const struct transcript_data *data, const uint8_t *bytes, size_t length);

#endif
