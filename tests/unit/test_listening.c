#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "dct/dct.h"
#include "support/system_chip.h"
#include "system/describe/describe.h"

enum { DFU_REQUEST = 0xEDFA, SAFE_MODE_REQUEST = 0x5AFE };

static void make_listening(struct chip *chip, enum vp_platform platform, const char *release)
{
    chip_make(chip, platform, release, 0);
    chip_listen(chip);
}

/* Say something, and hear exactly this. */
static void expect(struct chip *chip, const char *said, const char *heard)
{
    chip_say(chip, said);
    assert_string_equal(chip_hear(chip), heard);
}

/* ---- Speeds --------------------------------------------------------------------------------- */

static void a_speed_enters_dfu(void **state)
{
    (void)state;
    static const char *const releases[] = {"0.4.6", "0.5.2", "0.6.3", "0.7.0", "2.2.0"};
    for (size_t i = 0; i < sizeof releases / sizeof *releases; i++) {
        struct chip chip;
        chip_make(&chip, VP_PLATFORM_PHOTON, releases[i], 0);
        chip_start(&chip);
        vp_system_set_baud(&chip.system, 9600);
        assert_int_equal(chip.system.state, VP_SYSTEM_NORMAL);
        vp_system_set_baud(&chip.system, 14400);
        assert_int_equal(chip.system.state, VP_SYSTEM_RESETTING);
        assert_int_equal(chip.backup.dr[1], DFU_REQUEST);
        chip_free(&chip);
    }
}

static void another_speed_listens_or_receives(void **state)
{
    (void)state;
    static const struct {
        const char *release;
        enum vp_system_state state;
    } cases[] = {
        {"0.4.6", VP_SYSTEM_UPDATING},  {"0.4.9", VP_SYSTEM_UPDATING},
        {"0.5.0", VP_SYSTEM_LISTENING}, {"0.6.3", VP_SYSTEM_LISTENING},
        {"2.2.0", VP_SYSTEM_LISTENING},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct chip chip;
        chip_make(&chip, VP_PLATFORM_PHOTON, cases[i].release, 0);
        chip_start(&chip);
        vp_system_set_baud(&chip.system, 28800);
        assert_int_equal(chip.system.state, cases[i].state);
        vp_system_set_baud(&chip.system, 28800); /* the same again does nothing more */
        assert_int_equal(chip.system.state, cases[i].state);
        vp_system_set_baud(&chip.system, 14400);
        assert_int_equal(chip.system.state, VP_SYSTEM_RESETTING);
        chip_free(&chip);
    }
}

/* ---- Commands ------------------------------------------------------------------------------- */

static void it_says_who_it_is(void **state)
{
    (void)state;
    struct chip chip;
    make_listening(&chip, VP_PLATFORM_PHOTON, "0.6.3");
    expect(&chip, "i", "Your device id is 30003a000a47343231303131\r\n");
    expect(&chip, "m", "Your device MAC address is\r\n6c:0b:84:30:31:31\r\n");
    expect(&chip, "v", "system firmware version: 0.6.3\n\r\n");
    char *description = vp_system_describe(&chip.system);
    chip_say(&chip, "s");
    const char *heard = chip_hear(&chip);
    assert_memory_equal(heard, description, strlen(description));
    assert_string_equal(heard + strlen(description), "\r\n");
    free(description);
    chip_free(&chip);
}

