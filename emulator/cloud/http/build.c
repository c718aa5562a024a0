/* Compiled applications: POST /v1/binaries makes one, GET /v1/binaries/ID gives it away. */
#include "cloud/http/build.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "cloud/http/compile.h"
#include "cloud/http/route.h"
#include "cloud/http/targets.h"
#include "vparticle/module.h"

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

/** @param bytes  become the build's, also if it fails */
static struct http_build *keep(struct http_request *request, uint8_t *bytes, size_t size)
{
    struct vp_cloud_server *server = request->server;
    unsigned char random[HTTP_BUILD_ID_SIZE / 2];
    struct http_build *build = calloc(1, sizeof *build);
    if (!build || RAND_bytes(random, sizeof random) != 1) {
        free(build);
        free(bytes);
        return NULL;
    }
    for (unsigned i = 0; i < sizeof random; i++) {
        snprintf(build->id + 2 * (size_t)i, 3, "%02x", random[i]);
    }
    build->account = request->account;
    build->bytes = bytes;
    build->size = size;
    if (server->build_count == HTTP_BUILD_LIMIT) {
        free_build(server, server->builds->prev); /* the oldest */
    }
    DL_PREPEND(server->builds, build);
    server->build_count++;
    return build;
}

/**
 * What size(1) would say: the CLIs read text, data and bss of it. Data and bss are those of an
 * application that does nothing (Assumption).
 */
static json_t *size_info(size_t size)
{
    const unsigned data = 112, bss = 1444;
    const unsigned text = (unsigned)size - data;
    const unsigned sum = text + data + bss;
    return json_sprintf("   text\t   data\t    bss\t    dec\t    hex\tfilename\n"
                        "%7u\t%7u\t%7u\t%7u\t%7x\t/workspace/target/workspace.elf\n",
                        text, data, bss, sum, sum);
}

void http_binary_create(struct http_request *request)
{
    enum vp_platform platform;
    uint8_t *bytes;
    size_t size;
    if (!http_read_platform(request, "platform_id", &platform)) {
        http_refuse(request, MHD_HTTP_BAD_REQUEST, "invalid_request",
                    "platform_id has to be 6 (photon), 8 (p1) or 10 (electron)");
        return;
    }
    if (!http_compile(request, platform, &bytes, &size)) {
        return;
    }
    const struct http_build *build = keep(request, bytes, size);
    if (!build) {
        http_answer(request, MHD_HTTP_INTERNAL_SERVER_ERROR, NULL);
        return;
    }
    http_answer(request, MHD_HTTP_OK,
                json_pack("{s:b, s:s, s:o, s:o, s:o}", "ok", 1, "binary_id", build->id,
                          "binary_url", json_sprintf("/v1/binaries/%s", build->id), "expires_at",
                          json_null(), "sizeInfo", size_info(size)));
}

void http_binary_get(struct http_request *request)
{
    const char *id = http_argument(request, "binary");
    const struct http_build *build;
    DL_FOREACH(request->server->builds, build)
    {
        if (build->account == request->account && strcmp(build->id, id) == 0) {
            break;
        }
    }
    uint8_t *copy = build ? malloc(build->size) : NULL;
    if (!build) {
        http_refuse(request, MHD_HTTP_NOT_FOUND, "Not found",
                    "there is no such binary among yours; the newest %d of all are kept",
                    HTTP_BUILD_LIMIT);
        return;
    }
    if (!copy) {
        http_answer(request, MHD_HTTP_INTERNAL_SERVER_ERROR, NULL);
        return;
    }
    memcpy(copy, build->bytes, build->size);
    http_answer_bytes(request, "application/octet-stream", copy, build->size);
}
