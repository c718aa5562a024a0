#include "system/mode.h"

#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "dct/dct.h"
#include "dct/module_slots.h"
#include "system/describe/fetch.h"
#include "system/describe/release.h"
#include "system/networks.h"
#include "system/own_flags.h"
#include "system/update/self_install.h"
#include "system/update/update.h"

enum {
    SAFE_MODE = 0x01,
    UNWRITTEN = 0xFF,
    WATCHDOG_ENABLED = 0xD001,
    WATCHDOG_OFF = 0xFFFF,
    WATCHDOG_IN_FLAGS = 14, /* offset of IWDG_Enable_SysFlag */
    SAFE_LISTEN = 0x5A1B,
    STARTED_REGISTER = 1, /* the bootloader's count of failed starts, and its requests */
    STARTED = 0xFFFF,
    REGISTER_COUNT = 16,
    DEVICE_ID_OFFSET = 3618, /* DCT_DEVICE_ID_OFFSET, dct.h @ v0.7.0 */
    FLASH_END = 0x08100000,
};

/* ---- What is in flash ----------------------------------------------------------------------- */

/*
 * Does the code of a part run? The processor just goes there: what the header says of it does not
 * matter before somebody looks. Deduced: the code is whole if one of its two sums is right, and
 * crashes otherwise.
 */
static bool is_whole(const struct vp_flash *flash, const struct vp_module_slot *slot)
{
    struct vp_module part;
    if (vp_module_read_header(flash, slot->start, &part)) {
        return false;
    }
    part.start = slot->start;
    return vp_module_read_sums(flash, slot->start, &part) == 0 &&
           vp_module_integrity_flash(flash, slot->start, &part) != 0;
}

/* A system that checks its main part itself gets that far with a damaged one. Deduced. */
static bool is_looked_at(const struct vp_system *system, const struct vp_module_slot *slot)
{
    struct vp_module part;
    return slot->index == VP_MODULE_MAIN_PART &&
           vp_board_set_has(system->generation->start->checks_itself,
                            system->machine.board->platform) &&
           vp_module_parse_flash(system->machine.flash, slot->start, &part, NULL) == 0 &&
           part.function == VP_MODULE_SYSTEM && part.index == VP_MODULE_MAIN_PART;
}

static bool part_runs(const struct vp_system *system, uint8_t index)
{
    const struct vp_module_slot *slot = vp_system_slot(system, VP_MODULE_SYSTEM, index);
    return slot && (is_whole(system->machine.flash, slot) || is_looked_at(system, slot));
}

/* What the main part says of itself, if there is one. */
static uint16_t main_version(const struct vp_flash *flash, enum vp_platform platform)
{
    struct vp_module part;
    unsigned count;
    const struct vp_module_slot *slots = vp_module_slots(platform, 0, &count);
    for (unsigned i = 0; i < count; i++) {
        if (slots[i].function == VP_MODULE_SYSTEM && slots[i].index == VP_MODULE_MAIN_PART &&
            (vp_module_parse_flash(flash, slots[i].start, &part, NULL) == 0 ||
             is_whole(flash, &slots[i]))) {
            vp_module_read_header(flash, slots[i].start, &part);
            return part.version;
        }
    }
    return 0;
}

static bool identify_modular(struct vp_system *system)
{
    const struct vp_board *board = system->machine.board;
    system->version = main_version(system->machine.flash, board->platform);
    system->generation = vp_system_generation_find(system->version);
    system->slots = vp_module_slots(board->platform, system->version, &system->slot_count);
    system->areas = vp_module_areas(board->platform, system->version, false);
    const uint32_t parts = vp_figure_on(&system->generation->start->parts, board->platform);
    for (uint8_t index = 1; index <= parts; index++) {
        if (!part_runs(system, index)) {
            return false;
        }
    }
    return true;
}

/* The header of a Core's image, which vp_module_read_header() doesn't look for. */
static bool read_core_header(const struct vp_system *system, struct vp_module *module)
{
    uint8_t bytes[VP_MODULE_HEADER_SIZE];
    const uint32_t start = system->machine.board->application;
    if (vp_flash_read(system->machine.flash, start + VP_MODULE_HEADER_F103, bytes, sizeof bytes)) {
        return false;
    }
    *module = (struct vp_module){
        .start = vp_get_le32(bytes),
        .version = vp_get_le16(bytes + 10),
        .function = bytes[14],
    };
    return module->start == start && module->function == VP_MODULE_MONOLITHIC;
}

/*
 * Up to 0.6.x such an image says version 0, and the Core's first ones have no header. Assumption:
 * what does not say which release it is behaves like 0.5.2.
 */
enum { UNKNOWN_IMAGE = 17 };

