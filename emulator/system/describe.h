/**
 * @file describe.h
 * What the running system says of the modules that are in flash: `serial inspect`, the cloud's
 * description and the module info request.
 *
 * Source: system/src/system_update.cpp (system_module_info), hal/src/stm32/ota_module.cpp
 * (fetch_module) and hal/src/{photon,electron}/ota_flash_hal.cpp @ v0.5.2, v0.6.4, v0.7.0.
 */
#ifndef VP_SYSTEM_DESCRIBE_H
#define VP_SYSTEM_DESCRIBE_H

#include "system/system.h"
#include "vparticle/module.h"

enum vp_store { VP_STORE_MAIN, VP_STORE_FACTORY, VP_STORE_BACKUP, VP_STORE_SCRATCHPAD };

struct vp_described_module {
    enum vp_store store;
    uint32_t maximum_size;    /**< bytes of its place */
    unsigned checked, result; /**< enum vp_module_check */
    bool present;             /**< false: nothing is known but what is above */
    struct vp_module module;  /**< header, and of a user part the SHA-256 */
};

enum { VP_DESCRIBED_LIMIT = 8 };

/** The list in the firmware's order. @return entries written to @p list, which has room for
 *  VP_DESCRIBED_LIMIT */
unsigned vp_system_modules(const struct vp_system *system, struct vp_described_module *list);

/**
 * The description as JSON, exactly as the firmware prints it: {"p":6,"m":[...]}.
 * @return text without a line end, owned by the caller: free(); NULL if out of memory
 */
char *vp_system_describe(const struct vp_system *system);

#endif