static void the_electron_lists_what_it_knows(void **state)
{
    (void)state;
    static const struct {
        const char *release;
        bool modem;
    } cases[] = {{"0.5.2", false}, {"0.7.0", false}, {"1.5.0", false}, {"2.2.0", true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct chip chip;
        make_listening(&chip, VP_PLATFORM_ELECTRON, cases[i].release);
        chip_say(&chip, "i");
        const char *heard = chip_hear(&chip);
        assert_memory_equal(heard, "Device ID: 30003a000a47343231303131\r\nIMEI: 353162", 49);
        assert_non_null(strstr(heard, "\r\nICCID: 893407"));
        assert_int_equal(strstr(heard, "\r\nCell Radio Version: ") != NULL, cases[i].modem);
        expect(&chip, "w", "");
        chip_free(&chip);
    }
}

static void letters_by_release(void **state)
{
    (void)state;
    static const struct {
        const char *release;
        const char *silent; /* letters that say nothing */
        const char *spoken; /* letters that do */
    } cases[] = {
        {"0.4.6", "LcCd", "imsv"}, {"0.5.2", "cCd", "imsv"},      {"0.6.3", "d", "imsvc"},
        {"0.7.0", "d", "imsvc"},   {"0.8.0-rc.1", "h", "imsvcd"}, {"2.2.0", "h", "imsvcd"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct chip chip;
        make_listening(&chip, VP_PLATFORM_PHOTON, cases[i].release);
        for (const char *letter = cases[i].silent; *letter; letter++) {
            if (*letter != 'L') {
                expect(&chip, (char[]){*letter, 0}, "");
            }
        }
        for (const char *letter = cases[i].spoken; *letter; letter++) {
            chip_say(&chip, (char[]){*letter, 0});
            assert_true(strlen(chip_hear(&chip)) > 5);
        }
        chip_free(&chip);
    }
}

/* ModemManager asks every new port. */
static void strange_bytes_are_ignored(void **state)
{
    (void)state;
    struct chip chip;
    make_listening(&chip, VP_PLATFORM_PHOTON, "0.6.3");
    expect(&chip, "AT\rAT\r\nATZ", "");
    for (unsigned byte = 0; byte < 256; byte++) {
        const uint8_t one = (uint8_t)byte;
        if (!strchr("imfxsvwLcC\x01\x02", (int)byte) || byte == 0) {
            chip_send(&chip, &one, 1);
            assert_string_equal(chip_hear(&chip), "");
        }
    }
    assert_int_equal(chip.system.state, VP_SYSTEM_LISTENING);
    chip_free(&chip);
}

static void x_leaves_and_l_comes_back_in_safe_mode(void **state)
{
    (void)state;
    static const struct {
        const char *release;
        enum vp_system_state state;
    } cases[] = {
        {"0.5.2", VP_SYSTEM_LISTENING}, {"0.7.0", VP_SYSTEM_LISTENING},
        {"1.0.1", VP_SYSTEM_LISTENING}, {"1.1.0", VP_SYSTEM_SAFE}, /* it forgets */
        {"2.2.0", VP_SYSTEM_SAFE},
    };
    struct chip chip;
    make_listening(&chip, VP_PLATFORM_PHOTON, "0.4.6");
    expect(&chip, "x", "");
    assert_int_equal(chip.system.state, VP_SYSTEM_NORMAL);
    chip_free(&chip);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        make_listening(&chip, VP_PLATFORM_PHOTON, cases[i].release);
        expect(&chip, "L", "");
        assert_int_equal(chip.system.state, VP_SYSTEM_RESETTING);
        assert_int_equal(chip.backup.dr[1], SAFE_MODE_REQUEST);
        chip_write_flags(&chip, 1); /* what the bootloader makes of it */
        assert_int_equal(chip_start(&chip), cases[i].state);
        vp_system_listen(&chip.system, false);
        assert_int_equal(chip.system.state, VP_SYSTEM_SAFE);
        chip_write_flags(&chip, 0);
        assert_int_equal(chip_start(&chip), VP_SYSTEM_NORMAL);
        chip_free(&chip);
    }
}

static void a_claim_code_is_kept(void **state)
{
    (void)state;
    static const char code[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+";
    struct chip chip;
    char wanted[256], stored[64];
    make_listening(&chip, VP_PLATFORM_PHOTON, "0.6.3");
    expect(&chip, "c", "Device claimed: no\r\n");
    expect(&chip, "C", "Enter 63-digit claim code: ");
    chip_say(&chip, code);
    snprintf(wanted, sizeof wanted, "%s\r\nClaim code set to: %s\r\n", code, code);
    chip_say(&chip, "\r");
    assert_string_equal(chip_hear(&chip), wanted);
    assert_int_equal(vp_dct_read(chip.flash, chip.board, 1762, stored, 63), 0);
    assert_memory_equal(stored, code, 63);
    chip_say(&chip, "Cabc\x7f\bd\n");
    assert_string_equal(chip_hear(&chip),
                        "Enter 63-digit claim code: abc\x7f\bd\r\nSorry, claim code is not 63 "
                        "characters long. Claim code unchanged.\r\n");
    assert_int_equal(vp_system_set_claim_code(&chip.system, ""), 0);
    expect(&chip, "c", "Device claimed: yes\r\n");
    assert_int_equal(vp_dct_read(chip.flash, chip.board, 1762, stored, 1), 0);
    assert_int_equal(stored[0], 0);
    chip_free(&chip);
}

static void diagnostics_are_told(void **state)
{
    (void)state;
    struct chip chip;
    make_listening(&chip, VP_PLATFORM_PHOTON, "1.5.0");
    chip_say(&chip, "d");
    const char *heard = chip_hear(&chip);
    assert_memory_equal(heard, "{\"sys:", 6);
    assert_string_equal(heard + strlen(heard) - 10, ",\"_\":\"\"}\r\n");
    chip_free(&chip);
    make_listening(&chip, VP_PLATFORM_PHOTON, "2.2.0");
    chip_say(&chip, "d");
    assert_null(strstr(chip_hear(&chip), "\"_\""));
    chip_free(&chip);
}

/* ---- Wi-Fi ---------------------------------------------------------------------------------- */

#define THANKS      "Thanks! Wait while I save those credentials...\r\n\r\n"
#define AWESOME     AWESOME_WITH("\r\n")
#define AWESOME_1_5 AWESOME_WITH(" \r\n")
#define DERP        "Derp. Sorry, we couldn't save the credentials.\r\n\r\n"
#define AWESOME_WITH(line_end)                                                                     \
    "Awesome. Now we'll connect!\r\n\r\nIf you see a pulsing cyan light, your device" line_end     \
    "has connected to the Cloud and is ready to go!\r\n\r\n"                                       \
    "If your LED flashes red or you encounter any other problems,\r\n"                             \
    "visit https://www.particle.io/support to debug.\r\n\r\n    Particle <3 you!\r\n\r\n"

static void wifi_up_to_0_6(void **state)
{
    (void)state;
    struct chip chip;
    make_listening(&chip, VP_PLATFORM_PHOTON, "0.6.3");
    expect(&chip, "w", "SSID: ");
    expect(&chip, "home\n", "home\r\nSecurity 0=unsecured, 1=WEP, 2=WPA, 3=WPA2: ");
    expect(&chip, "7\n", "7\r\nSecurity 0=unsecured, 1=WEP, 2=WPA, 3=WPA2: ");
    expect(&chip, "3\n", "3\r\nSecurity Cipher 1=AES, 2=TKIP, 3=AES+TKIP: ");
    expect(&chip, "1\n", "1\r\nPassword: ");
    expect(&chip, "secretsecret\n", "secretsecret\r\n" THANKS AWESOME);
    assert_int_equal(chip.system.state, VP_SYSTEM_NORMAL);
    assert_string_equal(chip.networks.ssid, "home");
    vp_system_listen(&chip.system, true);
    expect(&chip, "w", "SSID: ");
    expect(&chip, "open\n", "open\r\nSecurity 0=unsecured, 1=WEP, 2=WPA, 3=WPA2: ");
    expect(&chip, "0\n", "0\r\n" THANKS AWESOME);
    vp_system_listen(&chip.system, true);
    chip_say(&chip, "w");
    chip_say(&chip, "home\n");
    chip_say(&chip, "2\n");
    chip_say(&chip, "2\n");
    chip_hear(&chip);
    expect(&chip, "short\n", "short\r\n" THANKS AWESOME); /* nobody looks at it */
    assert_int_equal(chip.system.state, VP_SYSTEM_NORMAL);
    vp_system_listen(&chip.system, true);
    chip_say(&chip, "w");
    chip_say(&chip, "\n");
    chip_hear(&chip);
    expect(&chip, "0\n", "0\r\n" THANKS DERP);
    assert_int_equal(chip.system.state, VP_SYSTEM_LISTENING);
    chip_free(&chip);
}

/* Network, security, cipher, password. */
static void keys_have_lengths_since_0_7(void **state)
{
    (void)state;
    static const struct {
        const char *release, *security, *key;
        bool sound;
    } cases[] = {
        {"0.4.9", "1\n", "abc\n", true},      {"0.6.3", "2\n", "\n", true},
        {"0.7.0", "3\n", "secret1\n", false}, {"0.7.0", "3\n", "secret12\n", true},
        {"0.7.0", "3\n", "\n", false},        {"0.7.0", "1\n", "abcd\n", false},
        {"0.7.0", "1\n", "abcde\n", true},    {"2.3.1", "2\n", "secret1\n", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct chip chip;
        make_listening(&chip, VP_PLATFORM_PHOTON, cases[i].release);
        chip_say(&chip, "w");
        chip_say(&chip, "home\n");
        chip_say(&chip, cases[i].security);
        if (strcmp(cases[i].security, "1\n") != 0 || strcmp(cases[i].release, "0.7.0") >= 0) {
            chip_say(&chip, "1\n");
        }
        chip_hear(&chip);
        chip_say(&chip, cases[i].key);
        assert_int_equal(strstr(chip_hear(&chip), cases[i].sound ? "Awesome" : DERP) != NULL, true);
        assert_int_equal(chip.system.listening, !cases[i].sound);
        chip_free(&chip);
    }
}

static void wifi_since_0_7(void **state)
{
    (void)state;
    static const char security[] = "Security 0=unsecured, 1=WEP, 2=WPA, 3=WPA2, 4=WPA Enterprise, "
                                   "5=WPA2 Enterprise: ";
    static const char cipher[] = "Security Cipher 1=AES, 2=TKIP, 3=AES+TKIP: ";
    char wanted[256];
    struct chip chip;
    make_listening(&chip, VP_PLATFORM_PHOTON, "1.5.0");
    expect(&chip, "w", "SSID: ");
    expect(&chip, "\n", "\r\nSSID: ");
    snprintf(wanted, sizeof wanted, "home\r\n%s", security);
    expect(&chip, "home\n", wanted);
    snprintf(wanted, sizeof wanted, "5\r\n%s", cipher);
    expect(&chip, "5\n", wanted);
    expect(&chip, "1\n", "1\r\nEAP Type 0=PEAP/MSCHAPv2, 1=EAP-TLS: ");
    expect(&chip, "1\n", "1\r\nClient certificate in PEM format:\r\n");
    expect(&chip, "-----BEGIN\n", "-----BEGIN\r\n");
    expect(&chip, "\n", "\r\nPrivate key in PEM format:\r\n");
    expect(&chip, "\n", "\r\nOuter identity (optional): ");
    expect(&chip, "\n", "\r\nRoot CA in PEM format (optional):\r\n");
    expect(&chip, "\n", "\r\n" THANKS DERP);
    chip_free(&chip);
}

static void ask_for_peap(struct chip *chip)
{
    chip_say(chip, "w");
    chip_say(chip, "home\n");
    chip_say(chip, "4\n");
    chip_say(chip, "3\n");
    chip_hear(chip);
    expect(chip, "0\n", "0\r\nUsername: ");
}

static void enterprise_wants_a_name_and_a_password(void **state)
{
    (void)state;
    static const struct {
        const char *name, *password, *verdict;
    } cases[] = {{"me\n", "mine\n", AWESOME_1_5}, {"\n", "mine\n", DERP}, {"me\n", "\n", DERP}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct chip chip;
        char wanted[512];
        make_listening(&chip, VP_PLATFORM_PHOTON, "1.5.0");
        ask_for_peap(&chip);
        chip_say(&chip, cases[i].name);
        chip_say(&chip, cases[i].password);
        chip_say(&chip, "anonymous\n");
        chip_hear(&chip);
        snprintf(wanted, sizeof wanted, "\r\n" THANKS "%s", cases[i].verdict);
        expect(&chip, "\n", wanted);
        chip_free(&chip);
    }
}

/* A key and a certificate that it signed, as texts; free() both. */
static void make_certificate(char **certificate, char **key)
{
    EVP_PKEY *pair = EVP_EC_gen("P-256");
    X509 *x509 = X509_new();
    assert_non_null(pair);
    assert_non_null(x509);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
    X509_gmtime_adj(X509_getm_notBefore(x509), 0);
    X509_gmtime_adj(X509_getm_notAfter(x509), 3600);
    X509_set_pubkey(x509, pair);
    assert_true(X509_sign(x509, pair, EVP_sha256()) > 0);
    BIO *texts[2] = {BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem())};
    PEM_write_bio_X509(texts[0], x509);
    PEM_write_bio_PrivateKey(texts[1], pair, NULL, NULL, 0, NULL, NULL);
    for (unsigned i = 0; i < 2; i++) {
        char *bytes;
        const long size = BIO_get_mem_data(texts[i], &bytes);
        *(i ? key : certificate) = strndup(bytes, (size_t)size);
        BIO_free(texts[i]);
    }
    X509_free(x509);
    EVP_PKEY_free(pair);
}

/* Line by line, as a person pastes it. */
static void paste(struct chip *chip, const char *text)
{
    char line[128];
    while (*text) {
        const size_t length = strcspn(text, "\n") + 1;
        snprintf(line, sizeof line, "%.*s", (int)length, text);
        chip_say(chip, line);
        chip_hear(chip);
        text += length;
    }
    chip_say(chip, "\n");
}

static void enterprise_wants_a_certificate_and_its_key(void **state)
{
    (void)state;
    char *certificate, *key;
    make_certificate(&certificate, &key);
    const struct {
        const char *certificate, *key, *verdict;
    } cases[] = {{certificate, key, AWESOME_1_5},
                 {certificate, "no key\n", DERP},
                 {"no certificate\n", key, DERP},
                 {key, certificate, DERP}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct chip chip;
        char wanted[512];
        make_listening(&chip, VP_PLATFORM_P1, "2.3.1");
        chip_say(&chip, "w");
        chip_say(&chip, "home\n");
        chip_say(&chip, "5\n");
        chip_say(&chip, "1\n");
        chip_say(&chip, "1\n");
        paste(&chip, cases[i].certificate);
        paste(&chip, cases[i].key);
        chip_hear(&chip);
        expect(&chip, "\n", "\r\nRoot CA in PEM format (optional):\r\n");
        snprintf(wanted, sizeof wanted, "\r\n" THANKS "%s", cases[i].verdict);
        expect(&chip, "\n", wanted);
        chip_free(&chip);
    }
    free(certificate);
    free(key);
}

/* A text that is never ended, and one that is given up. */
static void a_certificate_has_a_limit(void **state)
{
    (void)state;
    struct chip chip;
    char many[101];
    make_listening(&chip, VP_PLATFORM_PHOTON, "2.3.1");
    chip_say(&chip, "w");
    chip_say(&chip, "home\n");
    chip_say(&chip, "5\n");
    chip_say(&chip, "1\n");
    chip_say(&chip, "1\n");
    chip_hear(&chip);
    memset(many, 'A', sizeof many - 1);
    many[sizeof many - 1] = '\0';
    bool ended = false;
    for (unsigned i = 0; i < 100 && !ended; i++) {
        chip_say(&chip, many);
        ended = strstr(chip_hear(&chip), "Private key in PEM format:\r\n") != NULL;
        assert_int_equal(ended, i == 40); /* 4,095 bytes */
    }
    assert_true(ended);
    for (unsigned i = 0; i < 3000; i++) {
        chip_say(&chip, "A\n");
        chip_hear(&chip);
    }
    vp_system_listen(&chip.system, false);
    chip_free(&chip);
}

/* ---- The port ------------------------------------------------------------------------------- */

static void only_an_open_port_is_talked_to(void **state)
{
    (void)state;
    static const struct {
        const char *release;
        bool without_dtr;
    } cases[] = {
        {"0.4.6", true}, {"0.5.2", true}, {"0.5.3", false}, {"0.6.3", false}, {"2.2.0", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct chip chip;
        chip_make(&chip, VP_PLATFORM_PHOTON, cases[i].release, 0);
        chip_start(&chip);
        vp_system_listen(&chip.system, true);
        chip_say(&chip, "i");
        assert_int_equal(strlen(chip_hear(&chip)) > 0, cases[i].without_dtr);
        vp_system_set_dtr(&chip.system, true);
        chip_say(&chip, "i");
        assert_true(strlen(chip_hear(&chip)) > 0);
        chip_say(&chip, "i");
        vp_system_set_dtr(&chip.system, false);
        vp_system_set_dtr(&chip.system, true);
        assert_int_equal(strlen(chip_hear(&chip)) > 0, i == 0); /* what was left is dropped */
        chip_free(&chip);
    }
}

/* Tinker reads nothing: bytes wait until there is no room, or until somebody listens. */
static void the_application_does_not_read(void **state)
{
    (void)state;
    static const struct {
        const char *release;
        uint32_t room;
    } cases[] = {{"0.4.6", 64}, {"0.5.2", 192}, {"0.6.3", 256}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct chip chip;
        uint8_t many[1024];
        memset(many, 'A', sizeof many);
        many[0] = 'i';
        chip_make(&chip, VP_PLATFORM_PHOTON, cases[i].release, 0);
        chip_start(&chip);
        vp_system_set_dtr(&chip.system, true);
        assert_int_equal(vp_system_receive(&chip.system, many, sizeof many), cases[i].room);
        assert_int_equal(vp_system_receive(&chip.system, many, sizeof many), 0);
        assert_string_equal(chip_hear(&chip), "");
        vp_system_listen(&chip.system, true);
        assert_non_null(strstr(chip_hear(&chip), "Your device id is "));
        assert_int_equal(vp_system_receive(&chip.system, (const uint8_t *)"AT", 2), 2);
        chip_free(&chip);
    }
}

static void an_answer_waits_for_room(void **state)
{
    (void)state;
    struct chip chip;
    unsigned answers = 0, taken = 0;
    make_listening(&chip, VP_PLATFORM_PHOTON, "0.6.3");
    for (unsigned i = 0; i < 40; i++) {
        taken += vp_system_receive(&chip.system, (const uint8_t *)"s", 1);
    }
    assert_int_equal(taken, 40); /* few are answered before the host fetches the answers */
    const char *heard = chip_hear(&chip);
    for (const char *at = heard; (at = strstr(at, "{\"p\":6")); at++) {
        answers++;
    }
    assert_int_equal(answers, 40);
    chip_free(&chip);
}

/* ---- Button, light, time -------------------------------------------------------------------- */

static void assert_led(const struct chip *chip, enum vp_led_color color,
                       enum vp_led_pattern pattern, uint16_t period)
{
    struct vp_led led;
    vp_system_led(&chip->system, &led);
    assert_int_equal(led.color, color);
    assert_int_equal(led.pattern, pattern);
    assert_int_equal(led.period, period);
}

static void a_button_held_3_s_listens_and_10_s_forgets(void **state)
{
    (void)state;
    struct chip chip;
    chip_make(&chip, VP_PLATFORM_PHOTON, "0.7.0", 0);
    chip_start(&chip);
    assert_led(&chip, VP_LED_GREEN, VP_LED_BLINK, 200);
    assert_int_equal(vp_system_patience(&chip.system), -1);
    vp_system_button(&chip.system, true);
    assert_int_equal(vp_system_patience(&chip.system), 3000);
    vp_system_advance(&chip.system, 2999);
    assert_int_equal(chip.system.state, VP_SYSTEM_NORMAL);
    vp_system_advance(&chip.system, 1);
    assert_int_equal(chip.system.state, VP_SYSTEM_LISTENING);
    assert_led(&chip, VP_LED_BLUE, VP_LED_BLINK, 500);
    assert_int_equal(vp_system_patience(&chip.system), 7000);
    vp_system_advance(&chip.system, 7000);
    assert_led(&chip, VP_LED_BLUE, VP_LED_BLINK, 100);
    assert_int_equal(vp_system_next_deadline(&chip.system), 1250);
    vp_system_button(&chip.system, false);
    vp_system_advance(&chip.system, 1250);
    assert_led(&chip, VP_LED_BLUE, VP_LED_BLINK, 500);
    assert_true(chip.networks.forgotten);
    assert_int_equal(chip.system.state, VP_SYSTEM_LISTENING);
    vp_system_set_dtr(&chip.system, true);
    expect(&chip, "x", "");
    assert_int_equal(chip.system.state, VP_SYSTEM_LISTENING); /* there is nowhere to go */
    chip_free(&chip);
}

static void a_button_leaves_listening_mode(void **state)
{
    (void)state;
    static const struct {
        uint32_t held;
        enum vp_system_state state;
    } cases[] = {
        {500, VP_SYSTEM_LISTENING}, {3000, VP_SYSTEM_LISTENING}, {3001, VP_SYSTEM_NORMAL},
        {7999, VP_SYSTEM_NORMAL},   {8000, VP_SYSTEM_LISTENING},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct chip chip;
        make_listening(&chip, VP_PLATFORM_PHOTON, "0.5.2");
        vp_system_button(&chip.system, true);
        vp_system_advance(&chip.system, cases[i].held);
        vp_system_button(&chip.system, false);
        assert_int_equal(chip.system.state, cases[i].state);
        chip_free(&chip);
    }
}

static void an_electron_tires_of_listening(void **state)
{
    (void)state;
    static const struct {
        const char *release;
        int64_t patience;
    } cases[] = {{"0.6.0", -1}, {"0.6.1", 300001}, {"2.2.0", 300001}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct chip chip;
        make_listening(&chip, VP_PLATFORM_ELECTRON, cases[i].release);
        assert_int_equal(vp_system_patience(&chip.system), cases[i].patience);
        vp_system_advance(&chip.system, 300000);
        assert_int_equal(chip.system.state, VP_SYSTEM_LISTENING);
        vp_system_advance(&chip.system, 1);
        assert_int_equal(chip.system.state,
                         cases[i].patience < 0 ? VP_SYSTEM_LISTENING : VP_SYSTEM_NORMAL);
        chip_free(&chip);
    }
}

static void safe_mode_is_magenta(void **state)
{
    (void)state;
    struct chip chip;
    chip_make(&chip, VP_PLATFORM_PHOTON, "0.7.0", 0);
    chip_write_flags(&chip, 1);
    assert_int_equal(chip_start(&chip), VP_SYSTEM_SAFE);
    assert_led(&chip, VP_LED_MAGENTA, VP_LED_BREATHE, 4000);
    chip_free(&chip);
}

static void the_core_has_words_of_its_own(void **state)
{
    (void)state;
    struct chip chip;
    chip_make_erased(&chip, VP_PLATFORM_CORE);
    chip_listen(&chip);
    expect(&chip, "i", "Your core id is 30003a000a47343231303131\r\n");
    chip_say(&chip, "f");
    assert_non_null(strstr(chip_hear(&chip), "Firmware update using this terminal is not "
                                             "supported!\r\n"));
    assert_int_equal(chip.system.state, VP_SYSTEM_LISTENING);
    chip_say(&chip, "w");
    chip_say(&chip, "home\n");
    chip_hear(&chip);
    chip_say(&chip, "1\n");
    assert_non_null(strstr(chip_hear(&chip), "** we at Spark have never seen it work."));
    chip_free(&chip);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_speed_enters_dfu),
        cmocka_unit_test(another_speed_listens_or_receives),
        cmocka_unit_test(it_says_who_it_is),
        cmocka_unit_test(the_electron_lists_what_it_knows),
        cmocka_unit_test(letters_by_release),
        cmocka_unit_test(strange_bytes_are_ignored),
        cmocka_unit_test(x_leaves_and_l_comes_back_in_safe_mode),
        cmocka_unit_test(a_claim_code_is_kept),
        cmocka_unit_test(diagnostics_are_told),
        cmocka_unit_test(wifi_up_to_0_6),
        cmocka_unit_test(wifi_since_0_7),
        cmocka_unit_test(keys_have_lengths_since_0_7),
        cmocka_unit_test(enterprise_wants_a_name_and_a_password),
        cmocka_unit_test(enterprise_wants_a_certificate_and_its_key),
        cmocka_unit_test(a_certificate_has_a_limit),
        cmocka_unit_test(only_an_open_port_is_talked_to),
        cmocka_unit_test(the_application_does_not_read),
        cmocka_unit_test(an_answer_waits_for_room),
        cmocka_unit_test(a_button_held_3_s_listens_and_10_s_forgets),
        cmocka_unit_test(a_button_leaves_listening_mode),
        cmocka_unit_test(an_electron_tires_of_listening),
        cmocka_unit_test(safe_mode_is_magenta),
        cmocka_unit_test(the_core_has_words_of_its_own),
    };
    return cmocka_run_group_tests_name("listening", tests, NULL, NULL);
}
