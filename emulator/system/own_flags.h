/** @file own_flags.h The system flags where this generation and board keep them. */
#ifndef VP_SYSTEM_OWN_FLAGS_H
#define VP_SYSTEM_OWN_FLAGS_H

#include "system/system.h"

/** Where they are. */
enum vp_flags_store vp_own_flags_store(const struct vp_system *system);

/** As vp_system_flags_load(). */
bool vp_own_flags_load(const struct vp_system *system, struct vp_system_flags *flags);

/** As vp_system_flags_save(). */
void vp_own_flags_save(struct vp_system *system, struct vp_system_flags *flags);

#endif
