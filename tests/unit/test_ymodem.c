#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dct/module_slots.h"
#include "support/system_chip.h"

#define ACK        "\x06"
#define NAK        "\x15"
#define CANCEL     "\x18\x18"
#define PROMPT     "Waiting for the binary file to be sent ... (press 'a' to abort)\r\n"
#define RESTARTING "Restarting system to apply firmware update...\r\n"

enum { SOH = 1, STX = 2, EOT = 4, FLASH_SIZE = 0x100000 };

/* ---- A sender ------------------------------------------------------------------------------- */

/* A packet with a CRC that is right or, as particle-cli has it, zero. */
static void send_packet(struct chip *chip, uint8_t sequence, const void *data, size_t count,
                        size_t block, bool crc)
{
    uint8_t packet[3 + 1024 + 2] = {block == 128 ? SOH : STX, sequence, sequence ^ 0xFF};
    memcpy(packet + 3, data, count);
    uint16_t sum = 0;
    for (size_t i = 0; crc && i < block; i++) {
        sum ^= (uint16_t)(packet[3 + i] << 8);
        for (unsigned bit = 0; bit < 8; bit++) {
            sum = (uint16_t)(sum << 1 ^ (sum & 0x8000 ? 0x1021 : 0));
        }
    }
    packet[3 + block] = (uint8_t)(sum >> 8);
    packet[3 + block + 1] = (uint8_t)sum;
    chip_send(chip, packet, 3 + block + 2);
}

static void send_header(struct chip *chip, const char *name, const char *size)
{
    uint8_t block[128] = {0};
    snprintf((char *)block, sizeof block, "%s", name);
    if (size) {
        snprintf((char *)block + strlen(name) + 1, sizeof block - strlen(name) - 1, "%s", size);
    }
    send_packet(chip, 0, block, sizeof block, 128, false);
}

static void send_size(struct chip *chip, const char *name, size_t size)
{
    char text[32];
    snprintf(text, sizeof text, "%zu ", size);
    send_header(chip, name, text);
}

static void send_byte(struct chip *chip, uint8_t byte)
{
    chip_send(chip, &byte, 1);
}

static void expect(struct chip *chip, const char *heard)
{
    assert_string_equal(chip_hear(chip), heard);
}

static void send_blocks(struct chip *chip, const uint8_t *image, size_t size, size_t block)
{
    for (size_t at = 0; at < size; at += block) {
        const size_t count = size - at < block ? size - at : block;
        send_packet(chip, (uint8_t)(at / block + 1), image + at, count, block, block == 1024);
        expect(chip, ACK);
    }
}

/* Up to the end of the file, with an answer to each packet; the empty header is not sent yet. */
static void send_file(struct chip *chip, const uint8_t *image, size_t size, size_t block)
{
    send_size(chip, "binary", size);
    expect(chip, ACK "C");
    assert_int_equal(chip->system.state, VP_SYSTEM_UPDATING);
    send_blocks(chip, image, size, block);
    send_byte(chip, EOT);
    expect(chip, ACK);
}

/* Listening mode, and 'f'. */
static void ask_for_file(struct chip *chip)
{
    chip_listen(chip);
    chip_say(chip, "f");
    expect(chip, PROMPT);
}

/* As particle-cli does it. */
static void receive_by_f(struct chip *chip, const uint8_t *image, size_t size, size_t block)
{
    ask_for_file(chip);
    send_file(chip, image, size, block);
    send_header(chip, "", "0 ");
}

static const char *success(size_t size, const char *ack)
{
    static char text[256];
    snprintf(text, sizeof text,
             "%s\r\nDownloaded file successfully!\r\nName: binary\r\nSize: %zu bytes\r\n", ack,
             size);
    return text;
}

/* ---- Whole transfers ------------------------------------------------------------------------ */

static bool is_pending(const struct chip *chip)
{
    struct vp_pending_module pending;
    return vp_pending_read(chip->flash, chip->board, VP_PENDING_FIRST_SLOT, &pending) == 0 &&
           pending.magic == VP_PENDING_MODULE;
}

