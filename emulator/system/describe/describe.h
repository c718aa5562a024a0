/**
 * @file describe.h
 * What the running system says of the modules that are in flash: `serial inspect`, the cloud's
 * description and the module info request.
 *
 * Source: system/src/system_update.cpp (system_module_info), system_info.cpp,
 * hal/src/stm32/ota_module.cpp (fetch_module), hal/src/{photon,electron}/ota_flash_hal.cpp,
 * ota_module_bounds.c and hal/src/core/ota_flash_hal.c @ v0.4.6, v0.5.2, v0.6.4, v0.7.0, v1.1.0,
 * v2.1.0, v2.2.0.
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
    bool present;             /**< false: the firmware drops it; `module` is what the header says */
    struct vp_module module;  /**< header, and of a user part the SHA-256 */
};

enum { VP_DESCRIBED_LIMIT = 8 };

/** The list in the firmware's order, with the places that are empty; the Core lists nothing.
 *  @return entries written to @p list, which has room for VP_DESCRIBED_LIMIT */
unsigned vp_system_modules(const struct vp_system *system, struct vp_described_module *list);

/**
 * The description as JSON, exactly as the firmware prints it: {"p":6,"m":[...]}.
 * @return text without a line end, owned by the caller: free(); NULL if out of memory
 */
char *vp_system_describe(const struct vp_system *system);

struct vp_text;

/** Add what was received into the OTA area, as the firmware tells the cloud: ota_update_info() in
 *  system_update.cpp @ v0.6.1, v0.7.0. */
void vp_system_describe_update(const struct vp_system *system, struct vp_text *text);

/** What a board knows of itself besides its id: the Electron's modem. */
struct vp_system_key {
    const char *name; /**< as in the description: "imei" */
    char value[24];
};

enum { VP_SYSTEM_KEY_LIMIT = 4 };

/**
 * The keys, in the firmware's order; none but on the Electron. Made up from the device id, so that
 * they stay the same.
 * @return how many
 */
unsigned vp_system_keys(const struct vp_system *system,
                        struct vp_system_key keys[VP_SYSTEM_KEY_LIMIT]);

#endif
