#include "system/update/update.h"

#include <stdlib.h>

#include "dct/dct.h"
#include "dct/module_slots.h"
#include "system/describe/fetch.h"
#include "system/errors.h"
#include "system/own_flags.h"
#include "system/update/bootloader_copy.h"

enum {
    OTA_FLAG_OFFSET = 1753, /* DCT_OTA_UPDATE_FLAG_OFFSET, dct.h @ v1.5.2 */
    OTA_FLAG_SET = 0xA5,
    CORE_OTA_PENDING = 0x0005, /* FLASH_End(), STM32F1xx hw_config.c @ v0.5.2 */
    FINISHED_REGISTER = 10,
};

static struct vp_flash *flash_of_area(const struct vp_system *system)
{
    return system->areas->ota.external ? system->machine.external : system->machine.flash;
}

uint32_t vp_update_area_size(const struct vp_system *system)
{
    const struct vp_module_area *area = &system->areas->ota;
    if (!system->machine.board->modular) {
        /* FLASH_MAX_SIZE, hal/src/core/ota_flash_hal.c: what the application may have */
        return system->slots[0].limit - system->slots[0].start;
    }
    return area->limit - area->start;
}

/* FLASH_Begin() @ v2.2.0: all slots but that of the factory reset. */
static void free_slots(struct vp_system *system)
{
    for (unsigned i = VP_PENDING_FIRST_SLOT; i < VP_PENDING_SLOTS; i++) {
        struct vp_pending_module pending;
        if (vp_pending_read(system->machine.flash, system->machine.board, i, &pending) == 0 &&
            pending.magic == VP_PENDING_MODULE) {
            vp_pending_free(system->machine.flash, system->machine.board, i);
        }
    }
}

static int erase_area(struct vp_system *system, uint32_t size)
{
    return vp_flash_erase_range(flash_of_area(system), system->areas->ota.start, size);
}

static void open_door(struct vp_system *system)
{
    if (system->generation->update->frees_slots && system->machine.board->modular) {
        free_slots(system);
    }
    system->update = (struct vp_update){.begun = true, .watched = true};
    system->state = VP_SYSTEM_UPDATING;
}

static void close_door(struct vp_system *system)
{
    system->update = (struct vp_update){0};
    if (system->state == VP_SYSTEM_UPDATING) {
        system->state = system->listening   ? VP_SYSTEM_LISTENING
                        : system->safe_mode ? VP_SYSTEM_SAFE
                                            : VP_SYSTEM_NORMAL;
    }
}

int vp_update_begin(struct vp_system *system, uint32_t size)
{
    if (system->update.begun) {
        return VP_ERROR_BUSY;
    }
    if (size > vp_update_area_size(system)) {
        return VP_ERROR_RANGE;
    }
    open_door(system);
    int error = erase_area(system, size);
    if (error) {
        close_door(system);
    }
    return error;
}

int vp_update_begin_unchecked(struct vp_system *system, uint32_t size)
{
    if (system->update.begun) {
        return VP_ERROR_BUSY;
    }
    open_door(system);
    if (size <= vp_update_area_size(system)) {
        erase_area(system, size); /* nobody looks at the result: Spark_Prepare_... */
    }
    return 0;
}

/* FLASH_Update(): words, the last one filled up with ones. */
static int program(struct vp_flash *flash, uint32_t address, const uint8_t *data, uint32_t length)
{
    const uint32_t words = length & ~3u;
    int error = words ? vp_flash_program(flash, address, data, words) : 0;
    if (!error && words < length) {
        error = vp_flash_program(flash, address + words, data + words, length - words);
    }
    return error;
}

int vp_update_write(struct vp_system *system, uint32_t offset, const void *data, uint32_t length)
{
    const uint32_t size = vp_update_area_size(system);
    if (!system->update.begun) {
        return VP_ERROR_INVALID;
    }
    if (offset > size || length > size - offset) {
        return VP_ERROR_RANGE;
    }
    system->update.silent_ms = 0;
    return program(flash_of_area(system), system->areas->ota.start + offset, data, length);
}

void vp_update_cancel(struct vp_system *system)
{
    close_door(system);
}

/* ---- The end -------------------------------------------------------------------------------- */

/* validityResultToSystemError() @ v2.2.0 */
static int error_of(const struct vp_described_module *fetched)
{
    static const struct {
        unsigned check;
        int error;
    } errors[] = {
        {VP_CHECK_INTEGRITY, VP_SYSTEM_ERROR_OTA_INTEGRITY_CHECK_FAILED},
        {VP_CHECK_DEPENDENCIES, VP_SYSTEM_ERROR_OTA_DEPENDENCY_CHECK_FAILED},
        {VP_CHECK_DEPENDENCIES_FULL, VP_SYSTEM_ERROR_OTA_DEPENDENCY_CHECK_FAILED},
        {VP_CHECK_RANGE, VP_SYSTEM_ERROR_OTA_INVALID_ADDRESS},
        {VP_CHECK_PLATFORM, VP_SYSTEM_ERROR_OTA_INVALID_PLATFORM},
    };
    if (!fetched->present) {
        return VP_SYSTEM_ERROR_OTA_MODULE_NOT_FOUND;
    }
    for (unsigned i = 0; i < sizeof errors / sizeof *errors; i++) {
        if (fetched->checked & ~fetched->result & errors[i].check) {
            return errors[i].error;
        }
    }
    return fetched->checked == fetched->result ? 0 : VP_SYSTEM_ERROR_OTA_VALIDATION_FAILED;
}

