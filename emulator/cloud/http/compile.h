/** @file compile.h  From sources to a user application, as far as the emulator needs one. */
#ifndef CLOUD_HTTP_COMPILE_H
#define CLOUD_HTTP_COMPILE_H

#include "cloud/http/http.h"
#include "vparticle/platform.h"

/**
 * Make a user application of the sources in a request, for the Device OS that its field
 * "build_target_version" names; "latest" or none: the newest. Nothing is compiled: it is a forged
 * module that needs what a compiled one would, and differs when its sources do.
 * @param[out] bytes  owned by the caller: free()
 * @return false: the request was refused
 */
bool http_compile(struct http_request *request, enum vp_platform platform, uint8_t **bytes,
                  size_t *size);

/** Is there a source among the files? */
bool http_has_source(const struct http_request *request);

#endif
