/** @file targets.h  Which releases of Device OS there are to compile for, and to download. */
#ifndef CLOUD_HTTP_TARGETS_H
#define CLOUD_HTTP_TARGETS_H

#include "cloud/http/http.h"
#include "vparticle/catalogue.h"

/** A release that Particle published, and not another build of one. */
bool http_is_target(const struct vp_catalogue_release *release);

bool http_is_prerelease(const char *release);

/** The newest one that is no pre-release. NULL for a platform without. */
const struct vp_catalogue_release *http_newest_target(enum vp_platform platform);

/** A platform's number in a field. @return false: it is missing, or none that releases are known of
 */
bool http_read_platform(const struct http_request *request, const char *field,
                        enum vp_platform *platform);

#endif