static bool identify_monolithic(struct vp_system *system)
{
    const struct vp_board *board = system->machine.board;
    struct vp_module image = {0};
    system->monolithic = true;
    system->slots = vp_module_monolithic_slots(board->platform, &system->slot_count);
    system->areas = vp_module_areas(board->platform, 0, true);
    if (board->modular) {
        vp_module_read_header(system->machine.flash, board->application, &image);
    } else {
        read_core_header(system, &image);
    }
    system->version = image.version;
    vp_release_name(system);
    if (system->version == 0) {
        const uint16_t version = vp_release_version(system);
        system->version = version ? version : UNKNOWN_IMAGE;
    }
    system->generation = vp_system_generation_find(system->version);
    /* On the Core the bootloader has looked for a vector table already. */
    return !board->modular || vp_module_crc_matches(system->machine.flash, image.start, &image);
}

bool vp_mode_identify(struct vp_system *system)
{
    const struct vp_board *board = system->machine.board;
    struct vp_module first = {0};
    if (board->modular) {
        vp_module_read_header(system->machine.flash, board->application, &first);
    }
    const bool runs = !board->modular || first.function == VP_MODULE_MONOLITHIC
                          ? identify_monolithic(system)
                          : identify_modular(system);
    vp_release_name(system);
    return runs;
}

/* ---- Flags ---------------------------------------------------------------------------------- */

/* manage_safe_mode() */
static bool flag_says_safe_mode(const struct vp_system *system)
{
    struct vp_system_flags flags;
    vp_own_flags_load(system, &flags);
    return flags.startup_mode != UNWRITTEN && (flags.startup_mode & SAFE_MODE);
}

/* HAL_Core_Validate_User_Module(): up to 0.6.x it takes ones for a flag that is set. */
bool vp_mode_is_forbidden(const struct vp_system *system)
{
    struct vp_system_flags flags;
    vp_own_flags_load(system, &flags);
    return flag_says_safe_mode(system) || (flags.startup_mode == UNWRITTEN &&
                                           system->generation->start->unwritten_flag_is_safe_mode);
}

/* Since 0.7.0: what an older bootloader left in the DCT. */
static bool take_watchdog_from_dct(struct vp_system *system)
{
    uint8_t bytes[2] = {0};
    if (!system->generation->start->watchdog_flag_in_dct ||
        vp_dct_read(system->machine.flash, system->machine.board, WATCHDOG_IN_FLAGS, bytes,
                    sizeof bytes) ||
        vp_get_le16(bytes) != WATCHDOG_ENABLED) {
        return false;
    }
    vp_put_le16(bytes, WATCHDOG_OFF);
    vp_dct_write(system->machine.flash, system->machine.board, WATCHDOG_IN_FLAGS, bytes,
                 sizeof bytes);
    return true;
}

/* IWDG_Reset_Enable(0): the watchdog, once started, can only be stopped by a reset. */
static bool resets_for_watchdog(struct vp_system *system)
{
    struct vp_system_flags flags;
    const bool in_dct = take_watchdog_from_dct(system);
    vp_own_flags_load(system, &flags);
    if (!in_dct && flags.iwdg_enable != WATCHDOG_ENABLED) {
        return false;
    }
    flags.iwdg_enable = WATCHDOG_OFF;
    vp_own_flags_save(system, &flags);
    return true;
}

/* ---- The application ------------------------------------------------------------------------ */

/* FLASH_isUserModuleInfoValid(): the header of an application, wherever it lies. */
static bool header_is_valid(const struct vp_system *system, uint32_t address,
                            struct vp_module *module)
{
    return vp_module_read_header(system->machine.flash, address, module) == 0 &&
           module->start == system->machine.board->user.start && module->end <= FLASH_END &&
           module->platform == system->machine.board->platform;
}

/* HAL_Verify_User_Dependencies() */
static bool dependencies_met(const struct vp_system *system, const struct vp_module *module)
{
    struct vp_installed installed;
    vp_system_find_installed(system, &installed);
    const struct vp_module_dependency *dependencies = module->dependencies;
    if (dependencies[0].function == VP_MODULE_NONE) {
        return true;
    }
    return vp_module_dependency_met(&dependencies[0], installed.modules, installed.count) &&
           (!system->generation->second_dependency ||
            vp_module_dependency_met(&dependencies[1], installed.modules, installed.count));
}

static bool is_valid(const struct vp_system *system, uint8_t function, uint8_t index)
{
    const struct vp_module_slot *slot = vp_system_slot(system, function, index);
    struct vp_described_module fetched = {0};
    if (slot) {
        vp_system_fetch(system, slot->start, false, &fetched);
    }
    return fetched.present && fetched.checked == fetched.result;
}

static uint32_t factory_address(const struct vp_system *system)
{
    const uint32_t moved =
        vp_figure_on(&system->generation->start->factory, system->machine.board->platform);
    return moved ? moved : system->areas->factory.start;
}

