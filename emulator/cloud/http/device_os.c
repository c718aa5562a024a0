/* Device OS: its versions, and their files. */
#include "cloud/http/device_os.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cloud/http/image_cache.h"
#include "cloud/http/route.h"
#include "cloud/http/targets.h"

enum { MODULES_MOST = 8, FILE_NAME_SIZE = 96 };

/** The modules that particle-cli flashes for a release, the bootloader first. */
struct module_list {
    const struct vp_catalogue_module *modules[MODULES_MOST];
    unsigned count;
};

/* Assumption: a bootloader belongs to the files of a release if it was published beside the parts,
 * and not if the system firmware installs it. */
static struct module_list modules_of(const struct vp_catalogue_release *release)
{
    struct module_list list = {0};
    if (release->bootloader_origin == VP_BOOTLOADER_SHIPPED) {
        list.modules[list.count++] =
            vp_catalogue_bootloader(release->platform, release->bootloader);
    }
    for (unsigned i = 0; i < release->module_count && list.count < MODULES_MOST - 1; i++) {
        if (release->modules[i].function == VP_MODULE_SYSTEM) {
            list.modules[list.count++] = &release->modules[i];
        }
    }
    list.modules[list.count++] = vp_catalogue_tinker(release);
    return list;
}

static void file_name(const struct vp_catalogue_release *release,
                      const struct vp_catalogue_module *module, char name[FILE_NAME_SIZE])
{
    snprintf(name, FILE_NAME_SIZE, "%s-%s@%s.bin", vp_platform_name(release->platform),
             module->part, release->name);
}

/* ---- One version ----------------------------------------------------------------------- */

/** In binary-version-reader's words. */
static const char *function_word(uint8_t function)
{
    switch (function) {
    case VP_MODULE_BOOTLOADER:
        return "bootloader";
    case VP_MODULE_SYSTEM:
        return "system_part";
    case VP_MODULE_USER:
        return "user_part";
    default:
        return "none";
    }
}

static json_t *describe_prefix(const struct vp_module *module)
{
    const struct vp_module_dependency *first = &module->dependencies[0];
    const struct vp_module_dependency *second = &module->dependencies[1];
    return json_pack("{s:o, s:o, s:i, s:i, s:i, s:s, s:i, s:s, s:i, s:i, s:s, s:i, s:i}",
                     "moduleStartAddy", json_sprintf("%x", module->start), "moduleEndAddy",
                     json_sprintf("%x", module->end), "moduleFlags", module->flags, "moduleVersion",
                     module->version, "platformID", module->platform, "moduleFunction",
                     function_word(module->function), "moduleIndex", module->index,
                     "depModuleFunction", function_word(first->function), "depModuleIndex",
                     first->index, "depModuleVersion", first->version, "dep2ModuleFunction",
                     function_word(second->function), "dep2ModuleIndex", second->index,
                     "dep2ModuleVersion", second->version);
}

/** @return NULL if out of memory */
static json_t *describe_module(struct vp_cloud_server *server,
                               const struct vp_catalogue_release *release,
                               const struct vp_catalogue_module *row)
{
    const struct http_image *image = http_get_image(server, release, row);
    char name[FILE_NAME_SIZE], crc[16];
    if (!image) {
        return NULL;
    }
    file_name(release, row, name);
    snprintf(crc, sizeof crc, "%08x", image->module.crc);
    return json_pack("{s:s, s:I, s:o, s:{s:b, s:s, s:s}}", "filename", name, "size",
                     (json_int_t)image->size, "prefixInfo", describe_prefix(&image->module), "crc",
                     "ok", 1, "storedCrc", crc, "actualCrc", crc);
}

static json_t *describe_release(const struct vp_catalogue_release *release)
{
    return json_pack("{s:s, s:i, s:s, s:[i]}", "version", release->name, "internal_version",
                     release->version, "release_state",
                     http_is_prerelease(release->name) ? "preview" : "ga", "platforms",
                     (int)release->platform);
}

/** Where the client found us, if it says so in a sane way. */
static const char *host_of(const struct http_request *request)
{
    const char *host =
        MHD_lookup_connection_value(request->mhd, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST);
    static const char fine[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]";
    return host && *host && strlen(host) < 256 && host[strspn(host, fine)] == '\0'
               ? host
               : request->server->address;
}

