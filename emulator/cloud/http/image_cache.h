/**
 * @file image_cache.h
 * Modules that were handed out lately, ready to be sent: to make one takes milliseconds, which
 * whoever asks over and over would take from others.
 */
#ifndef CLOUD_HTTP_IMAGE_CACHE_H
#define CLOUD_HTTP_IMAGE_CACHE_H

#include "cloud/http/http.h"
#include "vparticle/catalogue.h"

enum { HTTP_IMAGE_LIMIT = 32 };

struct http_image {
    const struct vp_catalogue_release *release;
    const struct vp_catalogue_module *row;
    size_t size;
    struct vp_module module;       /**< its header and sums */
    struct MHD_Response *response; /**< all of it, as a file */
    struct http_image *prev, *next;
};

/** @return a module of a release, valid until the next call; NULL if out of memory */
const struct http_image *http_get_image(struct vp_cloud_server *server,
                                        const struct vp_catalogue_release *release,
                                        const struct vp_catalogue_module *row);

void http_images_free(struct vp_cloud_server *server);

#endif
