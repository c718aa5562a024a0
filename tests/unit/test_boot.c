#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "boot/boot.h"
#include "dct/dct.h"
#include "dct/module_slots.h"
#include "vparticle/forge.h"

struct chip {
    struct vp_flash *flash;
    struct vp_backup_registers backup;
    struct vp_boot boot;
};

static void start_again(struct chip *chip, enum vp_reset_cause cause)
{
    chip->boot =
        (struct vp_boot){.board = chip->boot.board, .flash = chip->flash, .backup = &chip->backup};
    assert_int_equal(vp_boot_begin(&chip->boot, cause), 0);
}

/* A chip with a release, after the first things of a boot. */
static struct chip *start_board(enum vp_platform platform, const char *release, uint16_t bootloader)
{
    static struct chip chip;
    memset(&chip, 0, sizeof chip);
    chip.boot.board = vp_board_find(platform);
    assert_int_equal(vp_flash_create(&chip.flash, chip.boot.board->geometry), 0);
    chip.backup.dr[1] = VP_BOOT_REQUEST_NONE;
    const int error =
        release ? vp_module_install_release(chip.flash, platform, release, bootloader, NULL)
                : vp_module_install_bootloader(chip.flash, platform, bootloader, NULL);
    assert_int_equal(error, 0);
    start_again(&chip, VP_RESET_POWER);
    return &chip;
}

static struct chip *start(const char *release, uint16_t bootloader)
{
    return start_board(VP_PLATFORM_PHOTON, release, bootloader);
}

static void end(struct chip *chip)
{
    vp_flash_destroy(chip->flash);
}

static struct vp_system_flags flags_of(const struct chip *chip)
{
    struct vp_system_flags flags;
    vp_system_flags_load(&flags, chip->boot.generation->flags_store, chip->flash, chip->boot.board,
                         &chip->backup);
    return flags;
}

/* Hold the button for so long, in the steps that the bootloader sees. */
static enum vp_boot_decision hold(struct chip *chip, uint32_t milliseconds)
{
    vp_boot_press(&chip->boot);
    while (milliseconds > 0) {
        const int64_t next = vp_boot_next_step(&chip->boot);
        const uint32_t step = next < milliseconds ? (uint32_t)next : milliseconds;
        milliseconds -= step;
        if (!vp_boot_hold(&chip->boot, step)) {
            break;
        }
    }
    return vp_boot_decide(&chip->boot);
}

static void assert_led(const struct chip *chip, enum vp_led_color color, uint16_t period)
{
    struct vp_led led;
    vp_boot_led(&chip->boot, &led);
    assert_int_equal(led.color, color);
    assert_int_equal(led.period, period);
}

/* ---- What was measured, section by section ------------------------------------------- */

static void erased_flash_goes_to_dfu(void **state)
{
    (void)state;
    static const uint16_t versions[] = {3, 4, 7, 9, 11, 100, 101, 201, 501, 1006};
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
        struct chip *chip = start(NULL, versions[i]);
        assert_int_equal(chip->boot.version, versions[i]);
        assert_int_equal(vp_boot_decide(&chip->boot), VP_BOOT_DFU);
        assert_led(chip, VP_LED_YELLOW, 202);
        end(chip);
    }
}

/* "Parts 0.6.3: jump to 0x08020230, SP 20020000; watchdog off even with the flag set (on for 0.7.0
 * and 1.0.0)." */
static void jumps_to_part1_with_the_watchdog_only_from_0_7_0_on(void **state)
{
    (void)state;
    static const struct {
        const char *release;
        bool watchdog;
    } cases[] = {{"0.6.3", false}, {"0.7.0", true}, {"1.0.0", true}};
    for (size_t i = 0; i < 3; i++) {
        struct chip *chip = start(cases[i].release, 301);
        assert_int_equal(vp_boot_finish_update(&chip->boot), 0); /* sets the flag */
        start_again(chip, VP_RESET_SOFTWARE);
        assert_int_equal(vp_boot_decide(&chip->boot), VP_BOOT_APPLICATION);
        assert_int_equal(chip->boot.entry, 0x08020230);
        assert_int_equal(chip->boot.stack, 0x20020000);
        assert_int_equal(chip->boot.watchdog, cases[i].watchdog);
        end(chip);
    }
    struct chip *chip = start("1.0.0", 301);
    assert_int_equal(vp_boot_decide(&chip->boot), VP_BOOT_APPLICATION);
    assert_false(chip->boot.watchdog); /* without the flag */
    end(chip);
}