static const struct vp_catalogue_release *find_release(enum vp_platform platform, const char *name)
{
    char *end;
    if (strcmp(name, "latest") == 0) {
        return http_newest_target(platform);
    }
    const struct vp_catalogue_release *release = vp_catalogue_find_release(platform, name);
    const unsigned long number = strtoul(name, &end, 10);
    if (!release && *end == '\0' && number > 0 && number <= UINT16_MAX) {
        release = vp_catalogue_release_by_version(platform, (uint16_t)number);
    }
    return release;
}

static bool read_platform(struct http_request *request, enum vp_platform *platform)
{
    if (http_read_platform(request, "platform_id", platform)) {
        return true;
    }
    http_refuse(request, MHD_HTTP_BAD_REQUEST, "invalid_request",
                "platform_id has to be 6 (photon), 8 (p1) or 10 (electron)");
    return false;
}

void http_device_os_version(struct http_request *request)
{
    enum vp_platform platform;
    const char *name = http_argument(request, "version");
    if (!read_platform(request, &platform)) {
        return;
    }
    const struct vp_catalogue_release *release = find_release(platform, name);
    if (!release) {
        http_refuse(request, MHD_HTTP_NOT_FOUND, "Not found",
                    "there is no Device OS %s for platform %d; the nearest is %s", name,
                    (int)platform, vp_catalogue_nearest_release(platform, name));
        return;
    }
    const struct module_list list = modules_of(release);
    json_t *modules = json_array();
    for (unsigned i = 0; i < list.count; i++) {
        json_array_append_new(modules, describe_module(request->server, release, list.modules[i]));
    }
    json_t *answer = describe_release(release);
    json_object_set_new(answer, "base_url",
                        json_sprintf("http://%s/device-os/%s/%s", host_of(request), release->name,
                                     vp_platform_name(platform)));
    json_object_set_new(answer, "modules", modules);
    http_answer(request, MHD_HTTP_OK, answer);
}

/* ---- All versions, and files -------------------------------------------------------------- */

/** The newest first. All in one page whatever is asked for: particle-cli 3.51 looks only at the
 * first. */
void http_device_os_versions(struct http_request *request)
{
    enum vp_platform platform;
    unsigned count;
    if (!read_platform(request, &platform)) {
        return;
    }
    const struct vp_catalogue_release *releases = vp_catalogue_releases(platform, &count);
    json_t *list = json_array();
    while (count-- > 0) {
        if (http_is_target(&releases[count])) {
            json_array_append_new(list, describe_release(&releases[count]));
        }
    }
    http_answer(request, MHD_HTTP_OK,
                json_pack("{s:o, s:{s:i}}", "versions", list, "meta", "total_pages", 1));
}

static const struct vp_catalogue_module *find_file(const struct vp_catalogue_release *release,
                                                   const char *wanted)
{
    const struct module_list list = modules_of(release);
    for (unsigned i = 0; i < list.count; i++) {
        char name[FILE_NAME_SIZE];
        file_name(release, list.modules[i], name);
        if (strcmp(name, wanted) == 0) {
            return list.modules[i];
        }
    }
    return NULL;
}

void http_device_os_file(struct http_request *request)
{
    enum vp_platform platform;
    const struct vp_catalogue_release *release = NULL;
    const struct vp_catalogue_module *module = NULL;
    if (vp_platform_from_name(http_argument(request, "platform"), &platform) == 0) {
        release = vp_catalogue_find_release(platform, http_argument(request, "version"));
    }
    if (release) {
        module = find_file(release, http_argument(request, "file"));
    }
    if (!module) {
        http_refuse(request, MHD_HTTP_NOT_FOUND, "Not found",
                    "there is no such file; GET /v1/device-os/versions/{version} names those of a "
                    "version");
        return;
    }
    const struct http_image *image = http_get_image(request->server, release, module);
    if (!image) {
        http_answer(request, MHD_HTTP_INTERNAL_SERVER_ERROR, NULL);
        return;
    }
    http_answer_shared(request, image->response);
}
