/* Where the bytes of a release's modules come from. */
#include <stdio.h>
#include <stdlib.h>

#include "cloud/http/device_os.h"
#include "vparticle/forge.h"

enum { IMAGE_LIMIT = 1 << 20 };

/** @return 0 with all of a file, or an error */
static int read_file(const char *path, uint8_t **bytes, size_t *size)
{
    FILE *file = fopen(path, "rbe");
    uint8_t *all = file ? malloc(IMAGE_LIMIT) : NULL;
    const size_t length = all ? fread(all, 1, IMAGE_LIMIT, file) : 0;
    const bool whole = all && length > 0 && !ferror(file) && feof(file);
    if (file) {
        fclose(file);
    }
    if (!whole) {
        free(all);
        return VP_ERROR_NOT_FOUND;
    }
    *bytes = all;
    *size = length;
    return 0;
}

/** Is it what the catalogue says it is? */
static bool fits(const struct vp_catalogue_module *row, const uint8_t *bytes, size_t size)
{
    struct vp_module module;
    struct vp_failure failure;
    return vp_module_parse(bytes, size, &module, &failure) == 0 &&
           module.platform == (uint16_t)row->platform && module.function == row->function &&
           module.index == row->index && module.version == row->version &&
           vp_module_integrity(bytes, size, &module) & VP_CHECK_INTEGRITY;
}

int http_load_module(const struct vp_cloud_server *server,
                     const struct vp_catalogue_release *release,
                     const struct vp_catalogue_module *module, uint8_t **bytes, size_t *size)
{
    char path[4096];
    const char *images = server->options.images;
    if (images &&
        (size_t)snprintf(path, sizeof path, "%s/%s/%s-%s-%s.bin", images, release->name,
                         vp_platform_name(module->platform), module->part,
                         release->name) < sizeof path &&
        read_file(path, bytes, size) == 0) {
        if (fits(module, *bytes, *size)) {
            return 0;
        }
        free(*bytes);
    }
    return vp_forge_catalogue_module(module, bytes, size);
}

int http_find_module(void *server, const struct vp_catalogue_module *module, uint8_t **bytes,
                     size_t *size)
{
    const struct vp_catalogue_release *release =
        vp_catalogue_find_release(module->platform, module->release);
    return release ? http_load_module(server, release, module, bytes, size) : VP_ERROR_NOT_FOUND;
}
