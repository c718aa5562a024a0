#include "system/describe/fetch.h"

#include <string.h>

enum { SHA256_FROM_END = 34 /* of the suffix, which ends where the CRC begins */ };

static bool fits(const struct vp_module *module, const struct vp_module_slot *slot)
{
    return module->end >= slot->start && module->end <= slot->limit;
}

void vp_system_find_installed(const struct vp_system *system, struct vp_installed *installed)
{
    installed->count = 0;
    for (unsigned i = 0; i < system->slot_count && installed->count < VP_INSTALLED_LIMIT; i++) {
        const struct vp_module_slot *slot = &system->slots[i];
        struct vp_module *module = &installed->modules[installed->count++];
        if (vp_module_read_header(system->machine.flash, slot->start, module)) {
            *module = (struct vp_module){.version = 0xFFFF};
        }
        if (module->function != slot->function || module->index != slot->index ||
            !fits(module, slot)) {
            memset(module->dependencies, 0, sizeof module->dependencies);
        }
        module->function = slot->function;
        module->index = slot->index;
    }
}

const struct vp_module_slot *vp_system_slot(const struct vp_system *system, uint8_t function,
                                            uint8_t index)
{
    for (unsigned i = 0; i < system->slot_count; i++) {
        if (system->slots[i].function == function && system->slots[i].index == index) {
            return &system->slots[i];
        }
    }
    return NULL;
}

static unsigned check(const struct vp_system *system, uint32_t address,
                      const struct vp_module *module, const struct vp_module_rules *rules)
{
    const unsigned integrity =
        vp_module_crc_matches(system->machine.flash, address, module) ? VP_CHECK_INTEGRITY : 0;
    unsigned result = vp_module_validate(module, integrity, rules);
    /* One function checks both kinds of dependencies, and both are met or none is. */
    const unsigned both = VP_CHECK_DEPENDENCIES | VP_CHECK_DEPENDENCIES_FULL;
    if (rules->full && (result & both) != both) {
        result &= ~both;
    }
    return result;
}

/* The suffix before the module's end: in its slot, or (since 2.2.0) where it lies. */
static void read_sha256(const struct vp_system *system, uint32_t address, struct vp_module *module)
{
    const uint32_t end = system->generation->description->suffix_in_place
                             ? address + (module->end - module->start)
                             : module->end;
    if (vp_flash_read(system->machine.flash, end - SHA256_FROM_END, module->sha256,
                      sizeof module->sha256)) {
        memset(module->sha256, 0, sizeof module->sha256);
    }
}

void vp_system_fetch(const struct vp_system *system, uint32_t address, bool incoming,
                     struct vp_described_module *fetched)
{
    struct vp_installed installed;
    vp_system_find_installed(system, &installed);
    const struct vp_module_rules rules = {
        .platform = system->machine.board->platform,
        .slots = system->slots,
        .slot_count = system->slot_count,
        .installed = installed.modules,
        .installed_count = installed.count,
        .dependency2 = system->generation->second_dependency,
        .incoming = incoming,
        .full = incoming && system->generation->update->full_dependencies,
    };
    fetched->checked = vp_module_checks_needed(&rules);
    fetched->result = 0;
    fetched->present = false;
    if (vp_module_read_header(system->machine.flash, address, &fetched->module)) {
        return;
    }
    fetched->result = check(system, address, &fetched->module, &rules);
    fetched->present = fetched->result != 0;
    if (fetched->present && fetched->module.function == VP_MODULE_USER) {
        read_sha256(system, address, &fetched->module);
    }
}
