#include "system/system.h"

#include "vparticle/module.h"

enum {
    SAFE_MODE = 0x01,
    STARTED_REGISTER = 1, /* the bootloader's count of failed starts, and its requests */
    STARTED = 0xFFFF,
    MAX_MODULES = 8,
    MAIN_PART = 2, /* the part that holds loader and HAL, on Photon and P1 */
};

/* All modules that are in their slots, whatever their CRC says. */
struct installed {
    struct vp_module modules[MAX_MODULES];
    unsigned count;
};

static void find_installed(struct installed *installed, const struct vp_flash *flash,
                           const struct vp_module_slot *slots, unsigned slot_count)
{
    installed->count = 0;
    for (unsigned i = 0; i < slot_count && installed->count < MAX_MODULES; i++) {
        struct vp_module *module = &installed->modules[installed->count];
        if (vp_module_parse_flash(flash, slots[i].start, module, NULL) == 0) {
            installed->count++;
        }
    }
}

static const struct vp_module *find(const struct installed *installed, uint8_t function,
                                    uint8_t index)
{
    for (unsigned i = 0; i < installed->count; i++) {
        const struct vp_module *module = &installed->modules[i];
        if (module->function == function && module->index == index) {
            return module;
        }
    }
    return NULL;
}

/* Every check that this system makes of a module that is already installed. */
static bool valid(const struct vp_flash *flash, const struct vp_module *module,
                  const struct vp_module_rules *rules)
{
    if (!module) {
        return false;
    }
    const unsigned integrity =
        vp_module_crc_matches(flash, module->start, module) ? VP_CHECK_INTEGRITY : 0;
    const unsigned needed = vp_module_checks_needed(rules);
    return (vp_module_validate(module, integrity, rules) & needed) == needed;
}

/*
 * The system parts' code is there at all: the bootloader looked at the first one's header only.
 * Deduced: a part with a wrong CRC crashes, but for the main part of a system that checks it
 * itself.
 */
static bool runs(const struct vp_flash *flash, const struct installed *installed,
                 const struct vp_system_generation *generation, const struct vp_module_slot *slots,
                 unsigned slot_count)
{
    for (unsigned i = 0; i < slot_count; i++) {
        if (slots[i].function != VP_MODULE_SYSTEM) {
            continue;
        }
        const struct vp_module *part = find(installed, VP_MODULE_SYSTEM, slots[i].index);
        const bool checked_later = generation->checks_itself && slots[i].index == MAIN_PART;
        if (!part || (!checked_later && !vp_module_crc_matches(flash, part->start, part))) {
            return false;
        }
    }
    return true;
}

static bool application_may_run(const struct vp_flash *flash, const struct installed *installed,
                                const struct vp_system_generation *generation,
                                const struct vp_module_rules *rules)
{
    if (generation->checks_itself &&
        (!valid(flash, find(installed, VP_MODULE_BOOTLOADER, 0), rules) ||
         !valid(flash, find(installed, VP_MODULE_SYSTEM, MAIN_PART), rules))) {
        return false;
    }
    return valid(flash, find(installed, VP_MODULE_USER, 1), rules);
}

void vp_system_start(struct vp_system *system, const struct vp_system_machine *machine)
{
    const struct vp_board *board = machine->board;
    struct vp_flash *flash = machine->flash;
    unsigned slot_count;
    const struct vp_module_slot *slots = vp_module_slots(board->platform, 0, &slot_count);
    struct installed installed;
    find_installed(&installed, flash, slots, slot_count);
    const struct vp_module *main_part = find(&installed, VP_MODULE_SYSTEM, MAIN_PART);
    *system = (struct vp_system){
        .machine = *machine,
        .version = main_part ? main_part->version : 0,
    };
    system->generation = vp_system_generation_find(system->version);
    if (!runs(flash, &installed, system->generation, slots, slot_count)) {
        system->state = VP_SYSTEM_CRASHED;
        return;
    }
    machine->backup->dr[STARTED_REGISTER] = STARTED;

    const struct vp_module_rules rules = {
        .platform = board->platform,
        .slots = slots,
        .slot_count = slot_count,
        .installed = installed.modules,
        .installed_count = installed.count,
        .dependency2 = system->generation->second_dependency,
    };
    struct vp_system_flags flags;
    const bool written = vp_system_flags_load(&flags, system->generation->flags_store, flash, board,
                                              machine->backup);
    const bool asked = written && flags.startup_mode != 0xFF && (flags.startup_mode & SAFE_MODE);
    system->state = !asked && application_may_run(flash, &installed, system->generation, &rules)
                        ? VP_SYSTEM_NORMAL
                        : VP_SYSTEM_SAFE;
}

void vp_system_stop(struct vp_system *system)
{
    *system = (struct vp_system){0};
}

void vp_system_set_baud(struct vp_system *system, uint32_t baud)
{
    (void)system;
    (void)baud;
}

void vp_system_set_dtr(struct vp_system *system, bool dtr)
{
    (void)system;
    (void)dtr;
}

uint32_t vp_system_receive(struct vp_system *system, const uint8_t *bytes, uint32_t count)
{
    (void)system;
    (void)bytes;
    return count;
}

uint32_t vp_system_transmit(struct vp_system *system, uint8_t *bytes, uint32_t room)
{
    (void)system;
    (void)bytes;
    (void)room;
    return 0;
}

void vp_system_button(struct vp_system *system, bool pressed)
{
    (void)system;
    (void)pressed;
}

void vp_system_led(const struct vp_system *system, struct vp_led *led)
{
    *led = (struct vp_led){
        .color = system->state == VP_SYSTEM_SAFE ? VP_LED_MAGENTA : VP_LED_CYAN,
        .pattern = VP_LED_BREATHE,
    };
}

void vp_system_advance(struct vp_system *system, uint32_t milliseconds)
{
    (void)system;
    (void)milliseconds;
}

int64_t vp_system_next_deadline(const struct vp_system *system)
{
    (void)system;
    return -1;
}

int64_t vp_system_patience(const struct vp_system *system)
{
    (void)system;
    return -1;
}
