#include "dct/system_flags.h"

#include <string.h>

#include "bytes.h"
#include "dct/dct.h"

enum {
    MAGIC = 0x1ADEACC0,
    FIRST_REGISTER = 4, /* DR4 holds the magic, DR5 to DR9 the 20 bytes after it */
    BYTES_IN_REGISTERS = 24,
    /* Offsets: SystemFlags, platform/MCU/STM32F2xx/.../inc/dct.h @ v0.7.0. */
    BOOTLOADER_VERSION = 4,
    NVMEM_RESET = 6,
    OTA_UPDATE = 8,
    OTA_FLASHED = 10,
    FACTORY_RESET = 12,
    IWDG_ENABLE = 14,
    DFU_ON_NONE = 16,
    FACTORY_RESET_DONE = 17,
    STARTUP_MODE = 18,
    FEATURES = 19,
    RESET_CAUSE = 20,
};

/* ---- The Core's page --------------------------------------------------------------------- */

/* STM32F1xx/.../hw_config.c @ v0.7.0: no magic, no watchdog flag. Offsets there and here. */
static const struct {
    uint8_t page, flags, size;
} page_fields[] = {
    {0, BOOTLOADER_VERSION, 2},  {2, NVMEM_RESET, 2},   {4, OTA_UPDATE, 2},
    {6, OTA_FLASHED, 2},         {8, FACTORY_RESET, 2}, {10, DFU_ON_NONE, 1},
    {11, FACTORY_RESET_DONE, 1}, {12, STARTUP_MODE, 1}, {13, FEATURES, 1},
    {14, RESET_CAUSE, 4},
};

enum { PAGE_BYTES = 18, PAGE_FIELDS = sizeof page_fields / sizeof *page_fields };

static void load_page(uint8_t *raw, const struct vp_flash *flash, const struct vp_board *board)
{
    uint8_t page[PAGE_BYTES];
    if (vp_flash_read(flash, board->flags_page, page, sizeof page)) {
        return;
    }
    for (unsigned i = 0; i < PAGE_FIELDS; i++) {
        memcpy(raw + page_fields[i].flags, page + page_fields[i].page, page_fields[i].size);
    }
    vp_put_le32(raw, MAGIC);
}

static int save_page(const uint8_t *raw, struct vp_flash *flash, const struct vp_board *board)
{
    uint8_t page[PAGE_BYTES];
    for (unsigned i = 0; i < PAGE_FIELDS; i++) {
        memcpy(page + page_fields[i].page, raw + page_fields[i].flags, page_fields[i].size);
    }
    const int error = vp_flash_erase(flash, board->flags_page);
    return error ? error : vp_flash_program(flash, board->flags_page, page, sizeof page);
}

bool vp_system_flags_load(struct vp_system_flags *flags, enum vp_flags_store store,
                          const struct vp_flash *flash, const struct vp_board *board,
                          const struct vp_backup_registers *backup)
{
    memset(flags->raw, 0xFF, sizeof flags->raw);
    if (store == VP_FLAGS_IN_DCT) {
        vp_dct_read_as(flash, board, VP_DCT_CODE_1, 0, flags->raw, sizeof flags->raw);
    } else if (store == VP_FLAGS_IN_PAGE) {
        load_page(flags->raw, flash, board);
    } else {
        for (unsigned i = 0; i < BYTES_IN_REGISTERS / 4; i++) {
            vp_put_le32(flags->raw + 4 * i, backup->dr[FIRST_REGISTER + i]);
        }
    }
    const bool written = vp_get_le32(flags->raw) == MAGIC;
    if (!written) {
        memset(flags->raw, 0xFF, sizeof flags->raw);
    }
    flags->bootloader_version = vp_get_le16(flags->raw + BOOTLOADER_VERSION);
    flags->nvmem_reset = vp_get_le16(flags->raw + NVMEM_RESET);
    flags->ota_update = vp_get_le16(flags->raw + OTA_UPDATE);
    flags->ota_flashed = vp_get_le16(flags->raw + OTA_FLASHED);
    flags->factory_reset = vp_get_le16(flags->raw + FACTORY_RESET);
    flags->iwdg_enable = vp_get_le16(flags->raw + IWDG_ENABLE);
    flags->factory_reset_done = flags->raw[FACTORY_RESET_DONE];
    flags->startup_mode = flags->raw[STARTUP_MODE];
    flags->reset_cause = vp_get_le32(flags->raw + RESET_CAUSE);
    return written;
}

int vp_system_flags_save(struct vp_system_flags *flags, enum vp_flags_store store,
                         struct vp_flash *flash, const struct vp_board *board,
                         struct vp_backup_registers *backup)
{
    vp_put_le32(flags->raw, MAGIC);
    vp_put_le16(flags->raw + BOOTLOADER_VERSION, flags->bootloader_version);
    vp_put_le16(flags->raw + NVMEM_RESET, flags->nvmem_reset);
    vp_put_le16(flags->raw + OTA_UPDATE, flags->ota_update);
    vp_put_le16(flags->raw + OTA_FLASHED, flags->ota_flashed);
    vp_put_le16(flags->raw + FACTORY_RESET, flags->factory_reset);
    vp_put_le16(flags->raw + IWDG_ENABLE, flags->iwdg_enable);
    flags->raw[FACTORY_RESET_DONE] = flags->factory_reset_done;
    flags->raw[STARTUP_MODE] = flags->startup_mode;
    vp_put_le32(flags->raw + RESET_CAUSE, flags->reset_cause);
    if (store == VP_FLAGS_IN_DCT) {
        return vp_dct_write_as(flash, board, VP_DCT_CODE_1, 0, flags->raw, sizeof flags->raw);
    }
    if (store == VP_FLAGS_IN_PAGE) {
        return save_page(flags->raw, flash, board);
    }
    for (unsigned i = 0; i < BYTES_IN_REGISTERS / 4; i++) {
        backup->dr[FIRST_REGISTER + i] = vp_get_le32(flags->raw + 4 * i);
    }
    return 0;
}