/* "Only part1's header is checked: start, end, platform id (each broken in turn -> DFU). A broken
 * CRC or a missing part2 still jumps." */
static void only_the_first_parts_header_is_checked(void **state)
{
    (void)state;
    static const struct {
        uint32_t offset;
        uint8_t size;
    } fields[] = {{0, 4}, {4, 4}, {12, 2}}; /* start, end, platform */
    for (size_t i = 0; i < 3; i++) {
        struct chip *chip = start("0.6.3", 0);
        const uint8_t zeros[4] = {0};
        uint32_t address = 0x08020184 + fields[i].offset;
        if (i == 1) { /* an end behind the chip cannot be had by clearing bits */
            uint8_t sector[0x200];
            vp_flash_read(chip->flash, 0x08020000, sector, sizeof sector);
            sector[0x187 + 4] = 0x09;
            vp_flash_erase(chip->flash, 0x08020000);
            vp_flash_program(chip->flash, 0x08020000, sector, sizeof sector);
        } else {
            vp_flash_program(chip->flash, address, zeros, fields[i].size);
        }
        assert_int_equal(vp_boot_decide(&chip->boot), VP_BOOT_DFU);
        end(chip);
    }
    struct chip *chip = start("0.6.3", 0);
    vp_flash_program(chip->flash, 0x08030000, "\0\0\0\0", 4); /* its CRC is wrong now */
    vp_flash_erase(chip->flash, 0x08060000);                  /* part 2 is gone */
    assert_int_equal(vp_boot_decide(&chip->boot), VP_BOOT_APPLICATION);
    end(chip);
}

static void put_factory_application(struct chip *chip)
{
    const struct vp_catalogue_module *tinker;
    uint8_t *image;
    size_t size;
    assert_int_equal(vp_forge_find(chip->boot.board->platform, "tinker@0.5.2", &tinker, NULL), 0);
    assert_int_equal(vp_forge_catalogue_module(tinker, &image, &size), 0);
    vp_flash_erase(chip->flash, chip->boot.generation->factory);
    assert_int_equal(vp_flash_program(chip->flash, chip->boot.generation->factory, image, size), 0);
    free(image);
}

/* "Button from power-on: < 1 s nothing; magenta -> safe mode flag (DR8 bits 16..23 = 01) and jump;
 * yellow at 3 s -> DFU; ..." */
static void the_button_chooses_by_time(void **state)
{
    (void)state;
    static const struct {
        uint32_t held;
        enum vp_boot_decision decision;
        uint8_t startup_mode;
    } cases[] = {
        {999, VP_BOOT_APPLICATION, 0},
        {1000, VP_BOOT_APPLICATION, 1},
        {2999, VP_BOOT_APPLICATION, 1},
        {3000, VP_BOOT_DFU, 0},
        {9999, VP_BOOT_DFU, 0}, /* no factory application: it stays yellow */
        {10000, VP_BOOT_APPLICATION, 0},
        {20000, VP_BOOT_APPLICATION, 0}, /* it goes on by itself at 12 s */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct chip *chip = start("1.3.1", 401);
        assert_int_equal(hold(chip, cases[i].held), cases[i].decision);
        assert_int_equal(flags_of(chip).startup_mode, cases[i].startup_mode);
        assert_int_equal(chip->backup.dr[8] >> 16 & 0xFF, cases[i].startup_mode);
        end(chip);
    }
}

