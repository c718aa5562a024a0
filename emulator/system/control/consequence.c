/* What the host was told would happen, once it has collected the result that said so. */
#include "system/control/control_private.h"
#include "system/update/update.h"

void control_consequence(struct vp_system *system, enum vp_control_consequence consequence)
{
    const uint32_t grace = control_generation(system)->grace;
    struct vp_update_result result;
    switch (consequence) {
    case VP_CONTROL_NOTHING:
        break;
    case VP_CONTROL_RESET:
        vp_system_reset(system, VP_SYSTEM_PLAIN_RESET, grace);
        break;
    case VP_CONTROL_FACTORY_RESET:
        vp_system_reset(system, VP_SYSTEM_FACTORY_RESET, grace);
        break;
    case VP_CONTROL_DFU:
        vp_system_reset(system, VP_SYSTEM_DFU_RESET, grace);
        break;
    case VP_CONTROL_SAFE_MODE:
        vp_system_reset(system, VP_SYSTEM_SAFE_MODE_RESET, grace);
        break;
    case VP_CONTROL_APPLY_UPDATE:
        system->control.update.receiving = false;
        vp_update_finish(system, &result); /* checked already */
        vp_system_reset(system, VP_SYSTEM_PLAIN_RESET, grace);
        break;
    }
}