static void a_good_file_by_release(void **state)
{
    (void)state;
    static const struct {
        enum vp_platform platform;
        const char *release, *part;
        bool announces; /* the restart */
    } cases[] = {
        {VP_PLATFORM_PHOTON, "0.4.6", "system-part1@0.4.7", false},
        {VP_PLATFORM_PHOTON, "0.4.7", "system-part1@0.4.9", true},
        {VP_PLATFORM_PHOTON, "0.4.9", "system-part1@0.5.0", true},
        {VP_PLATFORM_PHOTON, "0.5.2", "tinker@0.5.2", true},
        {VP_PLATFORM_P1, "0.6.0", "tinker@0.5.2", true},
        {VP_PLATFORM_ELECTRON, "0.6.4", "system-part1@0.7.0", true},
        {VP_PLATFORM_PHOTON, "1.5.0", "system-part1@2.2.0", true},
        {VP_PLATFORM_PHOTON, "2.2.0", "tinker@0.5.2", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (size_t block = 128; block <= 1024; block += 896) {
            struct chip chip;
            size_t size;
            chip_make(&chip, cases[i].platform, cases[i].release, 0);
            uint8_t *image = chip_forge(cases[i].platform, cases[i].part, &size);
            receive_by_f(&chip, image, size, block);
            expect(&chip, success(size, ACK));
            assert_int_equal(vp_system_next_deadline(&chip.system), 1000);
            assert_int_equal(vp_system_patience(&chip.system), -1);
            vp_system_advance(&chip.system, 1000);
            assert_int_equal(chip.system.state == VP_SYSTEM_RESETTING, !cases[i].announces);
            if (cases[i].announces) {
                expect(&chip, RESTARTING);
                assert_int_equal(vp_system_next_deadline(&chip.system), 100);
                vp_system_advance(&chip.system, 100);
            }
            assert_int_equal(chip.system.state, VP_SYSTEM_RESETTING);
            assert_true(is_pending(&chip));
            free(image);
            chip_free(&chip);
        }
    }
}

static void a_bad_file_by_release(void **state)
{
    (void)state;
    static const struct {
        const char *release;
        const char *verdict; /* NULL: called a success */
    } cases[] = {
        {"0.4.6", NULL},
        {"0.5.2", NULL},
        {"0.6.0", NULL},
        {"0.6.1", CANCEL "Validation failed: 0x2\r\n"},
        {"0.7.0", CANCEL "Validation failed: 0x2\r\n"},
        {"1.5.0", CANCEL "Validation failed: 0x2\r\n"},
        {"2.0.0", CANCEL "Validation failed: -1330\r\n"},
        {"2.2.0", CANCEL "Validation failed: -1330\r\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct chip chip;
        size_t size;
        chip_make(&chip, VP_PLATFORM_PHOTON, cases[i].release, 0);
        uint8_t *image = chip_forge(VP_PLATFORM_PHOTON, "tinker@0.5.2", &size);
        image[100] ^= 1;
        receive_by_f(&chip, image, size, 128);
        expect(&chip, cases[i].verdict ? cases[i].verdict : success(size, ACK));
        chip_settle(&chip);
        assert_int_equal(chip.system.state, VP_SYSTEM_RESETTING); /* all the same */
        assert_false(is_pending(&chip));
        free(image);
        chip_free(&chip);
    }
}

static void what_is_wrong_is_told_in_flags_or_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *release, *part;
        unsigned offset;
        uint8_t value;
        const char *verdict;
    } cases[] = {
        {"0.7.0", "tinker@0.5.2", 12, 8, CANCEL "Validation failed: 0x10\r\n"},
        {"0.7.0", "tinker@0.5.2", 15, 9, CANCEL "Validation failed: 0x5e\r\n"},
        {"0.7.0", "system-part1@0.6.3", 0, 0, CANCEL "Validation failed: 0x44\r\n"},
        {"2.2.0", "tinker@0.5.2", 12, 8, CANCEL "Validation failed: -1360\r\n"},
        {"2.2.0", "tinker@0.5.2", 15, 9, CANCEL "Validation failed: -1300\r\n"},
        {"2.2.0", "system-part1@0.6.3", 0, 0, CANCEL "Validation failed: -1340\r\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct chip chip;
        size_t size;
        chip_make(&chip, VP_PLATFORM_PHOTON, cases[i].release, 0);
        uint8_t *image = chip_forge(VP_PLATFORM_PHOTON, cases[i].part, &size);
        if (cases[i].offset) {
            image[cases[i].offset] = cases[i].value;
            chip_mend_crc(image, size);
        }
        receive_by_f(&chip, image, size, 1024);
        expect(&chip, cases[i].verdict);
        free(image);
        chip_free(&chip);
    }
}

static void a_bootloader_is_there_before_the_last_ack(void **state)
{
    (void)state;
    struct chip chip;
    size_t size;
    chip_make(&chip, VP_PLATFORM_PHOTON, "0.7.0", 11);
    uint8_t *image = chip_forge(VP_PLATFORM_PHOTON, "bootloader@101", &size);
    receive_by_f(&chip, image, size, 128);
    assert_int_equal(chip_bootloader(&chip), 101);
    expect(&chip, success(size, ACK));
    free(image);
    chip_free(&chip);
}

/* 28800 baud is all that it takes up to 0.4.9; since 0.5.0 the first packet will do. */
static void it_starts_without_f(void **state)
{
    (void)state;
    static const char *const releases[] = {"0.4.6", "0.4.9", "0.5.0", "0.6.3", "2.2.0"};
    for (size_t i = 0; i < sizeof releases / sizeof *releases; i++) {
        struct chip chip;
        size_t size;
        chip_make(&chip, VP_PLATFORM_PHOTON, releases[i], 0);
        chip_start(&chip);
        uint8_t *image = chip_forge(VP_PLATFORM_PHOTON, "tinker@0.5.2", &size);
        vp_system_set_dtr(&chip.system, true);
        vp_system_set_baud(&chip.system, 28800);
        send_file(&chip, image, size, 1024);
        send_header(&chip, "", "0 ");
        expect(&chip, success(size, ACK));
        chip_settle(&chip);
        assert_int_equal(chip.system.state, VP_SYSTEM_RESETTING);
        free(image);
        chip_free(&chip);
    }
}

/* lrzsz waits for a 'C', which comes after 5 s, before the header and again after the EOT. */
static void a_patient_sender_gets_its_c(void **state)
{
    (void)state;
    struct chip chip;
    size_t size;
    chip_make(&chip, VP_PLATFORM_PHOTON, "0.6.3", 0);
    uint8_t *image = chip_forge(VP_PLATFORM_PHOTON, "tinker@0.5.2", &size);
    ask_for_file(&chip);
    assert_int_equal(vp_system_patience(&chip.system), 5000);
    assert_int_equal(vp_system_next_deadline(&chip.system), -1);
    vp_system_advance(&chip.system, 4999);
    expect(&chip, "");
    vp_system_advance(&chip.system, 1);
    expect(&chip, "C");
    send_file(&chip, image, size, 1024);
    vp_system_advance(&chip.system, 5000);
    expect(&chip, "C");
    send_header(&chip, "", NULL);
    expect(&chip, success(size, ACK));
    free(image);
    chip_free(&chip);
}

/* Byte by byte, or all at once: it is the same stream. */
static void pieces_do_not_matter(void **state)
{
    (void)state;
    struct chip chip;
    size_t size;
    chip_make(&chip, VP_PLATFORM_PHOTON, "0.6.3", 0);
    uint8_t *image = chip_forge(VP_PLATFORM_PHOTON, "tinker@0.5.2", &size);
    ask_for_file(&chip);
    send_size(&chip, "binary", size);
    expect(&chip, ACK "C");
    uint8_t packet[133] = {SOH, 1, 0xFE};
    memcpy(packet + 3, image, 128);
    for (size_t i = 0; i < sizeof packet; i++) {
        expect(&chip, "");
        chip_send(&chip, packet + i, 1);
    }
    expect(&chip, ACK);
    uint8_t packets[2 * 133] = {SOH, 2, 0xFD};
    memcpy(packets + 3, image + 128, 128);
    packets[133] = SOH;
    packets[134] = 3;
    packets[135] = 0xFC;
    memcpy(packets + 136, image + 256, 128);
    chip_send(&chip, packets, sizeof packets);
    expect(&chip, ACK ACK);
    free(image);
    chip_free(&chip);
}

/* ---- Damage --------------------------------------------------------------------------------- */

static void start_with_header(struct chip *chip, const char *release)
{
    chip_make(chip, VP_PLATFORM_PHOTON, release, 0);
    ask_for_file(chip);
    send_header(chip, "binary", "5000 ");
    expect(chip, ACK "C");
}

static void the_sender_or_a_person_aborts(void **state)
{
    (void)state;
    static const struct {
        const char *release, *said, *heard;
    } cases[] = {
        {"0.5.2", "a", CANCEL "Aborted by user.\r\n"},
        {"0.5.2", "\x18\x18", ACK "Failed to receive the file!\r\n"},
        {"0.6.3", "A", CANCEL CANCEL "Aborted by user.\r\n"},
        {"0.6.3", "\x18\x18", ACK CANCEL "Failed to receive the file!\r\n"},
        {"0.6.3", "\x18z", "C"},
        {"0.6.3", " ", ACK},
        {"0.4.6", " ", "C"},
        {"0.6.3", "q", "C"},
        {"0.6.3", "qqqqqq", "CCCCCC" CANCEL CANCEL "Failed to receive the file!\r\n"},
        {"0.5.2", "qqqqqq", "CCCCCC" CANCEL "Failed to receive the file!\r\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct chip chip;
        start_with_header(&chip, cases[i].release);
        chip_say(&chip, cases[i].said);
        expect(&chip, cases[i].heard);
        const bool over = strstr(cases[i].heard, "\r\n");
        assert_int_equal(chip.system.state, over ? VP_SYSTEM_LISTENING : VP_SYSTEM_UPDATING);
        chip_say(&chip, over ? "v" : "");
        assert_int_equal(strlen(chip_hear(&chip)) > 0, over); /* it listens again */
        chip_free(&chip);
    }
}

static void silence_is_an_error(void **state)
{
    (void)state;
    struct chip chip;
    start_with_header(&chip, "0.6.3");
    for (unsigned i = 0; i < 5; i++) {
        vp_system_advance(&chip.system, 5000);
        expect(&chip, "C");
    }
    vp_system_advance(&chip.system, 4999);
    expect(&chip, "");
    assert_int_equal(chip.system.state, VP_SYSTEM_UPDATING);
    vp_system_advance(&chip.system, 1);
    /* the watch over updates strikes at the same moment, and is faster */
    assert_int_equal(chip.system.state, VP_SYSTEM_RESETTING);
    chip_free(&chip);

    chip_make(&chip, VP_PLATFORM_PHOTON, "0.6.3", 0);
    ask_for_file(&chip);
    vp_system_advance(&chip.system, 30000);
    expect(&chip, "CCCCCC" CANCEL CANCEL "Failed to receive the file!\r\n");
    assert_int_equal(chip.system.state, VP_SYSTEM_LISTENING);
    chip_free(&chip);

    chip_make(&chip, VP_PLATFORM_PHOTON, "0.4.6", 0); /* started by 28800 baud it is watched */
    chip_start(&chip);
    vp_system_set_baud(&chip.system, 28800);
    assert_int_equal(vp_system_patience(&chip.system), 30000);
    vp_system_advance(&chip.system, 29999);
    assert_int_equal(chip.system.state, VP_SYSTEM_UPDATING);
    vp_system_advance(&chip.system, 1);
    assert_int_equal(chip.system.state, VP_SYSTEM_RESETTING);
    chip_free(&chip);

    chip_make(&chip, VP_PLATFORM_PHOTON, "0.4.6", 0); /* the sender must speak first */
    ask_for_file(&chip);
    chip_say(&chip, "noise, noise"); /* an 'a' would abort it */
    vp_system_advance(&chip.system, 100000);
    expect(&chip, "");
    chip_free(&chip);
}

static void packets_out_of_order(void **state)
{
    (void)state;
    struct chip chip;
    uint8_t block[128] = {0};
    start_with_header(&chip, "0.6.3");
    send_packet(&chip, 2, block, 128, 128, false);
    expect(&chip, NAK);
    send_packet(&chip, 1, block, 128, 128, false);
    expect(&chip, ACK);
    send_packet(&chip, 1, block, 128, 128, false); /* again: no matter why */
    expect(&chip, NAK);
    uint8_t torn[133] = {SOH, 2, 2};
    chip_send(&chip, torn, sizeof torn); /* the complement is wrong */
    expect(&chip, "C");
    send_packet(&chip, 2, block, 128, 128, false);
    expect(&chip, ACK);
    chip_send(&chip, torn, 40); /* the rest never comes */
    vp_system_advance(&chip.system, 5000);
    expect(&chip, "C");
    send_packet(&chip, 3, block, 128, 128, false);
    expect(&chip, ACK);
    chip_free(&chip);
}

/* Numbers go round after 255. */
static void sequence_numbers_wrap(void **state)
{
    (void)state;
    struct chip chip;
    uint8_t block[128] = {0};
    start_with_header(&chip, "0.6.3");
    for (unsigned i = 1; i <= 600; i++) {
        send_packet(&chip, (uint8_t)i, block, 128, 128, false);
        expect(&chip, ACK);
    }
    chip_free(&chip);
}

/* The size in the header is never trusted, and no byte of another slot changes. */
static void headers_lie(void **state)
{
    (void)state;
    static const struct {
        const char *size, *verdict;
    } cases[] = {
        {"", CANCEL "Failed to receive the file!\r\n"},
        {"0 ", CANCEL "Failed to receive the file!\r\n"},
        {"abc ", CANCEL "Failed to receive the file!\r\n"},
        {"1 ", CANCEL "Validation failed: 0x5e\r\n"},
        {"-1 ", CANCEL "The file size is higher than the allowed space memory!\r\n"},
        {"4294967295 ", CANCEL "The file size is higher than the allowed space memory!\r\n"},
        {"99999999999999999999",
         CANCEL "The file size is higher than the allowed space memory!\r\n"},
        {"3000000000 ", CANCEL "Failed to receive the file!\r\n"},
        {"2147483647 ", CANCEL "Validation failed: 0x5e\r\n"},
        {"262144 ", CANCEL "Validation failed: 0x5e\r\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct chip chip;
        uint8_t block[1024];
        static uint8_t before[FLASH_SIZE], after[FLASH_SIZE];
        memset(block, 0x55, sizeof block);
        chip_make(&chip, VP_PLATFORM_PHOTON, "0.6.3", 0);
        chip_listen(&chip);
        vp_flash_read(chip.flash, 0x08000000, before, sizeof before);
        chip_say(&chip, "f");
        chip_hear(&chip);
        send_header(&chip, "binary", cases[i].size);
        expect(&chip, ACK "C");
        send_packet(&chip, 1, block, sizeof block, sizeof block, true);
        expect(&chip, ACK);
        send_byte(&chip, EOT);
        expect(&chip, ACK);
        send_header(&chip, "", NULL);
        expect(&chip, cases[i].verdict);
        vp_flash_read(chip.flash, 0x08000000, after, sizeof after);
        assert_memory_equal(before, after, 0x4000);
        assert_memory_equal(before + 0xC000, after + 0xC000, 0xC0000 - 0xC000);
        chip_free(&chip);
    }
}

/* More comes than was promised, and than there is room for. */
static void an_endless_file_ends(void **state)
{
    (void)state;
    static const struct {
        enum vp_platform platform;
        const char *release, *heard;
        unsigned blocks;
    } cases[] = {
        {VP_PLATFORM_PHOTON, "0.6.3", CANCEL CANCEL "Failed to save chunk!\r\n", 256},
        {VP_PLATFORM_ELECTRON, "0.5.2", CANCEL "Verification failed!\r\n", 128},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct chip chip;
        uint8_t block[1024] = {0}, factory[4];
        chip_make(&chip, cases[i].platform, cases[i].release, 0);
        chip_listen(&chip);
        chip_say(&chip, "f");
        expect(&chip, PROMPT);
        send_header(&chip, "binary", "1000 ");
        expect(&chip, ACK "C");
        for (unsigned n = 1; n <= cases[i].blocks; n++) {
            send_packet(&chip, (uint8_t)n, block, sizeof block, sizeof block, true);
            expect(&chip, ACK);
        }
        send_packet(&chip, (uint8_t)(cases[i].blocks + 1), block, sizeof block, sizeof block, true);
        expect(&chip, cases[i].heard);
        assert_int_equal(chip.system.state, VP_SYSTEM_LISTENING);
        if (cases[i].platform == VP_PLATFORM_ELECTRON) { /* 0.5.2: the factory application */
            vp_flash_read(chip.flash, 0x080E0000, factory, sizeof factory);
            assert_memory_equal(factory, "\xFF\xFF\xFF\xFF", 4);
        }
        chip_free(&chip);
    }
}

static void names_have_an_end(void **state)
{
    (void)state;
    struct chip chip;
    uint8_t block[1024];
    char wanted[512];
    memset(block, 'n', sizeof block); /* neither zero nor space in sight */
    chip_make(&chip, VP_PLATFORM_PHOTON, "0.5.2", 0);
    ask_for_file(&chip);
    send_packet(&chip, 0, block, sizeof block, sizeof block, false);
    expect(&chip, ACK "C");
    assert_int_equal(strlen(chip.system.ymodem.name), 256);
    assert_int_equal(chip.system.ymodem.size, 0);
    send_byte(&chip, EOT);
    send_header(&chip, "", NULL);
    expect(&chip, ACK ACK "Failed to receive the file!\r\n");

    chip_say(&chip, "f");
    expect(&chip, PROMPT);
    send_size(&chip, "a name with spaces.bin", 7);
    expect(&chip, ACK "C");
    send_packet(&chip, 1, block, 128, 128, false);
    send_byte(&chip, EOT);
    send_header(&chip, "", NULL);
    snprintf(wanted, sizeof wanted,
             ACK ACK ACK "\r\nDownloaded file successfully!\r\nName: a name with spaces.bin\r\n"
                         "Size: 7 bytes\r\n");
    expect(&chip, wanted);
    chip_free(&chip);
}

/* A second file in the same session takes the place of the first. */
static void the_last_file_counts(void **state)
{
    (void)state;
    struct chip chip;
    size_t size;
    chip_make(&chip, VP_PLATFORM_PHOTON, "0.6.3", 0);
    uint8_t *image = chip_forge(VP_PLATFORM_PHOTON, "tinker@0.5.2", &size);
    ask_for_file(&chip);
    image[100] ^= 1;
    send_file(&chip, image, size, 1024);
    image[100] ^= 1;
    send_file(&chip, image, size, 1024);
    send_header(&chip, "", NULL);
    expect(&chip, success(size, ACK));
    assert_true(is_pending(&chip));
    free(image);
    chip_free(&chip);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_file_by_release),
        cmocka_unit_test(a_bad_file_by_release),
        cmocka_unit_test(what_is_wrong_is_told_in_flags_or_numbers),
        cmocka_unit_test(a_bootloader_is_there_before_the_last_ack),
        cmocka_unit_test(it_starts_without_f),
        cmocka_unit_test(a_patient_sender_gets_its_c),
        cmocka_unit_test(pieces_do_not_matter),
        cmocka_unit_test(the_sender_or_a_person_aborts),
        cmocka_unit_test(silence_is_an_error),
        cmocka_unit_test(packets_out_of_order),
        cmocka_unit_test(sequence_numbers_wrap),
        cmocka_unit_test(headers_lie),
        cmocka_unit_test(an_endless_file_ends),
        cmocka_unit_test(names_have_an_end),
        cmocka_unit_test(the_last_file_counts),
    };
    return cmocka_run_group_tests_name("ymodem", tests, NULL, NULL);
}
