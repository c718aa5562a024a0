/** @file build.h  What was compiled: kept until newer builds take its place. */
#ifndef CLOUD_HTTP_BUILD_H
#define CLOUD_HTTP_BUILD_H

#include "cloud/http/http.h"

enum { HTTP_BUILD_LIMIT = 64, HTTP_BUILD_ID_SIZE = 24 };

struct http_build {
    char id[HTTP_BUILD_ID_SIZE + 1];
    const struct vp_cloud_account *account; /**< only it may have it */
    uint8_t *bytes;
    size_t size;
    struct http_build *prev, *next;
};

void http_builds_free(struct vp_cloud_server *server);

#endif