static int unknown_code(const struct vp_system *system)
{
    return system->generation->update->numbers_failures ? VP_SYSTEM_ERROR_UNKNOWN : 1;
}

static int code_of(const struct vp_system *system, const struct vp_described_module *fetched)
{
    const int error = error_of(fetched);
    return error == 0 || system->generation->update->numbers_failures ? error : 1;
}

static void look(const struct vp_system *system, struct vp_described_module *fetched,
                 struct vp_update_result *result)
{
    vp_system_fetch(system, system->areas->ota.start, true, fetched);
    *result = (struct vp_update_result){
        .checked = fetched->checked,
        .result = fetched->result,
        .code = code_of(system, fetched),
    };
}

/* flash_bootloader(): since 0.7.0 it is tried again and again; here a failure is final. */
static int install(struct vp_system *system, uint32_t length, struct vp_update_result *result)
{
    uint8_t *image = malloc(length);
    if (!image) {
        return VP_ERROR_NO_MEMORY;
    }
    int error = vp_flash_read(system->machine.flash, system->areas->ota.start, image, length);
    if (!error) {
        result->installed = vp_bootloader_copy(system, image, length);
    }
    free(image);
    if (!result->installed && !error) {
        result->code = unknown_code(system);
    }
    return error;
}

static void queue(struct vp_system *system, const struct vp_module *module, uint32_t length,
                  struct vp_update_result *result)
{
    const struct vp_pending_module pending = {
        .source_device = VP_PENDING_INTERNAL,
        .destination_device = VP_PENDING_INTERNAL,
        .source = system->areas->ota.start,
        .destination = module->start,
        .length = length,
        .function = module->function,
        .flags = VP_PENDING_CHECK_ALL,
    };
    result->queued = vp_pending_add(system->machine.flash, system->machine.board, &pending) >= 0;
    if (!result->queued) {
        result->code = unknown_code(system);
    }
}

/* HAL_FLASH_End() */
static int apply(struct vp_system *system, struct vp_update_result *result)
{
    struct vp_described_module fetched = {0};
    look(system, &fetched, result);
    if (result->code) {
        return 0;
    }
    const uint32_t length = fetched.module.end - fetched.module.start + VP_MODULE_CRC_SIZE;
    if (fetched.module.function == VP_MODULE_BOOTLOADER) {
        return install(system, length, result);
    }
    queue(system, &fetched.module, length, result);
    return 0;
}

/* hal/src/core/ota_flash_hal.c: HAL_FLASH_End() only leaves word for the bootloader. */
static void leave_word(struct vp_system *system, struct vp_update_result *result)
{
    struct vp_system_flags flags;
    vp_own_flags_load(system, &flags);
    flags.ota_update = CORE_OTA_PENDING;
    vp_own_flags_save(system, &flags);
    system->machine.backup->dr[FINISHED_REGISTER] = CORE_OTA_PENDING;
    *result = (struct vp_update_result){.queued = true};
}

int vp_update_validate(struct vp_system *system, struct vp_update_result *result)
{
    *result = (struct vp_update_result){.code = unknown_code(system)};
    if (!system->update.begun) {
        return VP_ERROR_INVALID;
    }
    if (system->areas->ota.external) {
        *result = (struct vp_update_result){0};
        return 0;
    }
    struct vp_described_module fetched = {0};
    look(system, &fetched, result);
    return 0;
}

int vp_update_finish(struct vp_system *system, struct vp_update_result *result)
{
    *result = (struct vp_update_result){.code = unknown_code(system)};
    if (!system->update.begun) {
        return VP_ERROR_INVALID;
    }
    int error = 0;
    if (system->areas->ota.external) {
        leave_word(system, result);
    } else {
        error = apply(system, result);
    }
    close_door(system);
    return error;
}

bool vp_update_apply_flagged(struct vp_system *system)
{
    const struct vp_board *board = system->machine.board;
    uint8_t flag = 0;
    if (!system->generation->start->applies_ota_flag || !board->modular ||
        vp_dct_read(system->machine.flash, board, OTA_FLAG_OFFSET, &flag, 1) ||
        flag != OTA_FLAG_SET) {
        return false;
    }
    flag = 0xFF;
    struct vp_update_result result;
    return vp_dct_write(system->machine.flash, board, OTA_FLAG_OFFSET, &flag, 1) == 0 &&
           apply(system, &result) == 0 && (result.queued || result.installed);
}

/* ---- Time ----------------------------------------------------------------------------------- */

static uint32_t silence_limit(const struct vp_system *system)
{
    return vp_figure_on(&system->generation->update->patience, system->machine.board->platform);
}

int64_t vp_update_patience(const struct vp_system *system)
{
    return system->update.watched ? (int64_t)silence_limit(system) - system->update.silent_ms : -1;
}

void vp_update_advance(struct vp_system *system, uint32_t milliseconds)
{
    if (!system->update.watched) {
        return;
    }
    if (milliseconds >= silence_limit(system) - system->update.silent_ms) {
        vp_cloud_leave_reason(system, VP_RESET_REASON_UPDATE_TIMEOUT);
        system->state = VP_SYSTEM_RESETTING; /* HAL_SysTick_Handler(), main.cpp */
        return;
    }
    system->update.silent_ms += milliseconds;
}
