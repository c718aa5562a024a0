#include "cloud/http/build.h"

#include <stdlib.h>
#include <utlist.h>

static void free_build(struct vp_cloud_server *server, struct http_build *build)
{
    DL_DELETE(server->builds, build);
    server->build_count--;
    free(build->bytes);
    free(build);
}

void http_builds_free(struct vp_cloud_server *server)
{
    while (server->builds) {
        free_build(server, server->builds);
    }
}
