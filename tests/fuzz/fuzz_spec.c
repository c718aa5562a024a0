/* A device's description, as a person may have mistyped it. No files: flash=, external= and app=
 * are left out. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "vparticle/device.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    if (!text) {
        return 0;
    }
    memcpy(text, data, size);
    text[size] = '\0';
    if (!strstr(text, "flash") && !strstr(text, "external") && !strstr(text, "app")) {
        struct vp_device *device;
        struct vp_failure failure = {""};
        const int error = vp_device_from_spec(&device, text, 0, &failure);
        if (error == 0) {
            vp_device_destroy(device);
        } else if (failure.text[0] == '\0') {
            abort(); /* every refusal says why */
        }
    }
    free(text);
    return 0;
}