/* "... magenta blinking at 990 ms; yellow at 3010 ms; green (toggle 51 ms) at 6.6 s only if a
 * factory image checks out, else stays yellow; white (toggle 51 ms) at 10.08 s; loop ends at 12.000
 * s even if still held." */
static void the_light_tells_how_long_the_button_was_held(void **state)
{
    (void)state;
    for (int factory = 0; factory < 2; factory++) {
        struct chip *chip = start("1.3.1", 401);
        if (factory) {
            put_factory_application(chip);
        }
        vp_boot_press(&chip->boot);
        assert_led(chip, VP_LED_OFF, 0);
        assert_int_equal(vp_boot_next_step(&chip->boot), 1000);
        assert_true(vp_boot_hold(&chip->boot, 1000));
        assert_led(chip, VP_LED_MAGENTA, 202);
        assert_true(vp_boot_hold(&chip->boot, 2000));
        assert_led(chip, VP_LED_YELLOW, 202);
        assert_true(vp_boot_hold(&chip->boot, 3500));
        assert_led(chip, factory ? VP_LED_GREEN : VP_LED_YELLOW, factory ? 102 : 202);
        assert_true(vp_boot_hold(&chip->boot, 3500));
        assert_led(chip, VP_LED_WHITE, 102);
        assert_int_equal(vp_boot_next_step(&chip->boot), 2000);
        assert_false(vp_boot_hold(&chip->boot, 2000));
        assert_int_equal(vp_boot_next_step(&chip->boot), -1);
        end(chip);
    }
}

/* "white -> DR5 high half 0001, jump without safe mode" */
static void white_asks_for_cleared_settings_and_jumps(void **state)
{
    (void)state;
    struct chip *chip = start("1.3.1", 401);
    assert_int_equal(hold(chip, 10500), VP_BOOT_APPLICATION);
    assert_int_equal(chip->backup.dr[5] >> 16, 1);
    assert_int_equal(flags_of(chip).startup_mode, 0);
    end(chip);
}

/* "DR1 = EDFA -> DFU and DR1 := FFFF; 5AFE -> safe mode. DR10 0005/5555 ignored." */
static void a_request_is_taken_once(void **state)
{
    (void)state;
    struct chip *chip = start("0.6.3", 0);
    chip->backup.dr[1] = VP_BOOT_REQUEST_DFU;
    start_again(chip, VP_RESET_SOFTWARE);
    assert_int_equal(vp_boot_decide(&chip->boot), VP_BOOT_DFU);
    assert_int_equal(chip->backup.dr[1], 0xFFFF);
    start_again(chip, VP_RESET_SOFTWARE);
    assert_int_equal(vp_boot_decide(&chip->boot), VP_BOOT_APPLICATION);
    chip->backup.dr[1] = VP_BOOT_REQUEST_SAFE_MODE;
    start_again(chip, VP_RESET_SOFTWARE);
    assert_int_equal(vp_boot_decide(&chip->boot), VP_BOOT_APPLICATION);
    assert_int_equal(chip->backup.dr[1], 0xFFFF);
    assert_int_equal(flags_of(chip).startup_mode, 1);
    static const uint16_t ignored[] = {0x0005, 0x5555};
    for (size_t i = 0; i < 2; i++) {
        chip->backup.dr[10] = ignored[i];
        start_again(chip, VP_RESET_PIN);
        assert_int_equal(flags_of(chip).startup_mode, 0);
        assert_int_equal(vp_boot_decide(&chip->boot), VP_BOOT_APPLICATION);
    }
    end(chip);
}

/* ---- Pending modules, as measured -------------------------------------------------------- */

