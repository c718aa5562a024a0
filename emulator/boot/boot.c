#include "boot/boot.h"

#include "vparticle/module.h"

enum {
    REQUEST_REGISTER = 1,
    FINISHED_REGISTER = 10,
    UPDATE_FINISHED = 0x5000,
    WATCHDOG_ENABLED = 0xD001,
    FIRST_RETRY = 1,
    SAFE_MODE = 0x01,
};

/* The bootloader writes the DCT's flags only where it has its own code for it. */
static int save_flags(const struct vp_boot *boot, struct vp_system_flags *flags)
{
    return vp_system_flags_save(flags, boot->generation->flags_store, boot->flash, boot->board,
                                boot->backup);
}

static bool load_flags(const struct vp_boot *boot, struct vp_system_flags *flags)
{
    return vp_system_flags_load(flags, boot->generation->flags_store, boot->flash, boot->board,
                                boot->backup);
}

int vp_boot_begin(struct vp_boot *boot, enum vp_reset_cause cause)
{
    struct vp_module bootloader;
    boot->version = 0;
    boot->generation = vp_boot_generation_find(0);
    if (vp_module_parse_flash(boot->flash, boot->board->bootloader.start, &bootloader, NULL) ||
        bootloader.function != VP_MODULE_BOOTLOADER) {
        return VP_ERROR_NOT_FOUND;
    }
    boot->version = bootloader.version;
    boot->generation = vp_boot_generation_find(bootloader.version);

    struct vp_system_flags flags;
    const bool written = load_flags(boot, &flags);
    if (written && flags.bootloader_version == boot->version && flags.startup_mode == 0 &&
        flags.reset_cause == (uint32_t)cause) {
        return 0;
    }
    flags.bootloader_version = boot->version;
    flags.startup_mode = 0;
    flags.reset_cause = cause;
    return save_flags(boot, &flags);
}

bool vp_boot_application_valid(const struct vp_flash *flash, const struct vp_board *board)
{
    struct vp_module module;
    const struct vp_flash_geometry *geometry = vp_flash_geometry(flash);
    const struct vp_flash_sector *last = &geometry->sectors[geometry->sector_count - 1];
    return vp_module_read_header(flash, board->application, &module) == 0 &&
           module.start == board->application && module.end <= last->address + last->size &&
           module.platform == board->platform;
}

/* What the running firmware asked for, once. */
static uint32_t take_request(struct vp_boot *boot)
{
    uint32_t *reg = &boot->backup->dr[REQUEST_REGISTER];
    const uint32_t request = *reg & 0xFFFF;
    if (request == VP_BOOT_REQUEST_DFU || request == VP_BOOT_REQUEST_SAFE_MODE) {
        *reg = VP_BOOT_REQUEST_NONE;
        return request;
    }
    if (request == VP_BOOT_REQUEST_NONE) {
        *reg = FIRST_RETRY; /* the running firmware sets it back when it got going */
    }
    return VP_BOOT_REQUEST_NONE;
}

enum vp_boot_decision vp_boot_decide(struct vp_boot *boot, uint32_t held_ms)
{
    const uint32_t request = take_request(boot);
    const bool dfu = request == VP_BOOT_REQUEST_DFU || held_ms >= VP_BOOT_HOLD_DFU;
    const bool safe_mode =
        !dfu && (request == VP_BOOT_REQUEST_SAFE_MODE || held_ms >= VP_BOOT_HOLD_SAFE_MODE);
    if (safe_mode) {
        struct vp_system_flags flags;
        load_flags(boot, &flags);
        flags.startup_mode = SAFE_MODE;
        save_flags(boot, &flags);
    }
    return dfu || !vp_boot_application_valid(boot->flash, boot->board) ? VP_BOOT_DFU
                                                                       : VP_BOOT_APPLICATION;
}

int vp_boot_finish_update(struct vp_boot *boot)
{
    struct vp_system_flags flags;
    load_flags(boot, &flags);
    flags.iwdg_enable = WATCHDOG_ENABLED;
    flags.ota_update = UPDATE_FINISHED;
    boot->backup->dr[FINISHED_REGISTER] = UPDATE_FINISHED;
    return save_flags(boot, &flags);
}