enum verdict { RUNS, DOES_NOT_RUN, WANTS_FACTORY_RESET };

/* HAL_Core_Validate_User_Module() */
static enum verdict judge_application(const struct vp_system *system)
{
    struct vp_module module;
    const uint32_t start = system->machine.board->user.start;
    if (vp_mode_is_forbidden(system)) {
        return DOES_NOT_RUN;
    }
    if (header_is_valid(system, start, &module)) {
        return vp_module_crc_matches(system->machine.flash, start, &module) &&
                       dependencies_met(system, &module)
                   ? RUNS
                   : DOES_NOT_RUN;
    }
    return header_is_valid(system, factory_address(system), &module) ? WANTS_FACTORY_RESET
                                                                     : DOES_NOT_RUN;
}

/* system_part2_pre_init() */
static enum verdict judge(const struct vp_system *system)
{
    if (system->monolithic) { /* nothing but the flag, and only one that was written */
        return flag_says_safe_mode(system) ? DOES_NOT_RUN : RUNS;
    }
    if (vp_board_set_has(system->generation->start->checks_itself,
                         system->machine.board->platform) &&
        (!is_valid(system, VP_MODULE_BOOTLOADER, 0) ||
         !is_valid(system, VP_MODULE_SYSTEM, VP_MODULE_MAIN_PART))) {
        return DOES_NOT_RUN;
    }
    return judge_application(system);
}

/* ---- What it writes at a start -------------------------------------------------------------- */

/* HAL_Core_Config(); not on the P1, which has a serial flash. */
static void note_factory_slot(struct vp_system *system)
{
    const struct vp_board *board = system->machine.board;
    struct vp_pending_module now,
        wanted = {
            .magic = VP_PENDING_FACTORY,
            .source_device = VP_PENDING_INTERNAL,
            .destination_device = VP_PENDING_INTERNAL,
            .source = factory_address(system),
            .destination = system->monolithic ? board->application : board->user.start,
            .length = system->areas->factory.limit - system->areas->factory.start,
            .function = system->monolithic ? VP_MODULE_MONOLITHIC : VP_MODULE_USER,
            .flags = VP_PENDING_CHECK_ALL,
        };
    if (!board->modular || board->external ||
        vp_pending_read(system->machine.flash, board, VP_PENDING_FACTORY_SLOT, &now)) {
        return;
    }
    if (now.magic != wanted.magic || now.source != wanted.source ||
        now.destination != wanted.destination || now.length != wanted.length ||
        now.function != wanted.function || now.flags != wanted.flags) {
        vp_pending_write(system->machine.flash, board, VP_PENDING_FACTORY_SLOT, &wanted);
    }
}

/* HAL_save_device_id() */
static void save_device_id(struct vp_system *system)
{
    uint8_t first;
    if (system->generation->start->saves_device_id && system->machine.board->modular &&
        vp_dct_read(system->machine.flash, system->machine.board, DEVICE_ID_OFFSET, &first, 1) ==
            0 &&
        first == 0xFF) {
        vp_dct_write(system->machine.flash, system->machine.board, DEVICE_ID_OFFSET,
                     system->machine.device_id, sizeof system->machine.device_id);
    }
}

/* ---- The start ------------------------------------------------------------------------------ */

/* manage_safe_mode(): what 'L' remembered. */
static bool take_safe_listen(struct vp_system *system)
{
    const uint8_t number = system->generation->console->safe_listen_register;
    uint32_t *reg = &system->machine.backup->dr[number % REGISTER_COUNT];
    if (number == 0 || *reg != SAFE_LISTEN) {
        return false;
    }
    *reg = 0xFFFF;
    return true;
}

/* HAL_Core_Setup() @return false if the chip is reset */
static bool set_up(struct vp_system *system)
{
    if (system->machine.board->modular) {
        if (resets_for_watchdog(system) || vp_self_install(system)) {
            return false;
        }
        save_device_id(system);
    }
    return true;
}

void vp_mode_decide(struct vp_system *system)
{
    system->machine.backup->dr[STARTED_REGISTER] = STARTED;
    note_factory_slot(system);
    const enum verdict verdict = judge(system);
    if (verdict == WANTS_FACTORY_RESET) {
        vp_system_reset(system, VP_SYSTEM_FACTORY_RESET, 0);
        return;
    }
    const bool asked = flag_says_safe_mode(system);
    if (!set_up(system)) {
        system->state = VP_SYSTEM_RESETTING;
        return;
    }
    system->safe_mode = verdict != RUNS;
    system->state = system->safe_mode ? VP_SYSTEM_SAFE : VP_SYSTEM_NORMAL;
    if (asked && take_safe_listen(system)) {
        vp_system_listen(system, true);
    }
    vp_networks_start(system);
    if (vp_update_apply_flagged(system)) {
        system->state = VP_SYSTEM_RESETTING;
    }
}