/* Put a module into the OTA area, as the system does, and queue it. @return its size */
static uint32_t queue(struct chip *chip, const char *part_at_version,
                      struct vp_pending_module pending)
{
    const struct vp_catalogue_module *module;
    uint8_t *image;
    size_t size;
    assert_int_equal(vp_forge_find(chip->boot.board->platform, part_at_version, &module, NULL), 0);
    assert_int_equal(vp_forge_catalogue_module(module, &image, &size), 0);
    assert_int_equal(vp_flash_program(chip->flash, 0x080C0000, image, size), 0);
    free(image);
    pending.source = 0x080C0000;
    pending.length = (uint32_t)size;
    if (!pending.destination) {
        pending.destination = module->address;
    }
    if (!pending.function) {
        pending.function = module->function;
    }
    assert_int_equal(vp_pending_add(chip->flash, chip->boot.board, &pending), 1);
    return (uint32_t)size;
}

static uint16_t version_at(const struct chip *chip, uint32_t address)
{
    struct vp_module module;
    assert_int_equal(vp_module_read_header(chip->flash, address, &module), 0);
    return module.version;
}

static struct vp_pending_module slot1(const struct chip *chip)
{
    struct vp_pending_module module;
    assert_int_equal(vp_pending_read(chip->flash, chip->boot.board, 1, &module), 0);
    return module;
}

static unsigned magenta;

static void watch_light(void *context)
{
    struct vp_led led;
    vp_boot_led(context, &led);
    if (led.color == VP_LED_MAGENTA && led.pattern == VP_LED_BLINK && led.period == 102) {
        magenta++;
    }
}

/* "OTA slot (magic ABCD) in the DCT: slot's magic set to FFFF (the rest of the slot stays), LED
 * magenta, copied in sector steps, then jump in the same boot." */
static void a_pending_module_is_copied_and_the_new_one_started(void **state)
{
    (void)state;
    struct chip *chip = start("1.0.0", 301);
    const uint32_t size = queue(chip, "system-part2@1.0.1",
                                (struct vp_pending_module){.flags = VP_PENDING_CHECK_ALL});
    start_again(chip, VP_RESET_SOFTWARE);
    magenta = 0;
    chip->boot.light_changed = watch_light;
    chip->boot.context = &chip->boot;
    assert_int_equal(vp_boot_decide(&chip->boot), VP_BOOT_APPLICATION);
    assert_int_equal(magenta, 1);
    assert_int_equal(slot1(chip).magic, 0xFFFF);
    assert_int_equal(slot1(chip).length, size);
    assert_int_equal(version_at(chip, 0x08060000), 1002);
    struct vp_module part2;
    assert_int_equal(vp_module_parse_flash(chip->flash, 0x08060000, &part2, NULL), 0);
    assert_true(vp_module_crc_matches(chip->flash, 0x08060000, &part2));
    end(chip);
}

/* "Bad CRC, other platform, wrong destination, wrong function: not copied, slot cleared, boots old
 * image." */
static void a_module_that_fails_a_check_is_dropped_silently(void **state)
{
    (void)state;
    for (int fault = 0; fault < 5; fault++) {
        struct chip *chip = start("1.0.0", 301);
        struct vp_pending_module pending = {.flags = VP_PENDING_CHECK_ALL};
        pending.destination = fault == 2 ? 0x080A0000 : 0;
        pending.function = fault == 3 ? VP_MODULE_USER : 0;
        queue(chip, "system-part2@1.0.1", pending);
        if (fault == 0) {
            vp_flash_program(chip->flash, 0x080D0000, "\0\0\0\0", 4);
        } else if (fault == 1) {
            vp_flash_program(chip->flash, 0x080C0184 + 12, "\0\0", 2);
        } else if (fault == 4) { /* shorter than it says */
            struct vp_pending_module module = slot1(chip);
            module.length -= 4;
            vp_pending_write(chip->flash, chip->boot.board, 1, &module);
        }
        start_again(chip, VP_RESET_SOFTWARE);
        assert_int_equal(vp_boot_decide(&chip->boot), VP_BOOT_APPLICATION);
        assert_int_equal(slot1(chip).magic, 0xFFFF);
        assert_int_equal(version_at(chip, 0x08060000), 1000);
        end(chip);
    }
}

