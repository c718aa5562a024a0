/**
 * @file platform.h
 * Particle's platform ids (device-os build/platform-id.mk).
 */
#ifndef VPARTICLE_PLATFORM_H
#define VPARTICLE_PLATFORM_H

enum vp_platform {
    VP_PLATFORM_CORE = 0,
    VP_PLATFORM_PHOTON = 6,
    VP_PLATFORM_P1 = 8,
    VP_PLATFORM_ELECTRON = 10,
};

#endif
