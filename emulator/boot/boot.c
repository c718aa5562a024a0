#include "boot/boot.h"

#include "boot/dct_code.h"
#include "boot/update.h"
#include "bytes.h"
#include "dct/dct.h"
#include "vparticle/module.h"

enum {
    REQUEST_REGISTER = 1,
    FINISHED_REGISTER = 10,
};

/* Values of the system flags. */
enum {
    OTA_RECEIVED = 0x0005, /* FLASH_OTA_Update_SysFlag: an image waits in the serial flash */
    OTA_BROKEN = 0x5555,
    OTA_FINISHED = 0x5000,
    COPIED = 0x0001, /* OTA_FLASHED_Status_SysFlag */
    FACTORY_RESET_WANTED = 0xAAAA,
    FACTORY_RESET_DONE = 0x5A,
    SETTINGS_CLEAR = 0x0001, /* NVMEM_SPARK_Reset_SysFlag */
    WATCHDOG_WANTED = 0xD001,
    WATCHDOG_OFF = 0xFFFF,
    SAFE_MODE = 0x01,
    NEVER = 0xFFFF,
};

/* Backup register 1 counts starts that ended by the watchdog. */
enum { FIRST_RETRY = 1, SECOND_RETRY = 2, THIRD_RETRY = 3 };

enum { IWDG_OFFSET_IN_DCT = 14, LED_THEME_OFFSET = 3759, SYSTEM_WITH_FLAGS_IN_REGISTERS = 200 };

/* The Core's bootloader has its header, if any, after another vector table. */
enum { STACK_MASK_F103 = 0x2FFE0000, STACK_F103 = 0x20000000 };

/* ---- Flags -------------------------------------------------------------------------------- */

/* Save_SystemFlags(): where the bootloader's own code can't write, nobody notices. */
static int save_flags(struct vp_boot *boot)
{
    return boot->generation->dct_code == VP_DCT_OWN_READ_ONLY
               ? 0
               : vp_system_flags_save(&boot->flags, boot->generation->flags_store, boot->flash,
                                      boot->board, boot->backup);
}

static void keep_first(int *first, int error)
{
    if (!*first) {
        *first = error;
    }
}

/* ---- The first things ------------------------------------------------------------------------ */

/* @return 0 and the version, or VP_ERROR_NOT_FOUND */
static int find_version(const struct vp_boot *boot, uint16_t *version)
{
    struct vp_module module;
    const struct vp_region *place = &boot->board->bootloader;
    *version = 0;
    if (boot->board->modular) {
        if (vp_module_parse_flash(boot->flash, place->start, &module, NULL) ||
            module.function != VP_MODULE_BOOTLOADER) {
            return VP_ERROR_NOT_FOUND;
        }
        *version = module.version;
        return 0;
    }
    uint8_t stack[4], header[VP_MODULE_HEADER_SIZE];
    vp_flash_read(boot->flash, place->start, stack, sizeof stack);
    vp_flash_read(boot->flash, place->start + VP_MODULE_HEADER_F103, header, sizeof header);
    if ((vp_get_le32(stack) & STACK_MASK_F103) != STACK_F103) {
        return VP_ERROR_NOT_FOUND;
    }
    if (vp_get_le32(header) == place->start && header[14] == VP_MODULE_BOOTLOADER) {
        *version = vp_get_le16(header + 10);
    }
    return 0;
}

/* Save_Reset_Syndrome, Bootloader_Update_Version, StartupMode_SysFlag: each saves by itself. */
static int note_start(struct vp_boot *boot, enum vp_reset_cause cause)
{
    int error = 0;
    if (boot->flags.reset_cause != (uint32_t)cause) {
        boot->flags.reset_cause = cause;
        keep_first(&error, save_flags(boot));
    }
    if (boot->flags.bootloader_version != boot->version) {
        boot->flags.bootloader_version = boot->version;
        keep_first(&error, save_flags(boot));
    }
    if (boot->flags.startup_mode != 0) {
        boot->flags.startup_mode = 0;
        keep_first(&error, save_flags(boot));
    }
    return error;
}

static void heed_flags(struct vp_boot *boot)
{
    boot->ota_flash_available = boot->flags.ota_update == OTA_RECEIVED;
    boot->reflash_from_backup = boot->flags.ota_update == OTA_BROKEN;
    boot->factory_reset = boot->flags.factory_reset == FACTORY_RESET_WANTED;
}