/* "Flags 0: copied unchecked." */
static void without_flags_a_module_is_copied_unchecked(void **state)
{
    (void)state;
    struct chip *chip = start("1.0.0", 301);
    queue(chip, "system-part2@1.0.1", (struct vp_pending_module){.flags = 0});
    vp_flash_program(chip->flash, 0x080D0000, "\0\0\0\0", 4);
    start_again(chip, VP_RESET_SOFTWARE);
    assert_int_equal(vp_boot_decide(&chip->boot), VP_BOOT_APPLICATION);
    assert_int_equal(version_at(chip, 0x08060000), 1002);
    end(chip);
}

/* "Parts 0.6.3: slot cannot be seen (no DCT functions)." */
static void without_dct_code_in_part2_nothing_is_applied(void **state)
{
    (void)state;
    struct chip *chip = start("0.6.3", 301);
    queue(chip, "tinker@0.5.2", (struct vp_pending_module){.flags = VP_PENDING_CHECK_ALL});
    vp_flash_erase(chip->flash, 0x080A0000);
    start_again(chip, VP_RESET_SOFTWARE);
    assert_int_equal(vp_boot_decide(&chip->boot), VP_BOOT_APPLICATION);
    assert_int_equal(slot1(chip).magic, 0xABCD);
    assert_int_equal(version_at(chip, 0x080A0000), 0xFFFF);
    end(chip);
}

static unsigned erases;

static uint32_t count_erases(void *context, const struct vp_flash_operation *operation)
{
    (void)context;
    if (operation->kind == VP_FLASH_ERASE && operation->address >= 0x08020000) {
        erases++;
    }
    return operation->length;
}

/* "256 KB part2: 2 erases" */
static void a_large_module_takes_two_erases(void **state)
{
    (void)state;
    struct chip *chip = start("1.0.0", 301);
    queue(chip, "system-part2@1.0.1", (struct vp_pending_module){.flags = VP_PENDING_CHECK_ALL});
    start_again(chip, VP_RESET_SOFTWARE);
    erases = 0;
    vp_flash_set_hook(chip->flash, count_erases, NULL);
    assert_int_equal(vp_boot_decide(&chip->boot), VP_BOOT_APPLICATION);
    assert_int_equal(erases, 2);
    end(chip);
}

/* "Factory slot (0FAC) at 6.5 s: copied, reset, jump." */
static void a_factory_reset_restores_the_application_and_resets(void **state)
{
    (void)state;
    struct chip *chip = start("1.0.0", 301);
    const uint32_t size = queue(chip, "tinker@0.5.2", (struct vp_pending_module){0});
    assert_int_equal(vp_pending_free(chip->flash, chip->boot.board, 1), 0);
    const struct vp_pending_module factory = {
        .magic = VP_PENDING_FACTORY,
        .source = 0x080C0000,
        .destination = 0x080A0000,
        .length = size,
        .function = VP_MODULE_USER,
        .flags = VP_PENDING_CHECK_ALL,
    };
    assert_int_equal(vp_pending_write(chip->flash, chip->boot.board, 0, &factory), 0);
    vp_flash_erase(chip->flash, 0x080A0000);
    start_again(chip, VP_RESET_PIN);
    assert_int_equal(hold(chip, 6600), VP_BOOT_RESET);
    assert_int_equal(version_at(chip, 0x080A0000), 4);
    const struct vp_system_flags flags = flags_of(chip);
    assert_int_equal(flags.factory_reset_done, 0x5A);
    assert_int_equal(flags.iwdg_enable, 0xD001);
    start_again(chip, VP_RESET_SOFTWARE);
    assert_int_equal(vp_boot_decide(&chip->boot), VP_BOOT_APPLICATION);
    assert_true(chip->boot.watchdog);
    end(chip);
}

/* ---- What the source says of other generations --------------------------------------------- */

static void an_application_counts_as_a_failed_start_until_it_says_otherwise(void **state)
{
    (void)state;
    struct chip *chip = start("0.6.3", 0);
    assert_int_equal(chip->boot.version, 11);
    assert_int_equal(vp_boot_decide(&chip->boot), VP_BOOT_APPLICATION);
    assert_int_equal(chip->backup.dr[1], 1);
    end(chip);
}

