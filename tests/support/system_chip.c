#include "support/system_chip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

static const uint8_t device_id[VP_DEVICE_ID_SIZE] = {0x30, 0x00, 0x3a, 0x00, 0x0a, 0x47,
                                                     0x34, 0x32, 0x31, 0x30, 0x31, 0x31};

void chip_make_erased(struct chip *chip, enum vp_platform platform)
{
    *chip = (struct chip){.board = vp_board_find(platform)};
    assert_int_equal(vp_flash_create(&chip->flash, chip->board->geometry), 0);
    if (chip->board->external) {
        assert_int_equal(vp_flash_create(&chip->external, chip->board->external), 0);
    }
}

void chip_make(struct chip *chip, enum vp_platform platform, const char *release,
               uint16_t bootloader)
{
    chip_make_erased(chip, platform);
    assert_int_equal(vp_module_install_release(chip->flash, platform, release, bootloader, NULL),
                     0);
    chip_write_flags(chip, 0);
}

void chip_free(struct chip *chip)
{
    vp_system_stop(&chip->system);
    vp_flash_destroy(chip->flash);
    vp_flash_destroy(chip->external);
}

uint16_t chip_bootloader(const struct chip *chip)
{
    struct vp_module bootloader;
    assert_int_equal(vp_module_read_header(chip->flash, 0x08000000, &bootloader), 0);
    return bootloader.version;
}

void chip_write_flags(struct chip *chip, uint8_t startup_mode)
{
    const enum vp_flags_store store =
        chip_bootloader(chip) < 100 ? VP_FLAGS_IN_DCT : VP_FLAGS_IN_BACKUP_REGISTERS;
    struct vp_system_flags flags;
    vp_system_flags_load(&flags, store, chip->flash, chip->board, &chip->backup);
    flags.startup_mode = startup_mode;
    assert_int_equal(vp_system_flags_save(&flags, store, chip->flash, chip->board, &chip->backup),
                     0);
}

enum vp_system_state chip_start(struct chip *chip)
{
    struct vp_system_machine machine = {
        .board = chip->board,
        .flash = chip->flash,
        .external = chip->external,
        .backup = &chip->backup,
        .networks = &chip->networks,
    };
    memcpy(machine.device_id, device_id, sizeof device_id);
    vp_system_stop(&chip->system);
    vp_system_start(&chip->system, &machine);
    return chip->system.state;
}

void chip_listen(struct chip *chip)
{
    chip_start(chip);
    vp_system_set_dtr(&chip->system, true);
    vp_system_listen(&chip->system, true);
    assert_int_equal(chip->system.state, VP_SYSTEM_LISTENING);
}

void chip_program(struct chip *chip, uint32_t address, const uint8_t *image, size_t size)
{
    assert_int_equal(vp_flash_erase_range(chip->flash, address, (uint32_t)size), 0);
    assert_int_equal(vp_flash_program(chip->flash, address, image, size), 0);
}

uint8_t *chip_forge(enum vp_platform platform, const char *part_at_version, size_t *size)
{
    const struct vp_catalogue_module *module;
    struct vp_failure failure;
    uint8_t *image;
    if (vp_forge_find(platform, part_at_version, &module, &failure)) {
        fail_msg("%s", failure.text);
    }
    assert_int_equal(vp_forge_catalogue_module(module, &image, size), 0);
    return image;
}

void chip_install(struct chip *chip, const char *part_at_version)
{
    size_t size;
    uint8_t *image = chip_forge(chip->board->platform, part_at_version, &size);
    struct vp_module module;
    assert_int_equal(vp_module_parse(image, size, &module, NULL), 0);
    chip_program(chip, module.start, image, size);
    free(image);
}

void chip_mend_crc(uint8_t *image, size_t size)
{
    const uint32_t crc = (uint32_t)crc32(crc32(0, NULL, 0), image, (uInt)(size - 4));
    for (unsigned i = 0; i < 4; i++) {
        image[size - 4 + i] = (uint8_t)(crc >> (24 - 8 * i));
    }
}

void chip_send(struct chip *chip, const void *bytes, size_t count)
{
    assert_int_equal(vp_system_receive(&chip->system, bytes, (uint32_t)count), count);
}

void chip_say(struct chip *chip, const char *text)
{
    chip_send(chip, text, strlen(text));
}

const char *chip_hear(struct chip *chip)
{
    static char heard[65536];
    uint32_t count = 0, more;
    while ((more = vp_system_transmit(&chip->system, (uint8_t *)heard + count, 64)) > 0) {
        count += more;
        assert_true(count < sizeof heard - 64);
    }
    heard[count] = '\0';
    return heard;
}

void chip_settle(struct chip *chip)
{
    int64_t deadline;
    while ((deadline = vp_system_next_deadline(&chip->system)) >= 0) {
        vp_system_advance(&chip->system, deadline > 0 ? (uint32_t)deadline : 1);
    }
}