/* The firmware did not get going, and the watchdog noticed. @return the register's next value */
static uint32_t retry(struct vp_boot *boot, uint32_t count)
{
    switch (count) {
    case FIRST_RETRY:
        boot->reflash_from_backup = true;
        return SECOND_RETRY;
    case SECOND_RETRY:
        boot->factory_reset = true;
        boot->flags.nvmem_reset = 0;
        return THIRD_RETRY;
    case THIRD_RETRY:
        boot->usb_dfu = true;
        return VP_BOOT_REQUEST_NONE;
    default:
        return VP_BOOT_REQUEST_NONE;
    }
}

/* What the running firmware asked for, once; else what became of it. */
static int take_request(struct vp_boot *boot, enum vp_reset_cause cause)
{
    uint32_t *reg = &boot->backup->dr[REQUEST_REGISTER];
    const uint32_t request = *reg & 0xFFFF;
    if (request == VP_BOOT_REQUEST_NONE) {
        *reg = FIRST_RETRY; /* the running firmware sets it back when it got going */
    } else if (request == VP_BOOT_REQUEST_DFU) {
        boot->usb_dfu = true;
        *reg = VP_BOOT_REQUEST_NONE;
    } else if (request == VP_BOOT_REQUEST_SAFE_MODE && boot->generation->rules->safe_request) {
        boot->safe_mode = true;
        *reg = VP_BOOT_REQUEST_NONE;
    } else if (cause == VP_RESET_WATCHDOG) {
        *reg = retry(boot, request);
        boot->flags.ota_flashed = 0; /* OTA_Flashed_ResetStatus() */
        return save_flags(boot);
    }
    return 0;
}

int vp_boot_begin(struct vp_boot *boot, enum vp_reset_cause cause)
{
    boot->generation = vp_boot_generation_find(boot->board->platform, 0);
    if (find_version(boot, &boot->version)) {
        return VP_ERROR_NOT_FOUND;
    }
    boot->generation = vp_boot_generation_find(boot->board->platform, boot->version);
    uint8_t theme; /* get_led_theme_colors(): the first use of the DCT */
    vp_boot_dct_read(boot, LED_THEME_OFFSET, &theme, sizeof theme);
    int error = vp_dct_prepare(boot->flash, boot->board, boot->generation->dct_version);
    vp_system_flags_load(&boot->flags, boot->generation->flags_store, boot->flash, boot->board,
                         boot->backup);
    keep_first(&error, note_start(boot, cause));
    heed_flags(boot);
    keep_first(&error, take_request(boot, cause));
    return error;
}

/* ---- The button ---------------------------------------------------------------------------- */

void vp_boot_press(struct vp_boot *boot)
{
    boot->watching = true;
    boot->factory_available =
        boot->generation->rules->hold == VP_HOLD_NO_LOOK || vp_boot_factory_available(boot);
}

static const uint32_t steps[] = {
    VP_BOOT_HOLD_SAFE_MODE,      VP_BOOT_HOLD_DFU,   VP_BOOT_HOLD_FACTORY_RESET,
    VP_BOOT_HOLD_CLEAR_SETTINGS, VP_BOOT_HOLD_LIMIT,
};

int64_t vp_boot_next_step(const struct vp_boot *boot)
{
    for (size_t i = 0; boot->watching && i < sizeof steps / sizeof *steps; i++) {
        if (steps[i] > boot->held_ms) {
            return steps[i] - boot->held_ms;
        }
    }
    return -1;
}

static void hold_for_dfu(struct vp_boot *boot)
{
    boot->color = VP_LED_YELLOW;
    boot->usb_dfu = true;
    if (boot->generation->rules->hold == VP_HOLD_FACTORY_OR_DFU && !boot->factory_available) {
        boot->watching = false;
    }
}

static void hold_for_factory_reset(struct vp_boot *boot)
{
    if (boot->factory_available) {
        boot->color = VP_LED_GREEN;
        boot->flags.nvmem_reset = 0;
        boot->factory_reset = true;
    }
}

static void hold_for_settings(struct vp_boot *boot)
{
    boot->color = VP_LED_WHITE;
    if (boot->generation->rules->hold == VP_HOLD_SETTINGS_TOO) {
        boot->reset_settings = true;
    } else {
        boot->flags.nvmem_reset = SETTINGS_CLEAR;
    }
}

bool vp_boot_hold(struct vp_boot *boot, uint32_t milliseconds)
{
    boot->held_ms += milliseconds;
    switch (boot->held_ms) {
    case VP_BOOT_HOLD_SAFE_MODE:
        boot->ota_flash_available = false;
        boot->reflash_from_backup = false;
        boot->factory_reset = false;
        boot->color = VP_LED_MAGENTA;
        boot->safe_mode = true;
        break;
    case VP_BOOT_HOLD_DFU:
        hold_for_dfu(boot);
        break;
    case VP_BOOT_HOLD_FACTORY_RESET:
        hold_for_factory_reset(boot);
        break;
    case VP_BOOT_HOLD_CLEAR_SETTINGS:
        hold_for_settings(boot);
        break;
    case VP_BOOT_HOLD_LIMIT:
        boot->watching = false;
        break;
    default:
        break;
    }
    return boot->watching;
}

