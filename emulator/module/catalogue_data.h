/** @file catalogue_data.h The tables that catalogue_generator.c writes at build time. */
#ifndef VP_CATALOGUE_DATA_H
#define VP_CATALOGUE_DATA_H

#include "vparticle/catalogue.h"

/** All that is known of a platform. */
struct vp_catalogue_platform {
    enum vp_platform platform;
    const struct vp_catalogue_module *modules;
    unsigned module_count;
    const struct vp_catalogue_release *releases;
    unsigned release_count;
};

extern const struct vp_catalogue_platform vp_catalogue_platforms[];
extern const unsigned vp_catalogue_platform_count;

#endif
