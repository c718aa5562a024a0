#include "system/own_flags.h"

#include <string.h>

static bool has_flags(const struct vp_system *system)
{
    return system->machine.board->dct_format != VP_DCT_NONE ||
           system->generation->flags_store != VP_FLAGS_IN_DCT;
}

bool vp_own_flags_load(const struct vp_system *system, struct vp_system_flags *flags)
{
    if (!has_flags(system)) {
        memset(flags, 0xFF, sizeof *flags);
        return false;
    }
    return vp_system_flags_load(flags, system->generation->flags_store, system->machine.flash,
                                system->machine.board, system->machine.backup);
}

void vp_own_flags_save(struct vp_system *system, struct vp_system_flags *flags)
{
    if (has_flags(system)) {
        vp_system_flags_save(flags, system->generation->flags_store, system->machine.flash,
                             system->machine.board, system->machine.backup);
    }
}
