/** @file device_os.h  The modules of a release, as files. */
#ifndef CLOUD_HTTP_DEVICE_OS_H
#define CLOUD_HTTP_DEVICE_OS_H

#include "cloud/http/http.h"
#include "vparticle/catalogue.h"

/**
 * A module of a release: the real one if the server has a folder with it, else a forged one.
 * @param[out] bytes  owned by the caller: free()
 * @return 0 or VP_ERROR_NO_MEMORY
 */
int http_load_module(const struct vp_cloud_server *server,
                     const struct vp_catalogue_release *release,
                     const struct vp_catalogue_module *module, uint8_t **bytes, size_t *size);

/** The same as a vp_cloud_module_source; the server is its context. VP_ERROR_NOT_FOUND: of no
 *  release. */
int http_find_module(void *server, const struct vp_catalogue_module *module, uint8_t **bytes,
                     size_t *size);

#endif
