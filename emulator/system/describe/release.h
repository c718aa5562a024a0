/** @file release.h Which release runs. */
#ifndef VP_SYSTEM_RELEASE_H
#define VP_SYSTEM_RELEASE_H

#include "system/system.h"

/** Set system->release: read from the image if that is a real one, else from the catalogue. */
void vp_release_name(struct vp_system *system);

/** The module version that belongs to system->release, or 0 if it is unknown. */
uint16_t vp_release_version(const struct vp_system *system);

#endif