/* ---- The light ------------------------------------------------------------------------------- */

static void show(struct vp_boot *boot, enum vp_led_color color)
{
    boot->color = color;
    if (boot->light_changed) {
        boot->light_changed(boot->context);
    }
}

/* flashModulesCallback */
static void show_update(struct vp_boot *boot, bool updating)
{
    boot->ota_flash_available = updating;
    show(boot, updating ? VP_LED_MAGENTA : VP_LED_OFF);
}

/* Timing_Decrement(): a toggle each 51 or 101 ms, as measured. */
void vp_boot_led(const struct vp_boot *boot, struct vp_led *led)
{
    enum { FAST = 102, SLOW = 202 };
    /* Before 9 a hold changed FACTORY_RESET_MODE only when the button was let go of. */
    const bool held_slow = boot->watching && !boot->generation->rules->fast_while_held;
    const bool fast = boot->reflash_from_backup || boot->ota_flash_available ||
                      ((boot->factory_reset || boot->reset_settings) && !held_slow);
    *led = (struct vp_led){.color = boot->color, .pattern = VP_LED_SOLID};
    if (boot->color != VP_LED_OFF && (fast || boot->safe_mode || boot->usb_dfu)) {
        led->pattern = VP_LED_BLINK;
        led->period = fast ? FAST : SLOW;
    }
}

/* ---- The decision ---------------------------------------------------------------------------- */

int vp_boot_finish_update(struct vp_boot *boot)
{
    boot->flags.iwdg_enable = WATCHDOG_WANTED;
    boot->flags.ota_update = OTA_FINISHED;
    boot->backup->dr[FINISHED_REGISTER] = OTA_FINISHED;
    return save_flags(boot);
}

bool vp_boot_application_valid(const struct vp_flash *flash, const struct vp_board *board)
{
    if (!board->modular) {
        uint8_t stack[4];
        return vp_flash_read(flash, board->application, stack, sizeof stack) == 0 &&
               (vp_get_le32(stack) & STACK_MASK_F103) == STACK_F103;
    }
    struct vp_module module;
    const struct vp_flash_geometry *geometry = vp_flash_geometry(flash);
    const struct vp_flash_sector *last = &geometry->sectors[geometry->sector_count - 1];
    return vp_module_read_header(flash, board->application, &module) == 0 &&
           module.start == board->application && module.end <= last->address + last->size &&
           module.platform == board->platform;
}

/* FACTORY_Flash_Reset(). @return true if the chip is reset */
static bool factory_flash_reset(struct vp_boot *boot)
{
    const bool success = vp_boot_restore_factory(boot);
    boot->flags.factory_reset = NEVER;
    if (success) {
        boot->flags.ota_flashed = 0;
        boot->flags.factory_reset_done = FACTORY_RESET_DONE;
        vp_boot_finish_update(boot);
    } else {
        save_flags(boot);
    }
    return success;
}

/* OTA_Flash_Reset(): where there is no serial flash to copy from it does nothing, and the
 * bootloader ends up in DFU mode. */
static enum vp_boot_decision ota_flash_reset(struct vp_boot *boot)
{
    show(boot, VP_LED_MAGENTA);
    if (boot->generation->rules->update != VP_UPDATE_SERIAL_IMAGE) {
        return VP_BOOT_DFU;
    }
    vp_boot_back_up(boot);
    boot->flags.ota_update = OTA_BROKEN;
    save_flags(boot);
    boot->backup->dr[FINISHED_REGISTER] = OTA_BROKEN;
    vp_boot_restore_image(boot, VP_BOOT_IMAGE_OTA);
    boot->flags.ota_flashed = COPIED;
    vp_boot_finish_update(boot);
    return VP_BOOT_RESET;
}

