/* A report of a device, as somebody may have pasted it; and the flash made of it. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "vparticle/field.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vp_field_report report;
    struct vp_failure failure = {""};
    if (vp_field_parse((const char *)data, size, &report, &failure)) {
        if (failure.text[0] == '\0') {
            abort(); /* every refusal says why */
        }
        return 0;
    }
    struct vp_flash *flash;
    if (report.platform != VP_PLATFORM_CORE && vp_flash_create(&flash, &vp_flash_stm32f205) == 0) {
        vp_field_install(flash, &report, &failure);
        vp_flash_destroy(flash);
    }
    return 0;
}
