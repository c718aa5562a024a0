#include "system/own_flags.h"

/* The Core's flags have a page of their own, in all releases. */
enum vp_flags_store vp_own_flags_store(const struct vp_system *system)
{
    return system->machine.board->dct_format == VP_DCT_NONE ? VP_FLAGS_IN_PAGE
                                                            : system->generation->flags_store;
}

bool vp_own_flags_load(const struct vp_system *system, struct vp_system_flags *flags)
{
    return vp_system_flags_load(flags, vp_own_flags_store(system), system->machine.flash,
                                system->machine.board, system->machine.backup);
}

void vp_own_flags_save(struct vp_system *system, struct vp_system_flags *flags)
{
    vp_system_flags_save(flags, vp_own_flags_store(system), system->machine.flash,
                         system->machine.board, system->machine.backup);
}