/* The version of what get_main_module_version() finds: system part 2, else a monolithic image. */
static int main_module_version(const struct vp_boot *boot)
{
    struct vp_module module;
    unsigned count;
    const struct vp_module_slot *slots = vp_module_slots(boot->board->platform, 0, &count);
    for (unsigned i = 0; i < count; i++) {
        if (slots[i].function == VP_MODULE_SYSTEM && slots[i].index == 2 &&
            vp_module_read_header(boot->flash, slots[i].start, &module) == 0 &&
            module.platform == boot->board->platform && module.function == VP_MODULE_SYSTEM &&
            module.index == 2) {
            return module.version;
        }
    }
    if (vp_module_read_header(boot->flash, boot->board->application, &module) == 0 &&
        module.platform == boot->board->platform && module.function == VP_MODULE_MONOLITHIC &&
        module.index == 0) {
        return module.version;
    }
    return -1;
}

/* IWDG_Reset_Enable() before the jump. */
static bool start_watchdog(struct vp_boot *boot)
{
    switch (boot->generation->rules->watchdog) {
    case VP_WATCHDOG_ALWAYS:
        return true;
    case VP_WATCHDOG_BY_FLAG:
        return boot->flags.iwdg_enable == WATCHDOG_WANTED;
    case VP_WATCHDOG_BY_FLAG_AND_FIRMWARE:
        break;
    }
    const int version = main_module_version(boot);
    if (version >= 0 && version < SYSTEM_WITH_FLAGS_IN_REGISTERS) {
        return false; /* it would look for the flag in the DCT, and find nothing to clear */
    }
    uint8_t flag[2];
    if (vp_boot_dct_read(boot, IWDG_OFFSET_IN_DCT, flag, sizeof flag) == 0 &&
        vp_get_le16(flag) == WATCHDOG_WANTED) { /* left by an old bootloader */
        vp_put_le16(flag, WATCHDOG_OFF);
        vp_boot_dct_write(boot, IWDG_OFFSET_IN_DCT, flag, sizeof flag);
        boot->flags.iwdg_enable = WATCHDOG_WANTED;
    }
    return boot->flags.iwdg_enable == WATCHDOG_WANTED;
}

static void read_vectors(struct vp_boot *boot)
{
    uint8_t vectors[8];
    vp_flash_read(boot->flash, boot->board->application, vectors, sizeof vectors);
    boot->stack = vp_get_le32(vectors);
    boot->entry = vp_get_le32(vectors + 4) & ~1u;
}

static enum vp_boot_decision factory_reset(struct vp_boot *boot)
{
    show(boot, boot->flags.nvmem_reset == SETTINGS_CLEAR ? VP_LED_WHITE : VP_LED_GREEN);
    if (factory_flash_reset(boot) || vp_boot_application_valid(boot->flash, boot->board)) {
        return VP_BOOT_RESET;
    }
    return VP_BOOT_DFU;
}

static enum vp_boot_decision jump(struct vp_boot *boot)
{
    if (boot->generation->rules->update != VP_UPDATE_SERIAL_IMAGE) {
        vp_boot_update_modules(boot, show_update);
    } else if (boot->reflash_from_backup) {
        show(boot, VP_LED_RED);
        vp_boot_restore_image(boot, VP_BOOT_IMAGE_BACKUP);
        boot->flags.ota_flashed = 0;
        vp_boot_finish_update(boot);
        return VP_BOOT_RESET;
    }
    if (vp_boot_application_valid(boot->flash, boot->board)) {
        boot->watchdog = start_watchdog(boot);
        read_vectors(boot);
        return VP_BOOT_APPLICATION;
    }
    show(boot, VP_LED_RED);
    return factory_flash_reset(boot) ? VP_BOOT_RESET : VP_BOOT_DFU;
}

/* What a hold comes to when it is over. */
static void settle_hold(struct vp_boot *boot)
{
    boot->watching = false;
    if (boot->reset_settings) {
        boot->flags.nvmem_reset = SETTINGS_CLEAR;
        save_flags(boot);
        boot->usb_dfu = false;
        boot->safe_mode = false;
    }
    boot->safe_mode = boot->safe_mode && !(boot->usb_dfu || boot->factory_reset);
    if (boot->safe_mode) {
        boot->flags.startup_mode = SAFE_MODE;
        save_flags(boot);
    }
}

enum vp_boot_decision vp_boot_decide(struct vp_boot *boot)
{
    settle_hold(boot);
    const enum vp_boot_decision decision = boot->ota_flash_available ? ota_flash_reset(boot)
                                           : boot->factory_reset     ? factory_reset(boot)
                                           : boot->usb_dfu           ? VP_BOOT_DFU
                                                                     : jump(boot);
    if (decision == VP_BOOT_DFU) {
        boot->factory_reset = false;
        boot->ota_flash_available = false;
        boot->reflash_from_backup = false;
        boot->reset_settings = false;
        boot->usb_dfu = true;
        boot->color = VP_LED_YELLOW;
    }
    return decision;
}
