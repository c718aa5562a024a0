/* The module info request: JSON text first, a message later. */
#include <stdlib.h>
#include <string.h>

#include "control.pb-c.h"
#include "system/control/control_private.h"
#include "system/describe/describe.h"

enum { INTEGRITY_FAILED = 0x01, DEPENDENCIES_FAILED = 0x02, DEPENDENCIES = 2 };

int control_get_module_info_text(struct vp_system *system, struct vp_control_request *request)
{
    char *text = vp_system_describe(system);
    if (!text) {
        return VP_SYSTEM_ERROR_NO_MEMORY;
    }
    const int result = control_reply_bytes(request, text, (uint32_t)strlen(text));
    free(text);
    return result;
}

/* moduleFunctionToPb() */
Ctrl__FirmwareModuleType control_module_type(uint8_t function)
{
    switch (function) {
    case VP_MODULE_BOOTLOADER:
        return CTRL__FIRMWARE_MODULE_TYPE__BOOTLOADER;
    case VP_MODULE_MONOLITHIC:
        return CTRL__FIRMWARE_MODULE_TYPE__MONO_FIRMWARE;
    case VP_MODULE_SYSTEM:
        return CTRL__FIRMWARE_MODULE_TYPE__SYSTEM_PART;
    case VP_MODULE_USER:
        return CTRL__FIRMWARE_MODULE_TYPE__USER_PART;
    default:
        return CTRL__FIRMWARE_MODULE_TYPE__INVALID_FIRMWARE_MODULE;
    }
}

/* A module as a message, with room for everything that it points to. */
struct entry {
    Ctrl__GetModuleInfoReply__Module module;
    Ctrl__GetModuleInfoReply__Dependency dependencies[DEPENDENCIES];
    Ctrl__GetModuleInfoReply__Dependency *list[DEPENDENCIES];
};

static void fill(struct entry *entry, const struct vp_described_module *described)
{
    const struct vp_module *module = &described->module;
    ctrl__get_module_info_reply__module__init(&entry->module);
    entry->module.type = control_module_type(module->function);
    entry->module.index = module->index;
    entry->module.version = module->version;
    entry->module.size = module->end - module->start;
    entry->module.validity = (described->result & VP_CHECK_INTEGRITY ? 0 : INTEGRITY_FAILED) |
                             (described->result & VP_CHECK_DEPENDENCIES ? 0 : DEPENDENCIES_FAILED);
    entry->module.dependencies = entry->list;
    for (unsigned i = 0; i < DEPENDENCIES; i++) {
        const struct vp_module_dependency *needed = &module->dependencies[i];
        const Ctrl__FirmwareModuleType type = control_module_type(needed->function);
        if (type != CTRL__FIRMWARE_MODULE_TYPE__INVALID_FIRMWARE_MODULE) {
            Ctrl__GetModuleInfoReply__Dependency *dependency = &entry->dependencies[i];
            ctrl__get_module_info_reply__dependency__init(dependency);
            dependency->type = type;
            dependency->index = needed->index;
            dependency->version = needed->version;
            entry->list[entry->module.n_dependencies++] = dependency;
        }
    }
}

/* Of the main store only, and only modules of a known kind. */
int control_get_module_info(struct vp_system *system, struct vp_control_request *request)
{
    struct vp_described_module described[VP_DESCRIBED_LIMIT];
    const unsigned count = vp_system_modules(system, described);
    struct entry entries[VP_DESCRIBED_LIMIT];
    Ctrl__GetModuleInfoReply__Module *list[VP_DESCRIBED_LIMIT];
    Ctrl__GetModuleInfoReply reply = CTRL__GET_MODULE_INFO_REPLY__INIT;
    reply.modules = list;
    for (unsigned i = 0; i < count; i++) {
        if (described[i].present && described[i].store == VP_STORE_MAIN &&
            control_module_type(described[i].module.function) !=
                CTRL__FIRMWARE_MODULE_TYPE__INVALID_FIRMWARE_MODULE) {
            fill(&entries[i], &described[i]);
            list[reply.n_modules++] = &entries[i].module;
        }
    }
    return control_reply(request, &reply.base);
}