/* main.c: FIRST_RETRY, SECOND_RETRY, THIRD_RETRY */
static void three_resets_by_the_watchdog_lead_to_dfu(void **state)
{
    (void)state;
    struct chip *chip = start("1.0.0", 301);
    assert_int_equal(vp_boot_decide(&chip->boot), VP_BOOT_APPLICATION);
    start_again(chip, VP_RESET_WATCHDOG);
    assert_int_equal(chip->backup.dr[1], 2);
    assert_int_equal(vp_boot_decide(&chip->boot), VP_BOOT_APPLICATION);
    start_again(chip, VP_RESET_WATCHDOG); /* tries a factory reset, and has no image for it */
    assert_int_equal(chip->backup.dr[1], 3);
    assert_int_equal(vp_boot_decide(&chip->boot), VP_BOOT_RESET);
    start_again(chip, VP_RESET_SOFTWARE);
    assert_int_equal(vp_boot_decide(&chip->boot), VP_BOOT_APPLICATION);
    start_again(chip, VP_RESET_WATCHDOG);
    assert_int_equal(vp_boot_decide(&chip->boot), VP_BOOT_DFU);
    assert_int_equal(chip->backup.dr[1], 0xFFFF);
    end(chip);
}

/* The application at the place that each bootloader was built for. */
static void a_factory_application_is_found_without_a_slot(void **state)
{
    (void)state;
    static const struct {
        enum vp_platform platform;
        const char *release;
        uint16_t bootloader;
        uint32_t user;
    } cases[] = {
        {VP_PLATFORM_PHOTON, "0.5.2", 7, 0x080A0000},
        {VP_PLATFORM_P1, "0.6.3", 11, 0x080A0000},
        {VP_PLATFORM_PHOTON, "0.6.3", 301, 0x080A0000}, /* its DCT can't be read */
        {VP_PLATFORM_ELECTRON, "0.5.2", 6, 0x08080000},
        {VP_PLATFORM_ELECTRON, "1.0.0", 201, 0x08080000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct chip *chip = start_board(cases[i].platform, cases[i].release, cases[i].bootloader);
        put_factory_application(chip);
        vp_flash_erase(chip->flash, cases[i].user);
        assert_int_equal(hold(chip, 7000), VP_BOOT_RESET);
        assert_int_equal(version_at(chip, cases[i].user), 4);
        end(chip);
    }
}

static void before_1_1_0_dfu_comes_at_once_without_a_factory_application(void **state)
{
    (void)state;
    struct chip *chip = start("1.0.0", 201);
    vp_boot_press(&chip->boot);
    assert_true(vp_boot_hold(&chip->boot, 1000));
    assert_false(vp_boot_hold(&chip->boot, 2000));
    assert_int_equal(vp_boot_decide(&chip->boot), VP_BOOT_DFU);
    end(chip);
}

static void the_factory_flag_asks_for_a_factory_reset(void **state)
{
    (void)state;
    struct chip *chip = start("1.0.0", 301);
    struct vp_system_flags flags = flags_of(chip);
    flags.factory_reset = 0xAAAA;
    assert_int_equal(vp_system_flags_save(&flags, chip->boot.generation->flags_store, chip->flash,
                                          chip->boot.board, &chip->backup),
                     0);
    start_again(chip, VP_RESET_SOFTWARE);
    assert_int_equal(vp_boot_decide(&chip->boot), VP_BOOT_RESET); /* there is none: only a reset */
    assert_int_equal(flags_of(chip).factory_reset, 0xFFFF);
    start_again(chip, VP_RESET_SOFTWARE);
    assert_int_equal(vp_boot_decide(&chip->boot), VP_BOOT_APPLICATION);
    end(chip);
}

/* Each generation's way with a slot; see generations.c. */
static void slots_are_done_with_in_each_generations_way(void **state)
{
    (void)state;
    static const struct {
        enum vp_platform platform;
        const char *release;
        uint16_t bootloader, magic;
    } cases[] = {
        {VP_PLATFORM_PHOTON, "0.5.2", 7, 0x0000},     {VP_PLATFORM_PHOTON, "0.7.0", 101, 0xFFFF},
        {VP_PLATFORM_PHOTON, "2.0.0", 1003, 0xFFFF},  {VP_PLATFORM_ELECTRON, "0.5.2", 4, 0x0000},
        {VP_PLATFORM_ELECTRON, "0.5.2", 6, 0x0000},   {VP_PLATFORM_ELECTRON, "0.7.0", 101, 0xFFFF},
        {VP_PLATFORM_ELECTRON, "0.5.2", 101, 0xFFFF}, {VP_PLATFORM_P1, "0.6.3", 11, 0x0000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct chip *chip = start_board(cases[i].platform, cases[i].release, cases[i].bootloader);
        const uint32_t user = chip->boot.board->user.start;
        queue(chip, "tinker@0.5.2", (struct vp_pending_module){.flags = VP_PENDING_CHECK_ALL});
        vp_flash_erase(chip->flash, user);
        start_again(chip, VP_RESET_SOFTWARE);
        assert_int_equal(vp_boot_decide(&chip->boot), VP_BOOT_APPLICATION);
        assert_int_equal(version_at(chip, user), 4);
        assert_int_equal(slot1(chip).magic, cases[i].magic);
        end(chip);
    }
}

/* The power fails while the user slot is being erased: nothing happens from then on. */
static uint32_t cut_at_erase(void *context, const struct vp_flash_operation *operation)
{
    unsigned *fired = context;
    const bool here = operation->kind == VP_FLASH_ERASE && operation->address == 0x080A0000;
    *fired += here ? 1 : 0;
    return *fired ? 0 : operation->length;
}

static void a_cut_copy_is_repeated_since_2_0_0(void **state)
{
    (void)state;
    static const struct {
        uint16_t bootloader;
        uint16_t version; /* of the application afterwards; the release's own is 5 */
    } cases[] = {{301, 5}, {1003, 4}};
    for (size_t i = 0; i < 2; i++) {
        struct chip *chip = start("1.0.0", cases[i].bootloader);
        queue(chip, "tinker@0.5.2", (struct vp_pending_module){.flags = VP_PENDING_CHECK_ALL});
        start_again(chip, VP_RESET_SOFTWARE);
        unsigned fired = 0;
        vp_flash_set_hook(chip->flash, cut_at_erase, &fired);
        vp_boot_decide(&chip->boot);
        assert_int_equal(fired, 1);
        vp_flash_set_hook(chip->flash, NULL, NULL);
        start_again(chip, VP_RESET_POWER);
        assert_int_equal(vp_boot_decide(&chip->boot), VP_BOOT_APPLICATION);
        assert_int_equal(version_at(chip, 0x080A0000), cases[i].version);
        end(chip);
    }
}

static void slots_out_of_range_are_dropped(void **state)
{
    (void)state;
    static const struct vp_pending_module bad[] = {
        {.source = 0x080C0000, .destination = 0x080A0000, .length = 0xFFFFFFFF},
        {.source = 0xFFFFFFF0, .destination = 0x080A0000, .length = 0x100},
        {.source = 0x080C0000, .destination = 0x07000000, .length = 0x100},
        {.source = 0x080FFFF0, .destination = 0x080A0000, .length = 0x100, .flags = 0x0E},
        {.source_device = 1, .source = 0x4000, .destination = 0x080A0000, .length = 0x100},
        {.destination_device = 9, .source = 0x080C0000, .destination = 0x080A0000, .length = 4},
        {.source = 0x080C0000, .destination = 0x080A0000, .length = 0x100, .flags = 0x0E},
    };
    struct chip *chip = start("1.0.0", 1003);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(vp_pending_add(chip->flash, chip->boot.board, &bad[i]), 1);
        start_again(chip, VP_RESET_SOFTWARE);
        assert_int_equal(vp_boot_decide(&chip->boot), VP_BOOT_APPLICATION);
        assert_int_equal(slot1(chip).magic, 0xFFFF);
        assert_int_equal(version_at(chip, 0x080A0000), 5); /* the tinker of 1.0.0 */
    }
    end(chip);
}

static void flags_are_where_the_generation_has_them(void **state)
{
    (void)state;
    uint8_t magic[4];
    struct chip *old = start(NULL, 11);
    assert_int_equal(vp_dct_read(old->flash, old->boot.board, 0, magic, 4), 0);
    assert_memory_equal(magic, "\xC0\xAC\xDE\x1A", 4);
    assert_int_equal(old->backup.dr[4], 0);
    end(old);
    struct chip *new = start(NULL, 101);
    assert_int_equal(vp_dct_read(new->flash, new->boot.board, 0, magic, 4), 0);
    assert_memory_equal(magic, "\xFF\xFF\xFF\xFF", 4);
    assert_int_equal(new->backup.dr[4], 0x1ADEACC0);
    end(new);
}

static void leaving_dfu_marks_the_update(void **state)
{
    (void)state;
    struct chip *chip = start("1.0.0", 0);
    assert_int_equal(vp_boot_finish_update(&chip->boot), 0);
    assert_int_equal(chip->backup.dr[10], 0x5000);
    const struct vp_system_flags flags = flags_of(chip);
    assert_int_equal(flags.iwdg_enable, 0xD001);
    assert_int_equal(flags.ota_update, 0x5000);
    end(chip);
}

static void no_bootloader_is_told(void **state)
{
    (void)state;
    struct chip *chip = start(NULL, 11);
    vp_flash_erase(chip->flash, 0x08000000);
    assert_int_equal(vp_boot_begin(&chip->boot, VP_RESET_PIN), VP_ERROR_NOT_FOUND);
    end(chip);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(erased_flash_goes_to_dfu),
        cmocka_unit_test(jumps_to_part1_with_the_watchdog_only_from_0_7_0_on),
        cmocka_unit_test(only_the_first_parts_header_is_checked),
        cmocka_unit_test(the_button_chooses_by_time),
        cmocka_unit_test(the_light_tells_how_long_the_button_was_held),
        cmocka_unit_test(white_asks_for_cleared_settings_and_jumps),
        cmocka_unit_test(a_request_is_taken_once),
        cmocka_unit_test(a_pending_module_is_copied_and_the_new_one_started),
        cmocka_unit_test(a_module_that_fails_a_check_is_dropped_silently),
        cmocka_unit_test(without_flags_a_module_is_copied_unchecked),
        cmocka_unit_test(without_dct_code_in_part2_nothing_is_applied),
        cmocka_unit_test(a_large_module_takes_two_erases),
        cmocka_unit_test(a_factory_reset_restores_the_application_and_resets),
        cmocka_unit_test(an_application_counts_as_a_failed_start_until_it_says_otherwise),
        cmocka_unit_test(three_resets_by_the_watchdog_lead_to_dfu),
        cmocka_unit_test(a_factory_application_is_found_without_a_slot),
        cmocka_unit_test(before_1_1_0_dfu_comes_at_once_without_a_factory_application),
        cmocka_unit_test(the_factory_flag_asks_for_a_factory_reset),
        cmocka_unit_test(slots_are_done_with_in_each_generations_way),
        cmocka_unit_test(a_cut_copy_is_repeated_since_2_0_0),
        cmocka_unit_test(slots_out_of_range_are_dropped),
        cmocka_unit_test(flags_are_where_the_generation_has_them),
        cmocka_unit_test(leaving_dfu_marks_the_update),
        cmocka_unit_test(no_bootloader_is_told),
    };
    return cmocka_run_group_tests_name("boot", tests, NULL, NULL);
}
