/* The scenario parser on any bytes. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "scenario/scenario.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vp_scenario *scenario;
    struct vp_failure failure = {""};
    if (vp_scenario_parse("fuzz", data, size, 0, &scenario, &failure) == 0) {
        vp_scenario_free(scenario);
    } else if (strncmp(failure.text, "fuzz:", 5) != 0) {
        abort();
    }
    return 0;
}
