/* The module parser, from memory and from flash, on any bytes. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "vparticle/module.h"

static void check(const struct vp_module *module, unsigned integrity)
{
    struct vp_module_rules rules = {
        .platform = VP_PLATFORM_PHOTON,
        .installed = module,
        .installed_count = 1,
        .dependency2 = true,
        .incoming = true,
        .full = true,
    };
    rules.slots = vp_module_slots(VP_PLATFORM_PHOTON, module->version, &rules.slot_count);
    vp_module_validate(module, integrity, &rules);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vp_module module;
    struct vp_failure failure;
    if (vp_module_parse(data, size, &module, &failure) == 0) {
        if (vp_module_size(&module) != size) {
            abort();
        }
        check(&module, vp_module_integrity(data, size, &module));
    }
    struct vp_flash *flash;
    const uint32_t address = 0x08100000 - (uint32_t)(size < 0x20000 ? size : 0x20000);
    if (vp_flash_create(&flash, &vp_flash_stm32f205)) {
        return 0;
    }
    vp_flash_program(flash, address, data, size < 0x20000 ? size : 0x20000);
    if (vp_module_parse_flash(flash, address, &module, &failure) == 0) {
        check(&module, vp_module_integrity_flash(flash, address, &module));
    }
    if (vp_module_read_header(flash, address, &module) == 0) {
        vp_module_crc_matches(flash, address, &module);
    }
    vp_flash_destroy(flash);
    return 0;
}
